"""Descent steps of an emitted module against PyTorch's optimisers, several steps in float64."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symcnn.nets.network import Network
from symcnn.nets.spec import linear, mse_loss, relu
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import emit_plan

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def module() -> ModuleType:
    return emit_plan(
        plan(Network([linear(4, 5), relu(), linear(5, 2), mse_loss()], (4,), name="small"))
    ).load()


Step = Callable[[ModuleType, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, Any]], None]
STEPS: dict[str, tuple[Step, Callable[[list[Any]], Any]]] = {
    "sgd": (lambda m, p, g, s: m.sgd_step(p, g, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (lambda m, p, g, s: m.momentum_step(p, g, s, 0.1), lambda p: torch.optim.SGD(p, 0.1, 0.9)),
    "nesterov": (
        lambda m, p, g, s: m.momentum_step(p, g, s, 0.1, 0.8, weight_decay=0.01, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.1, 0.8, weight_decay=0.01, nesterov=True),
    ),
    "adam": (lambda m, p, g, s: m.adam_step(p, g, s, 0.02), lambda p: torch.optim.Adam(p, 0.02)),
    "adam with decay": (
        lambda m, p, g, s: m.adam_step(p, g, s, 0.02, 0.8, 0.9, 1e-6, 0.1),
        lambda p: torch.optim.Adam(p, 0.02, (0.8, 0.9), 1e-6, 0.1),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_several_steps(module: ModuleType, name: str) -> None:
    step, make = STEPS[name]
    rng = np.random.default_rng(0)
    params = module.init(1, np.float64)
    leaves = {key: torch.tensor(value, requires_grad=True) for key, value in params.items()}
    optimiser, remembered = make(list(leaves.values())), dict[str, Any]()
    before = dict(params)
    for _ in range(5):
        x, y = rng.normal(size=(3, 4)), rng.normal(size=(3, 2))
        _, grads = module.loss_and_grads(params, x, y)
        step(module, params, grads, remembered)
        for key, leaf in leaves.items():
            leaf.grad = torch.tensor(grads[key])
        optimiser.step()
        for key, leaf in leaves.items():
            np.testing.assert_allclose(params[key], leaf.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert all(params[key] is before[key] for key in params)
