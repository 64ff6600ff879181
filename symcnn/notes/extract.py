"""Formulas and prose of a Markdown, LaTeX or notebook file, each with its place in the file.

Positions come first: a formula's text has the length of its slice of the document, because comments and quote
marks are blanked with spaces rather than cut out. So an edit of a part of a formula is an edit of the file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from symcnn.core.errors import LimitExceeded
from symcnn.notes.extract_markdown import read_markdown
from symcnn.notes.extract_notebook import Notebook, escaped, read_notebook
from symcnn.notes.extract_scan import Block, Found, line_starts
from symcnn.notes.extract_tex import read_tex
from symcnn.notes.marks import Span
from symcnn.notes.parser_macros import without_definitions
from symcnn.notes.parser_names import spelled_names
from symcnn.notes.tokens import Macro, NotationError

Kind = Literal["md", "tex", "ipynb"]

MAX_BYTES = 4_000_000
KINDS: Mapping[str, Kind] = {".md": "md", ".markdown": "md", ".tex": "tex", ".ipynb": "ipynb"}


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula.

    latex: what stands between the delimiters, without outer spaces; environments keep `\\begin` and `\\end`.
    span, outer: where that is in `Document.text`, without and with delimiters.
    line, column: of the first character of the LaTeX, in the file, from 1.
    cell: the notebook cell, from 1.
    """

    latex: str
    span: Span
    outer: Span
    line: int
    column: int
    display: bool
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Prose:
    """A block of running text, `span` of the document with formulas, code and quote marks blanked."""

    text: str
    span: Span
    line: int
    kind: Literal["paragraph", "heading"]
    cell: int | None = None


BOM = "\ufeff"
"""The mark that some editors put at the start of a UTF-8 file; it is kept, and counts as no column."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was read: the text, its formulas and prose in order, and the macros that it defines.

    For a notebook `text` is the text of its Markdown cells, and `file` the JSON around them.
    """

    kind: Kind
    text: str
    formulas: tuple[Formula, ...]
    prose: tuple[Prose, ...]
    macros: Mapping[str, Macro]
    file: str
    notebook: Notebook | None = None
    names: frozenset[str] = frozenset()
    """Words that the formulas use as names, typed as bare letters."""
    _lines: tuple[int, ...] = field(default=(), repr=False)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, in the file, of an offset into `text`."""
        at = offset if self.notebook is None else self.notebook.in_file(offset)
        line = bisect_right(self._lines, at)
        column = at - self._lines[line - 1] + 1
        return line, column - 1 if line == 1 and at > 0 and self.file.startswith(BOM) else column

    def rewritten(self, edits: Iterable[tuple[Span, str]]) -> str:
        """The file with each span of `text` replaced; everything else stays, byte for byte.

        Raises ValueError for spans that overlap.
        """
        result: list[str] = []
        done = 0
        for span, new in sorted(edits, key=lambda edit: edit[0]):
            start, end = span.start, span.end
            if self.notebook is not None:
                start, end = self.notebook.in_file(start), self.notebook.end_in_file(end)
                new = escaped(new)
            if start < done:
                raise ValueError(f"edits must not overlap, came two at character {start + 1} of the file")
            result += [self.file[done:start], new]
            done = end
        return "".join([*result, self.file[done:]])


def load(path: Path) -> Document:
    """The document in a file; its kind is told by the suffix: .md, .markdown, .tex or .ipynb.

    Raises NotationError for another suffix or a text that is not UTF-8, LimitExceeded for a large file.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise NotationError(f"expected a file named {' '.join(KINDS)}, came {path.name}", 0)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise LimitExceeded(f"{path.name} has {size} bytes; notes can have at most {MAX_BYTES}")
    return read(decoded(path.read_bytes()), kind)


def decoded(data: bytes) -> str:
    """The text of a file. Raises NotationError, with the line, where it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8 text, came byte 0x{data[error.start]:02x} in line {line}"
        raise NotationError(message, error.start) from None


def read(text: str, kind: Kind) -> Document:
    """The formulas and prose of a file's text.

    Raises NotationError where a notebook is not JSON of the notebook format.
    """
    file = text
    if file.startswith(BOM):
        text = " " + file[1:]  # the same places; no reader has to know the mark
    notebook = None
    if kind == "ipynb":
        notebook = read_notebook(text)
        source, blocks = notebook.text, []
        for number, start, end in notebook.cells:
            blocks += [block.moved(start, number) for block in read_markdown(source[start:end])]
        macros: dict[str, Macro] = {}
    elif kind == "tex":
        source = text
        blocks, macros = read_tex(text)
    else:
        source, macros = text, {}
        blocks = read_markdown(text)
    lines = tuple(line_starts(text))
    empty = Document(kind, source, (), (), {}, file, notebook, _lines=lines)
    formulas = [_formula(block, found, empty) for block in blocks for found in block.formulas]
    for formula in formulas:
        macros.update(without_definitions(formula.latex)[1])
    prose = [one for block in blocks if (one := _prose(block, empty)) is not None]
    names = spelled_names(formula.latex for formula in formulas)
    return Document(kind, source, tuple(formulas), tuple(prose), macros, file, notebook, names, lines)


def extract(text: str, kind: Kind) -> list[Formula]:
    """The formulas of a file's text, in order. Raises as `read` does."""
    return list(read(text, kind).formulas)


def _formula(block: Block, found: Found, document: Document) -> Formula:
    raw = block.text[found.start - block.start : found.end - block.start]
    latex = raw.strip()
    start = found.start + len(raw) - len(raw.lstrip())
    line, column = document.place(start)
    span, outer = Span(start, start + len(latex)), Span(found.outer_start, found.outer_end)
    return Formula(latex, span, outer, line, column, found.display, block.cell)


def _prose(block: Block, document: Document) -> Prose | None:
    """The running text of a block, or None where there is none; a heading counts without words too."""
    text = block.prose
    if not text.strip() and not block.heading:
        return None
    line, _ = document.place(block.start + len(text) - len(text.lstrip()))
    kind: Literal["paragraph", "heading"] = "heading" if block.heading else "paragraph"
    return Prose(text, Span(block.start, block.start + len(text)), line, kind, block.cell)
