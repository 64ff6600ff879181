"""Arguments of an operator, which know the ones that were read: what no reader looks at must not be passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Arguments(dict[str, Any]):
    """The arguments of ``operator`` by name, which knows the ones that were read."""

    def __init__(self, given: Mapping[str, Any], operator: str = "") -> None:
        super().__init__(given)
        self.operator = operator
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def operands(self) -> list[Any]:
        """All arguments in order."""
        self.read |= set(self)
        return list(self.values())
