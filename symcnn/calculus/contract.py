"""Delta contraction: a sum over an index that a delta fixes becomes a substitution with its conditions.

``Σ_i F(i) δ(u·i + e·r − p, h)`` is ``F((h + p − e·r)/u)`` where that is an integer in range, else 0. The condition
stays part of the result. A mixed-radix position such as ``(c·H + i)·W + j`` fixes all of its indices at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.calculus.derivation import Context, State
from symcnn.calculus.term import Term
from symcnn.core.bounds import coefficients, inside
from symcnn.core.expr import Delta, Read, Reduce, Selected, Within, rebind


def contract(state: State, context: Context) -> State:
    """Contract every delta of every term."""
    return tuple(_contract(term, context) for term in state)


def _contract(term: Term, context: Context) -> Term:
    free = {index.symbol for index in context.equation.free}
    while term.deltas:
        place = min(range(len(term.deltas)), key=lambda k: _difficulty(term, k))
        position, index = term.deltas[place]
        rest = Term(
            term.factor, term.limits, term.conditions, (*term.deltas[:place], *term.deltas[place + 1 :])
        )
        extents = {**context.extents, **dict(term.limits)}
        solved = _solve(position, index, dict(term.limits), free, context.digits)
        if solved is None:
            term = Term(rest.factor * Delta(position, index), rest.limits, rest.conditions, rest.deltas)
            continue
        for bound in solved:
            rest = rest.without(bound)
        conditions = tuple(
            Within(value, dict(term.limits)[bound])
            for bound, value in solved.items()
            if not _provably_within(value, dict(term.limits)[bound], extents)
        )
        moved = rest.substituted(solved)
        moved = Term(join_digits(moved.factor), moved.limits, moved.conditions, moved.deltas)
        term = Term(moved.factor, moved.limits, (*moved.conditions, *conditions), moved.deltas)
    return term


def _difficulty(term: Term, place: int) -> tuple[int, int]:
    """Plain positions first: they may turn a later position into a plain one."""
    position, _ = term.deltas[place]
    slopes, rest = coefficients(position, term.indices)
    return (len(slopes) != 1 or rest != 0 or any(c != 1 for c in slopes.values()), place)


def _solve(
    position: sp.Expr,
    index: sp.Symbol,
    limits: Mapping[sp.Symbol, sp.Expr],
    free: set[sp.Symbol],
    digits: bool,
) -> dict[sp.Symbol, sp.Expr] | None:
    slopes, rest = coefficients(position, limits)
    if not slopes:
        return None
    radix = _mixed_radix(slopes, limits)
    if digits and radix is not None and len(slopes) > 1:
        return _digits(radix, index - rest, limits)
    names = {k.name for k in free}
    order = sorted(
        slopes,
        key=lambda k: (
            not (slopes[k] == 1 and rest == 0 and len(slopes) == 1),
            k.name not in names,
            abs(slopes[k]) != 1,
            list(limits).index(k),
        ),
    )
    chosen = order[0]
    others = position - slopes[chosen] * chosen
    return {
        chosen: sp.expand(index - others) / slopes[chosen]
        if slopes[chosen] != 1
        else sp.expand(index - others)
    }


def _mixed_radix(
    slopes: Mapping[sp.Symbol, sp.Expr], limits: Mapping[sp.Symbol, sp.Expr]
) -> list[tuple[sp.Symbol, sp.Expr]] | None:
    """Indices from the last digit to the first with their weights, where weights multiply up exactly."""
    weight, left, digits = sp.S.One, dict(slopes), []
    while left:
        k = next((k for k, c in left.items() if sp.expand(c - weight) == 0), None)
        if k is None:
            return None
        digits.append((k, weight))
        weight = sp.expand(weight * limits[k])
        del left[k]
    return digits


def _digits(
    radix: list[tuple[sp.Symbol, sp.Expr]], number: sp.Expr, limits: Mapping[sp.Symbol, sp.Expr]
) -> dict[sp.Symbol, sp.Expr]:
    solved = {}
    for place, (k, weight) in enumerate(radix):
        quotient = sp.floor(number / weight)
        solved[k] = quotient if place == len(radix) - 1 else sp.Mod(quotient, limits[k])
    return solved


def join_digits(expr: sp.Expr) -> sp.Expr:
    """Put quotient and remainder of one number together again: ``w·⌊t/w⌋ + t mod w = t``, inside positions."""
    if not expr.has(sp.Mod):
        return expr
    return expr.replace(
        lambda e: isinstance(e, Read), lambda read: Read(read.tensor, map(_joined, read.at), read.args[2])
    )


def _joined(position: sp.Expr) -> sp.Expr:
    if not position.has(sp.Mod):
        return position
    position = sp.expand(position)
    for remainder in sorted(position.atoms(sp.Mod), key=sp.default_sort_key):
        number, base = remainder.args
        inner = number.args[0] if isinstance(number, sp.floor) else number
        weight, quotient = position.coeff(remainder, 1), sp.floor(inner / base)
        if weight != 0 and sp.expand(position.coeff(quotient, 1) - weight * base) == 0:
            return _joined(position - weight * remainder - weight * base * quotient + weight * number)
    return position


def _provably_within(value: sp.Expr, extent: sp.Expr, extents: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether a position is proved to be in range; quotients and remainders count as digits with their own extents."""
    digits: dict[sp.Expr, sp.Symbol] = {}
    known = dict(extents)
    for part in sorted(value.atoms(sp.floor, sp.Mod), key=sp.default_sort_key):
        limit = _digit_extent(part, extents)
        if limit is not None:
            digits[part] = sp.Dummy("digit", integer=True, nonnegative=True)
            known[digits[part]] = limit
    plain = value.xreplace(digits)
    indices = plain.free_symbols & set(known)
    return not any(part.free_symbols & indices for part in plain.atoms(sp.floor, sp.Mod)) and inside(
        plain, extent, known
    )


