"""Descent steps as lines of Python: each update equation in place, in the memory of what it replaces."""

from __future__ import annotations

from dataclasses import dataclass

from symcnn.core.equation import Equation
from symcnn.nets.optimisers import ADAM, MOMENTUM, Update
from symcnn.program.build import lower_equation
from symcnn.program.scope import Layout
from symcnn.render.numpy_expr import Writer


@dataclass(frozen=True, slots=True)
class Descent:
    """The text of one descent step."""

    name: str
    source: str
    defaults: str
    lines: tuple[str, ...]


def descents(writer: type[Writer] = Writer) -> dict[str, Descent]:
    """Momentum and Adam; a writer that assigns to no entry gives the arrays new names."""
    return {update.name: _descent(update, writer) for update in (MOMENTUM, ADAM)}


def _descent(update: Update, writer: type[Writer]) -> Descent:
    replaced = {"q": "p", **{after: before for before, after in update.memory}}
    names = {"p": "p", "g": "grads[name]"}
    varied = update.varied()
    lines: list[str] = []
    for place, equation in enumerate(update.system().equations):
        other = varied.equations[place] if varied else equation
        text = _text(equation, names, writer)
        if other.body != equation.body:
            text = f"{_text(other, names, writer)} if {update.option} else {text}"
        name = equation.tensor.name
        names[name] = replaced.get(name, name)
        target = f"{names[name]}[...]" if name in replaced and writer.assigns else names[name]
        lines.append(f"{target} = {text}")
    options = (*update.defaults, *(((update.option, "False"),) if update.option else ()))
    return Descent(
        update.name, update.source, ", ".join(f"{name}={value}" for name, value in options), tuple(lines)
    )


def _text(equation: Equation, names: dict[str, str], writer: type[Writer]) -> str:
    return writer(names).text(lower_equation(equation, Layout()))
