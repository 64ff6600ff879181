"""Powers of numbers, of tensors entry by entry, and inverses of small matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from symcnn.notes import operations as ops
from symcnn.notes.families import Unreadable
from symcnn.notes.operations import Array, array
from symcnn.notes.tree import Group, Juxtapose, Node, Sequence, Symbol
from symcnn.notes.values import Value

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator

LARGEST_EXPONENT = 12


LARGEST_INVERSE = 3


def powered(evaluator: Evaluator, value: Value, power: Node | None) -> Value:
    if power is None:
        return value
    if not isinstance(value, np.ndarray):
        raise Unreadable("a power of something that has no size")
    if isinstance(power, Juxtapose | Sequence) or (
        isinstance(power, Symbol) and power.name not in evaluator.env
    ):
        return _strange_power(evaluator, value, power)
    exponent = evaluator.scalar(power)
    if exponent.is_number and abs(exponent) > LARGEST_EXPONENT:
        raise Unreadable(f"an exponent of {exponent} is above the limit of {LARGEST_EXPONENT}")
    if value.ndim == 2 and value.shape != (1, 1) and exponent.is_Integer and exponent < 0:
        return _inverse(evaluator, value, -int(exponent))
    return ops.entrywise(lambda x: sp.Pow(x, exponent), value)


def _inverse(evaluator: Evaluator, value: Array, times: int) -> Array:
    """The inverse of a small square matrix, `times` times."""
    if value.shape[0] != value.shape[1] or value.shape[0] > LARGEST_INVERSE:
        raise Unreadable("only the inverse of a small square matrix is taken")
    matrix = sp.Matrix(value.tolist())
    inverse = array((matrix.adjugate() / matrix.det(method="berkowitz")).tolist())
    result = inverse
    for _ in range(times - 1):
        result = ops.matmul(result, inverse)
    return result


def _strange_power(evaluator: Evaluator, value: Value, power: Node) -> Value:
    if isinstance(value, np.ndarray) and value.size == 1 and value.flat[0] == sp.E:
        return ops.entrywise(sp.exp, evaluator.value(power))
    exponent = evaluator.scalar(power)
    return ops.entrywise(lambda x: sp.Pow(x, exponent), value)  # type: ignore[arg-type]


def norm(evaluator: Evaluator, group: Group, power: Node | None) -> Array:
    value = evaluator.value(group.body)
    squares = sp.Add(*(sp.sympify(x, strict=True) ** 2 for x in value.flat))
    if power is not None and evaluator.scalar(power) == 2:
        return array(squares)
    return array(sp.sqrt(squares))
