"""Expansion into entries: an equation at concrete sizes as ordinary SymPy expressions, one for each entry.

Entries are symbols such as x₁₁ (1-based, as notes write them); a maximum becomes a sum in which one of the mutually
exclusive selectors is 1, so that its derivative selects the same entry.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.core.expr import Delta, Limit, Read, Reduce, Selected, Where, Within, rebind
from symcnn.core.tensor import Tensor

MAX_TERMS = 1_000_000

At = tuple[int, ...]


class Chosen(sp.Expr):
    """1 if the ``place``-th of the values is the one that ``max``/``min`` takes under a tie policy, else 0."""

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

    def number(self, expr: sp.Expr, env: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        """An integer or rational from sizes and index values."""
        value = rebind(rebind(expr, env), self.sizes).doit() if not expr.is_number else expr
        if not value.is_Rational:
            raise UnsupportedFormula(
                f"no concrete value for {expr}; give {', '.join(map(str, value.free_symbols))}"
            )
        return value

    def places(
        self, limits: Iterable[Limit], env: Mapping[sp.Symbol, sp.Expr]
    ) -> list[dict[sp.Symbol, sp.Expr]]:
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
        ranges = [range(extent) for _, extent in bounds]
        return [
            {**env, **dict(zip(names, map(sp.Integer, values), strict=True))}
            for values in itertools.product(*ranges)
        ]

    def value(self, expr: sp.Expr, env: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
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
                return env.get(expr, self.sizes.get(expr, expr))
        if not expr.args:
            return expr
        return expr.func(*(self.value(arg, env) for arg in expr.args))

    def condition(self, expr: sp.Basic, env: Mapping[sp.Symbol, sp.Expr]) -> sp.Basic:
        """A condition, decided where indices and sizes decide it."""
        if isinstance(expr, Within):
            position, extent = self.number(expr.position, env), self.number(expr.extent, env)
            return sp.true if position.is_Integer and 0 <= position < extent else sp.false
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

    def _read(self, read: Read, env: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        at = []
        for position, extent in zip(read.at, read.tensor.shape, strict=True):
            place = self.number(position, env)
            if not place.is_Integer or not 0 <= place < self.number(extent, env):
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
        hidden = self.hidden.get(tensor.name, ())
        return entry(tensor, [k for axis, k in enumerate(at) if axis not in hidden])

    def _reduce(self, expr: Reduce, env: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
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

    def _selected(self, expr: Selected, env: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
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
