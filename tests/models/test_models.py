"""The named networks: their layers, shapes, parameter counts and figures."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from symcnn import models
from symcnn.core.errors import UnknownName
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import emit_plan

# As published with the networks, or counted from the papers' tables.
PUBLISHED = {
    "notes": 15,
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "alexnet-2012": 60_965_224,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11-bn": 132_868_840,
    "vgg13-bn": 133_053_736,
    "vgg16-bn": 138_365_992,
    "vgg19-bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "googlenet": 13_004_888,
    "googlenet-2014": 13_378_280,
    "inception-v3": 27_161_264,
}
WITHOUT_HEADS = {"googlenet": 6_624_904, "googlenet-2014": 6_998_552, "inception-v3": 23_834_568}


@pytest.mark.parametrize("name", models.names())
def test_the_table_says_what_the_equations_say(name: str) -> None:
    net = models.get(name)
    found, entry = models.summary(net), models.MODELS[name]
    for key in ("name", "source", "input", "parameters", "multiply_adds"):
        assert found[key] == models.figures(entry)[key], key
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    assert net.title
    assert net.source


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_as_published(name: str) -> None:
    assert models.MODELS[name].parameters == PUBLISHED[name]


@pytest.mark.parametrize("name", WITHOUT_HEADS)
def test_parameters_without_auxiliary_heads(name: str) -> None:
    assert models.summary(models.get(name).evaluation())["parameters"] == WITHOUT_HEADS[name]


def test_lenet_layers() -> None:
    found = models.summary(models.lenet5())
    shapes = [layer["output_shape"] for layer in found["layers"]]
    assert shapes[0] == [6, 28, 28]
    assert [16, 10, 10] in shapes
    assert [120] in shapes
    assert found["multiply_adds"] == 25 * 6 * 28 * 28 + 25 * 6 * 16 * 100 + 400 * 120 + 120 * 84 + 84 * 10


def test_lenet_of_1998_has_the_papers_counts() -> None:
    """C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164; 840 entries of the output's centres."""
    counts = [
        (layer["name"], layer["parameters"]) for layer in models.summary(models.lenet5_1998())["layers"]
    ]
    trained = [count for _, count in counts if count]
    assert dict(counts)["C1"] == 156
    assert sum(count for name, count in counts if name.startswith("C3")) == 1516
    assert dict(counts)["C5"] == 48_120
    assert dict(counts)["F6"] == 10_164
    assert sum(trained) - 840 == 60_000


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_equal_blocks_share_one_body(depth: int) -> None:
    """Three or four stages repeat one body; ResNet-152 has as many different ones as ResNet-50."""
    bodies = models.get(f"resnet{depth}").bodies
    assert len(bodies) == {18: 7, 34: 7}.get(depth, 8)


def test_maps_of_the_inception_networks() -> None:
    googlenet, inception = (models.get(name) for name in ("googlenet", "inception-v3"))
    assert googlenet.node("inception3a_concat1").output.shape[1:] == (256, 28, 28)
    assert googlenet.node("inception5b_concat1").output.shape[1:] == (1024, 7, 7)
    assert inception.node("mixed5d_concat1").output.shape[1:] == (288, 35, 35)
    assert inception.node("mixed6e_concat1").output.shape[1:] == (768, 17, 17)
    assert inception.node("mixed7c_concat1").output.shape[1:] == (2048, 8, 8)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="lenet5"):
        models.get("lenet6")
    with pytest.raises(AttributeError, match="resnet19"):
        models.resnet19  # noqa: B018


def test_names_are_functions_whose_arguments_may_be_given_otherwise() -> None:
    net = models.resnet18_small(classes=3)
    assert net.output.shape[1] == 3
    assert net.name == "resnet18-small"


def test_the_listing_needs_no_sympy() -> None:
    program = "import sys; from symcnn.cli import main; main(['models']); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["notes", "lenet5-digits"])
def test_emitted_gradients_equal_differences(name: str) -> None:
    net = models.get(name)
    module = emit_plan(plan(net)).load()
    rng = np.random.default_rng(0)
    params = {key: 0.3 * rng.normal(size=a.shape) for key, a in module.init(dtype=np.float64).items()}
    x = rng.normal(size=(2, *net.input_shape))
    y = rng.integers(0, 2, (2, 1)).astype(float) if name == "notes" else rng.integers(0, 10, 2)
    _, grads = module.loss_and_grads(params, x, y)
    assert set(grads) == set(params)
    for key, grad in grads.items():
        direction = rng.normal(size=grad.shape)
        ends = [module.loss({**params, key: params[key] + s * 1e-6 * direction}, x, y) for s in (1, -1)]
        assert abs((ends[0] - ends[1]) / 2e-6 - np.sum(grad * direction)) < 1e-6
