"""The fast module of a network: workspaces for each size of batch, and the public functions of the readable module."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.program.fast_build import FastProgram, evaluated, fast_program, two_modes
from symcnn.program.fast_shares import Shares, Unshared
from symcnn.program.fast_splice import Choice
from symcnn.render.fast_arrays import Array, Bound, row_major
from symcnn.render.fast_emit import Emitter
from symcnn.render.fast_kernels import compute
from symcnn.render.loader import render
from symcnn.render.numpy_lines import comment
from symcnn.render.numpy_names import OWN_NAMES, classes_of, safe
from symcnn.render.numpy_source import Emitted
from symcnn.render.numpy_text import tidy, wrapped
from symcnn.render.numpy_updates import descents
from symcnn.render.numpy_weights import initials

WORKSPACE = frozenset(
    [
        "n",
        "self",
        "np",
        "math",
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
IMPORTS = ("math", "multiprocessing", "operator", "os", "signal", "sys", "threading", "warnings")
Lines = list[str]


@dataclass(frozen=True, slots=True)
class Input:
    """An argument: name, shape with None for the batch, number of classes of labels, and where it is copied."""

    name: str
    shape: str
    classes: str
    room: str


@dataclass(frozen=True, slots=True)
class Work:
    """One class of the module: its arrays and the lines of its methods."""

    name: str
    title: str
    part: int | None
    inputs: tuple[Input, ...]
    held: str
    setup: tuple[str, ...]
    binding: tuple[str, ...]
    prepare: tuple[str, ...]
    forward: tuple[str, ...]
    loss: tuple[str, ...]
    backward: tuple[str, ...]
    output: str
    objective: str
    gradients: str
    tables: tuple[tuple[str, str], ...]
    used: frozenset[str]
    choices: tuple[Choice, ...]
    shares: Shares | Unshared


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
    tables: dict[str, sp.Matrix] = {}
    for mode in (plan, evaluated(plan)) if modes else (plan,):
        tables |= {t.name: m for t, m in fast_program(mode, exact).numbers.items()}
    choices = tuple(dict.fromkeys(choice for work in works for choice in work.choices))
    return Emitted(_rendered(plan, works, tables), explained(choices))


def _work(plan: Plan, exact: bool, name: str, title: str) -> Work:
    made = fast_program(plan, exact)
    program, plan = made.program, made.program.plan
    batch = plan.inputs[0].shape[0]
    assert plan.objective is not None, "a network has an objective"
    added = made.shares.added if isinstance(made.shares, Shares) else ()
    sections = (made.prepared, program.forward, program.loss, program.backward)
    steps = [step for section in sections for step in section]
    kept = frozenset([plan.output.name, *(step.name for step in made.prepared)])
    to = Emitter(steps, batch, kept, compute, used=set(WORKSPACE | OWN_NAMES))
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
        f"memory{k} = np.empty({to.writer.number(slot.size)}, {_dtype(slot.kind)})"
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
        tuple((table.name, str(table.shape)) for table in made.numbers),
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
    rows = []
    for tensor in plan.inputs:
        order = layout.order(tensor)
        classes = classes_of(tensor, plan.every_statement) if tensor is not plan.inputs[0] else None
        array = to.given(tensor, order, "float" if classes is None else "int")
        inverse = [order.index(axis) for axis in range(tensor.rank)]
        turn = "" if inverse == sorted(inverse) else f".transpose({', '.join(map(str, inverse))})"
        room = to.view(array, turn, False, f"{tensor.name}_given")
        extents = [str(extent) for extent in tensor.shape[1:]]
        shape = "(" + ", ".join(["None", *extents]) + ("," if not extents else "") + ")"
        rows.append(Input(safe(tensor.name), shape, "" if classes is None else str(classes), room.text))
    return tuple(rows)


def _rendered(plan: Plan, works: Sequence[Work], tables: dict[str, sp.Matrix]) -> str:
    rows = plan.table
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "    " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    parameters = initials(plan)
    used = frozenset().union(*(work.used for work in works))
    inputs = works[0].inputs
    code = [
        line
        for work in works
        for line in (*work.setup, *work.binding, *work.prepare, *work.forward, *work.loss, *work.backward)
    ]
    shares = works[0].shares
    complete = shares.whole if isinstance(shares, Shares) else ()
    text = render(
        "numpy/fast.py.jinja",
        plan=plan,
        table=table,
        works=works,
        train=works[0],
        evaluate=works[-1],
        shapes=wrapped([f'"{p.name}": {p.shape}' for p in parameters]),
        fans=wrapped([f'"{p.name}": {p.fan_in}' for p in parameters if p.kind == "weight"]),
        gains=wrapped([f'"{p.name}"' for p in parameters if p.kind == "gain"]),
        state=wrapped([f'"{t.name}": {tuple(map(int, t.shape))}' for t in plan.state]),
        constants=", ".join(tensor.name for tensor in plan.constants),
        units=wrapped([f'"{tensor.name}"' for tensor in plan.units]),
        first=parameters[0].name if parameters else "",
        given=", ".join(row.name for row in inputs),
        sliced="".join(f"{row.name}[rows], " for row in inputs[1:]),
        labelled="".join(f"{row.name}, " for row in inputs[1:]),
        image=inputs[0],
        kinds=", ".join("np.intp" if row.classes else "None" for row in inputs),
        example_shapes=", ".join(str(tuple(map(int, t.shape[1:]))) for t in plan.inputs),
        labels=inputs[1:],
        unshared=shares.reason if isinstance(shares, Unshared) else "",
        together=any("self.together(" in line for line in code),
        whole=", ".join(f'"{name}"' for name, tensor in plan.gradients if tensor.name in complete),
        rng=any(re.search(r"(?<![\w.])rng\.", line) for line in code),
        output_shape="".join(f", {extent}" for extent in plan.output.shape[1:]),
        tables=[(name, _table(matrix)) for name, matrix in tables.items()],
        strided="strided" in used,
        outer=any("self.outer(" in line for line in code),
        windows=any("windows(" in line for line in code),
        helpers=(used - {"strided", "windows"})
        | ({"labels"} if any(row.classes for row in inputs) else set()),
        **descents(),
    )
    imports = [f"import {name}" for name in IMPORTS] + ["", "import numpy as np"]
    if "as_strided(" in text:
        imports.append("from numpy.lib.stride_tricks import as_strided")
    return _spaced(tidy(text.replace("IMPORTS", "\n".join(imports), 1)))


def _spaced(text: str) -> str:
    """An empty line before each method and each comment of a statement."""
    lines: Lines = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        comments = line.startswith("        # (") and not before.endswith(('"""', ":"))
        if before and (comments or line.startswith("    def ")):
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
