"""Products: pieces that BLAS likes, small matrices along an axis, sums as products with ones."""

from __future__ import annotations

import sympy as sp

from symcnn.program.array import Along, Fold, Matmul
from symcnn.render.fast_arrays import Array
from symcnn.render.fast_emit import Emitter

PRODUCTS = 1_000_000  # multiply-adds of one small product beyond which it leaves the cache
LONG = 64  # terms from which a sum is a product with ones
SMALL = 4096  # entries of the small side of a product of which one dimension alone is long


def along(to: Emitter, node: Along, target: Array) -> None:
    """A stack of products of a small matrix with rows as long as neighbours lie together in source and target."""
    source = to.value(node.source)
    axis, rank = node.axis, len(node.shape)
    matrix = to.value(node.matrix)
    inner = node.source.shape
    if source.steps is None or target.steps is None or source.steps[-1] != 1 or target.steps[-1] != 1:
        text = f"np.moveaxis(np.tensordot({matrix.text}, {source.text}, (1, {axis})), 0, {axis})"
        to.call(f"np.copyto({target.text}, {text})")
        return
    assert axis < rank - 1, "an axis whose step is 1 in source and target is no other's"
    first = rank - 1
    length = inner[first]
    size = inner[axis] * node.shape[axis]
    while first - 1 > axis and all(
        sp.expand(steps[first - 1] - steps[first] * inner[first]) == 0
        for steps in (source.steps, target.steps)
    ):
        longer = sp.expand(length * inner[first - 1])
        if typical(to, longer * size) > PRODUCTS:
            break
        first, length = first - 1, longer
    stack = [k for k in range(first) if k != axis]
    views = []
    for array, steps, extent in (
        (source, source.steps, inner[axis]),
        (target, target.steps, node.shape[axis]),
    ):
        shape = (*(inner[k] for k in stack), extent, length)
        moved = (*(steps[k] for k in stack), steps[axis], sp.S.One)
        line = f"strided({array.text}, {to.writer.shape(shape)}, {to.writer.shape(moved)})"
        views.append(to.bound(array, line, f"{array.text.removeprefix('self.')}_rows", shape))
    to.used_helpers.add("strided")
    to.call(f"np.matmul({matrix.text}, {views[0].text}, out={views[1].text})")
    if not to.is_kept(node.source):
        to.pool.release(source.slot)


def matmul(to: Emitter, node: Matmul, target: Array) -> None:
    left, right = to.value(node.left, "left"), to.value(node.right, "right")
    inner = node.left.shape[-1]
    name = "self.outer" if inner == to.batch and len(node.shape) == 2 else "np.matmul"
    if target.whole and _skinny(to, node, left, right, target):
        pass
    elif target.whole:
        to.call(f"{name}({left.text}, {right.text}, out={target.text})")
    else:
        made = to.buffer("product", node.shape)
        to.call(f"{name}({left.text}, {right.text}, out={made.text})")
        to.call(f"np.copyto({target.text}, {made.text})")
        to.pool.release(made.slot)
    for part, array in ((node.left, left), (node.right, right)):
        if not to.is_kept(part):
            to.pool.release(array.slot)


def _skinny(to: Emitter, node: Matmul, left: Array, right: Array, target: Array) -> bool:
    """A product of which one dimension alone is long, in pieces that stay in the cache; BLAS is slow on such at once."""
    if len(node.shape) != 2 or any(array.steps is None for array in (left, right, target)):
        return False
    (rows, inner), columns = node.left.shape, node.right.shape[-1]
    sizes = [typical(to, extent) for extent in (rows, inner, columns)]
    long = max(range(3), key=lambda k: sizes[k])
    small = sizes[0] * sizes[1] * sizes[2] // sizes[long]
    if small > SMALL or small * sizes[long] <= PRODUCTS:
        return False
    pieces = _pieces(to, (rows, inner, columns)[long], PRODUCTS // small)
    if pieces is None:
        return False
    count, length = pieces
    at = {0: (0, None, 0), 1: (1, 0, None), 2: (None, 1, 1)}[long]
    parts = [
        _cut(to, array, axis, count, length) for array, axis in zip((left, right, target), at, strict=True)
    ]
    if long != 1:
        to.call(f"np.matmul({parts[0].text}, {parts[1].text}, out={parts[2].text})")
        return True
    made = to.buffer("pieces", (count, *node.shape))
    to.call(f"np.matmul({parts[0].text}, {parts[1].text}, out={made.text})")
    to.call(f"np.add.reduce({made.text}, 0, out={target.text})")
    to.pool.release(made.slot)
    return True


def typical(to: Emitter, extent: sp.Expr) -> int:
    """An extent at a usual number of examples."""
    return int(extent.subs(to.batch, to.typical))


def _pieces(to: Emitter, extent: sp.Expr, most: int) -> tuple[sp.Expr, sp.Expr] | None:
    """A number of pieces and their length, at most ``most`` and not much less; None where no divisor gives that."""
    number = extent.as_coeff_Mul()[0]
    if not number.is_Integer:
        return None
    for count in sp.divisors(number):
        length = sp.expand(extent / count)
        if typical(to, length) <= most:
            return (sp.Integer(count), length) if 8 * typical(to, length) >= most else None
    return None


def _cut(to: Emitter, array: Array, axis: int | None, count: sp.Expr, length: sp.Expr) -> Array:
    """``array`` as a stack of pieces along ``axis``."""
    if axis is None:
        return array
    assert array.steps is not None, "products in pieces need steps"
    assert array.shape is not None, "an array with steps has a shape"
    shape = tuple(length if k == axis else n for k, n in enumerate(array.shape))
    steps = (sp.expand(array.steps[axis] * length), *array.steps)
    line = f"strided({array.text}, {to.writer.shape((count, *shape))}, {to.writer.shape(steps)})"
    to.used_helpers.add("strided")
    return to.bound(array, line, f"{array.text.removeprefix('self.')}_pieces", (count, *shape))


def sum_by_product(to: Emitter, node: Fold, array: Array, target: Array) -> bool:
    """A sum over the first or last axes as a product with ones: BLAS adds three times as fast."""
    rank, shape = len(node.source.shape), node.source.shape
    first = node.axes == tuple(range(len(node.axes)))
    last = node.axes == tuple(range(rank - len(node.axes), rank))
    if (
        not (first or last)
        or len(node.axes) == rank
        or not array.whole
        or array.steps is None
        or not target.whole
    ):
        return False
    length = sp.expand(sp.Mul(*(shape[axis] for axis in node.axes)))
    rest = sp.expand(sp.Mul(*(n for axis, n in enumerate(shape) if axis not in node.axes)))
    if node.source.kind != "float" or typical(to, length) < LONG:
        return False
    ones = to.bound(Array("np"), f"np.ones({to.writer.number(length)}, dtype)", "ones", (length,))
    matrix = to.reshaped(array, shape, (length, rest) if first else (rest, length))
    room = to.reshaped(target, node.shape, (rest,))
    pair = (ones.text, matrix.text) if first else (matrix.text, ones.text)
    to.call(f"np.matmul({pair[0]}, {pair[1]}, out={room.text})")
    if not to.is_kept(node.source):
        to.pool.release(array.slot)
    return True
