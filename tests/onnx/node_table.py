"""Runs ONNX's own node cases through the emitted layers, forward, and counts."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from symcnn.core.errors import SymcnnError
from symcnn.nets.formula import Layer
from symcnn.nets.kind import LayerKind
from symcnn.render.numpy_source import emit_plan
from tests.onnx.node_calls import CALLS, Node, NotUsableError

HALVES = (np.float16,)
TOLERANCE = 1e-5  # ONNX's expected results are in single precision


@dataclass(slots=True)
class Row:
    """Counts for one operator: all cases, those that a layer stands for, those that agree; and reasons."""

    operator: str
    cases: int = 0
    usable: int = 0
    right: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)


@cache
def forward(kind: LayerKind) -> ModuleType:
    """The emitted module of a layer; one for all sizes."""
    return emit_plan(Layer(kind.formula, kind.system(), ()).plan()).load()


def cases() -> Iterator[tuple[str, Any]]:
    """Every case of one node that some layer of the catalogue stands for; expanded functions are left out."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    for case in found:
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in CALLS:
            yield nodes[0].op_type, case


def table() -> list[Row]:
    """One row for each operator, in order of names."""
    rows: dict[str, Row] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for operator, case in cases():
            row = rows.setdefault(operator, Row(operator))
            row.cases += 1
            try:
                difference = compare(operator, case)
            except NotUsableError as reason:
                row.reasons[str(reason)] += 1
                continue
            row.usable += 1
            row.right += not difference
            row.wrong[difference] += bool(difference)
    return [rows[name] for name in sorted(rows)]


def compare(operator: str, case: Any) -> str:
    """What differs between the layer and the expected result, or nothing. Raises NotUsableError."""
    import onnx

    node = case.model.graph.node[0]
    inputs, outputs = case.data_sets[0]
    named = dict(zip((i.name for i in case.model.graph.input), inputs, strict=False))
    given = tuple(_array(named.get(name)) for name in node.input)
    if any(getattr(x, "dtype", None) in HALVES or str(getattr(x, "dtype", "")) == "bfloat16" for x in inputs):
        raise NotUsableError("half precision")
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    expected = np.asarray(outputs[0], dtype=float)
    try:
        call = CALLS[operator](Node(given, attributes, expected))
        module = forward(call.kind)
        known = inspect.signature(module.forward).parameters
        scalars = {name: value for name, value in call.scalars.items() if name in known}
        ours = np.asarray(call.after(module.forward(**call.arrays, **scalars)))
    except (SymcnnError, ValueError, TypeError, IndexError) as error:
        return f"{case.name}: {type(error).__name__}: {str(error).splitlines()[0][:90]}"
    if ours.shape != expected.shape:
        return f"{case.name}: shape {ours.shape} for {expected.shape}"
    rounded = np.allclose(np.round(expected, 4), expected, rtol=1e-6, atol=1e-9, equal_nan=True)
    least = 6e-5 if rounded else TOLERANCE  # some cases give four digits
    close = np.allclose(ours, expected, rtol=TOLERANCE, atol=least, equal_nan=True)
    return "" if close else f"{case.name}: value"


def _array(value: Any) -> Any:
    """Floats as double precision, other arrays as they are."""
    if value is None:
        return None
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
