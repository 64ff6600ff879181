"""What each node of an array program is as NumPy calls that write into a given array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from symcnn.program.array import (
    Accumulate,
    Along,
    Apply,
    Cast,
    Chosen,
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
from symcnn.program.passes import unused
from symcnn.program.steps import VIEWS
from symcnn.render.fast_arrays import Array
from symcnn.render.fast_emit import Emitter, first_computed, splits
from symcnn.render.fast_products import along, matmul, sum_by_product
from symcnn.render.numpy_lines import _place

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
LONGEST = 16  # places of a maximum that are compared one by one


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
            _accumulate(to, node, target)
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
    if node.function == "mul" and _routed(to, node, target):
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


def _routed(to: Emitter, node: Apply, target: Array) -> bool:
    """A cotangent times the mask of a first maximum: handed down from the last place to the first.

    The last place gets it where it beats all before it, and so on; what is left goes to the first place.
    """
    chosen = next((arg for arg in node.args if isinstance(arg, Chosen)), None)
    if chosen is None or chosen.policy != "first" or len(node.args) != 2:
        return False
    axis, source = chosen.axis, chosen.source
    other = node.args[0] if node.args[1] is chosen else node.args[1]
    extent = source.shape[axis]
    known = to.maxima.get((source, axis))
    if known is None or not extent.is_Integer or not 2 <= extent <= LONGEST or chosen.shape != node.shape:
        return False
    short = len(node.shape) - len(other.shape)  # NumPy adds leading axes itself
    if other.kind != "float" or (axis >= short and other.shape[axis - short] != 1):
        return False
    count = int(extent)
    prefixes = to.prefixes.get((source, axis), [])
    if count > 2 and len(prefixes) < count - 2:
        return False
    beats = ("greater", "greater_equal") if known == "max" else ("less", "less_equal")
    values = to.value(source)
    share = to.value(other)
    if axis >= short:
        share = _row(to, share, axis - short, 0)
    mask = to.buffer("mask", tuple(n for k, n in enumerate(node.shape) if k != axis), "bool")
    rest = share
    spare = to.buffer("share", _without(node.shape, axis)) if count > 2 else None
    for place in range(count - 1, 0, -1):
        last = place == 1
        mine = _row(to, target, axis, place)
        if last:
            first = _row(to, target, axis, 0)
            left, right = _row(to, values, axis, 0), _row(to, values, axis, 1)
            to.call(f"np.{beats[1]}({left.text}, {right.text}, out={mask.text})")
            to.call(f"np.multiply({rest.text}, {mask.text}, out={first.text})")
            to.call(f"np.subtract({rest.text}, {first.text}, out={mine.text})")
        else:
            assert spare is not None, "three places or more need what is left over"
            before = prefixes[place - 2]
            to.call(f"np.{beats[0]}({_row(to, values, axis, place).text}, {before.text}, out={mask.text})")
            to.call(f"np.multiply({rest.text}, {mask.text}, out={mine.text})")
            to.call(f"np.subtract({rest.text}, {mine.text}, out={spare.text})")
            rest = spare
    to.pool.release(mask.slot)
    if spare is not None:
        to.pool.release(spare.slot)
    return True


def _without(shape: Sequence[sp.Expr], axis: int) -> tuple[sp.Expr, ...]:
    return tuple(extent for at, extent in enumerate(shape) if at != axis)


def _row(to: Emitter, array: Array, axis: int, place: int) -> Array:
    """One place along an axis."""
    marks = ":, " * axis + str(place)
    base = array.text.removeprefix("self.")
    return to.view(array, f"[{marks}]", array.whole and axis == 0, f"{base}_{place}")


# -- products and reductions -----------------------------------------------------------------------------------


def _fold(to: Emitter, node: Fold, target: Array) -> None:
    source = node.source
    if node.operation in ("max", "min") and len(node.axes) == 1:
        extent = source.shape[node.axes[0]]
        compared = (source, node.axes[0]) in to.wanted and extent <= LONGEST
        if extent.is_Integer and extent >= 2 and (compared or extent <= SHORT):
            _running(to, node, target)
            return
    array = to.value(source)
    if node.operation == "sum" and sum_by_product(to, node, array, target):
        return
    name = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}[node.operation]
    to.call(f"np.{name}.reduce({array.text}, {node.axes}, out={target.text})")
    if not to.is_kept(source):
        to.pool.release(array.slot)


def _running(to: Emitter, node: Fold, target: Array) -> None:
    """The maximum place by place; what it is after each place is kept where the backward pass compares with it."""
    axis, source = node.axes[0], node.source
    name = "maximum" if node.operation == "max" else "minimum"
    count = int(source.shape[axis])
    values = to.value(source)
    kept: list[Array] = []
    keep = (source, axis) in to.wanted and count > 2
    best = _row(to, values, axis, 0)
    for place in range(1, count):
        room = to.buffer("best", node.shape) if keep and place < count - 1 else target
        to.call(f"np.{name}({best.text}, {_row(to, values, axis, place).text}, out={room.text})")
        if room is not target:
            kept.append(room)
        best = room
    if keep:
        to.prefixes[source, axis] = kept


def _accumulate(to: Emitter, node: Accumulate, target: Array) -> None:
    """Parts added one by one; the pairs of views are bound once.

    Parts that together cover the target without overlap are copied: a loop that fills the gaps of a step.
    """
    source = to.value(node.source, "parts")
    if not node.looped:
        to.call(f"{target.text}.fill(0)")
        to.call(f"np.copyto({_row_places(to, target, node, ())}, {source.text})")
        return
    extents = [int(extent) for extent in node.source.shape[: node.looped]]
    name = unused(f"{target.text.removeprefix('self.')}_pairs", to.used)
    loops = tuple(sp.Symbol(k, integer=True, nonnegative=True) for k in ("r", "s", "t", "k")[: node.looped])
    inner = ", ".join(k.name for k in loops)
    over = f"range({extents[0]})" if len(extents) == 1 else f"np.ndindex({', '.join(map(str, extents))})"
    marks = _row_places(to, target, node, loops)
    to.setup.append(f"self.{name} = [({marks}, {source.text}[{inner}]) for {inner} in {over}]")
    gap = _gap(node)
    if gap is None:
        to.call(f"{target.text}.fill(0)")
        to.call(f"for into, part in self.{name}:")
    else:
        step, axis, covered = gap
        rest = to.view(target, f"[{':, ' * axis}{to.writer.number(covered)}:]", False)
        to.call(f"{rest.text}.fill(0)")
        to.call(f"for into, part in self.{name}[:{step}]:")
        to.call("    np.copyto(into, part)")
        to.call(f"for into, part in self.{name}[{step}:]:")
    to.call("    np.add(into, part, out=into)")
    if not to.is_kept(node.source):
        to.pool.release(source.slot)


def _gap(node: Accumulate) -> tuple[int, int, sp.Expr] | None:
    """The step of the one axis that the one loop fills place by place, and how far it is covered then."""
    if node.looped != 1:
        return None
    moved = [k for k, target in enumerate(node.targets) if target.extent is not None and target.loops != (0,)]
    if len(moved) != 1:
        return None
    (axis,) = moved
    target = node.targets[axis]
    others = [(t, n) for k, (t, n) in enumerate(zip(node.targets, node.shape, strict=True)) if k != axis]
    if target.start != 0 or target.loops != (1,) or not target.step.is_Integer or target.step < 2:
        return None
    if any(
        t.extent is None or t.start != 0 or t.step != 1 or sp.expand(t.extent - n) != 0 for t, n in others
    ):
        return None
    if int(node.source.shape[0]) <= int(target.step) or target.extent is None:
        return None
    return int(target.step), axis, sp.expand(target.step * target.extent)


def _row_places(to: Emitter, target: Array, node: Accumulate, loops: Sequence[sp.Symbol]) -> str:
    pairs = zip(node.targets, node.shape, strict=True)
    return f"{target.text}[{', '.join(_place(t, extent, loops, to.writer) for t, extent in pairs)}]"


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
