"""A plan: the numbered statements of a forward pass, a loss and their gradients, before any array program exists."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Limit, Read
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Scatter:
    """``target[positions] += factor``, summed over ``limits``; entries that nothing reaches are 0.

    The adjoint of an affine read before its deltas are contracted: equal to the gather form, cheaper where windows
    overlap. Positions outside the target add nothing.
    """

    target: Read
    factor: sp.Expr
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One numbered step of a plan.

    ``equation`` is the exact index equation of the whole statement. ``scatters``, where present, is an equal form as a
    sum of scatter-additions that a lowering may use instead. ``note`` names the result, ``layer`` where it belongs.
    """

    number: int
    equation: Equation
    note: str = ""
    layer: str = ""
    scatters: tuple[Scatter, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a module computes.

    ``inputs`` are given per call (x, and for a network the labels y); ``parameters`` are trained; ``scalars`` are free
    scalar parameters with their defaults. ``forward`` computes ``output``; ``loss`` computes ``objective`` from the
    output's layer in a form that cannot overflow; ``backward`` computes ``gradients`` (tensor name → its cotangent).
    For a formula (``objective`` None) the cotangent of the output, ``seed``, is an argument.
    """

    name: str
    title: str
    inputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    scalars: tuple[tuple[sp.Symbol, sp.Expr | None], ...]
    forward: tuple[Statement, ...]
    output: Tensor
    backward: tuple[Statement, ...]
    gradients: tuple[tuple[str, Tensor], ...]
    loss: tuple[Statement, ...] = ()
    objective: Tensor | None = None
    seed: Tensor | None = None
    table: tuple[tuple[str, ...], ...] = ()
