"""Verification of whole pages: the expected verdicts, and above all nothing false called true."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from symcnn.notes.extract import read
from symcnn.notes.verdict import Kind, Report
from symcnn.notes.verify import verify, verify_document

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "notes" / "cnn-backprop.md"
PAGES = sorted(page for page in (HERE / "pages").glob("*.md") if page.name != "README.md")


def _gold() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gold", HERE / "gold.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gold"] = module
    spec.loader.exec_module(module)
    return module


def judged(text: str) -> Report:
    return verify_document(read(text, "md"), "page.md")


def kinds(text: str) -> list[str]:
    return [claim.verdict.kind.value for claim in judged(text).claims]


DENSE = r"""
$$z_{11} = x_{11}w_{11} + x_{12}w_{12} + x_{21}w_{21} + x_{22}w_{22} + b$$
$$z_{12} = x_{12}w_{11} + x_{13}w_{12} + x_{22}w_{21} + x_{23}w_{22} + b$$

"""


def test_wrong_factor_is_pointed_at_and_corrected() -> None:
    page = DENSE + (
        r"$$\frac{\partial L}{\partial w_{11}} = \frac{\partial L}{\partial z_{11}} x_{12}"
        r" + \frac{\partial L}{\partial z_{12}} x_{12}$$"
    )
    claim = judged(page).claims[-1]
    assert claim.verdict.kind is Kind.FAILS
    assert claim.verdict.correction == claim.latex.replace("z_{11}} x_{12}", "z_{11}} x_{11}")
    assert [span.of(claim.latex) for span in claim.verdict.wrong_terms] == ["x_{12}"]


def test_right_chain_over_entries_holds() -> None:
    page = DENSE + (
        r"$$\frac{\partial L}{\partial b} = \frac{\partial L}{\partial z_{11}} + \frac{\partial L}{\partial z_{12}}$$"
    )
    assert kinds(page)[-1] == "holds"


def test_lost_path_is_not_true() -> None:
    page = DENSE + r"$$\frac{\partial L}{\partial b} = \frac{\partial L}{\partial z_{11}}$$"
    assert kinds(page)[-1] == "fails"


def test_undeclared_derivative_is_not_zero() -> None:
    assert kinds(DENSE + r"$$\frac{\partial L}{\partial w_{11}} = 0$$")[-1] == "fails"


def test_batch_factor() -> None:
    page = r"""
The sizes are $W \in \mathbb{R}^{k \times n}$, $X \in \mathbb{R}^{n \times m}$ and $T \in \mathbb{R}^{k \times m}$.

$$Z = W X$$
$$L = \frac{1}{2} \lVert Z - T \rVert^2$$
$$\frac{\partial L}{\partial W} = (Z - T) X^T$$
$$\frac{\partial L}{\partial W} = X^T (Z - T)$$
"""
    assert kinds(page)[-2:] == ["holds", "fails"]


def test_update_and_mention_are_no_claims() -> None:
    page = r"$$W = W - \alpha \frac{\partial L}{\partial W}$$ and $W$"
    assert kinds(page) == ["not-a-claim", "not-a-claim"]


def test_every_formula_has_a_verdict_and_json_has_the_keys() -> None:
    report = judged("$$a = b$$ $$\\frac{1}{$$ $x$")
    assert len(report.claims) == 3
    keys = {"line", "column", "latex", "verdict", "proof", "assumption", "reason", "correction"}
    assert all(keys <= set(claim) for claim in json.loads(report.to_json())["claims"])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages(page: Path) -> None:
    """No false `holds` and no false `fails` on a page."""
    expected = json.loads(page.with_suffix(".expected.json").read_text(encoding="utf-8"))
    found = _gold().measure(verify(page).to_dict()["claims"], expected)
    assert not found["false_holds"]
    assert not found["false_fails"]


def test_notes_of_a_lecture() -> None:
    if not SHARED.exists():
        pytest.skip("the lecture's notes are not beside this checkout")
    expected = json.loads(SHARED.with_suffix(".gold.json").read_text(encoding="utf-8"))
    found = _gold().measure(verify(SHARED).to_dict()["claims"], expected)
    assert not found["false_holds"]
    assert not found["false_fails"]
    assert len(found["right"]) >= 0.95 * len(expected)


def test_primed_letters_run_as_plain_ones_and_rows_go_on() -> None:
    report = judged(
        r"""
$x$ is $n \times k$ and $w$ has $k$ entries, $z_i = \sum_j x_{ij} w_j$ for $1 \le i \le n$. Then

$$
\begin{aligned}
\frac{\partial L}{\partial w_j} &= \sum_{i,j'} \frac{\partial L}{\partial z_i} x_{ij'} \\
&\quad {} \times \delta_{j',j}
\end{aligned}
$$
"""
    )
    assert report.claims[-1].verdict.kind is Kind.HOLDS


def test_an_accent_that_marks_derivatives_is_no_free_name() -> None:
    report = judged(
        r"""
$\check{x}_i$ is short for $\partial L / \partial x_i$. With $y_k = g_k z_k$ for $k = 1, \dots, d$

$$\frac{\partial L}{\partial g_k} = \check{y}_k z_k$$
"""
    )
    assert report.claims[-1].verdict.kind in (Kind.HOLDS, Kind.CANNOT_CHECK)
