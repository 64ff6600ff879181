"""Functions that proofs take as they are: activations, unknown functions, and indicators of conditions.

An indicator is 1 where its condition is true, 0 where it is false; at the border, where it has no derivative,
nothing is claimed. Maxima are written with indicators, so that a piecewise rule is a polynomial identity.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sympy as sp


class sigmoid(sp.Function):  # noqa: N801
    """1 / (1 + exp(-z)); its derivative in its own output is a(1 - a)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self * (1 - self)


class tanh(sp.Function):  # noqa: N801
    """The hyperbolic tangent without rewriting; its derivative in its own output is 1 - a²."""

    nargs = 1

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        if z == 0:
            return sp.Integer(0)
        return -cls(-z) if z.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 - self**2

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return sp.tanh(self.args[0].evalf(prec))._eval_evalf(prec)


class positive(sp.Function):  # noqa: N801
    """1 where the argument is above 0, 0 where it is below."""

    nargs = 1

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        if z.is_number and z.is_comparable:
            return sp.Integer(1) if z > 0 else sp.Integer(0)
        if z.could_extract_minus_sign():
            return 1 - cls(-z)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def _eval_power(self, exponent: sp.Expr) -> sp.Expr | None:
        return self if exponent.is_positive and exponent.is_integer else None


class equal(sp.Function):  # noqa: N801
    """1 where both arguments are the same number, 0 elsewhere."""

    nargs = 2

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        if a.is_number and b.is_number:
            return sp.Integer(1) if a == b else sp.Integer(0)
        for one, other in ((a, b), (b, a)):
            for mark in other.atoms(chosen):
                values = mark.args[1:]
                if one in values and other == maximum(list(values)):
                    return chosen(sp.Integer(values.index(one)), *values)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)


class chosen(sp.Function):  # noqa: N801
    """1 where entry number k (first argument) is the maximum of the others, for no ties."""

    @classmethod
    def eval(cls, k: sp.Expr, *values: sp.Expr) -> sp.Expr | None:
        if all(value.is_number for value in values):
            best = max(range(len(values)), key=lambda place: (values[place], -place))
            return sp.Integer(1) if best == k else sp.Integer(0)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)

    def _eval_power(self, exponent: sp.Expr) -> sp.Expr | None:
        return self if exponent.is_positive and exponent.is_integer else None


def relu(z: sp.Expr) -> sp.Expr:
    """max(z, 0) as z where it is positive."""
    return z * positive(z)


def maximum(values: list[sp.Expr]) -> sp.Expr:
    """The greatest of some values: each one times the indicator that it is chosen."""
    if len(values) == 1:
        return values[0]
    if len(values) == 2:
        a, b = values
        first = positive(sp.expand(a - b))
        return a * first + b * (1 - first)
    return sp.Add(*(value * chosen(sp.Integer(k), *values) for k, value in enumerate(values)))


def taken(k: int, values: list[sp.Expr]) -> sp.Expr:
    """The indicator that the greatest of some values is number k."""
    if len(values) == 1:
        return sp.Integer(1)
    if len(values) == 2:
        first = positive(sp.expand(values[0] - values[1]))
        return 1 - first if k else first
    return chosen(sp.Integer(k), *values)


@cache
def unknown(name: str) -> Any:
    """A function of one number of which only the name is known; its derivative is the name with a prime."""

    def fdiff(self: sp.Function, argindex: int = 1) -> sp.Expr:
        return unknown(name + "'")(*self.args)

    # Without _should_evalf SymPy would look for a function of that name in mpmath, where phi is a number.
    no_number = classmethod(lambda cls, argument: -1)
    return type(name, (sp.Function,), {"fdiff": fdiff, "nargs": 1, "_should_evalf": no_number})


def elementary(name: str) -> Any:
    """A function by the name that notes give to it, None for a name that is no such function."""
    return ELEMENTARY.get(name) or ELEMENTARY.get(name.lower().replace("-", "").replace("_", ""))


def _softplus(z: sp.Expr) -> sp.Expr:
    return sp.log(1 + sp.exp(z))


ELEMENTARY: dict[str, Any] = {
    "exp": sp.exp,
    "log": sp.log,
    "ln": sp.log,
    "tanh": tanh,
    "th": tanh,
    "sinh": sp.sinh,
    "sh": sp.sinh,
    "ch": sp.cosh,
    "cosh": sp.cosh,
    "sin": sp.sin,
    "cos": sp.cos,
    "sqrt": sp.sqrt,
    "sigmoid": sigmoid,
    "logistic": sigmoid,
    "sigm": sigmoid,
    "relu": relu,
    "softplus": _softplus,
    "abs": sp.Abs,
    "sign": sp.sign,
    "sgn": sp.sign,
    "erf": sp.erf,
}
