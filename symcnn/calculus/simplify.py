"""Targeted rewrites of terms: own output, common denominator, expand, cancel, collect. Each keeps the value."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from symcnn.calculus.derivation import Context, State
from symcnn.calculus.spread import atomise
from symcnn.calculus.term import Term, split
from symcnn.core.expr import Read, Reduce, Selected, Where, reads, rebind, same
from symcnn.core.functions import fold

TRANSCENDENTAL = (sp.Function, Reduce, Selected)


def cost(expr: sp.Expr) -> int:
    """How much there is to read: transcendental functions and reductions weigh most, then divisions and powers."""
    weight = 0
    for node in sp.preorder_traversal(expr):
        if isinstance(node, sp.floor | sp.Mod):
            continue
        if isinstance(node, TRANSCENDENTAL):
            weight += 12
        elif isinstance(node, sp.Pow):
            weight += 2 if node.exp == 2 else 4 if node.exp.is_Integer else 8
        elif isinstance(node, sp.Add):
            weight += 2 * (len(node.args) - 1)
        elif isinstance(node, sp.Mul):
            weight += len(node.args) - 1
        elif isinstance(node, Where):
            weight += 3
        elif isinstance(node, Read):
            weight += 1
    return weight


# -- the derivative in the function's own output ------------------------------------------------------------------------


def own_output(state: State, context: Context) -> State:
    """Write factors with the equation's own output where that is simpler: e^z/Σe^z = p, σ′ = a(1 − a)."""
    return tuple(_own_output(term, context) for term in state)


def _own_output(term: Term, context: Context) -> Term:
    body = context.equation.body
    if not body.has(*TRANSCENDENTAL) and not any(p.exp.is_negative for p in body.atoms(sp.Pow)):
        return term
    factor = _by_inversion(term.factor, context)
    factor = _by_division(factor, context)
    factor = positive_constant(factor)
    return (
        Term(factor, term.limits, term.conditions, term.deltas) if cost(factor) < cost(term.factor) else term
    )


def _by_division(factor: sp.Expr, context: Context) -> sp.Expr:
    """Replace a copy of the body, at whatever free indices it stands, by a read of the output."""
    body, target = context.equation.body, context.equation.target
    improved = True
    while improved:
        improved = False
        for renaming in _instances(factor, context):
            copy, output = rebind(body, renaming), rebind(target, renaming)
            for power in (1, -1):
                candidate = factor / copy**power * output**power
                if cost(candidate) < cost(factor) and _as_defined(candidate, factor, output, copy):
                    factor, improved = candidate, True
    return factor


def _as_defined(candidate: sp.Expr, factor: sp.Expr, output: sp.Expr, copy: sp.Expr) -> bool:
    """Whether ``candidate`` divides by nothing that could be 0 but by what ``factor`` divides by."""
    before = set(_divisors(factor))
    bases = [part for base in _divisors(candidate) for part in (_bases(copy) if base == output else [base])]
    return all(base in before or base.is_positive for base in bases)


def _divisors(product: sp.Expr) -> list[sp.Expr]:
    powers = [factor.as_base_exp() for factor in sp.Mul.make_args(product)]
    return [base for base, power in powers if not power.is_nonnegative]


def _bases(product: sp.Expr) -> list[sp.Expr]:
    return [factor.as_base_exp()[0] for factor in sp.Mul.make_args(product)]


def _instances(factor: sp.Expr, context: Context) -> list[dict[sp.Symbol, sp.Expr]]:
    """Values of the free indices at which reads of the body's kind occur in the factor."""
    found: list[dict[sp.Symbol, sp.Expr]] = []
    free = [index.symbol for index in context.equation.free]
    outermost = [r for r in reads(context.equation.body) if set(free) & r.free_symbols]
    for pattern in outermost:
        for read in reads(factor):
            if read.tensor != pattern.tensor or read.outside != pattern.outside:
                continue
            renaming = {p: q for p, q in zip(pattern.at, read.at, strict=True) if p in free}
            bound = any(q.free_symbols - factor.free_symbols for q in renaming.values())
            if len(renaming) == len(free) and not bound and renaming not in found:
                found.append(renaming)
    return found


