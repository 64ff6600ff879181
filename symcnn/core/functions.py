"""Named elementwise functions, each given by its definition; kinked ones are cases.

No derivative is listed here: SymPy differentiates the definition, and a derivative in the function's own output
(σ′ = σ(1−σ)) is found by inverting the function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import sympy as sp

from symcnn.core.expr import Where

Tie = Literal["first", "last", "split"]


@cache
def derivative_in_output(definition: Callable[[sp.Expr], sp.Expr]) -> sp.Expr | None:
    """f′ as an expression in ``a`` = f(z), found by solving a = f(z) for z; None where f has no single inverse."""
    a, z = sp.Symbol("a", real=True), sp.Symbol("z", real=True)
    try:
        inverses = sp.solve(sp.Eq(a, definition(z)), z)
    except NotImplementedError:
        return None
    if len(inverses) != 1:
        return None
    return sp.factor(sp.simplify(sp.diff(definition(z), z).subs(z, inverses[0])))


def _logistic(z: sp.Expr) -> sp.Expr:
    return 1 / (1 + sp.exp(-z))


class sigmoid(sp.Function):  # noqa: N801 - spelled as in the formula language
    """σ(z) = 1/(1 + exp(−z))."""

    nargs = 1
    is_extended_real = True
    is_real = True
    is_positive = True

    def definition(self) -> sp.Expr:
        """The function written out."""
        return _logistic(self.args[0])

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        found = derivative_in_output(_logistic)
        assert found is not None, "the logistic function has one inverse"
        return found.subs(sp.Symbol("a", real=True), self)


class softplus(sp.Function):  # noqa: N801
    """softplus(z) = log(1 + exp(z))."""

    nargs = 1
    is_extended_real = True
    is_real = True
    is_positive = True

    def definition(self) -> sp.Expr:
        """The function written out."""
        return sp.log(1 + sp.exp(self.args[0]))

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        z = sp.Symbol("z", real=True)
        return fold(sp.diff(sp.log(1 + sp.exp(z)), z)).subs(z, self.args[0])


@dataclass(frozen=True, slots=True)
class KinkPolicy:
    """What a derivative is at a kink or tie; the formula, the reference evaluator and the code share it.

    ``tie``: which of several equal maxima gets the cotangent: the ``first`` or ``last`` in row-major order, or an
    equal share each (``split``). ``relu_at_zero``: the slope of max(z, 0), and of every maximum of a value and a
    constant, where both are equal.
    """

    tie: Tie = "first"
    relu_at_zero: sp.Expr = sp.S.Zero

    def maximum(self, left: sp.Expr, right: sp.Expr, *, constant: bool = False) -> sp.Expr:
        """max(left, right) as cases; ``constant`` says that ``right`` does not depend on a tensor."""
        share = self._right_share(constant)
        if share == 1:
            return Where(sp.Gt(left, right), left, right)
        if share == 0:
            return Where(sp.Ge(left, right), left, right)
        mixed = (1 - share) * left + share * right
        return Where(sp.Gt(left, right), left, Where(sp.Lt(left, right), right, mixed))

    def minimum(self, left: sp.Expr, right: sp.Expr, *, constant: bool = False) -> sp.Expr:
        """min(left, right) as cases."""
        share = self._right_share(constant)
        if share == 1:
            return Where(sp.Lt(left, right), left, right)
        if share == 0:
            return Where(sp.Le(left, right), left, right)
        mixed = (1 - share) * left + share * right
        return Where(sp.Lt(left, right), left, Where(sp.Gt(left, right), right, mixed))

    def _right_share(self, constant: bool) -> sp.Expr:
        if constant:
            return 1 - self.relu_at_zero
        return {"first": sp.S.Zero, "last": sp.S.One, "split": sp.S.Half}[self.tie]

    def describe(self) -> str:
        """One sentence for the derivation."""
        tie = {
            "first": "the first maximum in row-major order gets the whole cotangent",
            "last": "the last maximum in row-major order gets the whole cotangent",
            "split": "equal maxima share the cotangent equally",
        }[self.tie]
        return f"At a tie {tie}; the slope of max(z, 0) at 0 is {self.relu_at_zero}."


FIRST = KinkPolicy()


def absolute(z: sp.Expr) -> sp.Expr:
    """|z| as cases, with slope 0 at 0."""
    return Where(sp.Gt(z, 0), z, Where(sp.Lt(z, 0), -z, 0))


def signum(z: sp.Expr) -> sp.Expr:
    """sign(z) as cases."""
    return Where(sp.Gt(z, 0), 1, Where(sp.Lt(z, 0), -1, 0))


def fold(expr: sp.Expr) -> sp.Expr:
    """Name σ and softplus where their definitions stand written out; the value does not change."""
    folded = expr.replace(_is_softplus, lambda e: softplus(_required(e.args[0])))
    folded = folded.replace(_is_logistic_power, _fold_power)
    return folded.replace(lambda e: e.is_Mul and e.has(sigmoid) and e.has(sp.exp), _fold_product)


def unfold(expr: sp.Expr) -> sp.Expr:
    """Write σ and softplus out by their definitions."""
    return expr.replace(lambda e: isinstance(e, sigmoid | softplus), lambda e: e.definition())


def _exponent_beside_one(e: sp.Expr) -> sp.Expr | None:
    """u where ``e`` is 1 + exp(u), else None."""
    if e.is_Add and len(e.args) == 2 and e.args[0] == 1 and isinstance(e.args[1], sp.exp):
        return e.args[1].args[0]
    return None


def _required(e: sp.Expr) -> sp.Expr:
    found = _exponent_beside_one(e)
    assert found is not None, "called on what the pattern has matched"
    return found


def _is_softplus(e: sp.Expr) -> bool:
    return isinstance(e, sp.log) and _exponent_beside_one(e.args[0]) is not None


def _is_logistic_power(e: sp.Expr) -> bool:
    return bool(e.is_Pow and e.exp.is_Integer and e.exp < 0 and _exponent_beside_one(e.base) is not None)


def _fold_power(e: sp.Expr) -> sp.Expr:
    return sigmoid(-_required(e.base)) ** (-e.exp)


def _fold_product(e: sp.Expr) -> sp.Expr:
    """exp(−u)·σ(u) = 1 − σ(u) and exp(u)·σ(−u) = σ(u), as often as the powers allow."""
    for factor in e.args:
        base, power = factor.as_base_exp()
        if not isinstance(base, sigmoid) or not power.is_Integer or power < 1:
            continue
        u = base.args[0]
        if e / sp.exp(-u) != e and not (e / sp.exp(-u)).has(sp.exp):
            other = sigmoid(-u) if u.could_extract_minus_sign() else 1 - base
            return _fold_product_rest(e / sp.exp(-u) / base * other)
    return e


def _fold_product_rest(e: sp.Expr) -> sp.Expr:
    return e if not (e.is_Mul and e.has(sp.exp)) else _fold_product(e)
