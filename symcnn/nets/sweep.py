"""The reverse sweep: a network's plan, forward values kept, cotangents passed back layer by layer.

The last activation and the loss are also composed into one equation: that gives the loss a form that cannot overflow,
and its gradient the form a − y or p − y by cancellation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symcnn.calculus.compose import compose, settle
from symcnn.calculus.simplify import cost
from symcnn.calculus.stabilise import stabilise
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read, rebind, tensors
from symcnn.core.plan import Plan, Scatter, Statement
from symcnn.core.tensor import Tensor
from symcnn.nets.network import Network
from symcnn.nets.node import Node


@dataclass(slots=True)
class Numbered:
    """Statements with running numbers."""

    count: int = 0
    made: list[Statement] = field(default_factory=list)

    def add(self, equation: Equation, note: str, layer: str, scatters: tuple[Scatter, ...] = ()) -> Statement:
        self.count += 1
        statement = Statement(self.count, equation, note, layer, scatters)
        self.made.append(statement)
        return statement


def plan(net: Network) -> Plan:
    """Statements of forward pass, loss and gradients, in order of computation."""
    numbers = Numbered()
    forward = [
        numbers.add(stable(equation), node.kind.title, node.name)
        for node in net.layers
        for equation in node.equations()
    ]
    loss = numbers.add(stable_loss(net), net.loss.kind.title, net.loss.name)
    start = len(numbers.made)
    backward_sweep(net, numbers)
    gradients = tuple((tensor.name, tensor.cotangent()) for tensor in net.parameters)
    return Plan(
        name=net.name,
        title=net.title,
        inputs=(net.input, *net.labels),
        parameters=net.parameters,
        scalars=(),
        forward=tuple(forward),
        output=net.output,
        loss=(loss,),
        objective=net.loss.output,
        backward=tuple(numbers.made[start:]),
        gradients=gradients,
        table=table(net),
    )


def stable(equation: Equation) -> Equation:
    """The equation in a form that cannot overflow."""
    return Equation(equation.target, stabilise(equation.body), equation.free)


def stable_loss(net: Network) -> Equation:
    """The loss with the last activation written out, so that logarithm and exponential cancel."""
    own = net.loss.forward()
    producer = net.layers[-1]
    if producer.trained:
        return stable(own)
    try:
        composed = compose(own.body, producer.forward())
    except UnsupportedFormula:
        return stable(own)
    return Equation(own.target, stabilise(composed), own.free)


def seeded(equation: Equation, loss: Tensor) -> Equation:
    """The cotangent of the loss itself is 1."""
    return equation.substituted({Read(loss.cotangent(), ()): sp.S.One})


def loss_gradient(net: Network) -> tuple[Equation, tuple[Scatter, ...]]:
    """The cotangent of the value that the loss reads."""
    *_, (equation, scatters) = net.loss.cotangents(net.loss.kind.data)
    return seeded(equation, net.loss.output), tuple(
        Scatter(s.target, s.factor.xreplace({Read(net.loss.output.cotangent(), ()): sp.S.One}), s.limits)
        for s in scatters
    )


def fused_gradient(net: Network) -> Equation | None:
    """The cotangent of the last activation's input, where composition makes it simpler; else None."""
    last = net.layers[-1]
    used = [node for node in net.nodes if last.output in node.inputs]
    if last.trained or len(used) > 1 or len(last.kind.data) > 1 or len(last.equations()) > 1:
        return None
    outer, _ = loss_gradient(net)
    *_, (inner, _) = last.cotangents(last.kind.data)
    try:
        body = settle(compose(inner.body, outer), net.loss.classes)
    except UnsupportedFormula:
        return None
    if last.output.cotangent() in tensors(body) or cost(body) >= cost(inner.body) + cost(outer.body):
        return None
    return Equation(inner.target, body, inner.free)


@dataclass(slots=True)
class Pending:
    """Contributions to the cotangents of values that several layers read."""

    parts: dict[str, list[tuple[Equation, tuple[Scatter, ...], str, str]]] = field(default_factory=dict)

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
        scatters = tuple(s for _, many, _, _ in parts for s in many)
        note = " + ".join(dict.fromkeys(note for _, _, note, _ in parts))
        layer = ", ".join(dict.fromkeys(layer for _, _, _, layer in parts))
        return Equation(first.target, body, first.free), note, layer, scatters


def backward_sweep(net: Network, numbers: Numbered) -> None:
    """Add the statements of all cotangents that the parameters' gradients need, from the loss to the input."""
    needed = needs_cotangent(net)
    pending = Pending()
    fused = fused_gradient(net)
    layers = list(net.layers)
    if fused is not None:
        last = layers.pop()
        pending.add(fused, (), f"{net.loss.kind.title} and {last.kind.title} together", last.name)
    else:
        pending.add(*loss_gradient(net), net.loss.kind.title, net.loss.name)
    for node in reversed(layers):
        arrived = pending.summed(node.output.cotangent())
        if arrived is None:
            continue
        numbers.add(*arrived)
        data = [name for name in node.kind.data if node.tensor(name).name in needed]
        wanted = (*node.kind.trained, *data)
        inputs = {node.tensor(name).cotangent() for name in data}
        for equation, scatters in node.cotangents(wanted) if wanted else ():
            if equation.tensor in inputs:
                pending.add(equation, scatters, node.kind.title, node.name)
            else:
                numbers.add(equation, f"gradient of {equation.tensor.name[1:]}", node.name, scatters)


def needs_cotangent(net: Network) -> set[str]:
    """The values that depend on a parameter."""
    needed: set[str] = set()
    for node in net.layers:
        if node.trained or any(tensor.name in needed for tensor in node.inputs):
            needed.add(node.output.name)
    return needed


def table(net: Network) -> tuple[tuple[str, ...], ...]:
    """Rows: value, layer, shape of one image, parameters."""
    rows = [("value", "layer", "shape", "parameters")]
    rows.append((net.input.name, "input", shape_text(net.input), ""))
    for node in net.nodes:
        count = str(node.parameter_count()) if node.trained else ""
        rows.append((node.output.name, describe(node), shape_text(node.output) or "scalar", count))
    rows.append(("", "total", "", str(sum(node.parameter_count() for node in net.nodes))))
    return tuple(rows)


def shape_text(tensor: Tensor) -> str:
    """A shape without the batch, such as 6×14×14."""
    return "×".join(str(extent) for extent in tensor.shape[1:])


def describe(node: Node) -> str:
    """A layer with its window, such as convolution 5×5, padding 2."""
    sizes = {s.name: int(v) for s, v in node.sizes if v.is_Integer}
    text = node.kind.title
    if "R" in sizes and "S" in sizes:
        text += f" {sizes['R']}×{sizes['S']}"
        stride, padding, dilation = (
            (sizes.get(a, d), sizes.get(b, d)) for a, b, d in (("u", "v", 1), ("p", "q", 0), ("e", "f", 1))
        )
        for name, pair, default in (
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("dilation", dilation, 1),
        ):
            if pair != (default, default):
                text += f", {name} {pair[0]}" if pair[0] == pair[1] else f", {name} {pair[0]}×{pair[1]}"
        if sizes.get("G", 1) > 1:
            text += f", {sizes['G']} groups"
    return text
