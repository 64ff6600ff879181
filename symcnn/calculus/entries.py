"""Expansion into entries: an equation at concrete sizes as ordinary SymPy expressions, one for each entry.

Entries are symbols such as x₁₁ (1-based, as notes write them); a maximum becomes a sum in which one of the mutually
exclusive selectors is 1, so that its derivative selects the same entry.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from symcnn.calculus.arithmetic import Arithmetic, Env, Whole, arithmetic
from symcnn.core.equation import Equation
from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.core.expr import Delta, Limit, Read, Reduce, Selected, Where, Within
from symcnn.core.tensor import Tensor

MAX_TERMS = 1_000_000

At = tuple[int, ...]
Candidate = tuple[tuple[Whole, ...], sp.Expr]


class Chosen(sp.Expr):
    """1 if the ``place``-th of the values is the one that ``max``/``min`` takes, else 0.

    Expansions tell entries apart away from ties; what a tie policy does at a tie is the evaluator's to show.
    """

    is_commutative = True
    is_extended_real = True
    is_real = True

    @property
    def place(self) -> int:
        return int(self.args[2])

    @property
    def values(self) -> tuple[sp.Expr, ...]:
        return tuple(self.args[3])

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero


def entry(tensor: Tensor | str, at: Iterable[int]) -> sp.Symbol:
    """The symbol of one entry, 1-based: ``x_12``, with commas where an index has two digits."""
    name = tensor if isinstance(tensor, str) else tensor.name
    places = [str(k + 1) for k in at]
    if not places:
        return sp.Symbol(name, real=True)
    return sp.Symbol(f"{name}_{('' if all(len(p) == 1 for p in places) else ',').join(places)}", real=True)


class Entries:
    """Expands expressions at fixed sizes; ``hidden`` tells for a tensor which axes its entry names leave out."""

    def __init__(
        self,
        sizes: Mapping[sp.Symbol, sp.Expr],
        known: Mapping[str, Mapping[At, sp.Expr]] | None = None,
        hidden: Mapping[str, tuple[int, ...]] | None = None,
        limit: int = MAX_TERMS,
    ) -> None:
        self.sizes: dict[sp.Symbol, Whole] = {s: int(v) for s, v in sizes.items()}
        self.known = known or {}
        self.hidden = hidden or {}
        self.limit = limit
        self.spent = 0
        self.compiled: dict[sp.Expr, Arithmetic] = {}
        self.reduced: dict[tuple[sp.Expr, tuple[Whole | None, ...]], sp.Expr] = {}
        self.candidates: dict[tuple[Any, ...], list[Candidate]] = {}
        self.symbols: dict[tuple[str, At], sp.Symbol] = {}

    def number(self, expr: sp.Expr, env: Env) -> Whole:
        """A position or extent at index values and sizes. Raises UnsupportedFormula where a symbol has no value."""
        found = self.compiled.get(expr)
        if found is None:
            found = self.compiled[expr] = arithmetic(expr)
        return found(env)

    def places(self, limits: Iterable[Limit], env: Env) -> list[dict[sp.Symbol, Whole]]:
        """Every assignment of the bound indices, in row-major order. Raises LimitExceeded."""
        env = {**self.sizes, **env}
        bounds = [(k, int(self.number(extent, env))) for k, extent in limits]
        count = 1
        for _, extent in bounds:
            count *= max(extent, 0)
        self.spent += count
        if self.spent > self.limit:
            raise LimitExceeded(
                f"expansion into {self.spent} terms or more; the limit is {self.limit} (option limit=)"
            )
        names = [k for k, _ in bounds]
        ranges = [range(extent) for _, extent in bounds]
        return [{**env, **dict(zip(names, values, strict=True))} for values in itertools.product(*ranges)]

    def value(self, expr: sp.Expr, env: Env) -> sp.Expr:
        """``expr`` as an expression in entry symbols."""
        match expr:
            case Read():
                return self._read(expr, env)
            case Reduce():
                return self._reduce(expr, env)
            case Selected():
                return self._selected(expr, env)
            case Where():
                condition = self.condition(expr.condition, env)
                if condition == sp.true:
                    return self.value(expr.value, env)
                if condition == sp.false:
                    return self.value(expr.otherwise, env)
                return Where(condition, self.value(expr.value, env), self.value(expr.otherwise, env))
            case Delta():
                left, right = (self.number(arg, env) for arg in expr.args)
                return sp.Integer(left == right)
            case sp.Symbol():
                return _number(env[expr]) if expr in env else expr
        if not expr.args:
            return expr
        return expr.func(*(self.value(arg, env) for arg in expr.args))

    def condition(self, expr: sp.Basic, env: Env) -> sp.Basic:
        """A condition, decided where indices and sizes decide it."""
        if isinstance(expr, Within):
            position, extent = self.number(expr.position, env), self.number(expr.extent, env)
            return sp.true if isinstance(position, int) and 0 <= position < extent else sp.false
        if isinstance(expr, sp.And | sp.Or):
            decisive = sp.false if isinstance(expr, sp.And) else sp.true
            parts = []
            for arg in sorted(expr.args, key=lambda a: not isinstance(a, Within)):
                part = self.condition(arg, env)
                if part == decisive:
                    return decisive
                parts.append(part)
            return expr.func(*parts)
        if isinstance(expr, sp.Not):
            return sp.Not(self.condition(expr.args[0], env))
        return expr.func(*(self.value(arg, env) for arg in expr.args)) if expr.args else expr

    def _read(self, read: Read, env: Env) -> sp.Expr:
        at = []
        for position, extent in zip(read.at, read.tensor.shape, strict=True):
            place = self.number(position, env)
            if not isinstance(place, int) or not 0 <= place < self.number(extent, env):
                if read.outside is None:
                    raise UnsupportedFormula(f"{read} reads {read.tensor.name} at {place}, outside of it")
                return self.value(read.outside, env)
            at.append(place)
        known = self.known.get(read.tensor.name)
        if known is not None:
            return known[tuple(at)]
        return self.symbol(read.tensor, at)

    def symbol(self, tensor: Tensor, at: Iterable[int]) -> sp.Symbol:
        """The entry symbol of a tensor, without its hidden axes."""
        key = (tensor.name, tuple(at))
        if key not in self.symbols:
            hidden = self.hidden.get(tensor.name, ())
            self.symbols[key] = entry(tensor, [k for axis, k in enumerate(key[1]) if axis not in hidden])
        return self.symbols[key]

    def _reduce(self, expr: Reduce, env: Env) -> sp.Expr:
        if expr.kind in ("max", "min"):
            values = [value for _, value in self._candidates(expr, env)]
            if len(values) == 1:
                return values[0]
            return sp.Add(*(v * self._chosen(expr.kind, k, values) for k, v in enumerate(values)))
        key = (expr, self._at_hand(expr.free_symbols, env))
        if key not in self.reduced:
            values = [self.value(expr.body, place) for place in self.places(expr.limits, env)]
            self.reduced[key] = sp.Add(*values) if expr.kind == "sum" else sp.Mul(*values)
        return self.reduced[key]

    def _selected(self, expr: Selected, env: Env) -> sp.Expr:
        at = tuple(self.number(position, env) for position in expr.at)
        candidates = self._candidates(expr, env)
        place = next((k for k, (here, _) in enumerate(candidates) if here == at), None)
        if place is None:
            return sp.S.Zero
        if len(candidates) == 1:
            return sp.S.One
        return self._chosen(expr.kind, place, [value for _, value in candidates])

    def _candidates(self, expr: Reduce | Selected, env: Env) -> list[Candidate]:
        """The places of a maximum or minimum with their values, without those that can never be taken."""
        free = expr.body.free_symbols.union(*(extent.free_symbols for _, extent in expr.limits))
        key = (expr.body, *expr.limits, self._at_hand(free - set(expr.indices), env))
        if key not in self.candidates:
            useless = -sp.oo if expr.kind == "max" else sp.oo
            found = ((place, self.value(expr.body, place)) for place in self.places(expr.limits, env))
            self.candidates[key] = [
                (tuple(place[k] for k in expr.indices), value) for place, value in found if value != useless
            ]
        return self.candidates[key]

    def _at_hand(self, free: set[sp.Symbol], env: Env) -> tuple[Whole | None, ...]:
        """The values of the symbols that an expression depends on: what is alike there is expanded once."""
        return tuple(env.get(symbol) for symbol in sorted(free, key=str))

    def _chosen(self, kind: str, place: int, values: list[sp.Expr]) -> sp.Expr:
        return Chosen(sp.Symbol(kind), sp.Symbol("first"), sp.Integer(place), sp.Tuple(*values))


def _number(value: Whole) -> sp.Expr:
    return sp.Rational(value.numerator, value.denominator)


def expand(equation: Equation, entries: Entries) -> dict[At, sp.Expr]:
    """Every entry of the equation's target as an expression in the entries of what it reads.

    Raises LimitExceeded where that takes too many terms.
    """
    limits = tuple((i.symbol, i.extent) for i in equation.free)
    found: dict[At, sp.Expr] = {}
    for env in entries.places(limits, {}):
        at = tuple(int(entries.number(p, env)) for p in equation.target.at)
        found[at] = entries.value(equation.body, env)
    return dict(sorted(found.items()))
