"""Fewer products for small windows: Winograd's F(m, r), derived by Toom and Cook's interpolation and proved before use.

m neighbouring results of a window of r places are coefficients of a product of polynomials. Evaluated at m + r − 1
points (one of them infinity), multiplied there and interpolated, they cost m + r − 1 products instead of m·r. The
transposed algorithm is y = Aᵀ[(G g) ⊙ (Bᵀ d)] (Lavin and Gray 2016, equation 5). Points other than 0, 1 and −1 enlarge
rounding errors: F(4, 3) at 0, ±1, ±2, ∞ has about twenty times those of the sum itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from symcnn.core.errors import UnsupportedFormula

POINTS = (0, 1, -1, 2, -2, sp.Rational(1, 2), sp.Rational(-1, 2))


@dataclass(frozen=True, slots=True)
class Transforms:
    """``output`` is Aᵀ, ``kernel`` G and ``data`` Bᵀ of F(tile, window)."""

    tile: int
    window: int
    output: sp.ImmutableMatrix
    kernel: sp.ImmutableMatrix
    data: sp.ImmutableMatrix


@cache
def transforms(tile: int, window: int) -> Transforms:
    """F(tile, window) at the first points. Raises UnsupportedFormula where there are too few, or the proof fails."""
    count = tile + window - 1
    if not 2 <= window <= count - 1 <= len(POINTS):
        raise UnsupportedFormula(
            f"expected a window and a tile for {len(POINTS)} points, got F({tile}, {window})"
        )
    points = [sp.Integer(p) if isinstance(p, int) else p for p in POINTS[: count - 1]]
    t = sp.Symbol("t")
    output = sp.Matrix(tile, count, lambda i, a: points[a] ** i if a < count - 1 else int(i == tile - 1))
    rows, data = [], []
    for p in points:
        others = [q for q in points if q != p]
        scale = sp.prod([p - q for q in others])
        rows.append([p**r / scale for r in range(window)])
        data.append(_coefficients(sp.prod([t - q for q in others]), t, count))
    rows.append([int(r == window - 1) for r in range(window)])
    data.append(_coefficients(sp.prod([t - q for q in points]), t, count))
    made = Transforms(
        tile, window, *(sp.ImmutableMatrix(m) for m in (output, sp.Matrix(rows), sp.Matrix(data)))
    )
    if not proved(made):
        raise UnsupportedFormula(f"F({tile}, {window}) is no identity")
    return made


def _coefficients(polynomial: sp.Expr, t: sp.Symbol, count: int) -> list[sp.Expr]:
    found = sp.Poly(polynomial, t).all_coeffs()[::-1]
    return [*found, *([sp.S.Zero] * (count - len(found)))]


def proved(made: Transforms) -> bool:
    """Σ_a Aᵀ[i,a]·G[a,r]·Bᵀ[a,k] = [k = i + r] for all i, r, k, in exact numbers: the trilinear form of the window."""
    count = made.data.shape[0]
    return all(
        sum(made.output[i, a] * made.kernel[a, r] * made.data[a, k] for a in range(count)) == int(k == i + r)
        for i in range(made.tile)
        for r in range(made.window)
        for k in range(count)
    )