def _by_inversion(factor: sp.Expr, context: Context) -> sp.Expr:
    """Substitute z = f⁻¹(a) in what a one-variable elementwise body's derivative left in the factor."""
    body, target = context.equation.body, context.equation.target
    replaced, atoms = atomise(body)
    if len(atoms) != 1 or not isinstance(next(iter(atoms.values())), Read):
        return factor
    symbol, read = next(iter(atoms.items()))
    inverse = _inverse(replaced, symbol)
    if inverse is None or not body.has(sp.Function):
        return factor
    best = factor
    for renaming in _instances(factor, context):
        here, output = rebind(read, renaming), rebind(target, renaming)
        a = sp.Dummy("a", real=True)
        touched = [f for f in sp.Mul.make_args(factor) if f.has(here)]
        rest = [f for f in sp.Mul.make_args(factor) if not f.has(here)]
        swapped = sp.Mul(*touched).xreplace({here: inverse[0].xreplace({inverse[1]: a})})
        candidate = sp.Mul(*rest) * _tidy(swapped).xreplace({a: output})
        known = {type(function) for function in factor.atoms(sp.Function)}
        named = {type(function) for function in candidate.atoms(sp.Function)}
        if cost(candidate) < cost(best) and named <= known:
            best = candidate
    return best


def _inverse(expr: sp.Expr, symbol: sp.Symbol) -> tuple[sp.Expr, sp.Symbol] | None:
    """z as an expression in a = expr(z), found by undoing one operation after the other; z must occur once."""
    a = sp.Dummy("a", real=True)
    value: sp.Expr = a
    while expr != symbol:
        inner = [arg for arg in expr.args if arg.has(symbol)]
        if len(inner) != 1:
            return None
        rest = [arg for arg in expr.args if not arg.has(symbol)]
        if expr.is_Add:
            value = value - sp.Add(*rest)
        elif expr.is_Mul:
            value = value / sp.Mul(*rest)
        elif expr.is_Pow and expr.exp == -1:
            value = 1 / value
        elif isinstance(expr, sp.exp | sp.log | sp.tanh):
            value = expr.inverse()(value)
        else:
            return None
        expr = inner[0]
    return value, a


def _tidy(expr: sp.Expr) -> sp.Expr:
    """Cheapest of a few forms of a small expression."""
    powered = sp.powsimp(sp.expand_log(expr, force=False))
    forms = [expr, powered]
    for form in (expr, powered):
        forms.append(sp.factor(sp.cancel(sp.together(sp.powdenest(form.rewrite(sp.exp))))))
    forms.append(sp.expand(forms[-1]))
    return min(forms, key=lambda e: (cost(e), str(e)))


# -- algebra ----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def algebra_lines(expr: sp.Expr) -> tuple[sp.Expr, ...]:
    """Common denominator, expanded numerator, factored: successive lines of one fraction, the last the simplest.

    The rules ask for one line each, and ask again when a derivation is replayed.
    """
    kinds = (Read, Reduce, Where, Selected, sp.Function)
    plain, atoms = atomise(expr, kinds)
    if not plain.has(sp.Add) or _too_large(plain):
        return (expr,)
    numerator, denominator = sp.fraction(sp.together(plain))
    lines = [plain, numerator / denominator, sp.expand(numerator) / denominator]
    if _rational(plain):
        lines.append(sp.factor(sp.cancel(plain)))
    lines[-1] = positive_constant(lines[-1])
    back: list[sp.Expr] = []
    for line in lines:
        restored = line.xreplace(atoms)
        if not back or back[-1] != restored:
            back.append(restored)
    return tuple(back)


def _too_large(expr: sp.Expr) -> bool:
    """Whether multiplying out could take long: a high power of a sum, or a long expression."""
    powers = [p for p in expr.atoms(sp.Pow) if p.base.is_Add and p.exp.is_Integer and abs(p.exp) > 4]
    return bool(powers) or sum(1 for _ in sp.preorder_traversal(expr)) > 400


