"""Maxima and the places they come from, index by index: the last index is reduced first."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symcnn.core.expr import Limit, Selected
from symcnn.program.array import Chosen, Fold, Labelled, Node, scalar
from symcnn.program.scope import Scope


def folded(
    kind: str, body: Labelled, limits: Sequence[Limit], scope: Scope
) -> tuple[Labelled, list[Labelled]]:
    """``max``, ``min`` or ``prod`` over ``limits``, with what was reduced at each index, first index first."""
    stages: list[Labelled] = []
    for index, extent in reversed(limits):
        if index not in body.labels:
            if kind == "prod":
                body = scope.apply("pow", body, Labelled(scalar(extent), ()))
            stages.append(body)
            continue
        stages.append(body)
        body = fold(kind, body, [index])
    return body, stages[::-1]


def fold(kind: str, body: Labelled, indices: Sequence[sp.Symbol]) -> Labelled:
    """One reduction over several axes at once."""
    axes = tuple(sorted(body.labels.index(k) for k in indices))
    kept = [axis for axis in range(len(body.labels)) if axis not in axes]
    shape = tuple(body.node.shape[axis] for axis in kept)
    return Labelled(Fold(shape, kind, body.node, axes), tuple(body.labels[axis] for axis in kept))


def selected(expr: Selected, body: Labelled, inner: Scope) -> list[Labelled]:
    """Masks whose product is ``expr``.

    In row-major order the first maximum over (r, s) stands in the first row r that holds it, and is the first in that
    row: one mask for each index. Equal shares need the count of all ties, so one mask for all indices.
    """
    names = expr.indices
    if any(k not in body.labels for k in names):
        labels = (*body.labels, *(k for k in names if k not in body.labels))
        body = Labelled(inner.spread(body, labels), labels)
    best, stages = folded(expr.kind, body, expr.limits, inner)
    if expr.policy == "split":
        return [_share(body, best, names, inner)]
    masks = []
    for index, stage, after in zip(names, stages, [best, *stages[:-1]], strict=True):
        masks.append(_mask(stage, after, index, expr, inner))
    return masks


def _mask(stage: Labelled, best: Labelled, index: sp.Symbol, expr: Selected, scope: Scope) -> Labelled:
    axis = stage.labels.index(index)
    rest = [k for k in stage.labels if k != index]
    best_node = scope.align(best, rest)
    node: Node = Chosen(stage.node.shape, stage.node, best_node, axis, expr.policy, expr.kind)
    return Labelled(node, stage.labels)


def _share(body: Labelled, best: Labelled, names: Sequence[sp.Symbol], scope: Scope) -> Labelled:
    ties = scope.apply("eq", body, best)
    return scope.apply("div", ties, fold("sum", ties, list(names)))
