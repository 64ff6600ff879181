"""Total differentials: d of an entry is a symbol, d of an expression is the sum of its slopes times such symbols.

The differential of a name that the notes define is opened by its definition; that of a loss which they leave open
by the tensors that are computed last, with the loss's derivatives by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.notes.defined_values import defined_value
from symcnn.notes.operations import Array, entrywise

if TYPE_CHECKING:
    from symcnn.notes.world import World

ROUNDS = 12


class Differentials:
    """The differentials of one world; `of` maps the symbol of a differential to its entry."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.of: dict[sp.Symbol, sp.Symbol] = {}

    def array(self, value: Array) -> Array:
        """d of every entry. Raises Unreadable for a derivative of the loss."""
        return entrywise(lambda entry: self.expression(sp.sympify(entry, strict=True)), value)

    def expression(self, expr: sp.Expr) -> sp.Expr:
        """The differential of an expression, in those of its symbols."""
        from symcnn.notes.families import Unreadable

        total: sp.Expr = sp.Integer(0)
        for symbol in sorted(expr.free_symbols, key=str):
            if symbol in self.of or symbol in self.world.cotangents.of:
                raise Unreadable("a differential of a differential, or of a derivative of the loss")
            if self._is_constant(symbol):
                continue
            made = sp.Symbol(f"d({symbol})")
            self.of.setdefault(made, symbol)
            total += sp.diff(expr, symbol) * made
        return total

    def _is_constant(self, symbol: sp.Symbol) -> bool:
        """Whether an entry is given and, by the reading, does not vary."""
        if not self.world.reading.constants or symbol not in self.world.origin:
            return False
        given = defined_value(self.world, symbol) is None
        return given and self.world.origin[symbol][0].key not in self.world.facts.varied

    def opened(self, expr: sp.Expr) -> sp.Expr:
        """`expr` with the differentials of defined names put in, down to those of given ones."""
        for _ in range(ROUNDS):
            table = {
                symbol: inner
                for symbol in sorted(expr.free_symbols & set(self.of), key=str)
                if (inner := self._inner(self.of[symbol])) is not None
            }
            if not table:
                return expr
            expr = expr.xreplace(table)
        return expr

    def _inner(self, entry: sp.Symbol) -> sp.Expr | None:
        value = defined_value(self.world, entry) if entry in self.world.origin else None
        if value is not None:
            return self.expression(value)
        if entry in self.world.origin and self.world.origin[entry][0].key in self.world.facts.losses:
            return self._of_open_loss(entry)
        return None

    def _of_open_loss(self, loss: sp.Symbol) -> sp.Expr:
        from symcnn.notes.families import Unreadable

        cotangents = self.world.cotangents
        last = cotangents.last_computed(loss)
        if not last:
            raise Unreadable("nothing says what the loss depends on")
        return sp.Add(*(cotangents.cotangent(loss, entry) * self.expression(entry) for entry in last))
