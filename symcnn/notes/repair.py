"""The smallest edit that makes a false claim provably true, and what went wrong in the field's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.claims import Piece
from symcnn.notes.facts import Definition
from symcnn.notes.tree import Node
from symcnn.notes.verdict import Kind, Verdict

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations, Result


def same_letters(piece: Piece, other: Piece) -> bool:
    return False


def against_definition(
    definition: Definition, earlier: Definition, piece: Piece, equations: Equations, outcome: Verdict
) -> Verdict:
    """A definition that contradicts an earlier one."""
    return Verdict(
        Kind.INCONSISTENT,
        reason=f"line {earlier.line} defines {definition.key} otherwise: {earlier.latex}",
        related_lines=(earlier.line,),
    )


def repaired(piece: Piece, lefts: list[Node], results: list[Result], equations: Equations) -> Verdict:
    """The verdict on a claim that was not proved."""
    first = results[0]
    for result in results:
        if result.refuted:
            return Verdict(Kind.FAILS, reason="the two sides differ")
    if first.mismatch:
        return Verdict(Kind.FAILS, reason=first.error)
    return Verdict(Kind.CANNOT_CHECK, reason=first.error or "survived numeric trials, not proved")
