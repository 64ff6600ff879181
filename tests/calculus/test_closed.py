"""Closed forms of normalisations, and the theorems that fall out of them."""

from __future__ import annotations

import pytest

import symcnn as sc
from symcnn.calculus.closed import without_deviations
from symcnn.calculus.proof import same_by_entries
from symcnn.nets.catalogue import KINDS

BATCH_NORM = """m[c] = mean[n,i](x[n,c,i])
v[c] = mean[n,i]((x[n,c,i] - m[c])**2)
y[n,c,i] = g[c]*(x[n,c,i] - m[c])/sqrt(v[c] + eps) + b[c]"""
LAYER_NORM = """m[n] = mean[k](x[n,k])
v[n] = mean[k]((x[n,k] - m[n])**2)
y[n,k] = g[k]*(x[n,k] - m[n])/sqrt(v[n] + eps) + b[k]"""


@pytest.mark.parametrize(
    ("text", "shapes"),
    [(BATCH_NORM, {"x": "N,C,H", "g": "C", "b": "C"}), (LAYER_NORM, {"x": "N,K", "g": "K", "b": "K"})],
)
def test_closed_form_equals_the_steps(text: str, shapes: dict[str, str]) -> None:
    layer = sc.layer(text, shapes)
    steps = [equation for equation, _ in layer.cotangents()]
    closed = layer.closed_form("x")
    assert {t.name for t in closed.inputs}.isdisjoint({"dm", "dv"})
    assert same_by_entries(layer.system.equations, steps, closed).holds


def test_closed_form_is_the_textbook_one() -> None:
    closed = sc.layer(BATCH_NORM, {"x": "N,C,H", "g": "C", "b": "C"}).closed_form("x")
    assert str(closed) == (
        "dx[n, c, i] = (dy[n, c, i] - sum[n<N, i<H](dy[n, c, i])/(H*N) "
        "- (-m[c] + x[n, c, i])*sum[n<N, i<H]((-m[c] + x[n, c, i])*dy[n, c, i])/(H*N*(eps + v[c])))"
        "*g[c]/sqrt(eps + v[c])"
    )


def test_a_bias_before_a_batch_norm_has_no_gradient() -> None:
    text = "z[n,c,i] = x[n,c,i] + a[c]\n" + BATCH_NORM.replace("x[", "z[")
    layer = sc.layer(text, {"x": "N,C,H", "g": "C", "b": "C", "a": "C"})
    assert layer.closed_form("a").body == 0


def test_a_wrong_closed_form_is_noticed() -> None:
    layer = sc.layer(LAYER_NORM, {"x": "N,K", "g": "K", "b": "K"})
    steps = [equation for equation, _ in layer.cotangents()]
    wrong = next(equation for equation in steps if equation.tensor.name == "dx").substituted({})
    halved = type(wrong)(wrong.target, wrong.body / 2, wrong.free)
    assert not same_by_entries(layer.system.equations, steps, halved).holds


SOFTMAX = "p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))\n"


def test_softmax_with_cross_entropy_gives_the_difference() -> None:
    """With labels by number the sum over classes takes one term; with target probabilities it is their sum."""
    labels = sc.layer(
        SOFTMAX + "L = mean[n](-sum[k](where(t[n] == k, log(p[n,k]), 0)))", {"z": "N,K", "t": "N"}
    )
    assert str(labels.closed_form("z")) == "dz[n, l] = (p[n, l] - where(t[n] == l, 1, 0))*dL/N"
    targets = sc.layer(SOFTMAX + "L = mean[n](-sum[k](t[n,k]*log(p[n,k])))", {"z": "N,K", "t": "N,K"})
    assert str(targets.closed_form("z")) == "dz[n, l] = (p[n, l]*sum[k<K](t[n, k]) - t[n, l])*dL/N"


def test_groups_of_channels_give_the_form_of_a_batch_norm() -> None:
    """The channel g*K + k of a group: the sum over deviations vanishes at quotients too."""
    text = """m[n,g] = mean[k,i](x[n,g*K+k,i])
v[n,g] = mean[k,i]((x[n,g*K+k,i] - m[n,g])**2)
y[n,g*K+k,i] = (x[n,g*K+k,i] - m[n,g])/sqrt(v[n,g] + eps)"""
    layer = sc.layer(text, {"x": "N,G*K,H", "m": "N,G", "v": "N,G", "y": "N,G*K,H"})
    closed = layer.closed_form("x")
    assert {t.name for t in closed.inputs} == {"x", "dy", "m", "v"}
    assert str(closed.body).count("sum[") == 2
    steps = [equation for equation, _ in layer.cotangents()]
    assert same_by_entries(layer.system.equations, steps, closed).holds


@pytest.mark.parametrize("name", ["x", "g", "b"])
def test_every_step_to_a_closed_form_is_named_and_replays(name: str) -> None:
    form = sc.layer(BATCH_NORM, {"x": "N,C,H", "g": "C", "b": "C"}).closed_form_steps(name)
    assert form.replay()
    assert all(step.rule.name and step.rule.statement for step in form.steps)
    if name == "x":
        assert [step.where for step in form.steps if step.where] == ["dm", "dv"]
        assert {step.rule.name for step in form.steps} >= {"put in", "sums"}


def test_sums_over_deviations_from_a_mean_are_left_out_of_programs() -> None:
    kind = KINDS["batch_norm2d"]
    forward = kind.system().equations
    found = {c.equation.tensor.name: c.equation for c in kind.cotangents(("x", "g", "b"))}
    shorter = without_deviations(found["dm"], forward)
    assert str(found["dm"].body).count("sum[") == 2
    assert str(shorter.body) == "-g[c]*sum[n<N, i<H, j<V](dy[n, c, i, j])/sqrt(eps + v[c])"
    assert without_deviations(found["dx"], forward) is found["dx"]
