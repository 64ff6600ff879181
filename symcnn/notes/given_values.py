"""Claims about values that are known: a rounded number, and a name that the notes give a value already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import Piece
from symcnn.notes.defined_values import defined_value
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.names import read_name
from symcnn.notes.places import places as every_place
from symcnn.notes.tree import Number
from symcnn.notes.verdict import Kind, Verdict

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations


def approximate(equations: Equations, piece: Piece) -> Verdict:
    """The verdict on a rounded number: right to the printed digits, or not."""
    assert piece.left is not None
    if not isinstance(piece.right, Number):
        return Verdict(Kind.CANNOT_CHECK, reason="an approximation that is not given as a number")
    world = equations.bench.world(piece.order)
    value = sp.N(Evaluator(world, {}).scalar(piece.left), 30)
    if not value.is_comparable:
        return Verdict(Kind.CANNOT_CHECK, reason="the left side is no number")
    digits = len(piece.right.text.partition(".")[2])
    if abs(value - sp.Rational(piece.right.text)) <= sp.Rational(51, 100) * sp.Rational(1, 10**digits):
        return Verdict(Kind.HOLDS, proof=f"to the {digits} printed decimals")
    shown = f"{float(value):.{digits}f}"
    span = piece.right.span.shifted(-piece.span.start)
    return Verdict(
        Kind.FAILS,
        reason=f"the value is {shown}",
        correction=piece.latex[: span.start] + shown + piece.latex[span.end :],
        wrong_terms=(span,),
        diagnosis="wrong number",
    )


def known_value(equations: Equations, piece: Piece) -> Verdict | None:
    """For a name on the left that the notes give a value already: the verdict; None for a new name."""
    assert piece.left is not None
    ref = read_name(piece.left, equations.bench.facts.habits)
    if ref is None:
        return None
    world = equations.bench.world(piece.order, without=piece.order)
    key = world.facts.resolve(ref.key)
    known = [d for d in world.definitions.get(key, []) if (d.member is None) == (ref.member is None)]
    if key != ref.key and ref.layer is None and all(d.layer is not None for d in known):
        return None
    if not any(d.order < piece.order for d in known):
        return None
    sections = equations.bench.sections
    if ref.indices is not None and all(
        sections[d.order] != sections[piece.order] and len(d.indices or ()) != len(ref.indices) for d in known
    ):
        return None
    try:
        env = world.layer_env()
        places = [env]
        if ref.indices is not None:
            places = [env | place for place in every_place(world, piece.left, piece.left)]
        value = Evaluator(world, places[0]).value(piece.left)
        if all(getattr(x, "is_Symbol", False) and defined_value(world, x) is None for x in value.flat):
            return None
    except (Unreadable, Mismatch, SymcnnError, IndexError):
        return None
    return equations.judge(piece)
