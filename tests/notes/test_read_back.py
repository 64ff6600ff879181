"""What we write is read by our own reader: no formula of a derivation is called wrong, and most are proved."""

from __future__ import annotations

import pytest

import symcnn as sc
from symcnn.notes.extract import read
from symcnn.notes.scopes import scopes
from symcnn.notes.verdict import FALSE_KINDS, Kind, Report
from symcnn.notes.verify import verify_document

LEFT_OPEN = {"softmax": 1, "linear": 0}
"""Layers with the number of formulas of their derivation that are not proved: the gradients' sum to zero."""


def read_back(name: str) -> Report:
    return verify_document(read(sc.derive(name).to_markdown(), "md"), f"{name}.md")


def false_claims(report: Report) -> list[str]:
    return [claim.latex for claim in report.claims if claim.verdict.kind in FALSE_KINDS]


@pytest.mark.parametrize("name", LEFT_OPEN)
def test_every_formula_of_a_layer_is_proved(name: str) -> None:
    report = read_back(name)
    assert not false_claims(report)
    open_ = [c.latex for c in report.claims if c.verdict.kind is Kind.CANNOT_CHECK]
    assert len(open_) <= LEFT_OPEN[name]
    assert report.counts["holds"] >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["batch_norm2d", "notes"])
def test_no_formula_is_called_wrong(name: str) -> None:
    report = read_back(name)
    wrong = false_claims(report)
    assert report.counts["holds"] >= 40
    assert report.counts.get("cannot-check", 0) < report.counts["holds"]
    assert len(wrong) <= {"batch_norm2d": 0, "notes": 3}[name]


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
