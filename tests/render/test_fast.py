"""The fast module beside the readable one: the same functions, values, errors, and nothing shared between calls."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import symcnn as sc
from symcnn.core.errors import UnsupportedFormula
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    add,
    avg_pool2d,
    batch_norm2d,
    concat,
    conv2d,
    cross_entropy,
    dropout,
    flatten,
    gelu,
    global_avg_pool,
    leaky_relu,
    linear,
    local_response_norm,
    max_pool2d,
    mse_loss,
    relu,
    sigmoid,
    softmax,
    tanh,
)

NETWORKS: dict[str, Any] = {
    "notes": lambda: sc.models.get("notes"),
    "digits": lambda: sc.models.get("lenet5-digits"),
    "norm": lambda: Network(
        [
            conv2d(2, 3, 3, padding=1, name="first"),
            batch_norm2d(3),
            relu(),
            conv2d(3, 3, 3, padding=1, bias=False, name="second"),
            add("first", "second"),
            global_avg_pool(),
            flatten(),
            linear(3, 3),
            softmax(),
            cross_entropy(),
        ],
        (2, 5, 5),
        name="norm",
    ),
    "mixed": lambda: Network(
        [
            conv2d(2, 4, 3, stride=2, padding=1, name="a"),
            local_response_norm(3),
            leaky_relu(0.1, name="left"),
            conv2d(4, 4, 3, padding=2, dilation=2, groups=2, name="right"),
            concat("left", "right"),
            max_pool2d(3, 2, padding=1),
            gelu(),
            avg_pool2d(2),
            flatten(),
            linear(8, 2),
            sigmoid(),
            mse_loss(),
        ],
        (2, 8, 8),
        name="mixed",
    ),
    "tiles": lambda: Network(
        [
            conv2d(3, 32, 3, padding=1),
            relu(),
            conv2d(32, 32, 3, padding=1),
            relu(),
            max_pool2d(2),
            mse_loss(),
        ],
        (3, 6, 6),
        name="tiles",
    ),
}


def modules(name: str, exact: bool = False) -> tuple[ModuleType, ModuleType]:
    net = NETWORKS[name]()
    return sc.emit(net).load(), sc.emit(net, "fast", exact=exact).load()


def inputs(name: str, batch: int, dtype: str = "d") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    given = sc.front.plan_of(NETWORKS[name]()).inputs
    x, y = (tuple(int(n) for n in t.shape[1:]) for t in given)
    labels = rng.random((batch, *y)).astype(dtype) if y else rng.integers(0, 3, batch)
    if name == "notes":
        labels = (labels > 0.5).astype(dtype)
    return rng.standard_normal((batch, *x)).astype(dtype), labels


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_equals_the_readable_module(name: str, exact: bool) -> None:
    """At several sizes of batch, one after the other, so that what a call leaves behind would show."""
    readable, fast = modules(name, exact)
    for batch in (1, 3, 2, 3):
        x, y = inputs(name, batch)
        params = readable.init(seed=batch, dtype=float)
        states = (
            [m.init_state(float) for m in (readable, fast)] if hasattr(readable, "STATE") else [None, None]
        )
        extra = [() if s is None else (s,) for s in states]
        value, grads = readable.loss_and_grads(params, x, y, *extra[0])
        found, mine = fast.loss_and_grads(params, x, y, *extra[1])
        assert found == pytest.approx(value, rel=1e-9)
        for key, gradient in grads.items():
            np.testing.assert_allclose(mine[key], gradient, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(
            fast.forward(params, x, *extra[1]), readable.forward(params, x, *extra[0]), rtol=1e-8, atol=1e-9
        )
        assert fast.loss(params, x, y, *extra[1]) == pytest.approx(
            readable.loss(params, x, y, *extra[0]), rel=1e-9
        )
        if states[0] is not None and states[1] is not None:
            for key in states[0]:
                np.testing.assert_allclose(states[1][key], states[0][key], rtol=1e-9)


def test_a_batch_in_parts_adds_up() -> None:
    readable, fast = modules("digits")
    x, y = inputs("digits", 70)
    params = readable.init(dtype=float)
    assert fast.Workspace.PART == 32
    value, grads = readable.loss_and_grads(params, x, y)
    found, mine = fast.loss_and_grads(params, x, y)
    assert found == pytest.approx(value, rel=1e-9)
    for key, gradient in grads.items():
        np.testing.assert_allclose(mine[key], gradient, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(fast.forward(params, x), readable.forward(params, x), rtol=1e-9)


def test_results_belong_to_the_caller() -> None:
    """A later call changes no earlier result, and no input."""
    _, fast = modules("notes")
    x, y = inputs("notes", 4, "f")
    params = fast.init()
    before = [x.copy(), y.copy()]
    first, grads = fast.loss_and_grads(params, x, y)
    kept, output = copy.deepcopy(grads), fast.forward(params, x)
    shown = output.copy()
    fast.loss_and_grads(params, -x, 1 - y)
    fast.forward(params, -x)
    assert all(np.array_equal(grads[key], kept[key]) for key in kept)
    assert np.array_equal(output, shown)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])
    assert fast.loss(params, x, y) == pytest.approx(first)


def test_parameters_may_be_any_dict() -> None:
    """Views of one vector, plain arrays, views of other arrays, and entries put in anew."""
    _, fast = modules("notes")
    x, y = inputs("notes", 3)
    params = fast.init(dtype=float)
    plain = {key: value.copy() for key, value in params.items()}
    turned = {key: np.array(value, order="F") for key, value in params.items()}
    copied = copy.deepcopy(params)
    swapped = fast.init(dtype=float)
    swapped["W2"] = params["W2"].copy()
    for _ in range(3):
        _, grads = fast.loss_and_grads(params, x, y)
        for other in (plain, turned, copied, swapped):
            _, mine = fast.loss_and_grads(other, x, y)
            assert all(np.allclose(mine[key], grads[key]) for key in grads)
            fast.sgd_step(other, mine, 0.1)
        fast.sgd_step(params, grads, 0.1)
        for other in (plain, turned, copied, swapped):
            assert all(np.allclose(other[key], params[key]) for key in params)


def test_many_parameters_are_updated_in_blocks() -> None:
    net = Network([flatten(), linear(300, 230), mse_loss()], (3, 10, 10), name="wide")
    module = sc.emit(net, style="fast").load()
    rng = np.random.default_rng(0)
    params = module.init()
    before = {key: value.copy() for key, value in params.items()}
    _, grads = module.loss_and_grads(
        params, rng.standard_normal((2, 3, 10, 10)), rng.standard_normal((2, 230))
    )
    module.sgd_step(params, grads, 0.1)
    for key, value in before.items():
        np.testing.assert_array_equal(params[key], value - np.float32(0.1) * grads[key])


def test_wrong_arguments_are_named() -> None:
    _, fast = modules("digits")
    x, y = inputs("digits", 2, "f")
    params = fast.init()
    with pytest.raises(ValueError, match="expected x"):
        fast.forward(params, x[:, :, 1:])
    with pytest.raises(ValueError, match="expected y"):
        fast.loss_and_grads(params, x, y + 10)
    with pytest.raises(ValueError, match="expected parameters"):
        fast.forward({}, x)
    with pytest.raises(ValueError, match="expected W1"):
        fast.forward({**params, "W1": params["W1"][:1]}, x)
    with pytest.raises(ValueError, match="at least one example"):
        fast.forward(params, x[:0])


def test_masks_are_drawn_anew() -> None:
    net = Network(
        [flatten(), linear(4, 64), dropout(0.5), linear(64, 1), mse_loss()], (1, 2, 2), name="masked"
    )
    fast = sc.emit(net, "fast").load()
    params = fast.init(dtype=float)
    x, y = np.ones((2, 1, 2, 2)), np.zeros((2, 1))
    first, second = (fast.loss_and_grads(params, x, y, rng=np.random.default_rng(k))[0] for k in (0, 1))
    assert first != second
    assert first == fast.loss_and_grads(params, x, y, rng=np.random.default_rng(0))[0]
    assert fast.loss(params, x, y) == pytest.approx(sc.emit(net).load().loss(params, x, y))


def test_formulas_have_no_fast_style() -> None:
    with pytest.raises(UnsupportedFormula, match="network"):
        sc.emit(sc.layer("y[n] = x[n]**2", {"x": "N"}), "fast")


def test_choices_are_explained() -> None:
    assert "phases" in sc.emit("lenet5", "fast").choices
    assert sc.emit("notes").choices == ""


@pytest.mark.slow
def test_the_same_bytes_under_any_hash_seed() -> None:
    code = "import symcnn as sc; print(hash(0), sc.emit('lenet5', 'fast').source)"
    root = Path(__file__).resolve().parents[2]
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def smooth(batch_norm: bool) -> Network:
    """Tiles within tiles, and no kink at which a rounding error could take another branch."""
    norm = [batch_norm2d(32)] if batch_norm else []
    layers = [conv2d(3, 32, 3, padding=1, name="stem"), conv2d(32, 32, 3, padding=1), *norm, tanh()]
    layers += [conv2d(32, 32, 3, padding=1, name="last"), add("last", "stem"), tanh(), avg_pool2d(2)]
    return Network([*layers, flatten(), linear(512, 2), mse_loss()], (3, 8, 8), name="smooth")


@pytest.mark.parametrize(("exact", "limit"), [(False, 4e-5), (True, 1e-5)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_rounding_errors_are_those_that_are_stated(exact: bool, limit: float, batch_norm: bool) -> None:
    """Gradients in float32 beside those of float64, as parts of the largest entry."""
    net = smooth(batch_norm)
    emitted = sc.emit(net, "fast", exact=exact)
    assert ("4e-5" in emitted.source) != exact
    readable, fast = sc.emit(net).load(), emitted.load()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        params = fast.init(seed)
        x, y = rng.standard_normal((5, 3, 8, 8)).astype("f"), rng.standard_normal((5, 2)).astype("f")
        _, grads = fast.loss_and_grads(params, x, y)
        wide = {key: value.astype(float) for key, value in params.items()}
        _, wanted = readable.loss_and_grads(wide, x.astype(float), y.astype(float))
        for key, gradient in wanted.items():
            scale = abs(gradient).max()
            assert scale < 1e-9 or abs(grads[key] - gradient).max() < limit * scale, key
