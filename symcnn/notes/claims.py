"""Formulas taken apart into pieces: one for each relation, mention or shape that stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.notes.extract import Formula
from symcnn.notes.lists import joined
from symcnn.notes.marks import Relation, Span
from symcnn.notes.tree import (
    Accent,
    Annotated,
    Chain,
    Decorated,
    Empty,
    Group,
    Node,
    Number,
    Script,
    Sequence,
    Stack,
    Symbol,
    Text,
)
from symcnn.notes.walking import walk


@dataclass(frozen=True, slots=True)
class Piece:
    """One relation `left relation right`, or a piece without a relation (then `right` is None).

    `head` is the first side of the chain; a continuation line (`= c`) has the head of the chain above it.
    `first` says that the piece begins its chain. `latex` is the piece as printed, `span` its place in the formula.
    """

    formula: Formula
    order: int
    latex: str
    span: Span
    left: Node | None
    relation: Relation | None
    right: Node | None
    head: Node | None
    first: bool
    beside: tuple[Node, ...] = ()

    @property
    def sign(self) -> str:
        return self.relation.name if self.relation is not None else ""


def pieces(formulas: list[tuple[Formula, Node]]) -> list[Piece]:
    """The pieces of all formulas in order; chains go on over formulas that begin with a relation sign."""
    found: list[Piece] = []
    head: Node | None = None
    last: Node | None = None
    for formula, tree in formulas:
        for chain, beside in _parts(tree):
            if not isinstance(chain, Chain):
                found.append(_mention(formula, chain, len(found), beside))
                continue
            if isinstance(chain.sides[0], Empty):
                left: Node | None = last
            else:
                head = left = chain.sides[0]
            start_is_empty = isinstance(chain.sides[0], Empty)
            for number, relation in enumerate(chain.relations):
                right = chain.sides[number + 1]
                first = number == 0 and not start_is_empty
                begin = chain.sides[0].span.start if first else relation.span.start
                end = max(right.span.end, relation.span.end)
                span = Span(begin, end)
                found.append(
                    Piece(
                        formula,
                        len(found),
                        span.of(formula.latex),
                        span,
                        left,
                        relation,
                        right,
                        head,
                        first,
                        beside,
                    )
                )
                left = right
            for note in _notes(chain):
                found.append(_mention(formula, note, len(found), ()))
            last = chain.sides[-1]
            if isinstance(last, Empty):
                last = left if not isinstance(left, Empty) else head
    return found


def set_together(found: list[Piece], piece: Piece) -> Number | None:
    """The number at the end of a chain of names, `k = s = 1`, which is the value of each of them; else None."""
    chain = [piece]
    while not chain[0].first and chain[0].order > 0:
        chain.insert(0, found[chain[0].order - 1])
    for other in found[piece.order + 1 :]:
        if other.first or other.formula is not piece.formula:
            break
        chain.append(other)
    last = chain[-1].right
    names = all(isinstance(one.left, Symbol | Script | Accent) and one.sign == "=" for one in chain)
    return last if len(chain) > 1 and names and isinstance(last, Number) else None


def _mention(formula: Formula, node: Node, order: int, beside: tuple[Node, ...]) -> Piece:
    span = node.span
    return Piece(formula, order, span.of(formula.latex), span, node, None, None, None, True, beside)


def _parts(tree: Node) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """The chains and mentions of a formula with the words and conditions beside them."""
    match tree:
        case Decorated(body=body) if _has_chain(body):
            yield from _parts(body)
        case Annotated(body=body) if _has_chain(body):
            yield from _parts(body)
        case Group(open="" | ".", body=body) if _has_chain(body):
            yield from _parts(body)
        case Sequence():
            yield from _sequence(joined(tree))
        case Empty():
            return
        case _:
            yield from _rows(tree)


def _sequence(tree: Sequence) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Runs of words and names between chains are one mention each; a wide space ends a run."""
    run: list[Node] = []
    items = tree.items
    marks = [separator.name for separator in tree.separators] + [""] * len(items)
    for place, item in enumerate(items):
        if _has_chain(item):
            yield from _mentioned(run)
            run = []
            beside = tuple(other for other in items[place + 1 : place + 3] if not isinstance(other, Chain))
            for part, inner in _parts(item):
                yield part, inner or beside
            continue
        run.append(item)
        if marks[place] in ("quad", "newline", "implies") and not isinstance(item, Text):
            yield from _mentioned(run)
            run = []
    yield from _mentioned(run)


def _mentioned(run: list[Node]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """What a run of words and names says; words alone say nothing."""
    kept = [item for item in run if not isinstance(item, Empty)]
    if not kept or all(isinstance(item, Text) for item in kept):
        return
    if len(kept) == 1:
        yield from _rows(kept[0])
        return
    yield Sequence(Span(kept[0].span.start, kept[-1].span.end), tuple(kept), ()), ()


def _rows(node: Node) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Lines of shapes under each other are pieces of their own."""
    if isinstance(node, Stack):
        for row in node.rows:
            yield row, ()
    else:
        yield node, ()


def _notes(node: Node) -> Iterator[Node]:
    """Shapes that stand as remarks under a brace."""
    for found in walk(node):
        if isinstance(found, Annotated) and isinstance(found.note, Stack):
            yield found.note


def _has_chain(node: Node) -> bool:
    match node:
        case Chain():
            return True
        case Decorated(body=body) | Annotated(body=body):
            return _has_chain(body)
        case Group(open="" | ".", body=body):
            return _has_chain(body)
        case Sequence(items=items):
            return any(_has_chain(item) for item in items)
    return False
