"""Winograd's transforms: proved exactly, for every size that the points allow."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.program.fast_winograd import Transforms, proved, transforms


@pytest.mark.parametrize(("tile", "window"), [(2, 3), (4, 3), (3, 4), (2, 5), (6, 3), (4, 2)])
def test_a_tile_is_the_sum_over_the_window(tile: int, window: int) -> None:
    made = transforms(tile, window)
    weight, data = sp.symbols(f"g:{window}"), sp.symbols(f"d:{tile + window - 1}")
    points = (made.kernel * sp.Matrix(weight)).multiply_elementwise(made.data * sp.Matrix(data))
    found = made.output * points
    for i in range(tile):
        assert sp.expand(found[i] - sum(weight[r] * data[i + r] for r in range(window))) == 0


def test_the_proof_finds_a_wrong_number() -> None:
    made = transforms(4, 3)
    wrong = made.data.as_mutable()
    wrong[1, 2] += 1
    assert proved(made)
    assert not proved(Transforms(4, 3, made.output, made.kernel, sp.ImmutableMatrix(wrong)))


def test_too_few_points_are_refused() -> None:
    with pytest.raises(UnsupportedFormula):
        transforms(9, 3)
