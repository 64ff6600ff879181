"""Emitted networks: gradients against differences and PyTorch, stability, errors, a readable module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from symcnn.nets.network import Network
from symcnn.nets.spec import conv2d, cross_entropy, flatten, linear, max_pool2d, relu, softmax
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import Emitted, emit_plan


@pytest.fixture(scope="module")
def emitted() -> Emitted:
    """A small convolutional classifier of 2×8×8 images in 3 classes."""
    specs = [conv2d(2, 4, 3, padding=1), relu(), max_pool2d(2), flatten(), linear(64, 3), softmax()]
    return emit_plan(
        plan(Network([*specs, cross_entropy()], (2, 8, 8), name="small", title="A small network."))
    )


@pytest.fixture(scope="module")
def network(emitted: Emitted) -> ModuleType:
    return emitted.load()


def batch(dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(5, 2, 8, 8)).astype(dtype), np.array([0, 2, 1, 1, 0])


def test_gradients_equal_differences(network: ModuleType) -> None:
    params = network.init(seed=3, dtype=np.float64)
    x, y = batch()
    loss, grads = network.loss_and_grads(params, x, y)
    assert loss == pytest.approx(network.loss(params, x, y), rel=1e-14)
    rng = np.random.default_rng(0)
    for name, value in params.items():
        along = rng.normal(size=value.shape)
        ends = [network.loss({**params, name: value + s * 1e-6 * along}, x, y) for s in (1, -1)]
        assert np.sum(grads[name] * along) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-9)


@pytest.mark.torch
def test_gradients_equal_those_of_pytorch(network: ModuleType) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    params = network.init(seed=3, dtype=np.float64)
    x, y = batch()
    loss, grads = network.loss_and_grads(params, x, y)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    W1, b1, W2, b2 = leaves.values()
    hidden = functional.max_pool2d(functional.relu(functional.conv2d(torch.tensor(x), W1, b1, padding=1)), 2)
    wanted = functional.cross_entropy(functional.linear(hidden.flatten(1), W2, b2), torch.tensor(y))
    wanted.backward()
    assert loss == pytest.approx(wanted.item(), rel=1e-12)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(grads[name], leaf.grad.numpy(), rtol=1e-10, atol=1e-13)


def test_a_step_lowers_the_loss_in_place(network: ModuleType) -> None:
    params = network.init()
    before = dict(params)
    x, y = batch(np.float32)
    loss, grads = network.loss_and_grads(params, x, y)
    assert {array.dtype for array in grads.values()} == {np.dtype(np.float32)}
    assert {name: array.shape for name, array in grads.items()} == network.PARAMETERS
    network.sgd_step(params, grads, 0.05)
    assert all(params[name] is before[name] for name in params)
    assert network.loss(params, x, y) < loss


def test_outputs_are_probabilities_at_any_scale(network: ModuleType) -> None:
    params = {name: 1000 * value for name, value in network.init().items()}
    x, y = batch(np.float32)
    found = network.forward(params, x)
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    loss, grads = network.loss_and_grads(params, x, y)
    assert np.isfinite(loss)
    assert all(np.isfinite(array).all() for array in grads.values())


def test_wrong_arguments_are_named(network: ModuleType) -> None:
    params = network.init()
    x, y = batch(np.float32)
    with pytest.raises(ValueError, match=r"expected parameters W1, b1, W2, b2, got W1"):
        network.forward({"W1": params["W1"]}, x)
    with pytest.raises(ValueError, match=r"expected W1: floats of shape \(4, 2, 3, 3\), got float32 "):
        network.forward({**params, "W1": params["W1"][:2]}, x)
    with pytest.raises(ValueError, match=r"expected x: floats of shape \(None, 2, 8, 8\), got float32 "):
        network.forward(params, x[:, :1])
    with pytest.raises(ValueError, match=r"expected x: floats .* got int64"):
        network.forward(params, x.astype(np.int64))
    with pytest.raises(ValueError, match=r"expected y: labels 0 to 2, got 0 to 7"):
        network.loss(params, x, np.array([0, 7, 1, 1, 0]))
    with pytest.raises(ValueError, match=r"expected y: numbers of shape \(5,\), got int64 \(4,\)"):
        network.loss_and_grads(params, x, y[:4])


def test_init_is_deterministic(network: ModuleType) -> None:
    first, again, other = network.init(seed=1), network.init(seed=1), network.init(seed=2)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["W1"], other["W1"])
    assert not first["b1"].any()


def test_the_gradient_of_the_images_is_not_computed(emitted: Emitted) -> None:
    assert "dx =" not in emitted.source
    assert "dx[" not in emitted.source


def test_windows_of_the_forward_pass_serve_the_backward_pass(emitted: Emitted) -> None:
    assert emitted.source.count("x_columns = ") == 1


def test_the_module_needs_numpy_only(emitted: Emitted, tmp_path: Path) -> None:
    emitted.write(tmp_path / "small.py")
    code = "import sys; import small; print(sorted({'sympy', 'symcnn', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_module_is_clean(emitted: Emitted, tmp_path: Path) -> None:
    path = emitted.write(tmp_path / "small.py")
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--isolated", "--select", "E4,E7,E9,F,B,I,W", "--ignore", "E741,B905", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert max(map(len, emitted.source.splitlines())) <= 110
