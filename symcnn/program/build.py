"""From the statements of a plan to the steps of an array program."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Selected, Within
from symcnn.core.plan import Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.array import Copy, Labelled, Node, Scalar, apply, floating, reshaped, transposed
from symcnn.program.lower import numeric
from symcnn.program.lower_read import axis_of, whole
from symcnn.program.lower_scatter import lower_scatter
from symcnn.program.passes import pruned, shared
from symcnn.program.scope import Layout, Scope
from symcnn.program.steps import Step, is_view


@dataclass(frozen=True, slots=True)
class Program:
    """The steps of a plan, in order; each function of a module runs those that its results need.

    ``layout`` says in which order the axes of a tensor lie in memory.
    """

    plan: Plan
    layout: Layout
    forward: tuple[Step, ...]
    loss: tuple[Step, ...]
    backward: tuple[Step, ...]


def build(plan: Plan) -> Program:
    """The array program of a plan. Raises UnsupportedFormula."""
    layout = _layout(plan)
    sections = [
        [Step(s.equation.tensor.name, lower_statement(s, layout), s) for s in statements]
        for statements in (plan.forward, plan.loss, plan.backward)
    ]
    results = {plan.output.name, *(tensor.name for _, tensor in plan.gradients)}
    if plan.objective is not None:
        results.add(plan.objective.name)
    sections = [[_own(step, results) for step in section] for section in pruned(sections, results)]
    taken = {tensor.name for tensor in (*plan.inputs, *plan.parameters)} | {
        symbol.name for symbol in every_symbol(plan)
    }
    forward, loss, backward = shared(sections, taken)
    return Program(plan, layout, tuple(forward), tuple(loss), tuple(backward))


def _own(step: Step, results: set[str]) -> Step:
    """A result has memory of its own, even where it is a mere view of an input."""
    if step.name in results and is_view(step.node) and not isinstance(step.node, Scalar):
        return Step(step.name, Copy(step.node.shape, step.node), step.statement)
    return step


def every_symbol(plan: Plan) -> list[sp.Symbol]:
    """Sizes, scalar parameters and indices of a plan."""
    statements = (*plan.forward, *plan.loss, *plan.backward)
    found = {s for statement in statements for s in statement.equation.body.free_symbols}
    found |= {s for tensor in (*plan.inputs, *plan.parameters) for n in tensor.shape for s in n.free_symbols}
    found |= {symbol for symbol, _ in plan.scalars}
    return sorted(found, key=lambda s: str(s.name))


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
