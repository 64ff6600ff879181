"""The table of ONNX's operators that have a layer, which the modules beside this one fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.onnx_node import Node

Operator = Callable[[Assembly, Node], Any]
OPERATORS: dict[str, Operator] = {}


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Enters a reader under the names of its operators."""

    def entered(read: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, read))
        return read

    return entered
