"""Formulas and prose are found where they stand; mistakes in delimiters hide none."""

import json
import time
from pathlib import Path

import pytest

from symcnn.core.errors import SymcnnError
from symcnn.notes.extract import Kind, decoded, extract, load, read
from symcnn.notes.tokens import NotationError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "notes"


def found(text: str, kind: Kind = "md") -> list[str]:
    document = read(text, kind)
    for formula in document.formulas:
        assert len(document.text[formula.span.start : formula.span.end]) == len(formula.latex)
        assert formula.outer.start <= formula.span.start <= formula.span.end <= formula.outer.end
    return [formula.latex for formula in document.formulas]


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("a $x$ b $y + 1$, c", ["x", "y + 1"]),
        ("$x$-axis, ($y$), $z$.", ["x", "y", "z"]),
        ("$ x $ and $ \\alpha + 1 $ and $ 3 $", ["x", "\\alpha + 1", "3"]),
        ("$a$$b$", ["a", "b"]),
        ("$$a$$ $$b$$ and $$c$$", ["a", "b", "c"]),
        ("\\(x\\) and \\[ y \\] and \\\\(z\\\\)", ["x", "y", "z"]),
        ("\\[\na\n= b\n\\]", ["a\n= b"]),
        ("see \\[1\\] and \\(note this\\)", []),
        (
            "\\begin{align}\na &= b \\\\\n\n&= c\n\\end{align}",
            ["\\begin{align}\na &= b \\\\\n\n&= c\n\\end{align}"],
        ),
        ("x \\begin{equation*} a \\end{equation*} y", ["\\begin{equation*} a \\end{equation*}"]),
        ("it costs $5 and $10", []),
        ("from $5 to $10, or US$ 5 and US$ 6.", []),
        ("$100/month and $200/month", []),
        ("costs \\$5 for $x$", ["x"]),
        ("`$x$` and ``a ` $y$`` but $z$", ["z"]),
        ("an odd ` tick, $z$", ["z"]),
        ("```\n$x$\n```\n~~~\n$y$\n~~~\n$z$", ["z"]),
        ("text\n\n    $code$\n\n$z$", ["z"]),
        ("<!-- $x$ -->\n\n<pre>$y$</pre>\n\n<div>$z$</div>", ["z"]),
        ("# Head $x$\n\nTitle $y$\n=====", ["x", "y"]),
        ("| a | $b$ |\n|---|---|\n| $|c|$ | d |", ["b", "|c|"]),
        ("- one $a$\n- two\n  $$\n  b\n  $$\n1. three $c$", ["a", "b", "c"]),
        ("- item $$\n  a\n  $$\n- $b$", ["a", "b"]),
        ("[link $x$](http://a.b/$c) **bold $y$**", ["x", "y"]),
        ("$`a`$ and $b$", ["a", "b"]),
        ("$$\na\n- b\n\n+ c\n= d\n$$\n", ["a\n- b\n\n+ c\n= d"]),
        ("text\n$$\na\n$$\ntext $b$", ["a", "b"]),
        ("$\\text{if $x$ then} y$ z", ["\\text{if $x$ then} y"]),
        ("$a\nb$\n\n$c", ["a\nb"]),
        ("", []),
        ("$$$$ $$ $$", []),
    ],
)
def test_markdown(text: str, formulas: list[str]) -> None:
    assert found(text) == formulas


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("last\n\n$$ x = 1 $", ["x = 1"]),
        ("$$ a = b $\n\ntext\n\n$$ c = d $$\n", ["a = b", "c = d"]),
        ("$$ a = b\n\ntext $q$ and\n\n$$ c = d $$\n", ["a = b", "q", "c = d"]),
        ("$$ a = b\n", ["a = b"]),
        ("see $a = b$$ and more", ["a = b"]),
        ("unclosed $\\frac{a}{b}\n\nnext $x$", ["\\frac{a}{b}", "x"]),
    ],
)
def test_a_mistaken_delimiter_hides_no_formula(text: str, formulas: list[str]) -> None:
    assert found(text) == formulas


def test_a_quoted_display_loses_its_quote_marks_but_no_position() -> None:
    text = "> $$\n> a\n> = b\n> $$\n> and $c$"
    document = read(text, "md")
    assert [f.latex for f in document.formulas] == ["a\n  = b", "c"]
    place = document.formulas[0]
    assert text[place.span.start + place.latex.index("=") :].startswith("= b")


def test_places_count_from_one() -> None:
    formulas = extract("one $x$\r\n\r\n$$\r\n  y\r\n$$\r\n", "md")
    assert [(f.line, f.column, f.display) for f in formulas] == [(1, 6, False), (4, 3, True)]


def test_prose_keeps_its_place_and_blanks_formulas() -> None:
    text = "# Sizes\n\nfilter ($3 \\times 3$) = 9 parameters, `code 7`\n\n```\nno 8\n```\n- item 25"
    document = read(text, "md")
    assert [(p.kind, p.line) for p in document.prose] == [("heading", 1), ("paragraph", 3), ("paragraph", 8)]
    paragraph = document.prose[1]
    assert "9 parameters" in paragraph.text
    assert "3" not in paragraph.text
    assert "7" not in paragraph.text
    at = paragraph.span.start + paragraph.text.index("9")
    assert document.text[at] == "9"
    assert document.place(at) == (3, text.splitlines()[2].index("9") + 1)


