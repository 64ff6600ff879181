"""Array programs: operations on whole arrays, each a frozen node that knows its symbolic shape.

Nodes are label-free, so that equal computations compare equal wherever they came from. ``Labelled`` joins a node with
the index that each of its axes stands for; layout is nothing but the order of those labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import sympy as sp

from symcnn.core.bounds import nonnegative
from symcnn.core.plan import Call

Shape = tuple[sp.Expr, ...]
Kind = Literal["float", "bool", "int"]


@dataclass(frozen=True, slots=True)
class Node:
    """An array of ``shape``."""

    shape: Shape

    @property
    def sources(self) -> tuple[Node, ...]:
        """The arrays that it is computed from."""
        found: list[Node] = []
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, Node):
                found.append(value)
            elif isinstance(value, tuple):
                found.extend(item for item in value if isinstance(item, Node))
        return tuple(found)

    @property
    def kind(self) -> Kind:
        """What its entries are."""
        return self.sources[0].kind if self.sources else "float"


@dataclass(frozen=True, slots=True)
class Named(Node):
    """An input, a parameter or an earlier result."""

    name: str
    entries: Kind = "float"

    @property
    def kind(self) -> Kind:
        return self.entries


@dataclass(frozen=True, slots=True)
class Scalar(Node):
    """A number: an expression of sizes and scalar parameters, computed in Python's own numbers."""

    value: sp.Expr


@dataclass(frozen=True, slots=True)
class Count(Node):
    """0, 1, …, n−1: the values of an index, as whole numbers or in the dtype of the inputs."""

    entries: Kind = "int"

    @property
    def kind(self) -> Kind:
        return self.entries


@dataclass(frozen=True, slots=True)
class Pad(Node):
    """``source`` with ``value`` around it: (before, after) for each axis."""

    source: Node
    widths: tuple[tuple[sp.Expr, sp.Expr], ...]
    value: sp.Expr


@dataclass(frozen=True, slots=True)
class Dilate(Node):
    """``source`` with ``factor`` − 1 times ``value`` between neighbours along ``axis``."""

    source: Node
    axis: int
    factor: sp.Expr
    value: sp.Expr


