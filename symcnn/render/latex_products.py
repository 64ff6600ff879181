"""How a product is laid out: its sign, the fractions it is written as, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.entries import Chosen
from symcnn.core.expr import Delta, Read, Reduce, Selected, Where
from symcnn.render.latex_order import has_value, signed

Factors = tuple[sp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Fraction:
    """Factors above and below a bar; no bar where nothing is below."""

    above: Factors
    below: Factors = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A sign and fractions in the order in which they are written."""

    negative: bool
    fractions: tuple[Fraction, ...]


def layout(expr: sp.Expr, *, small: bool = False) -> Product:
    """The layout of a product or power: scalars, then derivatives of the loss, then values, then sums."""
    negative, positive = signed(expr)
    above, below = _sides(positive, small)
    if small or not below:
        return Product(negative, (Fraction(above, below),))
    return Product(negative, tuple(f for f in _groups(above, below) if f.above or f.below))


def content(expr: sp.Expr) -> sp.Integer:
    """The integer that all coefficients of a sum of values share; 1 for anything else."""
    if not expr.is_Add or not has_value(expr):
        return sp.S.One
    coefficients = [term.as_coeff_Mul()[0] for term in expr.args]
    whole = all(c.is_Integer for c in coefficients)
    return sp.Integer(sp.igcd(*map(abs, coefficients))) if whole else sp.S.One


def in_denominator(exponent: sp.Expr) -> bool:
    """Whether a power is written below the bar."""
    return bool(exponent.is_negative or (not exponent.is_number and exponent.could_extract_minus_sign()))


def _sides(expr: sp.Expr, small: bool) -> tuple[Factors, Factors]:
    coefficient, rest = expr.as_coeff_Mul()
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    number, root = sp.fraction(coefficient)
    for factor in sp.Mul.make_args(rest):
        if factor == 1:
            continue
        if factor.is_Pow and in_denominator(factor.exp):
            below.append(factor.base**-factor.exp)
        elif factor.is_Pow and factor.exp == sp.S.Half and factor.base == root and root != 1:
            below.append(factor)
            root = sp.S.One
        elif content(factor) != 1 and not small:
            shared = content(factor)
            above += [shared, sp.Add(*(term / shared for term in factor.args))]
        else:
            above.append(factor)
    if root != 1:
        below.append(root)
    return ((number, *above) if number != 1 else tuple(above)), tuple(below)


def _groups(above: Factors, below: Factors) -> tuple[Fraction, ...]:
    apart = tuple(f for f in above if _stands_apart(f))
    inline = tuple(f for f in above if not _stands_apart(f))
    scalar_below = tuple(f for f in below if not has_value(f))
    value_below = tuple(f for f in below if has_value(f))
    if not apart and not _leads(inline, scalar_below):
        return (Fraction(inline, below),)
    scalar_above = tuple(f for f in inline if not has_value(f)) if scalar_below else ()
    rest = tuple(f for f in inline if f not in scalar_above)
    derivatives = tuple(f for f in apart if isinstance(f, Read))
    tail = tuple(f for f in apart if not isinstance(f, Read))
    leading = Fraction(scalar_above, scalar_below)
    if value_below:
        return (leading, Fraction(derivatives), Fraction(rest, value_below), Fraction(tail))
    return (leading, Fraction((*derivatives, *rest, *tail)))


def _leads(above: Factors, scalar_below: Factors) -> bool:
    """1/N · (a − y) rather than (a − y)/N: a scalar fraction before brackets and functions."""
    return bool(scalar_below) and any(has_value(f) and not isinstance(f, Read) for f in above)


def _stands_apart(factor: sp.Expr) -> bool:
    """What is not put into a numerator: derivatives of the loss, sums, indicators."""
    if isinstance(factor, Read):
        return bool(factor.tensor.role == "cotangent")
    return isinstance(factor, Reduce | Where | Selected | Delta | Chosen)
