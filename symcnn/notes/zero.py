"""Whether an expression is zero: proved, refuted by numbers, or open."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import comb, prod
from typing import Any

import sympy as sp

from symcnn.notes import numeric
from symcnn.notes.limits import spend
from symcnn.notes.opaque import chosen, equal, positive, sigmoid, tanh

LARGEST = 6000
"""Operations in an expression above which no proof is tried."""


TERM = 10
"""Steps of work that one operation, or one product in a sum, costs when it is rewritten."""

MOST_PRODUCTS = 10**9


class Zero(Enum):
    """The outcome of a test for zero."""

    PROVED = "proved"
    REFUTED = "refuted"
    OPEN = "open"


def test(expr: sp.Expr) -> Zero:
    """Whether `expr` is zero. Numbers refute only; PROVED comes from exact rewriting."""
    if expr == 0:
        return Zero.PROVED
    if expr.is_number and not expr.has(sp.Float):
        return _number(expr)
    if not _survives(expr):
        return Zero.REFUTED
    if expr.count_ops() > LARGEST:
        return Zero.OPEN
    return Zero.PROVED if _rewrites_to_zero(expr) else Zero.OPEN


def _number(expr: sp.Expr) -> Zero:
    if expr.is_Rational:
        return Zero.REFUTED
    value = sp.N(expr, 40)
    if value.is_comparable and abs(value) > sp.Float("1e-25"):
        return Zero.REFUTED
    return Zero.PROVED if sp.nsimplify(sp.expand(expr)) == 0 or sp.simplify(expr) == 0 else Zero.OPEN


def _rewrites_to_zero(expr: sp.Expr) -> bool:
    return any(rewrite(expr) == 0 for rewrite in (_expanded, _numerator, _explicit))


def _expanded(expr: sp.Expr) -> sp.Expr:
    spend(_effort(expr))
    return _reduced(sp.expand(expr))


def _numerator(expr: sp.Expr) -> sp.Expr:
    spend(TERM * int(expr.count_ops()))
    numerator, _ = sp.fraction(sp.together(_radicals(sp.expand_log(expr, force=True))))
    spend(_effort(numerator))
    return _reduced(sp.expand(sp.expand_log(numerator, force=True)))


def _explicit(expr: sp.Expr) -> sp.Expr:
    """The numerator after the logistic function and tanh are written with exp."""
    spend(TERM * int(expr.count_ops()))
    z = sp.Wild("z")
    written = expr.replace(sigmoid(z), lambda z: 1 / (1 + sp.exp(-z)))
    written = written.replace(tanh(z), lambda z: (sp.exp(2 * z) - 1) / (sp.exp(2 * z) + 1))
    written = sp.expand_log(sp.expand(written, power_exp=True, mul=False), force=True)
    numerator, _ = sp.fraction(sp.together(_exponentials(written)))
    spend(_effort(numerator))
    return _reduced(sp.expand(numerator))


def _effort(expr: sp.Expr) -> int:
    """Steps that it takes to multiply an expression out, by the products in the result, before they cancel."""
    found = 0
    products: dict[sp.Expr, int] = {}
    for part in sp.postorder_traversal(expr):
        if part not in products:
            products[part] = _products(part, products)
            found += products[part]
    return TERM * (found + int(expr.count_ops()))


def _products(expr: sp.Expr, parts: Mapping[sp.Expr, int]) -> int:
    """How many products an expression is the sum of when it is multiplied out; capped at MOST_PRODUCTS."""
    if expr.is_Add:
        count = sum(parts[term] for term in expr.args)
    elif expr.is_Mul:
        count = prod(parts[factor] for factor in expr.args)
    elif expr.is_Pow and expr.exp.is_Integer and 1 < expr.exp < parts[expr.base] + 60:
        times = int(expr.exp)
        count = comb(parts[expr.base] + times - 1, times)
    else:
        count = 1
    return min(count, MOST_PRODUCTS)


def _exponentials(expr: sp.Expr) -> sp.Expr:
    """exp(-z) as 1/E, exp(2z) as E**2: one symbol for each basic exponential."""
    names: dict[sp.Expr, sp.Symbol] = {}
    table: dict[sp.Expr, sp.Expr] = {}
    for found in sorted(expr.atoms(sp.exp), key=sp.default_sort_key):
        exponent = sp.expand(found.args[0])
        value: sp.Expr = sp.Integer(1)
        for term in sp.Add.make_args(exponent):
            factor, rest = term.as_coeff_Mul()
            if not factor.is_Integer:
                factor, rest = sp.Integer(1), term
            value *= names.setdefault(rest, sp.Symbol(f"E{len(names)}", positive=True)) ** factor
        table[found] = value
    return expr.xreplace(table)


def _radicals(expr: sp.Expr) -> sp.Expr:
    """Fractional powers of a sum as powers of one symbol: s = sqrt(base), base = s**2."""
    bases = sorted(
        {p.base for p in expr.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2 and not p.base.is_number},
        key=sp.default_sort_key,
    )
    for number, base in enumerate(bases):
        root = sp.Symbol(f"root{number}", positive=True)
        leading = next((s for s in sorted(base.free_symbols, key=str) if _linear(base, s)), None)
        expr = expr.replace(
            lambda e, base=base: e.is_Pow and e.base == base,
            lambda e, root=root: root ** (2 * e.exp),
        )
        if leading is not None:
            slope = sp.diff(base, leading)
            expr = expr.xreplace({leading: (root**2 - base.xreplace({leading: sp.Integer(0)})) / slope})
    return expr


def _linear(base: sp.Expr, symbol: sp.Symbol) -> bool:
    slope = sp.diff(base, symbol)
    return bool(slope.is_number and slope != 0)


def _reduced(expr: sp.Expr) -> sp.Expr:
    """With P**2 = P for indicators, and the indicators of one maximum adding up to one."""
    indicators = expr.atoms(positive, chosen, equal)
    if not indicators:
        return expr
    groups: dict[tuple[sp.Expr, ...], list[sp.Expr]] = {}
    for found in indicators:
        if isinstance(found, chosen):
            groups.setdefault(found.args[1:], []).append(found)
    table: dict[sp.Expr, sp.Expr] = {}
    for values, _members in sorted(groups.items(), key=lambda item: str(item[0])):
        last = chosen(sp.Integer(len(values) - 1), *values)
        table[last] = 1 - sp.Add(*(chosen(sp.Integer(k), *values) for k in range(len(values) - 1)))
    return sp.expand(sp.expand(expr.xreplace(table)).replace(_indicator_power, lambda e: e.base))


def _indicator_power(expr: sp.Expr) -> bool:
    return bool(expr.is_Pow and isinstance(expr.base, positive | chosen | equal) and expr.exp.is_positive)


def _survives(expr: sp.Expr) -> bool:
    """Whether the expression is zero at two points of rational numbers, to 30 digits."""
    for seed in (1, 2):
        value = _number_at(expr, seed)
        if value is not None and abs(value) > sp.Float("1e-18") * (1 + abs(value)):
            return False
    return True


def _number_at(expr: sp.Expr, seed: int) -> Any:
    """The value at `point`; None where it is no number."""
    known = {s: numeric.fraction(v) for s, v in point(expr, seed).items()}
    try:
        number = numeric.value(expr, known.__getitem__, {}, seed)
    except numeric.Irregular:
        return at_point(expr, seed)
    except numeric.NoValue:
        return None
    return numeric.rational(number)


def point(expr: sp.Expr, seed: int) -> dict[sp.Expr, sp.Rational]:
    """Positive rational numbers for the symbols, the same ones whenever asked."""
    names = sorted(expr.free_symbols, key=lambda symbol: symbol.name)
    state = 7 * seed + 3
    values: dict[sp.Expr, sp.Rational] = {}
    for name in names:
        state = (state * 137 + 29) % 1009
        values[name] = sp.Rational(state % 89 + 5, 101 + 2 * seed)
    return values


def at_point(expr: sp.Expr, seed: int) -> Any:
    """The value at `point`, unknown functions replaced by numbers; None where it is no number."""
    values = expr.xreplace(point(expr, seed))
    for _ in range(6):
        applied = [f for f in values.atoms(sp.Function) if _opaque(f) and not f.args[0].has(sp.Function)]
        if not applied:
            break
        values = values.xreplace({f: _pretend(f, seed) for f in applied})
    number = sp.N(values.replace(sigmoid, lambda z: 1 / (1 + sp.exp(-z))), 30)
    if number.has(sp.nan, sp.zoo, sp.oo):
        return None
    return number if number.is_number else None


def _opaque(f: sp.Expr) -> bool:
    return type(f).__module__ == "symcnn.notes.opaque" and not isinstance(
        f, sigmoid | tanh | positive | equal
    )


def _pretend(f: sp.Expr, seed: int) -> sp.Rational:
    """A number for an unknown function's value; equal arguments give equal numbers."""
    known = [sp.N(a, 40) if a.is_number and a.is_comparable else None for a in f.args]
    return sp.Rational(*numeric.pretended(type(f).__name__, known, seed))
