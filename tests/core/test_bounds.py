"""Proofs of bounds are never wrong: whatever is claimed for all sizes holds at every size that is tried."""

from __future__ import annotations

import itertools

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcnn.core.bounds import coefficients, inside, nonnegative, span
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.index import index, offset, size

N, R, U = size("N"), size("R"), size("u")
IX, K = index("i"), index("k")
SMALL = st.integers(-4, 4)
UNHURRIED = settings(deadline=None)  # a busy machine is no failure


@st.composite
def size_expressions(draw: st.DrawFn) -> sp.Expr:
    """Polynomials of degree two in three sizes, with a floor of such a quotient."""
    parts = [draw(SMALL), draw(SMALL) * N, draw(SMALL) * R, draw(SMALL) * U, draw(SMALL) * N * R]
    expr = sp.Add(*parts)
    if draw(st.booleans()):
        inner = sp.Add(draw(SMALL), draw(SMALL) * N, draw(SMALL) * R)
        divisor = draw(st.sampled_from([sp.Integer(2), sp.Integer(3), U]))
        expr = expr + draw(SMALL) * draw(st.sampled_from([sp.Integer(1), U])) * sp.floor(inner / divisor)
    return expr


@UNHURRIED
@given(size_expressions())
def test_nonnegative_is_never_wrong(expr: sp.Expr) -> None:
    if not nonnegative(expr):
        return
    for n, r, u in itertools.product((1, 2, 3, 4, 7), (1, 2, 3, 5), (1, 2, 3)):
        assert expr.subs({N: n, R: r, U: u}) >= 0


@pytest.mark.parametrize(
    "expr",
    [
        sp.Integer(0),
        N - 1,
        N * R - N,
        N * R - N - R + 1,
        N - 2 * sp.floor(N / 2),
        N - 1 - U * sp.floor((N - 1) / U),
        sp.floor(N / 2),
        3 * sp.floor((N + 2) / 3) - N,
        (sp.floor(N / U) + 1) * U - N - 1 + 1,
    ],
)
def test_what_holds_is_proved(expr: sp.Expr) -> None:
    assert nonnegative(expr)


@pytest.mark.parametrize("expr", [N - 2, R - N, -N, offset("p"), N - offset("p"), sp.floor((N - R) / 2)])
def test_what_can_fail_is_not_proved(expr: sp.Expr) -> None:
    assert not nonnegative(expr)


@UNHURRIED
@given(SMALL, SMALL, SMALL, st.integers(1, 5), st.integers(1, 5), st.integers(1, 12))
def test_inside_agrees_with_counting(a: int, b: int, c: int, n: int, k: int, extent: int) -> None:
    position = sp.Integer(a) * IX + sp.Integer(b) * K + c
    extents = {IX: sp.Integer(n), K: sp.Integer(k)}
    always = all(0 <= a * i + b * j + c < extent for i in range(n) for j in range(k))
    assert inside(position, sp.Integer(extent), extents) == always


@UNHURRIED
@given(SMALL, SMALL, st.integers(0, 3), st.integers(0, 3))
def test_inside_with_symbolic_sizes_is_never_wrong(a: int, c: int, less: int, more: int) -> None:
    position, extent, limit = a * IX + c, N + more, N - less
    if not inside(position, extent, {IX: limit}):
        return
    for n in range(1, 9):
        assert all(0 <= a * i + c < n + more for i in range(n - less))


@UNHURRIED
@given(SMALL, SMALL, SMALL, st.integers(1, 5), st.integers(1, 5))
def test_span_is_exact(a: int, b: int, c: int, n: int, k: int) -> None:
    reach = span(sp.Integer(a) * IX + sp.Integer(b) * K + c, {IX: sp.Integer(n), K: sp.Integer(k)})
    every = [a * i + b * j + c for i in range(n) for j in range(k)]
    assert reach == (min(every), max(every))


def test_a_coefficient_of_unknown_sign_has_no_span() -> None:
    assert span(offset("q") * IX, {IX: N}) is None
    assert span(-U * IX + 3, {IX: N}) == (sp.expand(3 - U * (N - 1)), 3)


@UNHURRIED
@given(SMALL, SMALL, SMALL)
def test_coefficients_put_together_again(a: int, b: int, c: int) -> None:
    position = sp.Add(sp.Mul(a, U, IX, evaluate=True), b * K, c * R)
    slopes, rest = coefficients(position, {IX, K})
    assert sp.expand(sum(s * k for k, s in slopes.items()) + rest - position) == 0
    assert not rest.free_symbols & {IX, K}


@pytest.mark.parametrize("position", [IX * K, IX**2, sp.floor(IX / 2), sp.Mod(IX, 3)])
def test_positions_that_are_not_affine_are_refused(position: sp.Expr) -> None:
    with pytest.raises(UnsupportedFormula, match="not affine"):
        coefficients(position, {IX, K})
