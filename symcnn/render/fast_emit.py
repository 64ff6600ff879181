"""Steps of an array program as calls that write into arrays made beforehand.

Every view is bound once. A node without a form of its own is computed as in the readable module and then copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from symcnn.core.tensor import Tensor
from symcnn.program.array import (
    Apply,
    Chosen,
    Count,
    Expand,
    Fold,
    Kind,
    Named,
    Node,
    Pad,
    Reshape,
    Scalar,
    Spread,
    Transpose,
)
from symcnn.program.passes import described, unused
from symcnn.program.steps import VIEWS, Step, names_in, walk
from symcnn.render.fast_arrays import Array, first_computed, row_major, splits, steps_of, still_whole
from symcnn.render.fast_bindings import Bindings


@dataclass(slots=True, kw_only=True)
class Emitter(Bindings):
    """Writes the methods of a workspace; ``typical`` is a usual number of examples at a time."""

    steps: Sequence[Step]
    typical: int
    kept: frozenset[str]
    compute: Callable[[Emitter, Node, Array], None]
    arrays: dict[str, Array] = field(default_factory=dict)
    prefixes: dict[tuple[Node, int], list[Array]] = field(default_factory=dict)
    wanted: set[tuple[Node, int]] = field(default_factory=set)
    maxima: dict[tuple[Node, int], str] = field(default_factory=dict)
    pads: dict[str, Pad | None] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    last: dict[str, int] = field(default_factory=dict)
    owners: dict[int, set[str]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    used_helpers: set[str] = field(default_factory=set)
    at: int = 0

    def __post_init__(self) -> None:
        Bindings.__post_init__(self)
        for at, step in enumerate(self.steps):
            self.last.setdefault(step.name, at)
            for name in names_in(step.node):
                self.last[name] = at
            for node in walk(step.node):
                self._look(node)

    def _look(self, node: Node) -> None:
        """What later steps want of earlier ones: running maxima, and room for a border."""
        match node:
            case Chosen(source=source, axis=axis, policy="first"):
                self.wanted.add((source, axis))
            case Fold(operation="max" | "min" as operation, source=source, axes=(axis,)):
                self.maxima[source, axis] = operation
            case Pad(source=Named(name=name)):
                self.pads[name] = node if self.pads.get(name, node) == node else None
            case Reshape(source=source):
                base = source
                while isinstance(base, VIEWS) and base.sources:
                    base = base.sources[0]
                if isinstance(base, Named) and not any(isinstance(part, Pad) for part in walk(source)):
                    self.pads[base.name] = None
                    self.joined.add(base.name)

    # -- values ------------------------------------------------------------------------------------------------

    def value(self, node: Node, hint: str = "part") -> Array:
        """An array that holds ``node``: a view, or a new array into which it is computed."""
        match node:
            case Named(name=name) if name in self.arrays:
                return self.arrays[name]
            case Named(name=name):
                return Array(f"self.{name}")  # a table of numbers
            case Scalar(value=value):
                return Array(self.constant(value), "call" if value.has(self.batch) else "setup")
            case Count():
                return self._counted(node)
            case Spread(source=Scalar(value=value)):
                return self._filled(node, value)
        if self.is_view(node):
            return self._viewed(node)
        if isinstance(node, Pad):
            return self._padded(node)
        made = self.buffer(hint, node.shape, node.kind)
        self.into(node, made)
        return made

    def _padded(self, node: Pad) -> Array:
        """The array around a value that was computed inside it, else one with a border into which the value goes."""
        if isinstance(node.source, Named) and self.pads.get(node.source.name) == node:
            found = self.arrays.get(f"{node.source.name} padded")
            if found is not None:
                return found
        made = self.buffer(described(node, "padded"), node.shape, node.kind, own=True)
        self.into(node.source, self._inside(made, node))
        return made

    def _inside(self, padded: Array, pad: Pad) -> Array:
        """What lies within the border, which is written once."""
        if pad.value != 0:
            self.setup.append(f"{padded.text}.fill({self.writer.number(pad.value)})")
        shape = pad.source.shape
        cuts = ", ".join(
            f"{self.writer.number(low)}:{self.writer.number(sp.expand(low + extent))}"
            for (low, _), extent in zip(pad.widths, shape, strict=True)
        )
        return self.view(padded, f"[{cuts}]", False, "", shape, padded.steps)

    def _counted(self, node: Count) -> Array:
        name = f"count{self.writer.number(node.shape[0])}"
        kind = "dtype" if node.entries == "float" else "np.intp"
        return self.view(
            Array("np"), f".arange({self.writer.number(node.shape[0])}, dtype={kind})", True, name
        )

    def _filled(self, node: Node, value: sp.Expr) -> Array:
        shape, number = self.writer.shape(node.shape), self.writer.number(value)
        return self.view(Array("np"), f".full({shape}, {number}, dtype)", True, "filled")

    def is_view(self, node: Node) -> bool:
        """Whether ``node`` is another look at an array, without a copy."""
        if isinstance(node, Reshape):
            source = node.source
            return self.is_whole(source) or (splits(source.shape, node.shape) and True)
        return isinstance(node, VIEWS) and not isinstance(node, Scalar | Count)

    def is_whole(self, node: Node) -> bool:
        """Whether the entries of ``node`` lie one after the other."""
        match node:
            case Named(name=name):
                return name not in self.arrays or self.arrays[name].whole
            case Reshape(source=source):
                return self.is_whole(source) or not self.is_view(node)
            case Expand(source=source):
                return self.is_whole(source)
        return not isinstance(node, VIEWS)

    def _viewed(self, node: Node) -> Array:
        """The chain of views over ``node``'s base as one binding."""
        chain: list[Node] = []
        base = node
        while not isinstance(base, Named) and self.is_view(base) and base.sources:
            chain.append(base)
            base = base.sources[0]
        array = self.value(base, described(node, "part"))
        if not chain:
            return array
        whole = self.is_whole(node) if isinstance(base, Named) else still_whole(chain)
        rebuilt: Node = Named(base.shape, "\x00")
        for part in reversed(chain):
            rebuilt = replace(part, source=rebuilt)  # type: ignore[call-arg]
        text = self.writer.text(rebuilt)
        key = (array.text, text)
        if key not in self.views:
            prefix = "" if array.where == "call" else "self."
            hint = described(node, array.text.removeprefix("self."))
            name = prefix + unused(hint if hint != "part" else "view", self.used)
            line = f"{name} = {text.replace(chr(0), array.text)}"
            {"setup": self.setup, "bind": self.binding, "call": self.lines}[array.where].append(line)
            steps = array.steps if array.steps is not None else row_major(base.shape) if array.whole else None
            level = array.whole
            for part in reversed(chain):
                steps = steps_of(part, steps, level) if steps is not None else None
                level = level and isinstance(part, Reshape | Expand)
            self.views[key] = Array(name, array.where, whole, array.slot, node.shape, steps)
        return self.views[key]

    def into(self, node: Node, target: Array) -> None:
        """Lines that compute ``node`` into ``target``."""
        self.compute(self, node, target)

    def call(self, text: str) -> None:
        """One more line of the running function."""
        self.lines.append(text)

    # -- steps -------------------------------------------------------------------------------------------------

    def given(self, tensor: Tensor, order: Sequence[int], kind: Kind) -> Array:
        """The array into which an input is copied, in stored order; with a border where its readers want one."""
        shape = tuple(tensor.shape[axis] for axis in order)
        return self.target(tensor.name, shape, kind)

    def target(self, name: str, shape: tuple[sp.Expr, ...], kind: Kind = "float") -> Array:
        """Memory for a step; inside its padded form where there is one."""
        pad = self.pads.get(name)
        if pad is None:
            self.arrays[name] = self.buffer(name, shape, kind)
            self._own(self.arrays[name], name)
            return self.arrays[name]
        padded = self.buffer(f"{name}_padded", pad.shape, kind, own=True)
        self.arrays[f"{name} padded"] = padded
        self.arrays[name] = self._inside(padded, pad)
        return self.arrays[name]

    def _own(self, array: Array, name: str) -> None:
        if array.slot is not None:
            self.owners.setdefault(array.slot, set()).add(name)

    def emit(self, at: int, gradients: dict[str, Array]) -> list[str]:
        """The lines of step ``at``; ``gradients`` gives arrays for the results that the caller gets."""
        self.lines, self.at = [], at
        step = self.steps[at]
        busy = {k for k, slot in enumerate(self.pool.slots) if not slot.free}
        if step.name in self.held:
            made = self.buffer(f"{step.name}_new", step.node.shape)
            self.into(step.node, made)
            self.call(f"np.copyto({self.arrays[step.name].text}, {made.text})")
            self._release(busy)
            return self.lines
        if step.name in gradients:
            self.arrays[step.name] = gradients[step.name]
            self.into(step.node, gradients[step.name])
        elif self._is_alias(step):
            self.arrays[step.name] = self.value(step.node, step.name)
        else:
            over = self._overwritten(step)
            if over is not None:
                self.arrays[step.name] = over
                self.into(step.node, over)
            else:
                self.into(step.node, self.target(step.name, step.node.shape, step.node.kind))
        self._own(self.arrays[step.name], step.name)
        self._release(busy)
        return self.lines

    def _is_alias(self, step: Step) -> bool:
        node = step.node
        if isinstance(node, Pad):
            return True
        if not self.is_view(node) or isinstance(node, Scalar | Count):
            return False
        turned = any(isinstance(part, Transpose) for part in walk(node))
        return not (turned and step.name in self.joined)  # read in another order, it is copied once

    def _overwritten(self, step: Step) -> Array | None:
        """The memory of an operand that dies here, where the first call of the step is the only one that reads it."""
        node = step.node
        if not isinstance(node, Apply) or node.kind != "float" or self.pads.get(step.name) is not None:
            return None
        inner = node
        while (deeper := first_computed(inner)) is not None:
            if not isinstance(deeper, Apply):
                return None
            inner = deeper
        names = [part.name for part in walk(node) if isinstance(part, Named)]
        for arg in inner.args:
            if not isinstance(arg, Named) or arg.shape != node.shape or names.count(arg.name) > 1:
                continue
            array = self.arrays[arg.name]
            if array.slot is None or not array.whole or arg.kind != "float":
                continue
            others = self.owners.get(array.slot, set())
            if all(self.dead(name) for name in others) and not any(
                self.arrays[n].slot == array.slot for n in names if n != arg.name and n in self.arrays
            ):
                return array
        return None

    def is_kept(self, node: Node) -> bool:
        """Whether the memory behind ``node`` belongs to a name."""
        while isinstance(node, (*VIEWS, Reshape)) and node.sources:
            if isinstance(node, Reshape) and not self.is_view(node):
                return False
            node = node.sources[0]
        return isinstance(node, (*VIEWS, Pad))

    def dead(self, name: str) -> bool:
        """Whether nothing after the current step reads ``name``."""
        return name not in self.kept and self.last.get(name, 0) <= self.at

    def _release(self, busy: set[int]) -> None:
        """Memory of parts of the step and of arrays that nothing reads any more."""
        for slot, state in enumerate(self.pool.slots):
            if state.free:
                continue
            names = self.owners.get(slot, set())
            if not names and slot not in busy and not self._holds_prefix(slot):
                self.pool.release(slot)
            elif names and all(self.dead(name) for name in names):
                self.pool.release(slot)
                self.owners[slot] = set()

    def _holds_prefix(self, slot: int) -> bool:
        return any(array.slot == slot for arrays in self.prefixes.values() for array in arrays)
