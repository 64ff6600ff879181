"""Plain operations, and the walk through them that calls each by its name in another library's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: ``out`` from ``given`` and ``params``. ``done`` names values that nothing reads afterwards;
    ``alone`` tells that it may overwrite what it reads.
    """

    name: str
    out: str
    given: tuple[str, ...]
    params: tuple[str, ...]
    attributes: Attributes
    done: tuple[str, ...] = ()
    alone: bool = False


def computed(operations: Iterable[Operation], words: Any, params: Mapping[str, Any], x: Any) -> Any:
    """The loss: every operation is the method of ``words`` with its name, called with itself, values and parameters."""
    values = {"x": x}
    out = x
    for op in operations:
        method = getattr(words, op.name)
        out = method(op, *(values[name] for name in op.given), *(params[name] for name in op.params))
        for name in op.done:
            del values[name]
        values[op.out] = out
    return out


def bins(extent: int, count: int) -> np.ndarray:
    """Weights of the means over ``count`` bins that cover an axis, as adaptive pooling takes them."""
    weights = np.zeros((count, extent))
    for i in range(count):
        first, end = i * extent // count, -(-(i + 1) * extent // count)
        weights[i, first:end] = 1 / (end - first)
    return weights
