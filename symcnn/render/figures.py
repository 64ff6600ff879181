"""Figures: a network as a chain of boxes, laid out once and drawn in TikZ, in SVG or as a line of text."""

from __future__ import annotations

from collections.abc import Callable
from html import escape as html_escape

from symcnn.render.document_model import Flow, Node, Text, plain

PER_ROW = 5


def rows(flow: Flow) -> list[tuple[Node, ...]]:
    """The boxes row by row, rows of equal length where that is possible."""
    count = len(flow.nodes)
    lines = -(-count // PER_ROW)
    length = -(-count // lines)
    return [flow.nodes[start : start + length] for start in range(0, count, length)]


def tikz(flow: Flow, inline: Callable[[Text], str]) -> str:
    """The chain as a TikZ picture."""
    drawn: list[str] = []
    number = 0
    for row, nodes in enumerate(rows(flow)):
        for column, node in enumerate(nodes):
            place = f"({3.1 * column:.1f},{-2.0 * row:.1f})"
            caption = rf"\\{{\scriptsize {inline(node.caption)}}}" if node.caption else ""
            drawn.append(rf"\node[layer] (n{number}) at {place} {{{inline(node.label)}{caption}}};")
            if number and column:
                drawn.append(rf"\draw[flow] (n{number - 1}) -- (n{number});")
            elif number:
                drawn.append(rf"\draw[flow] (n{number - 1}.south) -- ++(0,-0.3) -| (n{number}.north);")
            number += 1
    lines = "\n".join(drawn)
    return (
        "\\begin{center}\n\\begin{tikzpicture}\n" + lines + "\n\\end{tikzpicture}\n\n"
        f"\\smallskip{{\\small {inline((flow.caption,))}}}\n\\end{{center}}"
    )


def svg(flow: Flow) -> str:
    """The chain as an inline SVG picture, in the page's own colours."""
    width, height, across, down = 128, 50, 156, 84
    grid = rows(flow)
    wide = across * max(len(nodes) for nodes in grid) + 8
    tall = down * len(grid) - 20
    drawn: list[str] = []
    for row, nodes in enumerate(grid):
        for column, node in enumerate(nodes):
            x, y = 8 + across * column, 8 + down * row
            drawn.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>')
            drawn.append(_label(x + width / 2, y + (21 if node.caption else 30), plain(node.label), "name"))
            if node.caption:
                drawn.append(_label(x + width / 2, y + 38, plain(node.caption), "shape"))
            if column + 1 < len(nodes):
                drawn.append(
                    f'<path d="M{x + width} {y + height / 2:g} h{across - width - 6}" class="arrow"/>'
                )
            elif row + 1 < len(grid):
                turn = f"v{(down - height) / 2:g} H{8 + width / 2:g} v{(down - height) / 2 - 6:g}"
                drawn.append(f'<path d="M{x + width / 2:g} {y + height} {turn}" class="arrow"/>')
    body = "".join(drawn)
    marker = (
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="1" refY="4" orient="auto">'
        '<path d="M0 1 L7 4 L0 7 z"/></marker></defs>'
    )
    caption = html_escape(flow.caption)
    return (
        f'<figure class="flow"><svg viewBox="0 0 {wide} {tall}" role="img" aria-label="{caption}" '
        f'style="max-width:{wide}px">{marker}{body}</svg><figcaption>{caption}</figcaption></figure>'
    )


def _label(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:g}" y="{y}" class="{kind}">{html_escape(words)}</text>'


def line_of_text(flow: Flow) -> str:
    """The chain as one line, with arrows."""
    return " → ".join(plain(node.label) for node in flow.nodes)
