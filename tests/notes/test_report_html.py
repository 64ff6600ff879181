"""The report as a page: what is shown where, and that nothing of hostile notes gets through."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from symcnn.notes.extract import Kind as FileKind
from symcnn.notes.extract import read
from symcnn.notes.marks import Span
from symcnn.notes.report_math import mathml, shown, source, worded
from symcnn.notes.tokens import Macro
from symcnn.notes.verdict import Claim, Counterexample, Kind, Report, Verdict

VOID = {"meta", "br", "hr"}
TAGS = re.compile(
    "html|head|meta|title|style|body|header|main|footer|h1|h2|h3|h4|h5|h6|p|div|span|a|ul|ol|li|details|summary|dl|dt|dd|"
    "b|em|strong|u|code|pre|mark|table|thead|tbody|tr|th|td|blockquote|br|hr|section|math|mrow|mi|mn|mo|mtext|mspace|mfrac|"
    "msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mtable|mtr|mtd|mstyle|mpadded|mphantom"
)
ATTRIBUTES = re.compile(
    "lang|charset|http-equiv|content|name|class|id|href|title|rel|open|start|display|displaystyle|"
    "scriptlevel|stretchy|fence|form|accent|accentunder|largeop|movablelimits|minsize|maxsize|width|"
    "height|depth|lspace|voffset|linethickness|mathvariant"
)


class Page(HTMLParser):
    """Reads a page and fails on anything that a report does not need."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert TAGS.fullmatch(tag), tag
        for name, value in attrs:
            assert ATTRIBUTES.fullmatch(name), (tag, name)
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                assert re.match(r"#c\d+$|https?://|mailto:", value or ""), value
                self.targets.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def page_of(
    text: str, kind: FileKind = "md", verdict: Verdict | None = None, name: str = "notes"
) -> tuple[str, Page]:
    """The page on notes whose every formula has the verdict, read back."""
    document = read(text, kind)
    judged = verdict or Verdict(Kind.HOLDS, proof="symbolically")
    claims = tuple(Claim(f.latex, f.span, f.line, f.column, judged, f) for f in document.formulas)
    page = Report(f"{name}.{kind}", document, claims).to_html()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)
    return page, Page(page)


def test_the_page_has_the_notes_and_a_verdict_at_each_formula() -> None:
    wrong = Verdict(
        Kind.FAILS,
        reason="the two sides differ: x_{11} and not x_{12}",
        diagnosis="x_{11} and not x_{12}",
        correction="a = x_{11}",
        wrong_terms=(Span(4, 10),),
        counterexample=Counterexample({"x[1,1]": "2"}, "2", "3"),
        related_lines=(1, 9),
    )
    page, read_back = page_of("# Sums\n\nSo **here** is $a = x_{12}$ for *all*.\n", verdict=wrong)
    assert "<h2>Sums</h2>" in page
    assert "<strong>here</strong>" in page
    assert '<mrow class="wrong"><msub><mi>x</mi>' in page
    assert '<mrow class="right"><mn>1</mn></mrow>' in page or 'class="right"' in page
    assert "the left side is <b>2</b>, the right side is <b>3</b>" in page
    assert "1 claim, 1 of them wrong" in page
    assert set(read_back.targets) <= {f"#{name}" for name in read_back.ids}
    assert page.index("for <em>all</em>") < page.index('id="c0"')


def test_the_page_needs_nothing_else() -> None:
    page, _ = page_of("$x$ ![picture](http://example.org/x.png) [site](http://example.org) [rel](other.md)")
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "url(" not in page
    assert '<span class="image">image: picture</span>' in page
    assert '<a href="http://example.org" rel="noopener noreferrer nofollow">site</a>' in page
    assert "<a>rel</a>" in page


def test_counts_lead_to_the_first_of_their_kind() -> None:
    page, _ = page_of("$a = 1$ and $b = 2$")
    assert '<a href="#c0">✓ <b>2</b> holds</a>' in page


