"""The order in which terms and factors are written: a − y, u i + e r − p, W before x, sums last."""

from __future__ import annotations

import sympy as sp

from symcnn.calculus.entries import Chosen
from symcnn.core.expr import Delta, Read, Reduce, Selected, Where

Key = tuple[int | str, ...]
VALUES = (Read, Reduce, Where, Selected, Delta)


def is_index(symbol: sp.Basic) -> bool:
    """Indices start at 0; sizes and strides are positive, offsets have no sign."""
    return bool(symbol.is_Symbol and symbol.is_integer and symbol.is_nonnegative and not symbol.is_positive)


def is_size(symbol: sp.Basic) -> bool:
    """Sizes are positive integers in capitals; small letters are strides and dilations."""
    return bool(symbol.is_Symbol and symbol.is_integer and symbol.is_positive and symbol.name[:1].isupper())


def has_index(expr: sp.Basic) -> bool:
    return any(is_index(symbol) for symbol in expr.free_symbols)


def has_value(expr: sp.Basic) -> bool:
    """Whether the expression is more than a position or a size."""
    functions = expr.atoms(sp.Function)
    return bool(expr.has(*VALUES)) or any(not isinstance(f, sp.floor | sp.Mod) for f in functions)


def weight(expr: sp.Basic) -> int:
    """Number of nodes: how much there is to read."""
    return sum(1 for _ in sp.preorder_traversal(expr))


def signed(term: sp.Expr) -> tuple[bool, sp.Expr]:
    """Whether a term has a minus sign, and the term without it; the sign is taken out of sums and cases."""
    if term.as_coeff_Mul()[0].is_negative:
        return True, -term
    match term:
        case Where(otherwise=sp.S.Zero):
            negative, value = signed(term.value)
            return negative, Where(term.condition, value, 0) if negative else term
        case Reduce(kind="sum"):
            negative, body = signed(term.body)
            return negative, Reduce("sum", body, term.limits) if negative else term
        case sp.Mul():
            for place, factor in enumerate(term.args):
                negative, positive = signed(factor)
                if negative:
                    return True, sp.Mul(*term.args[:place], positive, *term.args[place + 1 :])
    return False, term


def term_key(term: sp.Expr, *, value: bool) -> Key:
    """Where a term stands in a sum: positive ones first."""
    negative = signed(term)[0]
    if value:
        # Fractions stand by length, so that −y/a + (1 − y)/(1 − a) keeps the order in which it is derived.
        fraction = any(p.exp.is_negative and p.has(Read) for p in term.atoms(sp.Pow))
        return (
            (_value_rank(term), weight(term), negative)
            if fraction
            else (negative, _value_rank(term), weight(term))
        )
    if term.is_number:
        return (2, 0)
    sizes = any(is_size(s) for s in term.free_symbols)
    return (negative, not has_index(term) ^ negative, not sizes, 0 if term.is_Symbol else 1)


def position_key(term: sp.Expr) -> Key:
    """Where a term stands in a position: digits by place value, numbers before what is taken off."""
    negative = signed(term)[0]
    if term.is_number:
        return (negative, 1 - negative, 0, "")
    sizes = any(is_size(s) for s in term.free_symbols) or bool(term.has(sp.floor))
    first = min((s.name for s in term.free_symbols if is_index(s)), default="")
    return (negative, has_index(term) if negative else not has_index(term), not sizes, first)


def _value_rank(term: sp.Expr) -> int:
    if term.is_number:
        return 0
    if term.has(Reduce):
        return 4
    if term.has(Where, Selected):
        return 3
    return 1 if term.has(Read) else 2


def factor_key(factor: sp.Expr) -> Key:
    """Where a factor stands: scalars, cotangents, parameters, values, brackets, functions, sums."""
    base = factor.base if factor.is_Pow else factor
    return (_factor_rank(base), weight(factor))


def _factor_rank(base: sp.Expr) -> int:
    if isinstance(base, Read):
        return {"cotangent": 10, "parameter": 11}.get(base.tensor.role, 12)
    if isinstance(base, Delta | Selected | Chosen):
        return 16
    if isinstance(base, Where):
        return 17
    if isinstance(base, Reduce):
        return 18
    if base.is_number:
        return 0
    if not has_value(base):
        return _scalar_rank(base)
    return 14 if base.is_Add else 15


def _scalar_rank(base: sp.Expr) -> int:
    """2 i, u i, (c H + i) W, e (R − 1): strides before indices, indices before sizes."""
    if base.is_Symbol:
        return 2 if is_index(base) else 4 if is_size(base) else 1
    return 3 if has_index(base) else 5
