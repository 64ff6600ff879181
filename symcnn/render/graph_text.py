"""A picture for readers of plain text: the paths through the graph as lines of arrows."""

from __future__ import annotations

from symcnn.render.document_model import Items, Paragraph, Text
from symcnn.render.graph_picture import Box, Picture


def in_words(picture: Picture) -> tuple[Paragraph | Items, ...]:
    """A chain in words; of any other graph the paths by names, each edge once, and what the picture shows."""
    if picture.is_chain:
        return (Paragraph((" → ".join(_words(box) for box in picture.boxes),)),)
    return Paragraph((f"{picture.caption}:",)), Items(tuple(paths(picture)))


def paths(picture: Picture) -> list[Text]:
    """Paths that hold every edge once; each goes on until it meets one before it or an end."""
    readers = {box.name: [b.name for b in picture.boxes if box.name in b.reads] for box in picture.boxes}
    met: set[str] = set()
    found: list[Text] = []
    for box in picture.boxes:
        while readers[box.name]:
            path = [box.name]
            while readers[path[-1]] and (len(path) == 1 or path[-1] not in met):
                path.append(readers[path[-1]].pop(0))
                met.add(path[-2])
            found.append((" → ".join(path),))
    return found


def _words(box: Box) -> str:
    return ", ".join(box.lines)
