"""Evidence by entries: at small pairwise distinct sizes, a gradient equals the derivative of the expanded entries."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from symcnn.calculus.entries import At, Chosen, Entries, entry, expand
from symcnn.calculus.pullback import Gradient
from symcnn.core.equation import Equation
from symcnn.core.errors import LimitExceeded
from symcnn.core.expr import Read, Reduce, Where, reads
from symcnn.core.functions import unfold


@dataclass(frozen=True, slots=True)
class EntryProof:
    """What was compared: the sizes, how many entries, and the first that differs or could not be decided."""

    sizes: tuple[tuple[str, int], ...]
    entries: int
    differs: str = ""
    undecided: str = ""

    @property
    def holds(self) -> bool:
        return not self.differs and not self.undecided and self.entries > 0


def small_sizes(equations: Sequence[Equation], seed: int = 0, largest: int = 24) -> dict[sp.Symbol, sp.Expr]:
    """Small sizes at which every read is valid and the sizes of axes are, where possible, pairwise distinct.

    Possible is what an expansion into 15·``largest`` terms allows: seven distinct axes alone would take 7! of them.

    ``seed`` picks among the solutions. Raises LimitExceeded where no sizes are found.
    """
    symbols = sorted({s for e in equations for s in _symbols(e)}, key=lambda s: s.name)
    shapes = {
        s for e in equations for r in reads(e.body) for axis in r.tensor.shape for s in axis.free_symbols
    }
    shapes |= {extent for e in equations for extent in e.extents.values() if extent.is_Symbol}
    axes = [s for s in symbols if s in shapes]
    draw = random.Random(seed)
    best: tuple[Score, dict[sp.Symbol, sp.Expr]] | None = None
    for _ in range(300 if len(symbols) > 4 else 150):
        sizes = {
            s: sp.Integer(draw.randint(1, 7 if s in axes else 3) if s.is_positive else draw.randint(0, 2))
            for s in symbols
        }
        score = _score(equations, sizes, axes, largest)
        if score is not None and (best is None or score < best[0]):
            best = (score, sizes)
        if score == (0, 0, largest):
            break
    if best is None:
        raise LimitExceeded(
            f"no small sizes found at which every read of {equations[-1].tensor.name} is valid"
        )
    return _lowered(equations, *best, axes, largest)


Score = tuple[int, int, int]


def _score(
    equations: Sequence[Equation],
    sizes: Mapping[sp.Symbol, sp.Expr],
    axes: Sequence[sp.Symbol],
    largest: int,
) -> Score | None:
    """Work beyond what is allowed, axes of the same size or of extent 1, work; None where a read is not valid."""
    work = _work(equations, sizes)
    if work is None:
        return None
    repeated = len(axes) - len({sizes[s] for s in axes})
    ones = sum(sizes[s] == 1 for s in axes)
    return (work if work > 15 * largest else 0, repeated + ones, max(work, largest))


def _lowered(
    equations: Sequence[Equation],
    score: Score,
    sizes: dict[sp.Symbol, sp.Expr],
    axes: Sequence[sp.Symbol],
    largest: int,
) -> dict[sp.Symbol, sp.Expr]:
    """The sizes with one after the other made smaller, as long as the score falls."""
    lower = True
    while lower and score[2] > largest:
        lower = False
        for symbol in sizes:
            for value in range(1 if symbol.is_positive else 0, int(sizes[symbol])):
                tried = {**sizes, symbol: sp.Integer(value)}
                found = _score(equations, tried, axes, largest)
                if found is not None and found < score:
                    score, sizes, lower = found, tried, True
                    break
    return sizes


def _symbols(equation: Equation) -> set[sp.Symbol]:
    found: set[sp.Symbol] = set()
    bound = set(equation.extents)
    for read in (equation.target, *reads(equation.body)):
        for expr in (*read.at, *read.tensor.shape):
            found |= expr.free_symbols - bound
    for extent in equation.extents.values():
        found |= extent.free_symbols - bound
    return {s for s in found if s.is_integer and not isinstance(s, sp.Dummy)}


def _work(equations: Sequence[Equation], sizes: Mapping[sp.Symbol, sp.Expr]) -> int | None:
    """How many terms or entries an expansion has, or None where some extent is empty."""
    most = 0
    for equation in equations:
        shapes = {read.tensor.shape for read in (equation.target, *reads(equation.body))}
        for extents in (tuple(equation.extents.values()), *shapes):
            values = [e.xreplace(dict(sizes)).doit() for e in extents]
            if any(not e.is_Integer or e < 1 for e in values):
                return None
            most = max(most, int(sp.Mul(*values)))
    return most


def zero(difference: sp.Expr) -> bool:
    """Whether an expression in entries is proved to vanish, by expanding or by cancelling one fraction."""
    if difference == 0:
        return True
    plain = with_indicators(unfold(difference))
    if reduced(plain) == 0:
        return True
    marked = _marked(plain.rewrite(sp.exp) if plain.has(sp.tanh) else plain)
    return bool(reduced(sp.fraction(sp.cancel(sp.together(marked)))[0]) == 0)


def _marked(expr: sp.Expr) -> sp.Expr:
    """Exponentials as powers of one symbol each, e^(a + 2b) = A·B², and other functions as symbols: a fraction."""

    def visit(node: sp.Expr) -> sp.Expr:
        if isinstance(node, sp.exp):
            powers = [term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(node.args[0]))]
            return sp.Mul(
                *(_symbol("exp", visit(rest)) ** c if rest != 1 else sp.exp(c) for c, rest in powers)
            )
        if isinstance(node, Chosen | sp.Function):
            return _symbol(
                node.func.__name__, *(visit(arg) if isinstance(arg, sp.Expr) else arg for arg in node.args)
            )
        return node.func(*(visit(arg) for arg in node.args)) if node.args else node

    return visit(expr)


def _symbol(name: str, *args: sp.Basic) -> sp.Symbol:
    return sp.Symbol(f"{name}{args}", positive=True)


def refuted(difference: sp.Expr, seed: int = 0) -> bool:
    """Whether an expression in entries is shown not to vanish, at a point of distinct rationals."""
    draw = random.Random(seed)
    symbols = sorted(difference.free_symbols, key=lambda s: s.name)
    values = draw.sample(range(11, 11 + 7 * len(symbols)), len(symbols))
    at = {s: sp.Rational(v, 5 + 4 * len(symbols)) for s, v in zip(symbols, values, strict=True)}
    value = _decided(difference.xreplace(at)).evalf(30)
    return bool(value.is_number and abs(value) > sp.Float("1e-20"))


def _decided(expr: sp.Expr) -> sp.Expr:
    """Selectors at a point, where their values are numbers."""
    if not expr.args:
        return expr
    expr = expr.func(*(_decided(arg) for arg in expr.args))
    if isinstance(expr, Chosen):
        values = [value.evalf(30) for value in expr.values]
        extreme = max(values) if str(expr.args[0]) == "max" else min(values)
        return sp.Integer(values.index(extreme) == expr.place)
    return expr


class Indicator(sp.Symbol):
    """The indicator of a comparison ``left > right`` or ``left < right``: equal to its square."""


def with_indicators(expr: sp.Expr) -> sp.Expr:
    """Cases as polynomials in the indicators of their comparisons, so that equal cases become equal expressions."""
    if isinstance(expr, Where):
        value, otherwise = with_indicators(expr.value), with_indicators(expr.otherwise)
        return otherwise + (value - otherwise) * _indicator(expr.condition)
    if not expr.has(Where):
        return expr
    return expr.func(*(with_indicators(arg) for arg in expr.args))


def _indicator(condition: sp.Basic) -> sp.Expr:
    match condition:
        case sp.And():
            return sp.Mul(*(_indicator(arg) for arg in condition.args))
        case sp.Or():
            return 1 - sp.Mul(*(1 - _indicator(arg) for arg in condition.args))
        case sp.Not():
            return 1 - _indicator(condition.args[0])
        case sp.Gt() | sp.Lt() | sp.Ge() | sp.Le():
            above, below = _sign(condition.lhs - condition.rhs)
            return {sp.Gt: above, sp.Lt: below, sp.Ge: 1 - below, sp.Le: 1 - above}[type(condition)]
        case sp.Eq() | sp.Ne():
            above, below = _sign(condition.lhs - condition.rhs)
            return 1 - above - below if isinstance(condition, sp.Eq) else above + below
    return sp.S.One if condition == sp.true else sp.S.Zero


def _sign(difference: sp.Expr) -> tuple[sp.Symbol, sp.Symbol]:
    """Indicators of ``difference`` > 0 and < 0."""
    difference = sp.expand(difference)
    if difference.could_extract_minus_sign():
        below, above = _sign(-difference)
        return above, below
    return Indicator(f"[{difference} > 0]"), Indicator(f"[{difference} < 0]")


def reduced(expr: sp.Expr) -> sp.Expr:
    """Expanded, with powers of indicators reduced to the indicator and contradictions to 0."""
    expanded = sp.expand(expr)
    if not expanded.has(Indicator):
        return expanded
    return sp.Add(*(_reduced_product(term) for term in sp.Add.make_args(expanded)))


def _reduced_product(term: sp.Expr) -> sp.Expr:
    factors = [
        base if isinstance(base, Indicator) else base**power
        for base, power in (f.as_base_exp() for f in sp.Mul.make_args(term))
    ]
    names = {factor.name for factor in factors if isinstance(factor, Indicator)}
    if any(name.replace(" > 0]", " < 0]") in names for name in names if name.endswith(" > 0]")):
        return sp.S.Zero
    return sp.Mul(*factors)


@lru_cache(maxsize=8)
def _expanded(equation: Equation, sizes: tuple[tuple[sp.Symbol, sp.Expr], ...]) -> dict[At, sp.Expr]:
    """The forward entries: every gradient of one equation is compared with the same ones."""
    return expand(equation, Entries(dict(sizes)))


def by_entries(gradient: Gradient, sizes: Mapping[sp.Symbol, sp.Expr] | None = None) -> EntryProof:
    """Compare a gradient, symbol for symbol, with SymPy's derivative of the expanded equation."""
    equation = gradient.derivation.equation
    sizes = dict(sizes) if sizes is not None else small_sizes([equation])
    forward = _expanded(equation, tuple(sizes.items()))
    cotangent = gradient.derivation.cotangent.tensor
    claimed = expand(gradient.equation, Entries(sizes, known={equation.tensor.name: forward}))
    expected: dict[sp.Symbol, list[sp.Expr]] = {entry(gradient.of, at): [] for at in claimed}
    for at, value in forward.items():
        for symbol in sorted(value.free_symbols & set(expected), key=lambda s: s.name):
            expected[symbol].append(entry(cotangent, at) * sp.diff(value, symbol))
    shown = tuple((s.name, int(v)) for s, v in sorted(sizes.items(), key=lambda item: item[0].name))
    for at, value in claimed.items():
        symbol = entry(gradient.of, at)
        derivative = sp.Add(*expected[symbol])
        verdict = _compared(
            derivative - value, f"d{symbol}: {value} is not {derivative}", f"d{symbol}", shown, len(claimed)
        )
        if verdict is not None:
            return verdict
    return EntryProof(shown, len(claimed))


