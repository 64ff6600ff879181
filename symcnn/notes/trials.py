"""Trials with numbers: every given entry gets one, the definitions say the rest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sympy as sp

from symcnn.notes import numeric, zero
from symcnn.notes.defined_values import defined_value
from symcnn.notes.opaque import positive
from symcnn.notes.world import World

SMALLEST = Decimal("1e-12")
"""A difference above this refutes."""


SIGNED = 3
"""The first trial whose numbers have both signs."""


def refuted(world: World, expr: sp.Expr) -> bool:
    """Whether numbers for what is given make `expr` differ from zero."""
    for seed in seeds(expr):
        try:
            value = number(world, expr, seed, world.numbers.setdefault(seed, {}))
        except (ZeroDivisionError, OverflowError):
            continue
        if value is None or not (isinstance(value, Decimal) or (value.is_number and value.is_comparable)):
            continue
        if abs(value) > SMALLEST:
            return True
    return False


def seeds(expr: sp.Expr) -> tuple[int, ...]:
    """The trials of an expression: positive numbers, and numbers of both signs where it says something of signs."""
    return (1, 2, SIGNED, SIGNED + 1) if expr.has(positive, sp.Abs, sp.sign) else (1, 2)


def vanishes(world: World, expr: sp.Expr) -> bool:
    """Whether numbers for what is given make `expr` zero, wherever it has a value, and somewhere it has one."""
    found = False
    for seed in seeds(expr):
        try:
            value = number(world, expr, seed, world.numbers.setdefault(seed, {}))
        except (ZeroDivisionError, OverflowError):
            continue
        if isinstance(value, Decimal) or (value is not None and value.is_number and value.is_comparable):
            if abs(value) > SMALLEST:
                return False
            found = True
    return found


def number(world: World, expr: sp.Expr, seed: int, known: dict[Any, Any]) -> Any:
    """The value of an expression, given numbers for the leaves and the definitions for the rest.

    A Decimal; a SymPy number where it is not real; None where there is none.
    """

    def of(symbol: sp.Symbol) -> Decimal:
        value = _of_symbol(world, symbol, seed, known)
        if value is None:
            raise numeric.NoValue(symbol.name)
        if not isinstance(value, Decimal):
            raise numeric.Irregular(symbol.name)
        return value

    try:
        return numeric.value(expr, of, known, seed)
    except numeric.NoValue:
        return None
    except numeric.Irregular:
        return _irregular(world, expr, seed, known)


def _irregular(world: World, expr: sp.Expr, seed: int, known: dict[Any, Any]) -> Any:
    """The value by SymPy's own evaluation, which knows complex numbers and every function."""
    table = {}
    # A long fraction to the power of another one is vast.
    raised = any(not power.exp.is_number for power in expr.atoms(sp.Pow))
    for symbol in sorted(expr.free_symbols, key=lambda symbol: symbol.name):
        value = _of_symbol(world, symbol, seed, known)
        if value is None:
            return None
        if isinstance(value, Decimal):
            value = sp.Float(str(value), numeric.DIGITS) if raised else numeric.rational(value)
        table[symbol] = value
    found = zero.at_point(expr.xreplace(table), seed)
    if found is None or not (found.is_Float or found.is_Rational):
        return found
    return numeric.fraction(sp.Rational(found))


def _of_symbol(world: World, symbol: sp.Symbol, seed: int, known: dict[Any, Any]) -> Any:
    """A number for an entry or a cotangent; None where its definition cannot be evaluated."""
    if symbol not in known:
        known[symbol] = numeric.fraction(_leaf(world, symbol, seed))  # what a circle of definitions meets
        known[symbol] = _defined(world, symbol, seed, known)
    return known[symbol]


def _defined(world: World, symbol: sp.Symbol, seed: int, known: dict[Any, Any]) -> Any:
    if symbol in world.cotangents.of:
        inner = world.cotangents.step(symbol)
        return known[symbol] if inner is None else number(world, inner, seed, known)
    value = defined_value(world, symbol) if symbol in world.origin else None
    if symbol in world.opaque and world.origin[symbol][0].key not in world.facts.losses:
        return None
    return known[symbol] if value is None else number(world, value, seed, known)


def _leaf(world: World, symbol: sp.Symbol, seed: int) -> sp.Rational:
    """A number for a symbol; for a class one of the numbers of classes."""
    labels = sorted(world.labels.get(symbol, ()))
    mixed = leaf(symbol, seed)
    return sp.Integer(labels[int(mixed.p) % len(labels)]) if labels else mixed


def leaf(symbol: sp.Symbol, seed: int) -> sp.Rational:
    """A rational number for a symbol, from its name alone; two of them are hardly ever the same.

    Between 0 and 1; from the trial SIGNED on between -1 and 1.
    """
    mix = 7
    for character in symbol.name:
        mix = (mix * 131 + ord(character) + seed) % 7919
    sign = -1 if seed >= SIGNED and mix % 2 else 1
    return sp.Rational(sign * (mix + 613), 9001)
