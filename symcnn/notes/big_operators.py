"""Sums, products and maxima over letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.notes.apply import sum_over
from symcnn.notes.families import Unreadable
from symcnn.notes.jacobian import Jacobian
from symcnn.notes.name_parts import letters_of
from symcnn.notes.opaque import maximum
from symcnn.notes.operations import array
from symcnn.notes.products import added, multiplied
from symcnn.notes.sums import assignments
from symcnn.notes.tree import BigOperator
from symcnn.notes.values import Value

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator


def big_value(evaluator: Evaluator, node: BigOperator) -> Value:
    if node.body is None:
        raise Unreadable(f"a {node.name} without a body")
    if node.name == "sum" and node.upper is None and node.lower is not None:
        under = letters_of(node.lower)
        if not set(under) & set(letters_of(node.body)):
            return sum_over(evaluator, node.body, under)
    if node.name == "prod":
        return _chained(evaluator, node)
    values = [evaluator.within(env).value(node.body) for env in assignments(evaluator, node)]
    if node.name == "sum":
        if not values:
            return array(sp.Integer(0))
        total = values[0]
        for value in values[1:]:
            total = added(evaluator, total, value, node)
        return total
    if node.name == "max" and values:
        return array(maximum([sp.sympify(value.flat[0], strict=True) for value in values]))
    raise Unreadable(f"{node.name} is beyond this version")


def _chained(evaluator: Evaluator, node: BigOperator) -> Value:
    """A product over an index: of numbers, of links of a chain, or of matrices, whose order matters."""
    assert node.body is not None
    factors = [evaluator.within(env).factor(node.body) for env in assignments(evaluator, node)]
    if not factors:
        evaluator.world.vacant += 1
        return array(sp.Integer(1))
    forward = _folded(evaluator, factors, node)
    if len(factors) == 1 or isinstance(forward, Jacobian):
        return forward
    backward = _folded(evaluator, factors[::-1], node)
    a, b = evaluator.settled(forward, node), evaluator.settled(backward, node)
    if a.shape != b.shape or any(sp.expand(entry) != 0 for entry in array(a - b).flat):
        evaluator.world.conventions.add("latest_first")
    return backward if evaluator.world.reading.latest_first else forward


def _folded(evaluator: Evaluator, factors: list[Value], node: BigOperator) -> Value:
    result = factors[0]
    for factor in factors[1:]:
        result = multiplied(evaluator, result, factor, "", node)
    return result
