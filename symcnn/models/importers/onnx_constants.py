"""Constant nodes of an ONNX graph: computed at once by ONNX's own reference, or on shapes by NumPy.

A shape may hold expressions of the batch: it is then an array of objects, on which the few operators that graphs apply to
shapes are NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.models.importers.onnx_node import Node

MOST_ENTRIES = 50_000_000
ENTRYWISE = frozenset(
    [
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Mod",
        "Pow",
        "Neg",
        "Abs",
        "Sqrt",
        "Exp",
        "Log",
        "Floor",
        "Ceil",
        "Round",
        "Reciprocal",
        "Min",
        "Max",
        "Equal",
        "Greater",
        "Less",
        "GreaterOrEqual",
        "LessOrEqual",
        "And",
        "Or",
        "Not",
        "Xor",
        "Where",
        "Cast",
        "CastLike",
        "Identity",
        "Sign",
        "Sin",
        "Cos",
        "Tanh",
        "Sigmoid",
        "Erf",
        "IsNaN",
        "IsInf",
        "Clip",
    ]
)
SHAPING = frozenset(
    [
        "Constant",
        "Shape",
        "Size",
        "Reshape",
        "Flatten",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Concat",
        "Slice",
        "Split",
        "Gather",
        "GatherND",
        "GatherElements",
        "ScatterND",
        "ScatterElements",
        "ReduceSum",
        "ReduceProd",
        "ReduceMax",
        "ReduceMin",
        "ReduceMean",
        "CumSum",
        "Trilu",
        "NonZero",
        "ArgMax",
    ]
)
GROWING = frozenset(["ConstantOfShape", "Expand", "Tile", "Range", "EyeLike", "OneHot", "Pad"])


def folded(node: Node) -> list[Any]:
    """What a node of constants makes. Raises UnsupportedFormula, LimitExceeded."""
    arrays = [None if value is None else np.asarray(value) for value in node.inputs]
    if any(array is not None and array.dtype == object for array in arrays):
        return _of_shapes(node)
    if node.operator not in ENTRYWISE | SHAPING | GROWING:
        raise UnsupportedFormula("a constant of this operator is not supported")
    entries = _entries(node, [array for array in arrays if array is not None])
    if entries > MOST_ENTRIES:
        raise LimitExceeded(f"a constant of {entries:,} entries; the limit is {MOST_ENTRIES:,}")
    return _referred(node, arrays)


def _entries(node: Node, arrays: Sequence[np.ndarray]) -> int:
    """How many entries the result may have."""
    if node.operator in ENTRYWISE and arrays:
        try:
            return math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))
        except ValueError as error:
            raise UnsupportedFormula(f"expected constants of shapes that fit: {error}") from None
    match node.operator:
        case "ConstantOfShape":
            return math.prod(int(n) for n in arrays[0].ravel())
        case "Expand":
            return math.prod(int(n) for n in arrays[1].ravel()) * arrays[0].size
        case "Tile":
            return math.prod(int(n) for n in arrays[1].ravel()) * arrays[0].size
        case "Range":
            first, limit, step = (float(array.ravel()[0]) for array in arrays)
            return int(abs((limit - first) / step)) if step else MOST_ENTRIES + 1
        case "OneHot":
            return arrays[0].size * int(arrays[1].ravel()[0])
        case "Pad":
            pads = [int(n) for n in (arrays[1].ravel() if len(arrays) > 1 else node.attribute("pads", []))]
            return math.prod(n + sum(map(abs, pads)) for n in arrays[0].shape)
    return sum(array.size for array in arrays) ** (2 if node.operator == "EyeLike" else 1)


def _referred(node: Node, arrays: Sequence[np.ndarray | None]) -> list[Any]:
    """The node by ONNX's reference."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    names = [name for name, array in zip(node.proto.input, arrays, strict=True) if array is not None]
    types = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in dict(zip(names, (a for a in arrays if a is not None), strict=True)).items()
    ]
    results = [onnx.ValueInfoProto(name=name) for name in node.proto.output if name]
    graph = onnx.helper.make_graph([node.proto], "constant", types, results)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", node.opset)])
    feeds = {name: a for name, a in zip(node.proto.input, arrays, strict=True) if a is not None}
    try:
        with np.errstate(all="ignore"):
            return [np.asarray(value) for value in ReferenceEvaluator(model).run(None, feeds)]
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise UnsupportedFormula(f"the constant cannot be computed: {reason}") from error


def _of_shapes(node: Node) -> list[Any]:
    """A node on shapes with expressions of the batch."""
    if node.operator not in ON_SHAPES:
        raise UnsupportedFormula("this operator on a shape with the batch is not supported")
    return [_plain(np.asarray(ON_SHAPES[node.operator](node)))]


def _plain(array: np.ndarray) -> np.ndarray:
    """Integers again where no expression is left."""
    if array.dtype == object and all(
        isinstance(v, int) or sp.sympify(v, strict=True).is_Integer for v in array.ravel()
    ):
        return array.astype(np.int64)
    return array


def _quotient(left: Any, right: Any) -> Any:
    return sp.cancel(sp.sympify(left, strict=True) / sp.sympify(right, strict=True))


def _axes(node: Node) -> tuple[int, ...]:
    return tuple(int(axis) for axis in node.numbers(1, "axes") or (0,))


def _sliced(node: Node) -> Any:
    starts, ends = node.numbers(1, "starts") or [0], node.numbers(2, "ends") or [None]
    step = node.array(4).ravel()[0] if node.has(4) else 1
    return node.inputs[0][int(starts[0]) : None if ends[0] is None else int(ends[0]) : int(step)]


ON_SHAPES: dict[str, Callable[[Node], Any]] = {
    "Identity": lambda node: node.inputs[0],
    "Shape": lambda node: np.array(node.inputs[0].shape),
    "Cast": lambda node: node.inputs[0],
    "Add": lambda node: node.inputs[0] + node.inputs[1],
    "Sub": lambda node: node.inputs[0] - node.inputs[1],
    "Mul": lambda node: node.inputs[0] * node.inputs[1],
    "Div": lambda node: np.frompyfunc(_quotient, 2, 1)(node.inputs[0], node.inputs[1]),
    "Equal": lambda node: np.asarray(np.frompyfunc(lambda a, b: a == b, 2, 1)(*node.inputs), dtype=bool),
    "Where": lambda node: np.where(node.inputs[0], node.inputs[1], node.inputs[2]),
    "Gather": lambda node: np.take(node.inputs[0], node.array(1).astype(int), axis=node.attribute("axis", 0)),
    "Concat": lambda node: np.concatenate([np.atleast_1d(value) for value in node.inputs]),
    "Unsqueeze": lambda node: np.expand_dims(node.inputs[0], _axes(node)),
    "Squeeze": lambda node: np.squeeze(node.inputs[0]),
    "Slice": _sliced,
    "Reshape": lambda node: np.reshape(node.inputs[0], [int(n) for n in node.array(1).ravel()]),
    "ReduceProd": lambda node: np.prod(node.inputs[0]),
}
