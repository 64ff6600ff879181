"""Verification of a file of notes: every formula gets a verdict."""

from __future__ import annotations

from pathlib import Path

from symcnn.notes.claims import Piece, pieces
from symcnn.notes.context import gather
from symcnn.notes.extract import Document, Formula, load
from symcnn.notes.judge import Judge
from symcnn.notes.parser import parse
from symcnn.notes.tokens import NotationError
from symcnn.notes.tree import Node
from symcnn.notes.verdict import Claim, Kind, Report, Verdict


def verify(path: str | Path) -> Report:
    """The verdicts on all formulas of a `.md`, `.tex` or `.ipynb` file. Raises SymcnnError on unreadable input."""
    document = load(Path(path))
    return verify_document(document, str(path))


def verify_document(document: Document, name: str) -> Report:
    """The verdicts on all formulas of a document."""
    read: list[tuple[Formula, Node]] = []
    unread: list[Claim] = []
    for formula in document.formulas:
        try:
            read.append((formula, parse(formula.latex, macros=document.macros)))
        except NotationError as error:
            verdict = Verdict(Kind.CANNOT_CHECK, reason=f"not readable: {error}")
            unread.append(Claim(formula.latex, formula.span, formula.line, formula.column, verdict, formula))
    found = pieces(read)
    facts = gather(document, found, [tree for _, tree in read])
    judge = Judge(document, facts, found)
    claims = [*unread, *judge.prose_claims()]
    for piece in found:
        claims.append(_claim(document, piece, judge.verdict(piece)))
    claims.sort(key=lambda claim: (claim.span.start, claim.span.end))
    return Report(name, document, tuple(claims))


def _claim(document: Document, piece: Piece, verdict: Verdict) -> Claim:
    span = piece.span.shifted(piece.formula.span.start)
    line, column = document.place(span.start)
    return Claim(piece.latex, span, line, column, verdict, piece.formula)
