"""Equations at known sizes: windows of one entry are no windows, values outside that no read reaches are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from symcnn.core.bounds import inside
from symcnn.core.equation import Equation
from symcnn.core.expr import Limit, Read, Reduce, reads, rebind
from symcnn.core.plan import Scatter


def concrete(equation: Equation) -> Equation:
    """Drop windows of one entry, and outside values that concrete sizes prove unused (no padding, stride 1)."""
    equation = Equation(equation.target, _without_units(equation.body), equation.free)
    extents = equation.extents
    bare = {
        read: read.unguarded()
        for read in reads(equation.body)
        if read.outside is not None
        and all(inside(p, e, extents) for p, e in zip(read.at, read.tensor.shape, strict=True))
    }
    return Equation(equation.target, rebind(equation.body, bare), equation.free) if bare else equation


def _without_units(body: sp.Expr) -> sp.Expr:
    """A reduction over a window of one entry is its body at 0."""
    for single in _reductions(body):
        zeros = _units(single.limits, reads(single.body))
        if zeros:
            kept = [limit for limit in single.limits if limit[0] not in zeros]
            inner = Reduce(single.kind, rebind(single.body, zeros), kept)
            return _without_units(rebind(body, {single: inner}))
    return body


def _units(limits: Sequence[Limit], found: Sequence[Read]) -> dict[sp.Basic, sp.Basic]:
    """0 for each index of one value that only shifts another in a position."""
    alone = {k for k, extent in limits if extent == 1}
    shifts = {k for read in found for p in read.at if not p.is_Symbol for k in alone & p.free_symbols}
    return {k: sp.S.Zero for k, _ in limits if k in shifts}


def _reductions(body: sp.Expr) -> list[Reduce]:
    return [node for node in sp.preorder_traversal(body) if isinstance(node, Reduce)]


def moved(scatter: Scatter, mapping: Mapping[sp.Basic, sp.Basic]) -> Scatter:
    """A scatter-addition with sizes and tensors replaced."""
    limits = [(k, rebind(extent, mapping)) for k, extent in scatter.limits]
    zeros = _units(limits, (scatter.target, *reads(scatter.factor)))
    return Scatter(
        rebind(rebind(scatter.target, mapping), zeros),
        _without_units(rebind(rebind(scatter.factor, mapping), zeros)),
        tuple(limit for limit in limits if limit[0] not in zeros),
    )
