"""A document as one self-contained HTML page: MathML, inline style, no script, contents, light and dark."""

from __future__ import annotations

import re
from html import escape

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
    plain,
    sections,
)
from symcnn.render.graph_picture import Picture
from symcnn.render.graph_svg import svg
from symcnn.render.latex_measure import broken, width
from symcnn.render.loader import render
from symcnn.render.mathml import mathml

WIDTH = 40.0
BESIDE = {1: 38.0, 2: 22.0}  # for views beside each other; NARROW for more
NARROW = 16.0
MARK = {
    True: '<span class="yes">✓</span>',
    False: '<span class="no">✗</span>',
    None: '<span class="open">–</span>',
}
RULES = {"l": "left", "c": "center", "r": "right", "p": "left words"}


def document_html(title: str, lead: tuple[Block, ...], parts: tuple[Section, ...]) -> str:
    """The whole page."""
    names = Anchors()
    body = blocks_html(lead, 1, names)
    contents: list[str] = []
    written: list[str] = []
    for part in parts:
        written.append(section_html(part, 2, names))
        contents.append(_entry(part, names))
    return render(
        "html/document.html.jinja",
        title=title,
        lead=body,
        contents="".join(contents),
        body="\n".join(written),
    )


class Anchors:
    """Names for sections: readable, unique and stable."""

    def __init__(self) -> None:
        self.of: dict[int, str] = {}
        self.used: dict[str, int] = {}

    def name(self, section: Section) -> str:
        if id(section) not in self.of:
            base = (
                re.sub(r"[^a-z0-9]+", "-", plain(section.title).replace("∂", "d").lower()).strip("-")
                or "part"
            )
            count = self.used[base] = self.used.get(base, 0) + 1
            self.of[id(section)] = base if count == 1 else f"{base}-{count}"
        return self.of[id(section)]


def _entry(section: Section, names: Anchors) -> str:
    inner = "".join(_entry(part, names) for part in sections(section.blocks))
    below = f"<ul>{inner}</ul>" if inner else ""
    return f'<li><a href="#{names.name(section)}">{inline(section.title)}</a>{below}</li>'


def section_html(section: Section, level: int, names: Anchors) -> str:
    """A section under its heading."""
    heading = f"h{min(level, 6)}"
    anchor = names.name(section)
    title = f'<{heading}><a class="anchor" href="#{anchor}">{inline(section.title)}</a></{heading}>'
    return f'<section id="{anchor}">{title}\n{blocks_html(section.blocks, level + 1, names)}</section>'


def blocks_html(blocks: tuple[Block, ...], level: int, names: Anchors, room: float = WIDTH) -> str:
    """Blocks one after the other, in a column ``room`` em wide."""
    return "\n".join(block_html(block, level, names, room) for block in blocks)


def block_html(block: Block, level: int, names: Anchors, room: float) -> str:
    """One block."""
    match block:
        case Paragraph():
            return f"<p>{inline(block.parts)}</p>"
        case Items():
            name = "ol" if block.numbered else "ul"
            return f"<{name}>{''.join(f'<li>{inline(item)}</li>' for item in block.items)}</{name}>"
        case Display():
            return display(block, room)
        case Table():
            return table(block)
        case Views():
            inner = "".join(
                f'<div class="view"><h6>{escape(view.title)}</h6>'
                f"{blocks_html(view.blocks, level, names, BESIDE.get(len(block.views), NARROW))}</div>"
                for view in block.views
            )
            return f'<div class="views">{inner}</div>'
        case Evidence():
            return evidence(block)
        case Picture():
            return svg(block)
        case Section():
            return section_html(block, level, names)


def inline(parts: Text) -> str:
    """A sentence."""
    return "".join(_inline(part) for part in parts)


def _inline(part: Inline) -> str:
    match part:
        case str():
            return escape(part)
        case Math():
            return mathml(part.latex)
        case Strong():
            return f"<strong>{escape(part.text)}</strong>"
        case Code():
            return f"<code>{escape(part.text)}</code>"


def display(block: Display, room: float = WIDTH) -> str:
    """Aligned lines in three columns: left side, right side, rule."""
    ruled = any(line.rule for line in block.lines)
    left = max(width(line.left) for line in block.lines) + 2
    rows = "".join(row for line in block.lines for row in _rows(line, left, room))
    kinds = " boxed" * block.boxed + " ruled" * ruled
    return f'<div class="display{kinds}"><table>{rows}</table></div>'


def _rows(line: Line, left: float, room: float) -> list[str]:
    relation = f"{line.relation} " if line.right else ""
    space = room - left
    pieces = broken(line.right, space, space - 2)
    rows = []
    for place, piece in enumerate(pieces):
        name = mathml(line.left, display=True) if place == 0 and line.left else ""
        formula = rf"{{}} {relation}{piece}" if place == 0 else rf"\quad {{}} {piece}"
        rule = (
            f'<span class="rule">{escape(line.rule)}</span>' if place == len(pieces) - 1 and line.rule else ""
        )
        rows.append(
            f'<tr><td class="left">{name}</td><td class="right">{mathml(formula, display=True)}</td>'
            f'<td class="why">{rule}</td></tr>'
        )
    return rows


def table(block: Table) -> str:
    """A table under its caption."""
    sides = [RULES[letter] for letter in block.align]
    head = "".join(f'<th class="{s}">{inline(c)}</th>' for s, c in zip(sides, block.head, strict=True))
    rows = "".join(
        f"<tr>{''.join(f'<td class={chr(34)}{s}{chr(34)}>{inline(c)}</td>' for s, c in zip(sides, row, strict=True))}</tr>"
        for row in block.rows
    )
    caption = f"<caption>{escape(block.caption)}</caption>" if block.caption else ""
    inner = f"{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    kinds = "data kept" if "p" in block.align else "data"
    return f'<div class="scroll"><table class="{kinds}">{inner}</table></div>'


def evidence(block: Evidence) -> str:
    """The checks, folded under one line that says whether all agree."""
    states = [check.agrees for check in block.checks]
    overall = False if False in states else None if None in states else True
    kinds = ", ".join(dict.fromkeys(check.kind for check in block.checks))
    items = "".join(
        f"<li>{MARK[check.agrees]} <em>{escape(check.kind)}</em>: {inline(check.detail)}</li>"
        for check in block.checks
    )
    return (
        f'<details class="evidence"><summary>{MARK[overall]} Evidence: {escape(kinds)}</summary>'
        f"<ul>{items}</ul></details>"
    )
