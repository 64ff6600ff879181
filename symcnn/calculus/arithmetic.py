"""Index arithmetic without SymPy: positions and extents as functions of whole numbers.

Small sizes are found by trying many and every entry of every read asks for its positions, so that these run often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import prod

import sympy as sp

from symcnn.core.errors import UnsupportedFormula

Whole = int | Fraction  # a position that does not divide is a fraction
Env = Mapping[sp.Symbol, Whole]
Arithmetic = Callable[[Env], Whole]


@lru_cache(maxsize=4096)
def arithmetic(expr: sp.Expr) -> Arithmetic:
    """``expr`` as a function of the values of its symbols; a quotient that does not divide is a Fraction.

    Raises UnsupportedFormula for a head that index arithmetic does not have; the function, for a symbol without value.
    """
    if expr.is_Rational:
        constant = int(expr) if expr.is_Integer else Fraction(int(expr.p), int(expr.q))
        return lambda env: constant
    if expr.is_Symbol:
        return _symbol(expr)
    if isinstance(expr, sp.floor):
        above, below = (arithmetic(part) for part in sp.fraction(sp.together(expr.args[0])))
        return lambda env: above(env) // below(env)
    parts = [arithmetic(arg) for arg in expr.args]
    match expr:
        case sp.Add():
            return lambda env: _whole(sum(part(env) for part in parts))
        case sp.Mul():
            return lambda env: _whole(prod(part(env) for part in parts))
        case sp.Pow() if expr.exp.is_Integer:
            power = int(expr.exp)
            return lambda env: _whole(Fraction(parts[0](env)) ** power)
        case sp.Mod():
            return lambda env: _whole(parts[0](env) % parts[1](env))
    raise UnsupportedFormula(f"no concrete value for {expr}")


def _symbol(symbol: sp.Symbol) -> Arithmetic:
    def value(env: Env) -> Whole:
        if symbol not in env:
            raise UnsupportedFormula(f"no concrete value for {symbol}; give its size")
        return env[symbol]

    return value


def _whole(value: Whole) -> Whole:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value
