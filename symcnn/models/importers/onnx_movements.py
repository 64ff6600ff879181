"""ONNX's movements of entries: reshapes, parts, joins, pads and resizing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers import layers, movements
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.movements import extent_of
from symcnn.models.importers.onnx_node import Node, decimal
from symcnn.models.importers.onnx_table import operator
from symcnn.models.importers.views import View, dropped, expanded, inserted, permuted, placed
from symcnn.nets.node import BATCH

# --- movements --------------------------------------------------------------------------------------------------------


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
    return movements.reshape(a, x, [sp.Mul(*x.shape[:cut]), sp.Mul(*x.shape[cut:])])


@operator("Reshape")
def _reshape(a: Assembly, node: Node) -> View:
    x, wanted = node.view(0), node.numbers(1, "shape") or []
    if not node.attribute("allowzero", 0):
        wanted = [x.shape[k] if extent == 0 and k < x.rank else extent for k, extent in enumerate(wanted)]
    if wanted and wanted[0] == a.batch and x.shape[0] == BATCH:
        wanted = [BATCH, *wanted[1:]]
    return movements.reshape(a, x, wanted)


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
    wanted = [sp.S.One] * (len(own) - len(wanted)) + [sp.sympify(extent, strict=True) for extent in wanted]
    return expanded(x, [e if w == 1 else w for e, w in zip(own, wanted, strict=True)])


@operator("Tile")
def _tile(a: Assembly, node: Node) -> View:
    x, counts = node.view(0), node.numbers(1, "repeats") or []
    pairs = [extent for own in x.shape for extent in (1, own)]
    grown = [extent for count, own in zip(counts, x.shape, strict=True) for extent in (count, own)]
    spread = expanded(movements.reshape(a, x, pairs), grown)
    return movements.reshape(a, spread, [n * e for n, e in zip(counts, x.shape, strict=True)])


@operator("Concat")
def _concat(a: Assembly, node: Node) -> View:
    return movements.joined(
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
        x = movements.part(a, x, int(dim), first, step, count)
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
    return movements.pieces(a, x, dim, [int(n) for n in sizes])


@operator("Gather")
def _gather(a: Assembly, node: Node) -> View:
    dim = int(node.attribute("axis", 0))
    if isinstance(node.inputs[1], View):
        if dim or node.view(0).rank != 2:
            raise UnsupportedFormula(
                "a computed index into anything but the rows of a table is not supported"
            )
        return layers.embedding(a, node.view(0), node.view(1))
    return movements.picked(a, node.view(0), dim, node.array(1).astype(int))


@operator("Pad")
def _pad(a: Assembly, node: Node) -> View:
    x, numbers = node.view(0), [int(n) for n in node.numbers(1, "pads") or []]
    dims = [placed(int(d), x.rank) for d in (node.array(3).ravel() if node.has(3) else range(x.rank))]
    pads = [(0, 0)] * x.rank
    for k, dim in enumerate(dims):
        pads[dim] = (numbers[k], numbers[k + len(dims)])
    value = node.operand(2) if node.has(2) else decimal(node.attribute("value", 0.0))
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
    split = movements.reshape(a, x, [n, factor, factor, c / factor**2, h, w])
    return movements.reshape(
        a, permuted(split, (0, 3, 4, 1, 5, 2)), [n, c / factor**2, h * factor, w * factor]
    )


@operator("SpaceToDepth")
def _space_to_depth(a: Assembly, node: Node) -> View:
    x, factor = node.view(0), int(node.attribute("blocksize"))
    n, c, h, w = x.shape
    split = movements.reshape(a, x, [n, c, h / factor, factor, w / factor, factor])
    return movements.reshape(
        a, permuted(split, (0, 3, 5, 1, 2, 4)), [n, c * factor**2, h / factor, w / factor]
    )


@operator("Resize", "Upsample")
def _resize(a: Assembly, node: Node) -> View:
    x = node.view(0)
    place = 2 if node.operator == "Resize" and node.opset >= 11 else 1
    if node.has(3):
        output = list(node.array(3).ravel().tolist())
        if output[0] == a.batch and x.shape[0] == BATCH:
            output[0] = BATCH
        scales = None
    else:
        scales = [float(s) for s in node.numbers(place, "scales") or []]
        output = [e if s == 1 else math.floor(int(e) * s) for e, s in zip(x.shape, scales, strict=True)]
    if node.attribute("axes") or node.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedFormula("resizing of some axes, or with a kept aspect ratio, is not supported")
    attributes = {name: dict.__getitem__(node.attributes, name) for name in node.attributes}
    node.attributes.read |= set(attributes)
    if node.opset < 11:  # where places were counted from the corner
        attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
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
                x = movements.mapped(a, "interpolation", x, k, matrix)
    return x


def _repeated(a: Assembly, x: View, dim: int, factor: int) -> View:
    """Every entry of an axis several times."""
    shape = [*x.shape[: dim + 1], factor, *x.shape[dim + 1 :]]
    return movements.reshape(
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
    result_of: Any = ReferenceEvaluator(model).run(None, feeds)
    return np.asarray(result_of[0], dtype=np.float64).T
