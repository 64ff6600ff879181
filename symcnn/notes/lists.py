"""Relations of lists: `0 \\le i, j < N` and `a, b \\in S` are one chain each, with the list as one side."""

from __future__ import annotations

from symcnn.notes.marks import Separator, Span
from symcnn.notes.name_parts import letter
from symcnn.notes.tree import Accent, Chain, Node, Script, Sequence, Symbol

ORDER = ("<", "<=", ">", ">=")


def joined(node: Sequence) -> Sequence:
    """The sequence with each `a <= i`, ..., `j < b` in it as one chain."""
    items: list[Node] = []
    separators = list(node.separators)
    place = 0
    while place < len(node.items):
        end = listed = None
        if all(s.name == "," for s in separators):
            end, listed = _end(node.items, place), _members(node.items, place)
        if end is not None:
            items.append(_as_one(node.items[place : end + 1], node.separators[place:end]))
        elif listed is not None:
            items.append(_of_one_space(node.items[place : listed + 1], node.separators[place:listed]))
        else:
            items.append(node.items[place])
        place = max(place, end or 0, listed or 0) + 1
    if len(items) == len(node.items):
        return node
    return Sequence(node.span, tuple(items), tuple(separators[: len(items) - 1]))


def _members(items: tuple[Node, ...], start: int) -> int | None:
    """The place of `c \\in S` after the names that begin at `start`."""
    for place in range(start, len(items)):
        item = items[place]
        if isinstance(item, Chain):
            return place if place > start and item.relations[0].name == "in" else None
        if not isinstance(item, Symbol | Script | Accent):
            return None
    return None


def _end(items: tuple[Node, ...], start: int) -> int | None:
    """The place of the chain that ends a list of letters which the chain at `start` begins."""
    first = items[start]
    if not isinstance(first, Chain) or not _is_bound(first) or letter(first.sides[1]) is None:
        return None
    for place in range(start + 1, len(items)):
        item = items[place]
        if isinstance(item, Chain) and _is_bound(item) and letter(item.sides[0]) is not None:
            return place
        if letter(item) is None:
            return None
    return None


def _of_one_space(items: tuple[Node, ...], separators: tuple[Separator, ...]) -> Chain:
    last = items[-1]
    assert isinstance(last, Chain)
    names = (*items[:-1], last.sides[0])
    left = Sequence(Span(names[0].span.start, names[-1].span.end), names, separators)
    return Chain(Span(left.span.start, last.span.end), (left, *last.sides[1:]), last.relations)


def _is_bound(chain: Chain) -> bool:
    return len(chain.sides) == 2 and chain.relations[0].name in ORDER


def _as_one(items: tuple[Node, ...], separators: tuple[Separator, ...]) -> Chain:
    first, last = items[0], items[-1]
    assert isinstance(first, Chain)
    assert isinstance(last, Chain)
    letters = (first.sides[1], *items[1:-1], last.sides[0])
    middle = Sequence(Span(letters[0].span.start, letters[-1].span.end), letters, separators)
    span = Span(first.span.start, last.span.end)
    return Chain(span, (first.sides[0], middle, last.sides[1]), (*first.relations, *last.relations))
