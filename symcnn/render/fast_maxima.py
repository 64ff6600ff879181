"""Maxima place by place, and cotangents handed down to the place that was first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symcnn.program.array import Apply, Chosen, Fold, Node
from symcnn.render.fast_arrays import Array
from symcnn.render.fast_emit import Emitter

LONGEST = 16  # places of a maximum that are compared one by one


def chosen_in(node: Node) -> Chosen | None:
    """The mask of a maximum that a product has as a factor."""
    if not isinstance(node, Apply) or node.function != "mul":
        return None
    return next((arg for arg in node.args if isinstance(arg, Chosen)), None)


def routed(to: Emitter, node: Apply, rows: Callable[[int], Array]) -> bool:
    """A cotangent times the mask of a first maximum: handed down from the last place to the first.

    The last place gets it where it beats all before it, and so on; what is left goes to the first place. ``rows`` gives
    the array for the share of each place.
    """
    chosen = chosen_in(node)
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
        share = row(to, share, axis - short, 0)
    mask = to.buffer("mask", tuple(n for k, n in enumerate(node.shape) if k != axis), "bool")
    rest = share
    spare = to.buffer("share", without(node.shape, axis)) if count > 2 else None
    for place in range(count - 1, 0, -1):
        last = place == 1
        mine = rows(place)
        if last:
            first = rows(0)
            left, right = row(to, values, axis, 0), row(to, values, axis, 1)
            to.call(f"np.{beats[1]}({left.text}, {right.text}, out={mask.text})")
            to.call(f"np.multiply({rest.text}, {mask.text}, out={first.text})")
            to.call(f"np.subtract({rest.text}, {first.text}, out={mine.text})")
        else:
            assert spare is not None, "three places or more need what is left over"
            before = prefixes[place - 2]
            to.call(f"np.{beats[0]}({row(to, values, axis, place).text}, {before.text}, out={mask.text})")
            to.call(f"np.multiply({rest.text}, {mask.text}, out={mine.text})")
            to.call(f"np.subtract({rest.text}, {mine.text}, out={spare.text})")
            rest = spare
    to.pool.release(mask.slot)
    if spare is not None:
        to.pool.release(spare.slot)
    return True


def without(shape: Sequence[sp.Expr], axis: int) -> tuple[sp.Expr, ...]:
    return tuple(extent for at, extent in enumerate(shape) if at != axis)


def row(to: Emitter, array: Array, axis: int, place: int) -> Array:
    """One place along an axis."""
    marks = ":, " * axis + str(place)
    base = array.text.removeprefix("self.")
    return to.view(array, f"[{marks}]", array.whole and axis == 0, f"{base}_{place}")


def running(to: Emitter, node: Fold, target: Array) -> None:
    """The maximum place by place; what it is after each place is kept where the backward pass compares with it."""
    axis, source = node.axes[0], node.source
    name = "maximum" if node.operation == "max" else "minimum"
    count = int(source.shape[axis])
    values = to.value(source)
    kept: list[Array] = []
    keep = (source, axis) in to.wanted and count > 2
    best = row(to, values, axis, 0)
    for place in range(1, count):
        room = to.buffer("best", node.shape) if keep and place < count - 1 else target
        to.call(f"np.{name}({best.text}, {row(to, values, axis, place).text}, out={room.text})")
        if room is not target:
            kept.append(room)
        best = room
    if keep:
        to.prefixes[source, axis] = kept
