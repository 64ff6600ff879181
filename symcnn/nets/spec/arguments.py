"""Checks of the arguments of layer specifications: counts, and one number for each dimension."""

from __future__ import annotations

from fractions import Fraction

from symcnn.core.errors import ShapeError

Sizes = int | tuple[int, ...]
Number = int | float | Fraction


def count(value: object, what: str, least: int = 1) -> int:
    """An integer of at least ``least``. Raises ShapeError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ShapeError(
            f"expected {what} as a positive integer, got {value!r}"
            if least == 1
            else f"expected {what} as an integer ≥ {least}, got {value!r}"
        )
    return value


def each(value: object, dims: int, what: str, least: int) -> tuple[int, ...]:
    """One integer for each dimension, from one for all or one for each. Raises ShapeError."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * dims
    whole = tuple(v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= least)
    if len(values) != dims or whole != values:
        several = {1: "", 2: " or a pair of them", 3: " or three of them"}[dims]
        raise ShapeError(f"expected {what} as an integer ≥ {least}{several}, got {value!r}")
    return whole


def exact(value: object, what: str) -> Fraction:
    """A finite number as the fraction that its decimal form says. Raises ShapeError."""
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise ShapeError(f"expected {what} as a number, got {value!r}")
    try:
        return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    except ValueError:
        raise ShapeError(f"expected {what} as a finite number, got {value!r}") from None
