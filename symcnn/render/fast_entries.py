"""One example of a tiny network entry by entry: every index equation written out in Python's own numbers.

A call of NumPy costs about as much as twenty-five operations of Python, so that few numbers are faster one by one.
Values that no gradient needs are left out; a factor that is 0 or 1 costs nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.plan import Plan
from symcnn.program.fast_patterns import statements
from symcnn.program.scalar import Env
from symcnn.render.fast_entry_text import ATOM, EntryWriter, Line
from symcnn.render.numpy_lines import WIDTH, comment

MOST = 2000  # operations up to which entries are written out
CALL = 25  # operations that take as long as a call of NumPy


@dataclass(frozen=True, slots=True)
class Written:
    """The lines of a function of one example; entries of its arguments, its loss, and its gradients by name."""

    lines: tuple[str, ...]
    arguments: tuple[tuple[str, ...], ...]
    loss: str
    gradients: tuple[str, ...]
    operations: int


def written_entries(plan: Plan, used: Iterable[str]) -> Written | None:
    """The loss and the gradients of one example entry by entry; None where that is too long, or has no plain text."""
    batch = plan.inputs[0].shape[0]
    if plan.state or plan.draws or plan.scalars or not batch.is_Symbol or _sizes(plan, batch) > MOST:
        return None
    writer = EntryWriter(set(used))
    env: Env = {batch.name: 1}
    try:
        arguments = tuple(writer.entries(tensor, batch) for tensor in (*plan.inputs, *plan.parameters))
        for statement in statements((*plan.forward, *plan.loss, *plan.backward)):
            equation = statement.equation
            writer.lines.extend(comment(statement))
            shape = [int(extent.subs(batch, 1)) for extent in equation.tensor.shape]
            limits = [(index.symbol, index.extent) for index in equation.free]
            for place in writer.places(limits, env):
                at = tuple(int(writer.number(position, place)) for position in equation.target.at)
                text = writer.value(equation.body, place)
                if text.binds == ATOM:
                    writer.names[equation.tensor.name, at] = text
                else:
                    name = writer.named(equation.tensor, shape, at)
                    writer.lines.append(Line((name,), (text.text,)))
            if writer.operations > MOST:
                return None
    except UnsupportedFormula:
        return None
    assert plan.objective is not None, "a network has an objective"
    loss = writer.names[plan.objective.name, ()].text
    order = [t for name in (p.name for p in plan.parameters) for n, t in plan.gradients if n == name]
    shapes = [tuple(map(int, tensor.shape)) for tensor in order]
    gradients = tuple(
        writer.names[tensor.name, at].text
        for tensor, shape in zip(order, shapes, strict=True)
        for at in itertools.product(*map(range, shape))
    )
    lines = _needed(writer.lines, {loss, *gradients})
    return Written(tuple(lines), arguments, loss, gradients, writer.operations)


def _sizes(plan: Plan, batch: sp.Symbol) -> int:
    """Numbers that go in."""
    tensors = (*plan.inputs, *plan.parameters)
    return sum(int(sp.Mul(*tensor.shape).subs(batch, 1)) for tensor in tensors)


def _needed(lines: Iterable[Line | str], wanted: set[str]) -> list[str]:
    """The text of the lines on which ``wanted`` depend; a statement's comment where one of its lines is left."""
    done: list[str] = []
    kept = False
    for line in reversed(list(lines)):
        if isinstance(line, str):
            done += [line] if kept else []
            kept = kept and not line.startswith("# (")
            continue
        if wanted.isdisjoint(line.names):
            continue
        kept = True
        wanted |= {name for text in line.texts for name in _names(text)}
        done.extend(reversed(_text(line)))
    return done[::-1]


def _names(text: str) -> list[str]:
    marks = "".join(c if c.isalnum() or c == "_" else " " for c in text)
    return marks.split()


def _text(line: Line) -> list[str]:
    if not line.beats:
        return _folded(f"{line.names[0]} = ", line.texts[0])
    value, place = line.names
    lines = [f"{value}, {place} = {line.texts[0]}, 0"]
    for at, text in enumerate(line.texts[1:], 1):
        lines += [f"if {text} {line.beats} {value}:", f"    {value}, {place} = {text}, {at}"]
    return lines


def _folded(start: str, text: str) -> list[str]:
    """A statement over several lines where one is too long."""
    if len(start) + len(text) <= WIDTH - 8:
        return [start + text]
    lines = [f"{start}("]
    row = "   "
    for word in text.split(" "):
        if len(row) + len(word) > WIDTH - 8:
            lines.append(row)
            row = "   "
        row += f" {word}"
    return [*lines, row, ")"]
