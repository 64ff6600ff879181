"""Untrusted pages: each gets verdicts or a clear refusal, in bounded time, and nothing of it runs or reaches HTML raw."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from symcnn.core.errors import SymcnnError
from symcnn.notes.extract import decoded, load, read
from symcnn.notes.verdict import Kind, Report
from symcnn.notes.verify import verify_document

SECONDS = 20.0
"""Processor time that no hostile page may exceed; most take a fraction of it."""

CLAIMS = (
    ("deep groups", "{" * 3000 + "x" + "}" * 3000 + " = 1"),
    ("deep brackets", "(" * 3000 + "x" + ")" * 3000 + " = 1"),
    ("deep fractions", r"\frac{1}{" * 800 + "x" + "}" * 800 + " = 1"),
    ("deep powers", "x^{" * 800 + "2" + "}" * 800 + " = 1"),
    ("tower", "x = 9^{9^{9^9}}"),
    ("tower in a name", "a_{9^{9^9}} = b^{9^{9^{9^9}}} + 1"),
    ("large exponent", "(a + b)^{100000} = a^{100000}"),
    ("long number", "x = " + "9" * 20_000),
    ("long sum", " + ".join(["a"] * 20_000) + " = b"),
    ("long product", " ".join(["a"] * 20_000) + " = b"),
    ("unbalanced", "{{{ x = y }"),
    ("unbalanced left", r"\left( x = y"),
    ("large range", r"\sum_{i=1}^{10^{12}} x_i = y"),
    ("nested ranges", r"\sum_{i=1}^{999} \sum_{j=1}^{999} \sum_{k=1}^{999} x_{ijk} = y"),
    ("large product", r"\prod_{i=1}^{1000000} x_i = y"),
    ("large factorial", "x = 999999999!"),
    ("import", "__import__('os').system('ls') = 1"),
    ("input", r"\input{/etc/passwd} = x"),
    ("write", r"\immediate\write18{ls} = x"),
    ("file", r"\openin\file=/etc/passwd x = 1"),
    ("control characters", "x\x00y\x07 = \x1b[31m z"),
    ("direction marks", "a\u202e\u2066 = b\u200b"),
    (
        "large matrix",
        r"A = \begin{bmatrix}" + r" \\ ".join([" & ".join(["x"] * 150)] * 150) + r"\end{bmatrix}",
    ),
    ("rows of rows", r"\begin{aligned}" + r"a &= b + & c \\ & & &= d \\" * 60 + r"\end{aligned}"),
    ("ragged matrix", r"A = \begin{bmatrix} 1 & 2 \\ 3 \\ & & & 4 \end{bmatrix}"),
    ("indices without end", "x_{" + "i" * 600 + "} = 1"),
    ("quotes", 'x = \'"\'"""\''),
)

MACROS = (
    ("recursive", r"\newcommand{\f}{\f \f}", r"\f = 1"),
    ("mutual", r"\newcommand{\f}{\g}\newcommand{\g}{\f}", r"\f = 1"),
    (
        "exponential",
        "".join(rf"\newcommand{{\{chr(98 + k)}q}}{{\{chr(97 + k)}q\{chr(97 + k)}q}}" for k in range(24)),
        r"\yq = 1",
    ),
    ("own argument", r"\newcommand{\f}[1]{\f{#1#1}}", r"\f{x} = 1"),
    (
        "thousands",
        "".join(rf"\newcommand{{\m{chr(97 + k % 26) * (1 + k // 26)}}}{{x}}" for k in range(3000)),
        "x = x",
    ),
    ("primitive", r"\def\f{\input{/etc/passwd}}\let\g\f", r"\g = 1"),
    ("redefined", r"\renewcommand{\frac}[2]{\write18{#1}}", r"\frac{a}{b} = 1"),
)


def checked(text: str, kind: str = "md") -> Report:
    """The report on a page, made in bounded time; its HTML holds nothing of the page raw."""
    begun = time.process_time()
    report = verify_document(read(text, kind), f"page.{kind}")  # type: ignore[arg-type]
    assert time.process_time() - begun < SECONDS
    html = report.to_html()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    return report


