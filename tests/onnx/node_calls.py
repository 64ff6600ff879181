"""How each node of ONNX is called here: its attributes and inputs as a layer of the catalogue, arrays and numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symcnn.nets.catalogue import standard
from symcnn.nets.catalogue.axes import window_sizes
from symcnn.nets.kind import LayerKind

Arrays = dict[str, np.ndarray]


class NotUsableError(Exception):
    """A case that no layer of the catalogue stands for, with the reason."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: inputs (None where left out), attributes, and the result that ONNX expects."""

    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    result: np.ndarray

    def input(self, place: int) -> Any:
        """An input, or None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None


@dataclass(frozen=True, slots=True)
class Call:
    """A layer, its arrays and numbers, and what makes its output ONNX's."""

    kind: LayerKind
    arrays: Arrays
    scalars: dict[str, object] = field(default_factory=dict)
    after: Callable[[np.ndarray], np.ndarray] = lambda y: y


def given(**arrays: np.ndarray | None) -> Arrays:
    """The arrays that are there."""
    return {name: array for name, array in arrays.items() if array is not None}


def _pads(node: Node, dims: int, extent: tuple[int, ...], stride: tuple[int, ...]) -> list[tuple[int, int]]:
    """Zeros before and behind each axis, from numbers or from the automatic rules."""
    mode = node.attributes.get("auto_pad", b"NOTSET").decode()
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        sizes = node.inputs[0].shape[2:]
        total = [max((-(-n // u) - 1) * u + r - n, 0) for n, u, r in zip(sizes, stride, extent, strict=True)]
        small = [(t // 2, t - t // 2) for t in total]
        return small if mode == "SAME_UPPER" else [(b, a) for a, b in small]
    pads = node.attributes.get("pads", [0] * 2 * dims)
    return list(zip(pads[:dims], pads[dims:], strict=True))


def _steps(node: Node, dims: int, name: str) -> tuple[int, ...]:
    return tuple(node.attributes.get(name, [1] * dims))


def conv(node: Node) -> Call:
    x, weight, bias = node.inputs[0], node.inputs[1], node.input(2)
    dims, groups = x.ndim - 2, node.attributes.get("group", 1)
    stride, dilation = _steps(node, dims, "strides"), _steps(node, dims, "dilations")
    reach = tuple(e * (r - 1) + 1 for e, r in zip(dilation, weight.shape[2:], strict=True))
    pads = _pads(node, dims, reach, stride)
    if any(before != behind for before, behind in pads):
        raise NotUsableError("more zeros on one side than on the other")
    sizes = window_sizes(dims, stride=stride, dilation=dilation, padding=[before for before, _ in pads])
    channels = {"G": groups, "C": x.shape[1] // groups, "K": weight.shape[0] // groups}
    kind = standard(f"conv{dims}d", bias=bias is not None, groups=groups)
    return Call(kind, given(x=x, W=weight, b=bias), {**dict(sizes), **channels})


def conv_transpose(node: Node) -> Call:
    x, weight, bias = node.inputs[0], node.inputs[1], node.input(2)
    dims, groups = x.ndim - 2, node.attributes.get("group", 1)
    stride, dilation = _steps(node, dims, "strides"), _steps(node, dims, "dilations")
    extra = list(node.attributes.get("output_padding", [0] * dims))
    extent = weight.shape[2:]
    full = [
        u * (n - 1) + e * (r - 1) + 1
        for u, n, e, r in zip(stride, x.shape[2:], dilation, extent, strict=True)
    ]
    mode = node.attributes.get("auto_pad", b"NOTSET").decode()
    wanted = node.attributes.get("output_shape")
    if mode.startswith("SAME") or wanted is not None:
        output = wanted or [n * u for n, u in zip(x.shape[2:], stride, strict=True)]
        total = [f + a - o for f, a, o in zip(full, extra, output, strict=True)]
        pads = [(t // 2, t - t // 2) if mode == "SAME_UPPER" else (t - t // 2, t // 2) for t in total]
    else:
        pads = _pads(node, dims, extent, stride)
    # A missing zero behind is one more row of output: output_padding says it.
    extra = [a + before - behind for a, (before, behind) in zip(extra, pads, strict=True)]
    sizes = window_sizes(
        dims,
        stride=stride,
        dilation=dilation,
        padding=[before for before, _ in pads],
        output_padding=extra,
    )
    channels = {"G": groups, "C": x.shape[1] // groups, "K": weight.shape[1]}
    kind = standard(f"conv_transpose{dims}d", bias=bias is not None, groups=groups)
    return Call(kind, given(x=x, W=weight, b=bias), {**dict(sizes), **channels})


def max_pool(node: Node) -> Call:
    x = node.inputs[0]
    if x.dtype.kind != "f":
        raise NotUsableError("integers")
    dims = x.ndim - 2
    extent = tuple(node.attributes["kernel_shape"])
    stride, dilation = _steps(node, dims, "strides"), _steps(node, dims, "dilations")
    pads = _pads(node, dims, extent, stride)
    sizes = window_sizes(
        dims,
        kernel_size=extent,
        stride=stride,
        dilation=dilation,
        padding=[before for before, _ in pads],
        output_size=node.result.shape[2:],
    )
    kind = standard(f"max_pool{dims}d", dilation=max(dilation), ceil_mode=True)
    return Call(kind, {"x": x}, dict(sizes))


def average_pool(node: Node) -> Call:
    x = node.inputs[0]
    dims = x.ndim - 2
    extent = tuple(node.attributes["kernel_shape"])
    stride, dilation = _steps(node, dims, "strides"), _steps(node, dims, "dilations")
    if set(dilation) != {1}:
        raise NotUsableError("dilation of an average, which PyTorch does not have")
    pads = _pads(node, dims, extent, stride)
    include = bool(node.attributes.get("count_include_pad", 0))
    if include and any(before != behind for before, behind in pads):
        raise NotUsableError("more zeros on one side than on the other")
    sizes = window_sizes(
        dims,
        kernel_size=extent,
        stride=stride,
        padding=[before for before, _ in pads],
        output_size=node.result.shape[2:],
    )
    kind = standard(f"avg_pool{dims}d", ceil_mode=True, count_include_pad=include)
    return Call(kind, {"x": x}, dict(sizes))


def global_average(node: Node) -> Call:
    x = node.inputs[0]
    return Call(standard(f"global_avg_pool{x.ndim - 2}d", keepdim=True), {"x": x})


def gemm(node: Node) -> Call:
    a, b, c = node.inputs[0], node.inputs[1], node.input(2)
    attributes = node.attributes
    if attributes.get("alpha", 1.0) != 1 or attributes.get("beta", 1.0) != 1:
        raise NotUsableError("factors alpha and beta")
    x = a.T if attributes.get("transA") else a
    weight = b if attributes.get("transB") else b.T
    if c is not None and c.ndim == 2 and c.shape[0] > 1:
        raise NotUsableError("a matrix as bias")
    bias = None if c is None else np.broadcast_to(c, (1, weight.shape[0])).reshape(-1)
    return Call(standard("linear", bias=bias is not None), given(x=x, W=weight, b=bias))


def matmul(node: Node) -> Call:
    x1, x2 = node.inputs
    if x1.dtype.kind != "f":
        raise NotUsableError("integers")
    if x1.ndim > 2 and x2.ndim > 2:
        front = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
        x1, x2 = (np.broadcast_to(x, (*front, *x.shape[-2:])) for x in (x1, x2))
    return Call(standard("matmul", rank=x1.ndim, other_rank=x2.ndim), {"x1": x1, "x2": x2})


def batch_norm(node: Node) -> Call:
    x, scale, bias, mean, variance = node.inputs
    training = bool(node.attributes.get("training_mode", 0))
    moments = {} if training else {"m": mean, "v": variance}
    kind = standard("batch_norm", rank=x.ndim, training=training)
    return Call(kind, {"x": x, "g": scale, "b": bias, **moments}, _eps(node))


def _eps(node: Node) -> dict[str, object]:
    return {"eps": node.attributes.get("epsilon", 1e-5)}


def instance_norm(node: Node) -> Call:
    x, scale, bias = node.inputs
    return Call(
        standard("instance_norm", rank=x.ndim, affine=True), {"x": x, "g": scale, "b": bias}, _eps(node)
    )


def layer_norm(node: Node) -> Call:
    x, scale, bias = node.inputs[0], node.inputs[1], node.input(2)
    dims = x.ndim - node.attributes.get("axis", -1) % x.ndim
    kind = standard("layer_norm", rank=x.ndim, normalized_dims=dims, bias=bias is not None)
    return Call(kind, given(x=x, g=scale, b=bias), _eps(node))


def rms_norm(node: Node) -> Call:
    x, scale = node.inputs
    dims = x.ndim - node.attributes.get("axis", -1) % x.ndim
    return Call(standard("rms_norm", rank=x.ndim, normalized_dims=dims), {"x": x, "g": scale}, _eps(node))


def group_norm(node: Node) -> Call:
    x, scale, bias = node.inputs
    groups = node.attributes["num_groups"]
    scalars = {**_eps(node), "G": groups, "K": x.shape[1] // groups}
    return Call(standard("group_norm", rank=x.ndim), {"x": x, "w": scale, "b": bias}, scalars)


def lrn(node: Node) -> Call:
    x, a = node.inputs[0], node.attributes
    if a["size"] % 2 == 0:
        raise NotUsableError("an even number of neighbours, centred otherwise in ONNX")
    scalars = {
        "D": a["size"],
        "alpha": a.get("alpha", 1e-4),
        "beta": a.get("beta", 0.75),
        "k": a.get("bias", 1.0),
    }
    return Call(standard("local_response_norm", rank=x.ndim), {"x": x}, scalars)


def elementwise(name: str, **attributes: tuple[str, object]) -> Callable[[Node], Call]:
    """A function of each entry; ``attributes`` gives ONNX's name and default of each parameter."""

    def call(node: Node) -> Call:
        x = node.inputs[0]
        scalars = {key: node.attributes.get(theirs, value) for key, (theirs, value) in attributes.items()}
        return Call(standard(name, rank=x.ndim), {"x": x}, scalars)

    return call


def gelu(node: Node) -> Call:
    x = node.inputs[0]
    form = node.attributes.get("approximate", b"none").decode()
    return Call(standard("gelu", rank=x.ndim, approximate=form), {"x": x})


def prelu(node: Node) -> Call:
    x, slope = node.inputs
    if slope.size not in (1, x.shape[1] if x.ndim > 1 else 1):
        raise NotUsableError("a slope for each entry")
    return Call(standard("prelu", rank=x.ndim, shared=slope.size == 1), {"x": x, "w": slope.reshape(-1)})


def hard_sigmoid(node: Node) -> Call:
    raise NotUsableError("another slope than PyTorch's 1/6")


def clip(node: Node) -> Call:
    x, low, high = node.inputs[0], node.input(1), node.input(2)
    if x.dtype.kind != "f" or low is None or high is None:
        raise NotUsableError("integers, or one bound only")
    return Call(standard("hardtanh", rank=x.ndim), {"x": x}, {"min_val": float(low), "max_val": float(high)})


def shrink(node: Node) -> Call:
    x, bias, bound = node.inputs[0], node.attributes.get("bias", 0.0), node.attributes["lambd"]
    if bias not in (0.0, bound):
        raise NotUsableError("a bias other than the bound")
    return Call(standard("softshrink" if bias else "hardshrink", rank=x.ndim), {"x": x}, {"lambd": bound})


def thresholded(node: Node) -> Call:
    x = node.inputs[0]
    bound = node.attributes.get("alpha", 1.0)
    return Call(standard("threshold", rank=x.ndim), {"x": x}, {"threshold": bound, "value": 0.0})


def over(name: str) -> Callable[[Node], Call]:
    """A softmax over one axis."""

    def call(node: Node) -> Call:
        x = node.inputs[0]
        return Call(standard(name, rank=x.ndim, dim=node.attributes.get("axis", -1)), {"x": x})

    return call


def class_loss(name: str) -> Callable[[Node], Call]:
    """Cross-entropy or negative log-likelihood."""

    def call(node: Node) -> Call:
        x, y, weight = node.inputs[0], node.inputs[1], node.input(2)
        ignored = node.attributes.get("ignore_index")
        reduction = node.attributes.get("reduction", b"mean").decode()
        form = {"reduction": reduction, "weight": weight is not None, "ignore_index": ignored is not None}
        kind = standard(name, rank=x.ndim, **form)
        return Call(kind, given(x=x, y=y, w=weight), {"ignore_index": ignored})

    return call


def dropout(node: Node) -> Call:
    x, ratio, training = node.inputs[0], node.input(1), node.input(2)
    share = 0.5 if ratio is None else float(ratio)
    share = node.attributes.get("ratio", share)
    if training is None or not bool(training):
        share = 0.0
    mask = (node.result != 0).astype(float) if share else np.ones(x.shape)
    return Call(standard("dropout", rank=x.ndim), {"x": x, "m": mask}, {"p": share})


def binary(name: str) -> Callable[[Node], Call]:
    """A sum or product with broadcasting."""

    def call(node: Node) -> Call:
        x1, x2 = node.inputs
        if x1.dtype.kind != "f":
            raise NotUsableError("integers")
        ones = tuple(tuple(k for k, n in enumerate(x.shape) if n == 1) for x in (x1, x2))
        return Call(standard(name, rank=x1.ndim, other_rank=x2.ndim, ones=ones), {"x1": x1, "x2": x2})

    return call


def concat(node: Node) -> Call:
    arrays = {f"x{k}": x for k, x in enumerate(node.inputs, start=1)}
    kind = standard("concat", rank=node.inputs[0].ndim, dim=node.attributes["axis"], count=len(arrays))
    return Call(kind, arrays)


def flatten(node: Node) -> Call:
    """Two axes, before and behind: as two flattenings."""
    x, axis = node.inputs[0], node.attributes.get("axis", 1)
    axis = axis % x.ndim if axis < 0 else axis
    if axis == 0 or x.ndim < 2:
        raise NotUsableError("an axis of extent 1 is added")
    kind = standard("flatten", rank=x.ndim, start_dim=axis)
    front = int(np.prod(x.shape[:axis]))
    return Call(kind, {"x": x}, after=lambda y: y.reshape(front, -1))


def reshape(node: Node) -> Call:
    x = node.inputs[0]
    if 0 in x.shape or not node.result.ndim:
        raise NotUsableError("empty tensor")
    return Call(standard("reshape", input_shape=x.shape, shape=node.result.shape), {"x": x})


def transpose(node: Node) -> Call:
    x = node.inputs[0]
    order = node.attributes.get("perm", range(x.ndim)[::-1])
    return Call(standard("permute", dims=tuple(order)), {"x": x})


def pad(node: Node) -> Call:
    x, pads, value, axes = node.inputs[0], node.inputs[1], node.input(2), node.input(3)
    if x.dtype.kind != "f" or node.attributes.get("mode", b"constant") != b"constant":
        raise NotUsableError("another mode than constant, or integers")
    places = [int(a) % x.ndim for a in axes] if axes is not None else list(range(x.ndim))
    scalars: dict[str, object] = {f"{letter}{k}": 0 for letter in "pq" for k in range(x.ndim)}
    for place, before, behind in zip(places, pads[: len(places)], pads[len(places) :], strict=True):
        scalars |= {f"p{place}": int(before), f"q{place}": int(behind)}
    scalars["value"] = 0.0 if value is None else float(value)
    return Call(standard("pad", rank=x.ndim, dims=x.ndim), {"x": x}, scalars)


def depth_to_space(node: Node) -> Call:
    if node.attributes.get("mode", b"DCR") != b"CRD":
        raise NotUsableError("another order of channels than PyTorch's")
    return Call(standard("pixel_shuffle"), {"x": node.inputs[0]}, {"R": node.attributes["blocksize"]})


CALLS: dict[str, Callable[[Node], Call]] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "InstanceNormalization": instance_norm,
    "LayerNormalization": layer_norm,
    "RMSNormalization": rms_norm,
    "GroupNormalization": group_norm,
    "LRN": lrn,
    "Relu": elementwise("relu"),
    "LeakyRelu": elementwise("leaky_relu", negative_slope=("alpha", 0.01)),
    "PRelu": prelu,
    "Elu": elementwise("elu", alpha=("alpha", 1.0)),
    "Selu": elementwise(
        "selu", scale=("gamma", 1.05070102214813232421875), alpha=("alpha", 1.67326319217681884765625)
    ),
    "Celu": elementwise("celu", alpha=("alpha", 1.0)),
    "Gelu": gelu,
    "Swish": elementwise("silu"),
    "Mish": elementwise("mish"),
    "Sigmoid": elementwise("sigmoid"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": elementwise("hardswish"),
    "Softplus": elementwise("softplus"),
    "Softsign": elementwise("softsign"),
    "Tanh": elementwise("tanh"),
    "ThresholdedRelu": thresholded,
    "Shrink": shrink,
    "Clip": clip,
    "Softmax": over("softmax"),
    "LogSoftmax": over("log_softmax"),
    "SoftmaxCrossEntropyLoss": class_loss("cross_entropy"),
    "NegativeLogLikelihoodLoss": class_loss("nll_loss"),
    "Dropout": dropout,
    "Add": binary("add"),
    "Mul": binary("multiply"),
    "Concat": concat,
    "Flatten": flatten,
    "Reshape": reshape,
    "Transpose": transpose,
    "Pad": pad,
    "DepthToSpace": depth_to_space,
}
