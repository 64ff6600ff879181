"""Kinks and ties: what this derivation does where a maximum or a case has no derivative, and what others do.

The columns of other systems say what they return as a gradient at the kink; a dash says that it was not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Reduce, Where
from symcnn.core.functions import KinkPolicy
from symcnn.render.document_model import Block, Paragraph, Section, Table

SYSTEMS = ("PyTorch 2.13", "JAX 0.10", "PyTensor 3.0", "SymPy 1.14")
NOT_CHECKED = "–"


@dataclass(frozen=True, slots=True)
class Kink:
    """A place without a derivative: what we do there under a policy, and what each of ``SYSTEMS`` does."""

    name: str
    here: Callable[[KinkPolicy], str]
    others: tuple[str, ...]


def _share(policy: KinkPolicy) -> str:
    return {"first": "all to the first", "last": "all to the last", "split": "an equal share each"}[
        policy.tie
    ]


def _two(policy: KinkPolicy) -> str:
    return {"first": "1 and 0", "last": "0 and 1", "split": "½ each"}[policy.tie]


POOLING = Kink(
    "equal maxima in a window",
    _share,
    ("max_pool: all to the first", "reduce_window: all to the first", NOT_CHECKED, NOT_CHECKED),
)
OVER_AXIS = Kink(
    "equal maxima over an axis",
    _share,
    ("max: all to the first; amax: equal shares", "max: equal shares", "max: all to each", "Max: ½ to each"),
)
TWO = Kink("max(a, b) where a = b", _two, ("½ each", "½ each", "1 and 0", "½ each"))
RELU = Kink(
    "max(z, 0) at z = 0",
    lambda policy: str(policy.relu_at_zero),
    ("relu: 0; clamp: 1", "relu: 0; maximum: ½", "maximum: 1", "½"),
)
ABSOLUTE = Kink("abs(z) at z = 0", lambda policy: "0", ("0", "1", "0", "0"))
KINKS = (POOLING, OVER_AXIS, TWO, RELU, ABSOLUTE)


def kinks_of(equations: Iterable[Equation]) -> tuple[Kink, ...]:
    """The kinks that stand in some equations, in the order of the table."""
    found: list[Kink] = []
    for equation in equations:
        for node in sp.preorder_traversal(equation.body):
            if isinstance(node, Reduce) and node.kind in ("max", "min"):
                found += [POOLING, OVER_AXIS]
            elif isinstance(node, Where):
                found += _of_cases(node)
    return tuple(kink for kink in KINKS if kink in found)


def _of_cases(node: Where) -> list[Kink]:
    """A case between the two sides of its own comparison is a maximum or minimum; z > 0, −z for z < 0 is |z|."""
    if not isinstance(node.condition, sp.Gt | sp.Ge | sp.Lt | sp.Le):
        return []
    left, right = node.condition.args
    inner = node.otherwise
    if isinstance(inner, Where) and right == 0 and {node.value, inner.value} == {left, -left}:
        return [ABSOLUTE]
    others = {inner.value, inner.otherwise} if isinstance(inner, Where) else {inner}
    if node.value not in (left, right) or not others & {left, right} - {node.value}:
        return []
    return [RELU] if left.is_number or right.is_number else [TWO]


def kink_section(equations: Iterable[Equation], policy: KinkPolicy) -> tuple[Section, ...]:
    """What this derivation does at its kinks beside what other systems do; nothing where there are none."""
    found = kinks_of(equations)
    if not found:
        return ()
    rows = tuple(((kink.name,), (kink.here(policy),), *((told,) for told in kink.others)) for kink in found)
    head = (("where",), ("here",), *((name,) for name in SYSTEMS))
    said = Paragraph(
        (
            "Where a maximum is taken by several entries there is no derivative, and a policy decides. "
            f"{policy.describe()} The same policy is in the steps above, the evaluator and the emitted code.",
        )
    )
    blocks: tuple[Block, ...] = (said, Table(head, rows, "llllll"))
    return (Section(("Kinks and ties",), blocks),)
