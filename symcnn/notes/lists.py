"""Relations between lists of letters: `0 \\le i, j < N` is one chain with i and j in its middle."""

from __future__ import annotations

from symcnn.notes.marks import Separator, Span
from symcnn.notes.name_parts import letter
from symcnn.notes.tree import Chain, Node, Sequence

ORDER = ("<", "<=", ">", ">=")


def joined(node: Sequence) -> Sequence:
    """The sequence with each `a <= i`, ..., `j < b` in it as one chain."""
    items: list[Node] = []
    separators = list(node.separators)
    place = 0
    while place < len(node.items):
        end = _end(node.items, place) if all(s.name == "," for s in separators) else None
        if end is None:
            items.append(node.items[place])
            place += 1
            continue
        items.append(_as_one(node.items[place : end + 1], node.separators[place:end]))
        place = end + 1
    if len(items) == len(node.items):
        return node
    return Sequence(node.span, tuple(items), tuple(separators[: len(items) - 1]))


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
