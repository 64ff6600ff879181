"""Networks: layers and blocks in order, shapes, parameters, training and evaluation, and entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from symcnn.calculus.entries import Entries, expand
from symcnn.core.equation import Equation
from symcnn.core.errors import ShapeError, UnknownName
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed, check_names, reached
from symcnn.nets.node import BATCH, Node
from symcnn.nets.placement import body_of
from symcnn.nets.spec import Block, Spec


@dataclass(frozen=True, slots=True)
class Network:
    """A network: layers and blocks placed one after the other, the last layer a loss or a total of losses.

    ``input_shape`` leaves out the batch. ``training`` tells the network that is trained from the one that is then
    used: statistics given instead of the batch's, no dropout, no auxiliary heads. Raises ShapeError where shapes do
    not fit.
    """

    specs: Sequence[Spec | Block]
    input_shape: tuple[int, ...]
    name: str = "network"
    title: str = ""
    source: str = ""
    policy: KinkPolicy = FIRST
    training: bool = True
    body: Body = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", _placed(self))
        object.__setattr__(self, "specs", tuple(self.specs))
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        object.__setattr__(self, "title", self.title or self.name)

    def evaluation(self) -> Network:
        """The network that is used once this one is trained; itself where nothing differs."""
        if not self.training or not (self.state or self.body.masks or len(self.losses) > 1):
            return self
        return replace(self, training=False)

    @property
    def input(self) -> Tensor:
        return self.body.inputs[0]

    @property
    def items(self) -> tuple[Node | Placed, ...]:
        """Layers and blocks in order."""
        return self.body.items

    @property
    def bodies(self) -> tuple[Body, ...]:
        """The different bodies of its blocks, in order of first use, inner ones first."""
        return self.body.bodies

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All layers in order, those of blocks under prefixed names."""
        return self.body.nodes

    @property
    def objective(self) -> Node:
        """The layer whose value is minimised: a loss or a total of losses."""
        return self.nodes[-1]

    @property
    def losses(self) -> tuple[Node, ...]:
        """The losses without their total."""
        return tuple(node for node in self.nodes if node.kind.loss and node.labels)

    @property
    def loss(self) -> Node:
        """The loss; of several, the first of their total: the one that remains in evaluation."""
        return main_loss(self.items)

    @property
    def layers(self) -> tuple[Node, ...]:
        """The layers without the losses."""
        return tuple(node for node in self.nodes if not node.kind.loss)

    @property
    def output(self) -> Tensor:
        """The value that the loss reads."""
        return self.loss.inputs[0]

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        return self.body.parameters

    @property
    def state(self) -> tuple[Tensor, ...]:
        """Running statistics: training updates them, evaluation reads them."""
        return self.body.state

    @property
    def labels(self) -> tuple[Tensor, ...]:
        """What is given beside the images; losses that name no labels of their own share ``y``."""
        return self.body.labels

    def node(self, value: str) -> Node:
        """The layer that computes a value. Raises UnknownName."""
        for node in self.nodes:
            if value in (node.output.name, node.name):
                return node
        raise UnknownName(f"expected one of {', '.join(n.output.name for n in self.nodes)}, got {value!r}")

    def equation(self, value: str) -> Equation:
        """The forward equation of a value."""
        return self.node(value).forward()

    def expand(self, value: str, n: int = 0, limit: int = 100_000) -> dict[sp.Symbol, sp.Expr]:
        """The entries of one value for image ``n``, in the entries of what its layer reads.

        Names leave out the batch and axes of extent 1: z1_11 … z1_44. Raises UnknownName, LimitExceeded.
        """
        equation = self.equation(value)
        if n < 0:
            raise UnknownName(f"expected the number of an image, got {n!r}")
        batch = [i for i in equation.free if i.extent == BATCH]
        one = Equation(equation.target, equation.body, tuple(i for i in equation.free if i not in batch))
        hidden = {t.name: hidden_axes(t) for t in (equation.tensor, *equation.inputs)}
        entries = Entries({BATCH: sp.Integer(n + 1)}, hidden=hidden, limit=limit)
        fixed = Equation(
            one.target.xreplace({i.symbol: sp.Integer(n) for i in batch}),
            one.body.xreplace({i.symbol: sp.Integer(n) for i in batch}),
            one.free,
        )
        return {entries.symbol(equation.tensor, at): value for at, value in expand(fixed, entries).items()}


def hidden_axes(tensor: Tensor) -> tuple[int, ...]:
    """The axes that entry names leave out: the batch, and those of extent 1."""
    return tuple(axis for axis, extent in enumerate(tensor.shape) if extent in (BATCH, 1))


def _placed(net: Network) -> Body:
    """The network's layers in their places. Raises ShapeError."""
    name, shape = net.name, tuple(net.input_shape)
    given: list[object] = list(net.specs)
    layers = tuple(spec for spec in given if isinstance(spec, Spec | Block))
    if not layers or len(layers) != len(given):
        raise ShapeError(f"{name}: expected layers such as conv2d(…) and a loss, got {given!r:.80}")
    extents: tuple[object, ...] = shape
    if not shape or not all(isinstance(extent, int) and extent > 0 for extent in extents):
        raise ShapeError(f"{name}: expected positive integers as the input's shape, got {shape!r}")
    image = Tensor("x", (BATCH, *map(sp.Integer, shape)), "input")
    body = body_of(layers, (image,), net.policy, net.training)
    last = body.items[-1]
    if not isinstance(last, Node) or not last.kind.loss:
        raise ShapeError(f"{name}: expected a loss as the last layer, got {last.name}")
    read = {tensor for node in body.nodes for tensor in node.inputs}
    for node in body.nodes:
        if node.kind.loss and node.output != last.output and node.output not in read:
            raise ShapeError(
                f"{name}: expected one loss, or total(…) of all as the last layer; nothing reads {node.name}"
            )
    check_names(name, body)
    if net.training:
        return body
    main = main_loss(body.items)
    return Body(reached(body.items, [main.output]), body.inputs, main.output)


def main_loss(items: Sequence[Node | Placed]) -> Node:
    """The loss that the last layer is, or the first that it sums. Raises ShapeError where that is inside a block."""
    node = items[-1]
    while isinstance(node, Node) and not node.labels:
        wanted = node.inputs[0]
        node = next(item for item in items if item.output == wanted)
    if not isinstance(node, Node):
        raise ShapeError(f"expected the first loss outside blocks, got it in {node.name}")
    return node
