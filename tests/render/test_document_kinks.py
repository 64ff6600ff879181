"""The table of kinks: where it is shown, that it speaks of the policy in use, that SymPy's column and README agree."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy as sp

import symcnn as sc
from symcnn.core.functions import KinkPolicy
from symcnn.core.infer import parse
from symcnn.nets.formula import layer
from symcnn.render.document_kinks import (
    ABSOLUTE,
    KINKS,
    OVER_AXIS,
    POOLING,
    RELU,
    SYSTEMS,
    TWO,
    kinks_of,
)

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("body", "kinks"),
    [
        ("max(x[n], 0)", (RELU,)),
        ("min(max(x[n], 0), 6)", (RELU,)),
        ("max(x[n], w[n])", (TWO,)),
        ("abs(x[n])", (ABSOLUTE,)),
        ("max[r<2](x[n+r | 0])", (POOLING, OVER_AXIS)),
        ("where(x[n] > 1, 2*x[n], x[n]**2)", ()),
        ("tanh(x[n])", ()),
    ],
)
def test_which_kinks_an_equation_has(body: str, kinks: tuple[object, ...]) -> None:
    shapes = {"x": "N", "w": "N", "y": "N"} if "w[" in body else {"x": "N", "y": "N"}
    for tie in ("first", "last", "split"):
        policy = KinkPolicy(tie)  # type: ignore[arg-type]
        assert kinks_of(parse(f"y[n] = {body}", shapes, policy=policy).equations) == kinks


@pytest.mark.parametrize("tie", ["first", "last", "split"])
def test_the_document_speaks_of_the_policy_in_use(tie: str) -> None:
    policy = KinkPolicy(tie, sp.Integer(tie == "last"))  # type: ignore[arg-type]
    made = layer("y[n] = max(x[n], w[n]) + max(x[n], 0)", {"x": "N", "w": "N"}, policy=policy)
    page = sc.derive(made).to_markdown()
    assert "## Kinks and ties" in page
    assert TWO.here(policy) in page
    assert policy.describe() in page
    assert "Kinks" not in sc.derive(layer("y[n] = x[n]*w[n]", {"x": "N", "w": "N"})).to_markdown()


def test_the_column_of_sympy() -> None:
    u, v, w, z = sp.symbols("u v w z", real=True)
    column = SYSTEMS.index("SymPy 1.14")
    assert sp.Max(u, v).diff(u).subs({u: 1, v: 1}) == sp.S.Half
    assert TWO.others[column] == "½ each"
    assert sp.Max(u, v, w).diff(u).subs({u: 1, v: 1, w: 1}) == sp.S.Half
    assert OVER_AXIS.others[column] == "Max: ½ to each"
    assert sp.Max(z, 0).diff(z).subs(z, 0) == sp.S.Half
    assert RELU.others[column] == "½"
    assert sp.Abs(z).diff(z).subs(z, 0) == 0
    assert ABSOLUTE.others[column] == "0"


def test_the_readme_has_the_table() -> None:
    page = README.read_text(encoding="utf-8")
    assert f"| {' | '.join(SYSTEMS)} |" in page
    for kink in KINKS:
        assert f"| {' | '.join((kink.name, kink.here(KinkPolicy()), *kink.others))} |" in page
