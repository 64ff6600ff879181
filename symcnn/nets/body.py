"""Bodies: layers in order under local names, and their places in a network. Blocks of equal structure share one body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.core.expr import rebind
from symcnn.core.tensor import Tensor
from symcnn.nets.node import Node


@dataclass(frozen=True, eq=False)
class Body:
    """Layers and blocks in order, under local names; compared by identity, since equal blocks share one body.

    ``inputs`` are the values that reach it, ``output`` is the value that it hands on.
    """

    items: tuple[Node | Placed, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All layers in order, those of inner blocks under prefixed names."""
        return tuple(
            node for item in self.items for node in ((item,) if isinstance(item, Node) else item.nodes)
        )

    @cached_property
    def bodies(self) -> tuple[Body, ...]:
        """The different bodies of its blocks, inner ones before those that hold them, in order of first use."""
        blocks = [item.body for item in self.items if isinstance(item, Placed)]
        return tuple(dict.fromkeys(body for own in blocks for body in (*own.bodies, own)))

    @cached_property
    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(tensor for item in self.items for tensor in item.trained)

    @cached_property
    def labels(self) -> tuple[Tensor, ...]:
        """What its losses are given beside the data; labels of one name are the same in every block."""
        return tuple(dict.fromkeys(tensor for item in self.items for tensor in item.labels))

    @cached_property
    def masks(self) -> tuple[Tensor, ...]:
        """What is drawn anew for each step of training."""
        return tuple(tensor for item in self.items for tensor in item.masks)

    @cached_property
    def state(self) -> tuple[Tensor, ...]:
        """Running statistics: what training leaves and evaluation reads."""
        return tuple(tensor for item in self.items for tensor in item.state)


@dataclass(frozen=True, slots=True)
class Placed:
    """A block in its place. Its tensors are those of its body, prefixed by its name.

    ``sizes`` are the values of the body's sizes here, where it has symbols for them. ``names`` are the network's names
    of its tensors where no prefix is put before them: those of layers that only share their equations.
    """

    name: str
    body: Body
    inputs: tuple[Tensor, ...]
    sizes: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    @property
    def output(self) -> Tensor:
        return self.own(self.body.output)

    @property
    def trained(self) -> tuple[Tensor, ...]:
        return tuple(map(self.own, self.body.parameters))

    @property
    def masks(self) -> tuple[Tensor, ...]:
        return tuple(map(self.own, self.body.masks))

    @property
    def state(self) -> tuple[Tensor, ...]:
        return tuple(map(self.own, self.body.state))

    @property
    def labels(self) -> tuple[Tensor, ...]:
        return self.body.labels

    def own(self, tensor: Tensor) -> Tensor:
        """The network's tensor behind one of the body's."""
        if tensor in self.body.inputs:
            return self.inputs[self.body.inputs.index(tensor)]
        if tensor in self.body.labels:
            return tensor
        name = dict(self.names).get(tensor.name, f"{self.name}_{tensor.name}")
        return Tensor(name, [rebind(extent, dict(self.sizes)) for extent in tensor.shape], tensor.role)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The layers of the block under the network's names."""
        return tuple(
            replace(
                node,
                name=f"{self.name}_{node.name}",
                sizes=tuple((symbol, rebind(value, dict(self.sizes))) for symbol, value in node.sizes),
                tensors=tuple((name, self.own(tensor)) for name, tensor in node.tensors),
                running=tuple((name, self.own(tensor)) for name, tensor in node.running),
            )
            for node in self.body.nodes
        )


def check_names(owner: str, body: Body) -> None:
    """Raise ShapeError where two tensors would have one name."""
    seen = {tensor.name for tensor in (*body.inputs, *body.labels)}
    for node in body.nodes:
        for tensor in node.made:
            if tensor.name in seen:
                raise ShapeError(
                    f"{owner}: expected one tensor named {tensor.name}, got a second in {node.name}; "
                    "give its block or layer another name"
                )
            seen.add(tensor.name)


def reached(items: Sequence[Node | Placed], results: Iterable[Tensor]) -> tuple[Node | Placed, ...]:
    """The items on which ``results`` depend, in order."""
    wanted = {tensor.name for tensor in results}
    kept: list[Node | Placed] = []
    for item in reversed(items):
        if item.output.name in wanted:
            kept.append(item)
            wanted |= {tensor.name for tensor in item.inputs}
    return tuple(kept[::-1])