def test_a_sentence_is_marked_where_it_stands() -> None:
    text = "First. **Total 25** parameters.\n\nIn all 25 values of $x$ here.\n"
    document = read(text, "md")
    spans = [Span(text.index(part), text.index(part) + len(part)) for part in ("25 values", "Total 25")]
    verdict = Verdict(Kind.FAILS, diagnosis="wrong number", correction="15")
    claims = tuple(Claim(span.of(text), span, 1, 1, verdict) for span in spans)
    page = Report("notes.md", document, claims).to_html()
    Page(page)
    assert '<mark class="said fails">25 values</mark>' in page
    assert '<strong><mark class="said fails">Total 25</mark>' in page


def test_latex_is_shown_to_read() -> None:
    text = r"""\documentclass{article}\newcommand{\R}{\mathbb{R}}
\begin{document}
\section{Two \emph{things}} % a comment
Let $x \in \R$ --- a ``number'' of 5\%.
\begin{itemize}\item One \textbf{bold $y = 1$} word \item Two\end{itemize}
\[ z = 2 \]
\end{document} after"""
    page, _ = page_of(text, "tex")
    main = page[page.index("<main") :]
    assert "<h2>Two <em>things</em></h2>" in main
    assert "comment" not in main
    assert "— a “number” of 5%." in main
    assert "<strong>bold <span" in main
    assert main.count("<li>") == main.count("</li>") == 2
    assert "after" not in main
    assert "<mi>ℝ</mi>" in main


def test_notebooks_show_their_code() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Week\n", "$a = 1$"]},
        {"cell_type": "code", "source": "print('<b>')", "outputs": [{"text": "secret"}]},
    ]
    page, _ = page_of(json.dumps({"cells": cells, "nbformat": 4}), "ipynb")
    assert "<h2>Week</h2>" in page
    assert "print(&#x27;&lt;b&gt;&#x27;)" in page
    assert "secret" not in page


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1)) [b](vbscript:x) [c](data:text/html,x) <javascript:alert(1)>",
    "![x](javascript:alert(1) \"<script>\")",
    "[x](http://a.example/\"onmouseover=alert(1) \"y\")",
    "[x](http://a.example/ \"$onclick=alert(1)$\")",
    "<a href=\"$onclick=alert(1)$\">x</a>",
    "$\\text{<script>alert(1)</script>} = 1$",
    "$\\text{</math></details></main><script>alert(1)</script>}$",
    "$\\href{javascript:alert(1)}{x} = \\style{background:url(//e)}{y} \\class{z}{w}$",
    "$\\color{\"><script>}x \\rule{1em\" onload=\"x}{2em}$",
    "$\\unicode{x3c}script\\unicode{x3e} \\text{&#x3c;script&#x3e;&lt;b&gt;}$",
    "$\\operatorname{<b onclick=x>} \\tag{<i>} \\hspace{1em\" onload=\"x}$",
    "$\\begin{array}{c\" onload=\"x} a \\end{array}$",
    "$$\\frac{1}{<svg/onload=alert(1)>$$",
    "# $<img src=x onerror=alert(1)>$ </h1>",
    "| a | $<b>$ |\n|---|---|\n| <i> | $x$ |",
    "- $x$\n  - <b>\n> $$\n> y <script>\n> $$",
    "`<b>$x$`\n\n    <i>$y$</i>\n\n```\n<script>$z$\n```",
    "\ue0000\ue001 \ue0021\ue003x\ue004 $x$ \ue0009\ue001",
    "a\x00b $x\x00$ \x1b[31m \u202e $y = \x1b]0;t\x07$",
    "$" + "{" * 3000 + "x" + "}" * 3000 + "$",
    "$" + "x" * 100_000 + "$",
    "$" + "^" * 500 + "x$ $" + "\\frac" * 300 + "$ $" + "\\left(" * 200 + "$ $x" + "'" * 5000 + "$",
    "$\\newcommand{\\a}{\\a\\a}\\a$ $\\def\\b{<b>}\\b$",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["md", "tex", "ipynb"])
