"""Errors that a user can cause; every message is one line: what was expected, what came, where."""

from __future__ import annotations


class SymcnnError(Exception):
    """Base of every error that bad input can raise; anything else is a defect of symcnn."""


class FormulaError(SymcnnError):
    """A formula that cannot be read, or that reads outside its tensors; points at line and column."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        self.line = line
        self.column = column
        self.hint = hint
        where = f"line {line}, column {column}"
        super().__init__(f"{where}: {message}" + (f" ({hint})" if hint else ""))


class ShapeError(SymcnnError):
    """Shapes that do not fit each other."""


class UnsupportedFormula(SymcnnError):
    """A valid formula for which no rule, lowering or printed form exists; names the expression."""


class LimitExceeded(SymcnnError):
    """Input larger than a limit that keeps time and memory bounded; names the number and the limit."""


class UnknownName(SymcnnError):
    """A model, layer, tensor or parameter that does not exist; lists those that do."""
