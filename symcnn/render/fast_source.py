"""The text of a fast module: what its classes hold, put into the template."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symcnn.core.plan import Plan
from symcnn.program.fast_shares import Shares, Unshared
from symcnn.program.fast_splice import Choice
from symcnn.render.fast_entries import Written
from symcnn.render.loader import render
from symcnn.render.numpy_lines import WIDTH
from symcnn.render.numpy_text import tidy, wrapped
from symcnn.render.numpy_updates import descents
from symcnn.render.numpy_weights import initials

IMPORTS = ("itertools", "math", "multiprocessing", "operator", "os", "signal", "sys", "threading", "warnings")
BLOCK = 1 << 16  # numbers of a vector that are worked on at a time, so that they stay in cache
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
    tables: tuple[tuple[str, str, tuple[str, ...]], ...]
    used: frozenset[str]
    choices: tuple[Choice, ...]
    shares: Shares | Unshared

    @property
    def calls(self) -> int:
        """Calls of NumPy in a step of training."""
        return sum("np." in line or ".fill(" in line for line in (*self.forward, *self.loss, *self.backward))


def rendered(plan: Plan, works: Sequence[Work], entries: Written | None) -> str:
    """The source of a module."""
    widths = [max(map(len, column)) for column in zip(*plan.table, strict=True)]
    table = [
        "    " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in plan.table
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
        block=BLOCK if sum(math.prod(map(int, p.shape)) for p in parameters) > BLOCK else 0,
        inputs=[row.name for row in inputs],
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
        tables=list({name: lines for work in works for name, _, lines in work.tables}.items()),
        entries=entries,
        entry_names=listed([name for row in entries.arguments for name in row]) if entries else (),
        entry_gradients=listed(entries.gradients) if entries else (),
        strided="strided" in used,
        outer=any("self.outer(" in line for line in code),
        windows=any("windows(" in line for line in code),
        helpers=(used - {"strided", "windows"})
        | ({"labels"} if any(row.classes for row in inputs) else set()),
        **descents(),
    )
    imports = [f"import {name}" for name in IMPORTS] + ["", "import numpy as np"]
    views = [name for name in ("as_strided", "sliding_window_view") if f"{name}(" in text]
    if views:
        imports.append(f"from numpy.lib.stride_tricks import {', '.join(views)}")
    return _spaced(tidy(text.replace("IMPORTS", "\n".join(imports), 1)))


def _spaced(text: str) -> str:
    """An empty line before each method and comment of a statement, and after the first line of a longer docstring."""
    lines: Lines = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        comments = line.startswith("        # (") and not before.endswith(('"""', ":"))
        opened = before.strip().startswith('"""') and not before.strip().endswith('"""')
        starts = opened and line.strip() not in ("", '"""')
        if before and (comments or line.startswith("    def ") or starts):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def listed(names: Sequence[str]) -> list[str]:
    """Names in rows, with a comma after each."""
    return textwrap.wrap(" ".join(f"{name}," for name in names), WIDTH - 8)


def rows(matrix: sp.Matrix) -> list[str]:
    """The rows of a matrix of numbers, fractions written out."""
    return [f"({', '.join(map(str, matrix.row(at)))})," for at in range(matrix.shape[0])]


def explained(choices: Sequence[Choice]) -> str:
    """What was chosen and why, one line each."""
    return "\n".join(
        textwrap.fill(f"{choice.where}: {choice.what} ({choice.why})", 110, subsequent_indent="    ")
        for choice in choices
    )
