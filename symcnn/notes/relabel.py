"""Names with the wrong label: a formula that is right when its labels are changed to those of an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.claims import Piece
from symcnn.notes.marks import Span
from symcnn.notes.tree import Add, Node, Number, Script, Symbol, Word
from symcnn.notes.walking import children

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations


def relabelled(piece: Piece, equations: Equations) -> tuple[str, tuple[Span, ...]] | None:
    """The piece with the labels of an earlier formula that is the same but for labels and capitals."""
    mine = skeleton(piece)
    for other in reversed(equations.pieces[: piece.order]):
        if other.order in equations.bench.dropped or other.right is None:
            continue
        if skeleton(other) == mine and other.order not in equations.false_pieces:
            found = with_labels(piece, other)
            if found is not None and found[1]:
                return found
    return None


def skeleton(piece: Piece) -> tuple[str, ...]:
    """The names and functions of a formula in reading order, without labels, in lower case."""
    found: list[str] = []
    for side in (piece.left, piece.right):
        if side is not None:
            found.extend(_skeleton(side))
            found.append("=")
    return tuple(found)


def _skeleton(node: Node) -> list[str]:
    match node:
        case Symbol(name=name):
            return [name.lower()]
        case Word(text=text):
            return [text.lower()]
        case Number(text=text):
            return [text]
        case Script(base=base, sub=Number(text=text), sup=None) if len(text) == 1:
            return _skeleton(base)
        case Script(base=base, sub=Number(text=text)):
            return [*_skeleton(base), text]
        case Add(terms=terms):
            return [part for term in terms for part in [*_skeleton(term), "+"]]
    return [part for child in children(node) for part in _skeleton(child)]


def labels(piece: Piece) -> list[Span | None]:
    """For each name of a formula in reading order the place of its label, None where it has none."""
    found: list[Span | None] = []
    for side in (piece.left, piece.right):
        if side is not None:
            _labels(side, found)
    return found


def _labels(node: Node, found: list[Span | None]) -> None:
    match node:
        case Symbol() | Word():
            found.append(None)
        case Script(base=base, sub=Number(span=span, text=text)) if isinstance(base, Symbol):
            found.append(span if len(text) == 1 else None)
        case Number():
            return
        case _:
            for child in children(node):
                _labels(child, found)


def with_labels(piece: Piece, other: Piece) -> tuple[str, tuple[Span, ...]] | None:
    """A piece's LaTeX with the labels of another; None where the names do not stand in the same places."""
    mine, theirs = labels(piece), labels(other)
    if len(mine) != len(theirs):
        return None
    latex = piece.formula.latex
    changes: list[tuple[Span, str]] = []
    for a, b in zip(mine, theirs, strict=True):
        if (a is None) != (b is None):
            return None
        if a is not None and b is not None:
            text = b.of(other.formula.latex)
            if a.of(latex) != text:
                changes.append((a, text))
    shift = 0
    for span, text in sorted(changes, key=lambda c: c[0].start, reverse=True):
        latex = latex[: span.start] + text + latex[span.end :]
        shift += len(text) - (span.end - span.start)
    start = piece.span.start
    wrong = tuple(Span(s.start - start, s.end - start) for s, _ in changes)
    return latex[start : piece.span.end + shift], wrong
