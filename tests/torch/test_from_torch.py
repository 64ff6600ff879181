"""Imported modules against the originals: outputs, and gradients of a loss, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import symcnn as sc
from symcnn.core.errors import SymcnnError, UnsupportedFormula
from tests.torch import modules

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
TOLERANCE = 1e-9

CASES: dict[str, tuple[Callable[[], torch.nn.Module], tuple[int, ...]]] = {
    "separable": (modules.Separable, (2, 3, 8, 8)),
    "u-shaped": (modules.UShaped, (2, 1, 8, 8)),
    "vision": (modules.Vision, (2, 3, 8, 8)),
    "encoder": (modules.Encoder, (2, 4, 8)),
    "encoder, norm last": (lambda: modules.Encoder(norm_first=False), (2, 4, 8)),
    "dense": (modules.Dense, (2, 4, 6, 6)),
    "residual": (modules.Residual, (2, 1, 12, 12)),
    "tied": (modules.Tied, (2, 4)),
    "pixels": (modules.Pixels, (2, 3, 4, 4)),
    "moments": (modules.Moments, (2, 6)),
}


def drawn(case: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """A module in evaluation mode with statistics of its own, and an example, in float64."""
    torch.manual_seed(0)
    make, shape = CASES[case]
    module = make().double().eval()
    for parameter in module.parameters():  # no two alike
        parameter.data += 0.1 * torch.randn_like(parameter)
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5) if name.endswith("var") else buffer.normal_(0, 0.1)
    return module, torch.randn(shape, dtype=torch.float64)


def close(ours: np.ndarray, theirs: torch.Tensor) -> bool:
    reference = theirs.detach().numpy()
    return ours.shape == reference.shape and bool(
        np.abs(ours - reference).max() <= TOLERANCE * max(np.abs(reference).max(), 1e-3)
    )


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_the_originals(case: str) -> None:
    module, example = drawn(case)
    net = sc.from_torch(module, example)
    emitted = sc.emit(net).load()
    x = torch.randn((3, *example.shape[1:]), dtype=torch.float64)
    output = module(x)
    given = {"state": net.state} if net.state else {}
    assert close(emitted.forward(net.params, x.numpy(), **given), output)
    cotangent = torch.randn_like(output)
    output.backward(cotangent)
    gradients = emitted.vjp(cotangent.numpy(), net.params, x.numpy(), **given)
    named = dict(module.named_parameters())
    assert {net.originals[name] for name in net.params} == set(named)
    for name, gradient in gradients.items():
        theirs = named[net.originals[name]].grad
        assert close(gradient, torch.zeros(1) if theirs is None else theirs), net.originals[name]
