"""Shapes of products, of which the inner axes are one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.marks import Operator
from symcnn.notes.name_parts import is_capital
from symcnn.notes.names import read_name
from symcnn.notes.tree import Node, Script

if TYPE_CHECKING:
    pass
from symcnn.notes.shape_axes import ONE, Shape

if TYPE_CHECKING:
    from symcnn.notes.shaper import Shaper

ENTRYWISE = frozenset({"odot", "circ", "*"})


CONVOLVING = frozenset({"otimes", "ast", "star"})


def product_shape(shaper: Shaper, factors: tuple[Node, ...], operators: tuple[Operator, ...]) -> Shape:
    names = [op.name for op in operators] or [""] * (len(factors) - 1)
    result: Shape = shaper.shape(factors[0])
    previous = factors[0]
    for name, factor in zip(names, factors[1:], strict=True):
        shape = shaper.shape(factor)
        if name == "/":
            continue
        if name in ENTRYWISE:
            result = _entrywise(shaper, previous, result, factor, shape)
        elif name in CONVOLVING:
            result = None
        else:
            result = _multiplied(shaper, previous, result, factor, shape)
        previous = factor
    return result


def _entrywise(shaper: Shaper, left: Node, a: Shape, right: Node, b: Shape) -> Shape:
    if a is None and b:
        shaper.assume(left, b)
        return b
    if b is None and a:
        shaper.assume(right, a)
        return a
    if a and b and len(a) == len(b):
        for x, y in zip(a, b, strict=True):
            if ONE not in (x, y):
                shaper.join(x, y)
    return a or b


def _multiplied(shaper: Shaper, left: Node, a: Shape, right: Node, b: Shape) -> Shape:
    if a is None and _is_row(shaper, left) and (b is None or len(b) == 2) and not is_capital(right):
        inner = b[0] if b else shaper.fresh(right)
        a = shaper.assume(left, (ONE, inner))
        b = b or shaper.assume(right, (inner, ONE))
    if a is None and isinstance(b, tuple) and len(b) == 2 and is_capital(left):
        shaper.assume(left, (shaper.fresh(left), b[0]))
        a = shaper.shape(left)
    if b is None and isinstance(a, tuple) and len(a) == 2 and a[1] != ONE:
        b = shaper.assume(right, (a[1], ONE) if not is_capital(right) else (a[1], shaper.fresh(right)))
    if a is None and b is None and is_capital(left):
        inner = shaper.fresh(right)
        a = shaper.assume(left, (shaper.fresh(left), inner))
        b = shaper.assume(right, (inner, ONE) if not is_capital(right) else (inner, ("free", right.span)))
    if a is None or b is None:
        return None
    if not a or not b:
        return a or b
    if len(a) == len(b) == 2:
        find = shaper.axes.find
        if (ONE in a or ONE in b) and find(a[1]) != find(b[0]) and find(a[0]) == find(b[0]):
            return a
        if a == (ONE, ONE):
            return b
        if b == (ONE, ONE):
            return a
        shaper.join(a[1], b[0])
        return (a[0], b[1])
    return None


def _is_row(shaper: Shaper, node: Node) -> bool:
    """Whether a small letter is written transposed, as in v^T f: then it is a vector."""
    ref = read_name(node, shaper.world.facts.habits) if isinstance(node, Script) else None
    return ref is not None and ref.transposed and ref.indices is None and not is_capital(node)
