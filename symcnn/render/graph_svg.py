"""A laid-out picture as inline SVG, in the page's own colours."""

from __future__ import annotations

from html import escape

from symcnn.render.graph_layout import BEHIND, LINE, Curve, Label, Rectangle, drawing
from symcnn.render.graph_picture import Picture

LEAST = 480.0  # a narrow page scrolls a picture rather than to shrink it further
ROUND = {"value": 14, "layer": 6, "block": 2, "run": 2, "join": 16, "loss": 6}


def svg(picture: Picture) -> str:
    """A figure with its caption; it shrinks with the page and has no parts outside itself."""
    drawn = drawing(picture)
    body = "".join(
        [*map(_arrow, drawn.curves), *map(_label, drawn.labels), *(_box(r) for r in drawn.rectangles)]
    )
    marker = (
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0 1 L7 4 L0 7 z"/></marker></defs>'
    )
    caption = escape(picture.caption)
    wide, tall = drawn.width + BEHIND, drawn.height + BEHIND
    style = f"width:{wide:.0f}px;min-width:{min(wide, LEAST):.0f}px"
    return (
        f'<figure class="graph"><svg viewBox="0 0 {wide:.0f} {tall:.0f}" role="img" aria-label="{caption}" '
        f'style="{style}">{marker}{body}</svg><figcaption>{caption}</figcaption></figure>'
    )


def _arrow(curve: Curve) -> str:
    path = f"M{_point(curve.start)}"
    for piece in curve.pieces:
        bend = "L" if piece.bend is None else f"C{_point(piece.bend[0])} {_point(piece.bend[1])} "
        path += bend + _point(piece.to)
    return f'<path d="{path}" class="arrow"/>'


def _point(at: tuple[float, float]) -> str:
    return f"{at[0]:.1f} {at[1]:.1f}"


def _label(label: Label) -> str:
    side = "shape before" if label.before else "shape after"
    return f'<text x="{label.at[0]:.1f}" y="{label.at[1] + 4:.1f}" class="{side}">{escape(label.text)}</text>'


def _box(r: Rectangle) -> str:
    left = r.x - r.width / 2
    offsets = (BEHIND, 0) if r.box.kind == "run" else (0,)
    drawn = "".join(
        f'<rect x="{left + k:.1f}" y="{r.y + k:.1f}" width="{r.width:.1f}" height="{r.height:.1f}" '
        f'rx="{ROUND[r.box.kind]}" class="{r.box.kind}"/>'
        for k in offsets
    )
    first = r.y + (r.height - LINE * len(r.box.lines)) / 2 + 13
    for number, words in enumerate(r.box.lines):
        style = "name" if number == 0 else "shape"
        drawn += f'<text x="{r.x:.1f}" y="{first + LINE * number:.1f}" class="{style}">{escape(words)}</text>'
    return f"<g><title>{escape(r.box.name)}</title>{drawn}</g>"
