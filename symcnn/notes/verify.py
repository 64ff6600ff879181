"""Verification of a file of notes: every formula gets a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from symcnn.notes.bindings import NO_BINDINGS, Bindings, bound, read_bindings, unbound
from symcnn.notes.brackets import as_entries, bracketed
from symcnn.notes.claims import Piece, pieces
from symcnn.notes.context import gather
from symcnn.notes.extract import Document, Formula, load
from symcnn.notes.judge import Judge
from symcnn.notes.parser import parse
from symcnn.notes.tokens import NotationError
from symcnn.notes.tree import Node
from symcnn.notes.verdict import Claim, Kind, Report, Stage, Verdict


class Watch(Protocol):
    """Is told what begins, and may know how it ended before: so a verification goes on after a failure."""

    def begins(self, stage: Stage, number: int, count: int) -> Verdict | None:
        """Called before each step; a verdict settles the step, which is then left out."""

    def judged(self, number: int, verdict: Verdict) -> None:
        """Called with the verdict on a piece."""


class _Unwatched:
    def begins(self, stage: Stage, number: int, count: int) -> Verdict | None:
        return None

    def judged(self, number: int, verdict: Verdict) -> None:
        pass


UNWATCHED: Watch = _Unwatched()


def verify(path: str | Path, *, bindings: str | Path | None = None) -> Report:
    """The verdicts on all formulas of a `.md`, `.tex` or `.ipynb` file.

    `bindings`: a TOML file that says what names mean where the notes are too terse.
    Raises SymcnnError, or OSError, on unreadable input.
    """
    known = read_bindings(Path(bindings)) if bindings is not None else NO_BINDINGS
    return verify_document(load(Path(path)), str(path), bindings=known)


def verify_document(
    document: Document, name: str, *, bindings: Bindings = NO_BINDINGS, watch: Watch = UNWATCHED
) -> Report:
    """The verdicts on all formulas of a document, with `bindings` as though they stood before it."""
    notes = bound(document, bindings)
    read, claims = _read(notes, watch)
    entries = bracketed(tree for _, tree in read)
    read = [(formula, as_entries(tree, entries)) for formula, tree in read]
    found = pieces(read)
    settled = watch.begins("context", 0, 1)
    if settled is not None:
        claims += [_claim(notes, piece, settled) for piece in found]
    else:
        facts = gather(notes, found, [tree for _, tree in read])
        facts.bracketed = entries
        bindings.name(facts)
        judge = Judge(notes, facts, found)
        settled = watch.begins("prose", 0, 1)
        claims += judge.prose_claims() if settled is None else _unread_prose(notes, settled)
        for piece in found:
            verdict = watch.begins("check", piece.order, len(found))
            if verdict is None:
                verdict = judge.verdict(piece)
                watch.judged(piece.order, verdict)
            claims.append(_claim(notes, piece, verdict))
    claims.sort(key=lambda claim: (claim.span.start, claim.span.end))
    return Report(name, document, unbound(document, notes, claims))


def _read(document: Document, watch: Watch) -> tuple[list[tuple[Formula, Node]], list[Claim]]:
    """The notation of each formula, and a claim with the reason for each that cannot be read."""
    read: list[tuple[Formula, Node]] = []
    unread: list[Claim] = []
    for number, formula in enumerate(document.formulas):
        verdict = watch.begins("read", number, len(document.formulas))
        if verdict is None:
            try:
                read.append((formula, parse(formula.latex, macros=document.macros)))
                continue
            except NotationError as error:
                verdict = Verdict(Kind.CANNOT_CHECK, reason=f"not readable: {error}")
            except RecursionError:
                verdict = Verdict(Kind.CANNOT_CHECK, reason="too large: nested too deep")
        unread.append(Claim(formula.latex, formula.span, formula.line, formula.column, verdict, formula))
    return read, unread


def _unread_prose(document: Document, verdict: Verdict) -> list[Claim]:
    """One claim that says why the numbers of the running text have no verdict."""
    first = document.prose[:1]
    return [Claim(one.text, one.span, one.line, 1, verdict) for one in first]


def _claim(document: Document, piece: Piece, verdict: Verdict) -> Claim:
    span = piece.span.shifted(piece.formula.span.start)
    line, column = document.place(span.start)
    return Claim(piece.latex, span, line, column, verdict, piece.formula)
