"""One's own equations as layers of a network: trained and held tensors, losses, and layers that read no value."""

from __future__ import annotations

import numpy as np
import pytest

import symcnn as sc
from symcnn.core.errors import FormulaError, ShapeError, UnknownName

L = sc.layers


def square() -> sc.layers.Spec:
    return L.formula(
        "y[n,c,i,j] = w[c]*x[n,c,i,j]**2 + s", {"x": "N,C,H,V", "w": "C"}, trained=["w"], s=2, name="square"
    )


def quartic() -> sc.layers.Spec:
    text = "L = mean[n](sum[k]((x[n,k] - y[n,k])**4))"
    return L.formula(text, {"x": "N,K", "y": "N,K"}, labels=["y"], loss=True)


def test_a_formula_is_a_layer_and_a_loss() -> None:
    net = sc.Network([L.conv2d(1, 2, 3), square(), L.flatten(), quartic()], (1, 4, 4))
    module = sc.emit(net).load()
    params = module.init(dtype=np.float64)
    x, y = np.random.default_rng(0).standard_normal((2, 3, 1, 4, 4)), np.zeros((3, 8))
    output = module.forward(params, x[0] + 0 * x[1])
    assert module.PARAMETERS["w2"] == (2,)
    assert module.loss(params, x[0], y) == pytest.approx(np.mean(np.sum(output**4, axis=1)))
    assert sc.check(net).passed


def test_a_layer_that_reads_no_value() -> None:
    """A trained bias that is added for every image, as the sum of a value and a layer without data."""
    bias = L.formula("y[n,k] = w[k]", {"w": "K", "y": "N,K"}, trained=["w"], K=3, name="bias")
    net = sc.Network([L.linear(4, 3, name="dense"), bias, L.add("dense", "bias"), L.mse_loss()], (4,))
    module = sc.emit(net).load()
    params = module.init(dtype=np.float64)
    params["w2"][:] = [1.0, 2.0, 3.0]
    x = np.random.default_rng(0).standard_normal((5, 4))
    assert module.forward(params, x) == pytest.approx(x @ params["W1"].T + params["b1"] + [1.0, 2.0, 3.0])
    _, gradients = module.loss_and_grads(params, x, np.zeros((5, 3)))
    assert gradients["w2"] == pytest.approx(gradients["b1"])


def test_wrong_formulas_are_refused() -> None:
    with pytest.raises(FormulaError, match="line 1, column"):
        L.formula("y[n] = x[n,", {"x": "N,K"})
    with pytest.raises(UnknownName, match="expected one of the tensors x, got 'w'"):
        L.formula("y[n] = x[n]", {"x": "N"}, trained=["w"])
    with pytest.raises(ShapeError, match="formula1: expected a value for the size K"):
        sc.Network(
            [L.formula("y[n,k] = sum[d](w[k,d]*x[n,d])", {"x": "N,D", "w": "K,D"}, trained=["w"])], (4,)
        )
    with pytest.raises(ShapeError, match="square: expected data of 4 axes, got 2"):
        sc.Network([L.linear(4, 3), square(), L.mse_loss()], (4,))
