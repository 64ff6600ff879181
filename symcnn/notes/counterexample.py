"""Small exact numbers for which the two sides of a claim differ."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes import numeric
from symcnn.notes.compare import Outcome
from symcnn.notes.decide import is_connected, unfold
from symcnn.notes.defined_values import defined_value, expanded
from symcnn.notes.exact import Exact
from symcnn.notes.opaque import sigmoid, tanh
from symcnn.notes.verdict import Counterexample
from symcnn.notes.world import World
from symcnn.notes.zero import at_point

MOST_SHOWN = 12
LARGEST = 60
SMALLEST = sp.Float("1e-12")
LONGEST = 40
"""Characters of an exact value that is printed."""

CURVED = (sp.exp, sigmoid, tanh)
"""Functions that turn logarithms of whole numbers into fractions."""

Numbers = dict[sp.Symbol, sp.Expr]
Trial = tuple[dict[sp.Expr, sp.Expr], tuple[str, str], bool]
"""Numbers, the two sides there, and whether both are fractions."""


def counterexample(world: World, outcome: Outcome) -> Counterexample | None:
    """Numbers for the names that occur, and the values of both sides there; None where none was found.

    Whole numbers if they tell the sides apart; under an exponential, whose values would be vast or hardly differ from
    zero, logarithms of whole numbers where that makes both sides fractions, or else small fractions. A value that is
    no fraction is printed with its decimals, marked by the sign for `about`.
    """
    for whole in (True, False):
        try:
            left, right = (_open(world, side, outcome, whole) for side in (outcome.left, outcome.right))
        except SymcnnError:
            continue
        best = _best(left, right)
        if best is not None:
            break
    else:
        return None
    known, sides, _ = best
    place = {name: str(value) for name, value in outcome.place.items()}
    values = {str(name): str(value) for name, value in list(known.items())[:MOST_SHOWN]}
    return Counterexample({**place, **values}, *sides)


def _best(left: sp.Expr, right: sp.Expr) -> Trial | None:
    """The trial of two sides that is easiest to check; None where no numbers tell them apart."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    found = [
        one for known in _choices(symbols, left, right) if (one := _tried(left, right, known)) is not None
    ]
    curved = left.has(*CURVED) or right.has(*CURVED)
    return next((one for one in found if one[2]), found[-1 if curved else 0] if found else None)


def _choices(symbols: list[sp.Symbol], left: sp.Expr, right: sp.Expr) -> Iterator[Numbers]:
    """Numbers for the symbols, the ones that are easiest to check first."""
    whole = {symbol: sp.Integer(place + 2) for place, symbol in enumerate(symbols)}
    yield whole
    applied = {f for side in (left, right) for f in side.atoms(*CURVED)}
    inside = {symbol for f in applied for symbol in f.free_symbols}
    if inside:
        yield {symbol: sp.log(number) if symbol in inside else number for symbol, number in whole.items()}
    yield {symbol: sp.Rational(place + 1, len(symbols) + 2) for place, symbol in enumerate(symbols)}


def _tried(left: sp.Expr, right: sp.Expr, known: Numbers) -> Trial | None:
    """One trial; None where the sides have no different values."""
    exact = Exact(known)
    try:
        a, b = exact.value(left), exact.value(right)
    except SymcnnError:
        return _in_decimals(left, right, known)
    if abs(sp.N(a - b, 30)) <= SMALLEST:
        return None
    return {**known, **exact.made}, (_shown(a), _shown(b)), bool(a.is_Rational and b.is_Rational)


def _in_decimals(left: sp.Expr, right: sp.Expr, known: Numbers) -> Trial | None:
    """The same where an exact form of the values would be long."""
    a, b = (_value(side, known) for side in (left, right))
    if a.has(sp.zoo, sp.nan, sp.I) or b.has(sp.zoo, sp.nan, sp.I):
        return None
    x, y = (side if side.is_Rational else at_point(side, 1) for side in (a, b))
    if x is None or y is None or not (x.is_comparable and y.is_comparable) or abs(x - y) <= SMALLEST:
        return None
    return dict(known), (about(x), about(y)), False


def _value(expr: sp.Expr, known: Numbers) -> sp.Expr:
    """An expression at numbers: exact where it is built of sums and products, in decimals where it is large."""
    if expr.count_ops() > LARGEST and expr.atoms(sp.Function):
        places = {symbol: numeric.fraction(value) for symbol, value in known.items() if value.is_Rational}
        if len(places) < len(known):
            return sp.nan
        try:
            return sp.Float(str(numeric.value(expr, places.__getitem__, {}, 1)), 30)
        except (numeric.Irregular, numeric.NoValue):
            return sp.nan
    return expr.xreplace(known)


def _open(world: World, side: sp.Expr, outcome: Outcome, whole: bool) -> sp.Expr:
    """A side with its cotangents written by those that both sides share; `whole`: by no cotangents where that can be."""
    cotangents = world.cotangents
    sides = [unfold(world, outcome.left), unfold(world, outcome.right)]
    stop = cotangents.terminals(sides)
    opened = cotangents.expand(unfold(world, side), stop)
    if whole and is_connected(world, opened):
        opened = cotangents.expand(opened, frozenset())
    names = [s for s in opened.free_symbols if defined_value(world, s) is not None]
    inner = frozenset().union(*(cotangents.upstream(s) for s in names)) if names else frozenset()
    if inner & opened.free_symbols and opened.count_ops() < LARGEST:
        return expanded(world, opened)
    return opened


def _shown(exact: sp.Expr) -> str:
    """A fraction as it is; any other number with its decimals, exactly where that is short."""
    if exact.is_Rational and len(str(exact)) <= LONGEST:
        return str(exact)
    text = str(exact)
    return f"{text} {about(exact)}" if len(text) <= LONGEST else about(exact)


def about(number: sp.Expr) -> str:
    """Decimals of a number, marked as not exact."""
    return f"≈ {sp.N(number, 6)}"
