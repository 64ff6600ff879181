"""Jacobians with the deltas left standing, and the shifts to which a layer is blind."""

from __future__ import annotations

import sympy as sp

from symcnn.calculus.closed import normalised, shift_invariances
from symcnn.calculus.jacobian import jacobian
from symcnn.core.expr import Delta, Read
from symcnn.nets.formula import Layer, layer

SOFTMAX = layer("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"})
BATCH_NORM = layer(
    """m[c] = mean[n,i](x[n,c,i])
v[c] = mean[n,i]((x[n,c,i] - m[c])**2)
y[n,c,i] = g[c]*(x[n,c,i] - m[c])/sqrt(v[c] + eps) + b[c]""",
    {"x": "N,C,H", "g": "C", "b": "C"},
)


def names(subject: Layer, tensor: str) -> list[tuple[str, ...]]:
    cotangent = subject.closed_form(tensor)
    return [tuple(k.name for k in axes) for axes in shift_invariances(subject.system.equations, cotangent)]


def test_softmax_jacobian() -> None:
    (equation,) = SOFTMAX.system.equations
    (row, column), found = jacobian(equation, equation.inputs[0])
    n, k = equation.target.at
    p = equation.tensor
    expected = Delta(n, row) * Read(p, (n, k)) * (Delta(k, column) - Read(p, (n, column)))
    assert sp.expand(found - expected) == 0


def test_jacobian_of_a_convolution_reads_where_the_window_is() -> None:
    subject = layer("y[n,i] = sum[r](w[r]*x[n,i+r])", {"x": "N,H", "w": "R"})
    (equation,) = subject.system.equations
    w = next(t for t in equation.inputs if t.name == "w")
    (r,), found = jacobian(equation, w)
    n, i = equation.target.at
    x = next(t for t in equation.inputs if t.name == "x")
    assert found == Read(x, (n, i + r))


def test_softmax_sums_to_one_and_is_blind_to_shifts() -> None:
    (equation,) = SOFTMAX.system.equations
    assert [k.name for k in normalised(equation)] == ["k"]
    assert names(SOFTMAX, "z") == [("l",)]


def test_batch_norm_is_blind_to_a_shift_of_a_channel() -> None:
    assert names(BATCH_NORM, "x") == [("n", "i")]


def test_tanh_notices_every_shift() -> None:
    assert names(layer("a[n,k] = tanh(z[n,k])", {"z": "N,K"}), "z") == []
