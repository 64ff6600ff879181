"""Evidence by entries: at small pairwise distinct sizes, a gradient equals the derivative of the expanded entries."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import sympy as sp

from symcnn.calculus.closed import label_ranges
from symcnn.calculus.entries import At, Chosen, Entries, entry, expand
from symcnn.calculus.independent import Claim, sliced
from symcnn.calculus.pullback import Gradient
from symcnn.calculus.sizes import small_sizes
from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, Where
from symcnn.core.functions import unfold

MOST_LABELS = 300  # choices of labels that are compared


@dataclass(frozen=True, slots=True)
class EntryProof:
    """What was compared: the sizes, how many entries, and the first that differs or could not be decided.

    ``independent`` names the indices of which one value was compared and shows all.
    """

    sizes: tuple[tuple[str, int], ...]
    entries: int
    differs: str = ""
    undecided: str = ""
    independent: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.differs and not self.undecided and self.entries > 0


def zero(difference: sp.Expr) -> bool:
    """Whether an expression in entries is proved to vanish, by expanding or by cancelling one fraction.

    What vanishes does so under any names: entries that differ in nothing else are decided once.
    """
    if difference == 0:
        return True
    symbols = dict.fromkeys(node for node in sp.preorder_traversal(difference) if node.is_Symbol)
    names = {s: sp.Symbol(f"s{k}", **s.assumptions0) for k, s in enumerate(symbols)}
    return _vanishes(difference.xreplace(names))


@lru_cache(maxsize=512)
def _vanishes(difference: sp.Expr) -> bool:
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


def by_entries(
    gradient: Gradient, sizes: Mapping[sp.Symbol, sp.Expr] | None = None, *, seed: int = 0
) -> EntryProof:
    """Compare a gradient, symbol for symbol, with SymPy's derivative of the expanded equation.

    Independent indices are left out: one value of each shows all. ``sizes`` are small ones that ``seed`` picks.
    Raises LimitExceeded where no small sizes make every read valid.
    """
    derivation = gradient.derivation
    whole = Claim(derivation.equation, gradient.equation, gradient.of, derivation.cotangent.tensor)
    claim, independent = sliced(whole)
    sizes = dict(sizes) if sizes is not None else small_sizes([claim.forward, claim.gradient], seed)
    forward = _expanded(claim.forward, tuple(sizes.items()))
    claimed = expand(claim.gradient, Entries(sizes, known={claim.forward.tensor.name: forward}))
    expected: dict[sp.Symbol, list[sp.Expr]] = {entry(claim.of, at): [] for at in claimed}
    for at, value in forward.items():
        for symbol, slope in _slopes(value, expected).items():
            expected[symbol].append(entry(claim.cotangent, at) * slope)
    shown = tuple((s.name, int(v)) for s, v in sorted(sizes.items(), key=lambda item: item[0].name))
    for at, value in claimed.items():
        symbol = entry(claim.of, at)
        derivative = sp.Add(*expected[symbol])
        verdict = _compared(derivative - value)
        if verdict == "differs":
            told = f"d{symbol}: {value} is not {derivative}"
            return EntryProof(shown, len(claimed), differs=told, independent=independent)
        if verdict == "undecided":
            told = f"d{symbol}: neither proved nor refuted"
            return EntryProof(shown, len(claimed), undecided=told, independent=independent)
    return EntryProof(shown, len(claimed), independent=independent)


def _slopes(value: sp.Expr, wanted: Iterable[sp.Symbol]) -> dict[sp.Symbol, sp.Expr]:
    """SymPy's derivatives of an entry by each wanted symbol in it: term by term, as most symbols are in few terms."""
    number, rest = value.as_coeff_Mul()
    terms: dict[sp.Symbol, list[sp.Expr]] = {}
    for term in sp.Add.make_args(rest):
        for symbol in term.free_symbols & set(wanted):
            terms.setdefault(symbol, []).append(term)
    order = sorted(terms, key=lambda s: s.name)
    return {s: number * sp.Add(*(term._eval_derivative(s) for term in terms[s])) for s in order}


def _compared(difference: sp.Expr) -> Literal["equal", "differs", "undecided"]:
    """Whether a difference is proved to vanish, shown not to, or neither."""
    if zero(difference):
        return "equal"
    return "differs" if refuted(difference) else "undecided"


def same_by_entries(forward: Sequence[Equation], steps: Sequence[Equation], closed: Equation) -> EntryProof:
    """Compare a closed form, symbol for symbol, with the cotangents that it was composed from.

    Means are written out and labels take each of their values, other forward values stay symbols: the closed form must
    hold whatever they are.
    """
    sizes = small_sizes([*forward, *steps], largest=12)
    shown = tuple((s.name, int(v)) for s, v in sorted(sizes.items(), key=lambda item: item[0].name))
    entries = 0
    for labels in _label_values(forward, sizes):
        known: dict[str, dict[At, sp.Expr]] = dict(labels)
        for equation in forward:
            if _is_mean(equation):
                known[equation.tensor.name] = expand(equation, Entries(sizes, known=known))
        for equation in steps:
            known[equation.tensor.name] = expand(equation, Entries(sizes, known=known))
        others = {name: values for name, values in known.items() if name != closed.tensor.name}
        claimed = expand(closed, Entries(sizes, known=others))
        entries = len(claimed)
        for at, value in claimed.items():
            name = entry(closed.tensor, at)
            verdict = _compared(known[closed.tensor.name][at] - value)
            if verdict == "differs":
                return EntryProof(shown, entries, differs=f"{name} differs")
            if verdict == "undecided":
                return EntryProof(shown, entries, undecided=f"{name}: neither proved nor refuted")
    return EntryProof(shown, entries)


def _label_values(
    forward: Sequence[Equation], sizes: Mapping[sp.Symbol, sp.Expr]
) -> Iterator[dict[str, dict[At, sp.Expr]]]:
    """Every choice of the labels, each one of its classes, or one empty choice where there are no labels."""
    places: list[tuple[str, At, int]] = []
    for tensor, extent in label_ranges(forward).items():
        shape = [int(e.xreplace(sizes)) for e in tensor.shape]
        count = int(extent.xreplace(sizes))
        places += [(tensor.name, at, count) for at in itertools.product(*map(range, shape))]
    if sp.Mul(*(count for _, _, count in places)) > MOST_LABELS:
        places = []
    for values in itertools.product(*(range(count) for _, _, count in places)):
        chosen: dict[str, dict[At, sp.Expr]] = {}
        for (name, at, _), value in zip(places, values, strict=True):
            chosen.setdefault(name, {})[at] = sp.Integer(value)
        yield chosen


def _is_mean(equation: Equation) -> bool:
    factors = [f for f in sp.Mul.make_args(equation.body) if f.has(Read)]
    return len(factors) == 1 and isinstance(factors[0], Reduce) and isinstance(factors[0].body, Read)
