"""The oracle itself, against values worked out by hand or by plain NumPy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from symcnn.core.equation import Equation, Index
from symcnn.core.errors import ShapeError
from symcnn.core.expr import Delta, Read, Reduce, Selected, Where, Within
from symcnn.core.index import fresh, index
from symcnn.core.infer import parse
from symcnn.core.plan import Scatter
from symcnn.core.tensor import Tensor
from symcnn.program.reference import evaluate, evaluate_scatter, evaluate_system
from symcnn.program.scalar import UndefinedValue


def entries(*values: object) -> np.ndarray:
    return np.array(values, dtype=object)


def test_convolution_equals_its_definition_written_in_numpy() -> None:
    system = parse(
        "z[n,o,i] = b[o] + sum[c,r](W[o,c,r]*x[n,c,2*i+r-1 | 0])",
        {"x": "N,C,H", "W": "O,C,R", "b": "O", "z": "N,O,(H+2-R)//2+1"},
    )
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(2, 3, 8)), rng.normal(size=(4, 3, 5)), rng.normal(size=4)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1))), 5, axis=2)[
        :, :, ::2
    ]
    wanted = np.einsum("ncir,ocr->noi", windows, W) + b[:, None]
    found = evaluate_system(system, {"x": x, "W": W, "b": b})["z"]
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_fractions_stay_exact() -> None:
    system = parse("y[i] = sum[r](w[R-1-r]*x[i+r])**2/3", {"x": "H", "w": "R"})
    found = evaluate_system(system, {"x": entries(1, Fraction(1, 2), 4), "w": entries(2, -1)})["y"]
    assert found.tolist() == [Fraction(0) ** 2, Fraction(15, 2) ** 2 / 3]
    assert all(not isinstance(value, float) for value in found)


def test_symbols_pass_through() -> None:
    x0, x1 = sp.symbols("x0 x1", real=True)
    found = evaluate_system(parse("y = sum[i](x[i]**2)", {"x": "N"}), {"x": entries(x0, x1)})["y"]
    assert found.item() == x0**2 + x1**2


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [("first", [0, 1, 0]), ("last", [0, 0, 1]), ("split", [0, Fraction(1, 2), Fraction(1, 2)])],
)
def test_a_tie_goes_where_the_policy_says(policy: str, wanted: list[object]) -> None:
    N = sp.Symbol("N", integer=True, positive=True)
    x, i, k = Tensor("x", [N]), index("i"), fresh("k")
    body = Selected("max", Read(x, [k]), [(k, N)], [i], policy)
    equation = Equation(Read(Tensor("s", [N]), [i]), body, (Index(i, N),))
    assert evaluate(equation, {"x": entries(1, 5, 5)}).tolist() == wanted


def test_a_rational_position_reads_the_outside_value() -> None:
    x, i = Tensor("x", [3]), index("i")
    equation = Equation(Read(Tensor("y", [6]), [i]), Read(x, [i / 2], 7), (Index(i, sp.Integer(6)),))
    assert evaluate(equation, {"x": entries(1, 2, 3)}).tolist() == [1, 7, 2, 7, 3, 7]


def test_delta_and_within() -> None:
    i = index("i")
    body = Delta(i, 1) + 10 * Where(Within((i - 1) / 2, sp.Integer(2)), 1, 0)
    equation = Equation(Read(Tensor("y", [5]), [i]), body, (Index(i, sp.Integer(5)),))
    assert evaluate(equation, {}).tolist() == [0, 11, 0, 10, 0]


def test_the_branch_not_taken_is_never_evaluated() -> None:
    system = parse("y[i] = where(x[i] > 0, 1/x[i], 0)", {"x": "N"})
    assert evaluate_system(system, {"x": entries(0, 4)})["y"].tolist() == [0, Fraction(1, 4)]
    with pytest.raises(UndefinedValue):
        evaluate_system(parse("y[i] = 1/x[i]", {"x": "N"}), {"x": entries(0, 4)})


def test_a_scatter_adds_and_drops_what_falls_outside() -> None:
    N, R = sp.Symbol("N", integer=True, positive=True), sp.Integer(2)
    g, i, r = Tensor("g", [N]), fresh("i"), fresh("r")
    scatter = Scatter(Read(Tensor("dx", [N + 1]), [i + r - 1]), Read(g, [i]), ((i, N), (r, R)))
    found = evaluate_scatter(scatter, {"g": entries(1, 10, 100)})
    assert found.tolist() == [11, 110, 100, 0]


def test_a_mean_and_an_index_as_a_number() -> None:
    system = parse("y = mean[i](where(t[i] == i, x[i] + i, 0))", {"x": "N", "t": "N"})
    assert evaluate_system(system, {"x": entries(1, 2), "t": entries(0, 1)})["y"].item() == 2


def test_a_wrong_shape_is_named() -> None:
    system = parse("y[i] = x[i]*w[i]", {"x": "N", "w": "N"})
    with pytest.raises(ShapeError, match=r"expected w of shape \(3,\), got \(2,\)"):
        evaluate_system(system, {"x": np.ones(3), "w": np.ones(2)})


def test_reduce_of_nothing_left_over() -> None:
    k = fresh("k")
    equation = Equation(Read(Tensor("y", []), []), Reduce("prod", k + 1, [(k, sp.Integer(4))]), ())
    assert evaluate(equation, {}).item() == 24
