"""Layers that no framework has, each one line or a few: derived, emitted, and checked against three oracles."""

from __future__ import annotations

import pytest

from symcnn.core.functions import KinkPolicy
from symcnn.nets.formula import layer
from tests.nets.trial import proved, replayed, tried

MADE_UP: dict[str, tuple[str, dict[str, str]]] = {
    "strided, dilated and shifted product": (
        "y[n,i] = sum[c,r](w[c,r]*x[n,c,3*i+2*r-1 | 0])*g[i]",
        {"x": "N,C,H", "w": "C,R", "g": "P", "y": "N,P"},
    ),
    "product of two shifted reads": ("y[i] = sum[r](w[r]*x[i+r]*x[i+2*r | 0])", {"x": "H", "w": "R"}),
    "three tensors": ("y[n,k] = sum[i,j](a[n,i]*W[k,i,j]*b[n,j])", {"a": "N,I", "W": "K,I,J", "b": "N,J"}),
    "three windows": ("y[i] = sum[r,s](x[i+r]*w[r,s]*z[i+s])", {"x": "H", "z": "H", "w": "3,2", "y": "H-2"}),
    "nested sums": ("y[n] = sum[k](v[k]*(sum[d](W[k,d]*x[n,d]))**2)", {"x": "N,D", "W": "K,D", "v": "K"}),
    "maximum of sums": ("y[n] = max[k](sum[d](W[k,d]*x[n,d]))", {"x": "N,D", "W": "K,D"}),
    "sum of maxima": ("y[n] = sum[k](max[d](W[k,d] + x[n,d]))", {"x": "N,D", "W": "K,D"}),
    "windows of a normalised map": (
        "m[n] = mean[i](x[n,i])\nv[n] = mean[i]((x[n,i] - m[n])**2)\nh[n,i] = (x[n,i] - m[n])/sqrt(v[n] + 1)\n"
        "y[n,i] = sum[r](w[r]*h[n,2*i+r-1 | 0])",
        {"x": "N,H", "w": "3", "y": "N,H//2"},
    ),
    "a reduction inside exp": ("y[n,k] = exp(-sum[d]((x[n,d] - c[k,d])**2)/t)", {"x": "N,D", "c": "K,D"}),
    "a window inside exp": ("y[i] = exp(mean[r<3](x[i+r]))/(1 + x[i]**2)", {"x": "H", "y": "H-2"}),
    "reads at i + j": ("y[i,j] = x[i+j]*w[i]", {"x": "H+K-1", "w": "H", "y": "H,K"}),
    "a reversed filter": ("y[i] = sum[r](w[R-1-r]*x[i+r])", {"w": "R", "x": "H"}),
    "two reads of one tensor in a term": ("y[i] = x[i]*x[H-1-i]", {"x": "H"}),
    "differences of neighbours": (
        "y[i,j] = (x[i+1,j] - x[i,j])**2 + (x[i,j+1] - x[i,j])**2",
        {"x": "H,V", "y": "H-1,V-1"},
    ),
    "locally connected": (
        "y[n,i] = b[i] + sum[r](W[i,r]*x[n,2*i+r])",
        {"x": "N,H", "W": "(H-R)//2+1,R", "b": "(H-R)//2+1", "y": "N,(H-R)//2+1"},
    ),
    "product over a window": ("y[i] = prod[r<3](x[2*i+r])", {"x": "H"}),
    "minimum over channels": ("y[n,i] = min[c](w[c]*x[n,c,i])", {"x": "N,C,H", "w": "C"}),
    "cases by value": ("y[n,k] = where(x[n,k] > t, x[n,k]*w[k], x[n,k]**2)", {"x": "N,K", "w": "K"}),
    "cases by place": ("y[i] = where(i < 2 or i >= H - 1, x[i], x[i]*w[i]**2)", {"x": "H", "w": "H"}),
    "Mish": ("y[n,k] = x[n,k]*tanh(softplus(x[n,k]))", {"x": "N,K"}),
    "gated window": (
        "g[n,i] = sigmoid(sum[r](a[r]*x[n,i+r-1 | 0])); y[n,i] = g[n,i]*x[n,i] + (1 - g[n,i])*x[n,i-1 | 0]",
        {"x": "N,H", "a": "3", "g": "N,H"},
    ),
    "outer product summed along diagonals": (
        "y[s] = sum[i](x[i]*w[s-i | 0])",
        {"x": "H", "w": "K", "y": "H+K-1"},
    ),
    "correlation of two maps": (
        "y[n,d,i] = mean[c](f[n,c,i]*g[n,c,i+d-1 | 0])",
        {"f": "N,C,H", "g": "N,C,H", "y": "N,3,H"},
    ),
    "trace of a product": ("L = sum[i,j](A[i,j]*B[j,i])", {"A": "H,K", "B": "K,H"}),
    "the diagonal and the rest": ("y[i] = A[i,i]*x[i] + sum[j](A[i,j]*x[j])", {"A": "H,H", "x": "H"}),
    "attention with a shift": (
        "s[i,j] = sum[d](q[i,d]*k[j,d]) + b[i-j+U-1]; w[i,j] = exp(s[i,j])/sum[l](exp(s[i,l])); "
        "y[i,d] = sum[j](w[i,j]*v[j,d])",
        {"q": "T,D", "k": "U,D", "v": "U,D", "b": "T+U-1"},
    ),
    "upsampling by shuffling": ("y[n,i*2+a] = x[n,a,i]*w[a]", {"x": "N,2,H", "w": "2"}),
    "power mean": ("y[n] = (mean[k](x[n,k]**3))**(1/3)", {"x": "N,K"}),
    "geometric mean": ("y[n] = exp(mean[k](log(x[n,k])))", {"x": "N,K"}),
    "softmax over a window": (
        "y[i] = sum[r<3](x[i+r]*exp(x[i+r]))/sum[r<3](exp(x[i+r]))",
        {"x": "H", "y": "H-2"},
    ),
    "padding by a parameter": ("y[i] = sum[r](w[r]*x[i+r-1 | c])", {"x": "H", "w": "3", "y": "H"}),
    "a cumulative sum": ("y[i] = sum[k](where(k <= i, x[k]*w[i,k], 0))", {"x": "H", "w": "H,H"}),
}
WHOLE = (  # polynomials and selections, where whole numbers must agree exactly
    "strided, dilated and shifted product", "product of two shifted reads", "three tensors", "three windows",
    "nested sums", "maximum of sums", "sum of maxima", "reads at i + j", "a reversed filter",
    "two reads of one tensor in a term", "differences of neighbours", "locally connected", "product over a window",
    "minimum over channels", "cases by value", "cases by place", "outer product summed along diagonals",
    "trace of a product", "the diagonal and the rest", "upsampling by shuffling", "padding by a parameter",
    "a cumulative sum",
)  # fmt: skip
TIES = ("maximum of sums", "sum of maxima", "minimum over channels")


