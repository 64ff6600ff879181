"""The exact number that an expression is where its symbols are exact numbers, such as 5/6 or 3 log 2."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.limits import spend
from symcnn.notes.opaque import chosen, equal, positive, sigmoid, tanh

LARGEST = 24
"""Operations in the exact form of a number that can still be followed by hand."""

LONGEST = 10**12
"""The largest numerator or denominator of such a number."""

DIGITS = 40


class Inexact(SymcnnError):
    """An expression that is no exact number of reasonable length here."""


class Exact:
    """Evaluates expressions at one choice of numbers; unknown functions get small whole numbers, kept in `made`."""

    def __init__(self, known: Mapping[sp.Symbol, sp.Expr]) -> None:
        self.made: dict[sp.Expr, sp.Integer] = {}
        self._known: dict[sp.Expr, sp.Expr] = dict(known)

    def value(self, expr: sp.Expr) -> sp.Expr:
        """The number. Raises Inexact where there is none of reasonable length."""
        if expr.is_Rational:
            return expr
        if expr not in self._known:
            spend(1)
            self._known[expr] = self._checked(self._combined(expr))
        return self._known[expr]

    def _checked(self, number: sp.Expr) -> sp.Expr:
        if number.has(sp.nan, sp.zoo, sp.oo, sp.I) or number.is_Float or not number.is_number:
            raise Inexact("no finite real number")
        if number.is_Rational:
            if max(abs(number.p), number.q) > LONGEST:
                raise Inexact("a fraction that is too long")
        elif number.count_ops() > LARGEST:
            raise Inexact("an expression that is too long")
        return number

    def _combined(self, expr: sp.Expr) -> sp.Expr:
        if expr.is_NumberSymbol:
            return expr
        if not expr.args:
            raise Inexact(f"{expr} has no number")
        values = [self.value(argument) for argument in expr.args]
        match expr:
            case sp.Pow() if values[1].is_Rational and abs(values[1]) > LARGEST:
                raise Inexact("a power that is too large")
            case sigmoid():
                return self._settled(1 / (1 + sp.exp(-values[0])))
            case tanh():
                doubled = sp.exp(2 * values[0])
                return self._settled((doubled - 1) / (doubled + 1))
            case positive() | equal() | chosen() | sp.Abs() | sp.sign():
                return expr.func(*(self._comparable(value) for value in values))
        if type(expr).__module__ == "symcnn.notes.opaque":
            return self.made.setdefault(expr.func(*values), sp.Integer(len(self.made) + 2))
        return self._settled(expr.func(*values))

    def _settled(self, number: sp.Expr) -> sp.Expr:
        """Powers of sums multiplied out, so that equal numbers look the same."""
        return number if number.is_Rational else sp.expand(number, log=False, power_base=False)

    def _comparable(self, number: sp.Expr) -> sp.Expr:
        """A number in a form of which a sign or an order can be told."""
        return number if number.is_Rational else sp.N(number, DIGITS)
