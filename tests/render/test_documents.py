"""Documents: what a derivation must hold, in three formats, with everything untrusted made inert."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from symcnn.models import notes
from symcnn.nets.formula import layer
from symcnn.nets.network import Network
from symcnn.nets.spec import bce, flatten, linear, relu, sigmoid
from symcnn.notes.parser import parse
from symcnn.render.document import Document, build
from symcnn.render.document_model import Block, Display, Evidence, Line, Section, Views
from symcnn.render.latex_measure import broken, width
from symcnn.render.latex_text import escape
from symcnn.render.mathml import mathml


@pytest.fixture(scope="module")
def document() -> Document:
    return build(notes())


@pytest.fixture(scope="module")
def mish() -> Document:
    return build(layer("y[i] = x[i]*tanh(softplus(x[i]))", {"x": "N"}))


def blocks(parts: tuple[Block, ...]) -> list[Block]:
    """All blocks, those inside sections and views too."""
    found: list[Block] = []
    for block in parts:
        found.append(block)
        if isinstance(block, Section):
            found += blocks(block.blocks)
        if isinstance(block, Views):
            found += [inner for view in block.views for inner in blocks(view.blocks)]
    return found


def lines(document: Document) -> list[Line]:
    return [line for b in blocks(document.sections) if isinstance(b, Display) for line in b.lines]


def rights(document: Document, left: str) -> list[str]:
    """All right sides for a left side, those of the lines that continue it too."""
    found, current = [], ""
    for line in lines(document):
        current = line.left or current
        if current == left:
            found.append(line.right)
    return found


A = r"a_{2}"


def test_the_chain_has_seven_factors_for_the_filter_and_three_for_the_dense_layer(document: Document) -> None:
    for name, count in (("W_{1}", 7), ("b_{1}", 7), ("W_{2}", 3), ("b_{2}", 3)):
        chain = next(
            r for r in rights(document, rf"\frac{{\partial L}}{{\partial {name}}}") if r"\times" in r
        )
        assert chain.count(r"\frac") == count
        assert chain.endswith(rf"{{\partial {name}}}")


def test_loss_is_derived_line_by_line_for_one_image(document: Document) -> None:
    found = rights(document, rf"\frac{{\partial L}}{{\partial {A}}}")
    assert found[:4] == [
        rf"-\frac{{y}}{{{A}}} + \frac{{1 - y}}{{1 - {A}}}",
        rf"\frac{{{A} \, (1 - y) - y \, (1 - {A})}}{{{A} \, (1 - {A})}}",
        rf"\frac{{{A} + {A} \, y - y - {A} \, y}}{{{A} \, (1 - {A})}}",
        rf"\frac{{{A} - y}}{{{A} \, (1 - {A})}}",
    ]
    product = rights(document, r"\frac{\partial L}{\partial z_{2}}")
    assert rf"\frac{{{A} - y}}{{{A} \, (1 - {A})}} \times {A} \, (1 - {A})" in product
    assert rf"{A} - y" in product


def test_dense_gradients_are_stated_for_images_in_rows_and_in_columns(document: Document) -> None:
    found = rights(document, r"\frac{\partial L}{\partial W_{2}}")
    assert r"\frac{1}{N} \, (A_{2} - Y)^\top \, F" in found
    assert r"\frac{1}{N} \, (A_{2} - Y) \, F^\top" in found


def test_convolution_is_written_out_and_collected(document: Document) -> None:
    assert rights(document, "z_{12}")[-1] == (
        r"b + w_{11} \, x_{12} + w_{12} \, x_{13} + w_{21} \, x_{22} + w_{22} \, x_{23}"
    )
    for place in ("11", "12", "21", "22"):
        assert rights(document, rf"\frac{{\partial z_{{{place}}}}}{{\partial b}}") == ["1"]
    d = r"\frac{\partial L}{\partial z_{%s}}"
    collected = rf"{d % 11} \, x_{{12}} + {d % 12} \, x_{{13}} + {d % 21} \, x_{{22}} + {d % 22} \, x_{{23}}"
    assert collected in rights(document, r"\frac{\partial L}{\partial w_{12}}")
    assert r"\operatorname{conv}\left(x, \frac{\partial L}{\partial z}\right)".replace(" ", "") in [
        r.replace(" ", "") for r in rights(document, r"\frac{\partial L}{\partial W}")
    ]
    assert any("fullconv" in r and "flip" in r for r in rights(document, r"\frac{\partial L}{\partial x}"))


def test_pool_example_places_the_tie_by_the_policy(document: Document) -> None:
    placed = rights(document, r"\frac{\partial L}{\partial x}")
    first = r"0 & 0 & 0 & 0 \\ 0 & g_{1} & 0 & g_{2} \\ 0 & 0 & 0 & 0 \\ g_{3} & 0 & 0 & g_{4}"
    assert any(first in r for r in placed)
    text = document.to_markdown()
    assert first.replace(r"g_{3} & 0", r"0 & g_{3}") in text
    assert r"\frac{g_{3}}{2} & \frac{g_{3}}{2} & 0 & g_{4}" in text
    assert "maximum 22 more than once" in text


def test_each_entry_of_a_window_may_be_its_maximum(document: Document) -> None:
    """An entry of the small case gets the cotangent of the window in which it lies, unless it is not the maximum."""
    window = "x_{11}, x_{12}, x_{21}, x_{22}"
    for place in ("11", "12", "21", "22"):
        expected = rf"\frac{{\partial L}}{{\partial y_{{11}}}} \, \mathbf{{1}}\left[ x_{{{place}}} = \max({window}) \right]"
        assert expected in rights(document, rf"\frac{{\partial L}}{{\partial x_{{{place}}}}}")


def test_every_line_of_a_derivation_has_a_rule_that_the_document_explains(document: Document) -> None:
    text = document.to_markdown()
    rules = {line.rule for line in lines(document) if line.rule}
    assert {"differentiate", "delta contraction", "own output", "common denominator", "cancel"} <= rules
    assert "| delta contraction |" in text


def test_all_evidence_agrees_and_every_gradient_has_some(document: Document, mish: Document) -> None:
    for whole in (document, mish):
        found = [block for block in blocks(whole.sections) if isinstance(block, Evidence)]
        assert found
        for block in found:
            assert block.checks[0].kind == "replay"
            assert all(check.agrees for check in block.checks), block


def test_updates_follow_the_gradients(document: Document) -> None:
    updates = [line for line in lines(document) if line.relation == r"\leftarrow"]
    assert [line.left for line in updates] == ["W_{1}", "b_{1}", "W_{2}", "b_{2}"]


def test_html_is_one_well_formed_page_without_script(document: Document, mish: Document) -> None:
    for page in (document.to_html(), mish.to_html()):
        assert "<script" not in page
        assert not re.search(r"(?:src|href)=\"(?!#)", page)
        body = page[page.index("<main>") : page.index("</body>")].replace("&nbsp;", " ")
        ElementTree.fromstring(body)
        anchors = re.findall(r'href="#([^"]+)"', page)
        assert all(page.count(f'id="{name}"') == 1 for name in anchors)
        for formula in re.findall(r"<math.*?</math>", page, re.DOTALL):
            assert "\\" not in formula


def test_the_notes_reader_reads_every_formula(document: Document, mish: Document) -> None:
    for text in (document.to_markdown(), mish.to_markdown()):
        shown = re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL)
        inline = re.findall(r"\$([^$\n]+)\$", re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL))
        assert shown
        for formula in (*shown, *inline):
            parse(formula.strip())


def test_the_picture_of_a_small_network_names_every_value(document: Document) -> None:
    page = document.to_html()
    for named in ("x: 1×6×6", "z₁: 1×4×4", "a₁: 1×4×4", "p₁: 1×2×2", "f: 4", "z₂: 1", "a₂: 1"):
        assert f">{named}</text>" in page


def test_a_title_and_a_source_are_inert() -> None:
    evil = r"<script>alert(1)</script> \write18{ls} $x$ {{ 7*7 }} %"
    net = Network([flatten(), linear(4, 1), sigmoid(), bce()], (1, 2, 2), title=evil, source=evil)
    document = build(net)
    tex = document.to_latex()
    assert r"\write18" not in tex
    assert r"\textbackslash{}write18\{ls\}" in tex
    assert "<script>" not in document.to_html()
    assert "49" not in document.to_html()[:400]
    assert "<script>" not in document.to_markdown()


def test_a_network_without_convolution_gets_a_document_too() -> None:
    net = Network([flatten(), linear(6, 3), relu(), linear(3, 2), sigmoid(), bce()], (1, 2, 3))
    text = build(net).to_markdown()
    assert r"\frac{\partial L}{\partial W_{1}}" in text


def test_same_bytes_under_another_hash_seed() -> None:
    program = (
        "from symcnn.nets.formula import layer\n"
        "from symcnn.render.document import build\n"
        "d = build(layer('z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])', {'x': 'N,D', 'W': 'K,D', 'b': 'K'}))\n"
        "print(d.to_latex() + d.to_html() + d.to_markdown())\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdflatex_sets_it_without_a_warning(document: Document, mish: Document, tmp_path: Path) -> None:
    for name, whole in (("network", document), ("formula", mish)):
        (tmp_path / f"{name}.tex").write_text(whole.to_latex(), encoding="utf-8")
        for _ in range(3):
            command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
            run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
            assert run.returncode == 0, run.stdout.decode(errors="replace")[-2000:]
        log = (tmp_path / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        assert "Warning" not in log
        wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([0-9.]+)pt", log)]
        assert all(points <= 1 for points in wide), wide


def test_long_formulas_are_broken_where_terms_begin() -> None:
    long = " + ".join(rf"\frac{{a_{{{k}}}}}{{b_{{{k}}}}} \, x_{{{k}}}" for k in range(30))
    pieces = broken(long, 30, 28)
    assert len(pieces) > 1
    assert " ".join(pieces) == long
    assert all(piece.startswith("+") for piece in pieces[1:])
    assert all(width(piece) <= 30 for piece in pieces)


def test_a_formula_without_a_place_to_break_stays_whole() -> None:
    matrix = r"\begin{bmatrix} " + " & ".join("x_{11}" for _ in range(40)) + r" \end{bmatrix}"
    assert broken(matrix, 20, 20) == [matrix]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50% of {a_b}", r"50\% of \{a\_b\}"),
        ("σ′ ≤ 1", r"$\sigma$$'$ $\le$ 1"),
        ("z₁₁", "z$_{1}$$_{1}$"),
        ("é – ł", "é -- ?"),
    ],
)
def test_text_is_escaped_for_latex(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_mathml_mends_what_browsers_would_show_otherwise() -> None:
    assert "<munder><mo" in mathml(r"\arg\max_{r < 2} x_{r}", display=True)
    assert "<mi>mask</mi>" in mathml(r"\mathrm{mask}_{n}")
    assert '<mo stretchy="false">⌊</mo>' in mathml(r"\lfloor h/2 \rfloor")
    assert "𝟏" in mathml(r"\mathbf{1}[z > 0]")
