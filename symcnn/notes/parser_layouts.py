"""Things laid out in rows: aligned displays, matrices, case distinctions, stacked lines."""

from __future__ import annotations

from dataclasses import replace

from symcnn.notes.marks import Separator, Span
from symcnn.notes.parser_tables import ALIGNED, CASES, MATRICES
from symcnn.notes.parser_words import Words
from symcnn.notes.tokens import Token
from symcnn.notes.tree import (
    Add,
    BigOperator,
    Branch,
    Call,
    Cases,
    Chain,
    Derivative,
    Differential,
    Empty,
    Gradient,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Product,
    Sequence,
    Stack,
    Text,
    Unary,
)

_LOOSE = (Empty, Text, Add, Product, Juxtapose, Chain, Sequence, Unary, Differential, Gradient, BigOperator)


class Layouts(Words):
    """Reads environments."""

    def environment(self) -> Node:
        token = self.peek()
        name = token.text.rstrip("*")
        if name in CASES:
            return self._cases(token)
        if name in MATRICES or name == "subarray":
            return self._matrix(token)
        if name not in ALIGNED:
            raise self.error("a known environment")
        start = self.at
        self.advance()
        with self.inside("end"):
            body = self.empty() if self.next_is("end") else self.sequence()
        self._end(token)
        return held_together(body, self.since(start))

    def _end(self, opening: Token) -> None:
        if not self.next_is("end", opening.text):
            raise self.error(f"\\end{{{opening.text}}}")
        self.advance()

    def _matrix(self, token: Token) -> Node:
        start = self.at
        self.advance()
        rules: list[int] = []
        rows = self.rows("end", rules)
        self._end(token)
        span = self.since(start)
        if token.text == "subarray":
            return Stack(span, tuple(joined(row) for row in rows))
        opening, closing = MATRICES[token.text.rstrip("*")]
        return Matrix(span, opening, closing, tuple(rows), token.argument, tuple(rules))

    def rows(self, end: str, rules: list[int] | None = None) -> list[tuple[Node, ...]]:
        """Rows of cells up to the token of kind `end`, and the numbers of the rows with a rule above them."""
        rows: list[tuple[Node, ...]] = []
        with self.inside("cell"):
            while True:
                while self.is_sign("hline", "toprule", "midrule", "bottomrule"):
                    self.advance()
                    if rules is not None:
                        rules.append(len(rows))
                if self.next_is(end):
                    return rows
                rows.append(self._cells())
                if self.next_is("newline"):
                    self.advance()
                elif not self.next_is(end):
                    raise self.error("another cell or the end of the rows")

    def _cells(self) -> tuple[Node, ...]:
        cells: list[Node] = []
        while True:
            cells.append(self.empty() if self.closes() else self.sequence())
            if not self.next_is("amp"):
                return tuple(cells)
            self.advance()

    def _cases(self, token: Token) -> Node:
        start = self.at
        self.advance()
        rows = self.rows("end")
        self._end(token)
        return Cases(self.since(start), tuple(_branch(row) for row in rows))


def held_together(body: Node, span: Span) -> Node:
    """What braces hold: a piece that holds together anyway stands for itself."""
    if isinstance(body, Empty):
        return Empty(span)
    loose = (
        isinstance(body, _LOOSE)
        or (isinstance(body, Call) and not (isinstance(body.argument, Group) and body.argument.open))
        or (isinstance(body, Derivative) and body.applied)
    )
    return Group(span, "", "", body) if loose else body


def bracketed_matrix(matrix: Matrix, opening: str, closing: str, span: Span) -> Node:
    """A bare array in brackets is a matrix; with a lone brace before it, a case distinction."""
    if opening == "{" and closing == "." and all(len(row) <= 2 for row in matrix.rows):
        return Cases(span, tuple(_branch(row) for row in matrix.rows))
    return replace(matrix, span=span, open=opening, close=closing)


def joined(cells: tuple[Node, ...]) -> Node:
    """Cells of a row that is no matrix row, as one node."""
    whole = cells[0]
    for cell in cells[1:]:
        whole = _both(whole, cell)
    return whole


def _branch(cells: tuple[Node, ...]) -> Branch:
    """A line of cases: value and condition by `&`, or by the first comma, arrow or word after the value."""
    span = Span(cells[0].span.start, cells[-1].span.end)
    value, condition = _split_value(cells[0])
    if len(cells) > 1:
        rest = joined(tuple(cell for cell in cells[1:] if not isinstance(cell, Empty)) or cells[1:])
        condition = rest if condition is None else _both(condition, rest)
    return Branch(
        span, value, None if condition is None or isinstance(condition, Empty) else _bare(condition)
    )


def _both(first: Node, second: Node) -> Node:
    """Two nodes in a row, as one sequence."""
    items: list[Node] = []
    separators: list[Separator] = []
    for node in (first, second):
        if items:
            separators.append(Separator(Span(first.span.end, second.span.start), "quad"))
        items += node.items if isinstance(node, Sequence) else (node,)
        separators += node.separators if isinstance(node, Sequence) else ()
    return Sequence(Span(first.span.start, second.span.end), tuple(items), tuple(separators))


def _split_value(cell: Node) -> tuple[Node, Node | None]:
    match cell:
        case Sequence(items=items, separators=separators):
            rest = items[1:]
            if len(rest) == 1:
                return items[0], rest[0]
            return items[0], Sequence(Span(rest[0].span.start, cell.span.end), rest, separators[1:])
        case Chain(sides=sides, relations=relations) if relations[0].name == "->":
            if len(sides) == 2:
                return sides[0], sides[1]
            return sides[0], Chain(Span(sides[1].span.start, cell.span.end), sides[1:], relations[1:])
    return cell, None


def _bare(condition: Node) -> Node:
    """The condition without an arrow or a comma before it."""
    match condition:
        case Chain(sides=(Empty(), *sides), relations=(first, *relations)) if first.name == "->":
            if not relations:
                return sides[0]
            return Chain(Span(sides[0].span.start, condition.span.end), tuple(sides), tuple(relations))
        case Sequence(items=(Empty(), *items), separators=(_, *separators)):
            if not separators:
                return items[0]
            return Sequence(Span(items[0].span.start, condition.span.end), tuple(items), tuple(separators))
        case Sequence(items=(Chain() as first_item, *others)):
            return replace(condition, items=(_bare(first_item), *others))
    return condition
