"""Layers from their equations against torch.nn.functional, forward and vector-Jacobian product, in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symcnn.nets.catalogue import KINDS
from symcnn.nets.formula import of_kind
from symcnn.render.numpy_source import emit_plan

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.torch

Shapes = dict[str, tuple[int, ...]]


@cache
def emitted(name: str) -> ModuleType:
    return emit_plan(of_kind(KINDS[name]).plan()).load()


def compare(
    name: str,
    shapes: Shapes,
    numbers: dict[str, Any],
    function: Callable[..., Any],
    *,
    slack: float = 1e-11,
) -> None:
    """Forward and vjp of a catalogue entry against ``function`` of the same tensors."""
    rng = np.random.default_rng(0)
    arrays = {
        key: rng.permutation(np.linspace(-2, 2, int(np.prod(s)))).reshape(s) for key, s in shapes.items()
    }
    module = emitted(name)
    tensors = {key: torch.tensor(a, requires_grad=True) for key, a in arrays.items()}
    wanted = function(**tensors)
    found = module.forward(**arrays, **numbers)
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-12, atol=1e-13)
    cotangent = rng.normal(size=found.shape)
    wanted.backward(torch.tensor(cotangent))
    grads = module.vjp(cotangent, **arrays, **numbers)
    for key, grad in grads.items():
        np.testing.assert_allclose(grad, tensors[key].grad.numpy(), rtol=slack, atol=1e-12, err_msg=key)


CONVOLUTIONS = [
    # H, V, R, S, u, v, p, q, e, f
    (7, 6, 3, 2, 1, 1, 0, 0, 1, 1),
    (7, 6, 3, 2, 2, 1, 1, 0, 1, 1),
    (9, 8, 2, 3, 3, 2, 2, 1, 1, 2),
    (8, 8, 3, 3, 2, 2, 1, 1, 2, 2),
    (5, 5, 1, 1, 2, 3, 0, 2, 1, 1),
    (4, 4, 4, 4, 1, 1, 3, 3, 1, 1),
]


@pytest.mark.parametrize(("H", "V", "R", "S", "u", "v", "p", "q", "e", "f"), CONVOLUTIONS)
def test_conv2d(H: int, V: int, R: int, S: int, u: int, v: int, p: int, q: int, e: int, f: int) -> None:
    compare(
        "conv2d",
        {"x": (2, 3, H, V), "W": (4, 3, R, S), "b": (4,)},
        {"u": u, "v": v, "p": p, "q": q, "e": e, "f": f},
        lambda x, W, b: F.conv2d(x, W, b, stride=(u, v), padding=(p, q), dilation=(e, f)),
    )


@pytest.mark.parametrize(
    ("H", "V", "R", "S", "u", "v", "p", "q"),
    [(6, 6, 2, 2, 2, 2, 0, 0), (7, 5, 3, 2, 1, 2, 1, 1), (8, 9, 3, 3, 2, 3, 1, 0)],
)
def test_pooling(H: int, V: int, R: int, S: int, u: int, v: int, p: int, q: int) -> None:
    sizes = {"R": R, "S": S, "u": u, "v": v, "p": p, "q": q}
    for name, pool in (("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)):
        wanted = {s.name for s, _ in KINDS[name].system().parameters}
        numbers = {key: value for key, value in sizes.items() if key in wanted}
        numbers |= dict.fromkeys(wanted & {"e", "f"}, 1)
        compare(name, {"x": (2, 3, H, V)}, numbers, lambda x, pool=pool: pool(x, (R, S), (u, v), (p, q)))


def test_linear() -> None:
    compare("linear", {"x": (5, 4), "W": (3, 4), "b": (3,)}, {}, lambda x, W, b: F.linear(x, W, b))


ELEMENTWISE = {
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "silu": F.silu,
    "mish": F.mish,
    "gelu": F.gelu,
    "selu": F.selu,
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "relu6": F.relu6,
    "tanhshrink": F.tanhshrink,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
}


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name in KINDS])
def test_elementwise(name: str) -> None:
    numbers = {s.name: float(d) for s, d in KINDS[name].system().parameters if d is not None}
    free = [s.name for s, d in KINDS[name].system().parameters if d is None]
    assert not free
    slack = 1e-7 if name == "hardsigmoid" else 1e-11  # PyTorch's slope 1/6 is a float32 there
    compare(name, {"x": (3, 5)}, numbers, lambda x: ELEMENTWISE[name](x), slack=slack)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name: str) -> None:
    compare(name, {"x": (3, 5)}, {}, lambda x: getattr(F, name)(x, 1))
