"""A document as LaTeX that pdflatex sets with its recommended packages: long formulas are broken, nothing sticks out."""

from __future__ import annotations

import re

from symcnn.render.document_model import (
    Block,
    Check,
    Code,
    Display,
    Evidence,
    Inline,
    Items,
    Line,
    Math,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
    Views,
    plain,
)
from symcnn.render.graph_picture import Picture
from symcnn.render.graph_tikz import tikz
from symcnn.render.latex_measure import broken, width
from symcnn.render.latex_text import bookmark, escape
from symcnn.render.loader import render

TEXT_WIDTH = 39.0
INDENT = 2.0
HEADINGS = ("section", "subsection", "subsubsection", "paragraph")
BREAKABLE = re.compile(r"[,+*/=(\]] ?")
COLUMNS = {"l": "l", "c": "c", "r": "r", "p": r">{\raggedright\arraybackslash}p{0.3\linewidth}"}
MOST_ROWS = 36
MARK = {True: r"$\checkmark$", False: r"$\times$", None: "--"}


def document_latex(title: str, lead: tuple[Block, ...], sections: tuple[Section, ...]) -> str:
    """The whole ``.tex`` file."""
    body = "\n".join([blocks_latex(lead, 0), r"\contents", *(section_latex(s, 0) for s in sections)])
    return render("latex/document.tex.jinja", title=escape(title), subject=bookmark(title), body=body)


def section_latex(section: Section, depth: int) -> str:
    """A section with its heading, whose bookmark has no formulas."""
    heading = HEADINGS[min(depth, len(HEADINGS) - 1)]
    title = rf"\texorpdfstring{{{inline(section.title)}}}{{{bookmark(plain(section.title))}}}"
    return f"\n\\{heading}{{{title}}}\n{blocks_latex(section.blocks, depth + 1)}"


def blocks_latex(blocks: tuple[Block, ...], depth: int, room: float = TEXT_WIDTH) -> str:
    """Blocks one after the other, in a column ``room`` em wide."""
    written = []
    for block, after in zip(blocks, (*blocks[1:], None), strict=True):
        # A paragraph that ends in a display is not ended by an empty line, which would add space.
        end = "\n" if isinstance(block, Paragraph) and not isinstance(after, Display) else ""
        written.append(block_latex(block, depth, room) + end)
    return "\n".join(written)


def block_latex(block: Block, depth: int, room: float) -> str:
    """One block."""
    match block:
        case Paragraph():
            return inline(block.parts)
        case Items():
            name = "enumerate" if block.numbered else "itemize"
            items = "\n".join(rf"\item {inline(item)}" for item in block.items)
            return f"\\begin{{{name}}}\n{items}\n\\end{{{name}}}"
        case Display():
            return display(block, room)
        case Table():
            return table(block)
        case Views():
            return "\n".join(
                f"\\view{{{escape(view.title)}}}\n{blocks_latex(view.blocks, depth, room)}"
                for view in block.views
            )
        case Evidence():
            items = "\n".join(_check(check) for check in block.checks)
            return f"\\begin{{evidence}}\n{items}\n\\end{{evidence}}"
        case Picture():
            return tikz(block)
        case Section():
            return section_latex(block, depth)


def inline(parts: Text) -> str:
    """A sentence."""
    return "".join(_inline(part) for part in parts)


def _inline(part: Inline) -> str:
    match part:
        case str():
            return escape(part)
        case Math():
            return f"${part.latex}$"
        case Strong():
            return rf"\textbf{{{escape(part.text)}}}"
        case Code():
            return rf"\code{{{BREAKABLE.sub(_and_break, escape(part.text))}}}"


def _and_break(found: re.Match[str]) -> str:
    return rf"{found.group()}\allowbreak{{}}"


def _check(check: Check) -> str:
    return rf"\item[{MARK[check.agrees]}] \textit{{{escape(check.kind)}}}: {inline(check.detail)}"


def display(block: Display, room: float = TEXT_WIDTH) -> str:
    """Aligned lines; the rule of a line stands at the right margin."""
    rows: list[str] = []
    if block.boxed and len(block.lines) == 1 and _boxable(block.lines[0], room):
        line = block.lines[0]
        return f"\\[\n\\boxed{{{line.left} {line.relation} {line.right}}}\n\\]"
    left = max(width(line.left) for line in block.lines)
    for line in block.lines:
        rows += _rows(line, left, room)
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _boxable(line: Line, room: float) -> bool:
    return width(f"{line.left} = {line.right}") < room - 2 and not line.rule


def _rows(line: Line, left: float, room: float) -> list[str]:
    note = rf" \rulename{{{escape(line.rule)}}}" if line.rule else ""
    space = room - left - 2.0
    pieces = broken(line.right, space, space - INDENT)
    pieces = [_squeezed(piece, space - (INDENT if k else 0.0)) for k, piece in enumerate(pieces)]
    relation = line.relation if line.right else ""
    first = rf"{line.left} &{relation} {pieces[0]}"
    more = [rf"&\quad {{}} {piece}" for piece in pieces[1:]]
    return [*[first, *more][:-1], [first, *more][-1] + note]


def _squeezed(piece: str, space: float) -> str:
    """A piece that cannot be broken and is too wide is scaled down."""
    if width(piece) <= space:
        return piece
    return rf"\squeezed{{{space / TEXT_WIDTH:.3f}\linewidth}}{{{piece}}}"


def table(block: Table) -> str:
    """A table under its caption, made smaller where it is wider than the page, cut where it is much longer."""
    rows = [block.rows[start : start + MOST_ROWS] for start in range(0, len(block.rows) or 1, MOST_ROWS)]
    return "\n".join(_table(block, part, k, len(rows)) for k, part in enumerate(rows, start=1))


def _table(block: Table, part: tuple[tuple[Text, ...], ...], number: int, count: int) -> str:
    head = " & ".join(inline(cell) for cell in block.head)
    written = [" & ".join(inline(cell) for cell in row) for row in part]
    space = "\n\\addlinespace" if any(r"\begin{bmatrix}" in row for row in written) else ""
    rows = f" \\\\{space}\n".join(written)
    lines = f"\\toprule\n{head} \\\\\n\\midrule\n{rows} \\\\\n\\bottomrule"
    columns = "".join(COLUMNS[letter] for letter in block.align)
    caption = escape(block.caption + (f" ({number} of {count})" if count > 1 else ""))
    return f"\\begin{{fittedtable}}{{{columns}}}{{{caption}}}\n{lines}\n\\end{{fittedtable}}"
