"""One example entry by entry: the gradients of the arrays, and their answer where numbers are out of range."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import symcnn as sc
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    bce_with_logits,
    conv2d,
    cross_entropy,
    flatten,
    linear,
    max_pool2d,
    mse_loss,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from symcnn.nets.sweep import plan
from symcnn.render.fast_entries import MOST, written_entries

NETWORKS: dict[str, Any] = {
    "notes": lambda: sc.models.get("notes"),
    "classes": lambda: Network(
        [flatten(), linear(4, 3), tanh(), linear(3, 3), softmax(), cross_entropy()], (1, 2, 2), name="classes"
    ),
    "windows": lambda: Network(
        [conv2d(1, 1, 2, padding=1), relu(), max_pool2d(3, 2), flatten(), linear(1, 1), bce_with_logits()],
        (1, 3, 3),
        name="windows",
    ),
    "squares": lambda: Network(
        [conv2d(1, 2, 2, stride=2), sigmoid(), flatten(), linear(2, 1), mse_loss()],
        (1, 2, 2),
        name="squares",
    ),
}


@pytest.mark.parametrize("name", list(NETWORKS))
@pytest.mark.parametrize("whole", [False, True])
def test_entries_are_those_of_the_arrays(name: str, whole: bool) -> None:
    """Random numbers, and small whole ones, which tie."""
    net = NETWORKS[name]()
    readable, fast = sc.emit(net).load(), sc.emit(net, "fast").load()
    rng = np.random.default_rng(2)
    given = sc.front.plan_of(net).inputs
    params = fast.init(dtype=float)
    for _ in range(5):
        if whole:
            params.vector[...] = rng.integers(-1, 2, params.vector.size)
        x = rng.integers(-1, 2, (1, *map(int, given[0].shape[1:]))).astype(float)
        y = np.ones((1, *map(int, given[1].shape[1:]))) if len(given[1].shape) > 1 else np.array([1])
        assert fast._one(params, x, y) is not None
        value, grads = fast.loss_and_grads(params, x, y)
        wanted, others = readable.loss_and_grads(params, x, y)
        assert value == pytest.approx(wanted, rel=1e-12)
        for key, gradient in others.items():
            np.testing.assert_allclose(grads[key], gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e200])
def test_numbers_out_of_range_are_left_to_the_arrays(odd: float) -> None:
    net = NETWORKS["squares"]()
    readable, fast = sc.emit(net).load(), sc.emit(net, "fast").load()
    params, x, y = fast.init(dtype=float), np.ones((1, 1, 2, 2)), np.ones((1, 1))
    params["W2"][...] = odd
    assert fast._one(params, x, y) is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found, wanted = (m.loss_and_grads(params, x, y)[0] for m in (fast, readable))
    assert found == wanted or np.isnan([found, wanted]).all()


def test_parameters_of_ones_own_are_left_to_the_arrays() -> None:
    fast = sc.emit("notes", "fast").load()
    params, x, y = fast.init(), np.ones((1, 1, 6, 6), "f"), np.ones((1, 1), "f")
    assert fast._one(dict(params), x, y) is None
    assert fast.loss_and_grads(dict(params), x, y)[0] == pytest.approx(fast.loss_and_grads(params, x, y)[0])


def test_long_networks_are_not_written_out() -> None:
    assert written_entries(plan(sc.models.get("lenet5"), flat=True), ()) is None
    written = written_entries(plan(sc.models.get("notes"), flat=True), ())
    assert written is not None
    assert written.operations < MOST
    assert "one example" in sc.emit("notes", "fast").choices
    assert "def _entries" not in sc.emit("lenet5", "fast").source
