"""Traps of SymPy 1.14 on the way to gradients: what it answers, and that the calculus answers rightly.

Each test shows SymPy's own answer first; should a later SymPy answer otherwise, only that half changes.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from sympy.concrete.delta import deltasummation
from sympy.printing.mathml import mathml as sp_mathml
from sympy.printing.numpy import NumPyPrinter
from sympy.tensor.array.expressions import convert_indexed_to_array

from symcnn.calculus.proof import by_entries
from symcnn.calculus.pullback import pullback
from symcnn.core.expr import same
from symcnn.core.functions import KinkPolicy
from symcnn.core.infer import parse
from symcnn.nets.formula import layer
from symcnn.notes.parser import parse as read_latex
from symcnn.notes.tree import Derivative
from symcnn.program.reference import evaluate
from symcnn.render.document_steps import remarks
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation
from symcnn.render.mathml import mathml
from symcnn.render.numpy_source import emit_plan


def gradient_of(text: str, shapes: dict[str, str], name: str, policy: KinkPolicy | None = None) -> object:
    """The pullback of a one-line formula to one of its tensors."""
    policy = policy or KinkPolicy()
    (equation,) = parse(text, shapes, policy=policy).equations
    return pullback(equation, next(t for t in equation.inputs if t.name == name), policy=policy)


def exact(*values: object) -> np.ndarray:
    return np.array(values, dtype=object)


def test_a_derivative_by_the_bound_index_is_captured() -> None:
    N = sp.Symbol("N", integer=True, positive=True)
    i, k = sp.symbols("i k", integer=True)
    W, x = sp.IndexedBase("W"), sp.IndexedBase("x")
    captured = sp.Sum(W[i, k] * x[k], (k, 0, N - 1)).diff(x[k])
    assert captured == sp.Sum(W[i, k], (k, 0, N - 1))  # the sum of a row in place of W[i, k]

    ours = gradient_of("z[i] = sum[k](W[i,k]*x[k])", {"W": "M,N", "x": "N"}, "x")
    assert str(ours.equation) == "dx[k] = sum[i<M](W[i, k]*dz[i])"
    assert by_entries(ours).holds


def test_equality_of_sums_depends_on_the_names_of_bound_indices() -> None:
    x = sp.IndexedBase("x")
    a, b = sp.symbols("a b", integer=True)
    assert sp.Sum(x[a], (a, 0, 3)) != sp.Sum(x[b], (b, 0, 3))

    left = parse("y = sum[a](x[a])", {"x": "N"}).equations[0].body
    right = parse("y = sum[b](x[b])", {"x": "N"}).equations[0].body
    assert left != right
    assert same(left, right)


def test_delta_summation_forgets_divisibility() -> None:
    g, i, a = sp.IndexedBase("g"), sp.Symbol("i", integer=True), sp.Symbol("a", integer=True)
    theirs = deltasummation(g[i] * sp.KroneckerDelta(a, 2 * i), (i, 0, 4))
    assert theirs.subs(a, 1) == g[sp.Rational(1, 2)]  # an entry that does not exist, where 0 is right

    ours = gradient_of("y[i] = x[2*i]", {"x": "9"}, "x")
    dy = exact(1, 2, 3, 4, 5)
    found = evaluate(ours.equation, {"x": exact(*[0] * 9), "dy": dy})
    assert found.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5]
    assert by_entries(ours).holds


@pytest.mark.parametrize(("stride", "dilation", "padding"), [(2, 1, 0), (2, 3, 1), (3, 2, 2), (4, 6, 3)])
def test_strided_dilated_gathers_divide_exactly(stride: int, dilation: int, padding: int) -> None:
    text = f"y[i] = sum[r<3](w[r]*x[{stride}*i+{dilation}*r-{padding} | 0])"
    ours = gradient_of(text, {"x": "17", "w": "3", "y": "4"}, "x")
    dy, w, dx = exact(1, 10, 100, 1000), exact(2, 3, 5), [0] * 17
    for i in range(4):
        for r in range(3):
            if 0 <= stride * i + dilation * r - padding < 17:
                dx[stride * i + dilation * r - padding] += dy[i] * w[r]
    assert evaluate(ours.equation, {"x": exact(*dx), "w": w, "dy": dy}).tolist() == dx


def test_the_slope_of_max_at_zero_is_one_half() -> None:
    z = sp.Symbol("z", real=True)
    assert sp.Max(0, z).diff(z).subs(z, 0) == sp.Rational(1, 2)

    for slope in (sp.S.Zero, sp.S.One, sp.Rational(1, 2)):
        ours = gradient_of("a[n] = max(z[n], 0)", {"z": "N"}, "z", KinkPolicy("first", slope))
        found = evaluate(ours.equation, {"z": exact(-1, 0, 2), "da": exact(3, 3, 3)})
        assert found.tolist() == [0, 3 * Fraction(int(slope.p), int(slope.q)), 3]


def test_the_slope_of_equal_maxima_is_one_half_each() -> None:
    u, v = sp.symbols("u v", real=True)
    assert sp.Max(u, v).diff(u).subs({u: 1, v: 1}) == sp.Rational(1, 2)

    for tie, wanted in (
        ("first", [7, 0, 0]),
        ("last", [0, 0, 7]),
        ("split", [Fraction(7, 2), 0, Fraction(7, 2)]),
    ):
        ours = gradient_of("y = max[k](x[k])", {"x": "N"}, "x", KinkPolicy(tie))  # type: ignore[arg-type]
        found = evaluate(ours.equation, {"x": exact(5, 1, 5), "dy": np.array(7, dtype=object)})
        assert found.tolist() == wanted


def test_derivatives_of_matrix_expressions_with_functions() -> None:
    y = sp.MatrixSymbol("y", 2, 1)
    theirs = (y.T * y.applyfunc(sp.exp)).diff(y)
    assert theirs.shape != (2, 1)  # Σ y exp(y) is a number; its derivative has the shape of y

    ours = gradient_of("L = sum[k](y[k]*exp(y[k]))", {"y": "N"}, "y")
    assert by_entries(ours).holds
    found = evaluate(ours.equation, {"y": np.array([0.0, 1.0]), "dL": np.array(1.0)}, {"L": 0})
    np.testing.assert_allclose(found, [1.0, 2 * np.e])


def test_array_expressions_forget_or_refuse_shifted_indices() -> None:
    w, x = sp.IndexedBase("w"), sp.IndexedBase("x")
    i, k = sp.symbols("i k", integer=True)
    with pytest.raises((TypeError, ValueError)):
        convert_indexed_to_array(sp.Sum(w[k] * x[i + k], (k, 0, 2)))

    ours = gradient_of("y[i] = sum[k](w[k]*x[i+k])", {"w": "R", "x": "N"}, "x")
    assert by_entries(ours).holds


def test_nothing_of_the_calculus_calls_simplify_on_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """simplify takes seconds on gelu and raises on softmax with cross-entropy: derivations do without."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("simplify was called")

    monkeypatch.setattr(sp, "simplify", refuse)
    gradient_of("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"}, "z")
    gradient_of("y[k] = x[k]*(1 + erf(x[k]/sqrt(2)))/2", {"x": "K"}, "x")
    gradient_of(
        "L = mean[n](log(sum[k](exp(z[n,k]))) - sum[k](t[n,k]*z[n,k]))", {"z": "N,K", "t": "N,K"}, "z"
    )


