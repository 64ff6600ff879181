"""Rewritten equations have the values of the old ones, forwards and backwards, at random sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.nets.network import Network
from symcnn.nets.spec import add, conv2d, linear, max_pool2d, mse_loss, relu, sigmoid, tanh
from symcnn.nets.spec import flatten as flat
from symcnn.nets.sweep import plan
from symcnn.program import fast_tiles
from symcnn.program.fast_parts import adds_over_parts
from symcnn.program.fast_patterns import convolution, statements
from symcnn.program.fast_rewrite import rewritten
from symcnn.program.reference import evaluate

N = sp.Symbol("N", integer=True, positive=True)


def values(found: Plan, given: dict[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """Every value of a plan, by the reference evaluator."""
    made = dict(given)
    for statement in statements((*found.forward, *found.loss, *found.backward)):
        made[statement.equation.tensor.name] = evaluate(statement.equation, made, {N: batch})
    return made


def compare(net: Network, numbers: bool = True, batch: int = 2, whole: bool = False) -> tuple[Plan, str]:
    """Loss, output and gradients of both plans at random arrays, of small whole numbers where ties are wanted."""
    old = plan(net, flat=True)
    new, tables, choices = rewritten(old, exact=not numbers)
    rng = np.random.default_rng(0)
    drawn = (lambda shape: rng.integers(-1, 2, shape).astype(float)) if whole else rng.standard_normal
    arrays = {
        tensor.name: drawn([int(n.subs(N, batch)) for n in tensor.shape])
        for tensor in (*old.inputs, *old.parameters)
    }
    constants = {
        t.name: np.array(m.tolist(), float).reshape([int(n) for n in t.shape]) for t, m in tables.items()
    }
    first = values(old, arrays, batch)
    second = values(new, {**arrays, **constants}, batch)
    assert old.objective is not None
    for name in (old.objective.name, old.output.name, *(t.name for _, t in old.gradients)):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-9, atol=1e-9)
    return new, "; ".join(choice.what for choice in choices)


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(st.integers(1, 2), st.integers(2, 3), st.integers(0, 1), st.sampled_from([(2, 2), (3, 2), (2, 3)]))
def test_maximum_first(stride: int, window: int, padding: int, pool: tuple[int, int]) -> None:
    """Windows that overlap, that do not, that leave places out; strides and paddings."""
    layers = [conv2d(1, 2, window, stride=stride, padding=padding), relu(), max_pool2d(*pool)]
    net = Network([*layers, conv2d(2, 1, 1), mse_loss()], (1, 7, 8), name="small")
    new, chosen = compare(net, batch=1)
    assert "maximum before bias" in chosen
    assert ("phases" in chosen) == (pool[0] == pool[1])
    assert adds_over_parts(new)


@pytest.mark.parametrize(("window", "stride", "padding"), [(3, 2, 0), (2, 1, 0), (3, 2, 1), (3, 1, 1)])
def test_windows_that_overlap_are_compared_by_axis(window: int, stride: int, padding: int) -> None:
    """Ties as well: small whole numbers repeat within windows."""
    layers = [relu(), max_pool2d(window, stride, padding=padding), conv2d(2, 1, 1), mse_loss()]
    net = Network([conv2d(1, 2, 1), add("conv2d1", "conv2d1"), *layers], (1, 5, 6), name="small")
    assert "one axis after the other" in compare(net, batch=1, whole=True)[1]


def test_windows_that_do_not_overlap_are_compared_at_once() -> None:
    net = Network([tanh(), max_pool2d(2), conv2d(1, 1, 1), mse_loss()], (1, 4, 4), name="small")
    assert "axis" not in compare(net, batch=1)[1]


@pytest.mark.parametrize("between", [[sigmoid()], [tanh()], [tanh(), relu()], []])
def test_functions_that_keep_the_order(between: list[Any]) -> None:
    layers = [conv2d(1, 2, 2), *between, max_pool2d(2), flat(), linear(8, 1), mse_loss()]
    if between:
        assert "maximum before bias" in compare(Network(layers, (1, 5, 5), name="small"))[1]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [8, 7])
def test_tiles(monkeypatch: pytest.MonkeyPatch, stride: int, size: int) -> None:
    """Winograd's algorithm, with tiles that fit and tiles that stand over; strides as channels."""
    monkeypatch.setattr(fast_tiles, "MANY", 1)
    window = 3 if stride == 1 else 5
    layers = [conv2d(1, 1, 1), conv2d(1, 2, window, stride=stride, padding=1), tanh(), mse_loss()]
    _, chosen = compare(Network(layers, (1, size * stride, size * stride), name="small"), batch=1)
    assert "Winograd" in chosen
    assert ("stride" in chosen) == (stride > 1)


