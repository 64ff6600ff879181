"""ONNX's layers: convolutions, pools, norms and products."""

from __future__ import annotations

from collections.abc import Sequence

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers import layers, operations
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.onnx_node import Node, decimal
from symcnn.models.importers.onnx_table import operator
from symcnn.models.importers.operations import entrywise, reduced
from symcnn.models.importers.views import View, permuted, placed
from symcnn.nets import spec as specs

LETTERS = "nijklhgdrstoaefmb"  # indices of a sum of products

# --- windows ----------------------------------------------------------------------------------------------------------


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
    usual = (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    alpha, beta, bias = (decimal(node.attribute(name, number)) for name, number in usual)
    made = specs.local_response_norm(int(node.attribute("size")), alpha, beta, bias)
    return a.layer(made, {"x": node.view(0)}, "lrn")


# --- norms ------------------------------------------------------------------------------------------------------------


def _epsilon(node: Node) -> float:
    return decimal(node.attribute("epsilon", 1e-5))


@operator("BatchNormalization")
def _batch_norm(a: Assembly, node: Node) -> View:
    if node.attribute("training_mode", 0) or node.attribute("spatial", 1) != 1:
        raise UnsupportedFormula("batch norm in training, or for each place, is not supported")
    momentum = 1 - decimal(node.attribute("momentum", 0.9))
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


# --- products ---------------------------------------------------------------------------------------------------------


@operator("MatMul")
def _matmul(a: Assembly, node: Node) -> View:
    return operations.matrix_product(a, node.view(0), node.view(1))


@operator("Einsum")
def _einsum(a: Assembly, node: Node) -> View:
    rows, _, result = str(node.attribute("equation")).replace(" ", "").partition("->")
    letters = dict.fromkeys(c for c in rows + result if c != ",")
    parts = rows.split(",")
    plain = (
        all(c.isalpha() for c in letters) and len(letters) <= len(LETTERS) and len(set(result)) == len(result)
    )
    if not plain or "->" not in str(node.attribute("equation")) or any(len(set(p)) < len(p) for p in parts):
        raise UnsupportedFormula(f"the sum {node.attribute('equation')!r} is not supported")
    own = str.maketrans({c: LETTERS[k] for k, c in enumerate(letters)})
    operands = [node.view(k) for k in range(len(node.inputs))]
    if len(parts) != len(operands) or any(len(p) != x.rank for p, x in zip(parts, operands, strict=True)):
        raise ShapeError(f"expected operands of {node.attribute('equation')!r}, got other numbers of axes")
    return operations.contracted(
        a, "sum of products", [p.translate(own) for p in parts], result.translate(own), operands
    )


@operator("Gemm")
def _gemm(a: Assembly, node: Node) -> View:
    left, right, added = node.view(0), node.view(1), node.given(2)
    turns = [bool(node.attribute(name, 0)) for name in ("transA", "transB")]
    alpha, beta = decimal(node.attribute("alpha", 1.0)), decimal(node.attribute("beta", 1.0))
    plain = turns == [False, True] and (alpha, beta) == (1, 1) and (added is None or added.rank == 1)
    if plain and left.rank == right.rank == 2:
        return operations.dense(a, left, right, added)
    left, right = (permuted(v, (1, 0)) if turn else v for v, turn in zip((left, right), turns, strict=True))
    product = operations.matrix_product(a, left, right, name="gemm")
    if added is None:
        return (
            product if alpha == 1 else entrywise(a, "product", "alpha*{0}", [product], "scale", alpha=alpha)
        )
    if (alpha, beta) == (1, 1):
        return entrywise(a, "sum", "{0} + {1}", [product, added], "add")
    return entrywise(a, "sum", "alpha*{0} + beta*{1}", [product, added], "add", alpha=alpha, beta=beta)
