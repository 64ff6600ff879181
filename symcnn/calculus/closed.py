"""Closed forms: the cotangents of intermediate values written out, and sums over deviations from a mean removed.

``Σ x = M·m`` where an equation defines m as the mean of x, so ``Σ (x − m) = 0``: with this rule the three-step
gradient of a batch norm becomes its textbook form, and a bias before it is seen to have no gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.compose import compose, settle
from symcnn.calculus.simplify import cost, split_scale
from symcnn.calculus.spread import atomise
from symcnn.calculus.term import common_factors, split
from symcnn.core.bounds import coefficients
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Limit, Read, Reduce, canonical, reads, rebind, same
from symcnn.core.index import fresh
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A named rewriting of one expression that keeps its value."""

    name: str
    statement: str
    apply: Callable[[sp.Expr], sp.Expr]


@dataclass(frozen=True, slots=True)
class ClosedStep:
    """One rewriting on the way to a closed form; ``where`` names what was put in."""

    before: sp.Expr
    after: sp.Expr
    rule: Rewriting
    where: str = ""


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """A cotangent in terms of the output's cotangent and forward values only, step by step."""

    start: Equation
    steps: tuple[ClosedStep, ...]

    @property
    def equation(self) -> Equation:
        """The closed form."""
        body = self.steps[-1].after if self.steps else self.start.body
        return Equation(self.start.target, body, self.start.free)

    def replay(self) -> bool:
        """Apply every rewriting again and compare with what the step recorded."""
        bodies = [self.start.body, *(step.after for step in self.steps)]
        return all(
            same(step.before, before) and same(step.rule.apply(step.before), step.after)
            for step, before in zip(self.steps, bodies, strict=False)
        )


def closed_form(forward: Sequence[Equation], cotangents: Sequence[Equation], name: str) -> Equation:
    """The named cotangent in terms of the output's cotangent and forward values only."""
    return closed_form_steps(forward, cotangents, name).equation


def closed_form_steps(forward: Sequence[Equation], cotangents: Sequence[Equation], name: str) -> ClosedForm:
    """The way from the named cotangent to its closed form.

    ``cotangents`` defines intermediate cotangents before they are used.
    """
    by_name = {equation.tensor.name: equation for equation in cotangents}
    wanted = by_name[name]
    sums = Rewriting(
        "sums",
        "what does not depend on an index stands before its sum; a sum whose mean is defined is the count times that "
        "mean; what is normalised sums to 1",
        lambda expr: simplify_sums(expr, forward),
    )
    classes = label_ranges(forward)
    labels = Rewriting(
        "labels and fractions",
        "equal factors cancel; a label is one of its classes, so that a sum over them takes one term",
        lambda expr: _settled(expr, classes),
    )
    common = Rewriting("common factor", "what all terms share stands in front", common_factors)
    steps: list[ClosedStep] = []
    body = _taken(steps, wanted.body, sums)
    for equation in reversed([e for e in cotangents if e is not wanted]):
        if any(read.tensor == equation.tensor for read in reads(body)):
            body = _taken(steps, body, _putting_in(equation), equation.tensor.name)
            body = _taken(steps, body, sums)
    for rule in (common, labels):
        body = _taken(steps, body, rule)
    return ClosedForm(wanted, tuple(steps))


def _taken(steps: list[ClosedStep], body: sp.Expr, rule: Rewriting, where: str = "") -> sp.Expr:
    after = rule.apply(body)
    if cost(after) == cost(body) and same(after, body):
        return body
    steps.append(ClosedStep(body, after, rule, where))
    return after


def _putting_in(inner: Equation) -> Rewriting:
    return Rewriting(
        "put in",
        "the cotangent of an intermediate value is replaced by what it is",
        lambda expr: compose(expr, inner),
    )


def _settled(expr: sp.Expr, classes: Mapping[Tensor, sp.Expr]) -> sp.Expr:
    """Settled where that leaves less to read; a change of signs alone is none."""
    scalars = {read: sp.Dummy(read.tensor.name, real=True) for read in reads(expr) if not read.at}
    settled = common_factors(settle(rebind(expr, scalars), classes))
    settled = rebind(settled, {symbol: read for read, symbol in scalars.items()})
    return settled if cost(settled) + 2 < cost(expr) else expr


