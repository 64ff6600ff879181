"""The array program of a network for the fast module: rewritten equations, a layout, and batches in parts where they add."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Reduce, reads
from symcnn.core.plan import Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.build import Program, every_symbol, lower_statement
from symcnn.program.passes import pruned, shared
from symcnn.program.scope import Layout
from symcnn.program.steps import Step

PARTS = (1024, 512, 256, 128, 64, 32)  # examples at a time where a batch may be taken in parts
CACHED = 400_000  # numbers of all results of a part that stay in the cache


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, where, and why."""

    where: str
    what: str
    why: str


def fast_program(plan: Plan, exact: bool = False) -> tuple[Program, int | None, tuple[Choice, ...]]:
    """The program, how many examples it takes at a time (None: all), and what was chosen. Raises UnsupportedFormula."""
    batch = plan.inputs[0].shape[0]
    layout = Layout(batch if batch.is_Symbol else None)
    sections = [
        [Step(s.equation.tensor.name, lower_statement(s, layout), s) for s in statements]
        for statements in (plan.forward, plan.loss, plan.backward)
    ]
    results = {plan.output.name, *(tensor.name for _, tensor in plan.gradients)}
    assert plan.objective is not None, "a network has an objective"
    results.add(plan.objective.name)
    taken = {t.name for t in (*plan.inputs, *plan.parameters)} | {s.name for s in every_symbol(plan)}
    forward, loss, backward = shared(pruned(sections, results), taken)
    program = Program(plan, layout, tuple(forward), tuple(loss), tuple(backward))
    part = part_size(program, batch) if batch.is_Symbol and adds_over_parts(plan) else None
    why = "examples do not mix" if part else "a statement mixes the examples of a batch"
    return program, part, (Choice("batch", f"{part or 'all'} examples at a time", why),)


def part_size(program: Program, batch: sp.Symbol) -> int:
    """The most examples at a time whose results stay in the cache, but 32 at least: calls cost time as well."""
    steps = (*program.forward, *program.loss, *program.backward)
    each = sum(int(sp.Mul(*step.node.shape).subs(batch, 1)) for step in steps if batch in step.node.shape)
    return next((size for size in PARTS if size * each <= CACHED), PARTS[-1])


def adds_over_parts(plan: Plan) -> bool:
    """Whether loss and gradients of a batch are the sums of those of its parts, with the size of the whole batch in them.

    Every value belongs to one example: its equation reads each batched tensor at its own index and sums over no other.
    Only the loss and the gradients of parameters sum over the batch, and the size stands in them as a divisor alone.
    """
    batch = plan.inputs[0].shape[0]
    assert plan.objective is not None, "a network has an objective"
    ends = {plan.objective.name, *(tensor.name for _, tensor in plan.gradients)}
    statements = (*plan.forward, *plan.loss, *plan.backward)
    return all(_belongs(s, batch, s.equation.tensor.name in ends) for s in statements)


def _belongs(statement: Statement, batch: sp.Symbol, end: bool) -> bool:
    equation = statement.equation
    own = [index.symbol for index in equation.free if index.extent == batch]
    sums = [r for r in equation.body.atoms(Reduce) if any(extent == batch for _, extent in r.limits)]
    if not _divides_only(equation, batch):
        return False
    if end:
        return not own and _is_sum(equation.body, batch) and not equation.tensor.shape.count(batch)
    if sums or len(own) > 1:
        return False
    return all(
        position in own
        for read in reads(equation.body)
        for position, extent in zip(read.at, read.tensor.shape, strict=True)
        if extent == batch
    ) and (bool(own) or not _batched(equation, batch))


def _batched(equation: Equation, batch: sp.Symbol) -> bool:
    return any(_is_batched(read.tensor, batch) for read in reads(equation.body))


def _is_batched(tensor: Tensor, batch: sp.Symbol) -> bool:
    return any(extent.has(batch) for extent in tensor.shape)


def _is_sum(body: sp.Expr, batch: sp.Symbol) -> bool:
    """Σ over the batch of terms of one example each, times factors that no example enters."""
    if isinstance(body, sp.Add):
        return all(_is_sum(term, batch) for term in body.args)
    if isinstance(body, sp.Mul):
        summed = [f for f in body.args if any(_is_batched(r.tensor, batch) for r in reads(f))]
        return len(summed) == 1 and _is_sum(summed[0], batch)
    if not isinstance(body, Reduce) or body.kind != "sum":
        return False
    over = [k for k, extent in body.limits if extent == batch]
    if not over:
        return _is_sum(body.body, batch)
    inner = [r for r in body.body.atoms(Reduce) if any(extent == batch for _, extent in r.limits)]
    positions = [
        position
        for read in reads(body.body)
        for position, extent in zip(read.at, read.tensor.shape, strict=True)
        if extent == batch
    ]
    return len(over) == 1 and not inner and bool(positions) and all(p == over[0] for p in positions)


def _divides_only(equation: Equation, batch: sp.Symbol) -> bool:
    """Whether the size of the batch stands as a divisor alone, beside the ranges of indices."""
    bare = equation.body.replace(
        lambda e: isinstance(e, Reduce), lambda e: sp.Function("reduced")(e.body, *e.indices)
    )
    rest = bare.replace(lambda e: e.is_Pow and e.base == batch and e.exp.is_negative, lambda e: sp.S.One)
    tensors = {read.tensor: sp.Symbol(f"t{at}") for at, read in enumerate(reads(rest))}
    return not rest.xreplace(tensors).has(batch)
