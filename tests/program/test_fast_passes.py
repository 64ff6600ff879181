"""Passes of the fast style: borders instead of additions to zeros, windows that read the same either way."""

from __future__ import annotations

import sympy as sp

from symcnn.program.array import Accumulate, Named, Node, Pad, Target, Transpose, Windows
from symcnn.program.fast_passes import framed, mirrored
from symcnn.program.steps import Step

X = Named((sp.Integer(4), sp.Integer(3)), "x")


def numbers(*values: int) -> tuple[sp.Expr, ...]:
    return tuple(map(sp.Integer, values))


def added(start: int, step: int, extent: int, whole: int) -> Accumulate:
    """x added to zeros along the first axis."""
    first = Target(sp.Integer(start), sp.Integer(step), sp.Integer(extent), ())
    second = Target(sp.S.Zero, sp.S.One, sp.Integer(3), ())
    return Accumulate(numbers(whole, 3), X, 0, (first, second))


def test_one_stretch_is_framed_by_zeros() -> None:
    found = framed(Step("y", added(1, 1, 4, 7))).node
    assert found == Pad(numbers(7, 3), X, (numbers(1, 2), numbers(0, 0)), sp.S.Zero)


def test_steps_and_what_leaves_the_array_are_added() -> None:
    for node in (added(0, 2, 4, 7), added(4, 1, 4, 7)):
        assert framed(Step("y", node)).node == node


def windows(extents: tuple[int, int], steps: tuple[int, int], order: tuple[int, ...]) -> Node:
    opened = Windows(numbers(*extents, 3), X, 0, numbers(*extents), numbers(*steps))
    return Transpose(tuple(opened.shape[axis] for axis in order), opened, order)


def test_windows_that_read_the_same_either_way_are_one() -> None:
    one, other = ((0, 2, 1), (1, 2, 0))
    equal = [mirrored(Step("y", windows((2, 2), (1, 1), order))).node for order in (one, other)]
    assert equal[0] == equal[1]
    for extents, steps in (((3, 2), (1, 1)), ((2, 2), (2, 1))):
        for order in (one, other):
            node = windows(extents, steps, order)
            assert mirrored(Step("y", node)).node == node


def test_windows_of_windows() -> None:
    """Both axes, where the later one was opened last; an axis that was opened again is left alone."""
    inner = Windows(numbers(2, 2, 3), X, 0, numbers(2, 2), numbers(1, 1))
    outer = Windows(numbers(2, 2, 2, 2), inner, 2, numbers(2, 2), numbers(1, 1))
    turned = Transpose(numbers(2, 2, 2, 2), outer, (1, 3, 0, 2))
    plain = Transpose(numbers(2, 2, 2, 2), outer, (0, 2, 1, 3))
    assert mirrored(Step("y", turned)).node == mirrored(Step("y", plain)).node == plain
    again = Windows(numbers(2, 2, 2, 3), inner, 0, numbers(2, 2), numbers(1, 1))
    node = Transpose(numbers(3, 2, 2, 2), again, (3, 2, 0, 1))
    assert mirrored(Step("y", node)).node == node
