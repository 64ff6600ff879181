"""The verdict on a claim that was not proved: false with its correction, or not to be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.claims import Piece
from symcnn.notes.correction import correct
from symcnn.notes.counterexample import counterexample
from symcnn.notes.facts import Definition
from symcnn.notes.limits import Timeout, limited
from symcnn.notes.marks import Span
from symcnn.notes.relabel import relabelled
from symcnn.notes.tree import Node
from symcnn.notes.undefined import introduced, is_tied, shapes_known, undefined_names
from symcnn.notes.undefined import renamed as renamed_claim
from symcnn.notes.verdict import Kind, Verdict

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations, Result

REPAIR_SECONDS = 8.0


def repaired(piece: Piece, lefts: list[Node], results: list[Result], equations: Equations) -> Verdict:
    """The verdict on a claim that was not proved: false with its correction, or not to be decided."""
    assert piece.right is not None
    chosen = _telling(results)
    if chosen is None:
        reason = next((r.error for r in results if r.error), None)
        return Verdict(Kind.CANNOT_CHECK, reason=reason or "survived numeric trials, which is no proof")
    renamed = renamed_claim(piece, lefts[0], chosen.attempt, equations)
    if renamed is not None:
        return renamed
    undefined = undefined_names(piece, lefts[0], equations)
    correction = None
    try:
        with limited(REPAIR_SECONDS, apart=True):
            correction = correct(piece, lefts[0], chosen.attempt, equations, undefined, chosen.outcome)
    except Timeout:
        equations.bench.forget()
    example = None
    if chosen.refuted and chosen.world is not None and chosen.outcome is not None:
        example = counterexample(chosen.world, chosen.outcome)
    reason = "the two sides differ" if chosen.refuted else chosen.error
    if correction is not None:
        latex, wrong, what = correction
        return Verdict(
            Kind.FAILS,
            reason=f"{reason}: {what}",
            correction=latex,
            wrong_terms=wrong,
            diagnosis=what,
            counterexample=example,
        )
    if undefined and any(introduced(name, piece, equations) for name in undefined):
        names = ", ".join(sorted(undefined))
        return Verdict(
            Kind.CANNOT_CHECK, reason=f"{names}: the prose introduces it, and no formula defines it"
        )
    if "d" in undefined and equations.bench.facts.differentials:
        return Verdict(Kind.CANNOT_CHECK, reason="a differential that is not read as one")
    if undefined and not is_tied(piece, lefts[0], equations):
        return Verdict(Kind.CANNOT_CHECK, reason=f"the notes define none of {', '.join(sorted(undefined))}")
    if undefined and all(_is_labelled(name, equations) for name in undefined):
        names = ", ".join(sorted(undefined))
        return Verdict(
            Kind.CANNOT_CHECK, reason=f"{names}: whether it is an entry or one of many, the notes leave open"
        )
    if undefined:
        return Verdict(
            Kind.INCONSISTENT,
            reason=f"{', '.join(sorted(undefined))}: not defined in the notes, and the claim is no identity",
            counterexample=example,
        )
    if chosen.mismatch and not chosen.refuted and not shapes_known(piece, lefts[0], equations):
        return Verdict(Kind.CANNOT_CHECK, reason=chosen.error)
    return Verdict(Kind.FAILS, reason=reason, counterexample=example)


def _telling(results: list[Result]) -> Result | None:
    """The attempt that says most of what is wrong: with numbers, without assumptions, with the notes' own functions."""
    refuted = [r for r in results if r.refuted]
    if refuted:
        return min(refuted, key=lambda r: (r.attempt.assumption is not None, not r.attempt.functions))
    return next((r for r in results if r.mismatch), None)


def _is_labelled(name: str, equations: Equations) -> bool:
    """Whether a name is one that the notes use, with a size or the last index under it: the q_T of vectors q_t."""
    base, _, label = name.partition("_")
    facts = equations.bench.facts
    return label in facts.sizes and (base in facts.habits.ranks or base in facts.habits.members)


def against_definition(
    definition: Definition, earlier: Definition, piece: Piece, equations: Equations, outcome: Verdict
) -> Verdict:
    """A definition that contradicts an earlier one."""
    correction = None
    wrong: tuple[Span, ...] = ()
    found = relabelled(piece, equations)
    if found is not None:
        correction, wrong = found
    return Verdict(
        Kind.INCONSISTENT,
        reason=f"line {earlier.line} defines {definition.key} otherwise: {earlier.latex}",
        related_lines=(earlier.line,),
        correction=correction,
        wrong_terms=wrong,
        diagnosis="one name for two things",
    )
