"""Training on handwritten digits: the same losses as PyTorch's from the same start, step by step."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import symcnn as sc
from tests.torch.architectures import Residual

pytestmark = pytest.mark.torch
datasets = pytest.importorskip("sklearn.datasets")
RATE, BATCH = 0.05, 32


def lenet5() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def resnet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        Residual(16, (16, 16), (3, 3), (1, 1)),
        Residual(16, (32, 32), (3, 3), (2, 1)),
        Residual(32, (64, 64), (3, 3), (2, 1)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
    )


def digits(size: int) -> tuple[np.ndarray, np.ndarray]:
    data = datasets.load_digits()
    large = np.kron(data.images / 16, np.ones((size // 8, size // 8)))
    border = (size - large.shape[1]) // 2
    return np.pad(large, ((0, 0), (border, border), (border, border)))[:, None], data.target


def curves(subject: Any, theirs: nn.Module, size: int, steps: int) -> tuple[list[float], list[float]]:
    """Losses of both sides at each step of descent, on the same batches in float64."""
    module = sc.emit(subject).load()
    params = module.init(seed=0, dtype=np.float64)
    given = {"state": module.init_state(np.float64)} if hasattr(module, "STATE") else {}
    assert set(given) <= set(inspect.signature(module.loss_and_grads).parameters)
    theirs = theirs.double().train()
    for parameter, value in zip(theirs.parameters(), params.values(), strict=True):
        parameter.data = torch.tensor(value)
    descent = torch.optim.SGD(theirs.parameters(), lr=RATE)
    images, labels = digits(size)
    order = np.random.default_rng(0)
    ours, wanted = [], []
    for _ in range(steps):
        chosen = order.choice(len(images), BATCH, replace=False)
        loss, grads = module.loss_and_grads(params, images[chosen], labels[chosen], **given)
        module.sgd_step(params, grads, RATE)
        ours.append(float(loss))
        descent.zero_grad()
        value = nn.functional.cross_entropy(
            theirs(torch.tensor(images[chosen])), torch.tensor(labels[chosen])
        )
        value.backward()
        descent.step()
        wanted.append(value.item())
    return ours, wanted


@pytest.mark.parametrize(("steps", "close"), [(10, 1e-11), pytest.param(500, 1e-6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["lenet5", "resnet-digits"])
def test_loss_curves(name: str, steps: int, close: float, root: Path) -> None:
    """Rounding grows with the steps; the curves stay together."""
    if name == "lenet5":
        ours, wanted = curves(name, lenet5(), 28, steps)
    else:
        ours, wanted = curves(str(root / "examples/models/resnet-digits.toml"), resnet(), 8, steps)
    np.testing.assert_allclose(ours, wanted, rtol=close)
    assert np.mean(ours[-5:]) < ours[0]
