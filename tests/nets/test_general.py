"""Kinds stated at fixed sizes, made kinds for all sizes."""

from __future__ import annotations

import pytest

import symcnn as sc
from symcnn.nets.general import general
from symcnn.nets.kind import LayerKind


def stated(formula: str, **shapes: str) -> LayerKind:
    return LayerKind("own", formula, tuple(shapes.items()), "y", "own", "")


def test_numbers_of_shapes_become_sizes() -> None:
    found, sizes = general(stated("y[n,k] = -sum[d]((x[n,d] - W[k,d])**2)", x="N,84", W="10,84"))
    assert dict(found.shapes) == {"x": "N,D2", "W": "D1,D2"}
    assert sizes == {"D1": 10, "D2": 84}


@pytest.mark.parametrize(
    "kind",
    [
        stated("y[n,i] = x[n,6-i]", x="N,7", y="N,7"),
        stated("y[n,i] = x[n,i] + z[n,i-4 | 0]", x="N,9", z="N,5"),
        stated("y[n,k] = b[k]*x[n,0]", x="N,1", b="K"),
        stated("y[n,d] = D1*x[n,d]", x="N,D"),
    ],
)
def test_numbers_that_equations_need_stay(kind: LayerKind) -> None:
    assert general(kind) == (kind, {})


def test_layers_of_different_sizes_are_one_kind() -> None:
    def scaled(width: int) -> sc.layers.Spec:
        return sc.layers.formula(
            "y[n,k] = w[k]*x[n,k]", {"x": f"N,{width}", "w": str(width)}, trained=["w"], title="scaled"
        )

    layers = [scaled(30), sc.layers.linear(30, 4), scaled(4), sc.layers.mse_loss()]
    net = sc.Network(layers, (30,))
    assert len({node.kind for node in net.nodes if node.kind.name == "scaled"}) == 1
    with pytest.raises(sc.SymcnnError, match="expected an axis of 30, got 31"):
        sc.Network(layers, (31,))
