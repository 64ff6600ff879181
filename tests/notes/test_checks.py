"""The parts of a check: zero tests, sizes, operations, counterexamples, edits."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.notes import operations as ops
from symcnn.notes import zero
from symcnn.notes.edit import Vocabulary
from symcnn.notes.edits import edits
from symcnn.notes.opaque import maximum, positive, relu, sigmoid, unknown
from symcnn.notes.parser import parse
from symcnn.notes.sizes import Axes
from symcnn.notes.tree import Chain
from symcnn.notes.zero import Zero

x, y = sp.symbols("x y")


@pytest.mark.parametrize(
    ("expr", "outcome"),
    [
        (sigmoid(x).diff(x) - sigmoid(x) * (1 - sigmoid(x)), Zero.PROVED),
        (1 / (1 + sp.exp(-x)) - sigmoid(x), Zero.PROVED),
        (unknown("phi")(x) - unknown("phi")(y), Zero.REFUTED),
        (relu(x).diff(x) - positive(x), Zero.PROVED),
        ((x**2 + y) ** sp.Rational(-3, 2) * (x**2 + y) - 1 / sp.sqrt(x**2 + y), Zero.PROVED),
        (x + sp.Rational(1, 10**6) - x, Zero.REFUTED),
    ],
)
def test_zero(expr: sp.Expr, outcome: Zero) -> None:
    assert zero.test(expr) is outcome


def test_maximum_chooses_one() -> None:
    entries = list(sp.symbols("a b c d"))
    slopes = sp.Add(*(maximum(entries).diff(e) for e in entries))
    assert zero.test(slopes - 1) is Zero.PROVED


def test_axes_with_two_names_stay_apart() -> None:
    axes = Axes()
    axes.name("a", "m")
    axes.name("b", "n")
    axes.same("a", "b")
    assert axes.conflicts
    assert axes.size("a") != axes.size("b")


def test_cross_correlation_and_max_pool() -> None:
    image = ops.array(np.arange(1, 10).reshape(3, 3).tolist())
    assert ops.cross_correlation(image, ops.array([[1, 0], [0, 1]])).tolist() == [[6, 8], [12, 14]]
    with pytest.raises(ShapeError, match="does not fit"):
        ops.max_pool(image, 4)


def test_edits_offer_the_missing_transpose() -> None:
    latex = r"\frac{\partial L}{\partial W} = \delta x"
    tree = parse(latex)
    assert isinstance(tree, Chain)
    words = Vocabulary((), (), (), None, "T", frozenset())
    results = [edit.applied(latex) for edit in edits(latex, tree.sides[1], tree.sides[0], words)]
    assert r"\frac{\partial L}{\partial W} = \delta x^T" in results


def test_dot_of_two_columns_is_one_number() -> None:
    column = ops.array([[x], [y]])
    assert ops.dot(column, column).tolist() == [[x**2 + y**2]]
    with pytest.raises(ShapeError, match="does not conform"):
        ops.dot(column, ops.array([[1], [2], [3]]))
