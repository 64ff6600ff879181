"""Indices, sizes and parameters: the only place where bound indices are made.

A bound index is always a fresh ``Dummy``: substituting into a body can then never capture it.
"""

from __future__ import annotations

import sympy as sp


class Bound(sp.Dummy):
    """A bound index: equal to itself alone, printed by its bare name."""

    __slots__ = ()

    def _sympystr(self, printer: object) -> str:
        return str(self.name)


def index(name: str) -> sp.Symbol:
    """A free index, an integer that starts at 0."""
    return sp.Symbol(name, integer=True, nonnegative=True)


def fresh(name: str) -> Bound:
    """A new bound index that prints as ``name`` and equals no other."""
    return Bound(name.rstrip("'"), integer=True, nonnegative=True)


def size(name: str) -> sp.Symbol:
    """A size: the extent of an axis, a positive integer."""
    return sp.Symbol(name, integer=True, positive=True)


def stride(name: str) -> sp.Symbol:
    """An integer parameter that scales an index (stride, dilation): positive."""
    return sp.Symbol(name, integer=True, positive=True)


def offset(name: str) -> sp.Symbol:
    """An integer parameter that shifts an index (padding): any integer."""
    return sp.Symbol(name, integer=True)


def scalar(name: str) -> sp.Symbol:
    """A real scalar parameter."""
    return sp.Symbol(name, real=True)
