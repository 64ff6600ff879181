"""Reads at places that are no affine function of the indices (floors, remainders): gathers by arrays of places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symcnn.core.expr import Within
from symcnn.program.array import Gather, Labelled, Node, Scalar, scalar
from symcnn.program.lower_read import whole
from symcnn.program.scope import Scope

Lower = Callable[[sp.Basic, Scope], Labelled]


def gathered(
    node: Node, at: Sequence[sp.Expr], outside: sp.Expr | None, scope: Scope, lower: Lower
) -> Labelled:
    """The entries of ``node`` at whole places; ``outside`` where a place is no entry; ``lower`` lowers positions."""
    masks, places = [], []
    for position, extent in zip(at, node.shape, strict=True):
        numerator, denominator = whole(position)
        place = lower(numerator, scope)
        if outside is not None:
            masks.append(lower(Within(position, extent, evaluate=False), scope))
            place = scope.apply("floordiv", place, Labelled(Scalar((), denominator), ()))
            place = scope.apply("maximum", place, Labelled(scalar(0), ()))
            place = scope.apply("minimum", place, Labelled(Scalar((), extent - 1), ()))
        places.append(place)
    labels = scope.joint(places)
    aligned = tuple(scope.align(place, labels) for place in places)
    found = Labelled(Gather(scope.shape(labels), node, aligned), labels)
    if outside is None:
        return found
    mask = masks[0]
    for other in masks[1:]:
        mask = scope.apply("and", mask, other)
    if found.node.kind == "bool" and outside == 0:
        return scope.apply("and", found, mask)
    return scope.apply("where", mask, found, Labelled(Scalar((), outside), ()))
