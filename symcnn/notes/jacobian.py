"""The derivative of one tensor by another, entry by entry; products of such, and how they are laid out as matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from symcnn.notes.families import Reading, Unreadable
from symcnn.notes.operations import Array, array

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Jacobian:
    """∂of/∂wrt entry by entry: the first axes are those of `of`, the others those of `wrt`."""

    entries: Array
    of_shape: tuple[int, ...]
    wrt_shape: tuple[int, ...]
    of: tuple[sp.Expr, ...]
    wrt: tuple[sp.Expr, ...]
    of_loss: bool = False
    by_row: bool = False


def scalar_link(made: Jacobian) -> Jacobian:
    return made


def contract(a: Jacobian, b: Jacobian, reading: Reading) -> Jacobian | None:
    """The product of two links of a chain: ∂y/∂u · ∂u/∂x summed over u; None where they are no links.

    Raises Mismatch where the order is against the stated layout.
    """
    if a.wrt == b.of and a.wrt_shape == b.of_shape:
        first, second = a, b
    elif b.wrt == a.of and b.wrt_shape == a.of_shape:
        if reading.layout == "numerator" and max(len(a.of), len(a.wrt), len(b.wrt), len(b.of)) > 1:
            return None
        first, second = b, a
    else:
        return None
    axes = len(first.wrt_shape)
    entries = (
        np.tensordot(first.entries, second.entries, axes=axes) if axes else first.entries * second.entries
    )
    return Jacobian(
        array(entries), first.of_shape, second.wrt_shape, first.of, second.wrt, first.of_loss, second.by_row
    )


def flat(made: Jacobian, reading: Reading) -> Array:
    """A Jacobian as the scalar, vector or matrix that a formula means by it."""
    of_size, wrt_size = len(made.of), len(made.wrt)
    if of_size == 1 and (made.of_shape in ((), (1, 1))):
        value = made.entries.reshape(made.wrt_shape)
        if value.ndim == 2 and 1 in value.shape and wrt_size > 1:
            row = reading.layout == "numerator"
            return value.T if row or made.by_row else value
        return value
    if wrt_size == 1:
        value = made.entries.reshape(made.of_shape)
        return value.T if reading.layout == "denominator" and value.ndim == 2 else value
    if reading.entrywise and made.of_shape == made.wrt_shape:
        square = made.entries.reshape(of_size, wrt_size)
        if all(square[i, j] == 0 for i in range(of_size) for j in range(wrt_size) if i != j):
            return array([square[k, k] for k in range(of_size)]).reshape(made.of_shape)
    if is_vector(made.of_shape) and is_vector(made.wrt_shape):
        matrix = made.entries.reshape(of_size, wrt_size)
        return matrix.T if reading.layout == "denominator" else matrix
    raise Unreadable(
        "a derivative of a matrix by a matrix has four axes, and nothing says how it is laid out"
    )


def is_vector(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and 1 in shape
