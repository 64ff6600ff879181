"""Networks written as model files, which read back as the same network.

A layer is written as the type of `symcnn.layers` that makes it, found by making it and comparing; one that no type
makes is written by its equations. What a file cannot say is refused: every file is read again before it is handed out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symcnn.core.functions import FIRST
from symcnn.models.file import NAME, VERSION, read
from symcnn.models.file_layers import TYPES
from symcnn.models.file_types import Written, typed
from symcnn.models.file_values import IDENTIFIER, ModelFileError
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.spec import Block, Spec
from symcnn.nets.spec.formulas import Stated

WIDTH = 110


def dump(net: Network) -> str:
    """The text of a model file that describes a network. Raises ModelFileError where a file cannot say it."""
    if net.policy != FIRST:
        raise ModelFileError(f"{net.name}: a model file has no word for a policy at kinks")
    writer = Writer(iter(replace(net, training=True).nodes))
    layers = [writer.layer(layer) for layer in net.specs]
    name = (
        net.name if NAME.fullmatch(net.name) else "-".join(re.findall("[A-Za-z0-9]+", net.name)) or "network"
    )
    head: dict[str, object] = {"symcnn": VERSION, "name": name}
    head |= {"title": net.title} if net.title != name else {}
    head |= {"source": net.source} if net.source else {}
    head |= {"input": list(net.input_shape)} | ({} if net.training else {"training": False})
    lines = [f"{key} = {_value(value)}" for key, value in head.items()]
    lines += _layers(layers)
    for block, own in writer.blocks.values():
        lines += ["", f"[block.{block}]", *_layers(own)]
    text = "\n".join(lines) + "\n"
    _verify(net, read(text, name))
    return text


def _layers(layers: Sequence[Written]) -> list[str]:
    return ["layers = [", *(f"    {_table(layer)}," for layer in layers), "]"]


def _table(table: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in table.items()) + " }"


def _value(value: object) -> str:
    """A value in TOML; numbers that have no finite decimal as quotients."""
    match value:
        case bool():
            return str(value).lower()
        case Fraction() if value.denominator == 1:
            return str(value.numerator)
        case Fraction() if Fraction(repr(float(value))) == value:
            return repr(float(value))
        case Fraction() | str():
            return json.dumps(str(value), ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return _table(value)
    return str(value)


@dataclass(slots=True)
class Writer:
    """Writes layers in order; ``places`` are the layers in their places, ``blocks`` what equal blocks are called."""

    places: Iterator[Node]
    blocks: dict[tuple[Spec | Block, ...], tuple[str, list[Written]]] = field(default_factory=dict)

    def layer(self, layer: Spec | Block) -> Written:
        """The table of a layer or block."""
        if isinstance(layer, Block):
            table: Written = {"type": self._block(layer)}
        else:
            node = next(self.places)
            table = typed(layer, node) or _formula(layer, node)
        table |= {"name": layer.name} if layer.name else {}
        inputs = layer.inputs
        return table | ({"on": inputs[0] if len(inputs) == 1 else list(inputs)} if inputs else {})

    def _block(self, block: Block) -> str:
        """The name of the block's definition, which is written where it is first met."""
        own = [self.layer(layer) for layer in block.layers]
        if block.layers not in self.blocks:
            base = block.name if IDENTIFIER.fullmatch(block.name) else "block"
            taken = {*TYPES, *(name for name, _ in self.blocks.values())}
            names = (base, *(f"{base}_{k}" for k in range(2, len(taken) + 3)))
            self.blocks[block.layers] = next(name for name in names if name not in taken), own
        return self.blocks[block.layers][0]


def _formula(layer: Spec, node: Node) -> Written:
    """A layer by its equations. Raises ModelFileError where they are not all that it is."""
    kind = layer.stated if isinstance(layer, Stated) else node.kind
    if layer.momentum is not None or layer.drawn:
        raise ModelFileError(
            f"{node.name}: {kind.title} in this form has no type of layer that a file could name"
        )
    others = {*kind.trained, *kind.held, *kind.labels}
    read = tuple(tensor.name for tensor in kind.system().inputs if tensor.name not in others)
    tables = {"shapes": dict(kind.shapes), "sizes": dict(layer.sizes), "defaults": dict(kind.defaults)}
    roles = {"data": kind.data if kind.data != read else (), "trained": kind.trained}
    roles |= {"held": kind.held, "labels": kind.labels}
    table: Written = {"type": "formula", "text": kind.formula, **{k: v for k, v in tables.items() if v}}
    table |= {key: list(names) for key, names in roles.items() if names}
    table |= {"loss": True} if kind.loss else {}
    return table | ({"title": kind.title} if kind.title not in (layer.name, "formula") else {})


def _verify(net: Network, found: Network) -> None:
    """Raise ModelFileError where a network that was read is another than the one that was written."""
    for wanted, got in zip(net.nodes, found.nodes, strict=True):
        same = _said(wanted.kind) == _said(got.kind) and wanted.sizes == got.sizes
        if not same or wanted.tensors != got.tensors or wanted.running != got.running:
            raise ModelFileError(
                f"{wanted.name}: {wanted.kind.title} in this form cannot be written to a model file"
            )


def _said(kind: LayerKind) -> tuple[object, ...]:
    equations = kind.formula, dict(kind.shapes), dict(kind.defaults)
    return *equations, kind.data, kind.trained, kind.labels, kind.held, kind.loss
