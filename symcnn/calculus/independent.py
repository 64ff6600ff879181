"""Indices whose values do not meet: what holds for one value of such an index holds for all of them.

An index i of the forward equation and the index t of the gradient's tensor T are independent where every read of a
tensor, in either equation, has i (or t) alone at the same axes of that tensor, i and t stand nowhere else, and T is
read at i. Then the entries at i = 0 and at any other value are the same expressions in slices of the tensors that have
no entry in common, and no entry of T at t reaches an output at another i: the axis can be left out of a proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.core.equation import Equation, Index
from symcnn.core.expr import Read
from symcnn.core.tensor import Tensor

Axes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Claim:
    """``gradient`` is said to be the cotangent of ``of`` through ``forward``, whose target has ``cotangent``."""

    forward: Equation
    gradient: Equation
    of: Tensor
    cotangent: Tensor


def sliced(claim: Claim) -> tuple[Claim, tuple[str, ...]]:
    """The claim without the axes of independent indices, and the names of those indices."""
    left_out: list[str] = []
    for index in claim.forward.free:
        smaller = _without(claim, index)
        if smaller is not None:
            claim = smaller
            left_out.append(str(index.symbol.name))
    return claim, tuple(left_out)


def _without(claim: Claim, index: Index) -> Claim | None:
    """The claim without one index, or None where its values meet."""
    forward = _alone([claim.forward.target, claim.forward.body], index.symbol)
    if forward is None or not forward.get(claim.of.name):
        return None
    (axis, *more) = forward[claim.of.name]
    partner = claim.gradient.free[axis]
    if more or partner.extent != index.extent or claim.gradient.target.at[axis] != partner.symbol:
        return None
    backward = _alone([claim.gradient.target, claim.gradient.body], partner.symbol)
    if backward is None:
        return None
    known = {**forward, claim.cotangent.name: forward[claim.forward.tensor.name]}
    if any(known.get(name, axes) != axes for name, axes in backward.items()):
        return None
    axes = {**backward, **known}
    return Claim(
        _slice(claim.forward, index, axes),
        _slice(claim.gradient, partner, axes),
        _smaller(claim.of, axes),
        _smaller(claim.cotangent, axes),
    )


def _alone(parts: Iterable[sp.Basic], symbol: sp.Symbol) -> Axes | None:
    """The axes of each tensor at which ``symbol`` stands alone; None where it stands elsewhere or not always there."""
    found: Axes = {}
    frontier = list(parts)
    while frontier:
        node = frontier.pop()
        if isinstance(node, Read):
            axes = tuple(axis for axis, position in enumerate(node.at) if position == symbol)
            mixed = any(position != symbol and symbol in position.free_symbols for position in node.at)
            if mixed or found.setdefault(node.tensor.name, axes) != axes:
                return None
        elif node == symbol:
            return None
        else:
            frontier.extend(node.args)
    return found


def _slice(equation: Equation, index: Index, axes: Axes) -> Equation:
    free = tuple(other for other in equation.free if other.symbol != index.symbol)
    return Equation(_reduced(equation.target, axes), _reduced(equation.body, axes), free)


def _reduced(expr: sp.Basic, axes: Axes) -> sp.Basic:
    if isinstance(expr, Read):
        gone = axes.get(expr.tensor.name, ())
        at = [position for axis, position in enumerate(expr.at) if axis not in gone]
        return Read(_smaller(expr.tensor, axes), at, expr.args[2])
    return expr.func(*(_reduced(arg, axes) for arg in expr.args)) if expr.args else expr


def _smaller(tensor: Tensor, axes: Axes) -> Tensor:
    gone = axes.get(tensor.name, ())
    return Tensor(tensor.name, [e for axis, e in enumerate(tensor.shape) if axis not in gone], tensor.role)
