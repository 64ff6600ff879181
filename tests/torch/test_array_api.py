"""Modules against the array API standard run on PyTorch's tensors."""

from __future__ import annotations

import numpy as np
import pytest

import symcnn as sc

torch = pytest.importorskip("torch")
pytest.importorskip("array_api_compat")


@pytest.mark.parametrize("name", ["lenet5-digits", "resnet18-small"])
def test_tensors_in_tensors_out(name: str) -> None:
    net = sc.models.get(name)
    usual, standard = sc.emit(net).load(), sc.emit(net, target="array-api").load()
    x = np.random.default_rng(0).normal(size=(3, *net.input_shape))
    y = np.array([0, 1, 2])
    params = usual.init(0, np.float64)
    tensors = {key: torch.asarray(array) for key, array in params.items()}
    value, grads = usual.loss_and_grads(params, x, y)
    found, others = standard.loss_and_grads(tensors, torch.asarray(x), torch.asarray(y))
    assert isinstance(found, torch.Tensor)
    assert float(found) == pytest.approx(value, rel=1e-12)
    for key, grad in grads.items():
        np.testing.assert_allclose(others[key].numpy(), grad, atol=1e-12 * np.abs(grad).max())
