"""The fast module of a network: a workspace for each size of batch, and the public functions of the readable module."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.program.build import Program
from symcnn.program.fast_build import FastProgram, fast_program
from symcnn.program.fast_rewrite import Choice
from symcnn.render.fast_arrays import Array, Bound, row_major
from symcnn.render.fast_emit import Emitter
from symcnn.render.loader import render
from symcnn.render.numpy_lines import comment
from symcnn.render.numpy_module import OWN_NAMES, classes_of, safe, tidy
from symcnn.render.numpy_source import Emitted
from symcnn.render.numpy_weights import initial

WORKSPACE = frozenset(
    [
        "n",
        "self",
        "np",
        "math",
        "bound",
        "outer",
        "total",
        "into",
        "part",
        "spare",
        "dtype",
        "params",
        "grads",
    ]
)
Lines = list[str]


def emit_fast(plan: Plan, exact: bool = False) -> Emitted:
    """The fast module of a network's plan. Raises UnsupportedFormula for a formula without a loss."""
    if plan.objective is None:
        raise UnsupportedFormula("expected a network for style fast; a formula has the readable style alone")
    source, choices = fast_network(plan, exact)
    return Emitted(source, explained(choices))


def fast_network(plan: Plan, exact: bool = False) -> tuple[str, tuple[Choice, ...]]:
    """Source of the module and what was chosen in it. Raises UnsupportedFormula."""
    made = fast_program(plan, exact)
    program, choices = made.program, made.choices
    plan = program.plan
    batch = plan.inputs[0].shape[0]
    assert plan.objective is not None, "a network has an objective"
    sections = (program.forward, program.loss, program.backward)
    steps = [step for section in sections for step in section]
    writer = Emitter(steps, batch, frozenset([plan.output.name]), used=set(WORKSPACE | OWN_NAMES))
    kinds = _inputs(program, writer)
    for table in made.numbers:
        writer.used.add(table.name)
    for tensor in plan.parameters:
        name = safe(tensor.name)
        writer.used.add(name)
        writer.arrays[tensor.name] = _whole(f"self.{name}", "bind", tensor)
        writer.pads[tensor.name] = None
    gradients = {tensor.name: _whole(safe(tensor.name), "call", tensor) for _, tensor in plan.gradients}
    writer.used |= {array.text for array in gradients.values()}
    bodies: list[Lines] = []
    at = 0
    for section in sections:
        lines: Lines = []
        for step in section:
            if step.statement is not None:
                lines += ["", *comment(step.statement)]
            lines += writer.emit(at, gradients)
            at += 1
        bodies.append(lines)
    if any("total" in line and not line.startswith("#") for line in bodies[0]):
        bodies[0].insert(0, "total = self.n")  # a batch that is not taken in parts is the whole
    return _rendered(made, writer, bodies, kinds, gradients), choices


def _whole(text: str, where: Bound, tensor: Tensor) -> Array:
    return Array(text, where, shape=tensor.shape, steps=row_major(tensor.shape))


def _inputs(program: Program, writer: Emitter) -> list[tuple[str, str, str, str]]:
    """Name, shape, classes and the copy of each input into the workspace."""
    plan = program.plan
    rows = []
    for tensor in plan.inputs:
        order = program.layout.order(tensor)
        statements = (*plan.forward, *plan.loss, *plan.backward)
        classes = classes_of(tensor, statements) if tensor is not plan.inputs[0] else None
        array = writer.given(tensor, order, "float" if classes is None else "int")
        inverse = [order.index(axis) for axis in range(tensor.rank)]
        turn = "" if inverse == sorted(inverse) else f".transpose({', '.join(map(str, inverse))})"
        room = writer.view(array, turn, False, f"{tensor.name}_given")
        shape = _shape(tensor)
        rows.append((tensor.name, shape, "" if classes is None else str(classes), room.text))
    return rows


def _shape(tensor: Tensor) -> str:
    extents = [str(extent) for extent in tensor.shape[1:]]
    return "(" + ", ".join(["None", *extents]) + ("," if not extents else "") + ")"


def _rendered(
    made: FastProgram,
    writer: Emitter,
    bodies: Sequence[Lines],
    kinds: Sequence[tuple[str, str, str, str]],
    gradients: dict[str, Array],
) -> str:
    program, part = made.program, made.part
    plan = program.plan
    assert plan.objective is not None, "a network has an objective"
    output = writer.arrays[plan.output.name]
    order = [program.layout.order(plan.output).index(axis) for axis in range(plan.output.rank)]
    turn = "" if order == sorted(order) else f".transpose({', '.join(map(str, order))})"
    shown = writer.view(output, turn, False, "output")
    rows = plan.table
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "    " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    memory = [
        f"MEMORY{at} = np.empty({writer.writer.number(slot.size)}, {_dtype(slot.kind)})"
        for at, slot in enumerate(writer.pool.slots)
    ]
    setup = [line.replace("MEMORY", "memory") for line in (*memory, *writer.setup)]
    parameters = [initial(tensor, plan) for tensor in plan.parameters]
    text = render(
        "numpy/fast.py.jinja",
        plan=plan,
        table=table,
        part=part,
        parameters=parameters,
        gains=[p.name for p in parameters if p.kind == "gain"],
        bound=", ".join(writer.arrays[tensor.name].text for tensor in plan.parameters)
        + ("," if len(plan.parameters) == 1 else ""),
        given=", ".join(row[0] for row in kinds),
        sliced="".join(f"{row[0]}[rows], " for row in kinds[1:]),
        labelled="".join(f"{row[0]}, " for row in kinds[1:]),
        setup=setup,
        binding=writer.binding,
        forward=bodies[0],
        loss=bodies[1],
        backward=bodies[2],
        inputs=kinds,
        output=shown.text,
        output_shape="".join(f", {extent}" for extent in plan.output.shape[1:]),
        objective=writer.arrays[plan.objective.name].text,
        gradients=[gradients[tensor.name].text for _, tensor in plan.gradients],
        helpers=writer.writer.used,
        outer=any("self.outer(" in line for body in bodies for line in body),
        tables=[(table.name, _table(matrix), str(table.shape)) for table, matrix in made.numbers.items()],
        strided="strided" in writer.used_helpers,
        windows=any("windows(" in line for line in (*setup, *writer.binding)),
        labels=any(classes for _, _, classes, _ in kinds),
    )
    imports = ["import math", "import operator", "import threading", "", "import numpy as np"]
    if "as_strided(" in text:
        imports.append("from numpy.lib.stride_tricks import as_strided")
    return _spaced(tidy(text.replace("IMPORTS", "\n".join(imports), 1)))


def _spaced(text: str) -> str:
    """An empty line before each method and each comment of a statement."""
    lines: Lines = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        starts = line.startswith(("    def ", "        # ("))
        if (starts and before and not before.endswith(('"""', ":"))) or line.startswith("    def "):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _table(matrix: sp.Matrix) -> list[str]:
    """The rows of a matrix of numbers, fractions written out."""
    return [f"({', '.join(map(str, matrix.row(at)))})," for at in range(matrix.shape[0])]


def _dtype(kind: str) -> str:
    return {"float": "dtype", "bool": "bool", "int": "np.intp"}[kind]


def explained(choices: Sequence[Choice]) -> str:
    """What was chosen and why, one line each."""
    return "\n".join(
        textwrap.fill(f"{choice.where}: {choice.what} ({choice.why})", 110, subsequent_indent="    ")
        for choice in choices
    )
