"""The index letters of a formula that nothing in it binds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symcnn.notes.arguments import arguments_of, function_name
from symcnn.notes.name_parts import letter, letters_of
from symcnn.notes.names import Ref, read_name
from symcnn.notes.operations import operation_name
from symcnn.notes.tree import (
    BigOperator,
    Call,
    CallOrProduct,
    Chain,
    Fraction,
    Juxtapose,
    Node,
    Number,
    Product,
    Script,
    Symbol,
)
from symcnn.notes.walking import children, walk

if TYPE_CHECKING:
    from symcnn.notes.world import World


def free_letters(node: Node, world: World, env: Mapping[str, object]) -> list[str]:
    """Letters in subscripts, in layer superscripts and as index arguments, not bound by a sum and not in `env`."""
    found: list[str] = []
    _collect(node, world, frozenset(env), found)
    return found


def _collect(node: Node, world: World, bound: frozenset[str], found: list[str]) -> None:
    if isinstance(node, BigOperator):
        inside = bound | frozenset(bound_letters(node))
        for child in children(node):
            _collect(child, world, inside, found)
        return
    if isinstance(node, Call) and operation_name(function_name(node.function)) in ("sum", "mean", "avg"):
        return
    ref = read_name(node, world.facts.habits) if isinstance(node, Script | Symbol) else None
    if ref is not None and (isinstance(node, Script) or ref.member is not None):
        for name in _letters(ref, world):
            if name not in bound and name not in found:
                found.append(name)
        if ref.power is not None:
            _collect(ref.power, world, bound, found)
        return
    entry = isinstance(node, CallOrProduct) and world.is_entry_call(node.head)
    for index in _indices(node, entry):
        names = [name for name in letters_of(index) if name not in bound and not _fixed(name, world)]
        found.extend(name for name in names if name not in found)
    if entry:
        return
    for child in children(node):
        _collect(child, world, bound, found)


def _indices(node: Node, entry: bool) -> list[Node]:
    """The arguments of an entry written as a call, or the subscript of something that is no name."""
    if entry and isinstance(node, CallOrProduct):
        return list(arguments_of(node.group))
    return [node.sub] if isinstance(node, Script) and node.sub is not None else []


def _letters(ref: Ref, world: World) -> list[str]:
    letters: list[str] = []
    for index in () if ref.key in world.facts.habits.classes else ref.indices or ():
        inner_name = read_name(index, world.facts.habits) if isinstance(index, Script) else None
        if inner_name is not None and inner_name.key in world.facts.habits.classes:
            continue
        for name in letters_of(index):
            if not _fixed(name, world) or _stands_in(name, ref, world):
                letters.append(name)
        for part in walk(index):
            inner = read_name(part, world.facts.habits) if isinstance(part, Script) else None
            if inner is not None and inner.indices:
                letters.extend(_letters(inner, world))
    if ref.member is not None and ref.key not in world.facts.habits.classes:
        letters.extend(name for name in letters_of(ref.member) if not _fixed(name, world))
    if ref.sample is not None:
        letters.extend(name for name in letters_of(ref.sample) if not _fixed(name, world))
    return letters


def _stands_in(name: str, ref: Ref, world: World) -> bool:
    """Whether the name of a size is an index here: the k of W_{jk}, where j is no size."""
    items = [letter(index) for index in ref.indices or ()]
    others = [item for item in items if item is not None and not _fixed(item, world)]
    counts = bool(others) or name in world.facts.bound
    return name.islower() and name in items and counts and name not in world.settings


def _fixed(name: str, world: World) -> bool:
    return name in world.facts.sizes or name in world.settings or name in world.definitions


def means(node: Node) -> list[tuple[Node, str]]:
    """For each mean, 1/N times a sum over i that has no bounds, the N and the i."""
    found: list[tuple[Node, str]] = []
    for part in walk(node):
        factors = (
            part.parts if isinstance(part, Juxtapose) else part.factors if isinstance(part, Product) else ()
        )
        for first, second in itertools.pairwise(factors):
            if isinstance(first, Fraction) and isinstance(first.numerator, Number) and _is_sum(second):
                assert isinstance(second, BigOperator)
                assert second.lower is not None
                name = letter(second.lower)
                if isinstance(first.denominator, Symbol) and name is not None:
                    found.append((first.denominator, name))
    return found


def _is_sum(node: Node) -> bool:
    return (
        isinstance(node, BigOperator) and node.name == "sum" and node.upper is None and node.lower is not None
    )


def bound_letters(node: BigOperator) -> list[str]:
    """The letters that a sum runs over."""
    names: list[str] = []
    for part in walk(node.lower) if node.lower is not None else ():
        if isinstance(part, Chain):
            for side in part.sides[:2] if len(part.sides) == 3 else part.sides[:1]:
                names.extend(letters_of(side))
    if node.lower is not None and not names:
        names = letters_of(node.lower)
    if letter(node.lower) if node.lower is not None else None:
        names = [letter(node.lower) or ""]  # type: ignore[arg-type]
    return names
