"""Scatter-additions: one assignment where places do not overlap, else a loop over as few window indices as needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.plan import Scatter
from symcnn.program.array import (
    Accumulate,
    Cut,
    Flip,
    Labelled,
    Node,
    Target,
    amount,
    cut,
    equal,
    floating,
    product,
    reshaped,
    transposed,
)
from symcnn.program.lower import lower_sum
from symcnn.program.lower_read import Axis, axis_of, is_radix, length, whole
from symcnn.program.scope import Layout, Scope

Extents = Mapping[sp.Symbol, sp.Expr]


def lower_scatter(scatter: Scatter, layout: Layout) -> Node:
    """The array that ``scatter`` accumulates, in the stored order of its target. Raises UnsupportedFormula."""
    target = scatter.target.tensor
    order = layout.order(target)
    positions = [scatter.target.at[axis] for axis in order]
    shape = tuple(target.shape[axis] for axis in order)
    if any(whole(position)[1] != 1 for position in positions):
        raise UnsupportedFormula(f"expected whole positions in {scatter.target}")
    limits = _ordered(dict(scatter.limits), positions)
    scope = Scope(layout, limits)
    axes = [axis_of(position, limits) for position in positions]
    named = list(dict.fromkeys(k for axis in axes for k in axis.labels))
    value = lower_sum(scatter.factor, [k for k in limits if k not in named], scope)
    value = Labelled(floating(value.node), value.labels)
    if set(value.labels) != set(named):
        value = Labelled(scope.spread(value, named), tuple(named))
    return _accumulated(value, axes, shape, limits)


def _ordered(limits: dict[sp.Symbol, sp.Expr], positions: Sequence[sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """Indices in the order in which the target's axes name them, so that parts come out as they are stored."""
    named = [k for position in positions for k in axis_of(position, limits).labels]
    return {k: limits[k] for k in dict.fromkeys([*named, *limits])}


def _accumulated(value: Labelled, axes: list[Axis], shape: Sequence[sp.Expr], extents: Extents) -> Node:
    value, axes = _forwards(value, axes)
    low = [amount(-axis.low) for axis in axes]
    high = [amount(sp.expand(axis.high - extent + 1)) for axis, extent in zip(axes, shape, strict=True)]
    full = tuple(sp.expand(a + n + b) for a, n, b in zip(low, shape, high, strict=True))
    loops = _loops(axes, extents)
    kept = [[k for k in axis.labels if k not in loops] for axis in axes]
    order = [*loops, *(k for group in kept for k in group)]
    node = transposed(value.node, [value.labels.index(k) for k in order])
    merged = tuple(product(extents[k] for k in group) for group in kept)
    node = reshaped(node, (*(extents[k] for k in loops), *_present(merged, kept)))
    targets = tuple(
        _target(axis, group, loops, before, extents)
        for axis, group, before in zip(axes, kept, low, strict=True)
    )
    if (
        not loops
        and all(t.step == 1 and equal(t.start, 0) for t in targets)
        and all(map(equal, merged, full))
    ):
        return _cropped(reshaped(node, full), low, shape)
    return _cropped(Accumulate(full, node, len(loops), targets), low, shape)


def _present(sizes: Sequence[sp.Expr], groups: Sequence[Sequence[sp.Symbol]]) -> list[sp.Expr]:
    return [size for size, group in zip(sizes, groups, strict=True) if group]


def _forwards(value: Labelled, axes: Sequence[Axis]) -> tuple[Labelled, list[Axis]]:
    """Indices that run backwards in every axis that they stand in are turned round."""
    backwards = {k for axis in axes for k, slope in axis.slopes.items() if slope.is_negative}
    turned = [k for k in value.labels if k in backwards and all(_runs_back(k, axis) for axis in axes)]
    if not turned:
        return value, list(axes)
    slopes = [{k: abs(c) if k in turned else c for k, c in axis.slopes.items()} for axis in axes]
    places = tuple(value.labels.index(k) for k in turned)
    flipped = Labelled(Flip(value.node.shape, value.node, places), value.labels)
    return flipped, [Axis(c, axis.low, axis.high) for c, axis in zip(slopes, axes, strict=True)]


def _runs_back(label: sp.Symbol, axis: Axis) -> bool:
    return label not in axis.slopes or bool(axis.slopes[label].is_negative)


def _loops(axes: Sequence[Axis], extents: Extents) -> list[sp.Symbol]:
    """Indices to loop over: after them each axis has one index left, or a mixed-radix number, and none is in two axes."""
    seen: list[sp.Symbol] = []
    loops: list[sp.Symbol] = []
    for axis in axes:
        loops.extend(k for k in axis.labels if k in seen and k not in loops)
        seen.extend(axis.labels)
        loops.extend(k for k, slope in axis.slopes.items() if slope.is_negative and k not in loops)
    for axis in axes:
        left = {k: slope for k, slope in axis.slopes.items() if k not in loops}
        if len(left) > 1 and not is_radix(Axis(left, axis.low, axis.high), extents, list(left.values())[-1]):
            keep = max(left, key=lambda k: (length(extents[k]), -list(left).index(k)))
            loops.extend(k for k in left if k != keep)
    return loops


def _target(
    axis: Axis, group: Sequence[sp.Symbol], loops: Sequence[sp.Symbol], before: sp.Expr, extents: Extents
) -> Target:
    back = sum((slope * (extents[k] - 1) for k, slope in axis.slopes.items() if slope.is_negative), sp.S.Zero)
    return Target(
        start=sp.expand(axis.low + before - back),
        step=axis.slopes[group[-1]] if group else sp.S.One,
        extent=product(extents[k] for k in group) if group else None,
        loops=tuple(axis.slopes.get(k, sp.S.Zero) for k in loops),
    )


def _cropped(node: Node, low: Sequence[sp.Expr], shape: Sequence[sp.Expr]) -> Node:
    cuts = [
        Cut(before, None if equal(before + extent, have) else sp.expand(before + extent), sp.S.One)
        for before, extent, have in zip(low, shape, node.shape, strict=True)
    ]
    return cut(node, cuts, shape)
