"""Conditions and what depends on them: indicators, case distinctions, the place of a maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.name_parts import letter
from symcnn.notes.opaque import equal, positive, taken
from symcnn.notes.operations import Array, array
from symcnn.notes.products import added
from symcnn.notes.sums import assignments
from symcnn.notes.tree import (
    BigOperator,
    CallOrProduct,
    Cases,
    Chain,
    Empty,
    Group,
    Node,
    Number,
    Sequence,
    Styled,
    Symbol,
    Text,
    Word,
)
from symcnn.notes.values import shape_text
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator


def indicator(evaluator: Evaluator, condition: Node) -> Array:
    """1 where a condition holds; entry by entry where it compares arrays."""
    match condition:
        case Chain(sides=(a, b), relations=(relation,)) if not _of_a_maximum(b):
            x, y = evaluator.value(a), evaluator.value(b)
            if x.ndim == y.ndim == 0:
                return array(truth(evaluator, condition))
            if x.size > 1 or y.size > 1:
                shape = x.shape if x.size > 1 else y.shape
                if 1 < x.size != y.size > 1:
                    raise Mismatch(f"a comparison of {shape_text(x)} and {shape_text(y)}", condition)
                pairs = zip(np.broadcast_to(x, shape).flat, np.broadcast_to(y, shape).flat, strict=True)
                signs = [
                    _relation(
                        evaluator, sp.sympify(p, strict=True), relation.name, sp.sympify(q, strict=True)
                    )
                    for p, q in pairs
                ]
                return array(signs).reshape(shape)
    return array(truth(evaluator, condition))


def case_value(evaluator: Evaluator, node: Cases) -> Array:
    """Each value times the indicator of its condition; `otherwise` is what the others leave."""
    total: Array | None = None
    left: sp.Expr = sp.Integer(1)
    for value_node, conditions in _branches(node):
        value = evaluator.value(value_node)
        holds = sp.Mul(*(_branch_condition(evaluator, condition, left) for condition in conditions))
        left = left - holds
        part = array(value * holds)
        total = part if total is None else added(evaluator, total, part, node)
    if total is None:
        raise Unreadable("cases without a case")
    return total


def _branch_condition(evaluator: Evaluator, condition: Node | None, left: sp.Expr) -> sp.Expr:
    if condition is None:
        return left
    words = " ".join(n.text for n in walk(condition) if isinstance(n, Text | Word)).lower()
    chains = [n for n in _listed(condition) if isinstance(n, Chain)]
    if not chains and any(word in words for word in ("otherwise", "else", "sonst", "not")):
        return left
    if not chains:
        raise Unreadable("a condition in words")
    if len(chains) > 1 and "or" in words.split():
        raise Unreadable("a condition with an alternative")
    return sp.Mul(*(truth(evaluator, chain) for chain in chains))


def _listed(condition: Node) -> tuple[Node, ...]:
    """The conditions that stand beside each other, outside of what they are made of."""
    if isinstance(condition, Sequence):
        return tuple(part for item in condition.items for part in _listed(item))
    return _listed(condition.body) if isinstance(condition, Group) else (condition,)


def truth(evaluator: Evaluator, node: Node) -> sp.Expr:
    """The indicator of a chain of relations between numbers."""
    match node:
        case Group(body=body):
            return truth(evaluator, body)
        case Sequence():
            return _all_of(evaluator, node)
        case Chain(sides=sides, relations=relations):
            result: sp.Expr = sp.Integer(1)
            for a, relation, b in zip(sides, relations, sides[1:], strict=False):
                if _of_a_maximum(b) and relation.name == "=":
                    assert isinstance(b, BigOperator)
                    result *= _taken_at(evaluator, a, b)
                    continue
                if isinstance(a, Empty) and relation.name in ("->", "implies"):
                    continue
                x, y = _compared(evaluator, a), _compared(evaluator, b)
                if relation.name == "=":
                    _note_label(evaluator, x, b, y)
                    _note_label(evaluator, y, a, x)
                result *= _relation(evaluator, x, relation.name, y)
            return result
    raise Unreadable("a condition that is no relation")


def _note_label(evaluator: Evaluator, label: sp.Expr, index: Node, number: sp.Expr) -> None:
    """What is compared with an index is one of the numbers that the index runs through."""
    if isinstance(label, sp.Symbol) and isinstance(number, sp.Integer) and letter(index) in evaluator.env:
        evaluator.world.labels.setdefault(label, set()).add(int(number))


def _of_a_maximum(node: Node) -> bool:
    """Whether a side of a condition is the place of a maximum."""
    return isinstance(node, BigOperator) and node.name == "argmax"


def _compared(evaluator: Evaluator, node: Node) -> sp.Expr:
    """A side of a condition. Raises Unreadable for one that is no number."""
    try:
        return evaluator.scalar(node)
    except Mismatch as error:
        raise Unreadable(str(error)) from error


def _all_of(evaluator: Evaluator, node: Sequence) -> sp.Expr:
    """The indicator of several conditions; `u | v` says that u divides v."""
    result: sp.Expr = sp.Integer(1)
    items = list(node.items)
    marks = [separator.name for separator in node.separators] + [""]
    while items:
        item, mark = items.pop(0), marks.pop(0)
        if mark == "|" and items:
            quotient = evaluator.scalar(items.pop(0)) / evaluator.scalar(item)
            marks.pop(0)
            if not quotient.is_Rational:
                raise Unreadable("a condition on what divides what")
            result *= sp.Integer(int(quotient.is_Integer))
        elif isinstance(item, Chain):
            result *= truth(evaluator, item)
        elif not isinstance(item, Text | Empty):
            raise Unreadable("a condition that is no relation")
    return result


def _taken_at(evaluator: Evaluator, place: Node, best: BigOperator) -> sp.Expr:
    """The indicator that the maximum over some letters is taken at one place, `(r, s) = argmax_{r', s'} x`."""
    inner = place.body if isinstance(place, Group) else place
    items = inner.items if isinstance(inner, Sequence) else (inner,)
    wanted = tuple(evaluator.world.integer(item, evaluator.env) for item in items)
    runs = list(assignments(evaluator, best))
    if best.body is None or any(len(run) != len(wanted) for run in runs):
        raise Unreadable("a place of the maximum that does not fit to what it runs over")
    values = [evaluator.within(run).scalar(best.body) for run in runs]
    at = [tuple(run.values()) for run in runs]
    return taken(at.index(wanted), values) if wanted in at else sp.Integer(0)


def _relation(evaluator: Evaluator, a: sp.Expr, name: str, b: sp.Expr) -> sp.Expr:
    if a.is_number and b.is_number:
        truth = {"=": a == b, "!=": a != b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}
        if name not in truth:
            raise Unreadable(f"a condition with {name}")
        return sp.Integer(1) if truth[name] else sp.Integer(0)
    match name:
        case ">" | ">=":
            return positive(sp.expand(a - b))
        case "<" | "<=":
            return positive(sp.expand(b - a))
        case "=":
            return equal(a, b)
        case "!=":
            return 1 - equal(a, b)
    raise Unreadable(f"a condition with {name}")


def _branches(node: Cases) -> list[tuple[Node, list[Node | None]]]:
    """Each value with its conditions; a line without a value goes on with the conditions of the one above."""
    found: list[tuple[Node, list[Node | None]]] = []
    for branch in node.branches:
        if isinstance(branch.value, Empty) and found:
            found[-1][1].append(branch.condition)
        else:
            found.append((branch.value, [branch.condition]))
    return found


def is_indicator(head: Node) -> bool:
    match head:
        case Symbol(name="1", font="bb" | "bf"):
            return True
        case Symbol(name="I" | "1", font="bb"):
            return True
        case Styled(font="bb" | "bf", body=Number(text="1")):
            return True
    return False


def indicates_zero(evaluator: Evaluator, factors: tuple[Node, ...]) -> bool:
    """Whether an indicator among factors is 0 here: then the others need not exist, as at an index outside."""
    return any(
        isinstance(factor, CallOrProduct)
        and is_indicator(factor.head)
        and (value := evaluator.value(factor)).ndim == 0
        and value.flat[0] == 0
        for factor in factors
    )
