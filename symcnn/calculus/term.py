"""Terms of a cotangent: Σ over bound indices of a factor, under conditions, with Kronecker deltas still to contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp
from sympy.logic.boolalg import Boolean

from symcnn.core.expr import Delta, Limit, Reduce, Where, rebind


@dataclass(frozen=True, slots=True)
class Term:
    """``Σ_limits [conditions] · factor · Π δ(position, index)``.

    Where a condition is false the term is 0 and its factor is not evaluated.
    """

    factor: sp.Expr
    limits: tuple[Limit, ...] = ()
    conditions: tuple[Boolean, ...] = ()
    deltas: tuple[tuple[sp.Expr, sp.Symbol], ...] = ()

    def substituted(self, mapping: Mapping[sp.Basic, sp.Basic]) -> Term:
        """Replace symbols everywhere but among the limits' own indices."""
        return Term(
            rebind(self.factor, mapping),
            tuple((k, rebind(extent, mapping)) for k, extent in self.limits),
            tuple(c for c in (rebind(c, mapping) for c in self.conditions) if c != sp.true),
            tuple((rebind(position, mapping), index) for position, index in self.deltas),
        )

    def without(self, index: sp.Symbol) -> Term:
        """The term with one bound index taken off its limits."""
        return replace(self, limits=tuple(limit for limit in self.limits if limit[0] != index))

    @property
    def indices(self) -> tuple[sp.Symbol, ...]:
        return tuple(k for k, _ in self.limits)

    def expr(self) -> sp.Expr:
        """The term as one expression; what does not depend on the bound indices stands before the sum."""
        bound = set(self.indices)
        product = self.factor * sp.Mul(*(Delta(position, index) for position, index in self.deltas))
        outer_factors, inner_factors = split(product, bound)
        outer = [c for c in self.conditions if not c.free_symbols & bound]
        inner = [c for c in self.conditions if c.free_symbols & bound]
        summed = Reduce("sum", Where(sp.And(*inner), sp.Mul(*inner_factors), 0), self.limits)
        return Where(sp.And(*outer), sp.Mul(*outer_factors) * summed, 0)


def split(product: sp.Expr, bound: set[sp.Symbol]) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Factors free of the bound indices, and the others."""
    outer: list[sp.Expr] = []
    inner: list[sp.Expr] = []
    for factor in sp.Mul.make_args(product):
        (inner if factor.free_symbols & bound else outer).append(factor)
    return outer, inner


def total(terms: tuple[Term, ...]) -> sp.Expr:
    """The sum of terms as one expression, terms under the same condition together."""
    groups: dict[sp.Basic, list[sp.Expr]] = {}
    for term in terms:
        e = term.expr()
        condition, value = (
            (e.condition, e.value) if isinstance(e, Where) and e.otherwise == 0 else (sp.true, e)
        )
        groups.setdefault(condition, []).append(value)
    return sp.Add(
        *(Where(condition, common_factors(sp.Add(*values)), 0) for condition, values in groups.items())
    )


def common_factors(expr: sp.Expr) -> sp.Expr:
    """A sum with the powers that all of its terms share in front."""
    if not expr.is_Add:
        return _whole_numbers(expr)
    tables = [dict(factor.as_base_exp() for factor in sp.Mul.make_args(term)) for term in expr.args]
    shared = sp.S.One
    for base in sorted(tables[0], key=sp.default_sort_key):
        powers = [table[base] for table in tables if base in table]
        if base.is_number or len(powers) < len(tables) or not all(p.is_number for p in powers):
            continue
        if len({bool(p.is_negative) for p in powers}) == 1:
            shared *= base ** (max(powers) if powers[0].is_negative else min(powers))
    return shared * sp.Add(*(_whole_numbers(term / shared) for term in expr.args))


def _whole_numbers(term: sp.Expr) -> sp.Expr:
    """(2·x − 2·m)/2 as x − m."""
    contents = [factor.primitive() for factor in sp.Mul.make_args(term)]
    return sp.Mul(*(number for number, _ in contents)) * sp.Mul(*(rest for _, rest in contents))
