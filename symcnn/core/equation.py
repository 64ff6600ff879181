"""Equations: ``target[positions] = body`` with the extents of the free indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from symcnn.core.expr import Read, Reduce, Selected, rebind, tensors
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Index:
    """A free index and its extent: it runs over 0 … extent − 1."""

    symbol: sp.Symbol
    extent: sp.Expr


@dataclass(frozen=True, slots=True)
class Equation:
    """``target[positions] = body`` for all values of the free indices."""

    target: Read
    body: sp.Expr
    free: tuple[Index, ...]

    @property
    def tensor(self) -> Tensor:
        """The tensor that the equation defines."""
        return self.target.tensor

    @property
    def extents(self) -> dict[sp.Symbol, sp.Expr]:
        """Extent of every index, free and bound."""
        found = {index.symbol: index.extent for index in self.free}
        for node in sp.preorder_traversal(self.body):
            if isinstance(node, Reduce | Selected):
                found.update(node.limits)
        return found

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors that the body reads."""
        return tensors(self.body)

    def substituted(self, mapping: Mapping[sp.Basic, sp.Basic]) -> Equation:
        """The same equation with sizes, parameters or tensors replaced."""
        free = tuple(Index(index.symbol, rebind(index.extent, mapping)) for index in self.free)
        return Equation(rebind(self.target, mapping), rebind(self.body, mapping), free)

    def __str__(self) -> str:
        return f"{self.target} = {self.body}"


@dataclass(frozen=True, slots=True)
class System:
    """Equations in order, the last of which defines the output, with the names that they read.

    ``inputs`` are the tensors given from outside; ``parameters`` the free scalars and integers with their defaults.
    """

    equations: tuple[Equation, ...]
    inputs: tuple[Tensor, ...]
    parameters: tuple[tuple[sp.Symbol, sp.Expr | None], ...] = ()

    @property
    def output(self) -> Tensor:
        return self.equations[-1].tensor

    @property
    def sizes(self) -> list[sp.Symbol]:
        """The size symbols of the inputs, in order of appearance."""
        known = {name for name, _ in self.parameters}
        found: dict[sp.Symbol, None] = {}
        for tensor in (*self.inputs, *(e.tensor for e in self.equations)):
            for extent in tensor.shape:
                found.update(dict.fromkeys(sorted(extent.free_symbols - known, key=lambda s: str(s.name))))
        return list(found)

    def substituted(self, mapping: Mapping[sp.Basic, sp.Basic]) -> System:
        """The same system with sizes, parameters or tensors replaced; replaced parameters are no longer free."""
        return System(
            tuple(equation.substituted(mapping) for equation in self.equations),
            tuple(rebind(tensor, mapping) for tensor in self.inputs),
            tuple((name, default) for name, default in self.parameters if name not in mapping),
        )

    def __str__(self) -> str:
        return "\n".join(map(str, self.equations))
