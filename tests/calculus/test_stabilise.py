"""Stable forms have the same value and stay finite where the plain ones overflow."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sympy as sp

from symcnn.calculus.stabilise import stabilise
from symcnn.core.equation import Equation
from symcnn.core.expr import Reduce
from symcnn.core.infer import parse
from symcnn.nets.formula import layer
from symcnn.program.reference import evaluate, evaluate_system
from symcnn.render.numpy_source import emit_plan

FORMULAS = {
    "log-sum-exp": ("y[n] = log(sum[k](exp(z[n,k])))", {"z": "N,K"}),
    "log-sum-exp of scaled scores": ("y[n] = log(sum[k](exp(3*z[n,k] + 1)))", {"z": "N,K"}),
    "softmax": ("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"}),
    "log softmax": ("p[n,k] = log(exp(z[n,k])/sum[l](exp(z[n,l])))", {"z": "N,K"}),
    "log sigmoid": ("a[n] = log(1/(1 + exp(-z[n])))", {"z": "N"}),
    "log of one minus sigmoid": ("a[n] = log(1 - 1/(1 + exp(-z[n])))", {"z": "N"}),
    "softplus": ("a[n] = log(1 + exp(z[n]))", {"z": "N"}),
    "sigmoid": ("a[n] = 1/(1 + exp(-z[n]))", {"z": "N"}),
    "mish": ("a[n] = z[n]*tanh(softplus(z[n]))", {"z": "N"}),
    "silu": ("a[n] = z[n]/(1 + exp(-z[n]))", {"z": "N"}),
    "sigmoid and bce": (
        "L = mean[n](-y[n]*log(1/(1 + exp(-z[n]))) - (1 - y[n])*log(1 - 1/(1 + exp(-z[n]))))",
        {"z": "N", "y": "N"},
    ),
    "softmax and cross-entropy": (
        "L = mean[n](-sum[k](y[n,k]*log(exp(z[n,k])/sum[l](exp(z[n,l])))))",
        {"z": "N,K", "y": "N,K"},
    ),
    "attention weights": ("w[i,j] = exp(s[i,j])/sum[l](exp(s[i,l]))", {"s": "T,U"}),
}  # fmt: skip
CASES = [pytest.param(text, shapes, id=name) for name, (text, shapes) in FORMULAS.items()]


def arrays_for(shapes: dict[str, str], scale: float, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {
        name: scale * rng.choice([-1.0, -0.3, 0.4, 1.0], size=(3,) + (4,) * axes.count(","))
        for name, axes in shapes.items()
    }
    if "y" in found:
        found["y"] = (found["y"] > 0).astype(float)
    return found


def stable(equation: Equation) -> Equation:
    return Equation(equation.target, stabilise(equation.body), equation.free)


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_the_value_is_kept(text: str, shapes: dict[str, str]) -> None:
    (equation,) = parse(text, shapes).equations
    for seed in range(3):
        arrays = arrays_for(shapes, 2.0, seed)
        np.testing.assert_allclose(
            evaluate(stable(equation), arrays), evaluate(equation, arrays), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_a_second_time_changes_nothing(text: str, shapes: dict[str, str]) -> None:
    (equation,) = parse(text, shapes).equations
    arrays = arrays_for(shapes, 1.5)
    once = stabilise(equation.body)
    assert len(list(sp.preorder_traversal(stabilise(once)))) == len(list(sp.preorder_traversal(once)))
    again = Equation(equation.target, stabilise(once), equation.free)
    np.testing.assert_allclose(evaluate(again, arrays), evaluate(equation, arrays), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("scale", [1e3, 1e4])
@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_emitted_code_stays_finite_without_a_warning(text: str, shapes: dict[str, str], scale: float) -> None:
    made = layer(text, shapes)
    module = emit_plan(made.plan()).load()
    arrays = arrays_for(shapes, scale)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = module.forward(**arrays)
        cotangents = module.vjp(np.ones_like(value), **arrays)
    assert np.all(np.isfinite(value))
    assert all(np.all(np.isfinite(array)) for array in cotangents.values())


def test_large_logits_have_their_limits() -> None:
    text, shapes = FORMULAS["sigmoid and bce"]
    (equation,) = parse(text, shapes).equations
    right = evaluate(stable(equation), {"z": np.array([1000.0, -1000.0]), "y": np.array([1.0, 0.0])})
    wrong = evaluate(stable(equation), {"z": np.array([1000.0, -1000.0]), "y": np.array([0.0, 1.0])})
    assert float(right) == 0
    assert float(wrong) == 1000


def test_the_maximum_that_is_subtracted_binds_its_own_index() -> None:
    (equation,) = parse(*FORMULAS["softmax"]).equations
    body = stabilise(equation.body)
    peaks = [node for node in sp.preorder_traversal(body) if isinstance(node, Reduce) and node.kind == "max"]
    sums = [node for node in sp.preorder_traversal(body) if isinstance(node, Reduce) and node.kind == "sum"]
    assert peaks
    assert not {k for p in peaks for k in p.indices} & {k for s in sums for k in s.indices}


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("y[i] = log(x[i])", {"x": "N"}),
        ("y[i] = log(1 + x[i])", {"x": "N"}),
        ("y[i] = log(x[i]*w[i])", {"x": "N", "w": "N"}),
        ("y[i] = log(x[i]**2)", {"x": "N"}),
        ("y = sum[i](exp(x[i]))", {"x": "N"}),
        ("y[i] = exp(x[i])/(2 + sum[k](exp(x[k])))", {"x": "N"}),
    ],
)
def test_what_has_no_stable_form_is_left_alone(text: str, shapes: dict[str, str]) -> None:
    """log of a product of unknown sign must not be split; a sum of exponentials alone must not be shifted away."""
    system = parse(text, shapes)
    (equation,) = system.equations
    arrays = {
        name: np.array([-2.0, -0.5, -3.0]) if "log(x[i]*" in text else np.array([0.5, 2.0, 3.0])
        for name in shapes
    }
    np.testing.assert_allclose(
        evaluate(stable(equation), arrays), evaluate_system(system, arrays)["y"], rtol=1e-13
    )
