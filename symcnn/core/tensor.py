"""Tensors: a name, a symbolic shape and a role."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import sympy as sp
from sympy.core.symbol import Str

Role = Literal["input", "parameter", "target", "value", "cotangent"]


class Tensor(sp.Basic):
    """A tensor ``name`` of ``shape``; part of expressions, so that a substitution of sizes reaches its shape."""

    def __new__(cls, name: str | Str, shape: Iterable[object] = (), role: str | Str = "value") -> Tensor:
        return super().__new__(cls, Str(str(name)), sp.Tuple(*shape), Str(str(role)))

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        return tuple(self.args[1])

    @property
    def role(self) -> str:
        return str(self.args[2].name)

    @property
    def rank(self) -> int:
        return len(self.args[1])

    def renamed(self, name: str) -> Tensor:
        """The same tensor under another name."""
        return Tensor(name, self.shape, self.role)

    def cotangent(self) -> Tensor:
        """The tensor of ∂L/∂(self), of the same shape."""
        return Tensor(f"d{self.name}", self.shape, "cotangent")

    def _sympystr(self, printer: object) -> str:
        return self.name