TEX = r"""\documentclass{article}
\newcommand{\R}{\mathbb{R}} \def\be{\begin{equation}} \def\ee{\end{equation}}
\newcommand{\half}[2][1]{\frac{#1}{#2}} \DeclareMathOperator*{\argmax}{arg\,max}
\begin{document}
\section{Intro} Let $x \in \R$ % comment $no$
\begin{verbatim} $no$ \end{verbatim} \verb|$no$|
\begin{equation}\label{a} a = b % c $no$
 + c
\end{equation}
\[ x = 1 \] $$ y $$ \( z \) costs \$5, 50\% of $w$.
\be q = 1 \ee
\begin{align*} u &= v \\[2pt]

&= w \end{align*}
\end{document} $no$
"""


def test_tex() -> None:
    document = read(TEX, "tex")
    expected = [
        "x \\in \\R",
        "\\begin{equation}\\label{a} a = b         \n + c\n\\end{equation}",
        "x = 1",
        "y",
        "z",
        "w",
        "q = 1",
        "\\begin{align*} u &= v \\\\[2pt]\n\n&= w \\end{align*}",
    ]
    assert [f.latex for f in document.formulas] == expected
    assert {"R", "half", "argmax"} <= set(document.macros)
    assert document.macros["half"].parameters == 2
    assert document.macros["half"].default == "1"
    assert document.formulas[0].line == 5


def notebook(*sources: object) -> str:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": source} for source in sources]
    cells.insert(1, {"cell_type": "code", "metadata": {}, "source": ["$no$"]})
    return json.dumps({"cells": cells, "nbformat": 4}, indent=1)


def test_notebook_places_are_those_of_the_file() -> None:
    text = notebook(["# T\n", '$x = \\frac{1}{2}$ "q"\n', "$$\n", "a = é\\tau\n", "$$"], "b $y$")
    document = read(text, "ipynb")
    assert [(f.latex, f.cell) for f in document.formulas] == [
        ("x = \\frac{1}{2}", 1),
        ("a = é\\tau", 1),
        ("y", 3),
    ]
    for formula in document.formulas:
        line = text.splitlines()[formula.line - 1]
        assert line[formula.column - 1 :].startswith(formula.latex[0])


def test_rewriting_touches_nothing_else() -> None:
    text = notebook(["$x = \\frac{1}{2}$\n", "$$\n", "a\n", "+ b\n", "$$ é 😀"], "b $y$")
    document = read(text, "ipynb")
    assert document.rewritten([]) == text
    first, second, third = document.formulas
    new = document.rewritten([(third.span, "w"), (first.span, 'x = "\\beta"'), (second.span, "c")])
    cells = json.loads(new)["cells"]
    assert "".join(cells[0]["source"]) == '$x = "\\beta"$\n$$\nc\n$$ é 😀'
    assert cells[1] == json.loads(text)["cells"][1]
    assert cells[2]["source"] == "b $w$"


def test_rewriting_markdown() -> None:
    document = read("a $x$\r\nb $$y$$", "md")
    spans = [f.span for f in document.formulas]
    assert document.rewritten([(spans[1], "z"), (spans[0], "w")]) == "a $w$\r\nb $$z$$"
    with pytest.raises(ValueError, match="overlap"):
        document.rewritten([(spans[0], "a"), (spans[0], "b")])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"cells": [{"cell_type": "markdown", "source": 3}]}',
        "[" * 10_000,
        '{"a": 1' + "0" * 5000 + "}",
    ],
)
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(NotationError, match=r"notebook|source of cell"):
        read(text, "ipynb")


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(NotationError, match="0xff in line 2"):
        decoded(b"abc\n\xff")


def test_files_are_told_by_their_suffix(tmp_path: Path) -> None:
    notes = tmp_path / "notes.MD"
    notes.write_bytes(b"a $x$\r\n")
    assert load(notes).text.endswith("\r\n")
    other = tmp_path / "notes.pdf"
    other.write_text("x")
    with pytest.raises(SymcnnError, match=r"\.ipynb, came notes\.pdf"):
        load(other)


@pytest.mark.parametrize("kind", ["md", "tex"])
@pytest.mark.parametrize(
    "text",
    [
        "$$\n\n" * 5000,
        "$ " * 20000,
        "$a$$" * 10000,
        "`".join("a" * length for length in range(200)),
        "\\[" * 20000,
        "\\begin{align}" * 5000,
        ">" * 5000 + "$x$",
        "<!--" * 10000,
        "{$" * 10000,
        "$$ a $\n\n" * 5000,
        "\0$x$\0",
        "\\",
    ],
)
def test_hostile_text_takes_little_time(text: str, kind: Kind) -> None:
    start = time.perf_counter()
    read(text, kind)
    assert time.perf_counter() - start < 3


def test_the_sample_notes() -> None:
    path = SHARED / "cnn-backprop.md"
    if not path.exists():
        pytest.skip("the sample notes are not beside the checkout")
    document = load(path)
    assert len(document.formulas) == 102
    assert all(f.span.of(document.text) == f.latex for f in document.formulas)
    assert document.formulas[-1].latex.startswith("\\frac{\\partial L}{\\partial f_2} = \\text{sum}")
    gold = json.loads((SHARED / "cnn-backprop.gold.json").read_text(encoding="utf-8"))
    lines = {claim["line"] for claim in gold if claim["where"] == "math"}
    assert lines == {f.line for f in document.formulas}
    prose = {claim["line"] for claim in gold if claim["where"] == "prose"}
    covered = {
        line for p in document.prose for line in range(p.line, p.line + p.text.strip().count("\n") + 1)
    }
    assert prose <= covered
