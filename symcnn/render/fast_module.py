"""The fast module of a network: workspaces for each size of batch, and the public functions of the readable module."""

from __future__ import annotations

import re

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.program.fast_build import FastProgram, evaluated, fast_program, two_modes
from symcnn.program.fast_shares import Shares
from symcnn.program.fast_splice import Choice
from symcnn.render.fast_arrays import Array, Bound, dtype_of, row_major
from symcnn.render.fast_emit import Emitter
from symcnn.render.fast_entries import CALL, written_entries
from symcnn.render.fast_kernels import compute
from symcnn.render.fast_source import Input, Lines, Work, explained, rendered, rows
from symcnn.render.numpy_lines import comment
from symcnn.render.numpy_names import OWN_NAMES, classes_of, safe
from symcnn.render.numpy_source import Emitted

TYPICAL = 16  # examples at a time where all are taken at once
WORKSPACE = frozenset(
    [
        "n",
        "self",
        "np",
        "math",
        "aligned",
        "bound",
        "outer",
        "total",
        "together",
        "into",
        "part",
        "dtype",
        "params",
        "grads",
        "state",
        "rng",
    ]
)


def emit_fast(plan: Plan, exact: bool = False) -> Emitted:
    """The fast module of a network's plan, all blocks written out.

    Raises UnsupportedFormula for a formula without a loss.
    """
    if plan.objective is None:
        raise UnsupportedFormula("expected a network for style fast; a formula has the readable style alone")
    modes = two_modes(plan)
    works = [_work(plan, exact, "Workspace", "The arrays for `n` examples and the work on them.")]
    if modes:
        works.append(
            _work(evaluated(plan), exact, "Evaluation", "The same with running statistics and no masks.")
        )
    choices = list(dict.fromkeys(choice for work in works for choice in work.choices))
    entries = written_entries(plan, OWN_NAMES)
    calls = works[0].calls
    if entries is not None and entries.operations > CALL * calls:
        entries = None
    if entries is not None:
        why = f"{entries.operations} operations of Python instead of {calls} calls of NumPy"
        choices.append(Choice("one example", "entry by entry", why))
    return Emitted(rendered(plan, works, entries), explained(choices))


def _work(plan: Plan, exact: bool, name: str, title: str) -> Work:
    made = fast_program(plan, exact)
    program, plan = made.program, made.program.plan
    batch = plan.inputs[0].shape[0]
    assert plan.objective is not None, "a network has an objective"
    added = made.shares.added if isinstance(made.shares, Shares) else ()
    sections = (made.prepared, program.forward, program.loss, program.backward)
    steps = [step for section in sections for step in section]
    kept = frozenset([plan.output.name, *(step.name for step in made.prepared)])
    to = Emitter(
        steps=steps,
        typical=min(made.part or TYPICAL, 2 * TYPICAL),
        batch=batch,
        kept=kept,
        compute=compute,
        used=set(WORKSPACE | OWN_NAMES),
    )
    to.held = {tensor.name for tensor in plan.state}
    to.used |= {table.name for table in made.numbers}
    held = (*plan.parameters, *plan.state)
    for tensor in held:
        own = safe(tensor.name)
        to.used.add(own)
        to.arrays[tensor.name] = _whole(f"self.{own}", "bind", tensor)
        to.pads[tensor.name] = None
    inputs = _inputs(made, to)
    gradients = {tensor.name: _whole(safe(tensor.name), "call", tensor) for _, tensor in plan.gradients}
    to.used |= {array.text for array in gradients.values()}
    bodies: list[Lines] = []
    at = 0
    for section in sections:
        lines: Lines = []
        for step in section:
            if step.statement is not None:
                lines += ["", *comment(step.statement)]
            lines += to.emit(at, gradients)
            if step.name in added:
                lines.append(f"self.together({to.arrays[step.name].text})")
            at += 1
        bodies.append(_begun(lines))
    output = to.arrays[plan.output.name]
    order = [program.layout.order(plan.output).index(axis) for axis in range(plan.output.rank)]
    turn = "" if order == sorted(order) else f".transpose({', '.join(map(str, order))})"
    shown = to.view(output, turn, False, "output")
    memory = [
        f"memory{k} = aligned({to.writer.number(slot.size)}, {dtype_of(slot.kind)})"
        for k, slot in enumerate(to.pool.slots)
    ]
    return Work(
        name,
        title,
        made.part,
        inputs,
        ", ".join(to.arrays[tensor.name].text for tensor in held) + ("," if len(held) == 1 else ""),
        (*memory, *(line.replace("MEMORY", "memory") for line in to.setup)),
        tuple(to.binding),
        tuple(bodies[0]),
        tuple(bodies[1]),
        tuple(bodies[2]),
        tuple(bodies[3]),
        shown.text,
        to.arrays[plan.objective.name].text,
        "".join(f", {gradients[tensor.name].text}" for _, tensor in plan.gradients),
        tuple((table.name, str(table.shape), tuple(rows(m))) for table, m in made.numbers.items()),
        frozenset(to.writer.used | to.used_helpers),
        made.choices,
        made.shares,
    )


def _whole(text: str, where: Bound, tensor: Tensor) -> Array:
    return Array(text, where, shape=tensor.shape, steps=row_major(tensor.shape))


def _begun(lines: Lines) -> Lines:
    """The lines of a method after those for the names that they use."""
    code = "\n".join(line for line in lines if not line.startswith("#"))
    start = [f"{name} = self.{name}" for name in ("n", "dtype") if re.search(rf"(?<![\w.]){name}\b", code)]
    return [*start, *lines]


def _inputs(made: FastProgram, to: Emitter) -> tuple[Input, ...]:
    """The arguments beside the parameters."""
    plan, layout = made.program.plan, made.program.layout
    found = []
    for tensor in plan.inputs:
        order = layout.order(tensor)
        classes = classes_of(tensor, plan.every_statement) if tensor is not plan.inputs[0] else None
        array = to.given(tensor, order, "float" if classes is None else "int")
        inverse = [order.index(axis) for axis in range(tensor.rank)]
        turn = "" if inverse == sorted(inverse) else f".transpose({', '.join(map(str, inverse))})"
        room = to.view(array, turn, False, f"{tensor.name}_given")
        extents = [str(extent) for extent in tensor.shape[1:]]
        shape = "(" + ", ".join(["None", *extents]) + ("," if not extents else "") + ")"
        found.append(Input(safe(tensor.name), shape, "" if classes is None else str(classes), room.text))
    return tuple(found)
