"""The values that the letters under a sum run through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.core.errors import SymcnnError
from symcnn.notes.families import Unreadable
from symcnn.notes.lists import joined
from symcnn.notes.name_parts import letter, letters_of
from symcnn.notes.names import read_name
from symcnn.notes.tree import (
    BigOperator,
    CallOrProduct,
    Chain,
    Empty,
    Group,
    Juxtapose,
    Node,
    Product,
    Script,
    Sequence,
    Stack,
)
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator

LARGEST_SUM = 2000


def assignments(evaluator: Evaluator, node: BigOperator) -> Iterator[dict[str, int]]:
    """Each assignment of numbers to the letters under a sum. Raises Unreadable where nothing says a range."""
    letters: list[str] = []
    ranges: list[range] = []
    conditions: list[Node] = []
    for part in _parts(node.lower):
        for name, values in _ranges(evaluator, part, node, conditions):
            letters.append(name)
            ranges.append(values)
    deltas = _deltas(evaluator, node.body) if node.name == "sum" else []
    for count, found in enumerate(_restricted(evaluator, list(zip(letters, ranges, strict=True)), deltas)):
        if count == LARGEST_SUM:
            raise Unreadable(f"a sum of more than {LARGEST_SUM} terms is above the limit")
        inner = evaluator.within(found)
        if all(inner.truth(condition) == 1 for condition in conditions):
            yield found


def _restricted(
    evaluator: Evaluator, ranges: list[tuple[str, range]], deltas: list[tuple[Node, Node]]
) -> Iterator[dict[str, int]]:
    """The assignments at which no Kronecker delta of the body is zero."""
    open_letters = {name for name, _ in ranges}

    def extended(found: dict[str, int]) -> Iterator[dict[str, int]]:
        if len(found) == len(ranges):
            yield found
            return
        name, values = ranges[len(found)]
        waiting = open_letters - {*found, name}
        due = [pair for pair in deltas if name in _letters(pair) and not waiting & _letters(pair)]
        for number in values:
            now = {**found, name: number}
            if all(_agree(evaluator, pair, now) for pair in due):
                yield from extended(now)

    yield from extended({})


def _letters(pair: tuple[Node, Node]) -> set[str]:
    return {*letters_of(pair[0]), *letters_of(pair[1])}


def _agree(evaluator: Evaluator, pair: tuple[Node, Node], found: dict[str, int]) -> bool:
    """Whether a delta is 1; where its indices are no whole numbers it is left to the body."""
    env = {**evaluator.env, **found}
    try:
        first, second = (evaluator.world.integer(side, env) for side in pair)
    except SymcnnError:
        return True
    return first == second


def _deltas(evaluator: Evaluator, body: Node | None) -> list[tuple[Node, Node]]:
    """The pairs of indices of the Kronecker deltas that are factors of a body."""
    match body:
        case Juxtapose(parts=parts):
            return [pair for part in parts for pair in _deltas(evaluator, part)]
        case Product(factors=factors, operators=operators) if all(o.name != "/" for o in operators):
            return [pair for part in factors for pair in _deltas(evaluator, part)]
        case Script():
            ref = read_name(body, evaluator.world.facts.habits)
            if ref is None or ref.key != "delta" or ref.key in evaluator.world.definitions:
                return []
            if len(pair := ref.indices or ()) == 2 and ref.layer is None and ref.power is None:
                return [(pair[0], pair[1])]
    return []


def _parts(lower: Node | None) -> list[Node]:
    match lower:
        case None | Empty():
            raise Unreadable("a sum that does not say what it runs over")
        case Stack(rows=rows):
            return [part for row in rows for part in _parts(row)]
        case Group(body=body):
            return _parts(body)
        case Sequence() if (one := joined(lower)) is not lower:
            return _parts(one)
        case Sequence(items=items):
            return [part for item in items for part in _parts(item)]
        case Juxtapose(parts=parts) if all(letter(part) for part in parts):
            return list(parts)
    return [lower]


def _ranges(
    evaluator: Evaluator, part: Node, node: BigOperator, conditions: list[Node]
) -> list[tuple[str, range]]:
    name = letter(part)
    if name is not None:
        if node.upper is not None:
            return [(name, range(1, evaluator.world.integer(node.upper, evaluator.env) + 1))]
        return [(name, letter_range(evaluator, name, node.body))]
    match part:
        case Chain(sides=(first, start), relations=(relation,)) if relation.name == "=":
            name = letter(first)
            if name is not None and node.upper is not None:
                low = evaluator.world.integer(start, evaluator.env)
                high = evaluator.world.integer(node.upper, evaluator.env)
                if high < low and not _reads_letters(evaluator, start, node.upper):
                    raise Unreadable("at the small sizes taken here a sum of the notes is empty")
                return [(name, range(low, high + 1))]
            if name is not None:
                return [(name, letter_range(evaluator, name, node.body))]
        case Chain(sides=(first, _), relations=(relation,)) if relation.name in ("!=", "<", ">", "<=", ">="):
            name = letter(first)
            if name is not None:
                conditions.append(part)
                return [(name, letter_range(evaluator, name, node.body))]
        case Chain(sides=(low, middle, high), relations=(first_sign, second_sign)):
            return _between(evaluator, low, first_sign.name, middle, second_sign.name, high)
        case Chain(sides=(first, _), relations=(relation,)) if relation.name == "in":
            names = [letter(item) for item in _parts(first)]
            return [(name, letter_range(evaluator, name, node.body)) for name in names if name is not None]
    raise Unreadable("a sum whose range cannot be read")


def _reads_letters(evaluator: Evaluator, *bounds: Node) -> bool:
    """Whether the bounds of a sum change with an index, so that it may be empty at some places."""
    return any(name in evaluator.env for bound in bounds for name in letters_of(bound))


def _between(
    evaluator: Evaluator, low: Node, first: str, middle: Node, second: str, high: Node
) -> list[tuple[str, range]]:
    start = evaluator.world.integer(low, evaluator.env) + (first == "<")
    stop = evaluator.world.integer(high, evaluator.env) + (second == "<=")
    names = [letter(item) for item in _parts(middle)]
    return [(name, range(start, stop)) for name in names if name is not None]


def letter_range(evaluator: Evaluator, name: str, body: Node | None) -> range:
    """The range of a letter from the axes that it indexes in `body`, else from what the notes say of it."""
    world = evaluator.world
    habits = world.facts.habits
    for found in walk(body) if body is not None else ():
        ref = read_name(found, habits)
        if isinstance(found, CallOrProduct) and world.is_entry_call(found.head):
            continue
        if ref is None:
            continue
        if ref.member is not None and letter(ref.member) == name:
            family = world.family(replace(ref, member=None), evaluator.env)
            if family is not None:
                return world.members(family)
        if ref.indices is None or (ref.key == "delta" and ref.key not in world.definitions):
            continue
        for position, index in enumerate(ref.indices):
            if letter(index) == name and name not in _inner_letters(found, ref.indices, position):
                family = world.family(ref, evaluator.env)
                if family is not None and world.rank(family.key) >= len(ref.indices):
                    axis = world.entry_axis(family, position)
                    low = world.low(axis)
                    shape = list(world.shape(family))
                    if world.kinds.get(family.key) == "R":
                        shape = shape[1:]
                    return range(low, low + shape[position])
    for other in _beside(name, body, evaluator):
        return world.free_ranges[other]
    if name in ("l", "ell") and world.facts.layers:
        return range(min(world.facts.layers), max(world.facts.layers) + 1)
    if name in world.facts.ranges:
        low_node, high_node = world.facts.ranges[name]
        low = low_node if isinstance(low_node, int) else world.integer(low_node, evaluator.env)
        high = high_node if isinstance(high_node, int) else world.integer(high_node, evaluator.env)
        return range(low, high + 1)
    raise Unreadable(f"nothing says what {name} runs over")


def _beside(name: str, body: Node | None, evaluator: Evaluator) -> Iterator[str]:
    """The free letters of the claim that run as `name` does: s for s', and what a Kronecker delta sets equal to it."""
    known = [other for other in evaluator.world.free_ranges if other in evaluator.env and other != name]
    yield from (other for other in known if other == name.rstrip("'"))
    for found in walk(body) if body is not None else ():
        ref = read_name(found, evaluator.world.facts.habits)
        if ref is not None and ref.key == "delta" and ref.indices is not None:
            pair = [letter(index) for index in ref.indices]
            if name in pair:
                yield from (other for other in known if other in pair)


def _inner_letters(node: Node, indices: tuple[Node, ...], position: int) -> list[str]:
    return []
