"""PyTorch's layers: convolutions, products, attention, pools and norms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers import layers, movements, operations
from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.operations import entrywise
from symcnn.models.importers.torch_table import operator
from symcnn.models.importers.views import (
    View,
    Weight,
    constant,
)
from symcnn.nets.catalogue import standard


def _each(value: Any, dims: int) -> list[int]:
    """One number for each dimension."""
    numbers = [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)]
    return numbers * dims if len(numbers) == 1 else numbers


# --- convolutions and products ----------------------------------------------------------------------------------------


@operator("conv1d", "conv2d", "conv3d", "convolution")
def _convolution(a: Assembly, c: Arguments) -> View:
    weight: View = c["weight"]
    dims = weight.rank - 2
    stride, dilation = _each(c["stride"], dims), _each(c["dilation"], dims)
    if c.get("transposed"):
        return _transposed(a, c)
    padding = c["padding"]
    if isinstance(padding, str):
        reach = [d * (int(r) - 1) for d, r in zip(dilation, weight.shape[2:], strict=True)]
        pads = [(r // 2, r - r // 2) if padding == "same" else (0, 0) for r in reach]
    else:
        pads = [(p, p) for p in _each(padding, dims)]
    return layers.convolution(a, c["input"], weight, c["bias"], stride, pads, dilation, int(c["groups"]))


@operator("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed(a: Assembly, c: Arguments) -> View:
    dims = c["weight"].rank - 2
    stride, padding = _each(c["stride"], dims), _each(c["padding"], dims)
    extra, dilation, groups = _each(c["output_padding"], dims), _each(c["dilation"], dims), int(c["groups"])
    x, weight, bias = c["input"], c["weight"], c["bias"]
    return layers.transposed_convolution(a, x, weight, bias, stride, padding, extra, dilation, groups)


@operator("linear")
def _linear(a: Assembly, c: Arguments) -> View:
    return operations.dense(a, c["input"], c["weight"], c["bias"])


@operator("bilinear")
def _bilinear(a: Assembly, c: Arguments) -> View:
    x: View = c["input1"]
    kind = standard("bilinear", rank=x.rank, bias=c["bias"] is not None)
    operands = operations.given(x1=x, x2=c["input2"], W=c["weight"], b=c["bias"])
    return a.kind(kind, operands, "bilinear")


@operator("mm", "bmm", "matmul", "mv", "dot")
def _product(a: Assembly, c: Arguments) -> View:
    left, right = c.operands()
    return operations.matrix_product(a, left, right)


@operator("addmm", "addmv", "baddbmm")
def _added_product(a: Assembly, c: Arguments) -> View:
    added, left, right = (value for value in c.operands() if isinstance(value, View))
    product = operations.matrix_product(a, left, right)
    beta, alpha = c["beta"], c["alpha"]
    if (beta, alpha) == (1, 1):
        return entrywise(a, "sum", "{0} + {1}", [product, added], "add")
    return entrywise(a, "sum", "alpha*{0} + beta*{1}", [product, added], "add", alpha=alpha, beta=beta)


@operator("scaled_dot_product_attention")
def _attention(a: Assembly, c: Arguments) -> View:
    if c["dropout_p"]:
        raise UnsupportedFormula("attention with dropout is not supported")
    if c.get("enable_gqa"):
        raise UnsupportedFormula("attention with grouped queries is not supported")
    mask: View | None = c["attn_mask"]
    if mask is not None and operations.is_truth(mask):
        mask = constant(np.where(operations.array_of(mask) > 0, 0.0, -math.inf), mask.source.name)
    return layers.attention(a, c["query"], c["key"], c["value"], mask, bool(c["is_causal"]), c["scale"])


@operator("embedding")
def _embedding(a: Assembly, c: Arguments) -> View:
    weight, labels = c["weight"], c["indices"]
    if isinstance(labels, int):
        return movements.chosen(a, weight, 0, labels)
    if isinstance(labels.source, Weight):
        return movements.picked(a, weight, 0, operations.array_of(labels).astype(int))
    return layers.embedding(a, weight, labels)


# --- pools and norms --------------------------------------------------------------------------------------------------


@operator("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _max_pool(a: Assembly, c: Arguments) -> Any:
    x, dims = _pooled(c)
    extent = _each(c["kernel_size"], dims)
    stride = _each(c["stride"] or extent, dims)
    pads = [(p, p) for p in _each(c["padding"], dims)]
    dilation = _each(c["dilation"], dims)
    found = layers.max_pool(a, x, extent, stride, pads, dilation, bool(c["ceil_mode"]))
    return [found, None] if c.operator.endswith("with_indices") else found


@operator("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(a: Assembly, c: Arguments) -> View:
    x, dims = _pooled(c)
    extent = _each(c["kernel_size"], dims)
    stride = _each(c["stride"] or extent, dims)
    pads = [(p, p) for p in _each(c["padding"], dims)]
    counted, divisor = bool(c["count_include_pad"]), c.get("divisor_override")
    return layers.avg_pool(a, x, extent, stride, pads, bool(c["ceil_mode"]), counted, divisor)


@operator("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_avg_pool(a: Assembly, c: Arguments) -> View:
    return layers.adaptive_avg_pool(a, c["self"], _bins(c))


@operator("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max_pool(a: Assembly, c: Arguments) -> list[Any]:
    x, _ = _pooled(c)
    bins = _bins(c)
    sizes = [int(h) for h in x.shape[2:]]
    if any(h % p for h, p in zip(sizes, bins, strict=True)):
        raise UnsupportedFormula(f"adaptive max pooling of {sizes} into {bins} is not supported")
    window = [h // p for h, p in zip(sizes, bins, strict=True)]
    return [layers.max_pool(a, x, window, window, [(0, 0)] * len(bins), [1] * len(bins)), None]


def _pooled(c: Arguments) -> tuple[View, int]:
    """What is pooled, and over how many dimensions, as the operator's name says. Raises ShapeError."""
    x: View = c["self"]
    dims = int(c.operator.partition("pool")[2][0])
    if x.rank != dims + 2:
        raise ShapeError(f"expected {dims + 2} axes (with the batch), got {x.rank}")
    return x, dims


