"""What a lowering knows at a place in an equation: extents of indices, order of axes, conditions that hold there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.expr import Limit, rebind
from symcnn.core.tensor import Tensor
from symcnn.program.array import (
    LOGICAL,
    Expand,
    Labelled,
    Named,
    Node,
    Scalar,
    Spread,
    apply,
    floating,
    transposed,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """In which order the axes of a tensor lie in memory: as declared, but axes of the batch size come last.

    ``instances`` are the values that open sizes may have, where they are known: choices are made for the largest.
    """

    batch: sp.Symbol | None = None
    declared: frozenset[str] = frozenset()
    instances: tuple[tuple[tuple[sp.Symbol, sp.Expr], ...], ...] = ()

    def sized(self, instances: tuple[tuple[tuple[sp.Symbol, sp.Expr], ...], ...]) -> Layout:
        """The same order for arrays whose open sizes have these values."""
        return replace(self, instances=instances)

    def extent(self, extent: sp.Expr) -> sp.Expr:
        """A product of extents in numbers, the largest that it may be, where they are known."""
        found = [rebind(extent, dict(sizes)) for sizes in self.instances] or [extent]
        return max(found, key=int) if all(value.is_Integer for value in found) else extent

    def entries(self, shape: Sequence[sp.Expr]) -> int:
        """How many entries an array has for one image; 0 where sizes are open."""
        if self.batch is None:
            return 0
        count = self.extent(rebind(sp.Mul(*shape), {self.batch: sp.S.One}))
        return int(count) if count.is_Integer else 0

    def order(self, tensor: Tensor) -> tuple[int, ...]:
        """The declared axes in the order in which they are stored."""
        if self.batch is None or tensor.name in self.declared:
            return tuple(range(tensor.rank))
        return tuple(sorted(range(tensor.rank), key=lambda axis: tensor.shape[axis] == self.batch))

    def stored(self, tensor: Tensor) -> Named:
        """The tensor as an array of the program."""
        return Named(tuple(tensor.shape[axis] for axis in self.order(tensor)), tensor.name)


@dataclass(frozen=True, slots=True)
class Scope:
    """``extents`` of all indices in reach, free ones first in the order of the target; ``guards``: masks known true."""

    layout: Layout
    extents: Mapping[sp.Symbol, sp.Expr]
    guards: tuple[Labelled, ...] = ()

    def within(self, limits: Iterable[Limit]) -> Scope:
        """The scope inside a reduction."""
        return replace(self, extents={**self.extents, **dict(limits)})

    def under(self, mask: Labelled) -> Scope:
        """The scope in a branch that is taken where ``mask`` is true."""
        return replace(self, guards=(*self.guards, mask))

    def labels(self, expr: sp.Basic) -> set[sp.Symbol]:
        """The indices on which ``expr`` depends."""
        found: set[sp.Symbol] = expr.free_symbols & set(self.extents)
        return found

    def sorted(self, labels: Iterable[sp.Symbol]) -> tuple[sp.Symbol, ...]:
        """``labels`` in the order of the target, bound indices after them; an index of the batch comes last."""
        place = {label: at for at, label in enumerate(self.extents)}
        batch = self.layout.batch
        return tuple(sorted(labels, key=lambda k: (self.extents[k] == batch, place[k])))

    def shape(self, labels: Iterable[sp.Symbol]) -> tuple[sp.Expr, ...]:
        """The extents of ``labels``."""
        return tuple(self.extents[label] for label in labels)

    def joint(self, parts: Sequence[Labelled]) -> tuple[sp.Symbol, ...]:
        """All labels of ``parts``, in the order of the part that has them all, else in the order of the target."""
        every = {label for part in parts for label in part.labels}
        for part in parts:
            if len(part.labels) == len(every):
                return part.labels
        return self.sorted(every)

    def align(self, part: Labelled, labels: Sequence[sp.Symbol]) -> Node:
        """``part`` with axes in the order of ``labels``, extent 1 where it has none, ready to broadcast."""
        if isinstance(part.node, Scalar):
            return part.node
        present = [label for label in labels if label in part.labels]
        node = transposed(part.node, [part.labels.index(label) for label in present])
        first = next((at for at, label in enumerate(labels) if label in part.labels), len(labels))
        missing = [
            at for at, label in enumerate(labels[first:]) if label not in part.labels
        ]  # NumPy adds leading axes itself
        if not missing:
            return node
        shape = [self.extents[k] if k in part.labels else sp.S.One for k in labels[first:]]
        return Expand(tuple(shape), node, tuple(missing))

    def apply(self, function: str, *parts: Labelled) -> Labelled:
        """An elementwise function over the joint labels."""
        labels = self.joint(parts)
        parts = matched(function, parts)
        aligned = [self.align(part, labels) for part in parts]
        return Labelled(apply(function, *aligned, shape=self.shape(labels)), labels)

    def spread(self, part: Labelled, labels: Sequence[sp.Symbol]) -> Node:
        """``part`` with exactly the axes ``labels``, repeated where it does not depend on one."""
        node = self.align(part, labels)
        shape = self.shape(labels)
        if set(part.labels) == set(labels) or node.shape == shape:
            return node
        return Spread(shape, node)


def matched(function: str, parts: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """Whole numbers and truth values become floats where an operation would widen the dtype or have another meaning.

    Comparisons and whole numbers among themselves take what comes; beside floats, truth values count as 0 and 1.
    """
    kinds = {part.node.kind for part in parts if not isinstance(part.node, Scalar)}
    if function in LOGICAL or kinds <= {"int"} or kinds == {"float"}:
        return tuple(parts)
    mixed = function in ("add", "sub", "mul") and "float" in kinds
    kept = ("float", "bool") if mixed else ("float",)
    fixed = [part if part.node.kind in kept else Labelled(floating(part.node), part.labels) for part in parts]
    return (parts[0], *fixed[1:]) if function == "where" else tuple(fixed)
