"""What a formula can be worth in a world: an array, a Jacobian, or something whose size its place decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symcnn.notes.flexible import Flexible
from symcnn.notes.jacobian import Jacobian
from symcnn.notes.operations import Array, array


@dataclass(frozen=True, slots=True)
class Lazy:
    """An array that a rule gives entry by entry, without saying how large it is."""

    entry: Callable[[tuple[int, ...]], sp.Expr]


Value = Array | Jacobian | Flexible | Lazy


def as_array(value: Any) -> Array:
    return value if isinstance(value, np.ndarray) else array(sp.sympify(value, strict=True))


def shape_text(value: Array) -> str:
    return " x ".join(map(str, value.shape)) or "a number"
