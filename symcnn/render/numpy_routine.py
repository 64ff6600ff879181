"""The function pair of a block: forwards with what is kept, and backwards from the cotangent of its output."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symcnn.core.plan import Call, Plan, Procedure
from symcnn.program.array import Called
from symcnn.program.build import Program, Routine
from symcnn.program.passes import needed
from symcnn.program.steps import Step
from symcnn.render.dialect import NUMPY
from symcnn.render.numpy_calls import Function
from symcnn.render.numpy_module import Body, Module
from symcnn.render.numpy_names import identifiers, names_read, safe
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
    named: bool
    given: str
    backward: Body
    seed: str
    results: str

    @property
    def packed(self) -> str:
        """The values that are kept, as a tuple."""
        return f"({self.saved})"

    @property
    def unpacked(self) -> str:
        """The names that they get."""
        return f"({self.saved})" if "\n" in self.saved else self.saved


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
    layout = program.layout.sized(procedure.instances)
    inner = Program(plan, layout, routine.forward, (), routine.backward)
    alone = outer.dialect is NUMPY and is_plain(inner) and _has_own_prefix(procedure, outer.plan)
    plain = procedure.explicit or alone
    names = named(inner, plain)
    names |= {tensor.name: safe(tensor.name) for tensor in procedure.state} if procedure.explicit else {}
    opened = unpacked(inner, names, "params.values()") if plain and not procedure.explicit else []
    module = Module(inner, names, functions, dialect=outer.dialect)
    forward, _, backward = module.sections
    gradients = [tensor for _, tensor in procedure.gradients]
    wanted = [t.name for t in (*procedure.cotangents, *gradients)]
    after = needed(backward, [*wanted, *calls_of(backward)])
    before = needed(forward, [procedure.output.name, *(t.name for t in procedure.state), *names_read(after)])
    given = [module.name(t.name) for t in plan.inputs]
    own = [module.name(t.name) for t in (*procedure.parameters, *procedure.state) if procedure.explicit]
    kept = module.kept(after, [*given, *own, *module.made(before)])
    known = [procedure.seed, *(() if procedure.explicit else procedure.parameters)]
    later = module.body(
        after, [*opened, *module.extents_of(known)], module.value_of(kept), freed=module.freed(after, wanted)
    )
    kept += module.missing(later, known)
    function = functions[procedure.name]
    living = [procedure.output.name, *kept]
    start = [*opened, *module.extents_of((*procedure.inputs, *procedure.parameters))]
    result = Pair(
        name=function.name,
        places=_places(procedure),
        table=columns(procedure.table),
        arguments=", ".join(
            [
                *([] if procedure.explicit else ["params"]),
                *given[: len(procedure.inputs)],
                *own,
                *function.arguments,
            ]
        ),
        forward=module.body(before, start, [given[0]], kept, module.freed(before, living)),
        output=module.name(procedure.output.name),
        saved=tuple_text(kept),
        training=function.training,
        named=not procedure.explicit,
        given="kept" if procedure.explicit else "params, kept",
        backward=later,
        seed=module.name(procedure.seed.name),
        results=", ".join(_results(procedure, module, after)),
    )
    outer.helpers |= module.helpers
    return result


def _has_own_prefix(procedure: Procedure, plan: Plan) -> bool:
    """Whether the names that begin with a block's name are those of its parameters, in each of its places."""
    every = [tensor.name for tensor in plan.parameters]
    own = [tensor.name for tensor in procedure.parameters]
    return all(
        [name for name in every if name.startswith(f"{place}_")] == [f"{place}_{name}" for name in own]
        for place in procedure.places
    )


def _places(procedure: Procedure) -> str:
    """For which blocks the function stands."""
    if procedure.explicit:
        return "The output, and what the backward pass reads."
    text = f"{', '.join(procedure.places)}: the output, and what the backward pass reads."
    return textwrap.fill(text, 100, subsequent_indent="    ")


def _results(procedure: Procedure, module: Module, after: Sequence[Step]) -> list[str]:
    """What the backward function returns: cotangents, then gradients by name or, where it is so called, one by one."""
    found = [module.name(tensor.name) for tensor in procedure.cotangents]
    made = defined(after)
    if procedure.explicit:
        return [*found, *(module.name(t.name) for _, t in procedure.gradients if t.name in made)]
    space = module.dialect.space
    own = entries(
        [
            (name, module.name(t.name) if t.name in made else f"{space}.zeros_like({module.name(name)})")
            for name, t in procedure.gradients
            if t.name in made or not in_block(name, module.plan, module.functions)
        ]
    )
    if any(isinstance(step.node, Called) and step.node.call.given is None for step in after):
        return found + ([] if not procedure.gradients else ["grads"] if own == "{}" else [f"grads | {own}"])
    return [*found, own] if procedure.gradients else found


def in_block(name: str, plan: Plan, functions: Mapping[str, Function]) -> bool:
    """Whether a parameter belongs to a block, which gives its gradient."""
    calls = [action for action in plan.forward if isinstance(action, Call) and action.given is None]
    return any(
        name == f"{call.name}_{tensor.name}"
        for call in calls
        for tensor in functions[call.procedure].procedure.parameters
    )


def calls_of(steps: Sequence[Step]) -> list[str]:
    """The names of the gradients that calls give."""
    return [step.name for step in steps if isinstance(step.node, Called) and step.node.call.backward]


def defined(steps: Sequence[Step]) -> set[str]:
    """Every name that some step defines."""
    return {name for step in steps for name in step.names}


def named(program: Program, plain: bool) -> dict[str, str]:
    """The text for every name; state, and parameters unless ``plain``, are entries of what the function is given."""
    names = identifiers(program)
    if not plain:
        names |= {tensor.name: f'params["{tensor.name}"]' for tensor in program.plan.parameters}
    return names | {tensor.name: f'state["{tensor.name}"]' for tensor in program.plan.state}


def unpacked(program: Program, names: Mapping[str, str], source: str) -> list[str]:
    """The line that gives all parameters names of their own."""
    text = tuple_text([names[tensor.name] for tensor in program.plan.parameters])
    lines = f"({text}) = {source}".split("\n") if "\n" in text else [f"{text} = {source}"]
    return [line.removeprefix("    ") for line in lines]


def is_plain(program: Program) -> bool:
    """Whether all parameters stand in equations of the program's own, or are handed on one by one."""
    steps = (*program.forward, *program.loss, *program.backward)
    calls = [step.node.call for step in steps if isinstance(step.node, Called)]
    return bool(program.plan.parameters) and all(call.given is not None for call in calls)