def _digit_extent(part: sp.Expr, extents: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr | None:
    if isinstance(part, sp.Mod):
        return part.args[1]
    numerator, denominator = sp.fraction(sp.together(part.args[0]))
    if numerator not in extents:
        return None
    quotient = sp.cancel(extents[numerator] / denominator)
    return (
        quotient
        if sp.fraction(quotient)[1] == 1 and not (quotient.is_number and not quotient.is_Integer)
        else None
    )


def absorb(state: State, context: Context) -> State:
    """A condition that a zero-outside read of the product implies is dropped: that read is 0 where it fails."""
    return tuple(_absorb(_bare(term, context), context) for term in state)


def _bare(term: Term, context: Context) -> Term:
    """Drop the outside value of a read that is proved to stay inside."""
    extents = {**context.extents, **dict(term.limits)}
    bare = {
        read: read.unguarded()
        for read in sp.Mul.make_args(term.factor)
        if isinstance(read, Read)
        and read.outside is not None
        and all(_provably_within(p, e, extents) for p, e in zip(read.at, read.tensor.shape, strict=True))
    }
    return Term(rebind(term.factor, bare), term.limits, term.conditions, term.deltas) if bare else term


def _absorb(term: Term, context: Context) -> Term:
    ranges = [c for c in term.conditions if isinstance(c, Within)]
    extents = {**context.extents, **dict(term.limits)}
    factors = list(sp.Mul.make_args(term.factor))
    dropped: list[sp.Basic] = []
    for place, factor in enumerate(factors):
        if not isinstance(factor, Read):
            continue
        carried = [
            c
            for c in ranges
            if c not in dropped
            and any(
                p == c.position and e == c.extent for p, e in zip(factor.at, factor.tensor.shape, strict=True)
            )
        ]
        if carried:
            factors[place] = factor.guarded()
            dropped.extend(carried)
    if not dropped:
        return term
    rest = [c for c in term.conditions if c not in dropped]
    if any(_may_fail(part, extents) for part in (*factors, *rest)):
        return term
    return Term(sp.Mul(*factors), term.limits, tuple(rest), term.deltas)


def _may_fail(expr: sp.Basic, extents: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether ``expr`` reads somewhere that is not proved to be inside, or not guarded."""
    if isinstance(expr, Read):
        return expr.outside is None and not all(
            _provably_within(p, e, extents) for p, e in zip(expr.at, expr.tensor.shape, strict=True)
        )
    if isinstance(expr, Reduce | Selected):
        return _may_fail(expr.body, {**extents, **dict(expr.limits)})
    return any(_may_fail(arg, extents) for arg in expr.args)