def in_other_gradients(closed: Equation, others: Sequence[Equation]) -> Equation | None:
    """The same equation with its sums written by the gradients that hold them, or None where none does.

    A batch norm's ∂L/∂x so becomes (M·ȳ − ∂L/∂b − x̂·∂L/∂g)·g/(M·√(v + eps)).
    """
    known = {index.symbol.name: index.symbol for index in closed.free}
    swaps: dict[sp.Basic, sp.Basic] = {}
    for other in others:
        names = {i.symbol: known.get(i.symbol.name, i.symbol) for i in other.free}
        totals = [factor for factor in sp.Mul.make_args(other.body) if isinstance(factor, Reduce)]
        if len(totals) != 1 or not set(names.values()) <= set(known.values()):
            continue
        (total,) = totals
        scale = other.body / total
        if scale.has(Reduce):
            continue
        for node in sp.preorder_traversal(closed.body):
            if isinstance(node, Reduce) and same(node, rebind(total, names)):
                swaps[node] = rebind(other.target / scale, names)
    if not swaps:
        return None
    return Equation(closed.target, common_factors(rebind(closed.body, swaps)), closed.free)


def label_ranges(equations: Sequence[Equation]) -> dict[Tensor, sp.Expr]:
    """The number of classes of each tensor that is read only to be compared with an index, as labels are."""
    found: dict[Tensor, sp.Expr] = {}
    for equation in equations:
        pairs = [e for e in sp.preorder_traversal(equation.body) if isinstance(e, sp.Eq)]
        for left, right in ((a, b) for pair in pairs for a, b in (pair.args, pair.args[::-1])):
            if isinstance(left, Read) and right in equation.extents:
                found.setdefault(left.tensor, equation.extents[right])
        rest = equation.body.xreplace(dict.fromkeys(pairs, sp.true))
        for read in reads(rest):
            found.pop(read.tensor, None)
    return found


def simplify_sums(expr: sp.Expr, forward: Sequence[Equation]) -> sp.Expr:
    """Every sum taken apart where that makes it simpler: idle indices counted, sums that define a mean replaced."""
    if not expr.args or isinstance(expr, Read):
        return expr
    expr = expr.func(*(simplify_sums(arg, forward) if isinstance(arg, sp.Expr) else arg for arg in expr.args))
    if isinstance(expr, Reduce) and expr.kind == "sum":
        apart = sp.expand(sp.Add(*_apart(expr, forward)))
        apart = sp.Add(*_merged(apart)) if apart.is_Add else apart
        return apart if cost(apart) <= cost(expr) else expr
    if expr.is_Add:
        merged = sp.Add(*_merged(expr))
        return merged if cost(merged) < cost(expr) else expr
    return expr


def without_deviations(equation: Equation, forward: Sequence[Equation]) -> Equation:
    """The same equation with fewer sums, where some are known: Σ (x − m) = 0 where ``forward`` defines m as a mean of x."""
    if len(forward) == 1 or _sums(equation.body) == 0:
        return equation
    body = simplify_sums(equation.body, forward)
    return equation if _sums(body) >= _sums(equation.body) else Equation(equation.target, body, equation.free)


def _sums(expr: sp.Expr) -> int:
    return sum(1 for node in sp.preorder_traversal(expr) if isinstance(node, Reduce))


def _apart(total: Reduce, forward: Sequence[Equation]) -> Iterator[sp.Expr]:
    plain, atoms = atomise(total.body)
    for term in sp.Add.make_args(sp.expand(plain)):
        outer, inner = split(term.xreplace(atoms), set(total.indices))
        body = sp.Mul(*inner)
        idle = [extent for k, extent in total.limits if k not in body.free_symbols]
        limits = [limit for limit in total.limits if limit[0] in body.free_symbols]
        yield sp.Mul(*outer, *idle) * (_known(body, limits, forward) if limits else body)


def _known(body: sp.Expr, limits: Sequence[Limit], forward: Sequence[Equation]) -> sp.Expr:
    """The sum of ``body``, by the equation that defines its mean where there is one."""
    scale, inner = split_scale(body)
    total = Reduce("sum", inner, limits)
    if isinstance(inner, Read) and len(limits) == 1 and _sums_to_one(inner, limits[0], forward):
        return scale
    for equation in forward:
        factor, defined = split_scale(equation.body)
        if not isinstance(defined, Reduce) or defined.kind != "sum" or factor == 0:
            continue
        renaming = _match(defined, total, [i.symbol for i in equation.free])
        if renaming is not None:
            return scale * rebind(equation.target, renaming) / factor
    return scale * total


def _sums_to_one(read: Read, limit: Limit, forward: Sequence[Equation]) -> bool:
    """Whether Σ_k y[…, k, …] = 1 because y is normalised over that index, as a softmax is."""
    for equation in forward:
        if equation.tensor != read.tensor or read.outside is not None or read.at.count(limit[0]) != 1:
            continue
        position = equation.target.at[read.at.index(limit[0])]
        if position.is_Symbol and position in normalised(equation):
            return True
    return False


