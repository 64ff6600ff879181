"""Sizes from shapes: in which order the axes of given arrays determine every size symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class SizeRule:
    """``symbol`` is ``formula``, in which ``extent`` stands for axis ``axis`` of the array of ``tensor``."""

    symbol: sp.Symbol
    tensor: Tensor
    axis: int
    extent: sp.Symbol
    formula: sp.Expr


def size_rules(tensors: Iterable[Tensor], known: Iterable[sp.Symbol] = ()) -> tuple[SizeRule, ...]:
    """Rules that find the sizes of ``tensors`` from their arrays: plain axes first, ``G*C`` once C is known.

    A size that no axis determines (it stands only under a floor, say) has no rule; shapes are checked apart.
    """
    given, found = list(tensors), list(known)
    rules: list[SizeRule] = []
    axes = [(tensor, axis) for tensor in given for axis in range(tensor.rank)]
    plain = [(t, a) for t, a in axes if t.shape[a].is_Symbol]
    progress = True
    while progress:
        progress = False
        for tensor, axis in (*plain, *axes):
            rule = _solved(tensor, axis, found)
            if rule is not None:
                rules.append(rule)
                found.append(rule.symbol)
                progress = True
                break
    return tuple(rules)


def _solved(tensor: Tensor, axis: int, known: Sequence[sp.Symbol]) -> SizeRule | None:
    shape = tensor.shape[axis]
    unknown = sorted(shape.free_symbols - set(known), key=lambda s: str(s.name))
    if len(unknown) != 1 or shape.has(sp.floor):
        return None
    (symbol,) = unknown
    expanded = sp.expand(shape)
    slope = expanded.coeff(symbol, 1)
    rest = sp.expand(expanded - slope * symbol)
    if slope == 0 or rest.has(symbol) or slope.has(symbol):
        return None
    extent = sp.Dummy("extent", integer=True, positive=True)
    formula = extent - rest
    return SizeRule(symbol, tensor, axis, extent, formula if slope == 1 else sp.floor(formula / slope))


def sizes_of(
    tensors: Sequence[Tensor],
    shapes: Mapping[str, tuple[int, ...]],
    known: Mapping[sp.Symbol, object] | None = None,
) -> dict[sp.Symbol, object]:
    """Value of every size that the shapes of given arrays determine, beside those already ``known``."""
    values = dict(known or {})
    for tensor in tensors:
        if len(shapes[tensor.name]) != tensor.rank:
            raise ShapeError(
                f"expected {tensor.rank} axes {tensor.shape} in {tensor.name}, got {shapes[tensor.name]}"
            )
    for rule in size_rules(tensors, values):
        extent = shapes[rule.tensor.name][rule.axis]
        values[rule.symbol] = int(rule.formula.xreplace({**values, rule.extent: sp.Integer(extent)}).doit())
    return values
