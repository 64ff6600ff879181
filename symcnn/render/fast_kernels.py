"""What each node of an array program is as NumPy calls that write into a given array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import sympy as sp

from symcnn.program.array import (
    Accumulate,
    Along,
    Apply,
    Cast,
    Copy,
    Cut,
    Expand,
    Fold,
    Matmul,
    Named,
    Node,
    Pad,
    Reshape,
    Scalar,
    Transpose,
)
from symcnn.program.steps import VIEWS
from symcnn.render.fast_arrays import Array, first_computed, splits
from symcnn.render.fast_emit import Emitter
from symcnn.render.fast_maxima import LONGEST, chosen_in, routed, row, running
from symcnn.render.fast_products import along, matmul, sum_by_product
from symcnn.render.fast_scatter import accumulate

UFUNCS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "neg": "negative",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "square": "square",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "and": "logical_and",
    "or": "logical_or",
    "not": "logical_not",
    "abs": "abs",
} | {
    name: name
    for name in ("exp", "log", "log1p", "tanh", "sinh", "cosh", "sqrt", "sign", "floor", "maximum", "minimum")
}
SHORT = 4  # places of a maximum up to which calls for each place are faster than one reduction


def compute(to: Emitter, node: Node, target: Array) -> None:
    """Lines that compute ``node`` into ``target``."""
    match node:
        case Reshape(source=Transpose(source=Along() as product) as turned):
            _turned(to, product, turned.order, to.reshaped(target, node.shape, turned.shape), target)
        case Transpose(source=Along() as product):
            _turned(to, product, node.order, target, target)
        case Along():
            along(to, node, target)
        case Reshape(source=source) if not to.is_view(node):
            _reshape(to, node, to.value(source), target)
        case Reshape(source=source) if not isinstance(source, VIEWS):
            _reshape_computed(to, node, target)
        case _ if to.is_view(node):
            to.call(f"np.copyto({target.text}, {to.value(node).text})")
        case Apply():
            _apply(to, node, target)
        case Matmul():
            matmul(to, node, target)
        case Fold():
            _fold(to, node, target)
        case Accumulate():
            accumulate(to, node, target)
        case Copy(source=source) | Cast(source=source):
            if isinstance(node, Copy) and not to.is_view(source):
                compute(to, source, target)
            else:
                to.call(f"np.copyto({target.text}, {to.value(source).text})")
        case Scalar(value=value):
            to.call(f"{target.text}[...] = {to.constant(value)}")
        case _:
            _otherwise(to, node, target)


def _turned(to: Emitter, product: Along, order: Sequence[int], room: Array, target: Array) -> None:
    """A product along an axis, straight into a target whose axes lie in another order."""
    if room.steps is None:
        made = to.value(product)
        to.call(f"np.copyto({room.text}, {made.text}.transpose({', '.join(map(str, order))}))")
        return
    inverse = [list(order).index(axis) for axis in range(len(order))]
    shape, steps = product.shape, tuple(room.steps[axis] for axis in inverse)
    tail = f".transpose({', '.join(map(str, inverse))})"
    along(to, product, to.view(room, tail, False, "", shape, steps))


def _reshape(to: Emitter, node: Reshape, source: Array, target: Array) -> None:
    """A copy of a view: windows into the columns of a matrix."""
    if target.whole or splits(node.shape, node.source.shape):
        room = to.reshaped(target, node.shape, node.source.shape)
        to.call(f"np.copyto({room.text}, {source.text})")
        return
    made = to.buffer("copied", node.source.shape, node.kind)
    to.call(f"np.copyto({made.text}, {source.text})")
    moved = to.view(made, f".reshape({to.writer.shape(node.shape)})", True)
    to.call(f"np.copyto({target.text}, {moved.text})")


def _reshape_computed(to: Emitter, node: Reshape, target: Array) -> None:
    source = node.source
    if target.whole or splits(node.shape, source.shape):
        compute(to, source, to.reshaped(target, node.shape, source.shape))
        return
    made = to.value(source)
    moved = to.view(made, f".reshape({to.writer.shape(node.shape)})", True)
    to.call(f"np.copyto({target.text}, {moved.text})")


# -- elementwise -----------------------------------------------------------------------------------------------


def _apply(to: Emitter, node: Apply, target: Array) -> None:
    chosen = chosen_in(node)
    if chosen is not None and routed(to, node, partial(row, to, target, chosen.axis)):
        return
    if node.function not in UFUNCS:
        _own_function(to, node, target)
        return
    inside = first_computed(node) if node.kind == "float" else None
    texts: list[str] = []
    temporaries: list[Array] = []
    for arg in node.args:
        if arg is inside:
            texts.append(target.text)
            inside_first = Array(target.text, target.where, target.whole)
            compute(to, arg, inside_first)
            inside = None
            continue
        if isinstance(arg, Scalar) and node.kind == "int":
            texts.append(to.writer.number(arg.value))
            continue
        array = to.value(arg)
        texts.append(array.text)
        if not to.is_kept(arg):
            temporaries.append(array)
    to.call(f"np.{UFUNCS[node.function]}({', '.join(texts)}, out={target.text})")
    for array in temporaries:
        to.pool.release(array.slot)


def _own_function(to: Emitter, node: Apply, target: Array) -> None:
    """sigmoid, softplus, erf and cases, as the readable module has them."""
    arrays = [to.value(arg) for arg in node.args]
    if node.function == "where":
        to.call(f"np.copyto({target.text}, {arrays[2].text})")
        to.call(f"np.copyto({target.text}, {arrays[1].text}, where={arrays[0].text})")
        return
    args = tuple(Named(arg.shape, array.text) for arg, array in zip(node.args, arrays, strict=True))
    to.call(f"np.copyto({target.text}, {to.writer.text(replace(node, args=args))})")


# -- products and reductions -----------------------------------------------------------------------------------


def _fold(to: Emitter, node: Fold, target: Array) -> None:
    source = node.source
    if node.operation in ("max", "min") and len(node.axes) == 1:
        extent = source.shape[node.axes[0]]
        compared = (source, node.axes[0]) in to.wanted and extent <= LONGEST
        if extent.is_Integer and extent >= 2 and (compared or extent <= SHORT):
            running(to, node, target)
            return
    array = to.value(source)
    if node.operation == "sum" and sum_by_product(to, node, array, target):
        return
    name = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}[node.operation]
    to.call(f"np.{name}.reduce({array.text}, {node.axes}, out={target.text})")
    if not to.is_kept(source):
        to.pool.release(array.slot)


# -- the rest --------------------------------------------------------------------------------------------------


def _otherwise(to: Emitter, node: Node, target: Array) -> None:
    """A node without a form of its own: computed anew by the readable module's expression, then copied."""
    match node:
        case Pad(source=source, widths=widths):
            cuts = [
                Cut(low, sp.expand(low + n), sp.S.One)
                for (low, _), n in zip(widths, source.shape, strict=True)
            ]
            to.call(f"{target.text}.fill({to.writer.number(node.value)})")
            room = to.view(target, f"[{', '.join(map(to.writer.cut, cuts))}]", False)
            compute(to, source, room)
            return
        case Expand(source=source):
            to.call(f"np.copyto({target.text}, {to.value(node).text})")
            return
    fields: dict[str, object] = {}
    for name in node.__dataclass_fields__:
        part = getattr(node, name)
        if isinstance(part, Node):
            fields[name] = Named(part.shape, to.value(part).text, part.kind)
        elif isinstance(part, tuple) and any(isinstance(item, Node) for item in part):
            fields[name] = tuple(Named(i.shape, to.value(i).text, i.kind) for i in part)
    text = to.writer.text(replace(node, **fields))  # type: ignore[arg-type]
    to.call(f"np.copyto({target.text}, {text})")