def test_the_mathml_of_a_sum_drops_all_limits_but_the_first() -> None:
    N = sp.Symbol("N", integer=True, positive=True)
    i, j = sp.symbols("i j", integer=True)
    x = sp.IndexedBase("x")
    theirs = sp_mathml(sp.Sum(x[i] * x[j], (i, 0, N - 1), (j, 0, 2)), printer="presentation")
    assert theirs.count("&#x2211;") == 1  # one sum, over i; nothing says that j runs over anything
    assert "<mi>j</mi><mo>=</mo>" not in theirs

    (equation,) = parse("y = sum[i,j<3](x[i]*w[j])", {"x": "N", "w": "3"}).equations
    ours = mathml(" = ".join(equation_latex(equation)))
    assert "<mi>i</mi><mo>,</mo><mi>j</mi>" in ours
    beside = str(remarks(equation, Notation()))  # where several indices leave no room for their ranges
    assert "i < N" in beside
    assert "j < 3" in beside


def test_the_numpy_printer_turns_a_sum_into_a_loop() -> None:
    N = sp.Symbol("N", integer=True, positive=True)
    i = sp.Symbol("i", integer=True)
    theirs = NumPyPrinter().doprint(sp.Sum(sp.IndexedBase("x")[i], (i, 0, N - 1)))
    assert " for i in range(" in theirs

    made = layer("y[n] = sum[i](W[n,i]*x[i])", {"W": "N,H", "x": "H"})
    source = emit_plan(made.plan()).source
    body = source[source.index("def forward") :]
    assert not re.search(r"\bfor \w+ in range\b", body)
    W, x = np.arange(6.0).reshape(2, 3), np.array([1.0, 10.0, 100.0])
    assert emit_plan(made.plan()).load().forward(W=W, x=x).tolist() == (W @ x).tolist()


@pytest.mark.parametrize(
    ("formula", "backend", "outcome"),
    [
        (r"\partial L/\partial w", "antlr", "product"),
        (r"\partial L/\partial w", "lark", "refused"),
        (r"\frac{\partial L}{\partial w}", "lark", "refused"),
    ],
)
def test_sympys_latex_parsers_do_not_read_derivatives(formula: str, backend: str, outcome: str) -> None:
    """Read as a product of the letters ∂, L and w, or not at all; ours reads a derivative, whatever is installed."""
    ours = read_latex(formula)
    assert isinstance(ours, Derivative)
    assert ours.kind == "partial"

    pytest.importorskip({"antlr": "antlr4", "lark": "lark"}[backend])
    from sympy.parsing.latex import parse_latex

    if outcome == "refused":
        with pytest.raises(Exception, match="No terminal matches"):
            parse_latex(formula, backend=backend)
    else:
        product = parse_latex(formula, backend=backend)
        assert product.is_Mul
        assert sp.Symbol("partial") in product.free_symbols


def test_simplify_raises_or_takes_long_where_targeted_rewrites_do_not() -> None:
    """p − y of a softmax with cross-entropy, by rewriting the composed gradient."""
    made = layer(
        "p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l])); L = mean[n](-sum[k](where(t[n] == k, log(p[n,k]), 0)))",
        {"z": "N,K", "t": "N"},
    )
    closed = made.closed_form("z")
    assert str(closed.body) == "(p[n, l] - where(t[n] == l, 1, 0))*dL/N"