def _compared(
    difference: sp.Expr, differs: str, name: str, sizes: tuple[tuple[str, int], ...], entries: int
) -> EntryProof | None:
    """None where the difference is proved to vanish; else what is known of it."""
    if zero(difference):
        return None
    if refuted(difference):
        return EntryProof(sizes, entries, differs)
    return EntryProof(sizes, entries, undecided=f"{name}: neither proved nor refuted")


def same_by_entries(forward: Sequence[Equation], steps: Sequence[Equation], closed: Equation) -> EntryProof:
    """Compare a closed form, symbol for symbol, with the cotangents that it was composed from.

    Means are written out, other forward values stay symbols: the closed form must hold whatever they are.
    """
    sizes = small_sizes([*forward, *steps], largest=40)
    known: dict[str, dict[tuple[int, ...], sp.Expr]] = {}
    for equation in forward:
        if _is_mean(equation):
            known[equation.tensor.name] = expand(equation, Entries(sizes, known=known))
    for equation in steps:
        known[equation.tensor.name] = expand(equation, Entries(sizes, known=known))
    claimed = expand(
        closed, Entries(sizes, known={k: v for k, v in known.items() if k != closed.tensor.name})
    )
    shown = tuple((s.name, int(v)) for s, v in sorted(sizes.items(), key=lambda item: item[0].name))
    for at, value in claimed.items():
        name = str(entry(closed.tensor, at))
        verdict = _compared(
            known[closed.tensor.name][at] - value, f"{name} differs", name, shown, len(claimed)
        )
        if verdict is not None:
            return verdict
    return EntryProof(shown, len(claimed))


def _is_mean(equation: Equation) -> bool:
    factors = [f for f in sp.Mul.make_args(equation.body) if f.has(Read)]
    return len(factors) == 1 and isinstance(factors[0], Reduce) and isinstance(factors[0].body, Read)
