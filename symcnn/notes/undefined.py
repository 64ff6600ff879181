"""Names of a claim that the notes do not define, and those that stand for a neighbour with another label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes.claims import Piece
from symcnn.notes.name_parts import letters_of, names_in
from symcnn.notes.names import read_name
from symcnn.notes.operations import known_function
from symcnn.notes.tree import BigOperator, Node, Script, Symbol
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import walk
from symcnn.notes.world import World

if TYPE_CHECKING:
    from symcnn.notes.attempts import Attempt
    from symcnn.notes.equation import Equations

# fmt: off
GREEK = frozenset(
    {
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
        "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
    }
)
CONSTANTS = frozenset(
    {
        "e", "pi", "I", "alpha", "lambda", "eta", "epsilon", "infty", "T", "top", "bb 1", "bf 1",
        "bf 0",
    }
)
# fmt: on
"""Names that need no definition."""


def introduced(name: str, piece: Piece, equations: Equations) -> bool:
    """Whether a name stands alone in the running text before a piece, or is a word, whose meaning is prose."""
    if len(name.split("_")[0].split()[-1]) > 2 and name.isascii() and name.split("_")[0].islower():
        return name.split("_")[0] not in GREEK
    for other in equations.pieces[: piece.order]:
        if other.right is None and other.left is not None and other.formula is not piece.formula:
            ref = read_name(other.left, equations.bench.facts.habits)
            if ref is not None and ref.key == name and ref.indices is None and not other.formula.display:
                return True
    return False


def shapes_known(piece: Piece, left: Node, equations: Equations) -> bool:
    """Whether the notes pin down the shapes of all names of a claim, so that a mismatch refutes it."""
    assert piece.right is not None
    world = equations.bench.world(piece.order)
    for side in (left, piece.right):
        for node in walk(side):
            ref = read_name(node, world.facts.habits) if isinstance(node, Symbol | Script) else None
            if ref is None or ref.indices is not None:
                continue
            key = world.facts.resolve(ref.key)
            many = ref.member is not None or (len(key) == 1 and key.isupper())
            if many and key not in world.kinds and key not in world.definitions and not world.is_size(key):
                return False
    return True


def is_tied(piece: Piece, left: Node, equations: Equations) -> bool:
    """Whether a definition of the notes makes or reads any name of a claim; if none does, nothing can speak against it."""
    assert piece.right is not None
    world = equations.bench.world(piece.order)
    read = _read_names(world) | set(world.definitions)
    keys = {_key(node, world) for side in (left, piece.right) for node in names_in(side)}
    return bool(keys & read)


def undefined_names(piece: Piece, left: Node, equations: Equations) -> frozenset[str]:
    """Names of a claim that no definition reads or makes, that have no shape and are no index or size."""
    assert piece.right is not None
    every = [(name, rule.order) for name, rules in equations.bench.facts.functions.items() for rule in rules]
    world = equations.bench.world(piece.order, functions=frozenset(f for f in every if f[1] < piece.order))
    known = _connected_names(world, equations, piece) | _index_names(left) | _index_names(piece.right)
    found: set[str] = set()
    sides = [{_key(n, world) for n in names_in(side)} for side in (left, piece.right)]
    known |= {key for key in sides[0] & sides[1] if key is not None}
    for side in (left, piece.right):
        for node in names_in(side):
            ref = read_name(node, world.facts.habits)
            if ref is None or ref.layer is not None or ref.indices is not None:
                continue
            key = world.facts.resolve(ref.key)
            if key in known or world.is_size(key) or key in world.facts.losses or key in world.settings:
                continue
            if key in CONSTANTS:
                continue
            if known_function(key) or key in world.facts.applied or key in world.facts.functions:
                continue
            found.add(key)
    return frozenset(found)


def _key(node: Node, world: World) -> str | None:
    ref = read_name(node, world.facts.habits)
    return None if ref is None else world.facts.resolve(ref.key)


def _index_names(node: Node) -> set[str]:
    """Letters that stand in scripts or under sums."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, Script):
            for script in (part.sub, part.sup):
                found |= set(letters_of(script)) if script is not None else set()
        elif isinstance(part, BigOperator) and part.lower is not None:
            found |= set(letters_of(part.lower))
    return found


def _connected_names(world: World, equations: Equations, piece: Piece) -> set[str]:
    known = set(world.definitions) | set(world.facts.shapes) | set(world.kinds)
    for definitions in world.definitions.values():
        for definition in definitions:
            for node in names_in(definition.body):
                ref = read_name(node, world.facts.habits)
                if ref is not None:
                    known.add(world.facts.resolve(ref.key))
    for rule in world.functions.values():
        refs = [read_name(node, world.facts.habits) for node in names_in(rule.body)]
        known |= {world.facts.resolve(ref.key) for ref in refs if ref is not None}
    for name in ("l", "ell", "L"):
        if world.facts.habits.layered or world.facts.layers:
            known.add(name)
    return known


def renamed(piece: Piece, left: Node, attempt: Attempt, equations: Equations) -> Verdict | None:
    """The claim with a name that plays no part read as its neighbour with another label."""
    assert piece.right is not None
    world = equations.bench.world(piece.order, settings=attempt.settings, reading=attempt.reading)
    read = _read_names(world)
    names: list[str] = []
    for side in (left, piece.right):
        for node in names_in(side):
            ref = read_name(node, world.facts.habits)
            if ref is not None:
                key = world.facts.resolve(ref.key)
                if key not in names:
                    names.append(key)
    for key in names:
        if key in read or key in world.definitions or key in world.facts.losses or world.is_size(key):
            continue
        base = key.split("_")[0]
        others = [o for o in sorted(read | set(world.definitions)) if o.split("_")[0] == base and o != key]
        others = [o for o in others if "_" in o]
        good = []
        for other in others:
            result = equations.run(piece, left, piece.right, replace(attempt, renamed={key: other}))
            if result.proved:
                good.append(other)
        if len(good) == 1:
            return Verdict(
                Kind.HOLDS_IF,
                proof="symbolically, entry by entry at small sizes",
                assumption=f"{key} stands for {good[0]}",
            )
    return None


def _read_names(world: World) -> set[str]:
    found: set[str] = set()
    for definitions in world.definitions.values():
        for definition in definitions:
            for node in names_in(definition.body):
                ref = read_name(node, world.facts.habits)
                if ref is not None:
                    found.add(world.facts.resolve(ref.key))
    return found
