"""Max pooling on numbers: the maxima, the matrix of places, the tie and what each policy does with it."""

from __future__ import annotations

import numpy as np
import sympy as sp

from symcnn.calculus.pullback import pullback
from symcnn.core.equation import Equation
from symcnn.core.expr import Reduce
from symcnn.core.functions import KinkPolicy
from symcnn.nets.node import Node
from symcnn.program.reference import evaluate
from symcnn.render.document_entries import matrix
from symcnn.render.document_model import Block, Display, Line, Math, Paragraph, Section, Table, sentence
from symcnn.render.document_small import narrowed
from symcnn.render.latex_names import Notation

# Windows of 2 × 2 over 4 × 4 entries; the lower left window has its maximum twice.
EXAMPLE = ((2, 2, 5, 6), (3, 4, 7, 8), (9, 20, 23, 24), (22, 22, 25, 26))
POLICIES = (KinkPolicy("first"), KinkPolicy("last"), KinkPolicy("split"))


def takes_maximum(equation: Equation) -> bool:
    """Whether a layer reduces windows to their greatest entry."""
    return isinstance(equation.body, Reduce) and equation.body.kind == "max"


def example_section(node: Node, notation: Notation) -> Section | None:
    """The layer on four by four numbers, where its windows have two axes; None elsewhere."""
    (*_, general) = node.kind.system(node.policy).equations
    ones = {s: sp.S.One for s in general.tensor.shape[:2] if s.is_Symbol}
    data = general.inputs[0]
    grid = {s: sp.Integer(len(EXAMPLE)) for s in data.shape[2:] if s.is_Symbol}
    if data.rank != 4:
        return None
    equation = narrowed(general, {**window_sizes(node), **ones, **grid})
    if equation.tensor.rank != 2 or any(not e.is_Integer or e < 1 for e in equation.tensor.shape):
        return None
    return Section(("On numbers",), _blocks(equation, node.policy, notation))


def window_sizes(node: Node) -> dict[sp.Symbol, sp.Expr]:
    """The sizes of a layer's windows, without those of its data: extents, strides, paddings."""
    (*_, general) = node.kind.system(node.policy).equations
    axes = {e for tensor in general.inputs for e in tensor.shape}
    return {s: v for s, v in node.sizes if s not in axes}


def _blocks(equation: Equation, policy: KinkPolicy, notation: Notation) -> tuple[Block, ...]:
    data = equation.inputs[0]
    numbers = np.array(EXAMPLE, dtype=object)
    pooled = evaluate(equation, {data.name: numbers})
    count = int(pooled.size)
    letters = np.array([sp.Symbol(f"g_{k + 1}", real=True) for k in range(count)], dtype=object).reshape(
        pooled.shape
    )
    whole, out = notation.whole(data), notation.whole(equation.tensor)
    seed = notation.whole(equation.tensor.cotangent())
    goal = notation.whole(data.cotangent())
    blocks: list[Block] = [
        Display(
            (
                Line(whole, rf"{_numbers(numbers)} \quad \longrightarrow \quad {out} = {_numbers(pooled)}"),
                Line(seed, _numbers(letters)),
            )
        ),
        sentence(
            "Only the entry that was taken has moved the output, so it gets the whole derivative; the others get 0. "
            "Putting every {g} back to its place gives",
            g="g_{k}",
        ),
        Display((Line(goal, _numbers(_placed(equation, policy, numbers, letters))),), boxed=True),
    ]
    ties = _ties(equation, numbers, pooled)
    if ties:
        blocks += _tie_words(equation, policy, numbers, letters, ties)
    return tuple(blocks)


def _numbers(array: np.ndarray) -> str:
    return matrix([[sp.latex(sp.nsimplify(value)) for value in row] for row in array.tolist()])


def _placed(equation: Equation, policy: KinkPolicy, numbers: np.ndarray, letters: np.ndarray) -> np.ndarray:
    data = equation.inputs[0]
    gradient = pullback(equation, data, policy=policy)
    given = {data.name: numbers, equation.tensor.cotangent().name: letters}
    return evaluate(gradient.equation, {t.name: given[t.name] for t in gradient.equation.inputs})


def _ties(
    equation: Equation, numbers: np.ndarray, pooled: np.ndarray
) -> list[tuple[tuple[int, ...], object]]:
    """Outputs whose window holds the maximum more than once, found by what ``split`` does to them."""
    marks = np.array([sp.Integer(1)] * pooled.size, dtype=object).reshape(pooled.shape)
    found: list[tuple[tuple[int, ...], object]] = []
    for at in np.ndindex(pooled.shape):
        alone = marks * 0
        alone[at] = sp.Integer(1)
        shares = _placed(equation, POLICIES[2], numbers, alone)
        if np.count_nonzero(shares) > 1:
            found.append((at, pooled[at]))
    return found


def _tie_words(
    equation: Equation,
    policy: KinkPolicy,
    numbers: np.ndarray,
    letters: np.ndarray,
    ties: list[tuple[tuple[int, ...], object]],
) -> list[Block]:
    """Which windows tie, and the placement under each policy."""
    said = "; ".join(
        f"the window of output ({', '.join(str(k + 1) for k in at)}) holds its maximum {value} more than once"
        for at, value in ties
    )
    rows = tuple(
        (
            ((other.tie + (" (used here)" if other.tie == policy.tie else ""),)),
            (other.describe().split(";")[0].removeprefix("At a tie ") + ".",),
            (Math(_numbers(_placed(equation, other, numbers, letters))),),
        )
        for other in POLICIES
    )
    return [
        Paragraph(("A tie: " + said + ". There the maximum has no derivative, and a policy has to decide:",)),
        Table((("policy",), ("what it does",), ("placement",)), rows, "lll"),
    ]
