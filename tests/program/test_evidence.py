"""Numeric evidence accepts right gradients and refuses wrong ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symcnn.calculus.pullback import cotangents
from symcnn.core.infer import parse
from symcnn.program.evidence import numeric_evidence

FORMULAS = [
    ("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"}),
    ("y[n,i] = max[r<2](x[n,2*i+r])", {"x": "N,H"}),
    ("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"}),
    ("y[i] = sum[r](w[r]*x[2*i+r-1 | 0])", {"x": "H", "w": "R", "y": "(H+2-R)//2+1"}),
    ("L = mean[n](-sum[k](where(t[n] == k, log(p[n,k]), 0)))", {"t": "N", "p": "N,K"}),
]


@pytest.mark.parametrize(("text", "shapes"), FORMULAS)
def test_derived_gradients_hold(text: str, shapes: dict[str, str]) -> None:
    system = parse(text, shapes)
    found = numeric_evidence(system, [e for e, _ in cotangents(system.equations, list(system.inputs))])
    assert found.holds
    assert found.error < 1e-7
    assert len(found.sizes) == 2


def test_a_wrong_gradient_is_refused() -> None:
    system = parse(*FORMULAS[0])
    right = [e for e, _ in cotangents(system.equations, list(system.inputs))]
    wrong = [replace(right[0], body=right[0].body * 2), *right[1:]]
    assert not numeric_evidence(system, wrong).holds


def test_sizes_are_pairwise_distinct() -> None:
    system = parse(*FORMULAS[0])
    found = numeric_evidence(system, [e for e, _ in cotangents(system.equations, list(system.inputs))])
    for sizes in found.sizes:
        assert len({value for _, value in sizes}) == len(sizes) == 3
