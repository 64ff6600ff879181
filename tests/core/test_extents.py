"""Extents and shapes that are inferred, and reads that are proved to stay inside."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.core.errors import FormulaError
from symcnn.core.infer import parse


@pytest.mark.parametrize(
    ("text", "shapes", "extents", "output"),
    [
        ("y[i] = sum[r](w[r]*x[i+r])", {"w": "R", "x": "N"}, {"i": "N - R + 1", "r": "R"}, "N - R + 1"),
        ("y[i] = sum[r<3](x[i+r])", {"x": "N"}, {"i": "N - 2", "r": "3"}, "N - 2"),
        ("y[i] = sum[r<2](x[3*i+r])", {"x": "N"}, {"i": "floor(N/3 - 2/3) + 1", "r": "2"}, None),
        ("y[i] = x[2*i]", {"x": "10"}, {"i": "5"}, "5"),
        ("y[i] = x[2*i+1]", {"x": "10"}, {"i": "5"}, "5"),
        ("y[i] = x[2*i+2]", {"x": "10"}, {"i": "4"}, "4"),
        ("y[i] = x[N-1-i]", {"x": "N"}, {"i": "N"}, "N"),
        ("y[i] = x[i-1 | 0]", {"x": "N", "y": "N+2"}, {"i": "N + 2"}, "N + 2"),
        ("y[c,i,j] = x[(c*3+i)*4+j]", {"x": "24"}, {"c": "2", "i": "3", "j": "4"}, "2,3,4"),
        ("y[c,i,j] = x[(c*H+i)*V+j]", {"x": "C*H*V"}, {"c": "C", "i": "H", "j": "V"}, "C,H,V"),
        ("f[c*V+j] = x[c,j]", {"x": "C,V"}, {"c": "C", "j": "V"}, "C*V"),
        ("y[i,r] = x[i+r]", {"x": "N", "y": "N-R+1,R"}, {"i": "N - R + 1", "r": "R"}, "N - R + 1,R"),
        ("y[n] = sum[r<R](x[n])", {"x": "N"}, {"n": "N", "r": "R"}, "N"),
    ],
)
def test_extents_are_inferred(
    text: str, shapes: dict[str, str], extents: dict[str, str], output: str | None
) -> None:
    (equation,) = parse(text, shapes).equations
    found = {symbol.name: str(extent) for symbol, extent in equation.extents.items()}
    assert found == extents
    if output is not None:
        assert ",".join(map(str, equation.tensor.shape)) == output


@pytest.mark.parametrize("extent", range(1, 15))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_the_inferred_extent_is_the_most_that_fits(extent: int, stride: int, window: int) -> None:
    wanted = sum(all(stride * i + r < extent for r in range(window)) for i in range(extent))
    if wanted == 0:
        return
    (equation,) = parse(f"y[i] = sum[r<{window}](x[{stride}*i+r])", {"x": str(extent)}).equations
    assert equation.tensor.shape == (sp.Integer(wanted),)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("y[i] = x[i] + x[i+1]", {"x": "N", "y": "N"}),
        ("y[i] = x[i-1]", {"x": "N", "y": "N"}),
        ("y[i] = sum[r<R](x[i+r])", {"x": "N", "y": "N-R+2"}),
        ("y[i] = x[2*i]", {"x": "N", "y": "N//2+1"}),
        ("y[i] = sum[r<R](x[u*i+r])", {"x": "N", "y": "(N-R)//u+2"}),
        ("y[i] = x[i+p]", {"x": "N", "y": "N"}),
        ("y[i] = x[i] + w[i]", {"x": "N", "w": "M"}),
    ],
)
def test_reads_that_can_leave_are_refused(text: str, shapes: dict[str, str]) -> None:
    with pytest.raises(FormulaError, match="can leave"):
        parse(text, shapes)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("y[i] = sum[r<R](x[u*i+r])", {"x": "N", "y": "(N-R)//u+1"}),
        ("y[i] = sum[r<R](x[u*i+e*r])", {"x": "N", "y": "(N-e*(R-1)-1)//u+1"}),
        ("y[i] = x[2*i+1]", {"x": "N", "y": "N//2"}),
        ("y[i] = where(i < 1, 0, x[i-1])", {"x": "N", "y": "N"}),
        ("y[i] = w[R-1-i]*x[i]", {"x": "R", "w": "R"}),
        ("y[i,j] = x[i+j]", {"x": "N+M-1", "y": "N,M"}),
    ],
)
def test_reads_that_stay_inside_are_accepted(text: str, shapes: dict[str, str]) -> None:
    assert parse(text, shapes).equations
