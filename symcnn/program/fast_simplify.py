"""Simplifications across statements: a value that is written out again is read, and deviations from a mean sum to 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, reads, rebind, same
from symcnn.core.plan import Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.fast_patterns import statements


def simplified(plan: Plan) -> Plan:
    """The plan with both simplifications; every value stays what it is."""
    forward = statements(plan.forward)
    output = next((s for s in forward if s.equation.tensor == plan.output), None)
    loss = tuple(_read_again(s, output) if output else s for s in plan.loss)
    means = {s.equation.tensor: s.equation for s in forward if _mean_of(s.equation) is not None}
    backward = tuple(_centred(s, means) for s in statements(plan.backward))
    return replace(plan, loss=loss, backward=backward)


def _read_again(loss: Statement, output: Statement) -> Statement:
    """The loss with the output read where its equation stands written out in it."""
    own = output.equation
    first = next((read for read in reads(own.body)), None)
    if first is None or any(not k.is_Symbol for k in own.target.at) or not own.body.args:
        return loss
    for part in sp.preorder_traversal(loss.equation.body):
        if part.func != own.body.func:
            continue
        for read in reads(part):
            names = _matched(first, read, {i.symbol for i in own.free})
            if names is not None and len(names) == len(own.free) and same(rebind(own.body, names), part):
                value = Read(own.tensor, [names[k] for k in own.target.at])
                body = loss.equation.body.xreplace({part: value})
                return replace(loss, equation=Equation(loss.equation.target, body, loss.equation.free))
    return loss


def _matched(pattern: Read, read: Read, free: set[sp.Symbol]) -> dict[sp.Symbol, sp.Symbol] | None:
    """What the free indices of ``pattern`` are in ``read``, found from the indices that stand at equal coefficients."""
    if pattern.tensor != read.tensor or pattern.outside != read.outside:
        return None
    names: dict[sp.Symbol, sp.Symbol] = {}
    for mine, other in zip(pattern.at, read.at, strict=True):
        here = [k for k in mine.free_symbols if k in free]
        for k in here:
            factor = sp.expand(mine).coeff(k, 1)
            found = [m for m in other.free_symbols if sp.expand(other).coeff(m, 1) == factor]
            found = [m for m in found if isinstance(m, sp.Symbol)]
            if factor == 1 and len(found) > 1:
                return None
            if len(found) != 1:
                return None
            names[k] = found[0]
    return names


def _mean_of(equation: Equation) -> tuple[Read, tuple[sp.Symbol, ...], sp.Expr] | None:
    """For T[c] = Σ z[…]/D: the read of z, the indices of the sum and D; else None."""
    coefficient, rest = equation.body.as_independent(Reduce, as_Add=False)
    if not isinstance(rest, Reduce) or rest.kind != "sum" or not isinstance(rest.body, Read):
        return None
    read = rest.body
    plain = all(p.is_Symbol for p in (*read.at, *equation.target.at)) and read.outside is None
    if not plain or len(set(read.at)) != len(read.at) or coefficient == 0:
        return None
    return read, rest.indices, 1 / coefficient


def _centred(statement: Statement, means: Mapping[Tensor, Equation]) -> Statement:
    """Σ (α·T[c] + β·z[n,c]) over what T is the mean of is (α·count + β·D)·T[c]; 0 where that vanishes."""
    body = statement.equation.body
    for part in [r for r in body.atoms(Reduce) if r.kind == "sum"]:
        value = _summed(part, means)
        if value is not None:
            body = body.xreplace({part: value})
    if body == statement.equation.body:
        return statement
    return replace(
        statement,
        equation=Equation(statement.equation.target, sp.expand_mul(body), statement.equation.free),
        scatters=(),
    )


def _summed(part: Reduce, means: Mapping[Tensor, Equation]) -> sp.Expr | None:
    found = reads(part.body)
    mean = next((read for read in found if read.tensor in means), None)
    if mean is None or len(found) != 2:
        return None
    known = _mean_of(means[mean.tensor])
    assert known is not None, "only means are collected"
    pattern, summed, divisor = known
    (other,) = (read for read in found if read != mean)
    if other.tensor != pattern.tensor or other.outside is not None:
        return None
    names = dict(zip(means[mean.tensor].target.at, mean.at, strict=True))
    bound = dict(part.limits)
    for mine, here in zip(pattern.at, other.at, strict=True):
        if mine in summed:
            if here not in bound:
                return None
        elif names.get(mine) != here:
            return None
    if len(bound) != len(summed) or set(mean.at) & set(bound):
        return None
    a, b = sp.Symbol("a"), sp.Symbol("b")
    linear = (
        sp.Poly(sp.expand(part.body.xreplace({mean: a, other: b})), a, b)
        if _is_linear(part, mean, other)
        else None
    )
    if linear is None or linear.total_degree() > 1 or linear.coeff_monomial(1) != 0:
        return None
    count = sp.Mul(*(extent for _, extent in part.limits))
    return sp.expand(linear.coeff_monomial(a) * count + linear.coeff_monomial(b) * divisor) * mean


def _is_linear(part: Reduce, mean: Read, other: Read) -> bool:
    left = part.body.xreplace({mean: sp.S.One, other: sp.S.One})
    return not left.free_symbols and not left.has(sp.Function)