def test_nothing_hostile_reaches_the_page(text: str, kind: FileKind) -> None:
    notes = json.dumps({"cells": [{"cell_type": "markdown", "source": text}]}) if kind == "ipynb" else text
    said = Verdict(
        Kind.FAILS,
        proof="<script>p",
        assumption="<script>a",
        reason="<script>r x_{<b>}",
        correction=text,
        diagnosis="<script>d \\text{<script>}",
        counterexample=Counterexample({"<script>n": "<script>v"}, "<script>l", "<script>r"),
        wrong_terms=(Span(0, 3), Span(2, 900)),
        related_lines=(1,),
    )
    page_of(notes, kind, said, name="<script>n")


def test_every_claim_has_a_place() -> None:
    text = "".join(
        f'$x_{{{n}}} = {n}$ [l](http://a.example/ "$y = {n}$")\n\n    $z = {n}$\n\n' for n in range(4)
    )
    _, page = page_of(text)
    assert page.ids == [f"c{n}" for n in sorted(range(len(page.ids)), key=lambda n: page.ids.index(f"c{n}"))]
    assert len(page.ids) == len(set(page.ids)) == len(read(text, "md").formulas)


# --- formulas


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("x_{1}", "<msub><mi>x</mi><mrow><mn>1</mn></mrow></msub>"),
        ("a < b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        (r"\mathbf{w}^\top", "<msup><mi>𝐰</mi><mo>⊤</mo></msup>"),
        (r"\mathcal{L}", "<mi>ℒ</mi>"),
        (r"\cancel{x}", '<mrow class="struck"><mrow><mi>x</mi></mrow></mrow>'),
        (r"y \log a", '<mi>y</mi><mspace width="0.167em"></mspace><mi>log</mi><mspace width="0.167em"></mspace><mi>a</mi>'),
        (r"\log(a)", '<mi>log</mi><mo stretchy="false">(</mo>'),
        (r"\mathrm{new}", "<mi>new</mi>"),
    ],
)  # fmt: skip
def test_formulas_are_mathml(latex: str, expected: str) -> None:
    assert expected in (mathml(latex) or "")


def test_rows_of_a_display_are_a_table() -> None:
    table = mathml("\\begin{aligned} a &= b \\\\ &= c \\end{aligned}", display=True) or ""
    assert table.count("<mtr>") == 2
    assert 'class="to-right"' in table
    assert "&amp;" not in table


def test_macros_of_the_notes_are_written_out() -> None:
    macros = {
        "R": Macro("R", 0, "\\mathbb{R}"),
        "sq": Macro("sq", 1, "#1^2"),
        "loop": Macro("loop", 0, "\\loop x"),
    }
    assert mathml("x \\in \\R", macros=macros) == mathml("x \\in {\\mathbb{R}}")
    assert mathml("\\sq{x + y}", macros=macros) == mathml("{x + y^2}")
    assert len(shown("\\loop", macros=macros)) < 20_000


@pytest.mark.parametrize(
    ("latex", "span"),
    [("a_{12}", Span(1, 5)), ("\\frac{1}{2}", Span(0, 8)), ("a & b", Span(0, 5)), ("\\alpha", Span(3, 6))],
)
def test_marks_that_cut_through_notation_are_not_made(latex: str, span: Span) -> None:
    assert mathml(latex, marked=(span,)) is None
    assert shown(latex, marked=(span,)).startswith('<span class="all-wrong"><math>')


def test_what_cannot_be_shown_is_shown_as_source() -> None:
    assert shown("a_{", marked=(Span(0, 1),)) == '<code class="latex"><mark class="wrong">a</mark>_{</code>'
    assert source("<b>") == '<code class="latex">&lt;b&gt;</code>'


def test_notation_in_sentences_is_shown_as_formulas() -> None:
    assert worded("x_{11} and not <b>") == f"{mathml('x_{11}')} and not &lt;b&gt;"
    assert worded("a_b_{ c") == "a_b_{ c"
