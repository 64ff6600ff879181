"""Modules written by PyTorch's exporter as ONNX files and imported from there, against the originals, in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch

import symcnn as sc
from symcnn.nets.body import Placed
from tests.torch import modules
from tests.torch.test_from_torch import close, drawn

pytestmark = [pytest.mark.torch, pytest.mark.onnx, pytest.mark.filterwarnings("ignore")]

# The exporter has no form for some operators of the other modules.
CASES = ("separable", "u-shaped", "vision", "encoder", "dense", "residual")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case == "dense" else pytest.mark.slow) for case in CASES]
)
def test_a_file_gives_what_the_module_gives(case: str, tmp_path: Path) -> None:
    module, example = drawn(case)
    path = tmp_path / f"{case}.onnx"
    torch.onnx.export(
        module,
        (example,),
        path,
        dynamo=False,
        input_names=["x"],
        dynamic_axes={"x": {0: "n"}},
        opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    net = sc.from_onnx(path)
    emitted = sc.emit(net).load()
    x = torch.randn((3, *example.shape[1:]), dtype=torch.float64)
    output = module(x)
    given = {"state": net.state} if net.state else {}
    assert close(emitted.forward(net.params, x.numpy(), **given), output)
    cotangent = torch.randn_like(output)
    output.backward(cotangent)
    gradients = emitted.vjp(cotangent.numpy(), net.params, x.numpy(), **given)
    checked = 0
    for parameter in module.parameters():
        for name, array in net.params.items():
            if np.array_equal(array, parameter.detach().numpy()):
                assert close(gradients[name], parameter.grad), net.originals[name]
                checked += 1
    assert checked == len(list(module.parameters())) == len(net.params)


def test_names_of_nodes_tell_blocks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(*(modules.Bottleneck(4, 2) for _ in range(2)), torch.nn.Flatten())
    module = module.double().eval()
    example = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    path = tmp_path / "blocks.onnx"
    torch.onnx.export(module, (example,), path, dynamo=False, dynamic_axes={"x": {0: "n"}}, input_names=["x"])
    net = sc.from_onnx(path)
    assert [item.name for item in net.network.items if isinstance(item, Placed)] == ["part_0", "part_1"]
    assert len(net.network.bodies) == 1
    emitted = sc.emit(net).load()
    given = {"state": net.state} if net.state else {}
    assert close(emitted.forward(net.params, example.numpy(), **given), module(example))
