"""A picture for readers of plain text: a chain as a line of arrows, any other graph as a table of what reads what."""

from __future__ import annotations

from symcnn.render.document_model import Paragraph, Table, Text
from symcnn.render.graph_picture import Box, Picture


def in_words(picture: Picture) -> Table | Paragraph:
    """The picture as a block that needs no drawing."""
    if picture.is_chain:
        return Paragraph((" → ".join(_words(box) for box in picture.boxes),))
    rows: list[tuple[Text, ...]] = [
        ((box.name,), (_words(box),), (", ".join(box.reads) or "–",), (box.shape or "scalar",))
        for box in picture.boxes
    ]
    return Table((("box",), ("what it does",), ("reads",), ("gives",)), tuple(rows), "llll", picture.caption)


def _words(box: Box) -> str:
    return ", then ".join(box.lines)
