"""Passes for the fast module alone: functions written out in calls that take ``out=``, so that their parts are shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from symcnn.core.bounds import nonnegative
from symcnn.program.array import (
    Accumulate,
    Apply,
    Node,
    Pad,
    Scalar,
    Transpose,
    Windows,
    apply,
    scalar,
    transposed,
)
from symcnn.program.steps import Step, rebuilt


def written_out(step: Step) -> Step:
    """σ(z) = max(e, [z ≥ 0])/(1 + e) and softplus(z) = max(z, 0) + log(1 + e), with e = exp(−|z|): nothing overflows."""
    return Step(step.name, rebuilt(step.node, _written_out), step.statement)


def _written_out(node: Node) -> Node | None:
    match node:
        case Apply(function="sigmoid", args=(argument,)):
            argument = rebuilt(argument, _written_out)
            small = _small(argument)
            above = apply("maximum", small, apply("ge", argument, scalar(0)))
            return apply("div", above, apply("add", small, scalar(1)))
        case Apply(function="softplus", args=(argument,)):
            argument = rebuilt(argument, _written_out)
            return apply("add", apply("log1p", _small(argument)), apply("maximum", argument, scalar(0)))
    return None


def _small(argument: Node) -> Node:
    """exp(−|z|), the same for z and −z."""
    if isinstance(argument, Apply) and argument.function == "neg":
        argument = argument.args[0]
    return apply("exp", apply("neg", apply("abs", argument)))


def framed(step: Step) -> Step:
    """What is added to one stretch of zeros is the same with a border of zeros: it may be computed inside it."""
    return Step(step.name, rebuilt(step.node, _framed), step.statement)


def _framed(node: Node) -> Node | None:
    if not isinstance(node, Accumulate) or node.looped:
        return None
    widths = []
    for target, extent in zip(node.targets, node.shape, strict=True):
        if target.extent is None or target.step != 1:
            return None
        widths.append((target.start, sp.expand(extent - target.start - target.extent)))
    if not all(nonnegative(width) for pair in widths for width in pair):
        return None
    return Pad(node.shape, rebuilt(node.source, _framed), tuple(widths), sp.S.Zero)


def mirrored(step: Step) -> Step:
    """Windows whose two axes have one extent and one step read the same either way: always the same axis first.

    Then the columns of a product forwards are known to be those of the product backwards.
    """
    return Step(step.name, rebuilt(step.node, _mirrored), step.statement)


def _mirrored(node: Node) -> Node | None:
    if not isinstance(node, Transpose):
        return None
    order = list(node.order)
    source: Node = node.source
    above = len(node.order)
    while isinstance(source, Windows) and source.axis + 1 < above:
        if len(source.extents) == 2 and len({*source.extents}) == len({*source.steps}) == 1:
            first, second = sorted(order.index(source.axis + k) for k in (0, 1))
            order[first], order[second] = source.axis, source.axis + 1
        above = source.axis
        source = source.source
    if tuple(order) == node.order:
        return None
    return transposed(rebuilt(node.source, _mirrored), order)


def grouped(step: Step) -> Step:
    """Products and quotients with their small factors multiplied first, so that one pass over the large one remains.

    g[c]·x[n,c]/s[c] is (g[c]/s[c])·x[n,c]; a division by a number or a small array is one multiplication.
    """
    return Step(step.name, _grouped(step.node), step.statement)


def _grouped(node: Node) -> Node:
    match node:
        case Apply(function="mul" | "div") if node.kind == "float":
            above, below = _factors(node)
            whole = [f for f in above if _fills(f, node)]
            small = [f for f in above if not _fills(f, node)]
            if whole and all(not _fills(f, node) and f.kind == "float" for f in below) and (small or below):
                return _joined(node, whole, [f for f in small if f.kind != "bool"], below, small)
    fields: dict[str, object] = {}
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            fields[name] = _grouped(value)
        elif isinstance(value, tuple) and any(isinstance(item, Node) for item in value):
            fields[name] = tuple(_grouped(item) if isinstance(item, Node) else item for item in value)
    return replace(node, **fields) if fields else node  # type: ignore[arg-type]


def _fills(factor: Node, node: Node) -> bool:
    return factor.shape == node.shape


def _factors(node: Node) -> tuple[list[Node], list[Node]]:
    """Factors above and below the fraction bar, of products in the node's own shape and of what broadcasts to it."""
    if not isinstance(node, Apply) or node.function not in ("mul", "div"):
        return [node], []
    above, below = _factors(node.args[0]) if node.args[0].shape == node.shape else ([node.args[0]], [])
    up, down = _factors(node.args[1]) if node.args[1].shape == node.shape else ([node.args[1]], [])
    if node.function == "div":
        up, down = down, up
    return [*above, *up], [*below, *down]


def _joined(
    node: Apply, whole: Sequence[Node], small: Sequence[Node], below: Sequence[Node], every: Sequence[Node]
) -> Node:
    """The product of the small factors in their own shape, once, times the large ones."""
    number = sp.Mul(*(part.value for part in small if isinstance(part, Scalar)))
    number /= sp.Mul(*(part.value for part in below if isinstance(part, Scalar)))
    factor: Node | None = Scalar((), number) if number != 1 else None
    for part in sorted((p for p in small if not isinstance(p, Scalar)), key=lambda part: len(part.shape)):
        factor = _grouped(part) if factor is None else _apply("mul", factor, _grouped(part))
    for part in sorted((p for p in below if not isinstance(p, Scalar)), key=lambda part: len(part.shape)):
        factor = _apply("div", factor if factor is not None else scalar(1), _grouped(part))
    result = _grouped(whole[0])
    for part in (*whole[1:], *(f for f in every if f.kind == "bool")):
        result = apply("mul", result, _grouped(part), shape=node.shape)
    return result if factor is None else apply("mul", result, factor, shape=node.shape)


def _apply(function: str, left: Node, right: Node) -> Node:
    """An elementwise function in the shape to which both broadcast."""
    rank = max(len(left.shape), len(right.shape))
    padded = [(sp.S.One,) * (rank - len(node.shape)) + node.shape for node in (left, right)]
    return apply(function, left, right, shape=[a if b == 1 else b for a, b in zip(*padded, strict=True)])
