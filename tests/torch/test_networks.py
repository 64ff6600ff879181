"""Emitted networks against PyTorch in float64: loss and every gradient."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symcnn import models
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import emit_plan

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.torch


def notes(p: dict[str, Any], x: Any, y: Any) -> Any:
    h = F.max_pool2d(F.relu(F.conv2d(x, p["W1"], p["b1"])), 2).flatten(1)
    return F.binary_cross_entropy_with_logits(F.linear(h, p["W2"], p["b2"]), y)


def lenet5(p: dict[str, Any], x: Any, y: Any) -> Any:
    h = F.max_pool2d(F.relu(F.conv2d(x, p["W1"], p["b1"], padding=2)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, p["W2"], p["b2"])), 2).flatten(1)
    h = F.relu(F.linear(h, p["W3"], p["b3"]))
    h = F.relu(F.linear(h, p["W4"], p["b4"]))
    return F.cross_entropy(F.linear(h, p["W5"], p["b5"]), y)


def digits(p: dict[str, Any], x: Any, y: Any) -> Any:
    h = F.max_pool2d(F.relu(F.conv2d(x, p["W1"], p["b1"], padding=1)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, p["W2"], p["b2"], padding=1)), 2).flatten(1)
    h = F.relu(F.linear(h, p["W3"], p["b3"]))
    return F.cross_entropy(F.linear(h, p["W4"], p["b4"]), y)


NETWORKS: dict[str, Callable[..., Any]] = {"notes": notes, "lenet5": lenet5, "lenet5-digits": digits}


@cache
def emitted(name: str) -> ModuleType:
    return emit_plan(plan(models.get(name))).load()


def inputs(name: str, batch: int, scale: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(batch)
    params = {
        key: scale * rng.normal(size=a.shape) for key, a in emitted(name).init(dtype=np.float64).items()
    }
    x = rng.normal(size=(batch, *models.get(name).input_shape))
    binary = name == "notes"
    y = (rng.random((batch, 1)) > 0.5).astype(float) if binary else rng.integers(0, 10, batch)
    return params, x, y


def reference(
    name: str, params: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[float, dict[str, np.ndarray]]:
    tensors = {key: torch.tensor(a, requires_grad=True) for key, a in params.items()}
    loss = NETWORKS[name](tensors, torch.tensor(x), torch.tensor(y))
    loss.backward()
    return loss.item(), {key: t.grad.numpy() for key, t in tensors.items()}


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("name", NETWORKS)
def test_loss_and_gradients(name: str, batch: int) -> None:
    params, x, y = inputs(name, batch, 0.3)
    loss, grads = emitted(name).loss_and_grads(params, x, y)
    wanted_loss, wanted = reference(name, params, x, y)
    assert abs(loss - wanted_loss) <= 1e-12 * abs(wanted_loss)
    assert set(grads) == set(wanted)
    for key in wanted:
        assert np.abs(grads[key] - wanted[key]).max() <= 1e-12 * np.abs(wanted[key]).max(), key


@pytest.mark.parametrize("name", NETWORKS)
def test_extreme_logits_give_no_warning(name: str) -> None:
    """The last bias puts the logits at ±1000; loss and gradients are still PyTorch's."""
    params, x, y = inputs(name, 8, 0.05)
    last = max(key for key in params if key.startswith("b"))
    params[last] = np.where(np.arange(params[last].size) % 2, -1000.0, 1000.0)
    for sign in (1, -1):
        params[last] = sign * params[last]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loss, grads = emitted(name).loss_and_grads(params, x, y)
        wanted_loss, wanted = reference(name, params, x, y)
        np.testing.assert_allclose(loss, wanted_loss, rtol=1e-12, atol=1e-300)
        for key in wanted:
            np.testing.assert_allclose(grads[key], wanted[key], rtol=1e-10, atol=1e-14)
