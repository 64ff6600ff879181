"""Arrays of an emitted workspace: where each is bound, what memory it takes, and which memory may be used again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

from symcnn.program.array import Kind, product

Bound = Literal["setup", "bind", "call"]


@dataclass(frozen=True, slots=True)
class Array:
    """Python text of an array; ``whole``: its entries lie one after the other; ``slot``: its memory in the pool.

    It is bound when the workspace is made, when parameters are given, or in the running call.
    """

    text: str
    where: Bound = "setup"
    whole: bool = True
    slot: int | None = None


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
