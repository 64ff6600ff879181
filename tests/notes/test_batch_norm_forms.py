"""The gradient of batch normalisation in its common forms: none is called wrong, and each is with one thing changed."""

from __future__ import annotations

import pytest

from symcnn.notes.extract import read
from symcnn.notes.verdict import FALSE_KINDS, Claim, Kind
from symcnn.notes.verify import verify_document

FEATURE = r"""
One feature over a mini-batch of $m$ examples:

$$\mu_B = \frac{1}{m} \sum_{i=1}^m x_i$$

$$\sigma_B^2 = \frac{1}{m} \sum_{i=1}^m (x_i - \mu_B)^2$$

$$\hat x_i = \frac{x_i - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}}$$

$$y_i = \gamma \hat x_i + \beta$$
"""
FEATURES = r"""
$$\mu_j = \frac{1}{N} \sum_{n=1}^N x_{nj}$$

$$v_j = \frac{1}{N} \sum_{n=1}^N (x_{nj} - \mu_j)^2$$

$$\hat x_{nj} = \frac{x_{nj} - \mu_j}{\sqrt{v_j + \epsilon}}$$

$$y_{nj} = \gamma_j \hat x_{nj} + \beta_j$$
"""
VECTOR = r"""
Let $x \in \mathbb{R}^m$ hold one feature of the batch, and let $\mathbf{1} \in \mathbb{R}^m$ be the vector of ones.

$$\mu = \frac{1}{m} \mathbf{1}^\top x$$

$$c = x - \mu \mathbf{1}$$

$$s = \sqrt{\frac{1}{m} c^\top c + \epsilon}$$

$$h = \frac{1}{s} c$$

$$y = \gamma h + \beta \mathbf{1}$$
"""
CHAIN = (
    r"\frac{\partial \ell}{\partial \hat x_i} = \frac{\partial \ell}{\partial y_i} \cdot \gamma",
    r"\frac{\partial \ell}{\partial \sigma_B^2} = \sum_{i=1}^m \frac{\partial \ell}{\partial \hat x_i} \cdot (x_i - \mu_B) "
    r"\cdot \frac{-1}{2} (\sigma_B^2 + \epsilon)^{-3/2}",
    r"\frac{\partial \ell}{\partial \mu_B} = \left( \sum_{i=1}^m \frac{\partial \ell}{\partial \hat x_i} \cdot "
    r"\frac{-1}{\sqrt{\sigma_B^2 + \epsilon}} \right) + \frac{\partial \ell}{\partial \sigma_B^2} \cdot "
    r"\frac{\sum_{i=1}^m -2 (x_i - \mu_B)}{m}",
    r"\frac{\partial \ell}{\partial x_i} = \frac{\partial \ell}{\partial \hat x_i} \cdot "
    r"\frac{1}{\sqrt{\sigma_B^2 + \epsilon}} + \frac{\partial \ell}{\partial \sigma_B^2} \cdot \frac{2 (x_i - \mu_B)}{m} "
    r"+ \frac{\partial \ell}{\partial \mu_B} \cdot \frac{1}{m}",
    r"\frac{\partial \ell}{\partial \gamma} = \sum_{i=1}^m \frac{\partial \ell}{\partial y_i} \cdot \hat x_i",
)
COMPACT = (
    r"\frac{\partial \ell}{\partial x_i} = \frac{1}{m \sqrt{\sigma_B^2 + \epsilon}} \left( "
    r"m \frac{\partial \ell}{\partial \hat x_i} - \sum_{k=1}^m \frac{\partial \ell}{\partial \hat x_k} "
    r"- \hat x_i \sum_{k=1}^m \frac{\partial \ell}{\partial \hat x_k} \hat x_k \right)"
)
CENTRED = (
    r"\frac{\partial \ell}{\partial x_i} = \frac{\gamma}{\sqrt{\sigma_B^2 + \epsilon}} \left( "
    r"\frac{\partial \ell}{\partial y_i} - \frac{1}{m} \sum_{k=1}^m \frac{\partial \ell}{\partial y_k} "
    r"- \frac{x_i - \mu_B}{\sigma_B^2 + \epsilon} \cdot \frac{1}{m} "
    r"\sum_{k=1}^m \frac{\partial \ell}{\partial y_k} (x_k - \mu_B) \right)"
)
MANY = (
    r"\frac{\partial L}{\partial x_{nj}} = \frac{\gamma_j}{N \sqrt{v_j + \epsilon}} \left( "
    r"N \frac{\partial L}{\partial y_{nj}} - \sum_{k=1}^N \frac{\partial L}{\partial y_{kj}} "
    r"- \hat x_{nj} \sum_{k=1}^N \frac{\partial L}{\partial y_{kj}} \hat x_{kj} \right)"
)
WHOLE = (
    r"\frac{\partial L}{\partial x} = \frac{\gamma}{s} \left( \frac{\partial L}{\partial y} "
    r"- \frac{1}{m} \mathbf{1} \mathbf{1}^\top \frac{\partial L}{\partial y} "
    r"- \frac{1}{m} h h^\top \frac{\partial L}{\partial y} \right)"
)
CHANGES = {
    "sign": (r"- \hat x_i", r"+ \hat x_i"),
    "factor 1/m": (r"{m \sqrt", r"{\sqrt"),
    "factor m": (r"( m \frac", r"( \frac"),
    "sign of the mean": (r"- \frac{1}{m} \sum", r"+ \frac{1}{m} \sum"),
    "mean without 1/m": (r"- \frac{1}{m} \sum", r"- \sum"),
    "gamma": (r"\frac{\gamma}", r"\frac{1}"),
}


def judged(page: str, *formulas: str) -> list[Claim]:
    """The claims that are checked on a page with these formulas at its end."""
    document = read(page + "".join(f"\n$$\n{formula}\n$$\n" for formula in formulas), "md")
    claims = verify_document(document, "page.md").claims
    return [c for c in claims if c.verdict.kind not in (Kind.DEFINITION, Kind.NOT_A_CLAIM)]


@pytest.mark.slow
@pytest.mark.parametrize("formula", [COMPACT, CENTRED], ids=["compact", "centred"])
def test_one_feature_in_one_line(formula: str) -> None:
    assert [claim.verdict.kind for claim in judged(FEATURE, formula)] == [Kind.HOLDS]


def test_one_feature_as_a_chain() -> None:
    assert [claim.verdict.kind for claim in judged(FEATURE, *CHAIN)] == [Kind.HOLDS] * len(CHAIN)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "formula"), [(FEATURES, MANY), (VECTOR, WHOLE)], ids=["features", "vector"])
def test_other_notations_are_not_called_wrong(page: str, formula: str) -> None:
    assert not [claim.latex for claim in judged(page, formula) if claim.verdict.kind in FALSE_KINDS]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "change"),
    [
        (formula, change)
        for formula in (COMPACT, CENTRED)
        for change, (old, _) in CHANGES.items()
        if old in formula
    ],
)
def test_a_changed_form_is_called_wrong(formula: str, change: str) -> None:
    (claim,) = judged(FEATURE, formula.replace(*CHANGES[change]))
    assert claim.verdict.kind is Kind.FAILS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [(r"- \hat x_{nj}", r"+ \hat x_{nj}"), (r"{N \sqrt", r"{\sqrt"), (r"\frac{\gamma_j}", r"\frac{1}")],
    ids=["sign", "factor 1/N", "gamma"],
)
def test_a_changed_form_with_features_is_called_wrong(old: str, new: str) -> None:
    (claim,) = judged(FEATURES, MANY.replace(old, new))
    assert claim.verdict.kind is Kind.FAILS