def test_exact_keeps_away_from_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_tiles, "MANY", 1)
    layers = [conv2d(1, 1, 3, padding=1), tanh(), mse_loss()]
    _, chosen = compare(Network(layers, (1, 6, 6), name="small"), numbers=False, batch=1)
    assert "Winograd" not in chosen


def test_what_is_no_convolution_is_left_alone() -> None:
    net = Network([flat(), linear(4, 2), mse_loss()], (1, 2, 2), name="small")
    (statement, *_) = statements(plan(net, flat=True).forward[-1:])
    assert convolution(statement.equation) is None
    assert Tensor("x", (N,), "input").cotangent().name == "dx"


@pytest.mark.parametrize("pool", [(2, 2), (3, 2)])
def test_maximum_first_once(pool: tuple[int, int]) -> None:
    """The same at one size, quickly."""
    layers = [conv2d(1, 2, 2, stride=1, padding=1), relu(), max_pool2d(*pool)]
    _, chosen = compare(Network([*layers, conv2d(2, 1, 1), mse_loss()], (1, 4, 3), name="small"), batch=1)
    assert ("phases" in chosen) == (pool[0] == pool[1])


def test_tiles_beside_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back beside two convolutions is added to what comes back through them."""
    monkeypatch.setattr(fast_tiles, "MANY", 1)
    layers = [conv2d(1, 1, 1, name="stem"), conv2d(1, 1, 3, padding=1, name="left"), tanh(name="a")]
    layers += [
        conv2d(1, 1, 3, padding=1, name="right").on("stem"),
        add("right", "a"),
        add("add1", "stem"),
        mse_loss(),
    ]
    new, chosen = compare(Network(layers, (1, 4, 5), name="small"), batch=1)
    assert chosen.count("Winograd") == 2
    assert sum("_part" in s.equation.tensor.name for s in statements(new.backward)) == 2


def test_maximum_first_beside_a_skip() -> None:
    """The same where the input of a group is read elsewhere as well."""
    layers = [conv2d(1, 1, 1, name="stem"), conv2d(1, 1, 2, name="left"), relu(), max_pool2d(2, name="a")]
    layers += [max_pool2d(2, name="b").on("stem"), add("b", "a"), mse_loss()]
    _, chosen = compare(Network(layers, (1, 5, 5), name="small"), batch=1)
    assert "phases" in chosen


@pytest.mark.parametrize("window", [(5, 5), (3, 4), (4, 3)])
def test_tiles_of_other_windows(monkeypatch: pytest.MonkeyPatch, window: tuple[int, int]) -> None:
    monkeypatch.setattr(fast_tiles, "MANY", 1)
    layers = [conv2d(1, 1, 1), conv2d(1, 1, window, padding=1), tanh(), mse_loss()]
    _, chosen = compare(Network(layers, (1, 6, 7), name="small"), batch=1)
    assert f"tiles of {7 - window[0]}×{7 - window[1]}" in chosen


def test_few_tiles_of_many_weights_have_fewer_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_tiles, "MANY", 1)
    monkeypatch.setattr(fast_tiles, "MANY_WEIGHTS", 1)
    layers = [conv2d(1, 1, 1), conv2d(1, 2, 3, padding=1), tanh(), mse_loss()]
    _, chosen = compare(Network(layers, (1, 5, 4), name="small"), batch=1)
    assert "tiles of 2×2" in chosen
