"""Reports of hand-made verdicts: as text, as JSON, and the fixed notes."""

from __future__ import annotations

import json
import pickle
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symcnn.core.errors import UnknownName
from symcnn.notes.extract import Kind as FileKind
from symcnn.notes.extract import read
from symcnn.notes.marks import Span
from symcnn.notes.report_fix import differences
from symcnn.notes.report_text import columns
from symcnn.notes.verdict import Claim, Counterexample, Kind, Report, Verdict

NOTES = "One $a = x_{12} + b$, another $b = 2$.\n\nTotal 25 parameters.\n"
WRONG = Verdict(
    Kind.FAILS,
    reason="the two sides differ: x_{11} and not x_{12}",
    diagnosis="x_{11} and not x_{12}",
    correction="a = x_{11} + b",
    wrong_terms=(Span(4, 10),),
    counterexample=Counterexample({"b": "2", "x[1,1]": "3", "x[1,2]": "4"}, "5", "6"),
    related_lines=(3,),
)
NUMBER = Verdict(
    Kind.FAILS,
    reason="it is 15",
    diagnosis="wrong number",
    correction="Total 15 parameters",
    wrong_terms=(Span(6, 8),),
)


def report(text: str, *verdicts: tuple[str, Verdict], kind: FileKind = "md") -> Report:
    """A report on `text` with a verdict on each of the pieces named."""
    document = read(text, kind)
    claims = []
    for latex, verdict in verdicts:
        start = document.text.index(latex)
        span = Span(start, start + len(latex))
        line, column = document.place(start)
        inside = (f for f in document.formulas if f.span.start <= start < f.span.end)
        claims.append(Claim(latex, span, line, column, verdict, next(inside, None)))
    return Report(f"notes.{kind}", document, tuple(claims))


@pytest.fixture
def page() -> Report:
    return report(
        NOTES,
        ("a = x_{12} + b", WRONG),
        ("b = 2", Verdict(Kind.DEFINITION)),
        ("Total 25 parameters", NUMBER),
    )


def test_text_shows_what_is_wrong_and_how_to_put_it_right(page: Report) -> None:
    assert page.to_text() == (
        "notes.md:1:6  ✗ fails  x_{11} and not x_{12}\n"
        "    a = x_{12} + b\n"
        "        ^^^^^^\n"
        "    left     5   right  6\n"
        "    at       b = 2, x[1,1] = 3, x[1,2] = 4\n"
        "    correct  a = x_{11} + b\n"
        "    see      line 3\n"
        "\n"
        "notes.md:1:32  ≔ definition    b = 2\n"
        "\n"
        "notes.md:3:1  ✗ fails  wrong number\n"
        "    Total 25 parameters\n"
        "          ^^\n"
        "    why      it is 15\n"
        "    correct  Total 15 parameters\n"
        "\n"
        "notes.md: 3 claims\n"
        "        2  ✗ fails\n"
        "        1  ≔ definition\n"
        "    2 wrong, 2 of them with a correction that --fix puts in place\n"
    )


def test_colour_replaces_the_carets(page: Report) -> None:
    text = page.to_text(color=True)
    assert "a = \x1b[1;31;7mx_{12}\x1b[0m + b" in text
    assert "^" not in text
    assert text.count("\x1b[") == 2 * text.count("\x1b[0m")
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert plain == re.sub(r" *\^+\n", "", page.to_text())


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_keep_the_width_and_carets_their_place(width: int) -> None:
    latex = " + ".join(f"\\frac{{\\partial L}}{{\\partial z_{{{i}}}}} 层" for i in range(12))
    spot = latex.index("z_{7}")
    verdict = Verdict(Kind.FAILS, diagnosis="z_{8} and not z_{7} " * 9, wrong_terms=(Span(spot, spot + 5),))
    lines = report(f"$${latex}$$", (latex, verdict)).to_text(width=width).splitlines()
    assert max(columns(line) for line in lines) <= width
    marked = "".join(
        char
        for above, below in pairwise(lines)
        if set(below) == {" ", "^"}
        for char, mark in zip(_spread(above), below, strict=False)
        if mark == "^"
    )
    assert marked == "z_{7}"


def _spread(text: str) -> str:
    return "".join(char + " " * (columns(char) - 1) for char in text)


def test_what_steers_a_terminal_is_made_visible() -> None:
    text = report("$x\x1b]0;t\x07 = \u202e1$", ("x\x1b]0;t\x07 = \u202e1", Verdict(Kind.FAILS))).to_text()
    assert "x␛]0;t␇ = \ufffd1" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_what_cannot_be_checked_is_counted_apart() -> None:
    verdict = Verdict(Kind.CANNOT_CHECK, reason="a condition in words " * 8)
    text = report("$x = 1$", ("x = 1", verdict)).to_text()
    assert " ".join(text.split()).count("a condition in words") == 8
    assert text.endswith("    nothing was found wrong; 1 could not be checked\n")
    assert report("no formula").to_text() == "notes.md: 0 claims\n    no formula was found\n"


def test_json_has_the_keys_of_the_contract(page: Report) -> None:
    content = json.loads(page.to_json())
    assert list(content) == ["file", "claims", "counts"]
    assert content["counts"] == {"fails": 2, "definition": 1}
    assert content["claims"][0] == {
        "line": 1,
        "column": 6,
        "latex": "a = x_{12} + b",
        "verdict": "fails",
        "proof": None,
        "assumption": None,
        "reason": "the two sides differ: x_{11} and not x_{12}",
        "correction": "a = x_{11} + b",
        "counterexample": {"values": {"b": "2", "x[1,1]": "3", "x[1,2]": "4"}, "left": "5", "right": "6"},
        "wrong_terms": [{"latex": "x_{12}", "start": 4, "end": 10}],
        "related_lines": [3],
    }
    assert content["claims"][2]["reason"] == "wrong number: it is 15"
    assert {key for key, value in content["claims"][1].items() if value is None} == {
        "proof", "assumption", "reason", "correction", "counterexample", "wrong_terms", "related_lines",
    }  # fmt: skip


