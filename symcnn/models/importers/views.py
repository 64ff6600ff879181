"""Values of a network that is being read, and views of them: entries moved, split and joined, before any layer says so.

A view is one affine read of its source: reshapes, transpositions, slices and expansions compose into it, and all of
them together become a single equation when a layer needs the entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.core.index import fresh

Extent: TypeAlias = "int | sp.Expr"
Shape = tuple[sp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What a layer computes: the layer's name, and the shape with the batch as a symbol."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Weight:
    """An array that the original holds, by the original's name; ``trained`` tells parameters from constants.

    ``truth`` marks ones and zeros that were truth values.
    """

    name: str
    array: np.ndarray
    trained: bool
    truth: bool = False

    @property
    def shape(self) -> Shape:
        return tuple(map(sp.Integer, self.array.shape))


@dataclass(frozen=True, slots=True)
class Digit:
    """An index of a view; an axis joined from several axes is a number whose digits these are."""

    symbol: sp.Symbol
    extent: sp.Expr


@dataclass(frozen=True, slots=True)
class View:
    """``axes`` are the axes of the view, each a row of digits; ``at`` the position in each axis of the source."""

    source: Value | Weight
    at: tuple[sp.Expr, ...]
    axes: tuple[tuple[Digit, ...], ...]

    @property
    def shape(self) -> Shape:
        return tuple(sp.expand(sp.Mul(*(d.extent for d in axis))) for axis in self.axes)

    @property
    def rank(self) -> int:
        return len(self.axes)

    @property
    def plain(self) -> bool:
        """Whether it is the source itself, entry by entry."""
        return self.shape == self.source.shape and all(
            len(axis) == 1 and (position == axis[0].symbol or (position == 0 and extent == 1))
            for axis, position, extent in zip(self.axes, self.at, self.source.shape, strict=True)
        )

    @property
    def direct(self) -> bool:
        """Whether every axis is one index, and every position one of these indices alone or 0 in an axis of extent 1."""
        symbols = {axis[0].symbol: axis[0].extent for axis in self.axes if len(axis) == 1}
        return len(symbols) == len(self.axes) and all(
            symbols.get(position) == extent or (position == 0 and extent == 1)
            for position, extent in zip(self.at, self.source.shape, strict=True)
        )


def whole(source: Value | Weight) -> View:
    """The view of every entry in its place."""
    axes = tuple((Digit(fresh("i"), extent),) for extent in source.shape)
    return View(source, tuple(axis[0].symbol for axis in axes), axes)


def constant(array: np.ndarray, name: str = "constant") -> View:
    """The view of an array that nothing trains."""
    kept = array if array.dtype.kind == "f" else array.astype(float)
    return whole(Weight(name, kept, False, array.dtype.kind == "b"))


def permuted(view: View, dims: Sequence[int]) -> View:
    """The axes in another order: axis k is axis ``dims[k]`` of ``view``. Raises ShapeError."""
    order = [placed(d, view.rank) for d in dims]
    if sorted(order) != list(range(view.rank)):
        raise ShapeError(f"expected an order of {view.rank} axes, got {tuple(dims)}")
    return View(view.source, view.at, tuple(view.axes[k] for k in order))


def inserted(view: View, dim: int) -> View:
    """A new axis of extent 1 before axis ``dim``."""
    cut = placed(dim, view.rank + 1)
    return View(view.source, view.at, (*view.axes[:cut], _one(), *view.axes[cut:]))


def dropped(view: View, dims: Iterable[int]) -> View:
    """Without those of the axes ``dims`` whose extent is 1."""
    gone = {placed(d, view.rank) for d in dims}
    kept = [k for k in range(view.rank) if k not in gone or view.shape[k] != 1]
    loose = [d.symbol for k in range(view.rank) if k not in kept for d in view.axes[k]]
    at = tuple(p.xreplace(dict.fromkeys(loose, sp.S.Zero)) for p in view.at)
    return View(view.source, at, tuple(view.axes[k] for k in kept))


def expanded(view: View, shape: Sequence[Extent]) -> View:
    """Axes of extent 1 repeated to ``shape``, in which −1 keeps an axis; new axes come first. Raises ShapeError."""
    extra = len(shape) - view.rank
    if extra < 0:
        raise ShapeError(f"expected at least {view.rank} axes, got the shape {tuple(shape)}")
    for _ in range(extra):
        view = inserted(view, 0)
    axes, at = list(view.axes), view.at
    extents = [sp.sympify(extent, strict=True) for extent in shape]
    for k, (got, extent) in enumerate(zip(view.shape, extents, strict=True)):
        if extent in (-1, got):
            continue
        if got != 1:
            raise ShapeError(f"expected an axis of 1 or {extent} to expand, got {got}")
        at = tuple(p.xreplace({d.symbol: sp.S.Zero for d in axes[k]}) for p in at)
        axes[k] = (Digit(fresh("i"), sp.expand(extent)),)
    return View(view.source, at, tuple(axes))


def sliced(view: View, dim: int, start: Extent, step: int, extent: Extent) -> View | None:
    """``extent`` entries of an axis from ``start`` in steps; None where the axis has several digits."""
    k = placed(dim, view.rank)
    if len(view.axes[k]) != 1:
        return None
    old, new = view.axes[k][0], Digit(fresh("i"), sp.sympify(extent, strict=True))
    at = tuple(sp.expand(p.xreplace({old.symbol: start + step * new.symbol})) for p in view.at)
    return View(view.source, at, (*view.axes[:k], (new,), *view.axes[k + 1 :]))


def selected(view: View, dim: int, position: Extent) -> View | None:
    """One entry of an axis, which is no more; None where the axis has several digits."""
    found = sliced(view, dim, position, 1, 1)
    return None if found is None else dropped(found, [dim])


def reshaped(view: View, shape: Sequence[Extent]) -> View | None:
    """The entries in row-major order in axes of ``shape``; None where a digit would not split.

    One extent may be −1. Raises ShapeError where the number of entries differs.
    """
    wanted = completed(shape, view.shape)
    digits = [d for axis in view.axes for d in axis if d.extent != 1]
    ones = {d.symbol: sp.S.Zero for axis in view.axes for d in axis if d.extent == 1}
    at = tuple(p.xreplace(ones) for p in view.at)
    axes: list[tuple[Digit, ...]] = []
    for extent in reversed(wanted):
        row: list[Digit] = []
        left = extent
        while left != 1:
            if not digits:
                return None
            last = digits.pop()
            if (rest := _quotient(left, last.extent)) is not None:
                row.insert(0, last)
                left = rest
            elif (front := _quotient(last.extent, left)) is not None:
                high, low = Digit(fresh("i"), front), Digit(fresh("i"), left)
                at = tuple(sp.expand(p.xreplace({last.symbol: high.symbol * left + low.symbol})) for p in at)
                digits.append(high)
                row.insert(0, low)
                left = sp.S.One
            else:
                return None
        axes.insert(0, tuple(row) or _one())
    return joined(View(view.source, at, tuple(axes))) if not digits else None


def joined(view: View) -> View:
    """Neighbouring digits as one index where every position reads them as one number."""
    at, axes = view.at, []
    for axis in view.axes:
        row = [axis[0]]
        for low in axis[1:]:
            high = row[-1]
            if all(sp.expand(p.coeff(high.symbol) - low.extent * p.coeff(low.symbol)) == 0 for p in at):
                both = Digit(fresh("i"), sp.expand(high.extent * low.extent))
                at = tuple(p.xreplace({high.symbol: sp.S.Zero, low.symbol: both.symbol}) for p in at)
                row[-1] = both
            else:
                row.append(low)
        axes.append(tuple(row))
    return View(view.source, at, tuple(axes))


def completed(shape: Sequence[Extent], given: Sequence[sp.Expr]) -> list[sp.Expr]:
    """``shape`` with −1 replaced by what the number of entries leaves. Raises ShapeError."""
    count = sp.expand(sp.Mul(*given))
    wanted = [sp.expand(sp.sympify(extent, strict=True)) for extent in shape]
    known = sp.Mul(*(e for e in wanted if e != -1))
    if wanted.count(sp.Integer(-1)) == 1 and (rest := _quotient(count, known)) is not None:
        wanted = [rest if extent == -1 else extent for extent in wanted]
    if sp.expand(sp.Mul(*wanted)) != count or any(e.is_positive is not True for e in wanted):
        raise ShapeError(f"expected a shape of {count} entries, got ({', '.join(map(str, shape))})")
    return wanted


def placed(dim: int, rank: int) -> int:
    """An axis counted from the front. Raises ShapeError."""
    if not -max(rank, 1) <= dim < max(rank, 1):
        raise ShapeError(f"expected one of {rank} axes, got {dim}")
    return dim % max(rank, 1)


def _one() -> tuple[Digit, ...]:
    return (Digit(fresh("i"), sp.S.One),)


def _quotient(number: sp.Expr, divisor: sp.Expr) -> sp.Expr | None:
    """``number / divisor`` where it is whole for every batch size."""
    quotient = sp.cancel(number / divisor)
    terms = sp.Add.make_args(sp.expand(quotient))
    integral = sp.fraction(quotient)[1] == 1 and all(t.as_coeff_Mul()[0].is_Integer for t in terms)
    return sp.expand(quotient) if integral else None
