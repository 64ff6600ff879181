"""PyTorch's movements of entries: reshapes, parts, joins, pads, pixels, and constants of the batch's size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers import layers, movements, operations
from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.torch_table import OPERATORS, Operator, operator
from symcnn.models.importers.views import (
    View,
    constant,
    dropped,
    expanded,
    inserted,
    permuted,
    placed,
)

END = 2**62  # what PyTorch gives for "to the end"

# --- movements --------------------------------------------------------------------------------------------------------


@operator("clone", "contiguous", "alias", "lift_fresh_copy", "to", "_to_copy", "type_as")
def _same(a: Assembly, c: Arguments) -> View:
    dtype = c.get("dtype")
    if dtype is not None and not getattr(dtype, "is_floating_point", True):
        raise UnsupportedFormula(f"values as {dtype} are not supported")
    return c["self"]


@operator("view", "reshape", "_unsafe_view")
def _view(a: Assembly, c: Arguments) -> View:
    return movements.reshape(a, c["self"], c["size"] if "size" in c else c["shape"])


@operator("flatten")
def _flatten(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    first, last = placed(c["start_dim"], x.rank), placed(c["end_dim"], x.rank)
    shape = [*x.shape[:first], sp.Mul(*x.shape[first : last + 1]), *x.shape[last + 1 :]]
    return movements.reshape(a, x, shape)


@operator("unflatten")
def _unflatten(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    axis = placed(c["dim"], x.rank)
    return movements.reshape(a, x, [*x.shape[:axis], *c["sizes"], *x.shape[axis + 1 :]])


@operator("permute")
def _permute(a: Assembly, c: Arguments) -> View:
    return permuted(c["self"], c["dims"])


@operator("transpose")
def _transpose(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    order = list(range(x.rank))
    first, second = placed(c["dim0"], x.rank), placed(c["dim1"], x.rank)
    order[first], order[second] = second, first
    return permuted(x, order)


@operator("t", "numpy_T", "mT")
def _turned(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    return permuted(x, range(x.rank)[::-1])


@operator("unsqueeze")
def _unsqueeze(a: Assembly, c: Arguments) -> View:
    return inserted(c["self"], c["dim"])


@operator("squeeze")
def _squeeze(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    dims = c.get("dim", range(x.rank))
    return dropped(x, [dims] if isinstance(dims, int) else dims)


@operator("expand", "expand_as", "broadcast_to")
def _expand(a: Assembly, c: Arguments) -> View:
    return expanded(c["self"], c["size"] if "size" in c else c["other"].shape)


@operator("repeat")
def _repeat(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    repeats: Sequence[Any] = c["repeats"]
    shape = [*([1] * (len(repeats) - x.rank)), *x.shape]
    pairs = [extent for own in shape for extent in (1, own)]
    grown = [extent for count, own in zip(repeats, shape, strict=True) for extent in (count, own)]
    spread = expanded(movements.reshape(a, x, pairs), grown)
    return movements.reshape(a, spread, [n * e for n, e in zip(repeats, shape, strict=True)])


@operator("select")
def _select(a: Assembly, c: Arguments) -> View:
    return movements.chosen(a, c["self"], c["dim"], c["index"])


@operator("slice")
def _slice(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    axis = placed(c["dim"], x.rank)
    extent, step = x.shape[axis], c["step"]
    start, end = c["start"] or 0, c["end"]
    if start == 0 and step == 1 and (end is None or end == extent or (isinstance(end, int) and end >= END)):
        return x
    if not extent.is_Integer:
        raise UnsupportedFormula(f"a part of an axis of extent {extent} is not supported")
    first, last, _ = slice(start, end, step).indices(int(extent))
    if last <= first:
        raise ShapeError("expected a part of at least one entry, got none")
    return movements.part(a, x, axis, first, step, -(-(last - first) // step))


@operator("narrow")
def _narrow(a: Assembly, c: Arguments) -> View:
    return movements.part(a, c["self"], c["dim"], c["start"], 1, c["length"])


@operator("split", "split_with_sizes")
def _split(a: Assembly, c: Arguments) -> list[View]:
    x, dim = c["self"], c["dim"]
    wanted = c.get("split_sizes", c.get("split_size"))
    if isinstance(wanted, int):
        extent = movements.extent_of(x, dim)
        wanted = [min(wanted, extent - start) for start in range(0, extent, wanted)]
    return movements.pieces(a, x, dim, wanted)


@operator("chunk")
def _chunk(a: Assembly, c: Arguments) -> list[View]:
    extent = movements.extent_of(c["self"], c["dim"])
    return _split(a, Arguments({**c, "split_size": -(-extent // c["chunks"])}))


@operator("unbind")
def _unbind(a: Assembly, c: Arguments) -> list[View]:
    x: View = c["self"]
    return [movements.chosen(a, x, c["dim"], k) for k in range(movements.extent_of(x, c["dim"]))]


@operator("cat", "concat", "concatenate")
def _cat(a: Assembly, c: Arguments) -> View:
    return movements.joined(a, c["tensors"], c["dim"])


@operator("stack")
def _stack(a: Assembly, c: Arguments) -> View:
    return movements.stacked(a, c["tensors"], c["dim"])


@operator("flip")
def _flip(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    for dim in c["dims"]:
        extent = movements.extent_of(x, dim)
        x = movements.part(a, x, dim, extent - 1, -1, extent)
    return x


@operator("roll")
def _roll(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    if not c["dims"]:
        raise UnsupportedFormula("roll without dims is not supported")
    for shift, dim in zip(c["shifts"], c["dims"], strict=True):
        extent = movements.extent_of(x, dim)
        if cut := shift % extent:
            x = movements.joined(a, movements.pieces(a, x, dim, [extent - cut, cut])[::-1], dim)
    return x


@operator("index")
def _index(a: Assembly, c: Arguments) -> View:
    given = [(k, index) for k, index in enumerate(c["indices"]) if index is not None]
    if len(given) != 1:
        raise UnsupportedFormula("indexing by several tensors is not supported")
    dim, index = given[0]
    return movements.picked(a, c["self"], dim, _places(index))


@operator("index_select")
def _index_select(a: Assembly, c: Arguments) -> View:
    return movements.picked(a, c["self"], c["dim"], _places(c["index"]))


def _places(index: View) -> np.ndarray:
    """Constant positions; truth values mark theirs."""
    array = operations.array_of(index)
    return np.flatnonzero(array) if operations.is_truth(index) else array.astype(int)


@operator("constant_pad_nd", "pad")
def _pad(a: Assembly, c: Arguments) -> View:
    mode, numbers = c.get("mode", "constant"), [int(n) for n in c["pad"]]
    pads = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    if mode == "constant":
        return layers.padded(a, c["self"], pads, float(c["value"] or 0))
    return layers.continued(
        a, c["self"], pads, {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    )


def _padding(mode: str) -> Operator:
    def read(a: Assembly, c: Arguments) -> View:
        return _pad(a, Arguments({"self": c["self"], "pad": c["padding"], "mode": mode}))

    return read


OPERATORS |= {
    f"{word}_pad{dims}d": _padding(mode)
    for word, mode in (("reflection", "reflect"), ("replication", "replicate"))
    for dims in (1, 2, 3)
}


# --- pixels -----------------------------------------------------------------------------------------------------------


@operator("pixel_shuffle")
def _pixel_shuffle(a: Assembly, c: Arguments) -> View:
    return layers.pixel_shuffle(a, c["self"], int(c["upscale_factor"]))


@operator("pixel_unshuffle")
def _pixel_unshuffle(a: Assembly, c: Arguments) -> View:
    return layers.pixel_unshuffle(a, c["self"], int(c["downscale_factor"]))


@operator("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(a: Assembly, c: Arguments) -> View:
    return layers.split_channels(a, c["self"], int(c["groups"]))


@operator("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
def _nearest(a: Assembly, c: Arguments) -> View:
    x = _first(c)
    output = _output(c, x)
    return layers.nearest(a, x, output, _scales(c, len(output)))


@operator("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")
def _interpolated(a: Assembly, c: Arguments) -> View:
    x = _first(c)
    output = _output(c, x)
    for k, (extent, scale) in enumerate(zip(output, _scales(c, len(output)), strict=True)):
        matrix = movements.interpolation(
            movements.extent_of(x, k + 2), extent, bool(c["align_corners"]), scale
        )
        x = movements.mapped(a, "interpolation", x, k + 2, matrix)
    return x


def _scales(c: Arguments, dims: int) -> list[float | None]:
    """The factor of each axis, None where only sizes are given."""
    if c.get("scale_factors"):
        return list(c["scale_factors"])
    return [c.get("scales")] if dims == 1 else [c.get(f"scales_{axis}") for axis in "dhw"[3 - dims :]]


def _first(c: Arguments) -> View:
    return c["input"] if "input" in c else c["self"]


def _output(c: Arguments, x: View) -> list[int]:
    """The extents of what is resampled."""
    if c["output_size"] is not None:
        return [int(n) for n in c["output_size"]]
    return [math.floor(int(h) * s) for h, s in zip(x.shape[2:], c["scale_factors"], strict=True)]


# --- constants of the batch's size ------------------------------------------------------------------------------------


def _filled(number: float | None) -> Operator:
    def read(a: Assembly, c: Arguments) -> View:
        c.get("self"), c.get("dtype")  # whose type the numbers have: here all are floats
        shape = c["size"] if "size" in c else c["self"].shape
        value = c["fill_value"] if number is None else number
        return expanded(constant(np.full((1,) * len(shape), float(value))), shape)

    return read


OPERATORS |= {
    "full": _filled(None),
    "zeros": _filled(0.0),
    "ones": _filled(1.0),
    "full_like": _filled(None),
    "zeros_like": _filled(0.0),
    "ones_like": _filled(1.0),
    "new_zeros": _filled(0.0),
    "new_ones": _filled(1.0),
    "new_full": _filled(None),
}
