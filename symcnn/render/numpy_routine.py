"""The function pair of a block: forwards with what is kept, and backwards from the cotangent of its output."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from symcnn.core.plan import Plan
from symcnn.program.array import Called
from symcnn.program.build import Program, Routine
from symcnn.program.passes import needed
from symcnn.program.steps import Step
from symcnn.render.numpy_calls import Function
from symcnn.render.numpy_module import Body, Module
from symcnn.render.numpy_names import identifiers, names_read
from symcnn.render.numpy_text import columns, entries, tuple_text


@dataclass(frozen=True, slots=True)
class Pair:
    """The text of both functions of a block."""

    name: str
    places: str
    table: list[str]
    arguments: str
    forward: Body
    output: str
    saved: str
    training: bool
    backward: Body
    seed: str
    results: str


def pair(routine: Routine, program: Program, functions: dict[str, Function], outer: Module) -> Pair:
    """The functions of one routine; the outer module takes the functions of its own that they need."""
    procedure = routine.procedure
    plan = Plan(
        name=procedure.name,
        title="",
        inputs=(*procedure.inputs, *procedure.labels),
        parameters=procedure.parameters,
        scalars=(),
        forward=procedure.forward,
        output=procedure.output,
        backward=procedure.backward,
        gradients=procedure.gradients,
        state=procedure.state,
        draws=procedure.draws,
    )
    inner = Program(plan, program.layout, routine.forward, (), routine.backward)
    module = Module(inner, named(inner), functions, dialect=outer.dialect)
    forward, _, backward = module.sections
    wanted = [t.name for t in (*procedure.cotangents, *(t for _, t in procedure.gradients))]
    after = needed(backward, [*wanted, *calls_of(backward)])
    before = needed(forward, [procedure.output.name, *(t.name for t in procedure.state), *names_read(after)])
    given = [module.name(t.name) for t in plan.inputs]
    kept = module.kept(after, [*given, *module.made(before)])
    backward_body = module.body(after, [], module.value_of(kept), freed=module.freed(after, wanted))
    if module.counts(backward_body):
        kept = [*kept, "N"]
    function = functions[procedure.name]
    living = [procedure.output.name, *kept]
    image = procedure.inputs[0]
    batch = [f"N = {given[0]}.shape[{program.layout.order(image).index(0)}]"]
    own = entries(
        [(name, module.name(t.name)) for name, t in procedure.gradients if t.name in defined(after)]
    )
    results = [module.name(tensor.name) for tensor in procedure.cotangents]
    if any(isinstance(step.node, Called) for step in after):
        results += ["grads" if own == "{}" else f"grads | {own}"] if procedure.gradients else []
    elif procedure.gradients:
        results.append(own)
    result = Pair(
        name=function.name,
        places=textwrap.fill(
            f"{', '.join(procedure.places)}: the output, and what the backward pass reads.",
            100,
            subsequent_indent="    ",
        ),
        table=columns(procedure.table),
        arguments=", ".join(["params", *given[: len(procedure.inputs)], *function.arguments]),
        forward=module.body(before, batch, [given[0]], "N" in kept, module.freed(before, living)),
        output=module.name(procedure.output.name),
        saved=tuple_text(kept),
        training=function.training,
        backward=backward_body,
        seed=module.name(procedure.seed.name),
        results=", ".join(results),
    )
    outer.helpers |= module.helpers
    return result


def calls_of(steps: Sequence[Step]) -> list[str]:
    """The names of the gradients that calls give."""
    return [step.name for step in steps if isinstance(step.node, Called) and step.node.call.backward]


def defined(steps: Sequence[Step]) -> set[str]:
    """Every name that some step defines."""
    return {name for step in steps for name in step.names}


def named(program: Program) -> dict[str, str]:
    """The text for every name; parameters and state are entries of what the function is given."""
    names = identifiers(program)
    names |= {tensor.name: f'params["{tensor.name}"]' for tensor in program.plan.parameters}
    return names | {tensor.name: f'state["{tensor.name}"]' for tensor in program.plan.state}
