"""The famous networks, small, against PyTorch in float64: loss, every gradient, running statistics; both modes."""

from __future__ import annotations

import inspect
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import symcnn as sc
from symcnn import models
from tests.torch import architectures, lenet_1998

pytestmark = pytest.mark.torch
Arrays = dict[str, np.ndarray]
SMALL = [name for name in models.names() if name.endswith("-small")]
QUICK = [
    "alexnet-small",
    "alexnet-2012-small",
    "vgg11-small",
    "vgg11-bn-small",
    "resnet18-small",
    "resnet50-small",
]
BATCH = 4


class Draws:
    """A generator that remembers what it drew, so that PyTorch drops the same entries."""

    def __init__(self) -> None:
        self.source, self.drawn = np.random.default_rng(5), list[np.ndarray]()

    def random(self, *arguments: Any, **named: Any) -> np.ndarray:
        self.drawn.append(self.source.random(*arguments, **named))
        return self.drawn[-1]


@cache
def emitted(name: str, training: bool) -> ModuleType:
    net = models.get(name)
    return sc.emit(net if training else net.evaluation()).load()


def started(name: str) -> tuple[Arrays, Arrays, np.ndarray, np.ndarray]:
    """Parameters, running statistics, images and labels, none of them at a special value."""
    module = emitted(name, True)
    rng = np.random.default_rng(1)
    params = {
        key: value + 0.1 * rng.standard_normal(value.shape)
        for key, value in module.init(dtype=np.float64).items()
    }
    shapes = getattr(module, "STATE", {})
    state = {key: rng.uniform(0.5, 1.5, shape) for key, shape in shapes.items()}
    x = rng.standard_normal((BATCH, *models.MODELS[name].input))
    return params, state, x, rng.integers(0, 10, BATCH)


def call(function: Any, *arguments: Any, **named: Any) -> Any:
    """The function with those of the named arguments that it takes."""
    known = inspect.signature(function).parameters
    return function(*arguments, **{key: value for key, value in named.items() if key in known})


def in_torch(name: str, params: Arrays, state: Arrays, training: bool) -> torch.nn.Module:
    module = architectures.named(name).double().train(training)
    for parameter, value in zip(module.parameters(), params.values(), strict=True):
        parameter.data = torch.tensor(value)
    statistics = [b for key, b in module.named_buffers() if not key.endswith("num_batches_tracked")]
    for buffer, value in zip(statistics, state.values(), strict=True):
        buffer.copy_(torch.tensor(value))
    return module


def set_masks(module: torch.nn.Module, drawn: list[np.ndarray]) -> None:
    dropouts = [m for m in module.modules() if isinstance(m, architectures.Dropout)]
    for dropout, values in zip(dropouts, drawn, strict=True):
        dropout.mask = torch.tensor((values >= dropout.p).astype(float))


def compare(name: str, params: Arrays, grads: Arrays, module: torch.nn.Module) -> None:
    """Every gradient within 1e-9 of PyTorch's; those that are 0 by a theorem, of the largest."""
    wanted = [p.grad.numpy() for p in module.parameters() if p.grad is not None]
    scale = max(np.abs(value).max() for value in wanted)
    assert set(grads) == set(params)
    for key, value in zip(params, wanted, strict=True):
        error = np.abs(grads[key] - value).max()
        assert error <= 1e-9 * np.abs(value).max() + 1e-13 * scale, (name, key, error)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]
)
def test_training(name: str) -> None:
    params, state, x, y = started(name)
    theirs = in_torch(name, params, state, True)
    draws = Draws()
    loss, grads = call(emitted(name, True).loss_and_grads, params, x, y, state=state, rng=draws)
    set_masks(theirs, draws.drawn)
    wanted = architectures.loss_of(name, theirs(torch.tensor(x)), torch.tensor(y))
    wanted.backward()
    assert abs(loss - wanted.item()) <= 1e-9 * abs(wanted.item())
    compare(name, params, grads, theirs)
    statistics = [b for key, b in theirs.named_buffers() if not key.endswith("num_batches_tracked")]
    for (key, found), buffer in zip(state.items(), statistics, strict=True):
        np.testing.assert_allclose(found, buffer.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]
)
def test_evaluation(name: str) -> None:
    """Output and loss of the trained network's module; gradients of the network of evaluation."""
    params, state, x, y = started(name)
    theirs = in_torch(name, params, state, False)
    logits = theirs(torch.tensor(x))
    wanted = architectures.loss_of(name, logits, torch.tensor(y))
    module = emitted(name, True)
    found = call(module.forward, params, x, state=state)
    np.testing.assert_allclose(
        found, logits.detach().numpy(), rtol=1e-9, atol=1e-9 * logits.abs().max().item()
    )
    assert abs(call(module.loss, params, x, y, state=state) - wanted.item()) <= 1e-9 * abs(wanted.item())
    wanted.backward()
    own = emitted(name, False)
    kept = {key: params[key] for key in own.PARAMETERS}
    loss, grads = call(
        own.loss_and_grads, kept, x, y, state={key: state[key] for key in getattr(own, "STATE", {})}
    )
    assert abs(loss - wanted.item()) <= 1e-9 * abs(wanted.item())
    compare(name, kept, grads, theirs)


def test_lenet_of_1998() -> None:
    params, _, x, y = started("lenet5-1998")
    loss, grads = emitted("lenet5-1998", True).loss_and_grads(params, x, y)
    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in params.items()}
    wanted = lenet_1998.loss(tensors, torch.tensor(x), torch.tensor(y))
    wanted.backward()
    assert abs(loss - wanted.item()) <= 1e-11 * wanted.item()
    for key, tensor in tensors.items():
        assert tensor.grad is not None
        np.testing.assert_allclose(grads[key], tensor.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize(
    "name", [name for name in models.names() if name.split("-")[0] not in ("notes", "lenet5")]
)
def test_parameters_have_pytorchs_shapes(name: str) -> None:
    with torch.device("meta"):
        theirs = [tuple(p.shape) for p in architectures.named(name).parameters()]
    assert [tuple(map(int, tensor.shape)) for tensor in models.get(name).parameters] == theirs
