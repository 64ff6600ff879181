"""Names of operations: the right name where there is one, none where a name would be false."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.calculus.pullback import pullback
from symcnn.calculus.recognise import Operation, recognise
from symcnn.core.infer import parse

DENSE = ("z[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"})
POOL = ("y[i] = mean[r<R](x[2*i+r])", {"x": "H", "y": "(H-R)//2+1"})


def named(text: str, shapes: dict[str, str], wrt: str = "") -> Operation | None:
    """The name of a formula, or of its gradient by one tensor."""
    (equation,) = parse(text, shapes).equations
    if wrt:
        equation = pullback(equation, next(t for t in equation.inputs if t.name == wrt)).equation
    return recognise(equation)


def written(operation: Operation) -> str:
    return " ".join(o.tensor.name + ("ᵀ" if o.transposed else "") for o in operation.operands)


@pytest.mark.parametrize(
    ("formula", "wrt", "kind", "operands"),
    [
        (DENSE, "", "matrix product", "x Wᵀ"),
        (DENSE, "W", "matrix product", "dzᵀ x"),
        (DENSE, "x", "matrix product", "dz W"),
        (("y[i,k] = sum[j](a[j,i]*b[j,k])", {"a": "J,I", "b": "J,K"}), "", "matrix product", "aᵀ b"),
        (("y[i,k] = sum[j](b[j,k]*a[j,i])", {"a": "J,I", "b": "J,K"}), "", "matrix product", "aᵀ b"),
        (("y[k,i] = sum[j](a[i,j]*b[j,k])", {"a": "I,J", "b": "J,K"}), "", "matrix product", "bᵀ aᵀ"),
        (("y[i,j] = x[i]*w[j]", {"x": "N", "w": "M"}), "", "outer product", "w x"),
        (("y[i] = x[i]*w[i]", {"x": "N", "w": "N"}), "", "elementwise product", "w x"),
        (("y[n] = sum[k](x[n,k])", {"x": "N,K"}), "", "sum", "x"),
        (("y[n] = mean[k](x[n,k])", {"x": "N,K"}), "", "mean", "x"),
        (("y[n] = mean[k](x[n,k])", {"x": "N,K"}), "x", "mean spread", "dy"),
        (POOL, "", "pooling", "x"),
        (POOL, "x", "mean spread", "dy"),
        (("y[i] = max[r<2](x[2*i+r])", {"x": "H"}), "", "pooling", "x"),
        (("y[i] = max[r<2](x[2*i+r])", {"x": "H"}), "x", "routing", "dy"),
        (("a[n] = max(z[n], 0)", {"z": "N"}), "z", "mask", "da"),
        (("f[c*V+j] = x[c,j]", {"x": "C,V"}), "", "reshape", "x"),
        (("f[c*V+j] = x[c,j]", {"x": "C,V"}), "x", "reshape", "df"),
        (("y[i] = x[i+1]", {"x": "N"}), "", "slice", "x"),
        (("y[c] = f[c | 0] + g[c-A | 0]", {"f": "A", "g": "B", "y": "A+B"}), "", "concatenation", "f g"),
        (("y[c] = f[c | 0] + g[c-A | 0]", {"f": "A", "g": "B", "y": "A+B"}), "g", "slice", "dy"),
    ],
)  # fmt: skip
def test_operations_have_their_names(
    formula: tuple[str, dict[str, str]], wrt: str, kind: str, operands: str
) -> None:
    operation = named(*formula, wrt)
    assert operation is not None
    assert (operation.kind, written(operation)) == (kind, operands)


@pytest.mark.parametrize(
    ("text", "shapes", "kinds"),
    [
        # locally connected: the weight depends on the place, so it is no convolution
        ("y[i] = sum[r](w[i,r]*x[i+r])", {"x": "N", "w": "N-R+1,R", "y": "N-R+1"}, {None}),
        # the same index twice: a diagonal, not a copy; a trace, not a sum
        ("y[i] = x[i,i]", {"x": "N,N"}, {None, "elementwise function"}),
        ("y = sum[i](x[i,i])", {"x": "N,N"}, {None}),
        ("y = mean[i](x[i,i])", {"x": "N,N"}, {None}),
        # a transposed tensor is not a copy
        ("y[j,i] = x[i,j]", {"x": "N,M"}, {None}),
        # the output is flipped: no stride is negative in the family
        ("y[r] = sum[i](g[i]*x[i+2-r | 0])", {"x": "N", "g": "M", "y": "3"}, {None}),
        # a maximum of products is no pooling of one tensor
        ("y[n] = max[k](x[n,k]*w[k])", {"x": "N,K", "w": "K"}, {None}),
        # two windows share an index: a diagonal convolution
        ("y[i] = sum[r](w[r]*x[i+r,i+r])", {"x": "N,N", "w": "R", "y": "N-R+1"}, {None}),
        # the summed index is also read plainly
        ("y[i] = sum[r](w[r]*x[r,i+r])", {"x": "R,N", "w": "R", "y": "N-R+1"}, {None}),
        # a factor that counts places
        ("y[i] = i*x[i]", {"x": "N"}, {None, "elementwise function"}),
        # three tensors
        ("y[n,k] = sum[i,j](x[n,i]*W[k,i,j]*z[n,j])", {"x": "N,I", "W": "K,I,J", "z": "N,J"}, {None}),
        ("y[n] = prod[k](x[n,k])", {"x": "N,K"}, {None}),
        # a multiple is no mean
        ("y[n] = 3*sum[k](x[n,k])", {"x": "N,K"}, {"sum"}),
    ],
)
def test_no_false_name_is_given(text: str, shapes: dict[str, str], kinds: set[str | None]) -> None:
    operation = named(text, shapes)
    assert (operation.kind if operation else None) in kinds


@pytest.mark.parametrize(
    ("text", "shapes", "wrt"),
    [
        ("y[i] = x[i,i]", {"x": "N,N"}, "x"),
        ("y = sum[i](x[i,i])", {"x": "N,N"}, "x"),
        ("y[n] = 3*sum[k](x[n,k])", {"x": "N,K"}, "x"),
        ("y[i,k] = sum[j](x[i,j]*x[k,j])", {"x": "N,K"}, "x"),
    ],
)
def test_no_false_name_is_given_to_a_gradient(text: str, shapes: dict[str, str], wrt: str) -> None:
    operation = named(text, shapes, wrt)
    assert operation is None or operation.kind not in ("mean spread", "mean", "matrix product")


def test_scale_and_bias_are_kept() -> None:
    scores = named("s[i,j] = sum[d](q[i,d]*k[j,d])/sqrt(D)", {"q": "T,D", "k": "U,D"})
    assert scores is not None
    assert scores.scale == 1 / sp.sqrt(sp.Symbol("D", integer=True, positive=True))
    dense = named("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"})
    assert dense is not None
    assert dense.bias is not None
    assert dense.bias.name == "b"


def test_a_convolution_has_its_parameters() -> None:
    text, shapes = "y[i] = sum[r](w[r]*x[2*i+3*r-1 | 0])", {"x": "N", "w": "R", "y": "(N+2-3*(R-1)-1)//2+1"}
    window = {name: named(text, shapes, name).windows[0] for name in ("", "w", "x")}  # type: ignore[union-attr]
    assert {n: (w.stride, w.dilation, w.spacing, w.flipped) for n, w in window.items()} == {
        "": (2, 3, 1, False),
        "w": (3, 2, 1, False),
        "x": (1, 3, 2, True),
    }
    assert (window[""].padding, window["w"].padding, str(window["x"].padding)) == (1, 1, "3*R - 4")
