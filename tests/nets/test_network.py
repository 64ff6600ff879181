"""Networks: shapes, names, parameter counts, entries, and errors that name the layer and the shapes."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.calculus.entries import entry
from symcnn.core.errors import LimitExceeded, ShapeError, UnknownName
from symcnn.nets import spec
from symcnn.nets.formula import layer
from symcnn.nets.network import Network
from symcnn.nets.sweep import plan

SMALL = (spec.conv2d(1, 2, 3), spec.relu(), spec.max_pool2d(2), spec.flatten(), spec.linear(8, 3))
LOSS = (spec.softmax(), spec.cross_entropy())


def small() -> Network:
    return Network([*SMALL, *LOSS], (1, 6, 6))


def test_shapes_names_and_parameters() -> None:
    net = small()
    outputs = {node.output.name: [str(extent) for extent in node.output.shape[1:]] for node in net.nodes}
    assert outputs["z1"] == ["2", "4", "4"]
    assert outputs["p1"] == ["2", "2", "2"]
    assert outputs["f"] == ["8"]
    assert outputs["z2"] == ["3"]
    assert {t.name: tuple(map(int, t.shape)) for t in net.parameters} == {
        "W1": (2, 1, 3, 3),
        "b1": (2,),
        "W2": (3, 8),
        "b2": (3,),
    }


@pytest.mark.parametrize(
    ("specs", "shape", "message"),
    [
        ([spec.conv2d(3, 2, 3), spec.flatten(), spec.linear(8, 3), *LOSS], (1, 6, 6), "conv.*3.*1"),
        ([*SMALL[:4], spec.linear(9, 3), *LOSS], (1, 6, 6), "linear.*9.*8"),
        ([spec.conv2d(1, 2, 7), spec.flatten(), spec.linear(8, 3), *LOSS], (1, 6, 6), "conv.*6"),
        ([spec.linear(8, 3), *LOSS], (1, 6, 6), "linear"),
        ([*SMALL], (1, 6, 6), "loss"),
        ([], (1, 6, 6), "expected layers"),
        (["relu"], (1, 6, 6), "expected layers"),
        ([*SMALL, *LOSS], (1, 0, 6), "positive integers"),
        ([*SMALL, *LOSS], (), "positive integers"),
    ],
)
def test_shapes_that_do_not_fit_are_named(specs: list[object], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        Network(specs, shape)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "build",
    [
        lambda: spec.conv2d(1, 0, 3),
        lambda: spec.conv2d(1, 2, 3, stride=0),
        lambda: spec.conv2d(1, 2, 3, padding=-1),
        lambda: spec.conv2d(1, 2, (3, 3, 3)),
        lambda: spec.conv2d(3, 4, 3, groups=2),
        lambda: spec.max_pool2d(2, padding=2),
        lambda: spec.linear(True, 3),
    ],
)
def test_arguments_out_of_range_are_refused(build: object) -> None:
    with pytest.raises(ShapeError, match="expected"):
        build()  # type: ignore[operator]


def test_entries_of_the_first_convolution() -> None:
    net = Network(
        [spec.conv2d(1, 1, 2), spec.flatten(), spec.linear(4, 1), spec.sigmoid(), spec.bce()], (1, 3, 3)
    )
    found = net.expand("z1", n=0)
    assert len(found) == 4
    x, w = (lambda a, b: entry("x", (a, b))), (lambda a, b: entry("W1", (a, b)))
    for i in range(2):
        for j in range(2):
            wanted = sp.Symbol("b1", real=True) + sum(
                w(r, s) * x(i + r, j + s) for r in range(2) for s in range(2)
            )
            assert sp.expand(found[entry("z1", (i, j))] - wanted) == 0


def test_unknown_values_and_huge_expansions() -> None:
    net = small()
    with pytest.raises(UnknownName, match="z1"):
        net.expand("z9")
    with pytest.raises(UnknownName, match="number of an image"):
        net.expand("z1", n=-1)
    with pytest.raises(LimitExceeded, match="limit is 10"):
        net.expand("z1", limit=10)


def test_statements_are_numbered_in_the_order_of_computation() -> None:
    found = plan(small())
    statements = [*found.forward, *found.loss, *found.backward]
    assert [s.number for s in statements] == list(range(1, len(statements) + 1))
    known = {t.name for t in (*found.inputs, *found.parameters)}
    for statement in statements:
        assert {t.name for t in statement.equation.inputs} <= known, statement.equation
        known.add(statement.equation.tensor.name)
    assert {tensor.name for _, tensor in found.gradients} <= known
    assert "dx" not in known


def test_the_joined_gradient_divides_by_no_probability() -> None:
    first = plan(small()).backward[0].equation
    assert first.tensor.name == "dz2"
    assert not any(p.exp.is_negative and not p.base.is_Symbol for p in first.body.atoms(sp.Pow))


def test_with_respect_to_keeps_the_named_tensors() -> None:
    made = layer("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"})
    assert [t.name for t in made.with_respect_to(["W"]).wrt] == ["W"]
    with pytest.raises(UnknownName, match="expected one of the tensors"):
        made.with_respect_to(["V"])
