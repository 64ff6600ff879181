"""What we write is read by our own reader: no formula of a derivation is called wrong, and most are proved."""

from __future__ import annotations

import pytest

import symcnn as sc
from symcnn.notes.extract import read
from symcnn.notes.scopes import scopes
from symcnn.notes.verdict import FALSE_KINDS, Kind, Report
from symcnn.notes.verify import verify_document

QUICK = ("linear", "softmax")
"""Layers of which every formula is proved."""

OPEN = {
    "conv2d": 0,
    "max_pool2d": 0,
    "batch_norm2d": 6,
    "layer_norm": 8,
    "scaled_dot_product_attention": 16,
    "notes": 24,
    "lenet5": 75,
}
"""Documents with the number of formulas that may stay open: tensors that are too large, and checks that take too long."""


def read_back(name: str, form: str = "md") -> Report:
    document = sc.derive(name)
    text = document.to_markdown() if form == "md" else document.to_latex()
    return verify_document(read(text, form), f"{name}.{form}")


def false_claims(report: Report) -> list[str]:
    return [claim.latex for claim in report.claims if claim.verdict.kind in FALSE_KINDS]


@pytest.mark.parametrize(("name", "form"), [("linear", "tex"), ("softmax", "md")])
def test_every_formula_of_a_layer_is_proved(name: str, form: str) -> None:
    report = read_back(name, form)
    assert not false_claims(report)
    assert not [claim.latex for claim in report.claims if claim.verdict.kind is Kind.CANNOT_CHECK]
    assert report.counts["holds"] >= 10


@pytest.mark.slow
@pytest.mark.parametrize("form", ["md", "tex"])
@pytest.mark.parametrize("name", [*QUICK, *OPEN])
def test_no_formula_is_called_wrong(name: str, form: str) -> None:
    report = read_back(name, form)
    assert not false_claims(report)
    assert report.counts.get("cannot-check", 0) <= OPEN.get(name, 0)
    assert report.counts["holds"] >= 10


def test_letters_of_their_own_end_with_their_part() -> None:
    page = """# Page
$$a = b$$
## One
In letters of their own:
$$a = c$$
Written out for a small case:
$$a_1 = c_1$$
### Under it
$$a = d$$
## Two
$$a = e$$
"""
    parts = scopes(read(page, "md"))
    shown = [[formula.latex for formula in part.formulas] for part in parts]
    assert sorted(shown) == [["a = b", "a = e"], ["a = c", "a = d"], ["a_1 = c_1"]]