def positive_constant(product: sp.Expr) -> sp.Expr:
    """−(a − 1) as (1 − a): a minus sign goes into the first factor whose constant it makes positive."""
    coefficient, factors = product.as_coeff_mul()
    if not coefficient.is_negative:
        return product
    for place, factor in enumerate(factors):
        base, power = factor.as_base_exp()
        if base.is_Add and power.is_odd and base.as_coeff_Add()[0].is_negative:
            turned = sp.Add(*(-term for term in base.args)) ** power
            return -coefficient * sp.Mul(*factors[:place], turned, *factors[place + 1 :])
    return product


def _rational(expr: sp.Expr) -> bool:
    return bool(expr.is_rational_function(*expr.free_symbols)) and len(expr.free_symbols) <= 12


def _worth(term: Term) -> tuple[sp.Expr, ...]:
    lines = algebra_lines(term.factor)
    return lines if cost(lines[-1]) < cost(term.factor) else ()


def common_denominator(state: State, context: Context) -> State:
    """Bring the fractions of a factor to one denominator, where the end result is simpler."""
    return tuple(_line(term, 1) for term in state)


def expand_numerator(state: State, context: Context) -> State:
    """Multiply the numerator out."""
    return tuple(_line(term, 2) for term in state)


def cancel(state: State, context: Context) -> State:
    """Cancel what stands in numerator and denominator, and factor."""
    return tuple(_line(term, -1) for term in state)


def _line(term: Term, place: int) -> Term:
    lines = _worth(term)
    if not lines or (place > 0 and (place >= len(lines) - 1 or lines[place] == term.factor)):
        return term
    return Term(lines[place], term.limits, term.conditions, term.deltas)


def name_functions(state: State, context: Context) -> State:
    """Name σ and softplus where they stand written out."""
    folded = []
    for term in state:
        factor = fold(term.factor)
        folded.append(
            Term(factor, term.limits, term.conditions, term.deltas) if factor != term.factor else term
        )
    return tuple(folded)


# -- sums -----------------------------------------------------------------------------------------------------------------


def collect(state: State, context: Context) -> State:
    """A sum over an index that nothing depends on is a multiplication by its extent; equal terms are added."""
    counted = tuple(_count(term) for term in state)
    merged: list[Term] = []
    for term in counted:
        for place, other in enumerate(merged):
            united = _united(other, term)
            if united is not None:
                merged[place] = united
                break
        else:
            merged.append(term)
    return tuple(term for term in merged if term.factor != 0)


def _count(term: Term) -> Term:
    used = term.factor.free_symbols.union(
        *(c.free_symbols for c in term.conditions), *(p.free_symbols for p, _ in term.deltas)
    )
    factor, limits = term.factor, []
    for k, extent in term.limits:
        if k in used:
            limits.append((k, extent))
        else:
            factor = factor * extent
    return Term(factor, tuple(limits), term.conditions, term.deltas)


def _united(left: Term, right: Term) -> Term | None:
    """Two terms over the same ranges whose factors differ by a number."""
    if (
        len(left.limits) != len(right.limits)
        or len(left.conditions) != len(right.conditions)
        or left.deltas
        or right.deltas
    ):
        return None
    if [e for _, e in left.limits] != [e for _, e in right.limits]:
        return None
    renaming = {k: m for (k, _), (m, _) in zip(right.limits, left.limits, strict=True)}
    moved = right.substituted(renaming)
    if set(moved.conditions) != set(left.conditions):
        return None
    if same(moved.factor, left.factor):
        return Term(2 * left.factor, left.limits, left.conditions)
    if not left.limits or set(split(left.factor, set(left.indices))[1]) == set(
        split(moved.factor, set(left.indices))[1]
    ):
        united = _common(left.factor, moved.factor)
        if cost(united) < cost(left.factor) + cost(moved.factor):
            return Term(united, left.limits, left.conditions)
    return None


def _common(left: sp.Expr, right: sp.Expr) -> sp.Expr:
    """left + right with the factors that both have in front."""
    shared = [f for f in sp.Mul.make_args(left) if f in sp.Mul.make_args(right)]
    if not shared:
        return left + right
    front = sp.Mul(*shared)
    return front * (left / front + right / front)


def split_scale(product: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Factors without reads, and the rest."""
    plain = [f for f in sp.Mul.make_args(product) if not f.has(Read)]
    rest = [f for f in sp.Mul.make_args(product) if f.has(Read)]
    return sp.Mul(*plain), sp.Mul(*rest)
