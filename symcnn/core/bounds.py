"""Ranges of affine positions, and proofs that a size expression is not negative."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.core.errors import UnsupportedFormula


def coefficients(position: sp.Expr, indices: object) -> tuple[dict[sp.Symbol, sp.Expr], sp.Expr]:
    """Coefficient of each index and the constant rest of an affine position.

    Raises UnsupportedFormula where the position is not affine in the indices.
    """
    names = sorted(position.free_symbols & set(indices), key=lambda s: s.sort_key())  # type: ignore[call-overload]
    if not names:
        return {}, position
    if position in names:
        return {position: sp.S.One}, sp.S.Zero
    expanded = sp.expand(position)
    found = {name: expanded.coeff(name, 1) for name in names}
    rest = sp.expand(expanded - sum(c * name for name, c in found.items()))
    if (rest.free_symbols & set(names)) or any(c.free_symbols & set(names) for c in found.values()):
        raise UnsupportedFormula(f"position {position} is not affine in its indices")
    return found, rest


def span(position: sp.Expr, extents: Mapping[sp.Symbol, sp.Expr]) -> tuple[sp.Expr, sp.Expr] | None:
    """Least and greatest value of an affine position; None where the sign of a coefficient is unknown."""
    slopes, rest = coefficients(position, extents)
    low = high = rest
    for name, slope in slopes.items():
        reach = slope * (extents[name] - 1)
        if slope.is_nonnegative:
            high += reach
        elif slope.is_nonpositive:
            low += reach
        else:
            return None
    return sp.expand(low), sp.expand(high)


def nonnegative(expr: sp.Expr) -> bool:
    """True only where ``expr`` ≥ 0 is proved, for all positive sizes; floors are bounded from the safe side."""
    expr = sp.expand(expr)
    if expr.is_nonnegative:
        return True
    if expr.is_number:
        return bool(expr >= 0)
    floors = sorted(expr.atoms(sp.floor), key=sp.default_sort_key)
    for floor in floors:
        slope = expr.coeff(floor, 1)
        rest = expr - slope * floor
        if sp.expand(rest).has(floor):
            return False
        quotient = floor.args[0]
        denominator = sp.fraction(sp.together(quotient))[1]
        least = quotient - 1 + 1 / denominator
        if slope.is_nonpositive:
            return nonnegative(sp.expand(sp.expand(rest) + sp.expand(slope * quotient)))
        if slope.is_nonnegative:
            return nonnegative(sp.expand(sp.expand(rest) + sp.expand(slope * least)))
        return False
    positive = [s for s in expr.free_symbols if s.is_integer and s.is_positive]
    shifted = {s: 1 + sp.Dummy(s.name, integer=True, nonnegative=True) for s in positive}
    return bool(sp.expand(expr.xreplace(shifted)).is_nonnegative)


def inside(position: sp.Expr, extent: sp.Expr, extents: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """True only where ``position`` is proved to stay an integer in ``[0, extent)``."""
    if position in extents and extents[position] == extent:
        return True
    if position.is_integer is not True:
        return False
    try:
        reach = span(position, extents)
    except UnsupportedFormula:
        return False  # a quotient or remainder of an index: nothing is proved
    if reach is None:
        return False
    low, high = reach
    return nonnegative(low) and nonnegative(extent - 1 - high)
