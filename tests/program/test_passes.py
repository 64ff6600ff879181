"""Passes: dead steps go, equal computations are done once; sizes come from shapes."""

from __future__ import annotations

import sympy as sp

from symcnn.core.index import size
from symcnn.core.tensor import Tensor
from symcnn.program.array import Fold, Named, Node, apply, scalar
from symcnn.program.passes import needed, pruned, shared
from symcnn.program.sizes import size_rules, sizes_of
from symcnn.program.steps import Step

N, C, G = size("N"), size("C"), size("G")
X = Named((N,), "x")


def total(node: Node) -> Node:
    return Fold((), "sum", node, (0,))


def test_steps_that_nothing_needs_are_dropped() -> None:
    a = Step("a", apply("exp", X))
    b = Step("b", apply("log", X))
    c = Step("c", total(Named((N,), "a")))
    assert [step.name for step in needed([a, b, c], ["c"])] == ["a", "c"]
    assert [[step.name for step in section] for section in pruned([[a, b], [c]], ["c"])] == [["a"], ["c"]]


def test_a_computation_in_two_sections_is_done_in_the_first() -> None:
    power = apply("exp", X)
    first = Step("a", apply("add", power, scalar(1)))
    second = Step("b", total(apply("mul", power, X)))
    forward, backward = shared([[first], [second]], {"x", "N"})
    assert [step.name for step in forward] == ["a_exp", "a"]
    assert backward[0].node == total(apply("mul", Named((N,), "a_exp"), X))


def test_a_whole_step_is_reused_by_name() -> None:
    power = apply("exp", X)
    (steps,) = shared([[Step("a", power), Step("b", total(power))]], {"x"})
    assert [step.name for step in steps] == ["a", "b"]
    assert steps[1].node == total(Named((N,), "a"))


def test_sizes_are_solved_from_products() -> None:
    x, w = Tensor("x", [N, G * C]), Tensor("w", [C, 2 * N - 1])
    rules = size_rules([x, w])
    assert [rule.symbol for rule in rules] == [N, C, G]
    assert sizes_of([x, w], {"x": (3, 8), "w": (2, 5)}) == {N: 3, C: 2, G: 4}
    assert size_rules([Tensor("y", [sp.floor(N / 2)])]) == ()
