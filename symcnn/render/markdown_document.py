"""A document as Markdown with formulas between dollar signs."""

from __future__ import annotations

import re

from symcnn.render.document_model import (
    Block,
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
)
from symcnn.render.graph_picture import Picture
from symcnn.render.graph_text import in_words
from symcnn.render.latex_measure import broken
from symcnn.render.latex_text import escape as latex_escape
from symcnn.render.loader import render

WIDTH = 44.0
MARK = {True: "✓", False: "✗", None: "–"}
ALIGN = {"l": ":--", "c": ":-:", "r": "--:", "p": ":--"}


def document_markdown(title: str, lead: tuple[Block, ...], parts: tuple[Section, ...]) -> str:
    """The whole file."""
    body = "\n\n".join([*blocks_markdown(lead, 1), *(p for part in parts for p in section_markdown(part, 2))])
    return render("markdown/document.md.jinja", title=escape(title), body=body)


def section_markdown(section: Section, level: int) -> list[str]:
    """A section under its heading."""
    return [f"{'#' * min(level, 6)} {inline(section.title)}", *blocks_markdown(section.blocks, level + 1)]


def blocks_markdown(blocks: tuple[Block, ...], level: int) -> list[str]:
    """Paragraphs of Markdown."""
    return [part for block in blocks for part in block_markdown(block, level)]


def block_markdown(block: Block, level: int) -> list[str]:
    """One block as paragraphs."""
    match block:
        case Paragraph():
            return [inline(block.parts)]
        case Items():
            marks = (f"{k + 1}." if block.numbered else "-" for k in range(len(block.items)))
            return [
                "\n".join(f"{mark} {inline(item)}" for mark, item in zip(marks, block.items, strict=True))
            ]
        case Display():
            return [display(block)]
        case Table():
            return [table(block)]
        case Views():
            return [
                part
                for view in block.views
                for part in (f"**{escape(view.title)}**", *blocks_markdown(view.blocks, level))
            ]
        case Evidence():
            return [
                "\n".join(f"- {MARK[c.agrees]} *{escape(c.kind)}*: {inline(c.detail)}" for c in block.checks)
            ]
        case Picture():
            return [part for words in in_words(block) for part in block_markdown(words, level)]
        case Section():
            return section_markdown(block, level)


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
            return f"**{escape(part.text)}**"
        case Code():
            return f"`{part.text.replace('`', chr(39))}`"


def escape(text: str) -> str:
    """``text`` without the letters that Markdown, HTML or a formula would begin with."""
    return re.sub(r"([\\`*_{}\[\]<>#$|&~])", r"\\\1", text.replace("\n", " "))


def display(block: Display) -> str:
    """Aligned lines; the rule of a line stands in a last column."""
    if len(block.lines) == 1 and not block.lines[0].rule:
        line = block.lines[0]
        pieces = broken(line.right, WIDTH, WIDTH)
        if len(pieces) == 1:
            formula = f"{line.left} {line.relation} {line.right}" if line.right else line.left
            boxed = rf"\boxed{{{formula.strip()}}}" if block.boxed else formula.strip()
            return f"$$\n{boxed}\n$$"
    rows = [row for line in block.lines for row in _rows(line)]
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


def _rows(line: Line) -> list[str]:
    note = rf" && \text{{{latex_escape(line.rule)}}}" if line.rule else ""
    relation = line.relation if line.right else ""
    first, *more = broken(line.right, WIDTH, WIDTH - 2)
    rows = [f"{line.left} &{relation} {first}", *(rf"&\quad {{}} {piece}" for piece in more)]
    return [*rows[:-1], rows[-1] + note]


def table(block: Table) -> str:
    """A table after its caption."""
    head = " | ".join(inline(cell) for cell in block.head)
    rule = " | ".join(ALIGN[letter] for letter in block.align)
    rows = "\n".join(f"| {' | '.join(inline(cell) for cell in row)} |" for row in block.rows)
    caption = f"*{escape(block.caption)}*\n\n" if block.caption else ""
    return f"{caption}| {head} |\n| {rule} |\n{rows}"
