"""From the statements of a plan to the steps of an array program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Selected, Within
from symcnn.core.plan import Action, Call, Draw, Plan, Procedure, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.array import (
    Called,
    Copy,
    Drawn,
    Labelled,
    Named,
    Node,
    Scalar,
    apply,
    floating,
    reshaped,
    scalar,
    transposed,
)
from symcnn.program.lower import numeric
from symcnn.program.lower_read import axis_of, whole
from symcnn.program.lower_scatter import lower_scatter
from symcnn.program.passes import Sections, divided, pruned, shared, signs_from_outputs
from symcnn.program.scope import Layout, Scope
from symcnn.program.steps import Step, is_view

KEPT = 65_536  # entries an image up to which a part is kept for the backward pass rather than made again


@dataclass(frozen=True, slots=True)
class Routine:
    """The steps of a procedure: forwards, and backwards from the cotangent of its output."""

    procedure: Procedure
    forward: tuple[Step, ...]
    backward: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """The steps of a plan, in order; each function of a module runs those that its results need.

    ``layout`` says in which order the axes of a tensor lie in memory. ``routines`` are the plan's procedures.
    """

    plan: Plan
    layout: Layout
    forward: tuple[Step, ...]
    loss: tuple[Step, ...]
    backward: tuple[Step, ...]
    routines: tuple[Routine, ...] = ()

    @property
    def two_modes(self) -> bool:
        """Whether training and evaluation differ."""
        plan = self.plan
        every = (*self.steps, *(s for r in self.routines for s in (*r.forward, *r.backward)))
        return plan.objective != plan.measure or any(s.evaluation is not None or s.training for s in every)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The plan's own steps, without those of routines."""
        return (*self.forward, *self.loss, *self.backward)


def build(plan: Plan, layout: Layout | None = None) -> Program:
    """The array program of a plan, in its usual layout unless one is given. Raises UnsupportedFormula."""
    layout = layout or _layout(plan)
    taken = {tensor.name for tensor in (*plan.inputs, *plan.parameters, *plan.state)} | {
        symbol.name for symbol in every_symbol(plan)
    }
    results = {plan.output.name, *(tensor.name for _, tensor in plan.gradients), *_names(plan.state)}
    results |= {tensor.name for tensor in (plan.objective, plan.measure) if tensor is not None}
    results |= {name for action in plan.backward if isinstance(action, Call) for name in (grads_of(action),)}
    body = Lowering(layout, plan.procedures, plan.draws)
    sections = signs_from_outputs(
        body.sections((plan.forward, plan.loss, plan.backward), results, taken), body.heavy
    )
    measure = plan.measure or plan.objective
    if measure is not None:
        sections = _marked(sections, {plan.output.name, measure.name}, 2)
    forward, loss, backward = sections
    routines = tuple(_routine(procedure, plan, layout) for procedure in plan.procedures)
    return Program(plan, layout, tuple(forward), tuple(loss), tuple(backward), routines)


def _routine(procedure: Procedure, plan: Plan, layout: Layout) -> Routine:
    taken = _names((*procedure.inputs, *procedure.labels, *procedure.parameters, *procedure.state))
    results = {procedure.output.name, *_names(procedure.state), *_names(procedure.cotangents)}
    results |= {tensor.name for _, tensor in procedure.gradients}
    results |= {grads_of(action) for action in procedure.backward if isinstance(action, Call)}
    body = Lowering(layout.sized(procedure.instances), plan.procedures, procedure.draws)
    symbols = _symbols((*procedure.forward, *procedure.backward))
    used = {*taken, procedure.seed.name, *(str(s.name) for s in symbols)}
    sections = signs_from_outputs(
        body.sections((procedure.forward, procedure.backward), results, used), body.heavy
    )
    forward, backward = _marked(sections, {procedure.output.name}, 1)
    return Routine(procedure, tuple(forward), tuple(backward))


def _names(tensors: Iterable[Tensor]) -> set[str]:
    return {tensor.name for tensor in tensors}


def _marked(sections: Sections, results: set[str], last: int) -> Sections:
    """Which steps of the first sections are for training alone."""
    early = [step for section in sections[:last] for step in section]
    marked = iter(divided(early, results))
    return [[next(marked) for _ in section] for section in sections[:last]] + sections[last:]


def saved_of(call: Call) -> str:
    """The name under which a call's values wait for the backward pass."""
    return f"{call.name}_saved"


def grads_of(call: Call) -> str:
    """The name of the gradients that a call gives backwards."""
    return f"{call.name}_grads"


