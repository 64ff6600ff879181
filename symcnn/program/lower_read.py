"""Reads as views: an affine position is a slice, a split, a window or a diagonal of the (padded) array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import sympy as sp

from symcnn.core.bounds import coefficients, span
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read
from symcnn.program.array import (
    Cut,
    Diagonal,
    Dilate,
    Flip,
    Labelled,
    Node,
    Pad,
    Windows,
    amount,
    cut,
    equal,
    product,
    reshaped,
)
from symcnn.program.scope import Scope

Slopes = dict[sp.Symbol, sp.Expr]


def lower_read(read: Read, scope: Scope) -> Labelled:
    """A read of a tensor. Under a condition, places outside it read 0, which nothing takes."""
    order = scope.layout.order(read.tensor)
    outside = read.outside
    if outside is None and scope.guards:
        outside = sp.S.Zero
    return view(scope.layout.stored(read.tensor), [read.at[axis] for axis in order], outside, scope)


def view(node: Node, at: Sequence[sp.Expr], outside: sp.Expr | None, scope: Scope) -> Labelled:
    """The entries of ``node`` at affine positions, one axis for each index.

    Raises UnsupportedFormula where a coefficient has no known sign.
    """
    positions = []
    for place, position in enumerate(at):
        numerator, denominator = whole(position)
        if denominator != 1:
            value = sp.S.Zero if outside is None else outside
            node = _dilated(node, place, denominator, value)
        positions.append(numerator)
    extents = scope.extents
    axes = [axis_of(position, extents) for position in positions]
    if outside is not None:
        node, axes = _padded(node, axes, outside)
    cuts = [_cut(axis, extent) for axis, extent in zip(axes, node.shape, strict=True)]
    kept = [axis for axis in axes if axis.slopes]
    node = cut(node, cuts, [axis.reach(extents) for axis in kept])
    labels: list[sp.Symbol] = []
    for axis in kept:
        node = _opened(node, len(labels), axis, extents)
        labels.extend(axis.labels)
    backwards = tuple(at for at, (label, slope) in enumerate(_signs(kept)) if slope.is_negative)
    if backwards:
        node = Flip(node.shape, node, backwards)
    return _joined(node, labels)


def is_affine(position: sp.Expr, scope: Scope) -> bool:
    """Whether a position is affine in the indices, with steps of known sign."""
    try:
        axis_of(whole(position)[0], scope.extents)
    except UnsupportedFormula:
        return False
    return not whole(position)[1].free_symbols & set(scope.extents)


@cache
def whole(position: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Numerator and denominator of a position; both take whole values."""
    if position.is_Symbol or position.is_Integer:
        return position, sp.S.One
    numerator, denominator = sp.fraction(sp.together(position))
    if denominator.is_negative:
        numerator, denominator = -numerator, -denominator
    return sp.expand(numerator), denominator


