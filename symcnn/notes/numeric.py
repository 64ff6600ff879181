"""The number that an expression is where its symbols are numbers, in decimals of 80 digits.

SymPy's own evaluation works by rewriting; this one walks over the expression once. A sum whose terms cancel but
for rounding is zero exactly, so that an indicator or a quotient of it is what it is for exact numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    Underflow,
)
from typing import Any, TypeAlias

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.limits import spend
from symcnn.notes.opaque import chosen, equal, positive, sigmoid, tanh

DIGITS = 80
ZERO, ONE = Decimal(0), Decimal(1)
NOISE = Decimal("1e-70")
"""A sum that is smaller than this part of its largest term is rounding, not a number."""

_TRAPS = [DivisionByZero, InvalidOperation, Overflow, Underflow]
_IN = Context(prec=DIGITS, Emax=9_999, Emin=-9_999, traps=_TRAPS)

Values: TypeAlias = dict[sp.Expr, Decimal]


class Irregular(SymcnnError):
    """An expression that has no real number here, or a part that is not known here."""


class NoValue(SymcnnError):
    """An expression that has no number at all, such as 1/0, or that names something without a number."""


def value(expr: sp.Expr, symbol: Callable[[sp.Symbol], Decimal], known: Values, seed: int) -> Decimal:
    """The number that `expr` is where `symbol` gives those of its symbols; `known` keeps parts for the next time.

    An unknown function gets a number made of `seed`, its name and its argument.
    Raises Irregular where the number is not real or not in reach, NoValue where there is none.
    """
    try:
        return _Walk(symbol, known, seed).value(expr)
    except ZeroDivisionError as error:
        raise NoValue(str(expr)) from error
    except (InvalidOperation, Overflow, Underflow) as error:
        raise Irregular(str(type(error).__name__)) from error


def rational(number: Decimal) -> sp.Rational:
    """A decimal as the fraction that it is."""
    return sp.Rational(*number.as_integer_ratio())


def fraction(number: sp.Rational) -> Decimal:
    """A fraction to DIGITS digits."""
    return _IN.divide(Decimal(int(number.p)), Decimal(int(number.q)))


def pretended(name: str, arguments: Sequence[Any], seed: int) -> tuple[int, int]:
    """A fraction for an unknown function's value; equal arguments give equal numbers."""
    mix = seed
    for argument in arguments:
        mix = mix * 17 + (1 if argument is None else round(argument * 10**9))
    mix += sum(ord(c) for c in name) * 31
    return mix % 97 + 2, 53


class _Walk:
    """One way through an expression."""

    __slots__ = ("known", "seed", "symbol")

    def __init__(self, symbol: Callable[[sp.Symbol], Decimal], known: Values, seed: int) -> None:
        self.symbol = symbol
        self.known = known
        self.seed = seed

    def value(self, expr: sp.Expr) -> Decimal:
        if expr.is_Symbol:
            return self.symbol(expr)
        if expr.is_Rational:
            return fraction(expr)
        if expr.is_Add:
            return self._sum(expr.args)
        if expr.is_Mul:
            return self._product(expr.args)
        if expr not in self.known:
            self.known[expr] = self._power(expr) if expr.is_Pow else self._function(expr)
        return self.known[expr]

    def _sum(self, terms: tuple[sp.Expr, ...]) -> Decimal:
        spend(len(terms))
        total = largest = ZERO
        for term in terms:
            number = self.value(term)
            total = _IN.add(total, number)
            largest = max(largest, number.copy_abs())
        return total if total.copy_abs() > _IN.multiply(largest, NOISE) else ZERO

    def _product(self, factors: tuple[sp.Expr, ...]) -> Decimal:
        spend(len(factors))
        total = ONE
        for factor in factors:
            total = _IN.multiply(total, self.value(factor))
        return total

    def _power(self, expr: sp.Expr) -> Decimal:
        spend(1)
        base, exponent = self.value(expr.base), self.value(expr.exp)
        if base == 0 and exponent < 0:
            raise NoValue(str(expr))
        if exponent == -1:
            return _IN.divide(ONE, base)
        if base == 0 or (base < 0 and exponent != exponent.to_integral_value()):
            if base == 0 and exponent > 0:
                return ZERO
            raise Irregular(str(expr))
        return _IN.sqrt(base) if exponent == Decimal("0.5") else _IN.power(base, exponent)

    def _function(self, expr: sp.Expr) -> Decimal:
        spend(1)
        if expr.is_Float or expr.is_NumberSymbol:
            return Decimal(str(sp.N(expr, DIGITS)))
        if not expr.is_Function:
            raise Irregular(type(expr).__name__)
        values = [self.value(argument) for argument in expr.args]
        first = values[0]
        match expr:
            case sp.exp():
                return _IN.exp(first)
            case sp.log() if len(values) == 1:
                return self._logarithm(first)
            case sigmoid():
                return _IN.divide(ONE, _IN.add(ONE, _IN.exp(first.copy_negate())))
            case tanh():
                above, below = _IN.exp(first), _IN.exp(first.copy_negate())
                return _IN.divide(_IN.subtract(above, below), _IN.add(above, below))
            case positive():
                return ONE if first > 0 else ZERO
            case equal():
                return ONE if self._same(first, values[1]) else ZERO
            case chosen():
                return self._chosen(int(first), values[1:])
            case sp.Abs():
                return first.copy_abs()
        if type(expr).__module__ != "symcnn.notes.opaque":
            raise Irregular(type(expr).__name__)
        return fraction(sp.Rational(*pretended(type(expr).__name__, values, self.seed)))

    def _logarithm(self, number: Decimal) -> Decimal:
        if number == 0:
            raise NoValue("log(0)")
        if number < 0:
            raise Irregular("the logarithm of a negative number")
        return _IN.ln(number)

    def _same(self, a: Decimal, b: Decimal) -> bool:
        return _IN.subtract(a, b).copy_abs() <= _IN.multiply(max(a.copy_abs(), b.copy_abs()), NOISE)

    def _chosen(self, place: int, values: list[Decimal]) -> Decimal:
        """Whether the entry is the first of those that are the maximum."""
        most = max(values)
        return ONE if next(k for k, v in enumerate(values) if self._same(v, most)) == place else ZERO
