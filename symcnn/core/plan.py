"""A plan: the numbered statements of a forward pass, a loss and their gradients, before any array program exists.

A block that stands in several places is one procedure, called in each place: its statements are derived once.
"""

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
    ``evaluation`` is what stands in its place when the trained network is used, None where that is the same.
    """

    number: int
    equation: Equation
    note: str = ""
    layer: str = ""
    scatters: tuple[Scatter, ...] = ()
    evaluation: Equation | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A procedure in its place, forwards or backwards.

    ``name`` is the block's name there: it stands before the names of the procedure's parameters, state and saved
    values. Forwards, ``arguments`` are the values that reach it and ``results`` is its output. Backwards, ``arguments``
    is the cotangent of its output, a tensor or a number, and ``results`` are the cotangents of its inputs, None for
    one that this place has no use for. ``given``, where no prefix is put before names, are the parameters and state
    that it gets, backwards the gradients that it gives. ``sizes`` are the procedure's sizes here.
    """

    procedure: str
    name: str
    arguments: tuple[Tensor | sp.Expr, ...]
    results: tuple[Tensor | None, ...]
    backward: bool = False
    given: tuple[Tensor, ...] | None = None
    sizes: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()


Action = Statement | Call


@dataclass(frozen=True, slots=True)
class Draw:
    """A mask of zeros, each with probability ``p``, and ones, drawn anew for each step of training."""

    tensor: Tensor
    p: sp.Expr


@dataclass(frozen=True, slots=True)
class Procedure:
    """A block under local names: what it computes, and what follows backwards from the cotangent of its output.

    ``places`` are the blocks that it stands for, ``table`` has a row for each layer. ``seed`` is the cotangent of
    ``output``; ``cotangents`` are those of the inputs that some place needs, ``gradients`` those of its own parameters
    (name → cotangent). ``parameters`` and ``state`` hold those of inner blocks too, under prefixed names; ``labels``
    keep the network's names. ``explicit`` marks one that is called with its parameters and state as arguments.
    ``instances`` are the values that its sizes have in each place.
    """

    name: str
    places: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    inputs: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    state: tuple[Tensor, ...]
    draws: tuple[Draw, ...]
    output: Tensor
    forward: tuple[Action, ...]
    seed: Tensor
    backward: tuple[Action, ...]
    cotangents: tuple[Tensor, ...]
    gradients: tuple[tuple[str, Tensor], ...]
    explicit: bool = False
    instances: tuple[tuple[tuple[sp.Symbol, sp.Expr], ...], ...] = ()

    @property
    def saved(self) -> tuple[Tensor, ...]:
        """The values of the forward pass that the backward pass reads."""
        made = {s.equation.tensor for s in self.forward if isinstance(s, Statement)}
        known = {*made, *self.inputs, *(draw.tensor for draw in self.draws)}
        read = [t for s in self.backward if isinstance(s, Statement) for t in s.equation.inputs]
        return tuple(dict.fromkeys(tensor for tensor in read if tensor in known))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a module computes.

    ``inputs`` are given per call (x, and for a network the labels y); ``parameters`` are trained; ``scalars`` are free
    scalar parameters with their defaults. ``forward`` computes ``output``; ``loss`` computes ``objective`` from the
    output's layer in a form that cannot overflow; ``backward`` computes ``gradients`` (tensor name → its cotangent).
    For a formula (``objective`` None) the cotangent of the output, ``seed``, is an argument.

    In evaluation, ``measure`` takes the place of the objective, without auxiliary losses. ``state`` are running
    statistics: training updates them, evaluation reads them; ``units`` are those that start at 1, the others at 0.
    ``draws`` are the masks of training, which takes ``least`` examples or more. ``constants`` are the tensors of the
    state that nothing updates and only the caller knows. ``additive`` says whether the objective is a "sum" over
    examples or the "mean" of one, so that parts of a batch tell the whole.
    """

    name: str
    title: str
    inputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    scalars: tuple[tuple[sp.Symbol, sp.Expr | None], ...]
    forward: tuple[Action, ...]
    output: Tensor
    backward: tuple[Action, ...]
    gradients: tuple[tuple[str, Tensor], ...]
    loss: tuple[Statement, ...] = ()
    objective: Tensor | None = None
    seed: Tensor | None = None
    table: tuple[tuple[str, ...], ...] = ()
    measure: Tensor | None = None
    state: tuple[Tensor, ...] = ()
    units: tuple[Tensor, ...] = ()
    least: int = 1
    draws: tuple[Draw, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    constants: tuple[Tensor, ...] = ()
    additive: str = ""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The plan's own statements, without those of its procedures."""
        return tuple(s for s in (*self.forward, *self.loss, *self.backward) if isinstance(s, Statement))

    @property
    def every_statement(self) -> tuple[Statement, ...]:
        """The plan's own statements and those of its procedures, each once."""
        inner = (a for p in self.procedures for a in (*p.forward, *p.backward) if isinstance(a, Statement))
        return (*self.statements, *inner)

    def procedure(self, name: str) -> Procedure:
        """The procedure of this name."""
        return next(procedure for procedure in self.procedures if procedure.name == name)
