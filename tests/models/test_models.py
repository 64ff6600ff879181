"""The named networks: their layers, shapes and parameter counts."""

from __future__ import annotations

import numpy as np
import pytest

from symcnn import models
from symcnn.core.errors import UnknownName
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import emit_plan


@pytest.mark.parametrize(("name", "count"), [("notes", 15), ("lenet5", 61_706)])
def test_parameter_counts(name: str, count: int) -> None:
    found = models.summary(models.get(name))
    assert found["parameters"] == count
    assert sum(layer["parameters"] for layer in found["layers"]) == count


def test_lenet_layers() -> None:
    found = models.summary(models.lenet5())
    shapes = [layer["output_shape"] for layer in found["layers"]]
    assert shapes[0] == [6, 28, 28]
    assert [16, 10, 10] in shapes
    assert [120] in shapes
    assert found["multiply_adds"] == 25 * 6 * 28 * 28 + 25 * 6 * 16 * 100 + 400 * 120 + 120 * 84 + 84 * 10


def test_an_unknown_model_lists_those_that_exist() -> None:
    with pytest.raises(UnknownName, match="lenet5"):
        models.get("lenet6")


@pytest.mark.parametrize("name", models.names())
def test_a_model_has_a_source_and_a_title(name: str) -> None:
    net = models.get(name)
    assert net.source
    assert net.title
    assert models.summary(net)["name"] == name


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
