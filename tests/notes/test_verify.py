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


def test_letters_in_brackets_above_are_indices_where_two_stand_together() -> None:
    page = r"""
Maps are numbered $c = 1, \dots, C$ and $o = 1, \dots, M$.
$$Y^{(o)}_{i,j} = \sum_{c=1}^{C} \sum_{u=0}^{k-1} \sum_{v=0}^{k-1} K^{(o,c)}_{u,v} X^{(c)}_{i+u,j+v}$$
$$\frac{\partial L}{\partial K^{(o,c)}_{u,v}} = \sum_{i,j} \frac{\partial L}{\partial Y^{(o)}_{i,j}} X^{(c)}_{i+u,j+v}$$
$$\frac{\partial L}{\partial K^{(o,c)}_{u,v}} = \sum_{i,j} \frac{\partial L}{\partial Y^{(o)}_{i,j}} X^{(c)}_{i+v,j+u}$$
"""
    assert kinds(page)[-3:] == ["definition", "holds", "fails"]


def test_a_chain_of_names_that_ends_in_a_number_sets_them_all() -> None:
    page = r"""
A window has side $k$ and stride $s$, $N' = \lfloor (N - k) / s \rfloor + 1$.
With $k = s = 2$ and $N = 8$ we have $N' = 4$.
"""
    assert kinds(page)[-1] in ("holds", "shape-right")
    assert kinds(page.replace("N' = 4", "N' = 5"))[-1] in ("fails", "shape-wrong")


def test_a_size_follows_only_from_numbers_that_are_all_given() -> None:
    page = r"The side is $N' = \lfloor (N - k) / s \rfloor + 1$. For $N = 8$ we have $N' = 5$."
    assert not {"fails", "shape-wrong"} & set(kinds(page))


def test_a_letter_before_a_name_marks_the_derivative_where_the_words_say_so() -> None:
    page = r"""
We write $\delta v$ for the derivative of the error $E$ with respect to $v$. The cell is
$c_t = f_t \circ c_{t-1} + g_t$ with vectors $c_t, f_t, g_t \in \mathbb{R}^m$. Then $\delta g_t = \delta c_t$,
$\delta f_t = \delta c_t \circ c_{t-1}$ and $\delta f_t = \delta c_t \circ c_t$.
"""
    found = kinds(page)
    assert found[-3:] == ["holds", "holds", "fails"]


def test_sections_that_all_compute_one_name_have_letters_of_their_own() -> None:
    page = r"""
# Layers

Each computes `y` from `x`; `dy` is the gradient of the loss on `y`.

## Affine

`x` is `[N x D]`, `W` is `[D x M]` and `b` is `[M]`: $y = x W + b$ and $dx = dy W^T$ but not $dx = dy W$.

## Scale

$$y_n = \gamma x_n$$
$$d\gamma = \sum_n dy_n x_n$$

## Square

$$y_k = x_k^2$$
$$dx_k = x_k dy_k$$
"""
    assert [k for k in kinds(page) if k in ("holds", "fails")] == ["holds", "fails", "holds", "fails"]


def test_nothing_speaks_against_a_claim_on_names_that_no_definition_touches() -> None:
    assert kinds(r"For the ReLU $dx = dy \odot \mathbb{1}[x > 0]$.") == ["cannot-check"]


def test_words_name_what_stands_before() -> None:
    page = r"""
With $z = W x$, $p_k = e^{z_k} / \sum_j e^{z_j}$ and $L = -\sum_k y_k \ln p_k$, where $y$ is one-hot,
$\frac{\partial L}{\partial z} = p - y$. Call this column $\delta$. Then $\frac{\partial L}{\partial x} = W^T \delta$,
and not $\frac{\partial L}{\partial x} = W \delta$.
"""
    assert kinds(page)[-2:] == ["holds", "fails"]


def test_a_step_of_an_example_is_no_second_definition() -> None:
    page = r"""
Let $z = (1.5, -0.2)^T$ and $p_k = e^{z_k} / \sum_j e^{z_j}$. With $y = (0, 1)^T$ the loss is
$L = -\sum_k y_k \ln p_k$, here $L = -\ln p_2 \approx 1.8678$, and not $L = -\ln p_1$.
"""
    assert kinds(page)[-3] in ("holds", "holds-if")
    assert kinds(page)[-2] == "holds"
    assert kinds(page)[-1] in ("inconsistent-with-definition", "fails", "cannot-check")


LAYERS = """
1. INPUT: 32x32x3.
2. CONV, 16 filters of 5x5, stride 1, pad 2; the layer has 1,216 parameters.
3. POOL 2x2, stride 2. The volume is now 16x16x16.
4. CONV, 32 filters of 3x3, stride 2, no padding. The output has a size of 7x7x32, and the layer has 4,640 parameters.
"""


def test_lists_of_layers_are_counted_from_line_to_line() -> None:
    assert kinds(LAYERS) == ["shape-right"] * 4
    wrong = judged(LAYERS.replace("7x7x32", "8x8x32").replace("4,640", "4,609")).claims
    assert [claim.verdict.kind.value for claim in wrong[2:]] == ["shape-wrong", "shape-wrong"]
    assert [claim.verdict.correction for claim in wrong[2:]] == ["7x7x32", "4,640 parameters"]


def test_a_list_of_layers_that_leaves_something_open_is_not_counted() -> None:
    page = LAYERS.replace("pad 2", "padded").replace("16x16x16", "9x9x16").replace("7x7x32", "8x8x32")
    assert not {"9x9x16", "8x8x32"} & {claim.latex for claim in judged(page).claims}


def test_sections_that_go_on_with_what_stands_before_are_no_parts() -> None:
    page = r"""
# Activations

Let $z = W x$ with $W \in \mathbb{R}^{m \times d}$.

## A

$y = 2 z$ gives $\frac{\partial L}{\partial W} = 2 \frac{\partial L}{\partial y} x^T$.

## B

$y = 3 z$ gives $\frac{\partial L}{\partial W} = 3 \frac{\partial L}{\partial y} x^T$.

## C

$y = 5 z$ gives $\frac{\partial L}{\partial W} = 5 \frac{\partial L}{\partial y} x^T$.
"""
    assert "fails" not in kinds(page)
    assert "inconsistent-with-definition" not in kinds(page)
