"""A laid-out picture as TikZ, scaled to the page where it is wider or taller."""

from __future__ import annotations

from symcnn.render.graph_layout import BEHIND, Curve, Label, Rectangle, drawing
from symcnn.render.graph_picture import Picture, pages
from symcnn.render.latex_text import escape

LONGEST_CHAIN, TALLEST = 40, 18  # boxes


def tikz(picture: Picture) -> str:
    """The picture and its caption, in parts where it would be too tall to read on a page."""
    most = LONGEST_CHAIN if picture.is_chain else TALLEST
    return "\n\n".join(_one(part) for part in pages(picture, most))


def _one(picture: Picture) -> str:
    """One picture. One unit is a pixel of the layout; y points down."""
    drawn = drawing(picture)
    lines = [*map(_arrow, drawn.curves), *map(_label, drawn.labels), *map(_box, drawn.rectangles)]
    body = "\n".join(lines)
    return f"\\begin{{fittedpicture}}{{{escape(picture.caption)}}}\n{body}\n\\end{{fittedpicture}}"


def _arrow(curve: Curve) -> str:
    path = _point(curve.start)
    for piece in curve.pieces:
        if piece.bend is None:
            path += f" -- {_point(piece.to)}"
        else:
            path += f" .. controls {_point(piece.bend[0])} and {_point(piece.bend[1])} .. {_point(piece.to)}"
    return rf"\draw[flow] {path};"


def _point(at: tuple[float, float]) -> str:
    return f"({at[0]:.1f},{at[1]:.1f})"


def _label(label: Label) -> str:
    side = "before" if label.before else "after"
    return rf"\node[{side}] at {_point(label.at)} {{{escape(label.text)}}};"


def _box(r: Rectangle) -> str:
    first, *more = [escape(words) for words in r.box.lines]
    text = r"\\".join([first, *(rf"\textcolor{{faint}}{{{words}}}" for words in more)])
    middle = r.y + r.height / 2
    size = f"minimum width={r.width:.0f}\\unit, minimum height={r.height:.0f}\\unit"
    style = f"box, {r.box.kind} box, {size}"
    behind = (
        rf"\node[{style}] at {_point((r.x + BEHIND, middle + BEHIND))} {{}};" if r.box.kind == "run" else ""
    )
    return behind + rf"\node[{style}] at {_point((r.x, middle))} {{{text}}};"
