"""What a derivation document is made of: sections of paragraphs, displays, tables, views, evidence and pictures.

A document is built once; the back ends for LaTeX, HTML and Markdown only lay it out. Text is plain text and is
escaped by each back end; only ``Math`` and ``Line`` hold LaTeX, which our own printer has written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.render.graph_picture import Picture


@dataclass(frozen=True, slots=True)
class Math:
    """A formula inside a sentence."""

    latex: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that matter most in their sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A name or formula as it is typed."""

    text: str


Inline = str | Math | Strong | Code
Text = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences with formulas in them."""

    parts: Text


@dataclass(frozen=True, slots=True)
class Items:
    """A list, numbered where the order matters."""

    items: tuple[Text, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a display: ``left = right``, with the rule that leads to it.

    An empty ``left`` continues the line above.
    """

    left: str
    right: str
    rule: str = ""
    relation: str = "="


@dataclass(frozen=True, slots=True)
class Display:
    """Aligned formulas. ``boxed`` marks a result."""

    lines: tuple[Line, ...]
    boxed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; ``align`` has one of l, c, r for each column, or p for words that may be broken."""

    head: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    align: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One way to state a result."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Views:
    """The same result entry by entry, as an index sum and as a named operation, beside each other."""

    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One piece of evidence: how it was obtained, what was compared and whether it agrees.

    ``agrees`` is None where the comparison was not possible.
    """

    kind: str
    detail: Text
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a result may be believed."""

    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part, with its parts inside it."""

    title: Text
    blocks: tuple[Block, ...]


Block = Paragraph | Items | Display | Table | Views | Evidence | Picture | Section


def plain(text: Text) -> str:
    """The words of a title, for contents and bookmarks; formulas as their letters."""
    return "".join(part if isinstance(part, str) else _plain(part) for part in text)


def _plain(part: Math | Strong | Code) -> str:
    if not isinstance(part, Math):
        return part.text
    spoken = part.latex.replace(r"\partial ", "∂").replace(r"\,", " ")
    spoken = re.sub(r"\\(?:operatorname|mathrm|text)\{([^{}]*)\}", r"\1", spoken)
    return re.sub(r"[{}\\]", "", spoken).replace("_", "")


def sections(blocks: tuple[Block, ...]) -> Iterator[Section]:
    """The sections among blocks."""
    return (block for block in blocks if isinstance(block, Section))


def text(template: str, **formulas: str) -> Text:
    """A sentence with formulas: ``text("the bias {b} is added", b="b_{o}")``; ``{{`` is not needed.

    >>> text("so {z} follows", z="z_{1}")
    ('so ', Math(latex='z_{1}'), ' follows')
    """
    parts: list[Inline] = []
    for place, piece in enumerate(re.split(r"\{(\w+)\}", template)):
        if place % 2:
            parts.append(Math(formulas[piece]))
        elif piece:
            parts.append(piece)
    return tuple(parts)


def sentence(template: str, **formulas: str) -> Paragraph:
    """A paragraph of one sentence or more, see ``text``."""
    return Paragraph(text(template, **formulas))
