"""Every construct of the formula language: what it reads as, and the values that it has."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from symcnn.core.expr import Read, Reduce, Where
from symcnn.core.functions import KinkPolicy
from symcnn.core.infer import parse
from symcnn.program.reference import evaluate_system

CONV_SIZE = "(H+2*p-e*(R-1)-1)//u+1,(V+2*p-e*(S-1)-1)//u+1"


def values(text: str, shapes: dict[str, str], arrays: dict[str, object], **numbers: object) -> np.ndarray:
    """The output of a formula by the reference evaluator."""
    system = parse(text, shapes)
    tensors = {name: np.array(array, dtype=object) for name, array in arrays.items()}
    return evaluate_system(system, tensors, numbers)[system.output.name]


@pytest.mark.parametrize(
    ("text", "shapes", "output", "printed"),
    [
        (
            "z[n,k] = b[k] + sum[d](W[k,d] * x[n,d])",
            {"x": "N,D", "W": "K,D", "b": "K"},
            "N,K",
            "z[n, k] = b[k] + sum[d<D](W[k, d]*x[n, d])",
        ),
        (
            "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s] * x[n,c,u*i+e*r-p,u*j+e*s-p | 0])",
            {"x": "N,C,H,V", "W": "O,C,R,S", "b": "O", "z": f"N,O,{CONV_SIZE}"},
            "N,O,floor((H - e*(R - 1) + 2*p - 1)/u) + 1,floor((V - e*(S - 1) + 2*p - 1)/u) + 1",
            "z[n, o, i, j] = b[o] + sum[c<C, r<R, s<S]"
            "(W[o, c, r, s]*x[n, c, r*e + i*u - p, s*e + j*u - p | 0])",
        ),
        (
            "y[n,c,i,j] = max[r<2,s<2](x[n,c,2*i+r,2*j+s])",
            {"x": "N,C,H,W"},
            "N,C,floor(H/2),floor(W/2)",
            "y[n, c, i, j] = max[r<2, s<2](x[n, c, r + 2*i, s + 2*j])",
        ),
        (
            "a[n,k] = max(z[n,k], 0)",
            {"z": "N,K"},
            "N,K",
            "a[n, k] = where(z[n, k] > 0, z[n, k], 0)",
        ),
        (
            "a[n,k] = 1 / (1 + exp(-z[n,k]))",
            {"z": "N,K"},
            "N,K",
            "a[n, k] = 1/(1 + exp(-z[n, k]))",
        ),
        (
            "p[n,k] = exp(z[n,k]) / sum[l](exp(z[n,l]))",
            {"z": "N,K"},
            "N,K",
            "p[n, k] = exp(z[n, k])/sum[l<K](exp(z[n, l]))",
        ),
        (
            "L = mean[n](-y[n]*log(a[n]) - (1 - y[n])*log(1 - a[n]))",
            {"y": "N", "a": "N"},
            "",
            "L = sum[n<N](-(1 - y[n])*log(1 - a[n]) - log(a[n])*y[n])/N",
        ),
        (
            "y[n,c,i,j] = x[n,c,i,j] / (k + alpha/D*sum[d<D](x[n,c+d-D//2,i,j | 0]**2))**beta",
            {"x": "N,C,H,W"},
            "N,C,H,W",
            None,
        ),
        (
            "y[n,c,i,j] = f[n,c,i,j | 0] + g[n,c-C1,i,j | 0]",
            {"f": "N,C1,H,W", "g": "N,C2,H,W", "y": "N,C1+C2,H,W"},
            "N,C1 + C2,H,W",
            "y[n, c, i, j] = f[n, c, i, j | 0] + g[n, -C1 + c, i, j | 0]",
        ),
        (
            "f[n,(c*H + i)*W + j] = p[n,c,i,j]",
            {"p": "N,C,H,W"},
            "N,C*H*W",
            "f[n, W*(H*c + i) + j] = p[n, c, i, j]",
        ),
        ("y[i] = sum[r](w[R-1-r]*x[i+r])", {"w": "R", "x": "N"}, "N - R + 1", None),
        ("L = sum[i](x[i]**2)", {"x": "N"}, "", "L = sum[i<N](x[i]**2)"),
    ],
)
def test_the_design_formulas_read_as_they_print(
    text: str, shapes: dict[str, str], output: str, printed: str | None
) -> None:
    system = parse(text, shapes)
    assert ",".join(map(str, system.output.shape)) == output
    if printed is not None:
        assert str(system) == printed


def test_several_equations_define_what_later_ones_read() -> None:
    system = parse(
        "m[c] = mean[n,i](x[n,c,i])\n"
        "v[c] = mean[n,i]((x[n,c,i] - m[c])**2)\n"
        "# comments and blank lines are skipped\n\n"
        "y[n,c,i] = g[c]*(x[n,c,i] - m[c])/sqrt(v[c] + eps) + b[c]  # the output",
        {"x": "N,C,H", "g": "C", "b": "C"},
        defaults={"eps": 1e-5},
    )
    assert [e.tensor.name for e in system.equations] == ["m", "v", "y"]
    assert [t.name for t in system.inputs] == ["x", "g", "b"]
    assert [(s.name, d) for s, d in system.parameters] == [("eps", sp.Rational(1, 100000))]
    rng = np.random.default_rng(0)
    x, g, b = rng.normal(size=(2, 3, 4)), rng.normal(size=3), rng.normal(size=3)
    wanted = g[:, None] * (x - x.mean((0, 2))[:, None]) / np.sqrt(x.var((0, 2))[:, None] + 1e-5) + b[:, None]
    found = evaluate_system(system, {"x": x, "g": g, "b": b})["y"]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_semicolon_separates_equations_too() -> None:
    shapes = {"q": "T,D", "k": "U,D", "v": "U,D"}
    text = (
        "s[i,j] = sum[d](q[i,d]*k[j,d])/sqrt(D); w[i,j] = exp(s[i,j])/sum[l](exp(s[i,l])); "
        "y[i,d] = sum[j](w[i,j]*v[j,d])"
    )
    system = parse(text, shapes)
    assert [str(e.tensor.shape) for e in system.equations] == ["(T, U)", "(T, U)", "(T, D)"]
    rng = np.random.default_rng(1)
    q, k, v = rng.normal(size=(2, 4)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    e = np.exp(q @ k.T / 2)
    wanted = e / e.sum(1, keepdims=True) @ v
    np.testing.assert_allclose(evaluate_system(system, {"q": q, "k": k, "v": v})["y"], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("x[i] + 2*x[i] - x[i]/4", [Fraction(11, 4), Fraction(-11, 2), 0]),
        ("x[i]**3", [1, -8, 0]),
        ("-x[i]", [-1, 2, 0]),
        ("+x[i]", [1, -2, 0]),
        ("abs(x[i])", [1, 2, 0]),
        ("sign(x[i])", [1, -1, 0]),
        ("relu(x[i])", [1, 0, 0]),
        ("max(x[i], 0)", [1, 0, 0]),
        ("max(0, x[i])", [1, 0, 0]),
        ("min(x[i], 0)", [0, -2, 0]),
        ("max(x[i], w[i], 0)", [4, 5, 0]),
        ("min(x[i], w[i], -1)", [-1, -2, -6]),
        ("where(x[i] > 0, w[i], -w[i])", [4, -5, 6]),
        ("where(x[i] >= 0 and not w[i] < 0, 1, 2)", [1, 2, 2]),
        ("where(x[i] == 0 or x[i] != 1, 1, 2)", [2, 1, 1]),
        ("where(-1 < x[i] <= 1, 1, 2)", [1, 2, 1]),
        ("where(i < 2, 1, 2)", [1, 1, 2]),
        ("x[i]*i + N", [3, 1, 3]),
        ("0.5*x[i]", [Fraction(1, 2), -1, 0]),
        ("1e-1*x[i]", [Fraction(1, 10), Fraction(-1, 5), 0]),
        ("sum[r<2](x[i+r-1 | 10])", [11, -1, -2]),
        ("max[r<2](x[i+r-1 | -oo])", [1, 1, 0]),
        ("min[r<2](x[i+r-1 | oo])", [1, -2, -2]),
        ("prod[r<2](x[i+r-1 | 3])", [3, -2, 0]),
        ("mean[r<2](x[i+r-1 | 0])", [Fraction(1, 2), Fraction(-1, 2), -1]),
        ("sum[k](x[k]*sum[l](w[l]*x[l]))*x[i]", [6, -12, 0]),
        ("x[N-1-i]", [0, -2, 1]),
        ("x[0]*w[0]", [4, 4, 4]),
        ("(N//2 + 1)*x[i]", [2, -4, 0]),
    ],
)
def test_operations_have_their_values(expression: str, wanted: list[object]) -> None:
    arrays = {"x": [1, -2, 0], "w": [4, 5, -6]}
    shapes = {name: "N" for name in arrays if f"{name}[" in expression}
    found = values(f"y[i] = {expression}", {**shapes, "y": "N"}, {name: arrays[name] for name in shapes}, N=3)
    assert found.tolist() == wanted


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("exp", np.exp),
        ("log", np.log),
        ("sqrt", np.sqrt),
        ("tanh", np.tanh),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
        ("softplus", lambda z: np.log1p(np.exp(z))),
        ("relu", lambda z: np.maximum(z, 0)),
    ],
)
def test_elementwise_functions(name: str, function: object) -> None:
    x = np.array([0.3, 1.0, 2.5])
    found = evaluate_system(parse(f"y[i] = {name}(x[i])", {"x": "N"}), {"x": x})["y"]
    np.testing.assert_allclose(found, function(x), rtol=1e-14)  # type: ignore[operator]


def test_an_outside_value_may_be_a_parameter() -> None:
    found = values("y[i] = x[i-1 | fill]", {"x": "N", "y": "N+1"}, {"x": [1, 2]}, fill=7)
    assert found.tolist() == [7, 1, 2]


def test_scalar_parameters_and_integer_parameters_are_told_apart() -> None:
    system = parse("y[i] = t*x[u*i-p | 0]", {"x": "N", "y": "N//u"})
    kinds = {s.name: (s.is_integer, s.is_positive) for s, _ in system.parameters}
    assert kinds == {"t": (None, None), "u": (True, True), "p": (True, None)}


def test_the_heads_of_the_tree() -> None:
    (equation,) = parse("y[i] = max(sum[r<R](x[i+r]), 0)", {"x": "N"}).equations
    assert isinstance(equation.body, Where)
    assert isinstance(equation.body.value, Reduce)
    (k,) = equation.body.value.indices
    assert equation.body.value.body == Read(equation.inputs[0], [equation.free[0].symbol + k])
    assert isinstance(k, sp.Dummy)


def test_bound_indices_of_equal_name_are_different() -> None:
    (equation,) = parse("y = sum[r](x[r])*sum[r](x[r])", {"x": "N"}).equations
    reductions = [n for n in sp.preorder_traversal(equation.body) if isinstance(n, Reduce)]
    assert len({k for r in reductions for k in r.indices}) == len(reductions) == 2


def test_the_kink_policy_reaches_the_equation() -> None:
    first = parse("a[i] = max(x[i], w[i])", {"x": "N", "w": "N"}).equations[0].body
    last = parse("a[i] = max(x[i], w[i])", {"x": "N", "w": "N"}, policy=KinkPolicy("last")).equations[0].body
    assert isinstance(first.condition, sp.Ge)
    assert isinstance(last.condition, sp.Gt)


def test_shapes_may_be_sequences_and_numbers() -> None:
    system = parse("y[i,j] = x[i,j]*w[j]", {"x": ("N", 3), "w": [3]})
    assert [str(e) for e in system.output.shape] == ["N", "3"]
