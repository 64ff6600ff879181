"""Networks written as model files read back as the same networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import symcnn as sc
from symcnn import models
from symcnn.cli import main
from symcnn.models.file import load, read
from symcnn.models.file_layers import TYPES
from symcnn.models.file_values import ModelFileError
from symcnn.models.file_write import dump
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    block,
    conv2d,
    cross_entropy_with_logits,
    dropout,
    flatten,
    formula,
    linear,
    mse_loss,
    relu,
    total,
)
from symcnn.nets.spec.formulas import pairing

QUICK = ("notes", "lenet5", "lenet5-1998", "alexnet-2012", "vgg11-bn", "resnet18")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in models.names()]
)
def test_every_model_reads_back(name: str) -> None:
    net = models.get(name)
    text = dump(net)
    assert read(text) == net
    assert dump(read(text)) == text


# One layer of every type, on data of its rank.
ALONE: dict[str, tuple[tuple[int, ...], dict[str, object]]] = {
    "conv1d": ((4, 6), {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "groups": 2, "dilation": 2}),
    "conv2d": ((4, 6, 6), {"in_channels": 4, "out_channels": 3, "kernel_size": (3, 5), "padding": "same"}),
    "conv3d": ((2, 3, 3, 3), {"in_channels": 2, "out_channels": 2, "kernel_size": 2, "bias": False}),
    "conv_transpose2d": (
        (4, 3, 3),
        {
            "in_channels": 4,
            "out_channels": 2,
            "kernel_size": 3,
            "stride": 2,
            "output_padding": 1,
            "groups": 2,
        },
    ),
    "linear": ((4,), {"in_features": 4, "out_features": 3, "bias": False}),
    "batch_norm1d": ((4,), {"num_features": 4, "momentum": 0.3, "affine": False}),
    "batch_norm2d": ((4, 2, 2), {"num_features": 4, "track_running_stats": False}),
    "batch_norm3d": ((2, 2, 2, 2), {"num_features": 2, "eps": 0.001}),
    "layer_norm": ((3, 4, 5), {"normalized_shape": (4, 5), "bias": False}),
    "group_norm": ((4, 3, 3), {"num_groups": 2, "num_channels": 4}),
    "local_response_norm": ((6, 3, 3), {"size": 5, "alpha": 0.0005, "k": 2}),
    "max_pool1d": ((2, 7), {"kernel_size": 3, "stride": 1, "dilation": 2}),
    "max_pool2d": ((2, 7, 7), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    "max_pool3d": ((2, 4, 4, 4), {"kernel_size": 2}),
    "avg_pool1d": ((2, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "avg_pool2d": ((2, 7, 7), {"kernel_size": (3, 2), "padding": 1, "count_include_pad": False}),
    "avg_pool3d": ((2, 4, 4, 4), {"kernel_size": 2}),
    "adaptive_avg_pool1d": ((2, 7), {"output_size": 3}),
    "adaptive_avg_pool2d": ((2, 8, 9), {"output_size": (2, 3)}),
    "adaptive_avg_pool3d": ((1, 5, 4, 4), {"output_size": 2}),
    "upsample": ((2, 3, 3), {"scale_factor": (2, 3)}),
    "pixel_shuffle": ((8, 3, 3), {"upscale_factor": 2}),
    "prelu": ((3, 2, 2), {"num_parameters": 3}),
    "gelu": ((5,), {"approximate": "tanh"}),
    "glu": ((6,), {}),
    "threshold": ((5,), {"threshold": 0.25, "value": -1}),
    "leaky_relu": ((5,), {"negative_slope": 0.2}),
    "softplus": ((5,), {"beta": 2}),
    "elu": ((5,), {"alpha": 0.5}),
    "dropout": ((5,), {"p": 0.25}),
    "global_avg_pool": ((3, 4, 4), {}),
}
ENDS = (
    "bce",
    "cross_entropy",
    "nll_loss",
    "mse_loss",
    "l1_loss",
    "huber_loss",
    "smooth_l1_loss",
    "total",
    "pairing",
)


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"formula", "add", "multiply", "concat", *ENDS}))
def test_every_type_reads_back(name: str) -> None:
    shape, arguments = ALONE.get(name, ((4, 3, 3) if name == "flatten" else (4,), {}))
    layer = TYPES[name](**arguments)
    loss = name in ("cross_entropy_with_logits", "bce_with_logits")
    net = Network([layer] if loss else [layer, mse_loss("sum")], shape, "one")
    text = dump(net)
    assert f'type = "{name}"' in text
    assert read(text) == net


def test_losses_and_their_total_read_back() -> None:
    layers = [
        *(linear(4, 3, name="z"), cross_entropy_with_logits(0.125, name="first")),
        formula("y[n,k] = A*x[n,k]", {"x": "N,K"}, defaults={"A": 2}, name="twice").on("z"),
        mse_loss(name="second").on("twice", "wanted"),
        total(1, 0.25).on("first", "second"),
    ]
    net = Network(layers, (4,), "several")
    assert read(dump(net)) == net


def test_blocks_are_written_once() -> None:
    unit = block(conv2d(2, 2, 3, padding=1, name="conv"), relu(), name="unit_a")
    other = block(*unit.layers, name="unit_b")
    outer = block(other, dropout(), name="outer")
    net = Network([unit, other, outer, flatten(), linear(32, 2), cross_entropy_with_logits()], (2, 4, 4), "b")
    text = dump(net)
    assert text.count("conv2d") == 1
    assert read(text) == net


def test_the_network_of_evaluation_reads_back() -> None:
    net = models.get("vgg11-bn-small").evaluation()
    assert "training = false" in dump(net)
    assert read(dump(net)) == net


def test_the_order_of_data_reads_back() -> None:
    text, shapes = "y[n,k] = a[n,k] - b[n,k]", {"a": "N,K", "b": "N,K"}
    turned = formula(text, shapes, data=("b", "a"), name="turned").on("x", "z")
    net = Network([linear(3, 3, name="z"), turned, replace(pairing(2), name="end")], (3,), "own")
    written = dump(net)
    assert 'data = ["b", "a"]' in written
    assert 'type = "pairing", rank = 2' in written
    assert read(written) == net
    with pytest.raises(ModelFileError, match="expected data as a, b in some order, got a"):
        read(written.replace('["b", "a"]', '["a"]'))


def test_policies_are_refused() -> None:
    policy = sc.KinkPolicy("split")
    net = Network([relu(), mse_loss()], (3,), "p", policy=policy)
    with pytest.raises(ModelFileError, match="policy at kinks"):
        dump(net)


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.toml"
    assert main(["show", "notes", "--toml", "-o", str(path)]) == 0
    assert load(path) == models.get("notes")
    assert sc.dump("notes", tmp_path / "again.toml") == path.read_text(encoding="utf-8")
    assert (tmp_path / "again.toml").read_bytes() == path.read_bytes()
    with pytest.raises(sc.SymcnnError, match="expected a network, got the layer relu"):
        sc.dump("relu")
