"""Placement: specifications are fitted, one after the other, to the shapes that reach them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from symcnn.core.errors import ShapeError, UnknownName
from symcnn.core.functions import KinkPolicy
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed
from symcnn.nets.kind import LayerKind
from symcnn.nets.node import Node, place
from symcnn.nets.spec import Block, Spec
from symcnn.nets.spec.block import NAME

Names = dict[str, str]


@cache
def body_of(
    layers: tuple[Spec | Block, ...], inputs: tuple[Tensor, ...], policy: KinkPolicy, training: bool
) -> Body:
    """The body of equal layers for inputs of equal shapes, always the same object. Raises ShapeError, UnknownName."""
    placement = Placement(policy, training, {tensor.name: tensor for tensor in inputs}, inputs[0])
    for layer in layers:
        placement.add(layer)
    return Body(tuple(placement.items), inputs, placement.previous)


@dataclass(slots=True)
class Placement:
    """Layers placed so far: the values that later ones may read, by the names of tensors, layers and blocks."""

    policy: KinkPolicy
    training: bool
    values: dict[str, Tensor]
    previous: Tensor
    items: list[Node | Placed] = field(default_factory=list)
    labels: dict[str, Tensor] = field(default_factory=dict)
    stage: int = 1
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, layer: Spec | Block) -> None:
        """Place one layer or block after those before it."""
        if isinstance(layer, Block):
            self._add_block(layer)
        else:
            self._add_layer(layer)

    def _add_block(self, layer: Block) -> None:
        name = self._named(layer.name, "block")
        data = [self._value(wanted, name) for wanted in layer.inputs] or [self.previous]
        inputs = tuple(Tensor(local, t.shape, "input") for local, t in zip(_locals(), data, strict=False))
        try:
            body = body_of(layer.layers, inputs, self.policy, self.training)
        except (ShapeError, UnknownName) as error:
            raise type(error)(f"{name}: {error}") from None
        placed = Placed(name, body, tuple(data))
        for tensor in body.labels:
            self._share(tensor, name)
        if body.items:
            self.items.append(placed)
        self._made(name, placed.output)

    def _add_layer(self, layer: Spec) -> None:
        name = self._named(layer.name, layer.family.split()[0])
        names = [wanted for wanted in layer.inputs if wanted in self.values]
        given = [wanted for wanted in layer.inputs if wanted not in self.values]
        data = [self.values[wanted] for wanted in names] or ([] if layer.alone else [self.previous])
        extents = [int(n) for tensor in data[:1] for n in tensor.shape[2:] if n.is_Integer]
        spec = replace(layer.fitted(extents), name=name)
        kind = self._kind(spec, data, given)
        if kind.trained and any(isinstance(item, Node) and item.kind.trained for item in self.items):
            self.stage += 1
        node = place(spec, kind, data, self._names(spec, kind, given), self.policy)
        if spec.drawn and not self.training:
            self._made(name, data[0])
            return
        for tensor in node.labels:
            self._share(tensor, name)
        self.items.append(node)
        self.values.update((tensor.name, tensor) for _, tensor in node.tensors if tensor not in node.labels)
        self._made(name, node.output)

    def _kind(self, spec: Spec, data: Sequence[Tensor], given: Sequence[str]) -> LayerKind:
        """The kind for the data; names that no value has are those of labels, after at least one of the data."""
        if given and (spec.drawn or spec.inputs[0] in given):
            self._value(given[0], spec.name)
        try:
            kind = spec.kind([tensor.rank for tensor in data], self.training)
        except ShapeError:
            if given:
                self._value(given[0], spec.name)
            raise
        if len(given) > len(kind.labels):
            self._value(given[0], spec.name)
        return kind

    def _named(self, name: str, base: str) -> str:
        if name and not NAME.fullmatch(name):
            raise ShapeError(f"expected letters, digits and single underscores as a name, got {name!r}")
        plain = re.sub(r"[^A-Za-z0-9]+", "_", base).strip("_") or "layer"
        self.seen[plain] = self.seen.get(plain, 0) + 1
        return name or f"{plain}{self.seen[plain]}"

    def _value(self, wanted: str, layer: str) -> Tensor:
        if wanted not in self.values:
            raise UnknownName(
                f"{layer}: expected one of the values {', '.join(self.values)} as input, got {wanted!r}"
            )
        return self.values[wanted]

    def _made(self, name: str, output: Tensor) -> None:
        self.previous = self.values[output.name] = self.values[name] = output

    def _share(self, labels: Tensor, name: str) -> None:
        """Labels of one name are the same everywhere."""
        known = self.labels.setdefault(labels.name, labels)
        if known.shape != labels.shape:
            raise ShapeError(
                f"{name}: expected labels {labels.name} of shape {known.shape}, as another loss reads them, got "
                f"{labels.shape}; name others with .on(value, 'y2')"
            )

    def _names(self, spec: Spec, kind: LayerKind, labels: Sequence[str]) -> Names:
        """Names for a kind's tensors: W1, b1, z1 in the first stage of trained layers, and so on."""
        system = kind.system()
        names = {
            t.name: _free(f"{t.name}{self.stage}", self.values) if t.name in kind.trained else t.name
            for t in system.inputs
        }
        names.update(zip(kind.labels, labels, strict=False))
        if spec.drawn:
            names.update((name, _free(f"{name}{self.stage}", self.values)) for name in kind.labels)
        if spec.momentum is not None:
            statistics = (
                kind.labels or spec.kind([t.rank for t in (kind.tensor(kind.data[0]),)], False).labels
            )
            running = {name: _free(f"running_{name}{self.stage}", self.values) for name in statistics}
            names.update(running if kind.labels else {f"running_{k}": name for k, name in running.items()})
        names.update((name, _free(f"{name}{self.stage}", self.values)) for name in kind.held)
        for equation in system.equations:
            own = equation.tensor == system.output
            letter = kind.letter if own else equation.tensor.name
            bare = own and (kind.loss or letter == "f") and letter not in self.values
            names[equation.tensor.name] = letter if bare else _free(f"{letter}{self.stage}", self.values)
        return names


def _locals() -> Sequence[str]:
    return ("x", *(f"x{number}" for number in range(2, 65)))


def _free(name: str, taken: Mapping[str, object]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
