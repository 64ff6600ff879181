"""Shapes of what functions give."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from symcnn.notes.name_parts import base_name, letter
from symcnn.notes.names import read_name
from symcnn.notes.operations import known_function, operation_name
from symcnn.notes.tree import Node

if TYPE_CHECKING:
    pass
from symcnn.notes.arguments import arguments_of, function_name
from symcnn.notes.shape_axes import ONE, Axis, Shape
from symcnn.notes.shaper_products import product_shape

if TYPE_CHECKING:
    from symcnn.notes.shaper import Shaper


def _plus(size: Callable[[Axis], int], axis: Axis, extra: int) -> Callable[[], int]:
    return lambda: size(axis) + extra


def call_or_product_shape(shaper: Shaper, node: Node, head: Node, group: Node) -> Shape:
    if shaper.world.is_function(head):
        arguments = arguments_of(group)
        rule = shaper.world.functions.get(base_name(head) or "")
        if rule is not None and len(rule.parameters) == 1:
            made = shaper.shape(rule.body)
            if made and letter(arguments[0]) == rule.parameters[0]:
                return made
        return shaper.shape(arguments[0]) if arguments else None
    if shaper.world.is_entry_call(head):
        ref = read_name(head, shaper.world.facts.habits)
        family = shaper.world.family(ref, shaper.env) if ref else None
        return shaper.entry(family, tuple(arguments_of(group))) if family else ()
    return product_shape(shaper, (head, group), ())


def call_shape(shaper: Shaper, function: Node, argument: Node) -> Shape:
    arguments = arguments_of(argument)
    shapes = [shaper.shape(item) for item in arguments]
    name = operation_name(function_name(function))
    first = shapes[0] if shapes else None
    match name:
        case "trace" | "tr" | "det" if len(arguments) == 1:
            shaper.square(arguments[0])
            return ()
        case "sum" | "mean" | "avg":
            return () if len(arguments) == 1 else None
        case "conv" | "crosscorrelation" | "correlate" | "convolution" | "conv2d" | "xcorr":
            return _conv(shaper, arguments, shapes)
        case "dotproduct" | "dot":
            return _dot(shaper, arguments, shapes)
        case "diag":
            return (first[0], first[0]) if first and len(first) == 2 else None
        case "softmax":
            return first
        case "max" | "min":
            return next((s for s in shapes if s), None if None in shapes else ())
    if known_function(name) and name not in (
        "flatten",
        "vec",
        "maxpool",
        "maxpooling",
        "pool",
        "avgpool",
    ):
        return first
    if name in ("maxpool", "maxpooling", "pool", "avgpool", "flatten", "vec"):
        _as_matrix(shaper, arguments[0], first)
    if name in ("flatten", "vec") and first is not None and len(first) == 2 and ONE not in first:
        rows, columns = first
        entries = shaper.fresh(argument)
        shaper.axes.derive(entries, lambda: shaper.axes.size(rows) * shaper.axes.size(columns))
        return (entries, ONE)
    return None


def _as_matrix(shaper: Shaper, node: Node, shape: Shape) -> None:
    if shape is None:
        shaper.assume(node, (shaper.fresh(node), ("free", "columns", *shaper.fresh(node)[1:])))  # type: ignore[index]


def _conv(shaper: Shaper, arguments: list[Node], shapes: list[Shape]) -> Shape:
    if len(arguments) != 2:
        return None
    for node, shape in zip(arguments, shapes, strict=True):
        _as_matrix(shaper, node, shape)
    x, w = (shaper.shape(node) for node in arguments)
    if x and w and len(x) == len(w) == 2:
        for position, (image, filter_) in enumerate(zip(x, w, strict=True)):
            extra = 3 + (2 * shaper.world.variant if position and not shaper.world.stated_numbers() else 0)
            shaper.axes.derive(image, _plus(shaper.axes.size, filter_, extra))
    return None


def _dot(shaper: Shaper, arguments: list[Node], shapes: list[Shape]) -> Shape:
    if len(arguments) != 2:
        return None
    a, b = shapes
    if a is None and b is None:
        a = shaper.assume(arguments[0], (shaper.fresh(arguments[0]), ONE))
    if b is None:
        b = shaper.assume(arguments[1], a)
    if a is None:
        a = shaper.assume(arguments[0], b)
    if a and b and len(a) == len(b) == 2 and a[1] == ONE == b[1]:
        shaper.join(a[0], b[0])
        return (ONE, ONE)
    return None
