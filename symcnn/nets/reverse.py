"""The reverse sweep over one body: cotangents passed back layer by layer, added where several layers read a value.

A loss and the activation before it are also composed into one equation: that gives the loss a form that cannot
overflow, and its gradient the form a − y or p − y by cancellation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from symcnn.calculus.compose import compose, settle
from symcnn.calculus.simplify import cost
from symcnn.calculus.stabilise import stabilise
from symcnn.core.equation import Equation, Index
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read, rebind, tensors
from symcnn.core.index import index
from symcnn.core.plan import Action, Call, Scatter, Statement
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed
from symcnn.nets.catalogue.axes import axes
from symcnn.nets.node import Node

Item = Node | Placed
Wanted = Mapping[Body, tuple[bool, ...]]


def stable(equation: Equation) -> Equation:
    """The equation in a form that cannot overflow."""
    return Equation(equation.target, stabilise(equation.body), equation.free)


def stable_loss(loss: Node, items: Sequence[Item]) -> Equation:
    """The loss with the activation before it written out, so that logarithm and exponential cancel."""
    own = loss.forward()
    producer = activation(loss, items)
    if producer is None:
        return stable(own)
    try:
        composed = compose(own.body, producer.forward())
    except UnsupportedFormula:
        return stable(own)
    return Equation(own.target, stabilise(composed), own.free)


def activation(loss: Node, items: Sequence[Item]) -> Node | None:
    """The layer without parameters, masks or statistics whose value a loss reads, if there is one."""
    for item in items:
        if item.output == loss.inputs[0]:
            plain = isinstance(item, Node) and not (item.trained or item.kind.loss or item.labels)
            return item if plain and isinstance(item, Node) and not (item.drawn or item.momentum) else None
    return None


def seeded(node: Node, wanted: tuple[str, ...], seed: sp.Expr) -> list[tuple[Equation, tuple[Scatter, ...]]]:
    """The cotangents of a loss whose own cotangent is the number ``seed``."""
    value: dict[sp.Basic, sp.Basic] = {Read(node.output.cotangent(), ()): seed}
    return [
        (
            equation.substituted(value),
            tuple(Scatter(s.target, rebind(s.factor, value), s.limits) for s in scatters),
        )
        for equation, scatters in node.cotangents(wanted)
    ]


def fused(loss: Node, items: Sequence[Item], seed: sp.Expr) -> tuple[Node, Equation] | None:
    """The last activation with the cotangent of its input, where composition makes that simpler; else None."""
    last = activation(loss, items)
    if last is None or len(loss.kind.data) > 1 or len(last.kind.data) > 1 or len(last.equations()) > 1:
        return None
    if sum(last.output in item.inputs for item in items) > 1:
        return None
    *_, (outer, _) = seeded(loss, loss.kind.data, seed)
    *_, (inner, _) = last.cotangents(last.kind.data)
    try:
        body = settle(compose(inner.body, outer), loss.classes)
    except UnsupportedFormula:
        return None
    if last.output.cotangent() in tensors(body) or cost(body) >= cost(inner.body) + cost(outer.body):
        return None
    return last, Equation(inner.target, body, inner.free)


def needed(body: Body, wanted: Sequence[bool]) -> set[str]:
    """The values that depend on a parameter, or on an input whose cotangent is wanted."""
    found = {tensor.name for tensor, want in zip(body.inputs, wanted, strict=True) if want}
    for item in body.items:
        if item.trained or any(tensor.name in found for tensor in item.inputs):
            found.add(item.output.name)
    return found


@dataclass(slots=True)
class Pending:
    """Contributions to the cotangents of values; ``ready`` are cotangents that a call or the caller gives whole."""

    parts: dict[str, list[tuple[Equation, tuple[Scatter, ...], str, str]]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)

    def add(self, equation: Equation, scatters: tuple[Scatter, ...], note: str, layer: str) -> None:
        self.parts.setdefault(equation.tensor.name, []).append((equation, scatters, note, layer))

    def summed(self, cotangent: Tensor) -> tuple[Equation, str, str, tuple[Scatter, ...]] | None:
        """The sum of all contributions under the indices of the first, or None where there are none."""
        parts = self.parts.pop(cotangent.name, [])
        if not parts:
            return None
        first = parts[0][0]
        body = first.body
        for equation, _, _, _ in parts[1:]:
            renaming = {k.symbol: m.symbol for k, m in zip(equation.free, first.free, strict=True)}
            body = body + rebind(equation.body, renaming)
        scatters = tuple(s for equation, many, _, _ in parts for s in many or (_whole(equation),))
        note = " + ".join(dict.fromkeys(note for _, _, note, _ in parts))
        layer = ", ".join(dict.fromkeys(layer for _, _, _, layer in parts))
        return Equation(first.target, body, first.free), note, layer, scatters


@dataclass(slots=True)
class Sweep:
    """The sweep over ``body``. ``seed`` is the cotangent of its output: the tensor, or for a network the number 1.

    ``wanted`` says for every body which inputs need cotangents, ``names`` gives the procedures of the blocks.
    """

    body: Body
    seed: Tensor | sp.Expr
    wanted: Wanted
    names: Mapping[Body, str]
    actions: list[Action] = field(default_factory=list)
    pending: Pending = field(default_factory=Pending)
    numbers: dict[str, sp.Expr] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)
    readers: Counter[str] = field(default_factory=Counter)

    def run(self) -> tuple[Action, ...]:
        """The statements of all cotangents that gradients and wanted inputs need, from the output to the inputs."""
        self.needed = needed(self.body, self.wanted[self.body])
        self.readers = Counter(t.name for item in self.body.items for t in item.inputs)
        self._start()
        skipped: set[str] = set()
        for item in reversed(self.body.items):
            if item.name in skipped or not self._arrived(item.output):
                continue
            if isinstance(item, Placed):
                self._call(item)
            else:
                joined = self._joined(item)
                if joined is None:
                    self._layer(item)
                else:
                    skipped.add(joined)
        for tensor, want in zip(self.body.inputs, self.wanted[self.body], strict=True):
            if want:
                self._arrived(tensor)
        return tuple(self.actions)

    def _start(self) -> None:
        output = self.body.output
        if not isinstance(self.seed, Tensor):
            self.numbers[output.name] = self.seed
        elif self.readers[output.name]:
            self.pending.add(_handed_on(output, self.seed), (), "from after the block", "")
        else:
            self.pending.ready.add(self.seed.name)

    def _arrived(self, value: Tensor) -> bool:
        """Whether the cotangent of a value is known; where it is a sum, that is stated."""
        cotangent = value.cotangent()
        summed = self.pending.summed(cotangent)
        if summed is not None:
            self._state(*summed)
        return summed is not None or cotangent.name in self.pending.ready or value.name in self.numbers

    def _state(self, equation: Equation, note: str, layer: str, scatters: tuple[Scatter, ...] = ()) -> None:
        self.actions.append(Statement(0, equation, note, layer, scatters))

    def _joined(self, loss: Node) -> str | None:
        """Pass a loss and the activation before it in one step, where that is simpler; the activation's name."""
        if not loss.kind.loss or loss.inputs[0].name not in self.needed:
            return None
        seed = self.numbers.get(loss.output.name, Read(loss.output.cotangent(), ()))
        found = fused(loss, self.body.items, seed)
        if found is None:
            return None
        last, equation = found
        if last.inputs[0].name in self.needed:
            self.pending.add(
                stable(equation), (), f"{loss.kind.title} and {last.kind.title} together", last.name
            )
        return last.name

    def _layer(self, node: Node) -> None:
        data = [name for name in node.kind.data if node.tensor(name).name in self.needed]
        wanted = (*node.kind.trained, *data)
        if not wanted:
            return
        inputs = {node.tensor(name).cotangent() for name in data}
        seed = self.numbers.get(node.output.name)
        for equation, scatters in node.cotangents(wanted) if seed is None else seeded(node, wanted, seed):
            if node.kind.loss:
                equation, scatters = _settled(equation, node.classes), ()
            if equation.tensor not in inputs:
                self._state(equation, f"gradient of {equation.tensor.name[1:]}", node.name, scatters)
            elif node.kind.loss and equation.body.is_number:
                self.numbers[equation.tensor.name[1:]] = equation.body
            else:
                self.pending.add(equation, scatters, node.kind.title, node.name)

    def _call(self, item: Placed) -> None:
        results: list[Tensor | None] = []
        for local, tensor, given in zip(item.body.inputs, item.inputs, self.wanted[item.body], strict=True):
            if not given:
                continue
            if tensor.name not in self.needed:
                results.append(None)
            elif self.readers[tensor.name] == 1 and tensor != self.body.output:
                results.append(tensor.cotangent())
                self.pending.ready.add(tensor.cotangent().name)
            else:
                part = Tensor(f"{item.name}_d{local.name}", tensor.shape, "cotangent")
                results.append(part)
                self.pending.add(_handed_on(tensor, part), (), item.name, item.name)
        seed = self.numbers.get(item.output.name, item.output.cotangent())
        own = tuple(tensor.cotangent() for tensor in item.trained) if item.names else None
        call = Call(self.names[item.body], item.name, (seed,), tuple(results), True, own, item.sizes)
        self.actions.append(call)


def _settled(equation: Equation, classes: Mapping[Tensor, sp.Expr]) -> Equation:
    """The gradient of a loss with labels summed out, in a form that cannot overflow."""
    return Equation(equation.target, stabilise(settle(equation.body, classes)), equation.free)


def _whole(equation: Equation) -> Scatter:
    """An equation as the scatter-addition of all its entries."""
    return Scatter(equation.target, equation.body, tuple((k.symbol, k.extent) for k in equation.free))


def _handed_on(value: Tensor, part: Tensor) -> Equation:
    """The cotangent of a value as what one of its readers hands on."""
    free = tuple(
        Index(index(name), extent) for name, extent in zip(axes(value.rank).indices, value.shape, strict=True)
    )
    at = [k.symbol for k in free]
    return Equation(Read(value.cotangent(), at), Read(part, at), free)
