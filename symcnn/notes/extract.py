"""Formulas and prose of a Markdown, LaTeX or notebook file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from symcnn.notes.tokens import Macro
from symcnn.notes.tree import Span

Kind = Literal["md", "tex", "ipynb"]


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula; `latex == document.text[span.start:span.end]` up to blanked comments and quote marks."""

    latex: str
    span: Span  # of the LaTeX in Document.text, without delimiters
    outer: Span  # with delimiters
    line: int  # of the first character of the LaTeX, in the file, from 1
    column: int
    display: bool
    cell: int | None = None  # notebook cell, from 1


@dataclass(frozen=True, slots=True)
class Prose:
    """A block of running text; formulas and code are blanked out with spaces, so offsets into it are exact."""

    text: str
    span: Span
    line: int
    kind: Literal["paragraph", "heading"]
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What was read: the text, its formulas and prose in order, and the macros that it defines."""

    text: str
    formulas: tuple[Formula, ...]
    prose: tuple[Prose, ...]
    macros: Mapping[str, Macro]


def read(text: str, kind: Kind) -> Document:
    """The formulas and prose of a file's text."""
    raise NotImplementedError


def extract(text: str, kind: Kind) -> list[Formula]:
    """The formulas of a file's text, in order."""
    return list(read(text, kind).formulas)
