"""Arrays of an emitted workspace: where each is bound, what memory it takes, and which memory may be used again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

from symcnn.program.array import Apply, Cut, Expand, Kind, Node, Reshape, Slice, Transpose, Windows, product
from symcnn.program.steps import VIEWS

Bound = Literal["setup", "bind", "call"]


@dataclass(frozen=True, slots=True)
class Array:
    """Python text of an array; ``whole``: its entries lie one after the other; ``slot``: its memory in the pool.

    It is bound when the workspace is made, when parameters are given, or in the running call. ``shape`` and ``steps``
    (entries from one place to the next along each axis) where they are known.
    """

    text: str
    where: Bound = "setup"
    whole: bool = True
    slot: int | None = None
    shape: tuple[sp.Expr, ...] | None = None
    steps: tuple[sp.Expr, ...] | None = None


def row_major(shape: Sequence[sp.Expr]) -> tuple[sp.Expr, ...]:
    """Steps of an array whose entries lie one after the other."""
    steps: list[sp.Expr] = []
    step = sp.S.One
    for extent in reversed(shape):
        steps.append(step)
        step = sp.expand(step * extent)
    return tuple(reversed(steps))


def steps_of(node: Node, source: Sequence[sp.Expr], whole: bool) -> tuple[sp.Expr, ...] | None:
    """Steps of a view from those of what it looks at; None where they are not known."""
    match node:
        case Transpose(order=order):
            return tuple(source[axis] for axis in order)
        case Windows(axis=axis, steps=steps):
            opened = tuple(sp.expand(source[axis] * step) for step in steps)
            return (*source[:axis], *opened, *source[axis + 1 :])
        case Slice(cuts=cuts):
            return tuple(
                sp.expand(step * c.step) for c, step in zip(cuts, source, strict=True) if isinstance(c, Cut)
            )
        case Expand(axes=axes):
            left = iter(source)
            return tuple(sp.S.Zero if axis in axes else next(left) for axis in range(len(node.shape)))
        case Reshape(source=inner):
            return row_major(node.shape) if whole else split_steps(inner.shape, node.shape, source)
    return None


def split_steps(
    source: Sequence[sp.Expr], shape: Sequence[sp.Expr], steps: Sequence[sp.Expr]
) -> tuple[sp.Expr, ...] | None:
    """Steps where a reshape only takes axes apart; None where it joins some."""
    found: list[sp.Expr] = []
    at = 0
    for extent, step in zip(source, steps, strict=True):
        group: list[sp.Expr] = []
        held = sp.S.One
        while held != extent and at < len(shape):
            group.append(shape[at])
            held, at = sp.expand(held * shape[at]), at + 1
        if held != extent:
            return None
        found.extend(sp.expand(step * inner) for inner in row_major(group))
    return (*found, *([sp.S.One] * (len(shape) - at))) if all(n == 1 for n in shape[at:]) else None


@dataclass(slots=True)
class Slot:
    """One stretch of memory, as many numbers as the largest array that takes it."""

    size: sp.Expr
    kind: Kind
    free: bool = False


@dataclass(slots=True)
class Pool:
    """Memory for arrays that live one after the other: a dead array's stretch goes to the next that fits."""

    slots: list[Slot] = field(default_factory=list)

    def take(self, shape: tuple[sp.Expr, ...], kind: Kind) -> int:
        """A stretch for an array of ``shape``: the smallest free one that is large enough at every batch size."""
        size = product(shape)
        fitting = [
            (int(slot.size.subs(dict.fromkeys(slot.size.free_symbols, 32))), at)
            for at, slot in enumerate(self.slots)
            if slot.free and slot.kind == kind and _covers(slot.size, size)
        ]
        if fitting:
            at = min(fitting)[1]
            self.slots[at].free = False
            return at
        self.slots.append(Slot(size, kind))
        return len(self.slots) - 1

    def release(self, slot: int | None) -> None:
        """The array is dead."""
        if slot is not None:
            self.slots[slot].free = True


def _covers(large: sp.Expr, small: sp.Expr) -> bool:
    """Whether ``large`` ≥ ``small`` for all positive sizes."""
    rest = sp.expand(large - small)
    return all(term.as_coeff_Mul()[0] >= 0 for term in sp.Add.make_args(rest))


def splits(source: Sequence[sp.Expr], shape: Sequence[sp.Expr]) -> bool:
    """Whether a reshape only takes axes apart, which needs no copy."""
    at = 0
    for extent in source:
        held = sp.S.One
        while held != extent and at < len(shape):
            held, at = sp.expand(held * shape[at]), at + 1
        if held != extent:
            return False
    return all(extent == 1 for extent in shape[at:])


def dtype_of(kind: Kind) -> str:
    """The text of a dtype."""
    return {"float": "dtype", "bool": "bool", "int": "np.intp"}[kind]


def first_computed(node: Apply) -> Node | None:
    """The first argument that is computed in ``node``'s own shape: it goes into the same memory."""
    for arg in node.args:
        if arg.shape == node.shape and arg.kind == "float" and not isinstance(arg, VIEWS):
            if isinstance(arg, Reshape) and isinstance(arg.source, VIEWS):
                continue
            return arg
    return None


def still_whole(chain: Sequence[Node]) -> bool:
    """Whether a chain of views leaves entries one after the other."""
    return all(isinstance(node, Reshape | Expand) for node in chain)