def normalised(equation: Equation) -> list[sp.Symbol]:
    """The free indices over which the target sums to 1: ``Σ_k e^z_k/Σ_l e^z_l``."""
    found = []
    for index in equation.free:
        k = fresh(index.symbol.name)
        outer, inner = split(rebind(equation.body, {index.symbol: k}), {k})
        summed = Reduce("sum", sp.Mul(*inner), [(k, index.extent)])
        rest = [factor for factor in outer if not _is_inverse(factor, summed)]
        if len(rest) == len(outer) - 1 and sp.Mul(*rest) == 1:
            found.append(index.symbol)
    return found


def _is_inverse(factor: sp.Expr, total: sp.Expr) -> bool:
    base, power = factor.as_base_exp()
    return bool(power == -1 and same(base, total))


def shift_invariances(forward: Sequence[Equation], cotangent: Equation) -> list[tuple[sp.Symbol, ...]]:
    """The smallest sets of axes over which the cotangent sums to 0, whatever the output's cotangent is.

    A constant added to the tensor along such axes does not change the output: softmax over its classes, a batch norm
    over batch and space (so that a bias before it has no gradient).
    """
    free = [i.symbol for i in cotangent.free]
    found: list[tuple[sp.Symbol, ...]] = []
    for count in range(1, len(free) + 1):
        for axes in itertools.combinations(free, count):
            if any(set(smaller) <= set(axes) for smaller in found):
                continue
            names = {k: fresh(k.name) for k in axes}
            limits = [(names[i.symbol], i.extent) for i in cotangent.free if i.symbol in names]
            if simplify_sums(Reduce("sum", sp.expand(rebind(cotangent.body, names)), limits), forward) == 0:
                found.append(axes)
    return found


def _match(pattern: Reduce, total: sp.Basic, free: Sequence[sp.Symbol]) -> dict[sp.Basic, sp.Basic] | None:
    """Values of the free indices at which the two sums are the same, up to the order of their bound indices."""
    if not isinstance(total, Reduce) or len(pattern.limits) != len(total.limits):
        return None
    left, right = reads(pattern.body), reads(total.body)
    if len(left) != 1 or len(right) != 1 or left[0].tensor != right[0].tensor:
        return None
    found: dict[sp.Basic, sp.Basic] = {}
    for p, q in zip(left[0].at, right[0].at, strict=True):
        values = _position_match(p, q, pattern.indices, total.indices, free)
        if values is None or any(found.get(k, v) != v for k, v in values.items()):
            return None
        found |= values
    order = {k: v for k, v in found.items() if k in pattern.indices}
    renaming = {k: v for k, v in found.items() if k in free}
    if set(order.values()) != set(total.indices) or len(renaming) != len(free):
        return None
    moved = Reduce(
        "sum", rebind(pattern.body, {**renaming, **order}), [(order[k], e) for k, e in pattern.limits]
    )
    same_limits = {(k, e) for k, e in moved.limits} == {(k, e) for k, e in total.limits}
    return renaming if same_limits and moved.body == total.body else None


def _position_match(
    p: sp.Expr,
    q: sp.Expr,
    bound: Sequence[sp.Symbol],
    others: Sequence[sp.Symbol],
    free: Sequence[sp.Symbol],
) -> dict[sp.Basic, sp.Basic] | None:
    """Values of the bound indices and of at most one free index at which position ``p`` is ``q``."""
    try:
        (inner, rest), (outer, value) = coefficients(p, bound), coefficients(q, others)
    except UnsupportedFormula:
        return None
    if len(inner) != len(outer) or len(set(outer.values())) != len(outer):
        return None
    places = {slope: k for k, slope in outer.items()}
    if set(inner.values()) != set(places):
        return None
    found: dict[sp.Basic, sp.Basic] = {k: places[slope] for k, slope in inner.items()}
    slopes, left = coefficients(rest, free)
    if len(slopes) > 1:
        return None
    for k, slope in slopes.items():
        found[k] = sp.expand((value - left) / slope)
    return found


def _merged(expr: sp.Add) -> Iterator[sp.Expr]:
    """Terms whose sums differ only in bound names are added."""
    found: dict[sp.Basic, list[sp.Expr]] = {}
    for term in expr.args:
        coefficient, rest = term.as_coeff_Mul()
        found.setdefault(canonical(rest), []).append((coefficient, rest))
    for terms in found.values():
        yield sp.Add(*(c for c, _ in terms)) * terms[0][1]
