"""Emitted networks: gradients against differences and PyTorch, stability, errors, a readable module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from symcnn.nets.network import Network
from symcnn.nets.reverse import Sweep
from symcnn.nets.spec import (
    add,
    batch_norm1d,
    batch_norm2d,
    block,
    conv2d,
    cross_entropy,
    cross_entropy_with_logits,
    dropout,
    flatten,
    global_avg_pool,
    linear,
    max_pool2d,
    relu,
    softmax,
)
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
    with pytest.raises(ValueError, match=r"expected y: numbers of shape \(5,\), got object \(\)"):
        network.loss(params, x, None)


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


def test_parameters_are_kept_in_files_and_checked_when_read(network: ModuleType, tmp_path: Path) -> None:
    params = network.init(seed=2)
    path = tmp_path / "small.npz"
    network.save(path, params)
    found = network.load(path)
    assert list(found) == list(params)
    assert all(np.array_equal(found[name], params[name]) for name in params)
    np.savez(path, **{**params, "W9": params["W1"]})
    with pytest.raises(ValueError, match=r"expected parameters W1, b1, W2, b2, got .*W9"):
        network.load(path)
    np.savez(path, **{**params, "b1": params["b2"]})
    with pytest.raises(ValueError, match=r"expected b1: floats of shape \(4,\), got float32 \(3,\)"):
        network.load(path)
    np.savez(path, **{**params, "b1": np.array([None] * 4)})
    with pytest.raises(ValueError, match="pickle"):
        network.load(path)


def test_momentum_and_adam_start_from_nothing_and_lower_the_loss(network: ModuleType) -> None:
    x, y = batch(np.float32)
    for step in (network.momentum_step, network.adam_step):
        params, remembered = network.init(), dict[object, object]()
        first, _ = network.loss_and_grads(params, x, y)
        for _ in range(5):
            _, grads = network.loss_and_grads(params, x, y)
            step(params, grads, remembered, 0.01)
        assert {array.dtype for array in params.values()} == {np.dtype(np.float32)}
        assert network.loss(params, x, y) < first


BLOCK = (
    conv2d(4, 4, 3, padding=1, bias=False),
    batch_norm2d(4, name="norm"),
    add().on("norm", "x"),
    relu(),
)


def blocks(count: int) -> Network:
    """A classifier of 2×8×8 images with so many equal residual blocks."""
    stem = [conv2d(2, 4, 3, padding=1), relu()]
    head = [global_avg_pool(), dropout(0.25), linear(4, 3), cross_entropy_with_logits()]
    return Network(
        [*stem, *(block(*BLOCK, name=f"r{k}") for k in range(count)), *head], (2, 8, 8), name="blocks"
    )


def test_equal_blocks_are_one_body_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derived: list[str] = []
    run = Sweep.run
    monkeypatch.setattr(Sweep, "run", lambda self: derived.append(self.body) or run(self))
    many = plan(blocks(50))
    assert len(derived) == 2, "the block once, and the network around it"
    assert len(blocks(50).bodies) == 1
    assert blocks(50).bodies[0] is blocks(3).bodies[0]
    assert [p.places for p in many.procedures] == [tuple(f"r{k}" for k in range(50))]
    source = emit_plan(many).source
    assert source.count("def r0(") == source.count("def r0_backward(") == 1
    assert len(source.splitlines()) < len(emit_plan(plan(blocks(2))).source.splitlines()) + 50 * 12


def test_blocks_written_out_give_the_same(emitted: Emitted) -> None:
    net = blocks(3)
    modules = [emit_plan(plan(net, flat=flat)).load() for flat in (False, True)]
    params = modules[0].init(1, np.float64)
    x, y = batch()
    found = []
    for module in modules:
        state = module.init_state(np.float64)
        loss, grads = module.loss_and_grads(params, x, y, state, np.random.default_rng(3))
        found.append((loss, grads, state, module.forward(params, x, state)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-13)
    for first, second in zip(found[0][1:3], found[1][1:3], strict=True):
        assert list(first) == list(second) or set(first) == set(second)
        for name in first:
            np.testing.assert_allclose(first[name], second[name], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found[0][3], found[1][3], rtol=1e-12)


def test_state_is_updated_in_training_alone_and_given_or_fresh() -> None:
    module = emit_plan(plan(blocks(2))).load()
    params, (x, y) = module.init(), batch(np.float32)
    state = module.init_state()
    assert {name: array.shape for name, array in state.items()} == module.STATE
    arrays = dict(state)
    np.testing.assert_array_equal(module.forward(params, x), module.forward(params, x, state))
    module.loss(params, x, y, state)
    assert all(np.isin(array, (0, 1)).all() for array in state.values())
    module.loss_and_grads(params, x, y, state)
    assert all(state[name] is arrays[name] for name in state)
    assert not any(np.isin(array, (0, 1)).all() for array in state.values())
    with pytest.raises(ValueError, match=r"expected state r0_running_m2, .* got r0_running_m2"):
        module.forward(params, x, {"r0_running_m2": state["r0_running_m2"]})


def test_masks_come_from_the_given_generator() -> None:
    module = emit_plan(plan(blocks(1))).load()
    params, (x, y) = module.init(), batch(np.float32)
    losses = [
        module.loss_and_grads(params, x, y, None, np.random.default_rng(seed))[0] for seed in (1, 1, 2, 3, 4)
    ]
    assert losses[0] == losses[1]
    assert len(set(losses)) > 1


def test_one_value_of_a_channel_has_no_variance() -> None:
    layers = [linear(4, 3), batch_norm1d(3), linear(3, 2), softmax(), cross_entropy()]
    module = emit_plan(plan(Network(layers, (4,), name="norm"))).load()
    params, x = module.init(), np.ones((1, 4), np.float32)
    assert np.isfinite(module.loss(params, x, np.array([1])))
    with pytest.raises(ValueError, match=r"expected 2 examples or more in training, got 1"):
        module.loss_and_grads(params, x, np.array([1]))


def test_large_parts_are_made_again_and_freed_with_the_same_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layers = [conv2d(2, 8, 3, padding=1), relu(), conv2d(8, 8, 3), relu(), max_pool2d(2), global_avg_pool()]
    net = Network([*layers, linear(8, 3), cross_entropy_with_logits()], (2, 12, 12), name="large")
    x, y = np.random.default_rng(0).normal(size=(3, 2, 12, 12)), np.array([0, 2, 1])
    usual = emit_plan(plan(net))
    monkeypatch.setattr("symcnn.program.build.KEPT", 100)
    monkeypatch.setattr("symcnn.render.numpy_module.FREED", 100)
    sparing = emit_plan(plan(net))
    assert "del " not in usual.source
    assert usual.source.count("x_columns = ") == 1
    assert sparing.source.count("sliding_window_view(") > usual.source.count("sliding_window_view(")
    assert "dz1 = da1 * (a1 > 0)" in sparing.source, "a1 > 0 stands for z1 > 0, so that z1 is not kept"
    assert any(line.strip() == "del z1" for line in sparing.source.splitlines())
    params = usual.load().init(0, np.float64)
    first, second = (module.load().loss_and_grads(params, x, y) for module in (usual, sparing))
    assert first[0] == second[0]
    for name in params:
        np.testing.assert_allclose(first[1][name], second[1][name], rtol=1e-13)
