"""Identities and vectors of ones that the notes write without a size: their place in a formula decides it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp

from symcnn.notes import operations as ops
from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.operations import Array, array


def _one() -> Array:
    return array([[sp.Integer(1)]])


def _ones(rows: int, columns: int) -> Array:
    return array([[sp.Integer(1)] * columns for _ in range(rows)])


@dataclass(frozen=True, slots=True)
class Flexible:
    """`factor * (before ⊗ I ⊗ after)` with an identity of any size, or ones of any length.

    `kind` is `identity`, `ones` (a column or a row) or `square`, the product of a column of ones with itself.
    """

    kind: str
    factor: sp.Expr = sp.S.One
    before: Array = field(default_factory=_one)
    after: Array = field(default_factory=_one)
    row: bool = False
    """Whether ones are written as a row."""
    length: int | None = None
    """How many ones the notes say that there are; only asked where their place leaves it open."""

    def scaled(self, factor: sp.Expr) -> Flexible:
        return replace(self, factor=self.factor * factor)

    @property
    def transposed(self) -> Flexible:
        return replace(self, before=array(self.before.T), after=array(self.after.T), row=not self.row)

    def kronecker(self, other: Array, *, first: bool) -> Flexible:
        """other ⊗ self, or self ⊗ other. Raises Unreadable for ones."""
        if self.kind != "identity":
            raise Unreadable("nothing says the size of the ones")
        if first:
            return replace(self, before=ops.kronecker(other, self.before))
        return replace(self, after=ops.kronecker(self.after, other))

    def sized(self, count: int, axis: int) -> Array:
        """The matrix that has `count` rows (axis 0) or columns (axis 1). Raises Mismatch where none has."""
        outer = self.before.shape[axis] * self.after.shape[axis]
        if count % outer:
            raise Mismatch(f"no identity makes this product have {count} {'columns' if axis else 'rows'}")
        inner = array(sp.eye(count // outer).tolist())
        made = ops.kronecker(ops.kronecker(self.before, inner), self.after)
        return array(made * self.factor)

    def spread(self, other: Flexible) -> Flexible:
        """A column of ones times the same ones as a row. Raises Unreadable for other products of two of them."""
        if (self.kind, other.kind, self.row, other.row) != ("ones", "ones", False, True):
            raise Unreadable("nothing says the size of the identity or of the ones")
        return Flexible("square", self.factor * other.factor, length=self.length)

    def like(self, other: Array) -> Array:
        """The array of this kind that stands beside `other` in a sum or an equation."""
        if other.ndim != 2:
            raise Unreadable("nothing says the size of the identity")
        if self.kind == "identity":
            return self.sized(other.shape[0], 0)
        return array(np.full(other.shape, self.factor, dtype=object))

    def times(self, other: Array) -> Array:
        """self · other."""
        if other.ndim == 0:
            raise Unreadable("nothing says the size of the identity or of the ones")
        if self.kind == "identity":
            return ops.matmul(self.sized(other.shape[0], 1), other)
        if self.kind == "square":
            return array(ops.matmul(_ones(other.shape[0], other.shape[0]), other) * self.factor)
        return array(ops.matmul(array([[sp.Integer(1)] * other.shape[0]]), other) * self.factor)

    def after_product(self, other: Array) -> Array:
        """other · self."""
        if self.kind == "identity":
            return ops.matmul(other, self.sized(other.shape[1], 0))
        if self.kind == "square":
            return array(ops.matmul(other, _ones(other.shape[1], other.shape[1])) * self.factor)
        if other.shape[1] == 1:
            if not self.row or self.length is None:
                raise Unreadable("nothing says the size of the ones")
            return array(ops.matmul(other, _ones(1, self.length)) * self.factor)
        return array(ops.matmul(other, array([[sp.Integer(1)]] * other.shape[1])) * self.factor)
