"""Expansion into entries: an equation at concrete sizes as ordinary SymPy expressions, one for each entry.

Entries are symbols such as x₁₁ (1-based, as notes write them); a maximum becomes a sum in which one of the mutually
exclusive selectors is 1, so that its derivative selects the same entry.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import prod

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.core.expr import Delta, Limit, Read, Reduce, Selected, Where, Within
from symcnn.core.tensor import Tensor

MAX_TERMS = 1_000_000

At = tuple[int, ...]
Env = Mapping[sp.Symbol, Fraction]


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
        self.sizes = {s: sp.Integer(v) if isinstance(v, int) else v for s, v in sizes.items()}
        self.known = known or {}
        self.hidden = hidden or {}
        self.limit = limit
        self.spent = 0
        self.compiled: dict[sp.Expr, Callable[[Env], Fraction]] = {}
        self.symbols: dict[tuple[str, At], sp.Symbol] = {}

    def number(self, expr: sp.Expr, env: Env) -> Fraction:
        """A position or extent at index values and sizes. Raises UnsupportedFormula where a symbol has no value."""
        found = self.compiled.get(expr)
        if found is None:
            found = self.compiled[expr] = self._compile(expr)
        return found(env)

    def _compile(self, expr: sp.Expr) -> Callable[[Env], Fraction]:
        """Index arithmetic without SymPy: this runs for every entry of every read."""
        if expr.is_Rational:
            constant = Fraction(int(expr.p), int(expr.q))
            return lambda env: constant
        if expr in self.sizes:
            known = Fraction(int(self.sizes[expr]))
            return lambda env: env.get(expr, known)
        if expr.is_Symbol:
            return lambda env: self._index(expr, env)
        parts = [self._compile(arg) for arg in expr.args]
        match expr:
            case sp.Add():
                return lambda env: sum((part(env) for part in parts), Fraction(0))
            case sp.Mul():
                return lambda env: prod((part(env) for part in parts), start=Fraction(1))
            case sp.Pow() if expr.exp.is_Integer:
                return lambda env: parts[0](env) ** int(expr.exp)
            case sp.floor():
                return lambda env: Fraction(parts[0](env).__floor__())
            case sp.Mod():
                return lambda env: parts[0](env) % parts[1](env)
        raise UnsupportedFormula(f"no concrete value for {expr}")

    def _index(self, symbol: sp.Symbol, env: Env) -> Fraction:
        if symbol not in env:
            raise UnsupportedFormula(f"no concrete value for {symbol}; give its size")
        return env[symbol]

    def places(self, limits: Iterable[Limit], env: Env) -> list[dict[sp.Symbol, Fraction]]:
        """Every assignment of the bound indices, in row-major order. Raises LimitExceeded."""
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
        ranges = [[Fraction(place) for place in range(extent)] for _, extent in bounds]
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
                return _integer(env[expr]) if expr in env else self.sizes.get(expr, expr)
        if not expr.args:
            return expr
        return expr.func(*(self.value(arg, env) for arg in expr.args))

    def condition(self, expr: sp.Basic, env: Env) -> sp.Basic:
        """A condition, decided where indices and sizes decide it."""
        if isinstance(expr, Within):
            position, extent = self.number(expr.position, env), self.number(expr.extent, env)
            return sp.true if position.denominator == 1 and 0 <= position < extent else sp.false
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
            if place.denominator != 1 or not 0 <= place < self.number(extent, env):
                if read.outside is None:
                    raise UnsupportedFormula(f"{read} reads {read.tensor.name} at {place}, outside of it")
                return self.value(read.outside, env)
            at.append(int(place))
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
        values = [self.value(expr.body, place) for place in self.places(expr.limits, env)]
        match expr.kind:
            case "sum":
                return sp.Add(*values)
            case "prod":
                return sp.Mul(*values)
        useless = -sp.oo if expr.kind == "max" else sp.oo
        candidates = [v for v in values if v != useless]
        if len(candidates) == 1:
            return candidates[0]
        return sp.Add(
            *(v * self._chosen(expr.kind, "first", k, candidates) for k, v in enumerate(candidates))
        )

    def _selected(self, expr: Selected, env: Env) -> sp.Expr:
        useless = -sp.oo if expr.kind == "max" else sp.oo
        candidates: list[sp.Expr] = []
        place = None
        at = [self.number(position, env) for position in expr.at]
        for assignment in self.places(expr.limits, env):
            value = self.value(expr.body, assignment)
            here = [assignment[k] for k in expr.indices] == at
            if value != useless:
                place = len(candidates) if here else place
                candidates.append(value)
        if place is None:
            return sp.S.Zero
        if len(candidates) == 1:
            return sp.S.One
        return self._chosen(expr.kind, "first", place, candidates)

    def _chosen(self, kind: str, policy: str, place: int, values: list[sp.Expr]) -> sp.Expr:
        return Chosen(sp.Symbol(kind), sp.Symbol(policy), sp.Integer(place), sp.Tuple(*values))


def _integer(value: Fraction) -> sp.Expr:
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
