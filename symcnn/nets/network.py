"""Networks: layers in order, the names of their values, shapes, parameter counts and entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from symcnn.calculus.entries import Entries, expand
from symcnn.core.equation import Equation
from symcnn.core.errors import ShapeError, UnknownName
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.tensor import Tensor
from symcnn.nets.kind import LayerKind
from symcnn.nets.node import BATCH, Node, place
from symcnn.nets.spec import Spec


@dataclass(frozen=True, slots=True)
class Network:
    """A network: layers placed one after the other, the last of them a loss.

    ``input_shape`` leaves out the batch. Raises ShapeError where shapes do not fit.
    """

    specs: Sequence[Spec]
    input_shape: tuple[int, ...]
    name: str = "network"
    title: str = ""
    source: str = ""
    policy: KinkPolicy = FIRST
    nodes: tuple[Node, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        nodes = place_all(self.name, self.specs, self.input_shape, self.policy)
        object.__setattr__(self, "specs", tuple(self.specs))
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        object.__setattr__(self, "title", self.title or self.name)
        object.__setattr__(self, "nodes", nodes)

    @property
    def input(self) -> Tensor:
        return Tensor("x", (BATCH, *map(sp.Integer, self.input_shape)), "input")

    @property
    def loss(self) -> Node:
        return self.nodes[-1]

    @property
    def layers(self) -> tuple[Node, ...]:
        """The layers without the loss."""
        return self.nodes[:-1]

    @property
    def output(self) -> Tensor:
        return self.layers[-1].output

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(tensor for node in self.nodes for tensor in node.trained)

    @property
    def labels(self) -> Tensor:
        return self.loss.labels[0]

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


def place_all(
    name: str, specs: Sequence[object], input_shape: Sequence[object], policy: KinkPolicy
) -> tuple[Node, ...]:
    """Fit the layers to the shapes that reach them, one after the other. Raises ShapeError."""
    if not specs or not all(isinstance(spec, Spec) for spec in specs):
        raise ShapeError(f"{name}: expected layers such as conv2d(…) and a loss, got {list(specs)!r:.80}")
    if not input_shape or not all(isinstance(e, int) and e > 0 for e in input_shape):
        raise ShapeError(
            f"{name}: expected positive integers as the input's shape, got {tuple(input_shape)!r}"
        )
    layers = [spec for spec in specs if isinstance(spec, Spec)]
    previous = Tensor("x", (BATCH, *map(sp.Integer, input_shape)), "input")
    values = {"x": previous}
    nodes: list[Node] = []
    stage, seen = 1, dict[str, int]()
    for position, spec in enumerate(layers):
        base = spec.family.split()[0]
        seen[base] = seen.get(base, 0) + 1
        named = replace(spec, name=spec.name or f"{base}{seen[base]}")
        data = [_value(values, wanted, named.name) for wanted in named.inputs] or [previous]
        kind = named.kind([tensor.rank for tensor in data])
        if kind.trained and any(node.kind.trained for node in nodes):
            stage += 1
        node = place(named, data, _names(kind, stage, values), policy)
        if kind.loss != (position == len(layers) - 1):
            raise ShapeError(
                f"{name}: expected one loss, as the last layer; {node.name} is in place {position + 1}"
            )
        nodes.append(node)
        previous = values[node.output.name] = values[node.name] = node.output
        values.update((tensor.name, tensor) for _, tensor in node.tensors)
    return tuple(nodes)


def _value(values: Mapping[str, Tensor], wanted: str, layer: str) -> Tensor:
    if wanted not in values:
        raise UnknownName(f"{layer}: expected one of the values {', '.join(values)} as input, got {wanted!r}")
    return values[wanted]


def _names(kind: LayerKind, stage: int, taken: Mapping[str, object]) -> dict[str, str]:
    """The network's names for a kind's tensors: W1, b1, z1 in the first stage of trained layers, and so on."""
    system = kind.system()
    names = {t.name: (f"{t.name}{stage}" if t.name in kind.trained else t.name) for t in system.inputs}
    for equation in system.equations:
        own = equation.tensor == system.output
        letter = kind.letter if own else equation.tensor.name
        bare = own and (kind.loss or letter == "f") and letter not in taken
        names[equation.tensor.name] = letter if bare else _free(f"{letter}{stage}", taken)
    return names


def _free(name: str, taken: Mapping[str, object]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
