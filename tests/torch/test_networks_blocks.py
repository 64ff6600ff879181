"""Networks of blocks against PyTorch in float64: skips, concatenations, auxiliary losses, statistics, masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Block,
    Spec,
    adaptive_avg_pool2d,
    add,
    avg_pool2d,
    batch_norm1d,
    batch_norm2d,
    block,
    concat,
    conv2d,
    cross_entropy_with_logits,
    dropout,
    flatten,
    global_avg_pool,
    linear,
    local_response_norm,
    max_pool2d,
    mse_loss,
    relu,
    total,
)
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import emit_plan

torch = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional
pytestmark = pytest.mark.torch


def residual(channels: int, out: int, stride: int, name: str) -> Block:
    layers: list[Spec | Block] = [
        conv2d(channels, out, 3, stride=stride, padding=1, bias=False),
        batch_norm2d(out),
        relu(),
        conv2d(out, out, 3, padding=1, bias=False),
        batch_norm2d(out, name="last"),
    ]
    if (channels, 1) == (out, stride):
        return block(*layers, add().on("last", "x"), relu(), name=name)
    down = [conv2d(channels, out, 1, stride=stride, bias=False).on("x"), batch_norm2d(out, name="down")]
    return block(*layers, *down, add().on("last", "down"), relu(), name=name)


def unit(channels: int, out: int, size: int, name: str, on: str = "x", **given: Any) -> Block:
    layers = (conv2d(channels, out, size, bias=False, **given), batch_norm2d(out, eps=1e-3), relu())
    return block(*layers, name=name).on(on)


def inception(name: str) -> Block:
    return block(
        unit(4, 3, 1, "a"),
        unit(4, 2, 1, "b1"),
        unit(2, 4, 3, "b2", "b1", padding=1),
        max_pool2d(3, 1, padding=1, ceil_mode=True, name="pool").on("x"),
        unit(4, 2, 1, "c", "pool"),
        concat("a", "b2", "c"),
        name=name,
    )


def head(name: str, on: str) -> Block:
    return block(adaptive_avg_pool2d(2), flatten(), linear(16, 3), dropout(0.7), name=name).on(on)


NETWORKS: dict[str, tuple[list[Spec | Block], tuple[int, ...]]] = {
    "residual": (
        [
            conv2d(3, 4, 3, padding=1, bias=False),
            batch_norm2d(4),
            relu(),
            residual(4, 4, 1, "l1_0"),
            residual(4, 4, 1, "l1_1"),
            residual(4, 6, 2, "l2_0"),
            residual(6, 6, 1, "l2_1"),
            adaptive_avg_pool2d(1),
            flatten(),
            linear(6, 3),
            cross_entropy_with_logits(),
        ],
        (3, 9, 9),
    ),
    "inception": (
        [
            conv2d(3, 4, 3),
            relu(),
            inception("i1"),
            conv2d(9, 4, 3, stride=2, groups=1),
            inception("i2"),
            global_avg_pool(),
            linear(9, 3),
            cross_entropy_with_logits(),
        ],
        (3, 9, 9),
    ),
    "auxiliary": (
        [
            conv2d(3, 4, 3, padding=1, name="stem"),
            relu(name="r"),
            local_response_norm(3, alpha=0.1, k=2),
            max_pool2d(3, 2, ceil_mode=True, name="pool"),
            head("aux1", "pool"),
            cross_entropy_with_logits(name="first").on("aux1"),
            conv2d(4, 6, 3, padding=1, groups=2).on("pool"),
            relu(name="deep"),
            block(flatten(), linear(96, 3), cross_entropy_with_logits(), name="aux2").on("deep"),
            avg_pool2d(2).on("deep"),
            flatten(),
            dropout(0.4),
            linear(24, 3),
            cross_entropy_with_logits(name="main"),
            total(1, 0.3, 0.25).on("main", "first", "aux2"),
        ],
        (3, 8, 8),
    ),
    "vectors": (
        [linear(5, 6), batch_norm1d(6, momentum=0.3, affine=False), relu(), dropout(0.25), linear(6, 3), mse_loss()],
        (5,),
    ),
}  # fmt: skip


class Reference:
    """The same networks in PyTorch, from parameters and state by their names here."""

    def __init__(
        self, params: dict[str, Any], state: dict[str, Any], masks: list[Any], training: bool
    ) -> None:
        self.params, self.state, self.masks, self.training = params, state, list(masks), training

    def norm(self, x: Any, at: str, stage: int, eps: float = 1e-5, momentum: float = 0.1) -> Any:
        running = [self.state[f"{at}running_{letter}{stage}"] for letter in "mv"]
        scale = [self.params.get(f"{at}{letter}{stage}") for letter in "gb"]
        return F.batch_norm(x, *running, *scale, self.training, momentum, eps)

    def drop(self, x: Any, p: float) -> Any:
        return x * self.masks.pop(0) / (1 - p) if self.training else x

    def conv(self, x: Any, weight: str, **given: Any) -> Any:
        bias = weight.replace("W", "b")
        return F.conv2d(x, self.params[weight], self.params.get(bias), **given)

    def basic(self, x: Any, at: str, stride: int = 1) -> Any:
        h = F.relu(self.norm(F.conv2d(x, self.params[f"{at}W1"], None, stride, 1), at, 2))
        h = self.norm(F.conv2d(h, self.params[f"{at}W3"], None, 1, 1), at, 4)
        if f"{at}W5" in self.params:
            x = self.norm(F.conv2d(x, self.params[f"{at}W5"], None, stride), at, 6)
        return F.relu(h + x)

    def residual(self, x: Any, y: Any) -> Any:
        h = F.relu(self.norm(F.conv2d(x, self.params["W1"], None, 1, 1), "", 2))
        for at, stride in (("l1_0_", 1), ("l1_1_", 1), ("l2_0_", 2), ("l2_1_", 1)):
            h = self.basic(h, at, stride)
        return F.cross_entropy(F.linear(h.mean((2, 3)), self.params["W3"], self.params["b3"]), y)

    def unit(self, x: Any, at: str, **given: Any) -> Any:
        return F.relu(self.norm(F.conv2d(x, self.params[f"{at}W1"], None, **given), at, 2, 1e-3))

    def branches(self, x: Any, at: str) -> Any:
        a = self.unit(x, f"{at}a_")
        b = self.unit(self.unit(x, f"{at}b1_"), f"{at}b2_", padding=1)
        c = self.unit(F.max_pool2d(x, 3, 1, 1), f"{at}c_")
        return torch.cat([a, b, c], 1)

    def inception(self, x: Any, y: Any) -> Any:
        h = self.branches(F.relu(self.conv(x, "W1")), "i1_")
        h = self.branches(self.conv(h, "W2", stride=2), "i2_")
        return F.cross_entropy(F.linear(h.mean((2, 3)), self.params["W3"], self.params["b3"]), y)

    def auxiliary(self, x: Any, y: Any) -> Any:
        p = self.params
        h = F.local_response_norm(F.relu(self.conv(x, "W1", padding=1)), 3, 0.1, 0.75, 2.0)
        pool = F.max_pool2d(h, 3, 2, ceil_mode=True)
        losses = []
        if self.training:
            first = F.linear(F.adaptive_avg_pool2d(pool, 2).flatten(1), p["aux1_W1"], p["aux1_b1"])
            losses.append(0.3 * F.cross_entropy(self.drop(first, 0.7), y))
        deep = F.relu(self.conv(pool, "W2", padding=1, groups=2))
        if self.training:
            losses.append(0.25 * F.cross_entropy(F.linear(deep.flatten(1), p["aux2_W1"], p["aux2_b1"]), y))
        h = self.drop(F.avg_pool2d(deep, 2).flatten(1), 0.4)
        return F.cross_entropy(F.linear(h, p["W3"], p["b3"]), y) + sum(losses)

    def vectors(self, x: Any, y: Any) -> Any:
        h = F.linear(x, self.params["W1"], self.params["b1"])
        h = F.batch_norm(
            h, self.state["running_m1"], self.state["running_v1"], None, None, self.training, 0.3
        )
        h = self.drop(F.relu(h), 0.25)
        return F.mse_loss(F.linear(h, self.params["W2"], self.params["b2"]), y)


class Recorded:
    """A generator whose draws are kept, in the order in which they are made."""

    def __init__(self) -> None:
        self.source, self.drawn = np.random.default_rng(5), list[np.ndarray]()

    def random(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self.drawn.append(self.source.random(shape, dtype))
        return self.drawn[-1]


SHARES = {"auxiliary": (0.7, 0.4), "vectors": (0.25,)}


def network(name: str) -> Network:
    specs, shape = NETWORKS[name]
    return Network(specs, shape, name=name)


@cache
def emitted(name: str, evaluation: bool = False) -> ModuleType:
    net = network(name)
    return emit_plan(plan(net.evaluation() if evaluation else net)).load()


def given(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng, module = np.random.default_rng(1), emitted(name)
    params = {k: a + 0.1 * rng.normal(size=a.shape) for k, a in module.init(3, np.float64).items()}
    state = {}
    if hasattr(module, "init_state"):
        state = {k: a + 0.1 * rng.random(a.shape) for k, a in module.init_state(np.float64).items()}
    x = rng.normal(size=(4, *network(name).input_shape))
    y = rng.normal(size=(4, 3)) if name == "vectors" else rng.integers(0, 3, 4)
    return params, state, x, y


def reference(
    name: str, params: Any, state: Any, masks: list[Any], x: Any, y: Any, training: bool
) -> tuple[float, dict[str, np.ndarray], dict[str, np.ndarray]]:
    leaves = {k: torch.tensor(a, requires_grad=True) for k, a in params.items()}
    kept = {k: torch.tensor(a) for k, a in state.items()}
    net = Reference(leaves, kept, [torch.tensor(m) for m in masks], training)
    loss = getattr(net, name)(torch.tensor(x), torch.tensor(y))
    loss.backward()
    grads = {k: leaf.grad.numpy() for k, leaf in leaves.items() if leaf.grad is not None}
    return loss.item(), grads, {k: t.numpy() for k, t in kept.items()}


def compare(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], rtol: float = 1e-9) -> None:
    assert set(found) == set(wanted)
    scale = max(np.abs(a).max() for a in wanted.values())
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=rtol, atol=1e-13 * scale, err_msg=key)


def arguments(
    name: str, state: dict[str, np.ndarray]
) -> tuple[dict[str, Any], Callable[[], list[np.ndarray]]]:
    """Keyword arguments of a training step, and the masks that it drew, images first."""
    recorded, extra = Recorded(), dict[str, Any]()
    if state:
        extra["state"] = state
    if name in SHARES:
        extra["rng"] = recorded
    return extra, lambda: [
        (d >= p).T.astype(float) for d, p in zip(recorded.drawn, SHARES.get(name, ()), strict=True)
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_training(name: str) -> None:
    params, state, x, y = given(name)
    own = {key: value.copy() for key, value in state.items()}
    extra, masks = arguments(name, own)
    loss, grads = emitted(name).loss_and_grads(params, x, y, **extra)
    wanted_loss, wanted, wanted_state = reference(name, params, state, masks(), x, y, True)
    assert abs(loss - wanted_loss) <= 1e-12 * abs(wanted_loss)
    compare(grads, wanted)
    if state:
        compare(own, wanted_state)


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation(name: str) -> None:
    params, state, x, y = given(name)
    extra = {"state": state} if state else {}
    before = {key: value.copy() for key, value in state.items()}
    wanted_loss, wanted, _ = reference(name, params, state, [], x, y, False)
    assert abs(emitted(name).loss(params, x, y, **extra) - wanted_loss) <= 1e-12 * abs(wanted_loss)
    fewer = {key: value for key, value in params.items() if key in wanted}
    loss, grads = emitted(name, True).loss_and_grads(fewer, x, y, **extra)
    assert abs(loss - wanted_loss) <= 1e-12 * abs(wanted_loss)
    compare(grads, wanted)
    assert all(np.array_equal(state[key], before[key]) for key in before)
