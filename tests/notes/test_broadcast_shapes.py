"""Shapes that pages leave open: biases, vectors of ones, outputs that do not exist; and shapes that they claim."""

from __future__ import annotations

import pytest

from symcnn.notes.extract import read
from symcnn.notes.verdict import Claim, Kind
from symcnn.notes.verify import verify_document

ROWS = r"""
One example is one row; $X$ has shape $(N, D)$ and $W$ has shape $(D, K)$.

$$Z = X W + b$$

A loss $L$ is computed from $Z$; write $G = \frac{\partial L}{\partial Z}$.

"""

GRID = r"""
$$o_{11} = f_1 x_{11} + f_2 x_{12}$$
$$o_{12} = f_1 x_{12} + f_2 x_{13}$$
$$o_{21} = f_1 x_{21} + f_2 x_{22}$$
$$o_{22} = f_1 x_{22} + f_2 x_{23}$$

"""


def last(page: str) -> Claim:
    return verify_document(read(page, "md"), "page.md").claims[-1]


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (r"$$\frac{\partial L}{\partial b} = \mathbf{1}^\top G$$", True),
        (r"$$\frac{\partial L}{\partial b_k} = \sum_{n=1}^{N} G_{nk}$$", True),
        (r"$$\frac{\partial L}{\partial b} = \frac{1}{N} \mathbf{1}^\top G$$", False),
        (r"$$\frac{\partial L}{\partial b} = G$$", False),
    ],
)
def test_bias_of_open_shape_is_broadcast(claim: str, holds: bool) -> None:
    kind = last(ROWS + claim).verdict.kind
    if holds:
        assert kind in (Kind.HOLDS, Kind.HOLDS_IF)
    else:
        assert kind in (Kind.FAILS, Kind.CANNOT_CHECK)


def test_ones_take_their_size_from_their_place() -> None:
    page = r"""
Let $A \in \mathbb{R}^{n \times n}$ and $B \in \mathbb{R}^{n \times n}$.

$$C = A B$$

$$A (B\, \mathbf{1} \mathbf{1}^\top) = C\, \mathbf{1} \mathbf{1}^\top$$
"""
    assert last(page).verdict.kind is Kind.HOLDS


@pytest.mark.parametrize(("sizes", "kind"), [("(D, K)", Kind.SHAPE_RIGHT), ("(K, D)", Kind.SHAPE_WRONG)])
def test_stated_shape_of_a_gradient_is_a_claim(sizes: str, kind: Kind) -> None:
    claim = last(ROWS + rf"The gradient $\frac{{\partial L}}{{\partial W}}$ has shape ${sizes}$.")
    assert claim.verdict.kind is kind
    assert claim.verdict.correction == ("(D, K)" if kind is Kind.SHAPE_WRONG else None)


def test_outputs_that_do_not_exist_count_as_zero_where_the_page_says_so() -> None:
    formula = (
        r"$$\frac{\partial L}{\partial x_{ij}} = \sum_{b=1}^{2} \frac{\partial L}{\partial o_{i,j-b+1}} f_b$$"
    )
    said = "A loss $L$ is computed from them. Outputs that do not exist count as zero.\n\n"
    assert last(GRID + said + formula).verdict.kind in (Kind.HOLDS, Kind.HOLDS_IF)
    wrong = formula.replace("j-b+1", "j-b+2")
    assert last(GRID + said + wrong).verdict.kind not in (Kind.HOLDS, Kind.HOLDS_IF)


def test_wrong_shape_after_a_definition_is_corrected() -> None:
    page = r"""
Let $A \in \mathbb{R}^{n \times m}$ and $V \in \mathbb{R}^{m \times v}$.

$$O = A V$$

Thus $O \in \mathbb{R}^{n \times m}$.
"""
    claim = last(page)
    assert claim.verdict.kind is Kind.SHAPE_WRONG
    assert claim.verdict.correction == r"O \in \mathbb{R}^{n \times v}"
