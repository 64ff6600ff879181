"""Sigmoid with BCE gives a − y, softmax with cross-entropy gives p − y: by composition and algebra, line by line."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symcnn.calculus.compose import compose, settle
from symcnn.calculus.proof import by_entries
from symcnn.calculus.pullback import pullback
from symcnn.calculus.simplify import algebra_lines
from symcnn.calculus.spread import atomise
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read, Reduce, Where, rebind, same
from symcnn.core.infer import parse
from symcnn.core.tensor import Tensor
from symcnn.program.reference import evaluate

SIGMOID = ("a[n,k] = 1/(1 + exp(-z[n,k]))", {"z": "N,K"})
BCE = ("L = mean[n,k](-y[n,k]*log(a[n,k]) - (1 - y[n,k])*log(1 - a[n,k]))", {"a": "N,K", "y": "N,K"})
SOFTMAX = ("a[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"})
LABELLED = ("L = mean[n](-sum[k](where(y[n] == k, log(a[n,k]), 0)))", {"a": "N,K", "y": "N"})
ONE_HOT = ("L = mean[n](-sum[k](y[n,k]*log(a[n,k])))", {"a": "N,K", "y": "N,K"})


def one(formula: tuple[str, dict[str, str]]) -> Equation:
    (equation,) = parse(*formula).equations
    return equation


def joined(
    activation: tuple[str, dict[str, str]], loss: tuple[str, dict[str, str]]
) -> tuple[Equation, Equation]:
    """∂L/∂a, seeded with 1, and the equation of ∂L/∂z with ∂L/∂a written in and settled."""
    forward, objective = one(activation), one(loss)
    a = next(t for t in objective.inputs if t.name == "a")
    outer = pullback(objective, a).equation
    outer = outer.substituted({Read(Tensor("L", (), "value").cotangent(), ()): sp.S.One})
    outer = outer.substituted({a: forward.tensor, a.cotangent(): forward.tensor.cotangent()})
    inner = pullback(forward, forward.inputs[0]).equation
    labels = next(t for t in objective.inputs if t.name == "y")
    classes = {labels: a.shape[1]} if labels.rank == 1 else {}
    return outer, Equation(inner.target, settle(compose(inner.body, outer), classes), inner.free)


def test_sigmoid_with_bce_is_a_minus_y() -> None:
    _, result = joined(SIGMOID, BCE)
    assert str(result.body) in ("(a[n, k] - y[n, k])/(K*N)", "(-y[n, k] + a[n, k])/(K*N)")


def test_softmax_with_class_numbers_is_p_minus_one_at_the_label() -> None:
    _, result = joined(SOFTMAX, LABELLED)
    n, k = (index.symbol for index in result.free)
    a, y = (next(t for t in result.inputs if t.name == name) for name in ("a", "y"))
    N = result.free[0].extent
    wanted = (Read(a, [n, k]) - Where(sp.Eq(Read(y, [n]), k), 1, 0)) / N
    assert sp.expand(result.body - wanted) == 0
    assert not result.body.has(Reduce)


def test_each_line_of_the_algebra_has_the_same_value() -> None:
    """−y/a + (1 − y)/(1 − a) → common denominator → expanded → (a − y)/(a(1 − a))."""
    a, y = Tensor("a", []), Tensor("y", [])
    start = -Read(y, []) / Read(a, []) + (1 - Read(y, [])) / (1 - Read(a, []))
    lines = algebra_lines(start)
    assert len(lines) >= 3
    wanted = (Read(a, []) - Read(y, [])) / (Read(a, []) * (1 - Read(a, [])))
    assert sp.simplify(_plain(lines[-1] - wanted)) == 0
    numerator, denominator = sp.fraction(lines[1])
    assert sp.expand(_plain(denominator - Read(a, []) * (1 - Read(a, [])))) == 0
    for line in lines:
        assert sp.simplify(_plain(line - start)) == 0
    assert len(set(lines)) == len(lines)
    assert numerator != sp.fraction(lines[-1])[0]


def _plain(expr: sp.Expr) -> sp.Expr:
    """The expression with reads as the symbols of their tensors."""
    return expr.replace(lambda e: isinstance(e, Read), lambda e: sp.Symbol(e.tensor.name))


def test_the_bce_derivation_shows_these_lines() -> None:
    equation = one(BCE)
    derivation = pullback(equation, next(t for t in equation.inputs if t.name == "a")).derivation
    names = [step.rule.name for step in derivation.steps]
    assert names[0] == "differentiate"
    assert "common denominator" in names
    assert names.index("common denominator") < names.index("cancel")
    assert derivation.replay()


@pytest.mark.parametrize(("activation", "loss"), [(SIGMOID, BCE), (SOFTMAX, LABELLED), (SOFTMAX, ONE_HOT)])
def test_the_joined_gradient_has_the_value_of_the_two_steps(
    activation: tuple[str, dict[str, str]], loss: tuple[str, dict[str, str]]
) -> None:
    rng = np.random.default_rng(0)
    outer, result = joined(activation, loss)
    forward = one(activation)
    z = rng.normal(size=(4, 3))
    y = rng.integers(0, 3, 4).astype(float) if loss is LABELLED else rng.random((4, 3))
    if loss is ONE_HOT:
        y = np.eye(3)[rng.integers(0, 3, 4)]
    a = evaluate(forward, {"z": z})
    da = evaluate(outer, {"a": a, "y": y})
    two = evaluate(pullback(forward, forward.inputs[0]).equation, {"z": z, "a": a, "da": da})
    np.testing.assert_allclose(
        evaluate(result, {"z": z, "a": a, "y": y, "da": da}), two, rtol=1e-12, atol=1e-15
    )


def test_softmax_jacobian_is_p_times_delta_minus_p() -> None:
    equation = one(SOFTMAX)
    gradient = pullback(equation, equation.inputs[0])
    assert by_entries(gradient).holds
    p = np.array([[0.2, 0.3, 0.5]])
    z = np.log(p)
    for k in range(3):
        row = evaluate(gradient.equation, {"z": z, "a": p, "da": np.eye(3)[[k]]})
        np.testing.assert_allclose(row, p * (np.eye(3)[[k]] - p[0, k]), rtol=1e-13)
    everywhere = evaluate(gradient.equation, {"z": z, "a": p, "da": np.ones((1, 3))})
    np.testing.assert_allclose(everywhere, 0, atol=1e-16)


def test_composition_binds_indices_of_its_own() -> None:
    forward = one(SOFTMAX)
    a = forward.tensor
    i = sp.Symbol("i", integer=True, nonnegative=True)
    twice = compose(Read(a, [i, 0]) * Read(a, [i, 1]), forward)
    sums = [node for node in sp.preorder_traversal(twice) if isinstance(node, Reduce)]
    assert len({k for total in sums for k in total.indices}) == 2
    assert twice.free_symbols & {index.symbol for index in forward.free} == set()


def test_composition_keeps_what_lies_outside() -> None:
    forward = one(("h[i] = x[i]**2 + 1", {"x": "N"}))
    i = sp.Symbol("i", integer=True, nonnegative=True)
    composed = compose(Read(forward.tensor, [i - 1], 0), forward)
    assert isinstance(composed, Where)
    assert composed.otherwise == 0
    assert same(composed.value, rebind(forward.body, {forward.free[0].symbol: i - 1}))


def test_a_target_at_other_than_plain_indices_is_refused() -> None:
    flat = one(("f[c*V+j] = x[c,j]", {"x": "C,V"}))
    i = sp.Symbol("i", integer=True, nonnegative=True)
    with pytest.raises(UnsupportedFormula, match="not plain indices"):
        compose(Read(flat.tensor, [i]), flat)


def test_settle_keeps_the_value_of_sums_over_labels() -> None:
    """Σ_k [y = k]·v[k] is settled only where v does not depend on k; the range of the label must be the sum's."""
    text = "s[n] = sum[k<K](where(y[n] == k, w[n], 0)) + 0*x[n,0]"
    equation = one((text, {"y": "N", "w": "N", "x": "N,K"}))
    y = next(t for t in equation.inputs if t.name == "y")
    total = next(node for node in sp.preorder_traversal(equation.body) if isinstance(node, Reduce))
    extent = total.limits[0][1]
    assert not settle(total, {y: extent}).has(Reduce)
    assert settle(total, {y: extent + 1}).has(Reduce)
    assert settle(total, {}).has(Reduce)


def test_atoms_put_back_give_the_expression() -> None:
    equation = one(BCE)
    replaced, atoms = atomise(equation.body)
    assert replaced.xreplace(atoms) == equation.body
