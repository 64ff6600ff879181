"""Closed forms: the cotangents of intermediate values written out, and sums over deviations from a mean removed.

``Σ x = M·m`` where an equation defines m as the mean of x, so ``Σ (x − m) = 0``: with this rule the three-step
gradient of a batch norm becomes its textbook form, and a bias before it is seen to have no gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import sympy as sp

from symcnn.calculus.compose import compose
from symcnn.calculus.simplify import cost, split_scale
from symcnn.calculus.spread import atomise
from symcnn.calculus.term import common_factors, split
from symcnn.core.equation import Equation
from symcnn.core.expr import Limit, Read, Reduce, canonical, reads, rebind, same
from symcnn.core.index import fresh


def closed_form(forward: Sequence[Equation], cotangents: Sequence[Equation], name: str) -> Equation:
    """The named cotangent in terms of the output's cotangent and forward values only.

    ``cotangents`` defines intermediate cotangents before they are used.
    """
    by_name = {equation.tensor.name: equation for equation in cotangents}
    wanted = by_name[name]
    body = simplify_sums(wanted.body, forward)
    for equation in reversed([e for e in cotangents if e is not wanted]):
        if any(read.tensor == equation.tensor for read in reads(body)):
            inner = Equation(equation.target, simplify_sums(equation.body, forward), equation.free)
            body = simplify_sums(compose(body, inner), forward)
    return Equation(wanted.target, common_factors(body), wanted.free)


def simplify_sums(expr: sp.Expr, forward: Sequence[Equation]) -> sp.Expr:
    """Every sum taken apart where that makes it simpler: idle indices counted, sums that define a mean replaced."""
    if not expr.args or isinstance(expr, Read):
        return expr
    expr = expr.func(*(simplify_sums(arg, forward) if isinstance(arg, sp.Expr) else arg for arg in expr.args))
    if isinstance(expr, Reduce) and expr.kind == "sum":
        apart = sp.expand(sp.Add(*_apart(expr, forward)))
        apart = sp.Add(*_merged(apart)) if apart.is_Add else apart
        return apart if cost(apart) < cost(expr) else expr
    if expr.is_Add:
        merged = sp.Add(*_merged(expr))
        return merged if cost(merged) < cost(expr) else expr
    return expr


def _apart(total: Reduce, forward: Sequence[Equation]) -> Iterator[sp.Expr]:
    plain, atoms = atomise(total.body)
    for term in sp.Add.make_args(sp.expand(plain)):
        outer, inner = split(term.xreplace(atoms), set(total.indices))
        body = sp.Mul(*inner)
        idle = [extent for k, extent in total.limits if k not in body.free_symbols]
        limits = [limit for limit in total.limits if limit[0] in body.free_symbols]
        yield sp.Mul(*outer, *idle) * (_known(body, limits, forward) if limits else body)


def _known(body: sp.Expr, limits: Sequence[Limit], forward: Sequence[Equation]) -> sp.Expr:
    """The sum of ``body``, by the equation that defines its mean where there is one."""
    scale, inner = split_scale(body)
    total = Reduce("sum", inner, limits)
    if isinstance(inner, Read) and len(limits) == 1 and _sums_to_one(inner, limits[0], forward):
        return scale
    for equation in forward:
        factor, defined = split_scale(equation.body)
        if not isinstance(defined, Reduce) or defined.kind != "sum" or factor == 0:
            continue
        renaming = _match(defined, total, [i.symbol for i in equation.free])
        if renaming is not None:
            return scale * rebind(equation.target, renaming) / factor
    return scale * total


def _sums_to_one(read: Read, limit: Limit, forward: Sequence[Equation]) -> bool:
    """Whether Σ_k y[…, k, …] = 1 because y is normalised over that index, as a softmax is."""
    for equation in forward:
        if equation.tensor != read.tensor or read.outside is not None or read.at.count(limit[0]) != 1:
            continue
        position = equation.target.at[read.at.index(limit[0])]
        if position.is_Symbol and position in normalised(equation):
            return True
    return False


def normalised(equation: Equation) -> list[sp.Symbol]:
    """The free indices over which the target sums to 1: ``Σ_k e^z_k/Σ_l e^z_l``."""
    found = []
    for index in equation.free:
        k = fresh(index.symbol.name)
        outer, inner = split(rebind(equation.body, {index.symbol: k}), {k})
        summed = Reduce("sum", sp.Mul(*inner), [(k, index.extent)])
        rest = [factor for factor in outer if not _is_inverse(factor, summed)]
        if len(rest) == len(outer) - 1 and sp.Mul(*rest) == 1:
            found.append(index.symbol)
    return found


def _is_inverse(factor: sp.Expr, total: sp.Expr) -> bool:
    base, power = factor.as_base_exp()
    return bool(power == -1 and same(base, total))


def shift_invariances(forward: Sequence[Equation], cotangent: Equation) -> list[tuple[sp.Symbol, ...]]:
    """The smallest sets of axes over which the cotangent sums to 0, whatever the output's cotangent is.

    A constant added to the tensor along such axes does not change the output: softmax over its classes, a batch norm
    over batch and space (so that a bias before it has no gradient).
    """
    free = [i.symbol for i in cotangent.free]
    found: list[tuple[sp.Symbol, ...]] = []
    for count in range(1, len(free) + 1):
        for axes in itertools.combinations(free, count):
            if any(set(smaller) <= set(axes) for smaller in found):
                continue
            names = {k: fresh(k.name) for k in axes}
            limits = [(names[i.symbol], i.extent) for i in cotangent.free if i.symbol in names]
            if simplify_sums(Reduce("sum", sp.expand(rebind(cotangent.body, names)), limits), forward) == 0:
                found.append(axes)
    return found


def _match(pattern: Reduce, total: sp.Basic, free: Sequence[sp.Symbol]) -> dict[sp.Basic, sp.Basic] | None:
    """Values of the free indices at which the two sums are the same, up to the order of their bound indices."""
    if not isinstance(total, Reduce) or len(pattern.limits) != len(total.limits):
        return None
    left, right = reads(pattern.body), reads(total.body)
    if len(left) != 1 or len(right) != 1 or left[0].tensor != right[0].tensor:
        return None
    renaming = {p: q for p, q in zip(left[0].at, right[0].at, strict=True) if p in free}
    order = {p: q for p, q in zip(left[0].at, right[0].at, strict=True) if p in pattern.indices}
    if set(order.values()) != set(total.indices) or len(renaming) != len(free):
        return None
    moved = Reduce(
        "sum", rebind(pattern.body, {**renaming, **order}), [(order[k], e) for k, e in pattern.limits]
    )
    same_limits = {(k, e) for k, e in moved.limits} == {(k, e) for k, e in total.limits}
    return dict(renaming) if same_limits and moved.body == total.body else None


def _merged(expr: sp.Add) -> Iterator[sp.Expr]:
    """Terms whose sums differ only in bound names are added."""
    found: dict[sp.Basic, list[sp.Expr]] = {}
    for term in expr.args:
        coefficient, rest = term.as_coeff_Mul()
        found.setdefault(canonical(rest), []).append((coefficient, rest))
    for terms in found.values():
        yield sp.Add(*(c for c, _ in terms)) * terms[0][1]