def test_there_are_more_than_twenty() -> None:
    assert len(MADE_UP) >= 20
    assert set(WHOLE) | set(TIES) <= set(MADE_UP)


@pytest.mark.parametrize("name", MADE_UP)
def test_code_agrees_with_the_evaluator_and_with_differences(name: str) -> None:
    made = layer(*MADE_UP[name])
    replayed(made)
    for seed in (0, 1):
        tried(made, seed)


@pytest.mark.parametrize("name", MADE_UP)
def test_gradients_are_proved_by_entries(name: str) -> None:
    proved(layer(*MADE_UP[name]))


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_agree_exactly(name: str) -> None:
    for seed in (2, 3):
        tried(layer(*MADE_UP[name]), seed, whole=True)


@pytest.mark.parametrize("tie", ["first", "last", "split"])
@pytest.mark.parametrize("name", TIES)
def test_ties_agree_in_code_and_evaluator(name: str, tie: str) -> None:
    """Small whole numbers make ties frequent."""
    made = layer(*MADE_UP[name], policy=KinkPolicy(tie))  # type: ignore[arg-type]
    for seed in range(4, 7):
        tried(made, seed, whole=True)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        # nothing depends on the free index: a part of the program is a single number
        ("y[i] = sigmoid(max[r<2](v[2*r+1 | 1] + v[r+3 | 0]))", {"v": "5", "y": "4"}),
        # a position without an index, outside the tensor
        (
            "h[i] = A[i,i | 0]; y[i] = h[i]*x[i] + v[i-i-1 | 0]",
            {"x": "H", "A": "H,K", "v": "5", "y": "H", "h": "H"},
        ),
        # cases whose branches read at one place
        (
            "y[i] = sqrt(1 + where(A[i+2,-i | 0] < 0.9, x[2 | 0], x[2 | 0])**2) - x[2 | 0]",
            {"x": "H", "A": "H,K", "y": "H"},
        ),
    ],
    ids=["a number", "a fixed place outside", "a fixed place"],
)
def test_parts_that_depend_on_no_index(text: str, shapes: dict[str, str]) -> None:
    tried(layer(text, shapes))
