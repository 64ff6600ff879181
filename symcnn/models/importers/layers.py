"""Layers with windows and norms, which PyTorch and ONNX state by the same numbers: convolutions, pools, normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.movements import extent_of, picked, reshape
from symcnn.models.importers.operations import exact, given
from symcnn.models.importers.views import View, permuted
from symcnn.nets import spec as specs
from symcnn.nets.catalogue import standard
from symcnn.nets.catalogue.axes import axes, spatial, window_sizes
from symcnn.nets.kind import LayerKind

Pads = Sequence[tuple[int, int]]


def convolution(
    a: Assembly,
    x: View,
    weight: View,
    bias: View | None,
    stride: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    groups: int = 1,
) -> View:
    """A cross-correlation; ``pads`` are the zeros before and behind each axis. Raises ShapeError."""
    dims = len(stride)
    extent = [int(e) for e in weight.shape[2:]]
    _ranks("convolution", x, dims)
    channels, outputs = int(x.shape[1]), int(weight.shape[0])
    if groups < 1 or channels % groups or outputs % groups:
        raise ShapeError(
            f"convolution: expected channels divisible by {groups} groups, got {channels} and {outputs}"
        )
    depthwise = groups > 1 and groups == channels == outputs
    name = f"depthwise_conv{dims}d" if depthwise else f"conv{dims}d"
    kind = standard(name, bias=bias is not None, **({} if depthwise else {"groups": groups}))
    sizes: dict[str, Any] = dict(
        window_sizes(dims, kernel_size=extent, stride=stride, padding=[b for b, _ in pads], dilation=dilation)
    )
    if groups > 1 and not depthwise:
        sizes |= {"G": groups, "C": channels // groups, "K": outputs // groups}
    if any(before != behind for before, behind in pads):
        room = [
            int(h) + b + e - d * (r - 1) - 1
            for h, (b, e), d, r in zip(x.shape[2:], pads, dilation, extent, strict=True)
        ]
        output = [r // u + 1 for r, u in zip(room, stride, strict=True)]
        kind, sizes = _sized(kind, "z", output), sizes | dict(window_sizes(dims, output_size=output))
    return a.kind(kind, given(x=x, W=weight, b=bias), "conv", sizes)


def transposed_convolution(
    a: Assembly,
    x: View,
    weight: View,
    bias: View | None,
    stride: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
) -> View:
    """A transposed convolution; ``output_padding`` may be negative where fewer zeros stand behind. Raises ShapeError."""
    dims = len(stride)
    _ranks("transposed convolution", x, dims)
    sizes: dict[str, Any] = dict(
        window_sizes(
            dims,
            kernel_size=[int(e) for e in weight.shape[2:]],
            stride=stride,
            padding=padding,
            dilation=dilation,
            output_padding=output_padding,
        )
    )
    if groups > 1:
        sizes |= {"G": groups, "C": int(x.shape[1]) // groups, "K": int(weight.shape[1])}
    kind = standard(f"conv_transpose{dims}d", bias=bias is not None, groups=groups)
    return a.kind(kind, given(x=x, W=weight, b=bias), "conv_transpose", sizes)


def max_pool(
    a: Assembly,
    x: View,
    extent: Sequence[int],
    stride: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    ceil: bool = False,
) -> View:
    """The maximum of each window; nothing stands outside."""
    dims = len(extent)
    _ranks("max pooling", x, dims)
    if all(before == behind for before, behind in pads):
        made = getattr(specs, f"max_pool{dims}d")(
            tuple(extent), tuple(stride), tuple(b for b, _ in pads), tuple(dilation), ceil
        )
        return a.layer(made, {"x": x}, "max_pool")
    dilated = max(dilation)
    kind = standard(f"max_pool{dims}d", ceil_mode=True, dilation=dilated)
    sizes: dict[str, Any] = dict(
        window_sizes(dims, kernel_size=extent, stride=stride, padding=[b for b, _ in pads])
    )
    if dilated != 1:
        sizes |= dict(window_sizes(dims, dilation=dilation))
    reach = [d * (r - 1) + 1 for d, r in zip(dilation, extent, strict=True)]
    return a.kind(kind, {"x": x}, "max_pool", sizes | _outputs(x, reach, stride, pads, ceil))


def avg_pool(
    a: Assembly,
    x: View,
    extent: Sequence[int],
    stride: Sequence[int],
    pads: Pads,
    ceil: bool = False,
    count_padding: bool = True,
    divisor: int | None = None,
) -> View:
    """The mean of each window, of its entries inside x alone where padding does not count."""
    dims = len(extent)
    _ranks("average pooling", x, dims)
    even = all(before == behind for before, behind in pads)
    if divisor is None and even:
        made = getattr(specs, f"avg_pool{dims}d")(
            tuple(extent), tuple(stride), tuple(b for b, _ in pads), ceil, count_padding
        )
        return a.layer(made, {"x": x}, "avg_pool")
    if not even and count_padding and ceil:
        raise UnsupportedFormula(
            "average pooling with uneven padding that counts, in ceil mode, is not supported"
        )
    sizes: dict[str, Any] = dict(
        window_sizes(dims, kernel_size=extent, stride=stride, padding=[b for b, _ in pads])
    )
    kind = standard(f"avg_pool{dims}d", count_include_pad=count_padding, divisor_override=divisor)
    if divisor is not None:
        sizes["D"] = divisor
    if ceil or not even:
        kind, sizes = _sized(kind, "y", [0] * dims), sizes | _outputs(x, extent, stride, pads, ceil)
    return a.kind(kind, {"x": x}, "avg_pool", sizes)


def adaptive_avg_pool(a: Assembly, x: View, output: Sequence[int]) -> View:
    """The mean of as many bins as are wanted."""
    dims = len(output)
    _ranks("adaptive average pooling", x, dims)
    return a.layer(getattr(specs, f"adaptive_avg_pool{dims}d")(tuple(output)), {"x": x}, "avg_pool")


def _outputs(x: View, reach: Sequence[int], stride: Sequence[int], pads: Pads, ceil: bool) -> dict[str, Any]:
    """The extents of a pool's output; in ceil mode a last window has to begin inside x or the zeros before it."""
    found = []
    for h, r, u, (before, behind) in zip(x.shape[2:], reach, stride, pads, strict=True):
        room = int(h) + before + behind - r
        count = (-(-room // u) if ceil else room // u) + 1
        found.append(count - 1 if ceil and (count - 1) * u >= int(h) + before else count)
    return dict(window_sizes(len(found), output_size=found))


def _sized(kind: LayerKind, output: str, extents: Sequence[int]) -> LayerKind:
    """The kind with output extents P, Q, … that are given."""
    names = [axis.output for axis in spatial(len(extents))]
    shapes = dict(kind.shapes)
    shapes[output] = ",".join([*shapes[output].split(",")[:2], *names])
    return replace(kind, shapes=tuple(shapes.items()))


def _ranks(what: str, x: View, dims: int) -> None:
    if x.rank != dims + 2:
        raise ShapeError(f"{what}: expected {dims + 2} axes (with the batch), got {x.rank}")


# --- normalisation ---------------------------------------------------------------------------------------------------


def batch_norm(
    a: Assembly,
    x: View,
    weight: View | None,
    bias: View | None,
    mean: View | None,
    variance: View | None,
    eps: float,
    momentum: float = 0.1,
) -> View:
    """Statistics of the batch in training, running ones in evaluation; without running ones, of the batch in both."""
    if (weight is None) != (bias is None):
        raise UnsupportedFormula("batch norm with only one of scale and shift is not supported")
    running = mean is not None and variance is not None
    channels = int(x.shape[1])
    made = specs.batch_norm2d(
        channels, exact(eps), exact(momentum), affine=weight is not None, track_running_stats=running
    )
    names = {2: ("K", channels)}
    made = replace(
        made,
        arguments=(("rank", x.rank), ("affine", weight is not None)),
        expects=(names.get(x.rank, ("C", channels)),),
    )
    return a.layer(made, given(x=x, g=weight, b=bias, m=mean, v=variance), "batch_norm")


def layer_norm(a: Assembly, x: View, dims: int, weight: View | None, bias: View | None, eps: float) -> View:
    """Mean and variance over the last ``dims`` axes."""
    if weight is None and bias is not None:
        raise UnsupportedFormula("layer norm with a shift but no scale is not supported")
    kind = standard(
        "layer_norm",
        rank=x.rank,
        normalized_dims=dims,
        elementwise_affine=weight is not None,
        bias=bias is not None,
    )
    return a.kind(kind, given(x=x, g=weight, b=bias), "layer_norm", {"eps": exact(eps)})


def rms_norm(a: Assembly, x: View, dims: int, weight: View | None, eps: float) -> View:
    """The root mean square over the last ``dims`` axes."""
    kind = standard("rms_norm", rank=x.rank, normalized_dims=dims, elementwise_affine=weight is not None)
    return a.kind(kind, given(x=x, g=weight), "rms_norm", {"eps": exact(eps)})


def group_norm(a: Assembly, x: View, groups: int, weight: View | None, bias: View | None, eps: float) -> View:
    """Mean and variance over each group of channels."""
    channels = int(x.shape[1])
    if groups < 1 or channels % groups:
        raise ShapeError(f"group norm: expected channels divisible by {groups}, got {channels}")
    if (weight is None) != (bias is None):
        raise UnsupportedFormula("group norm with only one of scale and shift is not supported")
    kind = standard("group_norm", rank=x.rank, affine=weight is not None)
    sizes = {"G": groups, "K": channels // groups, "eps": exact(eps)}
    return a.kind(kind, given(x=x, w=weight, b=bias), "group_norm", sizes)


def instance_norm(a: Assembly, x: View, weight: View | None, bias: View | None, eps: float) -> View:
    """Mean and variance over space, for each image and channel."""
    kind = standard("instance_norm", rank=x.rank, affine=weight is not None)
    return a.kind(kind, given(x=x, g=weight, b=bias), "instance_norm", {"eps": exact(eps)})


# --- attention, lookups, moved pixels --------------------------------------------------------------------------------


def attention(
    a: Assembly,
    q: View,
    k: View,
    v: View,
    mask: View | None,
    causal: bool,
    scale: float | None,
) -> View:
    """Scaled dot-product attention; a ``mask`` is added to the scores."""
    if q.rank > 4:
        raise UnsupportedFormula(f"attention of {q.rank} axes is not supported; 2 to 4 are")
    if causal and q.shape[-2] != k.shape[-2]:
        raise UnsupportedFormula("causal attention of as many queries as keys is supported, got others")
    form = "none" if mask is None else "added" if len(mask.shape) == 2 else "added each"
    if mask is not None and len(mask.shape) not in (2, q.rank):
        raise UnsupportedFormula(f"an attention mask of {len(mask.shape)} axes is not supported")
    kind = standard(
        "scaled_dot_product_attention",
        rank=q.rank,
        attn_mask=form,
        is_causal=causal,
        scale=scale is not None,
    )
    sizes = {} if scale is None else {"scale": exact(scale)}
    return a.kind(replace(kind, labels=()), given(q=q, k=k, v=v, m=mask), "attention", sizes)


def embedding(a: Assembly, weight: View, labels: View) -> View:
    """Rows of a table: y[…,d] = W[x[…],d], the row being found by comparison."""
    entry = axes(labels.rank)
    at = ",".join((*entry.indices, "d"))
    sources = {"x": a.source(labels), "W": a.source(weight)}
    text = f"y[{at}] = sum[m](where({entry.at('x')} == m, W[m,d], 0))"
    return a.formula("embedding", text, {"x": entry.shape, "W": "M,D"}, sources, "embedding")


def pixel_shuffle(a: Assembly, x: View, factor: int) -> View:
    """Channels become pixels."""
    return a.kind(standard("pixel_shuffle", rank=x.rank), {"x": x}, "pixel_shuffle", {"R": factor})


def pixel_unshuffle(a: Assembly, x: View, factor: int) -> View:
    """Pixels become channels."""
    return a.kind(standard("pixel_unshuffle", rank=x.rank), {"x": x}, "pixel_unshuffle", {"R": factor})


def nearest(a: Assembly, x: View, output: Sequence[int], scales: Sequence[float | None]) -> View:
    """Nearest sampling: the entry at ⌊i/scale⌋, or ⌊i·H/P⌋ where only sizes are given, in 32 bits as in PyTorch."""
    dims = len(output)
    _ranks("nearest sampling", x, dims)
    factors = [sp.Integer(p) / h for p, h in zip(output, x.shape[2:], strict=True)]
    if all(f.is_Integer and s in (None, f) for f, s in zip(factors, scales, strict=True)):
        sizes: dict[str, Any] = dict(window_sizes(dims, kernel_size=[int(f) for f in factors]))
        return a.kind(standard(f"upsample_nearest{dims}d"), {"x": x}, "upsample", sizes)
    for k, (extent, scale) in enumerate(zip(output, scales, strict=True), start=2):
        height = int(x.shape[k])
        step = np.float32(1 / scale if scale else height / extent)
        places = np.floor(np.arange(extent, dtype=np.float32) * step).astype(int)
        x = picked(a, x, k, np.minimum(places, height - 1))
    return x


def padded(a: Assembly, x: View, pads: Pads, value: float) -> View:
    """Entries of one value around the last axes; negative numbers crop."""
    found = axes(x.rank)
    cut = x.rank - len(pads)
    positions = [i if k < cut else f"{i}-({pads[k - cut][0]})" for k, i in enumerate(found.indices)]
    shape = [s if k < cut else str(int(x.shape[k]) + sum(pads[k - cut])) for k, s in enumerate(found.sizes)]
    own = [s if k < cut else str(x.shape[k]) for k, s in enumerate(found.sizes)]
    number = "-oo" if value == float("-inf") else str(exact(value))
    text = f"{found.at('y')} = x[{','.join(positions)} | {number}]"
    shapes = {"x": ",".join(own), "y": ",".join(shape)}
    return a.formula("padding", text, shapes, {"x": a.source(x)}, "pad")


def split_channels(a: Assembly, x: View, groups: int) -> View:
    """Channels of several groups, one of each group in turn."""
    shape = [x.shape[0], groups, x.shape[1] / groups, *x.shape[2:]]
    grouped = reshape(a, x, shape)
    order = [0, 2, 1, *range(3, len(shape))]
    return reshape(a, permuted(grouped, order), x.shape)


def continued(a: Assembly, x: View, pads: Sequence[tuple[int, int]], mode: Any) -> View:
    """Entries of x itself around it."""
    for k, (before, behind) in enumerate(pads):
        if before or behind:
            dim = x.rank - len(pads) + k
            kept = np.arange(extent_of(x, dim))[max(-before, 0) :]
            kept = kept[: len(kept) - max(-behind, 0)]
            x = picked(a, x, dim, np.pad(kept, (max(before, 0), max(behind, 0)), mode=mode))
    return x
