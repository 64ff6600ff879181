"""A network's plan: statements of forward pass, loss and gradients; a block that stands in several places once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import rebind
from symcnn.core.plan import Action, Call, Draw, Plan, Procedure, Statement
from symcnn.core.tensor import Tensor
from symcnn.nets.additive import additive
from symcnn.nets.body import Body, Placed
from symcnn.nets.forms import Sizes
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.reverse import Item, Sweep, Wanted, fused, stable, stable_loss
from symcnn.nets.routine_names import routine_names
from symcnn.nets.runs import shared, wanted_of
from symcnn.nets.spec.formulas import PAIRING

Table = tuple[tuple[str, ...], ...]


def plan(net: Network, flat: bool = False) -> Plan:
    """Statements of forward pass, loss and gradients, in order of computation.

    Every different block is one procedure; ``flat`` writes all blocks out in their places instead.
    """
    root = Body(net.nodes, net.body.inputs, net.body.output) if flat else net.body
    return _plan(net, root, {body: places[0].name for body, places in _places(root, "")})


def routines(net: Network, stateful: bool = True) -> Plan:
    """The plan in which what differs in sizes alone is one procedure: blocks, and layers that recur in many places.

    Unless ``stateful``, layers with running statistics outside blocks are written out in their places.
    """
    root = shared(net, stateful)
    return _plan(net, root, routine_names(root))


def _plan(net: Network, root: Body, names: Mapping[Body, str]) -> Plan:
    places = dict(_places(root, ""))
    wanted = wanted_of(root)
    items = [item for body in (*root.bodies, root) for item in body.items if isinstance(item, Placed)]
    explicit = {item.body for item in items if item.names}
    procedures = {
        body: _procedure(body, places[body], wanted, names, body in explicit) for body in root.bodies
    }
    numbering = Numbering({p.name: p for p in procedures.values()})
    losses = [item for item in root.items if isinstance(item, Node) and item.kind.loss]
    forward = numbering.over(_forward([item for item in root.items if item not in losses], root, names))
    loss = numbering.over(_forward(losses, root, names))
    backward = numbering.over(Sweep(root, sp.S.One, wanted, names).run())
    return Plan(
        name=net.name,
        title=net.title,
        inputs=(net.input, *net.labels),
        parameters=net.parameters,
        scalars=(),
        forward=forward,
        output=net.output,
        loss=tuple(action for action in loss if isinstance(action, Statement)),
        objective=net.objective.output,
        backward=backward,
        gradients=tuple((tensor.name, tensor.cotangent()) for tensor in net.parameters),
        table=table(net),
        measure=net.loss.output,
        seed=net.objective.labels[0] if net.objective.kind.name == PAIRING else None,
        state=net.state,
        least=max((node.least for node in net.nodes), default=1),
        units=tuple(tensor for node in net.nodes for tensor in node.units),
        draws=_draws(root),
        procedures=tuple(numbering.procedures.values()),
        constants=tuple(node.tensor(name) for node in net.nodes for name in node.kind.held),
        additive=additive([e for node in net.nodes if node.kind.loss for e in node.equations()]),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A block under the network's name, and the values of its body's sizes there."""

    name: str
    sizes: tuple[tuple[sp.Symbol, sp.Expr], ...]


def _places(body: Body, prefix: str, sizes: Sizes = ()) -> Iterator[tuple[Body, list[Place]]]:
    """Every block's body with the places that it stands in."""
    found: dict[Body, list[Place]] = {}
    for item in body.items:
        if isinstance(item, Placed):
            own = tuple((s, rebind(value, dict(sizes))) for s, value in item.sizes)
            found.setdefault(item.body, []).append(Place(prefix + item.name, own))
            for inner, places in _places(item.body, f"{prefix}{item.name}_", own):
                found.setdefault(inner, []).extend(places)
    yield from found.items()


