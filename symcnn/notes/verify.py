"""Verification of a file of notes: every formula gets a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sympy.core.cache import clear_cache

from symcnn.notes.bindings import NO_BINDINGS, Bindings, bound, read_bindings, unbound
from symcnn.notes.claims import Piece, pieces
from symcnn.notes.context import gather
from symcnn.notes.extract import Document, Formula, load
from symcnn.notes.judge import Judge
from symcnn.notes.manner import Manner, manner
from symcnn.notes.parser import parse
from symcnn.notes.scopes import scopes
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
    written = manner(notes.text, read)
    read = [(formula, written.of(tree)) for formula, tree in read]
    trees = {id(formula): tree for formula, tree in read}
    split = scopes(notes, read)
    parts = [(part, [(f, trees[id(f)]) for f in part.formulas if id(f) in trees]) for part in split]
    checks = _Checks(watch, sum(len(pieces(here)) for _, here in parts))
    for number, (part, here) in enumerate(parts):
        claims += checks.of_part(part, number, len(parts), here, written, bindings)
    claims = _once(claims)
    claims.sort(key=lambda claim: (claim.span.start, claim.span.end))
    clear_cache()  # SymPy keeps the values of one page, which are of no use for the next
    return Report(name, document, unbound(document, notes, claims))


@dataclass(slots=True)
class _Checks:
    """Judges one part after the other; the pieces of all of them are counted through."""

    watch: Watch
    count: int
    done: int = 0

    def of_part(
        self,
        notes: Document,
        number: int,
        count: int,
        read: list[tuple[Formula, Node]],
        written: Manner,
        bindings: Bindings,
    ) -> list[Claim]:
        """The claims of a part in which names have one meaning."""
        found = pieces(read)
        begun, self.done = self.done, self.done + len(found)
        settled = self.watch.begins("context", number, count)
        if settled is not None:
            return [_claim(notes, piece, settled) for piece in found]
        trees = [tree for _, tree in read]
        facts = gather(notes, found, trees, numbered_layers=written.numbered_layers)
        facts.manner = written
        bindings.name(facts)
        judge = Judge(notes, facts, found)
        settled = self.watch.begins("prose", number, count)
        claims = judge.prose_claims() if settled is None else _unread_prose(notes, settled)
        for piece in found:
            verdict = self.watch.begins("check", begun + piece.order, self.count)
            if verdict is None:
                verdict = judge.verdict(piece)
                self.watch.judged(begun + piece.order, verdict)
            claims.append(_claim(notes, piece, verdict))
        return claims


def _read(document: Document, watch: Watch) -> tuple[list[tuple[Formula, Node]], list[Claim]]:
    """The notation of each formula, and a claim with the reason for each that cannot be read."""
    read: list[tuple[Formula, Node]] = []
    unread: list[Claim] = []
    for number, formula in enumerate(document.formulas):
        verdict = watch.begins("read", number, len(document.formulas))
        if verdict is None:
            try:
                read.append((formula, parse(formula.latex, macros=document.macros, names=document.names)))
                continue
            except NotationError as error:
                verdict = Verdict(Kind.CANNOT_CHECK, reason=f"not readable: {error}")
            except RecursionError:
                verdict = Verdict(Kind.CANNOT_CHECK, reason="too large: nested too deep")
        unread.append(Claim(formula.latex, formula.span, formula.line, formula.column, verdict, formula))
    return read, unread


def _once(claims: list[Claim]) -> list[Claim]:
    """The claims without those in running text that stand in several parts."""
    found: dict[object, Claim] = {}
    for claim in claims:
        found.setdefault(claim.span if claim.formula is None else id(claim), claim)
    return list(found.values())


def _unread_prose(document: Document, verdict: Verdict) -> list[Claim]:
    """One claim that says why the numbers of the running text have no verdict."""
    first = document.prose[:1]
    return [Claim(one.text, one.span, one.line, 1, verdict) for one in first]


def _claim(document: Document, piece: Piece, verdict: Verdict) -> Claim:
    span = piece.span.shifted(piece.formula.span.start)
    line, column = document.place(span.start)
    return Claim(piece.latex, span, line, column, verdict, piece.formula)
