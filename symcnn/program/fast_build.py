"""The array program of a network for the fast module: rewritten equations, a layout, and batches in parts where they add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, Selected, reads
from symcnn.core.plan import Action, Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.array import Drawn, Matmul, Named, Scalar, Table
from symcnn.program.build import Program, every_symbol, lower_statement
from symcnn.program.fast_passes import grouped, written_out
from symcnn.program.fast_patterns import statements
from symcnn.program.fast_rewrite import rewritten
from symcnn.program.fast_splice import Choice
from symcnn.program.fast_tiles import MANY
from symcnn.program.passes import pruned, shared
from symcnn.program.scope import Layout
from symcnn.program.steps import Step, names_in, walk

RUN = 32  # numbers that a vector operation, or rows that a product, should have at least
PARTS = (
    1024,
    512,
    256,
    128,
    64,
    32,
    16,
    8,
    4,
    2,
    1,
)  # examples at a time where a batch may be taken in parts
CACHED = 400_000  # numbers of all results of a part that stay in the cache


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

    ``prepared`` are the first steps: they depend on parameters alone and are done once for all parts of a batch.
    """

    program: Program
    prepared: tuple[Step, ...]
    numbers: dict[Tensor, sp.Matrix]
    part: int | None
    choices: tuple[Choice, ...]


def fast_program(plan: Plan, exact: bool = False) -> FastProgram:
    """The program of a network's plan with every rewriting that applies. Raises UnsupportedFormula."""
    plan, numbers, choices = rewritten(plan, exact)
    batch = plan.inputs[0].shape[0]
    layout = Mixed(batch if batch.is_Symbol else None)
    sections = [
        [
            grouped(written_out(step))
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
    part = part_size(program, batch) if batch.is_Symbol and adds_over_parts(plan) else None
    why = "examples do not mix" if part else "a statement mixes the examples of a batch"
    chosen = Choice("batch", f"{part or 'all'} examples at a time", why)
    return FastProgram(program, prepared, numbers, part, (*choices, chosen))


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


def part_size(program: Program, batch: sp.Symbol) -> int:
    """The most examples at a time whose results stay in the cache, but enough for vectors and products to be long."""
    steps = program.steps
    each = sum(int(sp.Mul(*step.node.shape).subs(batch, 1)) for step in steps if batch in step.node.shape)
    innermost = any(len(step.node.shape) > 2 and step.node.shape[-1] == batch for step in steps)
    within = any(len(step.node.shape) > 2 and batch in step.node.shape[:-1] for step in steps)
    least = RUN if innermost and not within else min(RUN // 4, -(-RUN // _rows(steps, batch)))
    return next((size for size in PARTS if size >= least and size * each <= CACHED), least)


def _rows(steps: Iterable[Step], batch: sp.Symbol) -> int:
    """The fewest rows that one example brings to the products of tiles."""
    stacks = [n for step in steps for n in walk(step.node) if isinstance(n, Matmul) and len(n.shape) > 2]
    found = [int(n.shape[-2].subs(batch, 1)) for n in stacks if n.shape[-2].has(batch)]
    return min(found, default=4)


def adds_over_parts(plan: Plan) -> bool:
    """Whether loss and gradients of a batch are the sums of those of its parts, with the size of the whole batch in them.

    Every value is one of three: it belongs to one example, and reads others at that example alone; or it is a sum over
    examples, or linear in such sums; or no example enters it. The size of the batch stands in them as a divisor alone.
    """
    batch = plan.inputs[0].shape[0]
    assert plan.objective is not None, "a network has an objective"
    sums: set[str] = set()
    for statement in statements((*plan.forward, *plan.loss, *plan.backward)):
        equation = statement.equation
        if not _divides_only(equation, batch):
            return False
        if _belongs(equation, batch, sums):
            continue
        if equation.tensor.shape.count(batch) or not _is_sum(equation.body, batch, sums):
            return False
        sums.add(equation.tensor.name)
    if any(tensor.name in sums for tensor in plan.state):
        return False
    return {plan.objective.name, *(tensor.name for _, tensor in plan.gradients)} <= sums


def _belongs(equation: Equation, batch: sp.Symbol, sums: set[str]) -> bool:
    """Whether the target belongs to one example, or none enters it."""
    own = [index.symbol for index in equation.free if index.extent == batch]
    found = reads(equation.body)
    if len(own) > 1 or any(read.tensor.name in sums for read in found):
        return False
    if any(extent == batch for r in equation.body.atoms(Reduce, Selected) for _, extent in r.limits):
        return False
    return all(position in own for read in found for position in _batch_positions(read, batch))


def _batch_positions(read: Read, batch: sp.Symbol) -> list[sp.Expr]:
    """Where a read stands along axes that have to do with the batch."""
    pairs = zip(read.at, read.tensor.shape, strict=True)
    return [position for position, extent in pairs if extent.has(batch)]


def _is_sum(body: sp.Expr, batch: sp.Symbol, sums: set[str]) -> bool:
    """Σ over the batch of terms of one example each, or a sum over examples; times factors that no example enters."""
    if isinstance(body, sp.Add):
        return all(_is_sum(term, batch, sums) for term in body.args)
    if isinstance(body, sp.Mul):
        summed = [
            f for f in body.args if any(_batch_positions(r, batch) or r.tensor.name in sums for r in reads(f))
        ]
        return len(summed) == 1 and _is_sum(summed[0], batch, sums)
    if isinstance(body, Read):
        return body.tensor.name in sums and body.outside in (None, 0)
    if not isinstance(body, Reduce) or body.kind != "sum":
        return False
    over = [k for k, extent in body.limits if extent == batch]
    if not over:
        return _is_sum(body.body, batch, sums)
    inner = [r for r in body.body.atoms(Reduce, Selected) if any(extent == batch for _, extent in r.limits)]
    positions = [position for read in reads(body.body) for position in _batch_positions(read, batch)]
    plain = not any(read.tensor.name in sums for read in reads(body.body))
    return len(over) == 1 and plain and not inner and bool(positions) and all(p == over[0] for p in positions)


def _divides_only(equation: Equation, batch: sp.Symbol) -> bool:
    """Whether the size of the batch stands as a divisor alone, beside the ranges of indices."""
    bare = equation.body.replace(
        lambda e: isinstance(e, Reduce), lambda e: sp.Function("reduced")(e.body, *e.indices)
    )
    rest = bare.replace(lambda e: e.is_Pow and e.base == batch and e.exp.is_negative, lambda e: sp.S.One)
    tensors = {read.tensor: sp.Symbol(f"t{at}") for at, read in enumerate(reads(rest))}
    return not rest.xreplace(tensors).has(batch)
