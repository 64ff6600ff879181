"""A rewriting in a plan: the new equations forwards, and backwards the cotangents that are derived from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from symcnn.calculus.pullback import cotangents
from symcnn.core.bounds import nonnegative, span
from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, reads, rebind
from symcnn.core.index import fresh
from symcnn.core.plan import Plan, Scatter, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.fast_patterns import statements
from symcnn.program.fast_tiles import bare, unused_name


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, where, and why."""

    where: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Equations in the place of statements."""

    old: tuple[Statement, ...]
    new: tuple[Equation, ...]
    choice: Choice
    numbers: tuple[tuple[Tensor, sp.Matrix], ...] = ()


def spliced(plan: Plan, change: Rewriting) -> Plan | None:
    """``change`` in forward and backward pass; None where the backward pass does not come apart."""
    gone = [s.equation.tensor for s in change.old]
    out = gone[-1]
    inputs = list(dict.fromkeys(t for s in change.old for t in s.equation.inputs if t not in gone))
    dead = {t.cotangent().name for t in gone[:-1]}
    passed = {*dead, out.cotangent().name}
    backward = {s.equation.tensor.name: s for s in statements(plan.backward)}
    wanted = [t for t in inputs if t.cotangent().name in backward]
    parts: dict[str, Tensor] = {}
    rest: list[Statement] = []
    place: int | None = None
    for statement in statements(plan.backward):
        name = statement.equation.tensor.name
        reads_it = any(t.name in passed for t in statement.equation.inputs)
        if name in dead or (reads_it and name in {t.cotangent().name for t in wanted}):
            place = len(rest) if place is None else place
            if name in dead or _only(statement.equation.body, passed):
                continue
            parts[name] = _part(statement.equation.tensor, plan, change)
            remaining = _remaining(statement, passed, parts[name])
            if remaining is None:
                return None
            rest.append(remaining)
            continue
        if reads_it and any(t.name in dead for t in statement.equation.inputs):
            return None
        rest.append(statement)
    if place is None:
        if wanted:
            return None
        place = 0
    made: list[Statement] = []
    for derived, gradients in cotangents(change.new, wanted):
        scatters = tuple(s for gradient in gradients for s in gradient.scatters)
        note, into = _note(derived, change), parts.get(derived.tensor.name, derived.tensor)
        derived = bare(reindexed(Equation(Read(into, derived.target.at), derived.body, derived.free)))
        scatters = tuple(replace(s, target=Read(into, s.target.at)) for s in scatters)
        made.append(Statement(0, derived, note, change.old[0].layer, scatters))
    forward = list(statements(plan.forward))
    at = forward.index(change.old[0])
    last = change.old[-1]
    new = [
        Statement(0, e, last.note if e is change.new[-1] else "part of " + last.note, last.layer)
        for e in change.new
    ]
    forward = (
        [s for s in forward[:at] if s not in change.old]
        + new
        + [s for s in forward[at:] if s not in change.old]
    )
    return replace(plan, forward=tuple(forward), backward=(*rest[:place], *made, *rest[place:]))


def reindexed(equation: Equation) -> Equation:
    """Sums over the places that a guarded read can take, instead of over all places with most of them outside.

    Σ_r X[r − h | 0, r] is Σ_a X[a, h + a] where h + a never leaves the range of r.
    """
    body = equation.body
    if not isinstance(body, Reduce) or body.kind != "sum" or not isinstance(body.body, Read):
        return equation
    read, limits = body.body, dict(body.limits)
    extents = equation.extents
    for k, extent in body.limits:
        for position, size in zip(read.at, read.tensor.shape, strict=True):
            rest = sp.expand(position - k)
            if position == k or rest.has(k) or not rest.free_symbols <= set(extents):
                continue
            place = fresh(str(k.name))
            moved = place - rest
            reach = span(moved, {**extents, place: size})
            if reach is None or not nonnegative(reach[0]) or not nonnegative(extent - 1 - reach[1]):
                continue
            del limits[k]
            read = rebind(read, {k: moved})
            read = Read(read.tensor, [sp.expand(p) for p in read.at], read.args[2])
            limits[place] = size
            extents = {**extents, place: size}
            break
    return Equation(equation.target, Reduce("sum", read, limits.items()), equation.free)


def _only(body: sp.Expr, names: set[str]) -> bool:
    """Whether every term passes on a cotangent, and only those of ``names``."""
    found = [[r for r in reads(t) if r.tensor.role == "cotangent"] for t in sp.Add.make_args(body)]
    return all(part and all(read.tensor.name in names for read in part) for part in found)


def _part(cotangent: Tensor, plan: Plan, change: Rewriting) -> Tensor:
    """A tensor for what comes back through the new equations alone."""
    taken = {t.name for s in plan.statements for t in (s.equation.tensor, *s.equation.inputs)}
    taken |= {e.tensor.name for e in change.new} | {e.tensor.cotangent().name for e in change.new}
    return Tensor(unused_name(f"{cotangent.name}_part", taken), cotangent.shape, "cotangent")


def _remaining(statement: Statement, passed: set[str], part: Tensor) -> Statement | None:
    """A sum of cotangents with ``part`` in the place of its terms that read what is ``passed``; None where they mix."""
    equation = statement.equation
    terms, scatters = [], []
    for term in sp.Add.make_args(equation.body):
        if not _reads(term, passed):
            terms.append(term)
        elif not _only(term, passed):
            return None
    for scatter in statement.scatters:
        if not _reads(scatter.factor, passed):
            scatters.append(scatter)
        elif not _only(scatter.factor, passed):
            return None
    value = Read(part, equation.target.at)
    if statement.scatters:
        scatters.append(Scatter(equation.target, value, tuple((i.symbol, i.extent) for i in equation.free)))
    return replace(
        statement,
        equation=Equation(equation.target, sp.Add(*terms, value), equation.free),
        scatters=tuple(scatters),
    )


def _reads(expr: sp.Expr, names: set[str]) -> bool:
    return any(read.tensor.name in names for read in reads(expr))


def _note(derived: Equation, change: Rewriting) -> str:
    return f"gradient of {derived.tensor.name[1:]}"


def numbered(plan: Plan) -> Plan:
    """The plan with its statements numbered anew."""
    count = 0
    sections = []
    for section in (plan.forward, plan.loss, plan.backward):
        done = []
        for statement in statements(section):
            count += 1
            done.append(replace(statement, number=count))
        sections.append(tuple(done))
    return replace(plan, forward=sections[0], loss=sections[1], backward=sections[2])
