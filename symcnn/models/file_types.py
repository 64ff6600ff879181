"""Which type of layer, with which arguments, makes a layer: the inverse of `symcnn.layers`, found by trying.

The arguments follow from the layer's sizes and shapes; a type is right where what it makes is the layer.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from symcnn.core.errors import SymcnnError
from symcnn.core.tensor import Tensor
from symcnn.models.file_layers import TYPES
from symcnn.nets.catalogue.axes import NAMED, SPATIAL
from symcnn.nets.node import Node, place
from symcnn.nets.spec import Spec
from symcnn.nets.spec.formulas import Stated

Written = dict[str, Any]
SIZED = {"num_groups": "G", "groups": "G", "size": "D", "upscale_factor": "R"}


def typed(layer: Spec, node: Node) -> Written | None:
    """The type and arguments that make a layer, None where no type does."""
    if not node.inputs:
        return None
    bare = replace(layer, name="", inputs=())
    tried = list(_tried(layer, node))
    for table, made in tried:
        if made == bare:
            return table
    return next((table for table, made in tried if _makes(made, node)), None)


def _tried(layer: Spec, node: Node) -> Iterator[tuple[Written, Spec]]:
    """What the types make of the layer's arguments, where they make anything."""
    for name, builder in TYPES.items():
        parameters = inspect.signature(builder).parameters
        for given in _arguments(name, parameters, layer, node):
            several = [
                given.pop(key) for key, p in parameters.items() if p.kind is p.VAR_POSITIONAL and key in given
            ]
            try:
                made = builder(*(several[0] if several else ()), **given)
            except (SymcnnError, TypeError):
                continue
            named = {"weights": several[0]} if several else {}
            yield {"type": name, **named, **given}, made


def _makes(made: Spec, node: Node) -> bool:
    """Whether a specification becomes the layer in its place."""
    names = {own: tensor.name for own, tensor in node.tensors}
    try:
        fitted = made.fitted([int(n) for n in node.inputs[0].shape[2:] if n.is_Integer])
        kind = fitted.kind([tensor.rank for tensor in node.inputs])
        found = place(fitted, kind, node.inputs, names, node.policy)
    except (SymcnnError, KeyError):
        return False
    return (kind, found.sizes, found.momentum, found.drawn) == (
        node.kind,
        node.sizes,
        node.momentum,
        node.drawn,
    )


def _arguments(
    name: str, parameters: Mapping[str, inspect.Parameter], layer: Spec, node: Node
) -> Iterator[dict[str, Any]]:
    """The arguments with which a type could make the layer; truth values that nothing tells are tried both ways."""
    found: dict[str, Any] = {}
    open_ones: list[str] = []
    for key, parameter in parameters.items():
        if key in ("name", "inputs"):
            continue
        value = _argument(key, name, layer, node)
        if value is None and isinstance(parameter.default, bool) and isinstance(layer, Stated):
            open_ones.append(key)
        elif value is not None and not _usual(value, key, parameter.default, found):
            found[key] = value
        elif value is None and parameter.default is parameter.empty:
            return
    for values in itertools.product((False, True), repeat=len(open_ones)):
        chosen = zip(open_ones, values, strict=True)
        yield {**found, **{key: value for key, value in chosen if value != parameters[key].default}}


def _usual(value: Any, key: str, default: object, before: Mapping[str, Any]) -> bool:
    """Whether an argument is what it would be if it were left out; a pool's stride is then its window."""
    if isinstance(default, float):
        return bool(value == Fraction(repr(default)))
    if default is None and key == "stride":
        return bool(value == before.get("kernel_size"))
    return bool(value == default)


def _argument(key: str, name: str, layer: Spec, node: Node) -> Any:
    """The value of one argument of a type, None where the layer does not tell it."""
    placed = {symbol.name: int(value) for symbol, value in node.sizes if value.is_Integer}
    sizes: dict[str, Any] = {**placed, **dict(layer.sizes)}
    told = dict(layer.arguments)
    data = _extents(node.inputs[0]) if node.inputs else ()
    made = _extents(node.output)
    dims = int(name[-2]) if name[-2:] in ("1d", "2d", "3d") else 2
    match key:
        case "padding" if told.get("padding") == "same":
            return "same"
        case "scale_factor":
            return _alike([sizes.get(axis.extent) for axis in SPATIAL[:dims]])
        case "kernel_size" | "stride" | "padding" | "dilation" | "output_padding" | "output_size":
            return _alike([sizes.get(getattr(axis, NAMED[key])) for axis in SPATIAL[:dims]])
        case "in_channels" | "num_channels" | "num_features" if len(data) > 1:
            return data[1]
        case "num_parameters" if len(data) > 1:
            return 1 if told.get("shared", True) else data[1]
        case "out_channels" if len(made) > 1:
            return made[1]
        case "in_features" if data:
            return data[-1]
        case "out_features" if made:
            return made[-1]
        case "normalized_shape" if data:
            return _alike(data[-int(str(told.get("normalized_dims", 1))) :], single=True)
        case "rank":
            return len(data)
        case "momentum":
            return layer.momentum
        case "track_running_stats":
            return layer.momentum is not None
        case "weights":
            return [sizes[f"w{k}"] for k in range(1, 100) if f"w{k}" in sizes] or None
    return dict(layer.sizes).get(key, told.get(key, sizes.get(SIZED.get(key, key))))


def _extents(tensor: Tensor) -> tuple[int, ...]:
    """The extents of a tensor, 0 for those that are not numbers."""
    return tuple(int(extent) if extent.is_Integer else 0 for extent in tensor.shape)


def _alike(values: Sequence[Any], single: bool = False) -> Any:
    """One number for all dimensions where they have the same, else one for each; None where one is not told."""
    if None in values or not values:
        return None
    several = len(values) > 1 if single else len(set(values)) > 1
    return tuple(values) if several else values[0]
