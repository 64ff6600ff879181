"""Composition: one equation read through another, and the algebra that then cancels (a − y, p − y)."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.calculus.simplify import algebra_lines, cost, split_scale
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read, Reduce, Where, Within, rebind
from symcnn.core.tensor import Tensor

Classes = Mapping[Tensor, sp.Expr]


def compose(expr: sp.Expr, producer: Equation) -> sp.Expr:
    """``expr`` with every read of the producer's target replaced by the producer's body.

    Raises UnsupportedFormula where the producer's target is not indexed by plain indices.
    """
    free = [index.symbol for index in producer.free]
    if list(producer.target.at) != free:
        raise UnsupportedFormula(
            f"cannot substitute {producer.target}, whose positions are not plain indices"
        )

    def visit(node: sp.Basic) -> sp.Basic:
        if isinstance(node, Read) and node.tensor == producer.tensor:
            inlined = rebind(_fresh(producer.body), dict(zip(free, node.at, strict=True)))
            if node.outside is None:
                return inlined
            inside = [Within(p, e) for p, e in zip(node.at, node.tensor.shape, strict=True)]
            return Where(sp.And(*inside), inlined, node.outside)
        return node.func(*(visit(arg) for arg in node.args)) if node.args else node

    return visit(expr)


def _fresh(body: sp.Expr) -> sp.Expr:
    """The body with bound indices of its own, so that it can stand twice in one expression."""
    if isinstance(body, Reduce):
        opened, limits = body.opened()
        return Reduce(body.kind, _fresh(opened), limits)
    return (
        body.func(*(_fresh(arg) if isinstance(arg, sp.Expr) else arg for arg in body.args))
        if body.args
        else body
    )


def settle(expr: sp.Expr, classes: Classes) -> sp.Expr:
    """Cancel fractions, move factors into cases, and sum out labels; ``classes`` gives the range of each label tensor.

    A label is an integer in [0, extent), so exactly one k has [label = k]: ``Σ_k [label = k]·v = v``.
    """
    if isinstance(expr, Read) or not expr.args:
        return expr
    if isinstance(expr, Where):
        value, otherwise = settle(expr.value, classes), settle(expr.otherwise, classes)
        if otherwise == 0:
            scale, rest = split_scale(value)
            return scale * Where(expr.condition, rest, 0)
        return Where(expr.condition, value, otherwise)
    if isinstance(expr, Reduce):
        return _settle_sum(expr, classes) if expr.kind == "sum" else expr
    if expr.is_Mul:
        return _settle_product(expr, classes)
    if expr.is_Add:
        return common_scale(sp.Add(*(settle(term, classes) for term in expr.args)))
    return expr


def _settle_product(expr: sp.Mul, classes: Classes) -> sp.Expr:
    cases = [f for f in expr.args if isinstance(f, Where) and f.otherwise == 0]
    if cases:
        rest = sp.Mul(*(f for f in expr.args if f is not cases[0]))
        if rest.has(Read):
            return settle(Where(cases[0].condition, rest * cases[0].value, 0), classes)
    product = sp.Mul(*(settle(f, classes) if f.has(Reduce, Where) or f.is_Add else f for f in expr.args))
    simplest = algebra_lines(product)[-1]
    product = simplest if cost(simplest) < cost(product) else product
    for factor in sp.Mul.make_args(product):
        if factor.is_Add and factor.has(Where):  # a·(1 − [k]/a) is a − [k], where the quotient could be 0/0
            terms = (settle(product / factor * term, classes) for term in factor.args)
            spread = common_scale(sp.Add(*terms))
            return spread if cost(spread) < cost(product) else product
    inner = [f for f in sp.Mul.make_args(product) if isinstance(f, Where)]
    return product if not inner or product == expr else settle(product, classes)


def _settle_sum(expr: Reduce, classes: Classes) -> sp.Expr:
    body = settle(expr.body, classes)
    scale, rest = split_scale(body)
    if isinstance(rest, Where) and rest.otherwise == 0:
        for k, extent in expr.limits:
            label = _label_of(rest.condition, k)
            if (
                label is not None
                and classes.get(label.tensor) == extent
                and not rest.value.free_symbols & {k}
            ):
                others = [limit for limit in expr.limits if limit[0] != k]
                return scale * Reduce("sum", rest.value, others)
    used = body.free_symbols
    idle = sp.Mul(*(extent for k, extent in expr.limits if k not in used))
    return scale * idle * Reduce("sum", rest, [limit for limit in expr.limits if limit[0] in used])


def _label_of(condition: sp.Basic, k: sp.Symbol) -> Read | None:
    if isinstance(condition, sp.Eq):
        for left, right in (condition.args, condition.args[::-1]):
            if right == k and isinstance(left, Read) and k not in left.free_symbols:
                return left
    return None


def common_scale(expr: sp.Expr) -> sp.Expr:
    """A sum with the factor that all of its terms share in front."""
    if not expr.is_Add:
        return expr
    pairs = [split_scale(term) for term in expr.args]
    first = pairs[0][0]
    ratios = [sp.cancel(scale / first) for scale, _ in pairs]
    if not all(r.is_number for r in ratios):
        return expr
    sign = -1 if sum(1 for r, _ in zip(ratios, pairs, strict=True) if r.is_negative) * 2 > len(ratios) else 1
    if first.could_extract_minus_sign():
        sign = -sign if len(ratios) == 2 and any(r.is_negative for r in ratios) else sign
    inner = sp.Add(*(sign * r * rest for r, (_, rest) in zip(ratios, pairs, strict=True)))
    return sign * first * inner
