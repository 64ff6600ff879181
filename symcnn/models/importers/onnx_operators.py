"""ONNX's operators as layers: a table from each operator's name to what reads its node."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers import layers, operations
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.onnx_node import Node
from symcnn.models.importers.operations import activation, entrywise, extent_of, reduced
from symcnn.models.importers.views import View, dropped, expanded, inserted, permuted, placed
from symcnn.nets import spec as specs
from symcnn.nets.catalogue import standard

Operator = Callable[[Assembly, Node], Any]
OPERATORS: dict[str, Operator] = {}


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Enters a reader under the names of its operators."""

    def entered(read: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, read))
        return read

    return entered


# --- windows ---------------------------------------------------------------------------------------------------------


def _steps(node: Node, name: str, dims: int) -> list[int]:
    return [int(n) for n in node.attribute(name, [1] * dims)]


def _pads(
    node: Node, x: View, extent: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """Zeros before and behind each axis, from numbers or by the automatic rules."""
    dims, mode = len(extent), node.attribute("auto_pad", "NOTSET")
    pads = [int(n) for n in node.attribute("pads", [0] * 2 * dims)]
    if not mode.startswith("SAME"):
        return list(zip(pads[:dims], pads[dims:], strict=True)) if mode != "VALID" else [(0, 0)] * dims
    found = []
    for h, r, u, d in zip(x.shape[2:], extent, stride, dilation, strict=True):
        total = max((-(-int(h) // u) - 1) * u + d * (r - 1) + 1 - int(h), 0)
        found.append((total // 2, total - total // 2))
    return found if mode == "SAME_UPPER" else [(behind, before) for before, behind in found]


def _window(node: Node, weight: View) -> list[int]:
    """The extent of a filter; an attribute may say it again. Raises ShapeError."""
    extent = [int(n) for n in weight.shape[2:]]
    said = node.attribute("kernel_shape")
    if said is not None and list(said) != extent:
        raise ShapeError(f"expected a window of {extent} as the weight has, got {list(said)}")
    return extent


@operator("Conv")
def _conv(a: Assembly, node: Node) -> View:
    x, weight = node.view(0), node.view(1)
    dims, extent = weight.rank - 2, _window(node, weight)
    stride, dilation = _steps(node, "strides", dims), _steps(node, "dilations", dims)
    pads = _pads(node, x, extent, stride, dilation)
    groups = int(node.attribute("group", 1))
    return layers.convolution(a, x, weight, node.given(2), stride, pads, dilation, groups)


@operator("ConvTranspose")
def _conv_transpose(a: Assembly, node: Node) -> View:
    x, weight = node.view(0), node.view(1)
    dims, extent = weight.rank - 2, _window(node, weight)
    stride, dilation = _steps(node, "strides", dims), _steps(node, "dilations", dims)
    extra = [int(n) for n in node.attribute("output_padding", [0] * dims)]
    pads = [int(n) for n in node.attribute("pads", [0] * 2 * dims)]
    before, behind = pads[:dims], pads[dims:]
    mode, wanted = node.attribute("auto_pad", "NOTSET"), node.attribute("output_shape")
    if mode.startswith("SAME") or wanted:
        sizes = [int(h) for h in x.shape[2:]]
        output = wanted or [h * u for h, u in zip(sizes, stride, strict=True)]
        full = [
            u * (h - 1) + d * (r - 1) + 1 for u, h, d, r in zip(stride, sizes, dilation, extent, strict=True)
        ]
        total = [f + e - int(o) for f, e, o in zip(full, extra, output, strict=True)]
        before = [t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in total]
        behind = [t - b for t, b in zip(total, before, strict=True)]
    # A missing zero behind is one more row of output.
    extra = [e + p - q for e, p, q in zip(extra, before, behind, strict=True)]
    groups = int(node.attribute("group", 1))
    return layers.transposed_convolution(a, x, weight, node.given(2), stride, before, extra, dilation, groups)


def _pool(node: Node) -> tuple[View, list[int], list[int], list[tuple[int, int]], list[int], bool]:
    x, extent = node.view(0), [int(n) for n in node.attribute("kernel_shape", [])]
    stride, dilation = _steps(node, "strides", len(extent)), _steps(node, "dilations", len(extent))
    pads = _pads(node, x, extent, stride, dilation)
    return x, extent, stride, pads, dilation, bool(node.attribute("ceil_mode", 0))


@operator("MaxPool")
def _max_pool(a: Assembly, node: Node) -> View:
    x, extent, stride, pads, dilation, ceil = _pool(node)
    node.attribute("storage_order")  # of the indices, which are not read
    return layers.max_pool(a, x, extent, stride, pads, dilation, ceil)


@operator("AveragePool")
def _average_pool(a: Assembly, node: Node) -> View:
    x, extent, stride, pads, dilation, ceil = _pool(node)
    if set(dilation) != {1}:
        raise UnsupportedFormula("average pooling with dilation is not supported")
    counted = bool(node.attribute("count_include_pad", 0))
    return layers.avg_pool(
        a, x, extent, stride, pads, ceil, counted or (not any(map(any, pads)) and not ceil)
    )


@operator("GlobalAveragePool")
def _global_average(a: Assembly, node: Node) -> View:
    x = node.view(0)
    return reduced(a, "global average pooling", "{y} = mean[{over}]({x})", x, range(2, x.rank), True)


@operator("GlobalMaxPool")
def _global_max(a: Assembly, node: Node) -> View:
    x = node.view(0)
    return reduced(a, "global max pooling", "{y} = max[{over}]({x})", x, range(2, x.rank), True)


@operator("LRN")
def _lrn(a: Assembly, node: Node) -> View:
    numbers = [node.attribute(n, d) for n, d in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))]
    made = specs.local_response_norm(int(node.attribute("size")), *(_decimal(n) for n in numbers))
    return a.layer(made, {"x": node.view(0)}, "lrn")


# --- norms -----------------------------------------------------------------------------------------------------------


def _decimal(number: float) -> float:
    """A number of a file, which is a 32-bit float, as the shortest decimal that stands for it."""
    return float(str(np.float32(number)))


def _epsilon(node: Node) -> float:
    return _decimal(node.attribute("epsilon", 1e-5))


@operator("BatchNormalization")
def _batch_norm(a: Assembly, node: Node) -> View:
    if node.attribute("training_mode", 0) or node.attribute("spatial", 1) != 1:
        raise UnsupportedFormula("batch norm in training, or for each place, is not supported")
    momentum = 1 - _decimal(node.attribute("momentum", 0.9))
    statistics = (node.held(3), node.held(4))
    return layers.batch_norm(
        a, node.view(0), node.view(1), node.view(2), *statistics, _epsilon(node), round(momentum, 7)
    )


@operator("InstanceNormalization")
def _instance_norm(a: Assembly, node: Node) -> View:
    return layers.instance_norm(a, node.view(0), node.view(1), node.view(2), _epsilon(node))


@operator("LayerNormalization")
def _layer_norm(a: Assembly, node: Node) -> View:
    x = node.view(0)
    dims = x.rank - placed(int(node.attribute("axis", -1)), x.rank)
    node.attribute("stash_type")  # the precision of the mean
    return layers.layer_norm(a, x, dims, node.view(1), node.given(2), _epsilon(node))


@operator("RMSNormalization")
def _rms_norm(a: Assembly, node: Node) -> View:
    x = node.view(0)
    dims = x.rank - placed(int(node.attribute("axis", -1)), x.rank)
    node.attribute("stash_type")
    return layers.rms_norm(a, x, dims, node.view(1), _epsilon(node))


@operator("GroupNormalization")
def _group_norm(a: Assembly, node: Node) -> View:
    if node.opset < 21:
        raise UnsupportedFormula("group normalisation with a scale for each group is not supported")
    node.attribute("stash_type")
    return layers.group_norm(
        a, node.view(0), int(node.attribute("num_groups")), node.view(1), node.view(2), _epsilon(node)
    )


# --- products --------------------------------------------------------------------------------------------------------


@operator("MatMul")
def _matmul(a: Assembly, node: Node) -> View:
    return operations.matrix_product(a, node.view(0), node.view(1))


@operator("Gemm")
def _gemm(a: Assembly, node: Node) -> View:
    left, right, added = node.view(0), node.view(1), node.given(2)
    turns = [bool(node.attribute(name, 0)) for name in ("transA", "transB")]
    alpha, beta = _decimal(node.attribute("alpha", 1.0)), _decimal(node.attribute("beta", 1.0))
    plain = turns == [False, True] and (alpha, beta) == (1, 1) and (added is None or added.rank == 1)
    if plain and left.rank == right.rank == 2:
        return operations.dense(a, left, right, added)
    views = [permuted(v, (1, 0)) if turn else v for v, turn in zip((left, right), turns, strict=True)]
    product = operations.matrix_product(a, *views, name="gemm")
    if added is None:
        return (
            product if alpha == 1 else entrywise(a, "product", "alpha*{0}", [product], "scale", alpha=alpha)
        )
    if (alpha, beta) == (1, 1):
        return entrywise(a, "sum", "{0} + {1}", [product, added], "add")
    return entrywise(a, "sum", "alpha*{0} + beta*{1}", [product, added], "add", alpha=alpha, beta=beta)


# --- entry by entry --------------------------------------------------------------------------------------------------


def _family(family: str, **attributes: tuple[str, float]) -> Operator:
    """An activation of the catalogue; ``attributes`` gives its parameters' names and usual values in ONNX."""

    def read(a: Assembly, node: Node) -> View:
        numbers = {own: _decimal(node.attribute(name, usual)) for own, (name, usual) in attributes.items()}
        return activation(a, family, node.view(0), **numbers)

    return read


def _entries(title: str, body: str, count: int = 1, **attributes: tuple[str, float]) -> Operator:
    def read(a: Assembly, node: Node) -> View:
        numbers = {own: _decimal(node.attribute(name, usual)) for own, (name, usual) in attributes.items()}
        operands = [node.operand(k) for k in range(count)]
        return entrywise(a, title, body, operands, title.split()[0], **numbers)

    return read


def _folded(title: str, body: str, last: str = "{0}") -> Operator:
    """An operator of any number of inputs, two at a time."""

    def read(a: Assembly, node: Node) -> View:
        found = node.operand(0)
        for k in range(1, len(node.inputs)):
            found = entrywise(a, title, body, [found, node.operand(k)], title)
        count = len(node.inputs)
        return found if last == "{0}" else entrywise(a, title, last, [found], title, count=count)

    return read


OPERATORS |= {
    "Relu": _family("relu"),
    "LeakyRelu": _family("leaky_relu", negative_slope=("alpha", 0.01)),
    "Elu": _family("elu", alpha=("alpha", 1.0)),
    "Celu": _family("celu", alpha=("alpha", 1.0)),
    "Selu": _family(
        "selu", alpha=("alpha", 1.67326319217681884765625), scale=("gamma", 1.05070102214813232421875)
    ),
    "Sigmoid": _family("sigmoid"),
    "Tanh": _family("tanh"),
    "Softplus": _entries("softplus", "log(1 + exp({0}))"),
    "Softsign": _family("softsign"),
    "HardSwish": _family("hardswish"),
    "Mish": _family("mish"),
    "HardSigmoid": _entries(
        "hard sigmoid", "max(min(alpha*{0} + beta, 1), 0)", alpha=("alpha", 0.2), beta=("beta", 0.5)
    ),
    "ThresholdedRelu": _entries("threshold", "where({0} > alpha, {0}, 0)", alpha=("alpha", 1.0)),
    "Neg": _entries("negation", "-{0}"),
    "Exp": _entries("exponential", "exp({0})"),
    "Log": _entries("logarithm", "log({0})"),
    "Sqrt": _entries("root", "sqrt({0})"),
    "Reciprocal": _entries("reciprocal", "1/{0}"),
    "Abs": _entries("absolute value", "abs({0})"),
    "Erf": _entries("erf", "erf({0})"),
    "Sub": _entries("difference", "{0} - {1}", 2),
    "Div": _entries("quotient", "{0}/{1}", 2),
    "Greater": _entries("comparison", "where({0} > {1}, 1, 0)", 2),
    "GreaterOrEqual": _entries("comparison", "where({0} >= {1}, 1, 0)", 2),
    "Less": _entries("comparison", "where({0} < {1}, 1, 0)", 2),
    "LessOrEqual": _entries("comparison", "where({0} <= {1}, 1, 0)", 2),
    "Max": _folded("maximum", "max({0}, {1})"),
    "Min": _folded("minimum", "min({0}, {1})"),
    "Sum": _folded("sum", "{0} + {1}"),
    "Mean": _folded("mean", "{0} + {1}", "{0}/count"),
}


@operator("Add", "Mul")
def _binary(a: Assembly, node: Node) -> View:
    left, right = node.operand(0), node.operand(1)
    family = "add" if node.operator == "Add" else "multiply"
    if isinstance(left, View) and isinstance(right, View) and left.shape == right.shape:
        return a.kind(standard(family, rank=left.rank), {"x1": left, "x2": right}, family)
    title, body = ("sum", "{0} + {1}") if family == "add" else ("product", "{0}*{1}")
    return entrywise(a, title, body, [left, right], family)


@operator("Pow")
def _pow(a: Assembly, node: Node) -> View:
    base, exponent = node.operand(0), node.operand(1)
    if isinstance(exponent, View):
        return entrywise(a, "power", "{0}**{1}", [base, exponent], "power")
    return entrywise(a, "power", f"{{0}}**({operations.exact(exponent)})", [base], "power")


@operator("Gelu")
def _gelu(a: Assembly, node: Node) -> View:
    x = node.view(0)
    return a.kind(
        standard("gelu", rank=x.rank, approximate=node.attribute("approximate", "none")), {"x": x}, "gelu"
    )


@operator("PRelu")
def _prelu(a: Assembly, node: Node) -> View:
    return entrywise(a, "PReLU", "where({0} > 0, {0}, {1}*{0})", [node.view(0), node.view(1)], "prelu")


@operator("Clip")
def _clip(a: Assembly, node: Node) -> View:
    found = node.view(0)
    for place, name, body in ((1, "min", "max({0}, {1})"), (2, "max", "min({0}, {1})")):
        limit = node.attribute(name)
        if limit is not None or node.has(place):
            number = node.operand(place) if node.has(place) else _decimal(limit)
            if isinstance(number, View) or abs(number) < 3e38:
                found = entrywise(a, f"{name}imum", body, [found, number], "clip")
    return found


@operator("Softmax", "LogSoftmax")
def _softmax(a: Assembly, node: Node) -> View:
    x = node.view(0)
    family = "softmax" if node.operator == "Softmax" else "log_softmax"
    axis = placed(int(node.attribute("axis", -1 if node.opset >= 13 else 1)), x.rank)
    if node.opset >= 13 or axis == x.rank - 1:
        return a.kind(standard(family, rank=x.rank, dim=axis), {"x": x}, family)
    flat = operations.reshape(a, x, [sp.Mul(*x.shape[:axis]), sp.Mul(*x.shape[axis:])])
    return operations.reshape(a, a.kind(standard(family, rank=2, dim=1), {"x": flat}, family), x.shape)


@operator("Where")
def _where(a: Assembly, node: Node) -> View:
    return operations.masked(a, node.view(0), node.operand(1), node.operand(2))


# --- reductions ------------------------------------------------------------------------------------------------------


def _reduction(title: str, lines: str) -> Operator:
    def read(a: Assembly, node: Node) -> View:
        x, dims = node.view(0), node.numbers(1, "axes")
        keep = bool(node.attribute("keepdims", 1))
        if not dims and node.attribute("noop_with_empty_axes", 0):
            return x
        return reduced(a, title, lines, x, [int(d) for d in dims] if dims else None, keep)

    return read


OPERATORS |= {
    "ReduceMean": _reduction("mean", "{y} = mean[{over}]({x})"),
    "ReduceSum": _reduction("sum over axes", "{y} = sum[{over}]({x})"),
    "ReduceProd": _reduction("product over axes", "{y} = prod[{over}]({x})"),
    "ReduceMax": _reduction("maximum over axes", "{y} = max[{over}]({x})"),
    "ReduceMin": _reduction("minimum over axes", "{y} = min[{over}]({x})"),
    "ReduceL1": _reduction("norm", "{y} = sum[{over}](abs({x}))"),
    "ReduceL2": _reduction("norm", "{y} = sqrt(sum[{over}]({x}**2))"),
    "ReduceSumSquare": _reduction("sum of squares", "{y} = sum[{over}]({x}**2)"),
    "ReduceLogSumExp": _reduction("log of sum", "{y} = log(sum[{over}](exp({x})))"),
    "ReduceLogSum": _reduction("log of sum", "{y} = log(sum[{over}]({x}))"),
}


# --- movements -------------------------------------------------------------------------------------------------------


@operator("Identity", "Dropout", "CastLike")
def _same(a: Assembly, node: Node) -> View:
    for name in ("ratio", "seed"):
        node.attribute(name)
    if node.operator == "Dropout" and node.has(2) and bool(node.array(2)):
        raise UnsupportedFormula("dropout in training is not supported")
    return node.view(0)


@operator("Cast")
def _cast(a: Assembly, node: Node) -> View:
    node.attribute("saturate"), node.attribute("round_mode")
    if node.attribute("to") not in (1, 10, 11, 16):  # floats of 32, 16 and 64 bits, and bfloat16
        raise UnsupportedFormula("values as integers or truth values are not supported")
    return node.view(0)


@operator("Flatten")
def _flatten(a: Assembly, node: Node) -> View:
    x = node.view(0)
    axis = int(node.attribute("axis", 1))
    cut = axis + x.rank if axis < 0 else axis
    return operations.reshape(a, x, [sp.Mul(*x.shape[:cut]), sp.Mul(*x.shape[cut:])])


@operator("Reshape")
def _reshape(a: Assembly, node: Node) -> View:
    x, wanted = node.view(0), node.numbers(1, "shape") or []
    if not node.attribute("allowzero", 0):
        wanted = [x.shape[k] if extent == 0 and k < x.rank else extent for k, extent in enumerate(wanted)]
    return operations.reshape(a, x, wanted)


@operator("Transpose")
def _transpose(a: Assembly, node: Node) -> View:
    x = node.view(0)
    return permuted(x, node.attribute("perm") or range(x.rank)[::-1])


@operator("Squeeze")
def _squeeze(a: Assembly, node: Node) -> View:
    x, dims = node.view(0), node.numbers(1, "axes")
    return dropped(x, range(x.rank) if dims is None else map(int, dims))


@operator("Unsqueeze")
def _unsqueeze(a: Assembly, node: Node) -> View:
    x, dims = node.view(0), [int(d) for d in node.numbers(1, "axes") or []]
    for dim in sorted(placed(d, x.rank + len(dims)) for d in dims):
        x = inserted(x, dim)
    return x


@operator("Expand")
def _expand(a: Assembly, node: Node) -> View:
    x, wanted = node.view(0), node.numbers(1, "shape") or []
    own = [sp.S.One] * (len(wanted) - x.rank) + list(x.shape)
    wanted = [sp.S.One] * (len(own) - len(wanted)) + [sp.sympify(extent) for extent in wanted]
    return expanded(x, [e if w == 1 else w for e, w in zip(own, wanted, strict=True)])


@operator("Tile")
def _tile(a: Assembly, node: Node) -> View:
    x, counts = node.view(0), node.numbers(1, "repeats") or []
    pairs = [extent for own in x.shape for extent in (1, own)]
    grown = [extent for count, own in zip(counts, x.shape, strict=True) for extent in (count, own)]
    spread = expanded(operations.reshape(a, x, pairs), grown)
    return operations.reshape(a, spread, [n * e for n, e in zip(counts, x.shape, strict=True)])


@operator("Concat")
def _concat(a: Assembly, node: Node) -> View:
    return operations.joined(
        a, [node.view(k) for k in range(len(node.inputs))], int(node.attribute("axis", 1))
    )


@operator("Slice")
def _slice(a: Assembly, node: Node) -> View:
    x = node.view(0)
    starts, ends = node.numbers(1, "starts") or [], node.numbers(2, "ends") or []
    dims = node.numbers(3, "axes") or list(range(len(starts)))
    steps = [int(n) for n in node.array(4).ravel()] if node.has(4) else [1] * len(starts)
    for start, end, dim, step in zip(starts, ends, dims, steps, strict=True):
        whole_axis = (
            start == 0
            and step == 1
            and (end == x.shape[int(dim)] or (isinstance(end, int) and end >= 2**31 - 1))
        )
        if whole_axis:
            continue
        extent = extent_of(x, int(dim))
        stop = None if step < 0 and int(end) < -extent else int(end)
        first, last, _ = slice(int(start), stop, step).indices(extent)
        count = len(range(first, last, step))
        if not count:
            raise ShapeError("expected a part of at least one entry, got none")
        x = operations.part(a, x, int(dim), first, step, count)
    return x


@operator("Split")
def _split(a: Assembly, node: Node) -> list[View]:
    x, dim = node.view(0), int(node.attribute("axis", 0))
    extent, sizes = extent_of(x, dim), node.numbers(1, "split")
    count = int(node.attribute("num_outputs", len(node.proto.output)))
    if sizes is None:
        each = -(-extent // count)
        sizes = [min(each, extent - start) for start in range(0, extent, each)]
    if sum(map(int, sizes)) != extent:
        raise ShapeError(f"expected pieces of {extent} entries in all, got {sizes}")
    return operations.pieces(a, x, dim, [int(n) for n in sizes])


@operator("Gather")
def _gather(a: Assembly, node: Node) -> View:
    dim = int(node.attribute("axis", 0))
    if isinstance(node.inputs[1], View):
        if dim or node.view(0).rank != 2:
            raise UnsupportedFormula(
                "a computed index into anything but the rows of a table is not supported"
            )
        return layers.embedding(a, node.view(0), node.view(1))
    return operations.picked(a, node.view(0), dim, node.array(1).astype(int))


@operator("Pad")
def _pad(a: Assembly, node: Node) -> View:
    x, numbers = node.view(0), [int(n) for n in node.numbers(1, "pads") or []]
    dims = [placed(int(d), x.rank) for d in (node.array(3).ravel() if node.has(3) else range(x.rank))]
    pads = [(0, 0)] * x.rank
    for k, dim in enumerate(dims):
        pads[dim] = (numbers[k], numbers[k + len(dims)])
    value = node.operand(2) if node.has(2) else _decimal(node.attribute("value", 0.0))
    mode = node.attribute("mode", "constant")
    used = next((k for k, pair in enumerate(pads) if any(pair)), None)
    if used is None:
        return x
    if mode == "constant":
        return layers.padded(a, x, pads[used:], float(value))
    return layers.continued(a, x, pads, mode)


@operator("DepthToSpace")
def _depth_to_space(a: Assembly, node: Node) -> View:
    x, factor = node.view(0), int(node.attribute("blocksize"))
    if node.attribute("mode", "DCR") == "CRD":
        return layers.pixel_shuffle(a, x, factor)
    n, c, h, w = x.shape
    split = operations.reshape(a, x, [n, factor, factor, c / factor**2, h, w])
    return operations.reshape(
        a, permuted(split, (0, 3, 4, 1, 5, 2)), [n, c / factor**2, h * factor, w * factor]
    )


@operator("SpaceToDepth")
def _space_to_depth(a: Assembly, node: Node) -> View:
    x, factor = node.view(0), int(node.attribute("blocksize"))
    n, c, h, w = x.shape
    split = operations.reshape(a, x, [n, c, h / factor, factor, w / factor, factor])
    return operations.reshape(
        a, permuted(split, (0, 3, 5, 1, 2, 4)), [n, c * factor**2, h / factor, w / factor]
    )


@operator("Resize", "Upsample")
def _resize(a: Assembly, node: Node) -> View:
    x = node.view(0)
    place = 2 if node.operator == "Resize" and node.opset >= 11 else 1
    if node.has(3):
        output = [int(n) if isinstance(n, int) else n for n in node.array(3).ravel().tolist()]
        scales = None
    else:
        scales = [float(s) for s in node.numbers(place, "scales") or []]
        output = [e if s == 1 else math.floor(int(e) * s) for e, s in zip(x.shape, scales, strict=True)]
    if node.attribute("axes") or node.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedFormula("resizing of some axes, or with a kept aspect ratio, is not supported")
    attributes = {name: dict.__getitem__(node.attributes, name) for name in node.attributes}
    node.attributes.read |= set(attributes)
    for k, extent in enumerate(output):
        if x.shape[k] != extent:
            scale = None if scales is None else scales[k]
            matrix = _resizing(node.opset, attributes, extent_of(x, k), int(extent), scale)
            factor = int(extent) // int(x.shape[k])
            if int(extent) == factor * int(x.shape[k]) and np.array_equal(
                matrix, np.eye(int(x.shape[k])).repeat(factor, 0)
            ):
                x = _repeated(a, x, k, factor)
            else:
                x = operations.mapped(a, "interpolation", x, k, matrix)
    return x


def _repeated(a: Assembly, x: View, dim: int, factor: int) -> View:
    """Every entry of an axis several times."""
    shape = [*x.shape[: dim + 1], factor, *x.shape[dim + 1 :]]
    return operations.reshape(
        a,
        expanded(inserted(x, dim + 1), shape),
        [e * factor if k == dim else e for k, e in enumerate(x.shape)],
    )


def _resizing(
    opset: int, attributes: dict[str, Any], extent: int, output: int, scale: float | None
) -> np.ndarray:
    """The matrix of resizing one axis: ONNX's reference applied to each unit vector."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    newest = max(opset, 13)
    names = ["x", "", "scales", ""] if scale is not None else ["x", "", "", "sizes"]
    node = onnx.helper.make_node("Resize", names, ["y"], **attributes)
    float_ = onnx.TensorProto.FLOAT
    given = [onnx.helper.make_tensor_value_info("x", float_, (extent, extent))]
    if scale is not None:
        given.append(onnx.helper.make_tensor_value_info("scales", float_, (2,)))
    else:
        given.append(onnx.helper.make_tensor_value_info("sizes", onnx.TensorProto.INT64, (2,)))
    result = onnx.helper.make_tensor_value_info("y", float_, (extent, output))
    graph = onnx.helper.make_graph([node], "resize", given, [result])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", newest)])
    feeds = {"x": np.eye(extent)}
    feeds |= (
        {"scales": np.array([1, scale], np.float32)}
        if scale is not None
        else {"sizes": np.array([extent, output])}
    )
    return np.asarray(ReferenceEvaluator(model).run(None, feeds)[0], dtype=float).T
