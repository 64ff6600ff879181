"""Blocks of one form share a function whatever their sizes; so do layers that recur; results stay what they were."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from symcnn import models
from symcnn.nets.body import Placed
from symcnn.nets.forms import general
from symcnn.nets.network import Network
from symcnn.nets.runs import shared
from symcnn.nets.spec import (
    Block,
    Spec,
    add,
    batch_norm2d,
    block,
    concat,
    conv2d,
    cross_entropy_with_logits,
    flatten,
    global_avg_pool,
    linear,
    max_pool2d,
    relu,
)
from symcnn.nets.sweep import plan, routines
from symcnn.render.numpy_source import emit_plan


def residual(reached: int, width: int, stride: int, name: str) -> Block:
    """Two convolutions beside the identity, or beside a projection."""
    layers = [
        conv2d(reached, width, 3, stride, padding=1, bias=False),
        batch_norm2d(width),
        relu(),
        conv2d(width, width, 3, padding=1, name="last"),
    ]
    if stride == 1 and reached == width:
        return block(*layers, add().on("last", "x"), relu(), name=name)
    project = conv2d(reached, width, 1, stride, name="side").on("x")
    return block(*layers, project, add().on("last", "side"), relu(), name=name)


def network(side: tuple[int, int] = (8, 12)) -> Network:
    """Residual blocks of four sizes, two of them with a stride."""
    layers: list[Spec | Block] = [
        conv2d(2, 4, 3, padding=1),
        relu(),
        residual(4, 4, 1, "a"),
        residual(4, 6, 2, "b"),
        residual(6, 6, 1, "c"),
        residual(6, 10, 2, "d"),
        residual(10, 10, 1, "e"),
        global_avg_pool(),
        linear(10, 3),
        cross_entropy_with_logits(),
    ]
    return Network(layers, (2, *side), name="made up")


def compared(net: Network) -> None:
    """The module with functions against the one that writes everything out."""
    flat, functions = (emit_plan(p).load() for p in (plan(net, flat=True), routines(net)))
    assert functions.PARAMETERS == flat.PARAMETERS
    assert functions.FAN_IN == flat.FAN_IN
    rng = np.random.default_rng(0)
    params = {k: a + 0.1 * rng.standard_normal(a.shape) for k, a in flat.init(0, np.float64).items()}
    x, y = rng.standard_normal((3, *net.input_shape)), rng.integers(0, 2, 3)
    found = []
    for module in (flat, functions):
        known = inspect.signature(module.loss_and_grads).parameters
        given = {"state": module.init_state(np.float64)} if "state" in known else {}
        drawn = {"rng": np.random.default_rng(1)} if "rng" in known else {}
        loss, grads = module.loss_and_grads(params, x, y, **given, **drawn)
        found.append((loss, grads, given.get("state", {}), module.forward(params, x, **given)))
    (loss, grads, state, output), (other, others, states, outputs) = found
    assert other == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(outputs, output, rtol=1e-9, atol=1e-12)
    assert set(others) == set(grads)
    for name, array in grads.items():
        np.testing.assert_allclose(others[name], array, rtol=1e-8, atol=1e-11)
    for name, array in state.items():
        np.testing.assert_allclose(states[name], array, rtol=1e-9, atol=1e-12)


def test_blocks_of_one_form_share_a_body_with_open_sizes() -> None:
    root = general(network().body)
    assert len(network().bodies) == 5
    assert len(root.bodies) == 2
    identity, strided = root.bodies
    assert [str(n) for n in identity.inputs[0].shape] == ["N", "C", "H", "V"]
    assert [str(n) for n in strided.inputs[0].shape] == ["N", "C", "2*I", "2*J"]
    blocks = [item for item in root.items if isinstance(item, Placed)]
    assert [{s.name: int(v) for s, v in item.sizes} for item in blocks] == [
        {"C": 4, "H": 8, "V": 12, "O": 4},
        {"C": 4, "O": 6, "I": 4, "J": 6, "O2": 6},
        {"C": 6, "H": 4, "V": 6, "O": 6},
        {"C": 6, "O": 10, "I": 2, "J": 3, "O2": 10},
        {"C": 10, "H": 2, "V": 3, "O": 10},
    ]
    shapes = {t.name: tuple(map(int, t.shape)) for item in blocks for t in item.trained}
    assert shapes == {t.name: tuple(map(int, t.shape)) for i in network().items[2:7] for t in i.trained}


@pytest.mark.parametrize("side", [(8, 12), (9, 13), (10, 11)])
def test_functions_for_all_sizes_give_the_same(side: tuple[int, int]) -> None:
    compared(network(side))


def test_strides_that_leave_different_remainders_stay_apart() -> None:
    assert len(general(network((8, 12)).body).bodies) == 2  # 8 → 4 → 2: no remainder
    assert len(general(network((10, 11)).body).bodies) == 3  # 10 → 5 → 3


def test_windows_and_strides_belong_to_the_form() -> None:
    layers = [
        block(conv2d(3, 3, window, padding=window // 2), relu(), name=f"r{window}") for window in (1, 3, 5)
    ]
    net = Network([*layers, global_avg_pool(), linear(3, 2), cross_entropy_with_logits()], (3, 6, 6))
    assert len(general(net.body).bodies) == 3


def test_layers_that_recur_are_a_function_called_with_their_parameters() -> None:
    layers: list[Spec | Block] = [conv2d(1, 3, 3, padding=1), relu()]
    for reached, width in ((3, 5), (5, 4), (4, 6)):
        layers += [conv2d(reached, width, 3, padding=1), relu()]
    layers += [max_pool2d(2), flatten(), linear(48, 2), cross_entropy_with_logits()]
    net = Network(layers, (1, 4, 8), name="chain")
    source = emit_plan(routines(net)).source
    assert source.count("def conv_relu(x, W, b):") == 1
    assert 'a2, saved["a2"] = conv_relu(a1, W2, b2)' in source
    assert 'da1, dW2, db2 = conv_relu_backward(saved.pop("a2"), da2)' in source
    assert "dx" not in source.split("def conv_relu")[0], "the first layer needs no cotangent of its input"
    compared(net)


def test_names_of_blocks_may_begin_alike() -> None:
    def unit(name: str, reached: int, width: int) -> Block:
        return block(
            conv2d(reached, width, 1), relu(), conv2d(width, width, 1), add().on("x", "x"), name=name
        )

    layers = [unit("r", 2, 3), unit("r_a", 2, 4), unit("r_a_b", 2, 5)]
    net = Network([*layers, global_avg_pool(), linear(2, 3), cross_entropy_with_logits()], (2, 4, 4))
    assert emit_plan(routines(net)).source.count("def r(") == 1
    compared(net)


def test_blocks_inside_blocks_and_branches_share_functions() -> None:
    def unit(reached: int, width: int, name: str) -> Block:
        return block(conv2d(reached, width, 1, bias=False), batch_norm2d(width), relu(), name=name)

    def branches(reached: int, left: int, right: int, name: str) -> Block:
        return block(
            unit(reached, left, "left"),
            unit(reached, right, "right").on("x"),
            concat("left", "right"),
            name=name,
        )

    layers = [branches(2, 3, 4, "m1"), branches(7, 2, 5, "m2"), max_pool2d(2), branches(7, 1, 2, "m3")]
    net = Network([*layers, global_avg_pool(), linear(3, 2), cross_entropy_with_logits()], (2, 6, 4))
    source = emit_plan(routines(net)).source
    assert source.count("def m(") == source.count("def conv_batch_norm_relu(") == 1
    compared(net)


@pytest.mark.parametrize(
    ("model", "most"),
    [("lenet5", 199), ("vgg16", 450), ("resnet18", 650), ("resnet50", 900), ("googlenet", 1100)],
)
def test_modules_stay_short(model: str, most: int) -> None:
    assert len(emit_plan(routines(models.get(model))).source.splitlines()) <= most


@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet50-small", "googlenet-small", "inception-v3-small", "vgg16-small"])
def test_models_written_with_functions_give_the_same(model: str) -> None:
    compared(models.get(model))


def test_no_two_functions_of_a_module_have_one_body() -> None:
    for model in ("resnet50", "googlenet"):
        found = routines(models.get(model))
        bodies = [tuple(str(a) for a in (*p.forward, *p.backward)) for p in found.procedures]
        assert len({p.name for p in found.procedures}) == len(bodies) == len(set(bodies))
        assert len(shared(models.get(model)).bodies) == len(bodies)
