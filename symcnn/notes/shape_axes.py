"""The shape of a value before its size is known: a tuple of axes, and the kind that they make."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


ONE: Hashable = ("one",)


COUNTER = -1
"""The place of the axis that counts tensors."""


Axis = Hashable


Shape = tuple[Axis, ...] | None


def kind_of(shape: tuple[Axis, ...]) -> str:
    """S, V (column), R (row), M or T with the number of axes."""
    match shape:
        case ():
            return "S"
        case (a, b):
            if a == ONE and b == ONE:
                return "O"
            return "V" if b == ONE else "R" if a == ONE else "M"
    return f"T{len(shape)}"


def transposed(shape: Shape) -> Shape:
    return tuple(reversed(shape)) if shape else shape
