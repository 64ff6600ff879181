"""Products and their sums: factors are merged two at a time, and a sum over an index that two factors share is a matmul."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symcnn.program.array import (
    Along,
    Labelled,
    Matmul,
    Node,
    Scalar,
    Table,
    floating,
    product,
    reshaped,
    scalar,
    transposed,
)
from symcnn.program.scope import Scope
from symcnn.program.selection import fold

BATCH = 32  # what a size without a number counts for
LONG = 64  # terms of a sum from which the order of a product matters more than turning its result


def multiplied(parts: Sequence[Labelled], scope: Scope) -> Labelled:
    """The product of ``parts``, small ones first."""
    if not parts:
        return Labelled(scalar(1), ())
    order = sorted(parts, key=lambda part: (len(part.labels), part.node.kind == "bool"))
    result = order[0]
    for part in order[1:]:
        if result.node.kind == "bool" and part.node.kind == "bool":
            result = scope.apply("and", result, part)
        elif isinstance(result.node, Scalar) and part.node.kind == "bool":
            result = scope.apply("mul", result, Labelled(floating(part.node), part.labels))
        elif result.node.kind == "bool" or isinstance(result.node, Scalar):
            result = scope.apply("mul", part, result)
        else:
            result = scope.apply("mul", result, part)
    return result


def contracted(parts: Sequence[Labelled], bound: Sequence[sp.Symbol], scope: Scope) -> Labelled:
    """Σ over ``bound`` of the product of ``parts``."""
    absent = [k for k in bound if not any(k in part.labels for part in parts)]
    left = [k for k in bound if k not in absent]
    pool = list(parts) or [Labelled(scalar(1), ())]
    while True:
        pool = [_summed(at, pool, left) for at in range(len(pool))]
        left = [k for k in left if any(k in part.labels for part in pool)]
        if len(pool) == 1:
            break
        a, b = _pair(pool, left, scope)
        rest = [part for part in pool if part is not a and part is not b]
        dead = [k for k in left if not any(k in part.labels for part in rest)]
        pool = [*rest, _merged(a, b, dead, scope)]
    result = pool[0]
    if absent:
        times = Labelled(Scalar((), product(scope.extents[k] for k in absent)), ())
        result = scope.apply("mul", Labelled(floating(result.node), result.labels), times)
    return result


def _summed(at: int, pool: Sequence[Labelled], bound: Sequence[sp.Symbol]) -> Labelled:
    """Part ``at`` summed over what it alone depends on."""
    part = pool[at]
    others = {k for place, other in enumerate(pool) if place != at for k in other.labels}
    own = [k for k in bound if k in part.labels and k not in others]
    if not own:
        return part
    return fold("sum", Labelled(floating(part.node), part.labels), own)


def _pair(pool: Sequence[Labelled], bound: Sequence[sp.Symbol], scope: Scope) -> tuple[Labelled, Labelled]:
    """The two parts whose product, summed as far as it can be, has the fewest indices."""
    best: tuple[tuple[int, int, int, int], Labelled, Labelled] | None = None
    for i, a in enumerate(pool):
        for j in range(i + 1, len(pool)):
            b = pool[j]
            others = {k for part in pool if part is not a and part is not b for k in part.labels}
            joint = set(a.labels) | set(b.labels)
            alive = [k for k in joint if k in others or k not in bound]
            key = (len(joint) - max(len(a.labels), len(b.labels)), len(alive), i, j)
            if best is None or key < best[0]:
                best = (key, a, b)
    assert best is not None, "a pool of two parts or more has a pair"
    return best[1], best[2]


def _merged(a: Labelled, b: Labelled, bound: Sequence[sp.Symbol], scope: Scope) -> Labelled:
    """The product of two parts summed over ``bound``."""
    shared = [k for k in a.labels if k in b.labels]
    inner = [k for k in shared if k in bound]
    own = set(a.labels) ^ set(b.labels)
    if inner and own:
        a, b = (Labelled(floating(part.node), part.labels) for part in (a, b))
        for matrix, other in ((a, b), (b, a)):
            if isinstance(matrix.node, Table) and len(matrix.labels) == 2 and len(inner) == 1 == len(shared):
                return _along(matrix, other, inner[0], scope)
        return _matmul(a, b, inner, scope)
    joined = multiplied([a, b], scope)
    sums = [k for k in joined.labels if k in bound]
    if not sums:
        return joined
    return fold("sum", Labelled(floating(joined.node), joined.labels), sums)


def _along(matrix: Labelled, part: Labelled, inner: sp.Symbol, scope: Scope) -> Labelled:
    """A small matrix of numbers along one axis of a part, which keeps its other axes where they are."""
    (outer,) = (k for k in matrix.labels if k != inner)
    node = matrix.node if matrix.labels == (outer, inner) else transposed(matrix.node, (1, 0))
    axis = part.labels.index(inner)
    labels = tuple(outer if k == inner else k for k in part.labels)
    return Labelled(Along(scope.shape(labels), node, part.node, axis), labels)


def _matmul(a: Labelled, b: Labelled, inner: Sequence[sp.Symbol], scope: Scope) -> Labelled:
    """Batch, left and right indices stay; ``inner`` is summed by one matrix product."""
    a, b = _oriented(a, b, inner, scope)
    batch = [k for k in a.labels if k in b.labels and k not in inner]
    large = a if len(a.labels) > len(b.labels) else b
    inner = [k for k in large.labels if k in inner]
    batch = [k for k in large.labels if k in batch]
    left = [k for k in a.labels if k not in b.labels]
    right = [k for k in b.labels if k not in a.labels]
    first = _matrix(a, batch, left, inner, scope)
    second = _matrix(b, batch, inner, right, scope)
    shape = [product([scope.extents[k] for k in group]) for group in (left, right)]
    stack = scope.shape(batch)
    node: Node = Matmul((*stack, *shape), first, second)
    labels = (*batch, *left, *right)
    return Labelled(reshaped(node, scope.shape(labels)), labels)


def _oriented(
    a: Labelled, b: Labelled, inner: Sequence[sp.Symbol], scope: Scope
) -> tuple[Labelled, Labelled]:
    """The part that owns the index which lies innermost in the result goes right; of two known counts, the smaller.

    A product of few by many entries summed over a long axis is twice as fast with the many first.
    """
    counts = [
        scope.layout.extent(product(scope.extents[k] for k in p.labels if k not in q.labels))
        for p, q in ((a, b), (b, a))
    ]
    known = [scope.layout.extent(scope.extents[k]) for k in inner]
    summed = product(extent if extent.is_Integer else BATCH for extent in known)
    stacked = any(k in b.labels and k not in inner for k in a.labels)
    if all(count.is_Integer for count in counts) and summed >= LONG and not stacked:
        return (b, a) if counts[1] > counts[0] else (a, b)
    own = [k for k in scope.extents if (k in a.labels) != (k in b.labels)]
    return (b, a) if own and own[-1] in a.labels else (a, b)


def _matrix(
    part: Labelled,
    batch: Sequence[sp.Symbol],
    rows: Sequence[sp.Symbol],
    columns: Sequence[sp.Symbol],
    scope: Scope,
) -> Node:
    """``part`` as a stack of matrices, made in the order in which it lies in memory and turned as a view if need be."""
    if part.labels and part.labels[-1] in rows:
        turned = _matrix(part, batch, columns, rows, scope)
        order = list(range(len(turned.shape)))
        return transposed(turned, [*order[:-2], order[-1], order[-2]])
    labels = [*batch, *rows, *columns]
    node = transposed(part.node, [part.labels.index(k) for k in labels])
    sizes = [product([scope.extents[k] for k in group]) for group in (rows, columns)]
    return reshaped(node, (*scope.shape(batch), *sizes))
