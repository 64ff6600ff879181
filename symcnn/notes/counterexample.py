"""Small exact numbers for which the two sides of a claim differ."""

from __future__ import annotations

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes import numeric
from symcnn.notes.compare import Outcome
from symcnn.notes.decide import unfold
from symcnn.notes.defined_values import defined_value, expanded
from symcnn.notes.trials import number
from symcnn.notes.verdict import Counterexample
from symcnn.notes.world import World
from symcnn.notes.zero import at_point

MOST_SHOWN = 12
LARGEST = 60


def counterexample(world: World, outcome: Outcome) -> Counterexample | None:
    """Numbers for the names that occur, and the values of both sides there; None where none was found."""
    try:
        left, right = (_open(world, side, outcome) for side in (outcome.left, outcome.right))
    except SymcnnError:
        return None
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    for choice in (_whole, _fraction):
        known = {s: choice(place, len(symbols)) for place, s in enumerate(symbols)}
        a, b = _value(left, known), _value(right, known)
        if a.has(sp.zoo, sp.nan, sp.I) or b.has(sp.zoo, sp.nan, sp.I):
            continue
        x, y = (side if side.is_Rational else at_point(side, 1) for side in (a, b))
        if x is None or y is None or not (x.is_comparable and y.is_comparable):
            continue
        if abs(x - y) > sp.Float("1e-12"):
            values = {str(s): str(v) for s, v in list(known.items())[:MOST_SHOWN]}
            place = {name: str(value) for name, value in outcome.place.items()}
            return Counterexample({**place, **values}, _shown(a, x), _shown(b, y))
    return None


def _value(expr: sp.Expr, known: dict[sp.Symbol, sp.Rational]) -> sp.Expr:
    """An expression at numbers: exact where it is built of sums and products, in decimals where it is large."""
    if expr.count_ops() > LARGEST and expr.atoms(sp.Function):
        places = {symbol: numeric.fraction(value) for symbol, value in known.items()}
        try:
            return sp.Float(str(numeric.value(expr, places.__getitem__, {}, 1)), 30)
        except (numeric.Irregular, numeric.NoValue):
            return sp.nan
    return expr.xreplace(known)


def _open(world: World, side: sp.Expr, outcome: Outcome) -> sp.Expr:
    """A side with its cotangents written by those that both sides share."""
    cotangents = world.cotangents
    sides = [unfold(world, outcome.left), unfold(world, outcome.right)]
    stop = cotangents.terminals(sides)
    opened = cotangents.expand(unfold(world, side), stop)
    names = [s for s in opened.free_symbols if defined_value(world, s) is not None]
    inner = frozenset().union(*(cotangents.upstream(s) for s in names)) if names else frozenset()
    if inner & opened.free_symbols and opened.count_ops() < LARGEST:
        return expanded(world, opened)
    return opened


def _whole(place: int, count: int) -> sp.Rational:
    return sp.Integer(place + 2)


def _fraction(place: int, count: int) -> sp.Rational:
    return sp.Rational(place + 1, count + 2)


def _shown(exact: sp.Expr, value: sp.Expr) -> str:
    if exact.is_Rational:
        return str(exact)
    return str(sp.N(value, 6))


__all__ = ["counterexample", "number"]
