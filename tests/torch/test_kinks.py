"""The PyTorch column of the table of kinks: what it returns where a maximum has no derivative."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from symcnn.render.document_kinks import ABSOLUTE, OVER_AXIS, POOLING, RELU, TWO  # noqa: E402

pytestmark = pytest.mark.torch


def slopes(function: Callable[..., object], *values: object) -> list[object]:
    """The gradients of a function's sum at some values."""
    given = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    function(*given).sum().backward()  # type: ignore[attr-defined]
    return [tensor.grad.tolist() for tensor in given]


def test_maxima() -> None:
    pool = slopes(lambda x: torch.nn.functional.max_pool1d(x, 4), [[1.0, 3.0, 3.0, 2.0]])
    assert pool == [[[0, 1, 0, 0]]]
    assert POOLING.others[0] == "max_pool: all to the first"
    assert slopes(lambda x: torch.max(x, 0).values, [1.0, 3.0, 3.0]) == [[0, 1, 0]]
    assert slopes(lambda x: torch.amax(x, 0), [1.0, 3.0, 3.0]) == [[0, 0.5, 0.5]]
    assert OVER_AXIS.others[0] == "max: all to the first; amax: equal shares"
    assert slopes(torch.maximum, 2.0, 2.0) == [0.5, 0.5]
    assert TWO.others[0] == "½ each"


def test_cases() -> None:
    assert slopes(torch.relu, 0.0) == [0]
    assert slopes(lambda z: torch.clamp(z, min=0), 0.0) == [1]
    assert RELU.others[0] == "relu: 0; clamp: 1"
    assert slopes(torch.abs, 0.0) == [0]
    assert ABSOLUTE.others[0] == "0"