def test_reports_cross_process_borders(page: Report) -> None:
    assert pickle.loads(pickle.dumps(page)).to_json() == page.to_json()


def test_explanation_shows_the_reading_and_the_names(page: Report) -> None:
    text = page.explain(1)
    assert "read as  Chain =(Symbol a, Add(Script(Symbol x, Number 12), Symbol b))" in text
    assert "name     b: line 1 defines b = 2" in text
    assert "a sentence about numbers" in page.explain(3)
    with pytest.raises(UnknownName, match=r"notes\.md:2: no formula here; the nearest is on line 1"):
        page.explain(2)


def test_explanation_reaches_every_line_of_a_display() -> None:
    page = report("$$\na\n= b\n$$", ("a\n= b", Verdict(Kind.HOLDS, proof="symbolically")))
    assert page.explain(2) == page.explain(3)


# --- fixed notes


def test_fixed_notes_differ_in_the_wrong_terms_only(page: Report) -> None:
    assert page.fixed() == NOTES.replace("12", "11").replace("25", "15")


def test_only_false_claims_are_corrected() -> None:
    maybe = Verdict(Kind.HOLDS_IF, assumption="c is b", correction="a = c")
    assert report("$a = b$", ("a = b", maybe)).fixed() == "$a = b$"


def test_line_ends_marks_of_order_and_quotes_stay() -> None:
    text = "\ufeff# One\r\n\r\n> $$a\r\n> = x_{12}\r\n> + b$$\r\n"
    document = read(text, "md")
    (formula,) = document.formulas
    right = formula.latex.replace("12", "11")
    verdict = Verdict(Kind.FAILS, correction=right)
    claim = Claim(formula.latex, formula.span, 1, 5, verdict, formula)
    assert Report("n.md", document, (claim,)).fixed() == text.replace("12", "11")


def test_a_correction_across_a_quote_mark_is_left_to_the_author() -> None:
    text = "> $$a\n> = b$$\n"
    document = read(text, "md")
    (formula,) = document.formulas
    verdict = Verdict(Kind.FAILS, correction="c")
    page = Report("n.md", document, (Claim(formula.latex, formula.span, 1, 5, verdict, formula),))
    assert page.fixed() == text
    assert "--fix" not in page.to_text()


def test_a_notebook_keeps_its_layout() -> None:
    text = json.dumps(
        {"nbformat": 4, "cells": [{"source": ["$a =\\\\frac{x}{2}$ \u00e9"], "cell_type": "markdown"}]},
        indent=3,
    )
    assert "\\u00e9" in text
    page = report(
        text, ("a =\\\\frac{x}{2}", Verdict(Kind.FAILS, correction='a =\\\\frac{"x"}{3}')), kind="ipynb"
    )
    assert page.fixed() == text.replace("{x}{2}", '{\\"x\\"}{3}')


def test_corrections_that_collide_are_made_once() -> None:
    one = Verdict(Kind.FAILS, correction="a = c")
    two = Verdict(Kind.FAILS, correction="a = d")
    assert report("$a = b$", ("a = b", one), ("a = b", one)).fixed() == "$a = c$"
    assert report("$a = b$", ("a = b", one), ("a = b", two)).fixed() == "$a = c$"


def test_each_relation_of_a_chain_is_corrected_for_itself() -> None:
    page = report(
        "$$a = b + 1 = c - 2$$",
        ("a = b + 1", Verdict(Kind.FAILS, correction="a = b + 2")),
        ("= c - 2", Verdict(Kind.FAILS, correction="= c + 2")),
    )
    assert page.fixed() == "$$a = b + 2 = c + 2$$"


_LATEX = st.lists(st.sampled_from(["x", "_", "{", "}", "\\frac", "1", " ", "\n", "+", "\\\\", "é"])).map(
    "".join
)


@given(_LATEX, _LATEX)
def test_differences_turn_one_into_the_other(old: str, new: str) -> None:
    changes = differences(old, new)
    result = old
    for span, text in reversed(changes):
        result = result[: span.start] + text + result[span.end :]
    assert result == new
    assert (not changes) == (old == new)


def test_differences_of_long_formulas_are_found_fast() -> None:
    old = "x" * 50_000
    assert differences(old, old[:20_000] + "y" + old[20_000:]) in ([(Span(20_000, 20_000), "y")],)


def test_the_fixed_sample_has_no_false_claim_where_one_was_corrected(tmp_path: Path) -> None:
    sample = Path(__file__).resolve().parents[2].parent / "shared" / "notes" / "cnn-backprop.md"
    if not sample.is_file():
        pytest.skip("the sample notes are not here")
    from symcnn.notes.report_fix import placed
    from symcnn.notes.verdict import FALSE_KINDS
    from symcnn.notes.verify import verify

    before = verify(sample)
    corrected = {(claim.line, claim.column) for claim in before.claims if placed(before, claim)}
    path = tmp_path / sample.name
    path.write_text(before.fixed(), encoding="utf-8", newline="")
    after = verify(path)
    lines = {line for line, _ in corrected}
    still = [claim for claim in after.claims if claim.verdict.kind in FALSE_KINDS and claim.line in lines]
    assert corrected
    assert still == []
    old, new = (p.read_text(encoding="utf-8").splitlines() for p in (sample, path))
    assert {n for n, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b} == lines
