"""The array program of a network for the fast module: rewritten equations, a layout, and batches in parts where they add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.plan import Action, Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.array import Drawn, Named, Scalar, Table
from symcnn.program.build import Program, every_symbol, lower_statement
from symcnn.program.fast_parts import adds_over_parts, part_size
from symcnn.program.fast_passes import framed, grouped, mirrored, written_out
from symcnn.program.fast_patterns import statements
from symcnn.program.fast_rewrite import rewritten
from symcnn.program.fast_shares import Shares, Unshared, shares
from symcnn.program.fast_splice import Choice
from symcnn.program.fast_tiles import MANY
from symcnn.program.passes import pruned, shared
from symcnn.program.scope import Layout
from symcnn.program.steps import Step, names_in, walk

LISTED = 12  # names that a line of explanation has room for


@dataclass(frozen=True, slots=True)
class Mixed(Layout):
    """Values of few channels lie as [c, h, w, n], those of many as [h, w, n, c]: long runs of neighbours either way.

    What the rewritings bring in lies as it is declared.
    """

    def order(self, tensor: Tensor) -> tuple[int, ...]:
        """The declared axes in the order in which they are stored."""
        if not tensor.shape or tensor.shape[0] != self.batch:
            return tuple(range(tensor.rank))
        if tensor.rank >= 3 and tensor.shape[1].is_Integer and tensor.shape[1] >= MANY:
            return (*range(2, tensor.rank), 0, 1)
        return (*range(1, tensor.rank), 0)

    def stored(self, tensor: Tensor) -> Named:
        """The tensor as an array of the program."""
        shape = tuple(tensor.shape[axis] for axis in self.order(tensor))
        return Table(shape, tensor.name) if tensor.role == "constant" else Named(shape, tensor.name)


@dataclass(frozen=True, slots=True)
class FastProgram:
    """A program, its tensors of numbers, how many examples it takes at a time (None: all), and what was chosen.

    ``shares`` says how workers share a batch. ``prepared`` are the first steps: they depend on parameters alone and
    are done once for all parts of a batch.
    """

    program: Program
    prepared: tuple[Step, ...]
    numbers: dict[Tensor, sp.Matrix]
    part: int | None
    shares: Shares | Unshared
    choices: tuple[Choice, ...]


def fast_program(plan: Plan, exact: bool = False) -> FastProgram:
    """The program of a network's plan with every rewriting that applies. Raises UnsupportedFormula."""
    plan, numbers, choices = rewritten(plan, exact)
    batch = plan.inputs[0].shape[0]
    layout = Mixed(batch if batch.is_Symbol else None)
    sections = [
        [
            grouped(written_out(mirrored(framed(step))))
            for statement in statements(actions)
            for step in _steps(statement, plan, layout)
        ]
        for actions in (plan.forward, plan.loss, plan.backward)
    ]
    results = {plan.output.name, *(tensor.name for _, tensor in plan.gradients)}
    assert plan.objective is not None, "a network has an objective"
    results |= {plan.objective.name, *(tensor.name for tensor in plan.state)}
    given = (*plan.inputs, *plan.parameters, *plan.state)
    taken = {t.name for t in given} | {s.name for s in every_symbol(plan)}
    forward, loss, backward = shared(pruned(sections, results), taken)
    program = Program(plan, layout, tuple(forward), tuple(loss), tuple(backward))
    prepared = _prepared(program, {*results, *(table.name for table in numbers)}, batch)
    program = replace(program, forward=tuple(step for step in program.forward if step not in prepared))
    part = part_size(program, prepared, batch) if batch.is_Symbol and adds_over_parts(plan) else None
    why = "examples do not mix" if part else "a statement mixes the examples of a batch"
    chosen = Choice("batch", f"{part or 'all'} examples at a time", why)
    shared_by = Shares() if part else shares(plan, program)
    return FastProgram(
        program, prepared, numbers, part, shared_by, (*choices, chosen, *_told(shared_by, plan))
    )


def _told(shared_by: Shares | Unshared, plan: Plan) -> tuple[Choice, ...]:
    """How workers share a batch, in words."""
    if not plan.backward:
        return ()
    match shared_by:
        case Unshared(reason=reason):
            return (Choice("workers", "one alone", reason),)
        case Shares(added=()):
            return (Choice("workers", "each has examples of its own", "gradients of the shares add up"),)
    names = shared_by.added
    listed = ", ".join(names) if len(names) <= LISTED else f"{len(names)} sums, {names[0]} to {names[-1]},"
    what = f"{listed} added up over the workers on the way"
    return (Choice("workers", what, "sums over all examples; else examples do not mix"),)


def _steps(statement: Statement, plan: Plan, layout: Layout) -> Iterator[Step]:
    """The step of a statement, after the masks that it draws."""
    for draw in plan.draws if statement.evaluation is not None else ():
        if draw.tensor in statement.equation.inputs:
            yield Step(draw.tensor.name, Drawn(layout.stored(draw.tensor).shape, draw.p, draw.tensor.name))
    yield Step(statement.equation.tensor.name, lower_statement(statement, layout), statement)


def evaluated(plan: Plan) -> Plan:
    """The plan of the trained network: running statistics are read, nothing is drawn, nothing is derived."""

    def kept(actions: Iterable[Action]) -> tuple[Statement, ...]:
        return tuple(
            replace(s, equation=s.evaluation or s.equation, evaluation=None)
            for s in statements(actions)
            if s.equation.tensor not in plan.state
        )

    measure = plan.measure or plan.objective
    return replace(
        plan,
        forward=kept(plan.forward),
        loss=kept(plan.loss),
        backward=(),
        gradients=(),
        draws=(),
        objective=measure,
    )


def two_modes(plan: Plan) -> bool:
    """Whether training and evaluation differ."""
    every = statements((*plan.forward, *plan.loss))
    return plan.measure not in (None, plan.objective) or any(
        s.evaluation is not None or s.equation.tensor in plan.state for s in every
    )


def _prepared(program: Program, results: set[str], batch: sp.Symbol) -> tuple[Step, ...]:
    """Steps of the forward pass that no example enters."""
    fixed = {tensor.name for tensor in program.plan.parameters}
    tables = results - {step.name for step in program.steps}
    found: list[Step] = []
    for step in program.forward:
        numbers = [node.value for node in walk(step.node) if isinstance(node, Scalar)]
        drawn = any(isinstance(node, Drawn) for node in walk(step.node))
        sized = any(extent.has(batch) for extent in (*step.node.shape, *numbers))
        if names_in(step.node) <= fixed | tables and not drawn and not sized and step.name not in results:
            fixed.add(step.name)
            found.append(step)
    return tuple(found)