@dataclass(frozen=True, slots=True)
class Lowering:
    """Lowers the actions of a plan or procedure."""

    layout: Layout
    procedures: tuple[Procedure, ...]
    draws: tuple[Draw, ...]

    def sections(
        self, parts: Sequence[Sequence[Action]], results: set[str], taken: Iterable[str]
    ) -> Sections:
        """Steps without what no result needs, with repeated computations named."""
        steps = [[step for action in part for step in self._steps(action)] for part in parts]
        kept = [[_own(step, results) for step in section] for section in pruned(steps, results)]
        return shared(kept, taken, self.heavy)

    def _steps(self, action: Action) -> Iterator[Step]:
        if isinstance(action, Call):
            yield self._backward(action) if action.backward else self._forward(action)
            return
        read = action.equation.inputs
        if action.evaluation is not None:
            for draw in self.draws:
                if draw.tensor in read:
                    shape = self.layout.stored(draw.tensor).shape
                    yield Step(draw.tensor.name, Drawn(shape, draw.p, draw.tensor.name))
        evaluation = None
        if action.evaluation is not None:
            evaluation = lower_equation(action.evaluation, self.layout)
        name = action.equation.tensor.name
        yield Step(name, lower_statement(action, self.layout), action, evaluation)

    def _forward(self, call: Call) -> Step:
        (output,) = call.results
        assert output is not None, "a block has an output"
        given = tuple(map(self.layout.stored, call.given or ()))
        node = Called(self.layout.stored(output).shape, call, (*self._arguments(call), *given))
        return Step(output.name, node, also=(saved_of(call),))

    def _backward(self, call: Call) -> Step:
        names = tuple(t.name for t in (*call.results, *(call.given or ())) if t is not None)
        node = Called((), call, (Named((), saved_of(call)), *self._arguments(call)))
        return Step(grads_of(call), node, also=names)

    def _arguments(self, call: Call) -> tuple[Node, ...]:
        return tuple(
            self.layout.stored(value) if isinstance(value, Tensor) else scalar(value)
            for value in call.arguments
        )

    def heavy(self, node: Node) -> bool:
        """Whether a part of one image has so many entries that keeping it costs more than making it again."""
        return self.layout.entries(node.shape) > KEPT


def _own(step: Step, results: set[str]) -> Step:
    """A result has memory of its own, even where it is a mere view of an input."""
    if step.name in results and is_view(step.node) and not isinstance(step.node, Scalar):
        return replace(step, node=Copy(step.node.shape, step.node))
    return step


def every_symbol(plan: Plan) -> list[sp.Symbol]:
    """Sizes, scalar parameters and indices of a plan."""
    found = _symbols(plan.every_statement)
    found |= {s for tensor in (*plan.inputs, *plan.parameters) for n in tensor.shape for s in n.free_symbols}
    found |= {symbol for symbol, _ in plan.scalars}
    return sorted(found, key=lambda s: str(s.name))


def _symbols(actions: Iterable[Action]) -> set[sp.Symbol]:
    """Sizes, scalar parameters and indices of statements."""
    return {s for a in actions if isinstance(a, Statement) for s in a.equation.body.free_symbols}


def _layout(plan: Plan) -> Layout:
    """A network's batch axis lies innermost; a formula keeps its axes as they are declared."""
    if plan.objective is None or not plan.inputs or not plan.inputs[0].shape:
        return Layout()
    first = plan.inputs[0].shape[0]
    return Layout(first if first.is_Symbol else None)


def lower_statement(statement: Statement, layout: Layout) -> Node:
    """The array of a statement, in stored order; by its scatters where its gather form divides or guards.

    Scatters at divided positions (second order) are left to the gather form, which then multiplies instead.
    """
    divided = any(_is_divided(p) for scatter in statement.scatters for p in scatter.target.at)
    if statement.scatters and not divided and is_guarded(statement.equation):
        parts = [lower_scatter(scatter, layout) for scatter in statement.scatters]
        result = parts[0]
        for part in parts[1:]:
            result = apply("add", result, part)
        return result
    return lower_equation(statement.equation, layout)


def is_guarded(equation: Equation) -> bool:
    """Whether a read or selection in it stands under divisibility or range conditions."""
    for node in sp.preorder_traversal(equation.body):
        match node:
            case Within():
                return True
            case Read() if node.outside is not None or any(_is_divided(p) for p in node.at):
                return True
            case Selected() if any(not p.is_Symbol for p in node.at):
                return True
    return False


def _is_divided(position: sp.Expr) -> bool:
    return bool(whole(position)[1] != 1 or position.has(sp.floor, sp.Mod))


def lower_equation(equation: Equation, layout: Layout) -> Node:
    """The array of an equation: its body over the free indices, merged where the target's position is mixed-radix."""
    tensor = equation.tensor
    order = layout.order(tensor)
    extents = {index.symbol: index.extent for index in equation.free}
    axes = [axis_of(equation.target.at[axis], extents) for axis in order]
    labels = tuple(k for axis in axes for k in axis.labels)
    labels += tuple(k for k in extents if k not in labels)
    scope = Scope(layout, {k: extents[k] for k in labels})
    value = numeric(equation.body, scope)
    node = scope.spread(value, labels) if set(value.labels) != set(labels) else _ordered(value, labels)
    return reshaped(floating(node), tuple(_stored(tensor, axis) for axis in order))


def _ordered(value: Labelled, labels: tuple[sp.Symbol, ...]) -> Node:
    return transposed(value.node, [value.labels.index(k) for k in labels])


def _stored(tensor: Tensor, axis: int) -> sp.Expr:
    return tensor.shape[axis]
