"""Losses and gradients summed over examples: parts of a batch add up to the whole."""

from __future__ import annotations

import numpy as np
import pytest

from symcnn.nets.network import Network
from symcnn.nets.spec import cross_entropy, linear, mse_loss, relu, softmax, total
from symcnn.nets.sweep import plan, routines
from symcnn.render.fast_module import emit_fast
from symcnn.render.numpy_source import emit_plan


def network(*losses: object) -> Network:
    return Network([linear(4, 5), relu(), linear(5, 3), *losses], (4,), name="small")  # type: ignore[list-item]


NETWORKS = {
    "mean": network(softmax(), cross_entropy()),
    "mean of squares": network(mse_loss()),
    "sum": network(mse_loss(reduction="sum")),
    "total": network(
        softmax(name="p"),
        cross_entropy(name="one").on("p"),
        cross_entropy(name="two").on("p"),
        total(1, 0.5).on("one", "two"),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("form", ["numpy", "array-api", "fast"])
def test_parts_add_up(name: str, form: str) -> None:
    net = NETWORKS[name]
    found = plan(net)
    assert found.additive == ("sum" if name == "sum" else "mean")
    emitted = emit_fast(plan(net, flat=True)) if form == "fast" else emit_plan(routines(net), form)
    module = emitted.load()
    rng = np.random.default_rng(0)
    params = module.init(1, np.float64)
    x = rng.standard_normal((7, 4))
    squares = "squares" in name or name == "sum"
    y = rng.standard_normal((7, 3)) if squares else rng.integers(0, 3, 7)
    loss, grads = module.loss_and_grads(params, x, y)
    parts = [module.loss_and_grads(params, x[rows], y[rows], summed=True) for rows in (slice(3), slice(3, 7))]
    assert [count for _, _, count in parts] == [3, 4]
    share = 1 if name == "sum" else 7
    assert float(sum(value for value, _, _ in parts)) / share == pytest.approx(float(loss), rel=1e-13)
    for key, grad in grads.items():
        np.testing.assert_allclose(sum(own[key] for _, own, _ in parts) / share, grad, rtol=1e-12, atol=1e-15)
