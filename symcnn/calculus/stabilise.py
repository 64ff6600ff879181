"""Rewriting into forms that neither overflow nor take the logarithm of 0, found by algebra, not by a list of layers.

log σ(u) = −softplus(−u), log(1 − σ(u)) = −softplus(u), log(e^u/S) = u − log S, and the shift theorem: with m = max u,
Σ e^u = e^m Σ e^(u−m), so that log Σ e^u = m + log Σ e^(u−m) and e^v/Σ e^u = e^(v−m)/Σ e^(u−m).
"""

from __future__ import annotations

import sympy as sp

from symcnn.core.expr import Reduce, rebind
from symcnn.core.functions import fold, sigmoid, softplus
from symcnn.core.index import fresh


def stabilise(expr: sp.Expr) -> sp.Expr:
    """An equal expression that stays finite for arguments of any size, where one is known."""
    return _shift(_logarithms(fold(expr)))


def _logarithms(expr: sp.Expr) -> sp.Expr:
    return expr.replace(lambda e: isinstance(e, sp.log), lambda e: _log(e.args[0]))


def _log(argument: sp.Expr) -> sp.Expr:
    if isinstance(argument, sigmoid):
        return -softplus(-argument.args[0])
    if argument.is_Add and len(argument.args) == 2 and argument.args[0] == 1:
        other = argument.args[1]
        if isinstance(-other, sigmoid):
            return -softplus((-other).args[0])
    if isinstance(argument, sp.exp):
        return argument.args[0]
    if argument.is_Mul and all(_positive(factor) for factor in argument.args):
        return sp.Add(*(_log(factor) for factor in argument.args))
    if argument.is_Pow and _positive(argument.base):
        return argument.exp * _log(argument.base)
    return sp.log(argument)


def _positive(expr: sp.Expr) -> bool:
    if isinstance(expr, Reduce):
        return expr.kind in ("sum", "prod") and _positive(expr.body)
    if expr.is_Pow:
        return _positive(expr.base)
    if expr.is_Mul or expr.is_Add:
        return all(_positive(arg) for arg in expr.args)
    return bool(expr.is_positive)


def _shift(expr: sp.Expr) -> sp.Expr:
    """Subtract the maximum inside sums of exponentials, where a logarithm or a ratio allows it."""
    if isinstance(expr, sp.log) and _exponential_sum(expr.args[0]):
        peak, shifted = _shifted(expr.args[0])
        return peak + sp.log(shifted)
    if expr.is_Mul:
        expr = _ratio(expr)
    if not expr.args:
        return expr
    return expr.func(*(_shift(arg) if isinstance(arg, sp.Expr) else arg for arg in expr.args))


def _exponential_sum(expr: sp.Basic) -> bool:
    return (
        isinstance(expr, Reduce)
        and expr.kind == "sum"
        and isinstance(expr.body, sp.exp)
        and not _is_shifted(expr)
    )


def _is_shifted(expr: Reduce) -> bool:
    return any(isinstance(node, Reduce) and node.kind == "max" for node in sp.preorder_traversal(expr.body))


def _shifted(total: Reduce) -> tuple[sp.Expr, sp.Expr]:
    """The maximum of the exponents, and the sum with that maximum subtracted."""
    renaming = {k: fresh(k.name) for k in total.indices}
    peak = Reduce(
        "max", rebind(total.body.args[0], renaming), [(renaming[k], extent) for k, extent in total.limits]
    )
    return peak, Reduce("sum", sp.exp(total.body.args[0] - peak), total.limits)


def _ratio(expr: sp.Mul) -> sp.Expr:
    """e^v/Σe^u: numerator and denominator over e^(max u), as often as both have the power for it."""
    for factor in expr.args:
        base, power = factor.as_base_exp()
        if not (_exponential_sum(base) and power.is_Integer and power < 0):
            continue
        exponents = [f.args[0] for f in expr.args if isinstance(f, sp.exp)]
        if not exponents:
            continue
        peak, shifted = _shifted(base)
        rest = sp.Mul(*(f for f in expr.args if f != factor and not isinstance(f, sp.exp)))
        return rest * sp.exp(sp.Add(*exponents) + power * peak) * shifted**power
    return expr
