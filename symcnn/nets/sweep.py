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
from symcnn.core.expr import Read, tensors
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
    forward = [numbers.add(stable(node.forward()), node.kind.title, node.name) for node in net.layers]
    loss = numbers.add(stable_loss(net), net.loss.kind.title, net.loss.name)
    start = len(numbers.made)
    backward_sweep(net, numbers)
    gradients = tuple((tensor.name, tensor.cotangent()) for tensor in net.parameters)
    return Plan(
        name=net.name,
        title=net.title,
        inputs=(net.input, *net.loss.labels),
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


def loss_gradient(net: Network) -> Equation:
    """The cotangent of the last activation."""
    equation, _ = net.loss.gradient(net.loss.kind.data)
    return seeded(equation, net.loss.output)


def fused_gradient(net: Network) -> Equation | None:
    """The cotangent that reaches the input of the last activation, where composition makes it simpler; else None."""
    last = net.layers[-1]
    if last.trained:
        return None
    outer = loss_gradient(net)
    inner, _ = last.gradient(last.kind.data)
    try:
        body = settle(compose(inner.body, outer), net.loss.classes)
    except UnsupportedFormula:
        return None
    if last.output.cotangent() in tensors(body) or cost(body) >= cost(inner.body) + cost(outer.body):
        return None
    return Equation(inner.target, body, inner.free)


def backward_sweep(net: Network, numbers: Numbered) -> None:
    """Add the statements of all cotangents that the parameters' gradients need, from the loss to the input."""
    trained = [any(n.trained for n in net.layers[: k + 1]) for k in range(len(net.layers))]
    fused = fused_gradient(net)
    remaining = list(range(len(net.layers)))
    if fused is not None:
        last = net.layers[-1]
        numbers.add(fused, f"{net.loss.kind.title} and {last.kind.title} together", last.name)
        remaining.pop()
    else:
        outer, scatters = net.loss.gradient(net.loss.kind.data)
        numbers.add(seeded(outer, net.loss.output), net.loss.kind.title, net.loss.name)
    for k in reversed(remaining):
        node = net.layers[k]
        for name in node.kind.trained:
            equation, scatters = node.gradient(name)
            numbers.add(equation, f"gradient of {node.tensor(name).name}", node.name, scatters)
        if k > 0 and trained[k - 1]:
            equation, scatters = node.gradient(node.kind.data)
            numbers.add(equation, node.kind.title, node.name, scatters)


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
