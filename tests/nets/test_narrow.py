"""Narrow forms of networks: fewer channels, the same equations but for sizes."""

from __future__ import annotations

import symcnn as sc
from symcnn.nets.narrow import narrowed, same_form
from symcnn.nets.spec import (
    add,
    batch_norm2d,
    block,
    concat,
    conv2d,
    cross_entropy_with_logits,
    dropout,
    flatten,
    group_norm,
    linear,
    max_pool2d,
    relu,
    tanh,
)
from symcnn.nets.sweep import plan


def network() -> sc.Network:
    """Groups, depthwise windows, a block, a sum of branches, maps side by side, a mask."""
    unit = block(
        conv2d(64, 64, 3, padding=1, groups=4), batch_norm2d(64, name="bn"), add("x", "bn"), name="unit"
    )
    layers = [
        *(conv2d(3, 64, 3, padding=1), relu(name="wide"), conv2d(64, 64, 3, padding=1, groups=64), unit),
        *(group_norm(8, 64), concat("wide", "unit"), max_pool2d(2), flatten(), dropout()),
        *(linear(128 * 16, 200), cross_entropy_with_logits()),
    ]
    return sc.Network(layers, (3, 8, 8), "mixed")


def test_channels_shrink_and_equations_stay() -> None:
    net = network()
    divisor, found = next(narrowed(net))
    assert divisor == 32
    assert found.input_shape == net.input_shape
    assert [node.kind for node in found.nodes] == [node.kind for node in net.nodes]
    shapes = {node.name: node.output.shape[1:] for node in found.nodes}
    assert shapes["wide"] == (2, 8, 8)
    assert shapes["linear1"] == (7,)


def test_groups_that_lose_all_but_one_channel_have_another_form() -> None:
    """64 channels in 8 groups keep several channels a group only where at least 16 are left."""
    net = network()
    same = {divisor: not same_form(plan(net), plan(found))[1] for divisor, found in narrowed(net)}
    assert same == {32: False, 16: False, 8: False, 4: True, 2: True, 1: True}


def test_the_whole_network_comes_last() -> None:
    net = network()
    *narrow, last = narrowed(net)
    assert last == (1, net)
    assert [divisor for divisor, _ in narrow] == [32, 16, 8, 4, 2]


def test_evaluation_has_narrow_forms() -> None:
    net = network().evaluation()
    _, found = next(narrowed(net))
    assert len(found.nodes) == len(net.nodes)
    assert not found.training


def test_other_equations_have_another_form() -> None:
    layers = list(network().specs)
    layers[1] = tanh(name="wide")
    other = sc.Network(layers, (3, 8, 8), "mixed")
    assert same_form(plan(network()), plan(other)) == (1, "a1[n, c, i, j]")
