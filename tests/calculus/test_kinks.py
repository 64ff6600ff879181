"""One kink policy for the derivation, the reference evaluator, the entries and the emitted code."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from symcnn.calculus.pullback import pullback
from symcnn.core.functions import KinkPolicy, Tie
from symcnn.nets.formula import Layer, layer
from symcnn.program.reference import evaluate, evaluate_scatter
from symcnn.render.numpy_source import emit_plan

POLICIES: tuple[Tie, ...] = ("first", "last", "split")


def shares(values: list[float], tie: Tie, pick: object = max) -> list[Fraction]:
    """Who gets the cotangent, written out from the definition."""
    best = pick(values)  # type: ignore[operator]
    places = [k for k, v in enumerate(values) if v == best]
    if tie == "split":
        return [Fraction(int(k in places), len(places)) for k in range(len(values))]
    chosen = places[0] if tie == "first" else places[-1]
    return [Fraction(int(k == chosen)) for k in range(len(values))]


def everywhere(
    made: Layer, arrays: dict[str, np.ndarray], name: str, cotangent: np.ndarray
) -> list[np.ndarray]:
    """The cotangent of one tensor: by the derived equation, by its scatter form, and by the emitted module."""
    (equation,) = made.system.equations
    gradient = pullback(equation, next(t for t in equation.inputs if t.name == name), policy=made.policy)
    exact = {key: array.astype(int).astype(object) for key, array in arrays.items()}
    output = evaluate(equation, exact)
    seeded = {
        **exact,
        equation.tensor.name: output,
        f"d{equation.tensor.name}": cotangent.astype(int).astype(object),
    }
    by_gather = evaluate(gradient.equation, seeded)
    by_scatter = sum(evaluate_scatter(scatter, seeded) for scatter in gradient.scatters)
    module = emit_plan(made.plan()).load()
    by_code = module.vjp(cotangent, **arrays)[name]
    return [by_gather.astype(float), np.asarray(by_scatter).astype(float), by_code]


@pytest.mark.parametrize("tie", POLICIES)
@pytest.mark.parametrize(("kind", "pick"), [("max", max), ("min", min)])
def test_pooling_at_every_pattern_of_ties(tie: Tie, kind: str, pick: object) -> None:
    """All 81 windows of 2×2 with entries 0, 1, 2, side by side."""
    windows = list(itertools.product((0.0, 1.0, 2.0), repeat=4))
    x = np.array(windows).reshape(-1, 2, 2).transpose(1, 0, 2).reshape(2, -1)
    made = layer(f"y[i,j] = {kind}[r<2,s<2](x[2*i+r,2*j+s])", {"x": "H,W"}, policy=KinkPolicy(tie))
    cotangent = np.arange(1.0, len(windows) + 1)[None]
    wanted = np.array(
        [[float(share) * (k + 1) for share in shares(list(w), tie, pick)] for k, w in enumerate(windows)]
    )
    wanted = wanted.reshape(-1, 2, 2).transpose(1, 0, 2).reshape(2, -1)
    for found in everywhere(made, {"x": x}, "x", cotangent):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("tie", POLICIES)
def test_overlapping_windows(tie: Tie) -> None:
    x = np.array([1.0, 3, 3, 2, 3, 3, 0, 0])
    made = layer("y[i] = max[r<3](x[i+r])", {"x": "N"}, policy=KinkPolicy(tie))
    cotangent = np.arange(1.0, 7)
    wanted = np.zeros(8)
    for i in range(6):
        for r, share in enumerate(shares(list(x[i : i + 3]), tie)):
            wanted[i + r] += float(share) * cotangent[i]
    for found in everywhere(made, {"x": x}, "x", cotangent):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("tie", POLICIES)
def test_padding_gets_no_cotangent(tie: Tie) -> None:
    x = np.array([-2.0, -2, -1, -1])
    made = layer("y[i] = max[r<3](x[2*i+r-1 | -oo])", {"x": "N", "y": "N//2"}, policy=KinkPolicy(tie))
    cotangent = np.array([1.0, 10])
    wanted = np.zeros(4)
    for i in range(2):
        places = [k for k in range(2 * i - 1, 2 * i + 2) if 0 <= k < 4]
        for k, share in zip(places, shares([x[k] for k in places], tie), strict=True):
            wanted[k] += float(share) * cotangent[i]
    for found in everywhere(made, {"x": x}, "x", cotangent):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("slope", [sp.S.Zero, sp.S.One, sp.Rational(1, 2)])
@pytest.mark.parametrize("formula", ["a[n] = max(z[n], 0)", "a[n] = relu(z[n])", "a[n] = max(0, z[n])"])
def test_the_slope_of_relu_at_zero(formula: str, slope: sp.Expr) -> None:
    made = layer(formula, {"z": "N"}, policy=KinkPolicy("first", slope))
    z, cotangent = np.array([-1.0, 0, 2]), np.array([3.0, 5, 7])
    for found in everywhere(made, {"z": z}, "z", cotangent):
        np.testing.assert_allclose(found, [0, 5 * float(slope), 7])


@pytest.mark.parametrize("tie", POLICIES)
@pytest.mark.parametrize(("kind", "pick"), [("max", max), ("min", min)])
def test_two_tensors_at_a_tie(tie: Tie, kind: str, pick: object) -> None:
    made = layer(f"y[n] = {kind}(x[n], w[n])", {"x": "N", "w": "N"}, policy=KinkPolicy(tie))
    arrays = {"x": np.array([1.0, 2, 3]), "w": np.array([1.0, 3, 2])}
    cotangent = np.array([2.0, 4, 6])
    for name, place in (("x", 0), ("w", 1)):
        wanted = [
            float(shares([a, b], tie, pick)[place]) * g
            for a, b, g in zip(arrays["x"], arrays["w"], cotangent, strict=True)
        ]
        for found in everywhere(made, arrays, name, cotangent):
            np.testing.assert_allclose(found, wanted)


def test_the_absolute_value_has_slope_zero_at_zero() -> None:
    made = layer("y[n] = abs(x[n])", {"x": "N"})
    for found in everywhere(made, {"x": np.array([-2.0, 0, 5])}, "x", np.array([1.0, 1, 1])):
        assert found.tolist() == [-1, 0, 1]


def test_the_policy_is_part_of_the_layer_and_of_its_code() -> None:
    sources = set()
    for tie in POLICIES:
        made = layer("y[i] = max[r<2](x[2*i+r])", {"x": "N"}, policy=KinkPolicy(tie))
        assert made.policy.tie == tie
        sources.add(emit_plan(made.plan()).source)
    assert len(sources) == 3


def test_cases_inside_their_own_case_are_decided() -> None:
    """sign(z)·|z|: no condition says what another has said."""
    made = layer("y[n] = sign(z[n])*abs(z[n])", {"z": "N"})
    ((equation, (part,)),) = made.cotangents()
    assert str(equation.body) == "where(z[n] > 0, dy[n], 0) + where(z[n] < 0, dy[n], 0)"
    assert part.derivation.replay()
    for found in everywhere(made, {"z": np.array([-2.0, 0, 3])}, "z", np.array([1.0, 10, 100])):
        assert found.tolist() == [1, 0, 100]


def test_a_case_that_its_own_case_rules_out_is_gone() -> None:
    made = layer("y[n] = where(z[n] > 1, where(z[n] <= 1, z[n]**2, z[n]**3), 0)", {"z": "N"})
    ((equation, _),) = made.cotangents()
    assert str(equation.body) == "where(z[n] > 1, 3*dy[n]*z[n]**2, 0)"
