"""What a workspace binds beforehand: arrays in shared memory, views of them, numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sympy as sp

from symcnn.program.array import Kind
from symcnn.program.passes import unused
from symcnn.render.fast_arrays import Array, Pool, dtype_of, row_major, split_steps
from symcnn.render.numpy_expr import Writer


@dataclass(slots=True, kw_only=True)
class Bindings:
    """Names and the lines that bind them: ``setup`` with the workspace, ``binding`` with parameters, ``lines`` in a call."""

    batch: sp.Symbol
    writer: Writer = field(init=False)
    pool: Pool = field(default_factory=Pool)
    setup: list[str] = field(default_factory=list)
    binding: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    views: dict[tuple[str, str], Array] = field(default_factory=dict)
    constants: dict[sp.Expr, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.writer = Writer({self.batch.name: "n"})

    def buffer(self, name: str, shape: tuple[sp.Expr, ...], kind: Kind = "float", own: bool = False) -> Array:
        """A new array under a name of its own; ``own``: its memory is not shared, because it holds a border."""
        text = f"self.{unused(name, self.used)}"
        if own or not shape:
            room = (
                f"aligned({self.count(shape)}, {dtype_of(kind)})"
                if shape
                else f"np.zeros((), {dtype_of(kind)})"
            )
            self.setup.append(f"{text} = {room}" + (f".reshape({self.writer.shape(shape)})" if shape else ""))
            return Array(text, shape=shape, steps=row_major(shape))
        slot = self.pool.take(shape, kind)
        self.setup.append(f"{text} = MEMORY{slot}[: {self.count(shape)}].reshape({self.writer.shape(shape)})")
        return Array(text, slot=slot, shape=shape, steps=row_major(shape))

    def count(self, shape: Iterable[sp.Expr]) -> str:
        """The number of entries as text."""
        return self.writer.number(sp.expand(sp.Mul(*shape)))

    def view(
        self,
        array: Array,
        tail: str,
        whole: bool,
        hint: str = "",
        shape: tuple[sp.Expr, ...] | None = None,
        steps: tuple[sp.Expr, ...] | None = None,
    ) -> Array:
        """``array`` followed by ``tail``, bound once where the array is bound."""
        if not tail:
            return array
        key = (array.text, tail)
        if key not in self.views:
            base = array.text.removeprefix("self.")
            name = unused(hint or f"{base.split('[')[0]}_view", self.used)
            text = name if array.where == "call" else f"self.{name}"
            {"setup": self.setup, "bind": self.binding, "call": self.lines}[array.where].append(
                f"{text} = {array.text}{tail}"
            )
            self.views[key] = Array(text, array.where, whole, array.slot, shape, steps)
        return self.views[key]

    def bound(self, array: Array, line: str, hint: str, shape: tuple[sp.Expr, ...]) -> Array:
        """A look at ``array`` that ``line`` makes, bound once."""
        key = (array.text, line)
        if key not in self.views:
            name = unused(hint, self.used)
            text = name if array.where == "call" else f"self.{name}"
            {"setup": self.setup, "bind": self.binding, "call": self.lines}[array.where].append(
                f"{text} = {line}"
            )
            self.views[key] = Array(text, array.where, False, array.slot, shape)
        return self.views[key]

    def reshaped(self, array: Array, old: tuple[sp.Expr, ...], shape: tuple[sp.Expr, ...]) -> Array:
        """``array`` of shape ``old`` under another shape, as a view."""
        if shape == old:
            return array
        steps = (
            row_major(shape) if array.whole else split_steps(old, shape, array.steps) if array.steps else None
        )
        return self.view(array, f".reshape({self.writer.shape(shape)})", array.whole, "", shape, steps)

    def constant(self, value: sp.Expr) -> str:
        """A number, as an array without axes: NumPy takes those fastest."""
        if value.has(self.batch):
            return self.writer.number(value.subs(self.batch, sp.Symbol("total", positive=True)))
        if value not in self.constants:
            name = unused(f"c{len(self.constants)}", self.used)
            self.constants[value] = f"self.{name}"
            self.setup.append(f"self.{name} = np.array({self.writer.number(value)}, dtype)")
        return self.constants[value]
