"""One entry at a time: an expression of index notation as a Python function of the values of its indices."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import SymcnnError, UnsupportedFormula
from symcnn.core.expr import Delta, Limit, Read, Reduce, Selected, Where, Within
from symcnn.core.functions import sigmoid, softplus

Number = Any  # int, Fraction, float, or a SymPy expression in symbols
Env = dict[Any, Number]  # sizes and parameters by name, indices by symbol
Value = Callable[[Env], Number]


class UndefinedValue(SymcnnError):
    """An entry that has no value, such as a division by exact 0 or a logarithm of a negative number."""


@dataclass(slots=True)
class Scope:
    """The arrays that reads look into, and the functions already built."""

    arrays: Mapping[str, np.ndarray]
    built: dict[sp.Basic, Value]

    def key(self, symbol: sp.Symbol) -> object:
        """How ``symbol`` is looked up: bound indices by themselves, all else by name."""
        return symbol if isinstance(symbol, sp.Dummy) else symbol.name


def exact_number(value: object) -> Number:
    """``value`` as int, Fraction or float where it is a number, else as the SymPy expression that it is."""
    match value:
        case np.generic():
            return exact_number(value.item())
        case bool():
            return int(value)
        case sp.Integer():
            return int(value)
        case sp.Rational():
            return Fraction(int(value.p), int(value.q))
        case sp.Float() | sp.NumberSymbol():
            return float(value)
        case Fraction() if value.denominator == 1:
            return value.numerator
    if value is sp.oo:
        return math.inf
    if value is -sp.oo:
        return -math.inf
    return value


def value_of(expr: sp.Basic, scope: Scope) -> Value:
    """``expr`` as a function of an environment. Raises UnsupportedFormula for a head without meaning."""
    if expr not in scope.built:
        scope.built[expr] = _build(expr, scope)
    return scope.built[expr]


def _build(expr: sp.Basic, scope: Scope) -> Value:
    if isinstance(expr, sp.Number | sp.NumberSymbol):
        number = exact_number(expr)
        return lambda env: number
    match expr:
        case sp.Symbol():
            return _symbol(expr, scope)
        case Read():
            return _read(expr, scope)
        case Reduce():
            return _reduce(expr, scope)
        case Selected():
            return _selected(expr, scope)
        case Where():
            return _where(expr, scope)
        case Delta():
            left, right = (value_of(arg, scope) for arg in expr.args)
            return lambda env: int(left(env) == right(env))
        case sp.Pow():
            return _power(expr, scope)
        case sp.Add() | sp.Mul():
            return _fold(expr, scope)
    if isinstance(expr, sp.logic.boolalg.Boolean):
        return _condition(expr, scope)
    if isinstance(expr, sp.Mod):
        left, right = (value_of(arg, scope) for arg in expr.args)
        return lambda env: left(env) % right(env)
    if expr.func in FUNCTIONS:
        function, argument = FUNCTIONS[expr.func], value_of(expr.args[0], scope)
        return lambda env: _applied(function, expr.func, argument(env))
    if isinstance(expr, sp.Max | sp.Min):
        choose, parts = (max if isinstance(expr, sp.Max) else min), [value_of(a, scope) for a in expr.args]
        return lambda env: choose(part(env) for part in parts)
    raise UnsupportedFormula(f"no value for {expr.func.__name__}: {expr}")


def _symbol(symbol: sp.Symbol, scope: Scope) -> Value:
    key = scope.key(symbol)

    def value(env: Env) -> Number:
        if key not in env:
            raise UndefinedValue(f"expected a value for {symbol.name}, got none")
        return env[key]

    return value


def _fold(expr: sp.Expr, scope: Scope) -> Value:
    combine = operator.add if expr.is_Add else operator.mul
    parts = [value_of(arg, scope) for arg in expr.args]

    def value(env: Env) -> Number:
        result = parts[0](env)
        for part in parts[1:]:
            result = combine(result, part(env))
        return result

    return value


def _read(read: Read, scope: Scope) -> Value:
    array = scope.arrays[read.tensor.name]
    places = [value_of(position, scope) for position in read.at]
    outside = None if read.outside is None else value_of(read.outside, scope)

    def value(env: Env) -> Number:
        at = tuple(place(env) for place in places)
        if all(0 <= p < n and p == int(p) for p, n in zip(at, array.shape, strict=True)):
            return array[tuple(map(int, at))]
        if outside is None:
            raise UndefinedValue(f"{read} reads {read.tensor.name} of shape {array.shape} at {at}")
        return outside(env)

    return value


def _places(limits: tuple[Limit, ...], scope: Scope) -> Callable[[Env], itertools.product[tuple[int, ...]]]:
    extents = [value_of(extent, scope) for _, extent in limits]
    return lambda env: itertools.product(*(range(int(extent(env))) for extent in extents))


REDUCTIONS: dict[str, tuple[Callable[[Number, Number], Number], Number]] = {
    "sum": (operator.add, 0),
    "prod": (operator.mul, 1),
    "max": (max, -math.inf),
    "min": (min, math.inf),
}


def _reduce(expr: Reduce, scope: Scope) -> Value:
    body, places = value_of(expr.body, scope), _places(expr.limits, scope)
    combine, start = REDUCTIONS[expr.kind]

    free = [scope.key(s) for s in sorted(expr.free_symbols, key=lambda s: s.sort_key())]
    known: dict[tuple[Number, ...], Number] = {}

    def value(env: Env) -> Number:
        at_hand = tuple(env.get(key) for key in free)
        if at_hand not in known:
            result = start
            for at in places(env):
                env.update(zip(expr.indices, at, strict=True))
                result = combine(result, body(env))
            known[at_hand] = result
        return known[at_hand]

    return value


def _selected(expr: Selected, scope: Scope) -> Value:
    body, places = value_of(expr.body, scope), _places(expr.limits, scope)
    at = [value_of(position, scope) for position in expr.at]
    best = max if expr.kind == "max" else min
    indices = expr.indices
    outer = expr.body.free_symbols.union(*(extent.free_symbols for _, extent in expr.limits)) - set(indices)
    free = [scope.key(s) for s in sorted(outer, key=lambda s: s.sort_key())]
    known: dict[tuple[Number, ...], list[tuple[int, ...]]] = {}

    def ties(env: Env) -> list[tuple[int, ...]]:
        """The places of the extreme value, which every candidate asks for."""
        at_hand = tuple(env.get(key) for key in free)
        if at_hand not in known:
            inner = dict(env)
            found = []
            for place in places(env):
                inner.update(zip(indices, place, strict=True))
                found.append((place, body(inner)))
            extreme = best(number for _, number in found)
            known[at_hand] = [place for place, number in found if number == extreme]
        return known[at_hand]

    def value(env: Env) -> Number:
        chosen = tuple(position(env) for position in at)
        tied = ties(env)
        match expr.policy:
            case "first":
                return int(chosen == tied[0])
            case "last":
                return int(chosen == tied[-1])
        return Fraction(int(chosen in tied), len(tied))

    return value


def _where(expr: Where, scope: Scope) -> Value:
    condition, value, otherwise = (value_of(arg, scope) for arg in expr.args)
    return lambda env: value(env) if condition(env) else otherwise(env)


COMPARISONS: dict[type[sp.Basic], Callable[[Number, Number], bool]] = {
    sp.StrictLessThan: operator.lt,
    sp.LessThan: operator.le,
    sp.StrictGreaterThan: operator.gt,
    sp.GreaterThan: operator.ge,
    sp.Equality: operator.eq,
    sp.Unequality: operator.ne,
}


def _condition(expr: sp.Basic, scope: Scope) -> Value:
    if expr.func in COMPARISONS:
        compare = COMPARISONS[expr.func]
        left, right = (value_of(arg, scope) for arg in expr.args)
        return lambda env: bool(compare(left(env), right(env)))
    parts = [value_of(arg, scope) for arg in expr.args]
    match expr:
        case Within():
            position, extent = parts
            return lambda env: 0 <= (p := position(env)) < extent(env) and p == int(p)
        case sp.And():
            return lambda env: all(part(env) for part in parts)
        case sp.Or():
            return lambda env: any(part(env) for part in parts)
        case sp.Not():
            return lambda env: not parts[0](env)
    if expr in (sp.true, sp.false):
        return lambda env: bool(expr)
    raise UnsupportedFormula(f"no value for the condition {expr}")


def _power(expr: sp.Pow, scope: Scope) -> Value:
    base, exponent = value_of(expr.base, scope), value_of(expr.exp, scope)
    return lambda env: _raised(base(env), exponent(env))


def _raised(base: Number, exponent: Number) -> Number:
    """base**exponent: exact where both are and the exponent is whole, as IEEE floats do it otherwise."""
    if isinstance(base, sp.Basic) or isinstance(exponent, sp.Basic):
        return exact_number(base**exponent)
    if isinstance(base, int | Fraction) and isinstance(exponent, int):
        if base == 0 and exponent < 0:
            raise UndefinedValue("expected a divisor other than 0")
        return exact_number(Fraction(base) ** exponent)
    with np.errstate(all="ignore"):
        return float(np.power(float(base), float(exponent)))


def _softplus(z: float) -> float:
    return float(np.logaddexp(0.0, z))


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


FUNCTIONS: dict[type[sp.Function], Callable[[Any], Any]] = {
    sp.exp: np.exp,
    sp.log: np.log,
    sp.tanh: np.tanh,
    sp.erf: math.erf,
    sigmoid: _sigmoid,
    softplus: _softplus,
    sp.floor: math.floor,
    sp.Abs: abs,
    sp.sign: lambda z: (z > 0) - (z < 0),
}
WHOLE = (sp.floor, sp.Abs, sp.sign)  # exact in, exact out
EXACT = {(sp.exp, 0): 1, (sp.log, 1): 0, (sp.tanh, 0): 0, (sp.erf, 0): 0}


def _applied(function: Callable[[Any], Any], head: type[sp.Function], argument: Number) -> Number:
    if isinstance(argument, sp.Basic):
        return exact_number(head(argument))
    if head in WHOLE:
        return function(argument)
    if not isinstance(argument, float) and (head, argument) in EXACT:
        return EXACT[head, argument]
    with np.errstate(all="ignore"):
        return float(function(float(argument)))