def _bins(c: Arguments) -> list[int]:
    x, dims = _pooled(c)
    wanted = c["output_size"] * dims if len(c["output_size"]) == 1 else c["output_size"]
    return [int(h if p is None else p) for p, h in zip(wanted, x.shape[2:], strict=True)]


@operator("batch_norm")
def _batch_norm(a: Assembly, c: Arguments) -> View:
    running = (c["running_mean"], c["running_var"])
    if running[0] is not None and c.get("training", False) != a.training:
        raise UnsupportedFormula("a batch norm in another mode than its module is not supported")
    return layers.batch_norm(a, c["input"], c["weight"], c["bias"], *running, c["eps"], c["momentum"])


@operator("_native_batch_norm_legit_functional", "_native_batch_norm_legit_no_training")
def _native_batch_norm(a: Assembly, c: Arguments) -> list[Any]:
    return [_batch_norm(a, c), None, None, c["running_mean"], c["running_var"]]


@operator("layer_norm")
def _layer_norm(a: Assembly, c: Arguments) -> View:
    return layers.layer_norm(a, c["input"], len(c["normalized_shape"]), c["weight"], c["bias"], c["eps"])


@operator("rms_norm")
def _rms_norm(a: Assembly, c: Arguments) -> View:
    eps = c["eps"] if c["eps"] is not None else float(np.finfo(np.float32).eps)
    return layers.rms_norm(a, c["input"], len(c["normalized_shape"]), c["weight"], eps)


@operator("group_norm")
def _group_norm(a: Assembly, c: Arguments) -> View:
    return layers.group_norm(a, c["input"], int(c["num_groups"]), c["weight"], c["bias"], c["eps"])


@operator("instance_norm")
def _instance_norm(a: Assembly, c: Arguments) -> View:
    x, weight, bias = c["input"], c["weight"], c["bias"]
    if c["use_input_stats"]:
        return layers.instance_norm(a, x, weight, bias, c["eps"])
    return layers.batch_norm(a, x, weight, bias, c["running_mean"], c["running_var"], c["eps"])
