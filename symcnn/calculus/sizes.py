"""Small sizes for an expansion: every read valid, extents that differ and exceed 1 where possible, few terms."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from symcnn.calculus.arithmetic import Arithmetic, Whole, arithmetic
from symcnn.core.equation import Equation
from symcnn.core.errors import LimitExceeded
from symcnn.core.expr import Read, Reduce, Selected, reads

MOST_TRIED = 300
ENOUGH_TRIED = 30  # where some sizes are valid
MOST_NODES = 45  # of an expansion's terms together, for each of the ``largest`` terms

Score = tuple[int, int, int]
Sizes = dict[sp.Symbol, int]


def small_sizes(equations: Sequence[Equation], seed: int = 0, largest: int = 20) -> dict[sp.Symbol, sp.Expr]:
    """Small sizes at which every read is valid and the extents of indices are, where possible, pairwise distinct.

    Possible is what an expansion of moderate length allows: five distinct extents above 1 would take 6! terms.
    Then extents that are equal are better than extents of 1, of a reduction above all, which would show little.

    ``largest`` is a number of terms below which fewer are no better, ``seed`` picks among the solutions.
    Raises LimitExceeded where no sizes are found.
    """
    found = _found(tuple(equations), seed, largest)
    if found is None:
        raise LimitExceeded(
            f"no small sizes found at which every read of {equations[-1].tensor.name} is valid"
        )
    return {symbol: sp.Integer(value) for symbol, value in found.items()}


@lru_cache(maxsize=256)
def _found(equations: tuple[Equation, ...], seed: int, largest: int) -> Sizes | None:
    trial = _trial(equations, largest)
    draw = random.Random(seed)
    best: tuple[Score, Sizes] | None = None
    for tried in range(MOST_TRIED):
        sizes: Sizes = {s: draw.choice(trial.values(s)) for s in trial.symbols}
        score = trial.score(sizes)
        if score is not None and (best is None or score < best[0]):
            best = (score, sizes)
        if best is not None and (tried > ENOUGH_TRIED or best[0] == (0, 0, largest)):
            break
    return None if best is None else trial.improved(*best)


@dataclass(frozen=True, slots=True)
class Trial:
    """What makes sizes good.

    ``groups`` are the places of those ``extents`` whose products count terms and entries, with the length of one;
    ``bound`` are the places of the extents of reductions; ``axes`` are sizes that are an extent themselves.
    """

    symbols: tuple[sp.Symbol, ...]
    axes: tuple[sp.Symbol, ...]
    extents: tuple[Arithmetic, ...]
    groups: tuple[tuple[tuple[int, ...], int], ...]
    bound: tuple[int, ...]
    largest: int

    def score(self, sizes: Mapping[sp.Symbol, int]) -> Score | None:
        """Work beyond what is allowed, extents that are equal or 1, work; None where an extent is empty."""
        values: list[Whole] = []
        for extent in self.extents:
            value = extent(sizes)
            if not isinstance(value, int) or value < 1:
                return None
            values.append(value)
        work, cost = self.largest, 0
        for group, weight in self.groups:
            count = 1
            for place in group:
                count *= int(values[place])
            work, cost = max(work, count), max(cost, weight * count)
        poor = (
            len(values) - len(set(values)) + 3 * values.count(1) + 2 * sum(values[k] == 1 for k in self.bound)
        )
        return (cost if cost > MOST_NODES * self.largest else 0, poor, work)

    def improved(self, score: Score, sizes: Sizes) -> Sizes:
        """The sizes with one at a time changed, then two, then one again, as long as the score falls."""
        for changes in (self.single, self.double, self.single):
            score, sizes = self.better(changes(sizes), score, sizes)
        return sizes

    def better(self, changes: Iterable[Sizes], score: Score, sizes: Sizes) -> tuple[Score, Sizes]:
        """The sizes with every change that lowers the score."""
        for change in changes:
            tried = {**sizes, **change}
            found = self.score(tried)
            if found is not None and found < score:
                score, sizes = found, tried
        return score, sizes

    def single(self, sizes: Sizes) -> Iterator[Sizes]:
        """Every size on its own, twice: what one rules out another may allow."""
        for _ in range(2):
            yield from ({symbol: value} for symbol in sizes for value in self.values(symbol))

    def double(self, sizes: Sizes) -> Iterator[Sizes]:
        """Two axes together: one grows as the other shrinks."""
        for one, other in itertools.permutations(self.axes, 2):
            for less in range(1, sizes[one]):
                for more in range(sizes[other] + 1, self.values(other).stop):
                    yield {one: less, other: more}

    def values(self, symbol: sp.Symbol) -> range:
        """What is tried: a few small sizes for an axis, strides and dilations up to 3, offsets from 0."""
        return range(1, 7 if symbol in self.axes else 4) if symbol.is_positive else range(3)


def _trial(equations: Sequence[Equation], largest: int) -> Trial:
    symbols = sorted({s for e in equations for s in _symbols(e)}, key=lambda s: s.name)
    groups: dict[tuple[sp.Expr, ...], int] = {}
    bound: dict[sp.Expr, None] = {}
    for equation in equations:
        free = tuple(index.extent for index in equation.free)
        nests = _nests(equation.body)
        bound.update(dict.fromkeys(extent for nest in nests for extent in nest))
        length = _length(equation.body)
        lengths = dict.fromkeys((r.tensor.shape for r in (equation.target, *reads(equation.body))), 1)
        lengths |= {(*free, *nest): 1 if candidates else length for nest, candidates in nests.items()}
        groups |= {group: max(length, groups.get(group, 0)) for group, length in lengths.items()}
    every = list(dict.fromkeys(e for group in groups for e in group if e.free_symbols or e.is_Integer))
    alone = [s for s in symbols if s in every]
    return Trial(
        tuple(symbols),
        tuple(alone),
        tuple(arithmetic(e) for e in every),
        tuple((tuple(every.index(e) for e in group), length) for group, length in groups.items()),
        tuple(every.index(e) for e in bound),
        largest,
    )


def _length(expr: sp.Basic) -> int:
    """How many nodes the expansion of an expression has for each term: reads count as one, ranges do not count."""
    if isinstance(expr, Reduce):
        return _length(expr.body)
    return 1 if isinstance(expr, Read | Selected) else 1 + sum(_length(arg) for arg in expr.args)


def _nests(expr: sp.Basic) -> dict[tuple[sp.Expr, ...], bool]:
    """The extents of the reductions that stand one inside the other, from the outermost to each innermost.

    With each whether the innermost are the candidates of a selection, which are compared and not written out.
    """
    if isinstance(expr, Selected):
        return {tuple(extent for _, extent in expr.limits): True}
    inner = {nest: candidates for arg in expr.args for nest, candidates in _nests(arg).items()}
    own = tuple(extent for _, extent in expr.limits) if isinstance(expr, Reduce) else ()
    return {(*own, *nest): candidates for nest, candidates in inner.items()} or {own: False}


def _symbols(equation: Equation) -> set[sp.Symbol]:
    found: set[sp.Symbol] = set()
    bound = set(equation.extents)
    for read in (equation.target, *reads(equation.body)):
        for expr in (*read.at, *read.tensor.shape):
            found |= expr.free_symbols - bound
    for extent in equation.extents.values():
        found |= extent.free_symbols - bound
    return {s for s in found if s.is_integer and not isinstance(s, sp.Dummy)}
