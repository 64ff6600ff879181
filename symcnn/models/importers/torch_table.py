"""The table of PyTorch's operators that have a layer, which the modules beside this one fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.assembly import Assembly

Operator = Callable[[Assembly, Arguments], Any]

OPERATORS: dict[str, Operator] = {}


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Enters a reader under the names of its operators."""

    def entered(read: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, read))
        return read

    return entered
