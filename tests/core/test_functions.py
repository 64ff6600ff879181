"""Named functions are their definitions; kinks follow the policy; derivatives in the own output are found, not listed."""

from __future__ import annotations

from itertools import product

import pytest
import sympy as sp

from symcnn.core.expr import Where
from symcnn.core.functions import (
    KinkPolicy,
    absolute,
    derivative_in_output,
    fold,
    sigmoid,
    signum,
    softplus,
    unfold,
)

z, w = sp.symbols("z w", real=True)
a = sp.Symbol("a", real=True)


@pytest.mark.parametrize(
    ("definition", "wanted"),
    [
        (lambda u: 1 / (1 + sp.exp(-u)), a * (1 - a)),
        (sp.exp, a),
        (lambda u: sp.log(1 + sp.exp(u)), 1 - sp.exp(-a)),
    ],
)
def test_derivatives_in_the_output_are_found_by_inversion(definition: object, wanted: sp.Expr) -> None:
    found = derivative_in_output(definition)  # type: ignore[arg-type]
    assert found is not None
    assert sp.simplify(found - wanted) == 0


def test_a_function_without_one_inverse_has_none() -> None:
    assert derivative_in_output(lambda u: u**2) is None


def test_slopes_of_named_functions() -> None:
    assert sp.expand(sp.diff(sigmoid(z), z) - sigmoid(z) * (1 - sigmoid(z))) == 0
    assert sp.diff(softplus(z), z) == sigmoid(z)


@pytest.mark.parametrize(
    "written",
    [
        1 / (1 + sp.exp(-z)),
        1 / (1 + sp.exp(z)),
        sp.exp(-z) / (1 + sp.exp(-z)),
        sp.exp(-z) / (1 + sp.exp(-z)) ** 2,
        sp.exp(2 * z) / (1 + sp.exp(2 * z)) ** 3,
        sp.log(1 + sp.exp(z * w)),
        sp.log(1 + sp.exp(-z)) + 1 / (1 + sp.exp(-w)) ** 2,
        sp.exp(z) / (1 + sp.exp(-z)),
    ],
)
def test_folding_keeps_the_value_and_is_idempotent(written: sp.Expr) -> None:
    folded = fold(written)
    assert folded.has(sigmoid, softplus)
    assert fold(folded) == folded
    for at in ({z: sp.Rational(3, 7), w: 2}, {z: -1, w: sp.Rational(5, 3)}):
        assert abs(sp.N((unfold(folded) - written).subs(at), 30)) < 1e-25


@pytest.mark.parametrize(
    ("tie", "relu"), list(product(("first", "last", "split"), (sp.S.Zero, sp.S.One, sp.S.Half)))
)
def test_maximum_and_minimum_at_and_away_from_the_tie(tie: str, relu: sp.Expr) -> None:
    policy = KinkPolicy(tie, relu)  # type: ignore[arg-type]
    share = {"first": (1, 0), "last": (0, 1), "split": (sp.S.Half, sp.S.Half)}[tie]
    for build, choose in ((policy.maximum, max), (policy.minimum, min)):
        for left, right in product((-1, 0, 2), repeat=2):
            value = build(z, w)
            at = {z: sp.Integer(left), w: sp.Integer(right)}
            assert decided(value, at) == choose(left, right)
            slopes = tuple(decided(sp.diff(value, symbol), at) for symbol in (z, w))
            wanted = (
                share
                if left == right
                else (int(choose(left, right) == left), int(choose(left, right) == right))
            )
            assert slopes == wanted
    kinked = sp.diff(policy.maximum(z, sp.S.Zero, constant=True), z)
    assert [decided(kinked, {z: sp.Integer(k)}) for k in (-1, 0, 1)] == [0, relu, 1]


def decided(expr: sp.Expr, at: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """The value of nested cases at numbers."""
    if isinstance(expr, Where):
        return decided(expr.value if expr.condition.xreplace(at) == sp.true else expr.otherwise, at)
    return expr.xreplace(at) if not expr.args else expr.func(*(decided(arg, at) for arg in expr.args))


def test_absolute_value_and_sign() -> None:
    for k in (-2, 0, 3):
        at = {z: sp.Integer(k)}
        assert decided(absolute(z), at) == abs(k)
        assert decided(signum(z), at) == decided(sp.diff(absolute(z), z), at) == (k > 0) - (k < 0)


def test_the_policy_describes_itself() -> None:
    assert "first maximum" in KinkPolicy().describe()
    assert "share" in KinkPolicy("split").describe()
    assert "1/2" in KinkPolicy("first", sp.S.Half).describe()