@pytest.mark.parametrize("latex", [latex for _, latex in CLAIMS], ids=[name for name, _ in CLAIMS])
def test_a_hostile_formula_gets_a_verdict_and_is_never_said_to_hold(latex: str) -> None:
    report = checked(f"Before.\n\n$$\n{latex}\n$$\n\nAfter $1 = 1$.\n")
    assert report.claims
    for claim in report.claims[:-1]:
        assert claim.verdict.kind is not Kind.HOLDS
        assert claim.verdict.reason or claim.verdict.kind is not Kind.CANNOT_CHECK


@pytest.mark.parametrize(
    ("macros", "latex"), [(m, x) for _, m, x in MACROS], ids=[name for name, _, _ in MACROS]
)
@pytest.mark.parametrize("kind", ["md", "tex"])
def test_hostile_macros_are_bounded(macros: str, latex: str, kind: str) -> None:
    document = rf"\begin{{document}}{macros} $${latex}$$ \end{{document}}" if kind == "tex" else None
    with contextlib.suppress(SymcnnError):  # a clear refusal of the whole page
        report = checked(document or f"$${macros}$$\n\n$${latex}$$\n", kind)
        assert report.claims or not report.document.formulas


def test_a_million_characters_in_one_formula() -> None:
    report = checked("$$" + "x + " * 250_000 + "x = 1$$\n\n$2 = 2$\n")
    assert report.claims[0].verdict.kind is Kind.CANNOT_CHECK
    assert report.claims[-1].verdict.kind is not Kind.CANNOT_CHECK


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script> $x = 1$",
        "$x = \\text{<script>alert(1)</script>}$",
        "$x_{<script>alert(1)</script>} = 2$ and $x_{1} = 3$",
        "# <img src=x onerror=alert(1)>\n\n$\\mathrm{<img src=x onerror=alert(1)>} = 1$",
        '$a" onmouseover="alert(1) = b$',
    ],
)
def test_markup_of_the_page_is_text_in_the_report(text: str) -> None:
    checked(text)


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(SymcnnError, match="line 2"):
        decoded(b"$x = 1$\n\xff\xfe$y = 2$\n")
    page = tmp_path / "page.md"
    page.write_bytes(b"\x80" * 100)
    with pytest.raises(SymcnnError, match="UTF-8"):
        load(page)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_line_ends_keep_places_and_bytes(tmp_path: Path, end: str) -> None:
    text = end.join(["# Title", "", "Let $a = 2 b$.", "", "Then $3 a = 6 b$."])
    plain, marked = tmp_path / "plain.md", tmp_path / "marked.md"
    plain.write_bytes(text.encode())
    marked.write_bytes(b"\xef\xbb\xbf" + text.encode())
    one, other = load(plain), load(marked)
    assert [(f.line, f.column) for f in one.formulas] == [(3, 6), (5, 7)]
    assert [(f.line, f.column) for f in other.formulas] == [(3, 6), (5, 7)]
    assert [block.kind for block in other.prose] == [block.kind for block in one.prose]
    assert other.rewritten([]).encode() == marked.read_bytes()


def test_a_byte_order_mark_counts_as_no_column() -> None:
    [formula] = read("\ufeff$x = 1$", "md").formulas
    assert (formula.line, formula.column) == (1, 2)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_fixing_is_idempotent_and_touches_false_claims_only(mark: str, end: str) -> None:
    lines = [
        "# Title",
        r"$$ y_i = \sum_j W_{ij} x_j + b_i $$",
        r"and the loss $L = \sum_i y_i^2$. Then",
        r"$$ \frac{\partial L}{\partial W_{ij}} = 2 y_i x_i $$",
        r"and $\frac{\partial L}{\partial b_i} = 2 y_i$, while",
        r"$$ \frac{\partial {L}}{\partial {x_{j}}} = \sum_i {2 {y_i}} {W_{ji}} $$",
    ]
    text = mark + end.join(lines)
    report = verify_document(read(text, "md"), "page.md")
    once = report.fixed()
    false = {claim.line for claim in report.claims if claim.verdict.correction is not None}
    assert false == {4, 6}
    for number, (old, new) in enumerate(zip(text.split(end), once.split(end), strict=True), 1):
        assert (old == new) == (number not in false)
        assert new.count("{") - new.count("}") == 0
    again = verify_document(read(once, "md"), "page.md")
    assert again.fixed() == once
