"""Array programs as text: for each statement its equation, and the operations that compute it, one a line.

An operation that is used once inside a statement is numbered there: ``%1 = pad x …``. Beside each stands its shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import sympy as sp

from symcnn.core.plan import Plan
from symcnn.program.array import Apply, Called, Cut, Fold, Named, Node, Scalar, Target
from symcnn.program.build import Program, Routine
from symcnn.program.fast_build import FastProgram
from symcnn.program.steps import Step
from symcnn.render.fast_source import explained
from symcnn.render.numpy_lines import comment

INLINE = (Named, Scalar)
COLUMN = 72


def program_text(program: Program) -> str:
    """The readable program: blocks first, then what the network or formula computes."""
    parts = [_heading(program.plan)]
    for routine in program.routines:
        parts += _routine(routine)
    return "\n".join([*parts, *_sections(program)]) + "\n"


def fast_text(made: FastProgram) -> str:
    """The program made for speed: what is prepared once for a batch, then the statements, and what was chosen."""
    tables = [f"{table.name}: known numbers, {_shape(table.shape)}" for table in made.numbers]
    prepared = _section("prepared from the parameters", made.prepared)
    parts = [_heading(made.program.plan), *tables, *prepared, *_sections(made.program)]
    return "\n".join([*parts, "", "choices:", explained(made.choices)]) + "\n"


def _heading(plan: Plan) -> str:
    given = (*plan.inputs, *plan.parameters, *plan.state)
    note = "Shapes beside operations are those in which arrays lie in memory."
    return "\n".join([plan.title, "", note, *(f"    {t.name}: {t.role}, {_shape(t.shape)}" for t in given)])


def _routine(routine: Routine) -> Iterator[str]:
    own = routine.procedure
    given = ", ".join(tensor.name for tensor in (*own.inputs, *own.labels, *own.parameters, *own.state))
    yield f"\nblock {own.name}({given}) gives {own.output.name}"
    yield from _section(f"{own.name}, forward", routine.forward)
    yield from _section(f"{own.name}, backward from {own.seed.name}", routine.backward)


def _sections(program: Program) -> Iterator[str]:
    for title in ("forward", "loss", "backward"):
        yield from _section(title, getattr(program, title))


def _section(title: str, steps: Sequence[Step]) -> Iterator[str]:
    if not steps:
        return
    yield f"\n{title}:"
    parts: list[str] = []  # what has a name of its own stands below the equation that it is a part of
    for step in steps:
        parts += _step(step)
        if step.statement is not None:
            yield from ("", *(line.removeprefix("# ") for line in comment(step.statement)), *parts)
            parts.clear()
    yield from parts


def _step(step: Step) -> Iterator[str]:
    """The operations of a step, those of evaluation after them."""
    mode = "; in training only" if step.training else ""
    yield from _operations(", ".join(step.names), step.node, mode)
    if step.evaluation is not None:
        yield from _operations(step.name, step.evaluation, "; in evaluation")


def _operations(name: str, node: Node, mode: str) -> Iterator[str]:
    listing = Listing()
    text = listing.text(node)
    lines = listing.lines
    if isinstance(node, INLINE):
        lines.append((name, text, node))
    else:
        lines[-1] = (name, lines[-1][1], node)
    for own, operation, made in lines:
        line = f"    {own} = {operation}"
        shape = f" {made.kind} {_shape(made.shape)}{mode if own == name else ''}"
        yield from (f"{line:<{COLUMN}}{shape}",) if len(line) <= COLUMN else (line, " " * COLUMN + shape)


@dataclass(slots=True)
class Listing:
    """Operations in the order in which they are computed, equal ones once."""

    lines: list[tuple[str, str, Node]] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)

    def text(self, node: Node) -> str:
        """What stands for ``node`` as an operand; its operation is listed."""
        match node:
            case Named(name=name):
                return name
            case Scalar(value=value):
                return str(value)
        if node not in self.names:
            operands = [self.text(source) for source in node.sources]
            told = " ".join(f"{key}={value}" for key, value in _told(node))
            words = " ".join(part for part in (_operation(node), ", ".join(operands), told) if part)
            self.names[node] = f"%{len(self.lines) + 1}"
            self.lines.append((self.names[node], words, node))
        return self.names[node]


def _operation(node: Node) -> str:
    """The operation's name."""
    match node:
        case Apply(function=function):
            return function
        case Fold(operation=operation):
            return operation
        case Called(call=call):
            return f"call {call.procedure}"
    return type(node).__name__.lower()


def _told(node: Node) -> Iterator[tuple[str, str]]:
    """What the operation is told beside its operands."""
    for one in fields(node):
        value = getattr(node, one.name)
        told = one.name not in ("shape", "function", "operation", "call", "entries")
        if told and not (isinstance(value, Node) or (isinstance(value, tuple) and _nodes(value))):
            yield one.name, _written(value)


def _nodes(items: Iterable[object]) -> bool:
    return any(isinstance(item, Node) for item in items)


def _written(value: object) -> str:
    match value:
        case Cut(start=start, stop=stop, step=step):
            return f"{'' if start == 0 else start}:{'' if stop is None else stop}" + (
                f":{step}" if step != 1 else ""
            )
        case Target(start=start, step=step, extent=extent, loops=loops):
            reach = "" if extent is None else f" for {extent}"
            return f"{start} by {step}{reach} and {_written(loops)} a loop"
        case tuple():
            return f"({', '.join(map(_written, value))})"
    return str(value)


def _shape(shape: Sequence[sp.Expr]) -> str:
    return f"({', '.join(map(str, shape))})"