def _procedure(
    body: Body, places: Sequence[Place], wanted: Wanted, names: Mapping[Body, str], explicit: bool
) -> Procedure:
    seed = body.output.cotangent()
    if any(body.output in item.inputs for item in body.items):
        seed = Tensor(f"{seed.name}_given", seed.shape, "cotangent")
    return Procedure(
        name=names[body],
        places=tuple(place.name for place in places),
        table=tuple(_row(item) for item in body.items),
        inputs=body.inputs,
        labels=body.labels,
        parameters=body.parameters,
        state=body.state,
        draws=_draws(body),
        output=body.output,
        forward=_forward(body.items, body, names),
        seed=seed,
        backward=Sweep(body, seed, wanted, names).run(),
        cotangents=tuple(t.cotangent() for t, want in zip(body.inputs, wanted[body], strict=True) if want),
        gradients=tuple((tensor.name, tensor.cotangent()) for tensor in body.parameters),
        explicit=explicit,
        instances=tuple(place.sizes for place in places if place.sizes),
    )


def _forward(items: Sequence[Item], body: Body, names: Mapping[Body, str]) -> tuple[Action, ...]:
    """Statements of the items' values, calls of their procedures, and what running statistics become."""
    actions: list[Action] = []
    for item in items:
        if isinstance(item, Placed):
            given = (*item.trained, *item.state) if item.names else None
            actions.append(
                Call(names[item.body], item.name, item.inputs, (item.output,), given=given, sizes=item.sizes)
            )
        elif item.kind.loss:
            actions.append(Statement(0, stable_loss(item, body.items), item.kind.title, item.name))
        else:
            actions.extend(_layer(item))
    return tuple(actions)


def _layer(node: Node) -> Iterator[Statement]:
    evaluated = node.evaluated()
    for equation in node.equations():
        yield Statement(
            0, stable(equation), node.kind.title, node.name, evaluation=evaluated.get(equation.tensor)
        )
    for equation in node.updates():
        yield Statement(0, equation, "running statistics", node.name)


def _draws(body: Body) -> tuple[Draw, ...]:
    """The masks of a body's own layers."""
    return tuple(
        Draw(mask, {s.name: v for s, v in node.sizes}["p"])
        for node in body.items
        if isinstance(node, Node)
        for mask in node.masks
    )


@dataclass(slots=True)
class Numbering:
    """Numbers statements in the order in which they are met, those of a procedure where it is first called."""

    procedures: dict[str, Procedure]
    count: int = 0
    seen: set[tuple[str, bool]] = field(default_factory=set)

    def over(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        """The same actions with the next numbers."""
        return tuple(map(self._numbered, actions))

    def _numbered(self, action: Action) -> Action:
        if isinstance(action, Statement):
            self.count += 1
            return replace(action, number=self.count)
        key = (action.procedure, action.backward)
        if key not in self.seen:
            self.seen.add(key)
            own = self.procedures[action.procedure]
            inner = self.over(own.backward if action.backward else own.forward)
            known = self.procedures[action.procedure]
            self.procedures[action.procedure] = (
                replace(known, backward=inner) if action.backward else replace(known, forward=inner)
            )
        return action


def fused_gradient(net: Network) -> Equation | None:
    """The cotangent of the input of the activation before the loss, where composition makes it simpler; else None."""
    found = fused(net.loss, net.body.items, sp.S.One)
    return None if found is None else found[1]


def table(net: Network) -> Table:
    """Rows: value, layer or block, shape of one image, parameters."""
    rows = [("value", "layer", "shape", "parameters"), (net.input.name, "input", shape_text(net.input), "")]
    total = sum(node.parameter_count() for node in net.nodes)
    return (*rows, *(_row(item) for item in net.items), ("", "total", "", str(total)))


def _row(item: Item) -> tuple[str, ...]:
    count = sp.expand(sum(sp.Mul(*tensor.shape) for tensor in item.trained))
    if isinstance(item, Node):
        what = describe(item)
    else:
        what = "; ".join(map(describe, item.nodes)) if item.names else f"block {item.name}"
    return item.output.name, what, shape_text(item.output) or "scalar", str(count) if count != 0 else ""


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