@dataclass(frozen=True, slots=True)
class Axis:
    """One position: ``low`` ≤ Σ slope·index + rest ≤ ``high``; ``labels`` from the coarsest step to the finest."""

    slopes: Slopes
    low: sp.Expr
    high: sp.Expr

    @property
    def labels(self) -> list[sp.Symbol]:
        return list(self.slopes)

    def reach(self, extents: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        """Length of the cut that holds all its places."""
        if len(self.slopes) == 1:
            return extents[self.labels[0]]
        return sp.expand(self.high - self.low + 1)


def axis_of(position: sp.Expr, extents: Mapping[sp.Symbol, sp.Expr]) -> Axis:
    """A position taken apart. Raises UnsupportedFormula."""
    slopes, _ = coefficients(position, extents)
    slopes = {k: slope for k, slope in slopes.items() if slope != 0}
    reach = span(position, extents)
    if reach is None or any(not (s.is_positive or s.is_negative) for s in slopes.values()):
        raise UnsupportedFormula(f"expected steps of known sign in the position {position}")
    place = {k: at for at, k in enumerate(extents)}
    order = sorted(slopes, key=lambda k: (*_coarse(slopes[k]), *(-n for n in length(extents[k])), place[k]))
    return Axis({k: slopes[k] for k in order}, *reach)


def _coarse(slope: sp.Expr) -> tuple[int, int]:
    """Sort key: larger steps first; a step of 1 comes last, products before their factors."""
    size = abs(slope)
    if size.is_Integer:
        return (0 if size > 1 else 1, -int(size))
    return (0, -1000 * len(sp.Mul.make_args(size)))


def length(extent: sp.Expr) -> tuple[int, int]:
    """Sort key: a number by itself; a computed extent is an output's, and taken to be longer than a filter's."""
    if extent.is_Integer:
        return (0, int(extent))
    return (1, int(sp.count_ops(extent)))


def _dilated(node: Node, axis: int, factor: sp.Expr, value: sp.Expr) -> Node:
    extent = sp.expand((node.shape[axis] - 1) * factor + 1)
    shape = (*node.shape[:axis], extent, *node.shape[axis + 1 :])
    return Dilate(shape, node, axis, factor, value)


def _padded(node: Node, axes: list[Axis], outside: sp.Expr) -> tuple[Node, list[Axis]]:
    widths = tuple(
        (amount(-axis.low), amount(sp.expand(axis.high - extent + 1)))
        for axis, extent in zip(axes, node.shape, strict=True)
    )
    if all(width == (0, 0) for width in widths):
        return node, axes
    shape = tuple(
        sp.expand(extent + before + after) for extent, (before, after) in zip(node.shape, widths, strict=True)
    )
    moved = [
        Axis(axis.slopes, sp.expand(axis.low + before), sp.expand(axis.high + before))
        for axis, (before, _) in zip(axes, widths, strict=True)
    ]
    return Pad(shape, node, widths, outside), moved


def _cut(axis: Axis, extent: sp.Expr) -> Cut | sp.Expr:
    if not axis.slopes:
        return axis.low
    step = abs(next(iter(axis.slopes.values()))) if len(axis.slopes) == 1 else sp.S.One
    ends = equal(axis.high + 1, extent)
    return Cut(axis.low, None if ends else sp.expand(axis.high + 1), step)


def _opened(node: Node, at: int, axis: Axis, extents: Mapping[sp.Symbol, sp.Expr]) -> Node:
    """Axis ``at`` replaced by one axis for each label."""
    if len(axis.slopes) == 1:
        return node
    sizes = tuple(extents[label] for label in axis.labels)
    shape = (*node.shape[:at], *sizes, *node.shape[at + 1 :])
    if is_radix(axis, extents) and equal(product(sizes), node.shape[at]):
        return reshaped(node, shape)
    return Windows(shape, node, at, sizes, tuple(abs(slope) for slope in axis.slopes.values()))


def is_radix(axis: Axis, extents: Mapping[sp.Symbol, sp.Expr], least: sp.Expr = sp.S.One) -> bool:
    """Whether the steps are those of a mixed-radix number whose finest step is ``least``."""
    for label, slope in reversed(axis.slopes.items()):
        if not equal(abs(slope), least):
            return False
        least = least * extents[label]
    return True


def _signs(axes: Sequence[Axis]) -> list[tuple[sp.Symbol, sp.Expr]]:
    return [item for axis in axes for item in axis.slopes.items()]


def _joined(node: Node, labels: list[sp.Symbol]) -> Labelled:
    """An index that stands in several axes keeps their diagonal."""
    while True:
        pair = next(
            ((a, b) for a in range(len(labels)) for b in range(a + 1, len(labels)) if labels[a] == labels[b]),
            None,
        )
        if pair is None:
            return Labelled(node, tuple(labels))
        label = labels[pair[0]]
        shape = [extent for axis, extent in enumerate(node.shape) if axis not in pair]
        node = Diagonal((*shape, node.shape[pair[0]]), node, pair)
        labels = [*(k for axis, k in enumerate(labels) if axis not in pair), label]
