"""What entries and whole tensors are by the definitions in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import ShapeError, SymcnnError
from symcnn.notes.entries import array_place, lows_of
from symcnn.notes.facts import Definition
from symcnn.notes.families import ALONE, Family, Mismatch, Unreadable
from symcnn.notes.name_parts import letter, letters_of
from symcnn.notes.operations import Array
from symcnn.notes.tree import Node

if TYPE_CHECKING:
    from symcnn.notes.world import World


def whole_definition(world: World, family: Family) -> tuple[Definition, dict[str, int]] | None:
    for definition in world.definitions.get(family.key, ()):
        if definition.indices is None and not definition.display:
            env = speaking_of(world, definition, family)
            if env is not None:
                return definition, env
    return None


def speaking_of(world: World, definition: Definition, family: Family) -> dict[str, int] | None:
    """The environment in which a definition speaks of a family, None where it does not."""
    for env in world.layer_instances(definition):
        if definition.sample is not None:
            names = letters_of(definition.sample)
            if names:
                env = env | {names[0]: family.sample}
        for counted in _counts(world, definition, family, env):
            if world.target(definition, env | counted) == family:
                return env | counted
    return None


def _counts(
    world: World, definition: Definition, family: Family, env: dict[str, int]
) -> list[dict[str, int]]:
    """Numbers for the letter under a definition of many tensors that may give the family's own number."""
    names = [n for n in letters_of(definition.member) if not world.is_size(n)] if definition.member else []
    if not names or (definition.member is None) != (family.member == ALONE):
        return [{}]
    if letter(definition.member) == names[0]:  # type: ignore[arg-type]
        return [{names[0]: family.member}] if family.member in world.members(family) else []
    return [{names[0]: number} for number in world.members(family)]


def whole_value(world: World, definition: Definition, env: dict[str, int]) -> Array:
    """The value of a definition of a whole tensor."""
    counted = letters_of(definition.member) if definition.member is not None else []
    key = (
        definition.order,
        definition.key,
        env.get("l", -1),
        env.get("L", -1),
        *(env.get(n, ALONE) for n in counted),
    )
    if key not in world.wholes:
        if ("whole", key) in world.busy:
            raise Unreadable(f"{definition.key} is defined by itself")
        world.busy.add(("whole", key))
        try:
            world.wholes[key] = world.evaluator(world, env).value(definition.body)
        except (Mismatch, ShapeError) as error:
            raise Unreadable(
                f"the definition of {definition.key} in line {definition.line}: {error}"
            ) from error
        finally:
            world.busy.discard(("whole", key))
    return world.wholes[key]


def defined_value(world: World, symbol: sp.Symbol) -> sp.Expr | None:
    """What an entry is defined as, in the symbols of other entries; None for one that is given."""
    if symbol not in world.known_values:
        world.known_values[symbol] = None
        if symbol in world.origin:
            try:
                world.known_values[symbol] = _defined(world, *world.origin[symbol])
            except SymcnnError:
                world.opaque.add(symbol)
    return world.known_values[symbol]


def _defined(world: World, family: Family, indices: tuple[int, ...]) -> sp.Expr | None:
    for definition in world.definitions.get(family.key, ()):
        if definition.display:
            continue
        env = speaking_of(world, definition, family)
        if env is None:
            continue
        if definition.indices is None:
            whole = whole_value(world, definition, env)
            lows = lows_of(world, family)
            place = tuple(i - low for i, low in zip(indices, lows, strict=False))
            place = array_place(world, family, place)
            if whole.ndim == 0 or len(place) != whole.ndim:
                return whole.flat[0] if whole.size == 1 else None
            value = whole[place]
            return None if value == world.symbol(family, indices) else value
        bound = _bind(world, definition.indices, indices, env)
        if bound is not None:
            return world.evaluator(world, env | bound).scalar(definition.body)
    if family.key in world.facts.normalised and family.key not in world.definitions:
        return _rest_of_one(world, family, indices)
    return None


def _rest_of_one(world: World, family: Family, indices: tuple[int, ...]) -> sp.Expr | None:
    """The last entry of a vector whose entries add up to one, or of such a row or column: what the others leave."""
    rank = world.rank(family.key)
    if len(indices) != rank or rank not in (1, 2):
        return None
    along = 1 if rank == 2 and world.facts.cues.rows else 0
    shape = world.shape(family)
    low, size = lows_of(world, family)[along], max(shape) if rank == 1 else shape[along]
    if indices[along] != low + size - 1:
        return None
    others = ((*indices[:along], low + k, *indices[along + 1 :]) for k in range(size - 1))
    return sp.Integer(1) - sp.Add(*(world.symbol(family, other) for other in others))


def _bind(
    world: World, written: tuple[Node, ...], indices: tuple[int, ...], env: dict[str, int]
) -> dict[str, int] | None:
    """The values of the index letters for which a definition speaks of an entry."""
    if len(written) != len(indices):
        return None
    bound: dict[str, int] = {}
    for node, index in zip(written, indices, strict=True):
        name = letter(node)
        if name is not None and (name in world.facts.bound or not world.is_size(name)):
            if bound.setdefault(name, index) != index:
                return None
        elif world.integer(node, env | bound) != index:
            return None
    return bound


def defined_families(world: World) -> Iterator[Family]:
    """Every tensor that a definition in force gives a value, at the layers looked at."""
    for key in sorted(world.definitions):
        seen: set[Family] = set()
        for definition in world.definitions[key]:
            if definition.display or definition.sample is not None:
                continue
            for env in world.layer_instances(definition):
                for counted in _every_count(world, definition, env):
                    family = world.target(definition, env | counted)
                    if family is not None and family not in seen:
                        seen.add(family)
                        yield family


def _every_count(world: World, definition: Definition, env: dict[str, int]) -> list[dict[str, int]]:
    """Numbers for the letter under a definition of many tensors, one dictionary for each tensor."""
    names = [n for n in letters_of(definition.member) if not world.is_size(n)] if definition.member else []
    family = world.target(definition, env)
    if not names or family is None:
        return [{}]
    return [{names[0]: number} for number in world.members(family)]


def expanded(world: World, expr: sp.Expr, stop: frozenset[sp.Symbol] = frozenset()) -> sp.Expr:
    """An expression with all definitions put in. Raises Unreadable on definitions that go round."""
    for _ in range(40):
        table = {}
        for symbol in expr.free_symbols:
            if symbol not in stop:
                value = defined_value(world, symbol)
                if value is not None:
                    table[symbol] = value
        if not table:
            return expr
        expr = expr.xreplace(table)
        if expr.count_ops() > 40000:
            raise Unreadable("the expression with all definitions put in is too large")
    raise Unreadable("the definitions go round in a circle")