@dataclass(frozen=True, slots=True)
class Cut:
    """``start:stop:step`` along one axis; ``stop`` None where the axis ends there."""

    start: sp.Expr
    stop: sp.Expr | None
    step: sp.Expr

    @property
    def whole(self) -> bool:
        """Whether it takes the axis as it is."""
        return bool(self.start == 0 and self.stop is None and self.step == 1)


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """A cut for each axis; a bare expression takes one place and drops the axis."""

    source: Node
    cuts: tuple[Cut | sp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Flip(Node):
    """``source`` backwards along ``axes``."""

    source: Node
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Windows(Node):
    """A view with ``axis`` replaced by one axis for each step: entry […, i, r, …] is source[…, u·i + e·r, …]."""

    source: Node
    axis: int
    extents: Shape
    steps: Shape


@dataclass(frozen=True, slots=True)
class Gather(Node):
    """The entries of ``source`` at whole places, one array of places for each axis, which broadcast to ``shape``."""

    source: Node
    places: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Diagonal(Node):
    """Equal places along two axes; the joint axis comes last."""

    source: Node
    axes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Transpose(Node):
    """The axes of ``source`` in another order."""

    source: Node
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reshape(Node):
    """The entries of ``source`` in row-major order under another shape."""

    source: Node


@dataclass(frozen=True, slots=True)
class Expand(Node):
    """New axes of extent 1 at ``axes`` of the result."""

    source: Node
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spread(Node):
    """``source`` repeated to ``shape`` by NumPy's broadcasting."""

    source: Node


@dataclass(frozen=True, slots=True)
class Matmul(Node):
    """Matrix product over the last two axes."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Table(Named):
    """A matrix of numbers that are known beforehand."""


@dataclass(frozen=True, slots=True)
class Along(Node):
    """``matrix`` applied along ``axis`` of ``source``: Σ_k matrix[a, k]·source[…, k, …], with a in the place of k."""

    matrix: Node
    source: Node
    axis: int


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """An elementwise function of arrays that broadcast to ``shape``."""

    function: str
    args: tuple[Node, ...]

    @property
    def kind(self) -> Kind:
        if self.function in LOGICAL:
            return "bool"
        if self.function in ARITHMETIC and all(_whole(arg) for arg in self.args):
            return "int"
        return "float"


LOGICAL = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"})
ARITHMETIC = frozenset({"add", "sub", "mul", "neg", "mod", "floordiv", "maximum", "minimum"})


def _whole(node: Node) -> bool:
    return node.kind == "int" or (isinstance(node, Scalar) and bool(node.value.is_integer))


@dataclass(frozen=True, slots=True)
class Fold(Node):
    """``sum``, ``max``, ``min`` or ``prod`` of ``source`` over ``axes``."""

    operation: str
    source: Node
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chosen(Node):
    """True at the place along ``axis`` from which ``best`` was taken; ties go by ``policy`` (first, last, every).

    ``best`` is the result of ``operation``: max or min.
    """

    source: Node
    best: Node
    axis: int
    policy: str
    operation: str = "max"

    @property
    def kind(self) -> Kind:
        return "bool"


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """Truth values or whole numbers as numbers in the dtype of the inputs."""

    source: Node

    @property
    def kind(self) -> Kind:
        return "float"


@dataclass(frozen=True, slots=True)
class Copy(Node):
    """``source`` in memory of its own, so that a result never shares memory with an input."""

    source: Node


@dataclass(frozen=True, slots=True)
class Target:
    """Where a part lands along one axis: from ``start`` in ``step``; ``loops`` gives the step of each loop."""

    start: sp.Expr
    step: sp.Expr
    extent: sp.Expr | None
    loops: Shape


@dataclass(frozen=True, slots=True)
class Accumulate(Node):
    """Zeros to which each part of ``source`` is added; loops run over its first ``looped`` axes."""

    source: Node
    looped: int
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Zeros(Node):
    """An array of zeros in the dtype of the inputs."""


@dataclass(frozen=True, slots=True)
class Drawn(Node):
    """A mask: 0 with probability ``p``, else 1, drawn anew for each step of training.

    ``mask`` tells it from other masks of the same shape, which are drawn apart.
    """

    p: sp.Expr
    mask: str


@dataclass(frozen=True, slots=True)
class Called(Node):
    """What the procedure of a block returns, called with ``args``."""

    call: Call
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A node and the index that each axis stands for."""

    node: Node
    labels: tuple[sp.Symbol, ...]


def equal(left: sp.Expr, right: sp.Expr) -> bool:
    """Equal for all sizes, as far as expansion shows."""
    return bool(left == right or sp.expand(left - right) == 0)


def amount(expr: sp.Expr) -> sp.Expr:
    """max(0, expr), decided where the sizes allow it."""
    if nonnegative(-expr):
        return sp.S.Zero
    return expr if nonnegative(expr) else sp.Max(0, expr)


def product(extents: Iterable[sp.Expr]) -> sp.Expr:
    """The number of entries."""
    return sp.expand(sp.Mul(*extents))


def scalar(value: object) -> Scalar:
    """A number as a node."""
    return Scalar((), sp.sympify(value, strict=True))


def transposed(node: Node, order: Sequence[int]) -> Node:
    """``node`` with its axes in ``order``; two transpositions become one, none becomes nothing."""
    order = tuple(order)
    if isinstance(node, Transpose):
        order, node = tuple(node.order[axis] for axis in order), node.source
    if order == tuple(range(len(order))):
        return node
    return Transpose(tuple(node.shape[axis] for axis in order), node, order)


def reshaped(node: Node, shape: Sequence[sp.Expr]) -> Node:
    """``node`` under another shape."""
    shape = tuple(shape)
    if isinstance(node, Reshape):
        node = node.source
    if len(shape) == len(node.shape) and all(map(equal, shape, node.shape)):
        return node
    return Reshape(shape, node)


def cut(node: Node, cuts: Sequence[Cut | sp.Expr], shape: Sequence[sp.Expr]) -> Node:
    """``node`` cut along its axes."""
    if all(isinstance(c, Cut) and c.whole for c in cuts):
        return node
    return Slice(tuple(shape), node, tuple(cuts))


def apply(function: str, *args: Node, shape: Sequence[sp.Expr] | None = None) -> Node:
    """An elementwise function."""
    chosen = shape if shape is not None else max((arg.shape for arg in args), key=len)
    return Apply(tuple(chosen), function, args)


def floating(node: Node) -> Node:
    """``node`` as numbers in the dtype of the inputs."""
    if node.kind == "float" or isinstance(node, Scalar):
        return node
    return Count(node.shape, "float") if isinstance(node, Count) else Cast(node.shape, node)
