"""The notes' own text as HTML, with a place for each formula and each marked sentence.

Formulas are taken out of the text before it is rendered, and put in at the end, in running text only: so what
stands in a formula never meets Markdown, and what stands in an attribute is never a formula.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from symcnn.notes.extract import Document
from symcnn.notes.marks import Span
from symcnn.notes.report_marks import visible
from symcnn.notes.report_tex import tex_html

LONGEST = 400_000
"""Longer notes are shown as plain text: rendering Markdown that is made to be slow takes long."""

FORMULA_OPEN, FORMULA_CLOSE, MARK_OPEN, MARK_NAMED, MARK_CLOSE = (
    "\ue000",
    "\ue001",
    "\ue002",
    "\ue003",
    "\ue004",
)
_OWN = re.compile(f"[{FORMULA_OPEN}-{MARK_CLOSE}]")
_FORMULA = re.compile(f"{FORMULA_OPEN}(\\d+){FORMULA_CLOSE}")
_MARK = re.compile(f"{MARK_OPEN}(\\d+){MARK_NAMED}([^<{MARK_OPEN}{MARK_CLOSE}]*){MARK_CLOSE}")
_LEFT = re.compile(f"{FORMULA_OPEN}\\d+{FORMULA_CLOSE}|{MARK_OPEN}\\d+{MARK_NAMED}|{MARK_CLOSE}")
_LINK = re.compile(r"(?:https?:|mailto:)", re.IGNORECASE)

Inside = Callable[[int], str]
After = Callable[[Sequence[int]], str]


class Filler:
    """Puts formulas and marks into finished text, and remembers which have found their place.

    inside: the HTML of a formula, or of the marked sentence with this number; after: what stands below the
    block in which they occur.
    """

    def __init__(self, inside: Inside, after: After, mark: Callable[[int, str], str]) -> None:
        self.inside = inside
        self.after = after
        self.mark = mark
        self.placed: set[int] = set()
        self.pending: list[int] = []

    def fill(self, text: str) -> str:
        """`text`, which is HTML without attributes, with its formulas and marks."""
        text = _MARK.sub(self._marked, text)
        return _LEFT.sub("", _FORMULA.sub(self._formula, text))

    def below(self) -> str:
        """What stands below the block that ends here."""
        pending, self.pending = self.pending, []
        return self.after(pending) if pending else ""

    def _formula(self, match: re.Match[str]) -> str:
        number = int(match[1])
        self.placed.add(number)
        self.pending.append(number)
        return self.inside(number)

    def _marked(self, match: re.Match[str]) -> str:
        number = int(match[1])
        self.placed.add(number)
        self.pending.append(number)
        return self.mark(number, match[2])


def notes_html(
    document: Document, holes: Mapping[int, Span], marks: Mapping[int, Span], filler: Filler
) -> str:
    """The notes as HTML; `holes` are formulas with their delimiters, `marks` sentences, by number."""
    source = _OWN.sub("\ufffd", document.text)
    if document.kind == "ipynb" and document.notebook is not None:
        return _cells_html(document, source, holes, marks, filler)
    text = _with_holes(source, 0, len(source), holes, marks)
    if document.kind != "tex":
        return _markdown_html(text, filler)
    return tex_html(text, filler) if len(text) <= LONGEST else plain_html(text, filler)


def _with_holes(
    source: str, start: int, end: int, holes: Mapping[int, Span], marks: Mapping[int, Span]
) -> str:
    """A stretch of the text with formulas taken out and marks put in."""
    changes: list[tuple[int, int, str]] = []
    done = start
    for number, span in sorted(holes.items(), key=lambda item: item[1]):
        if start <= span.start and span.end <= end and span.start >= done:
            changes.append((span.start, span.end, f"{FORMULA_OPEN}{number}{FORMULA_CLOSE}"))
            done = span.end
    cut = [(begin, stop) for begin, stop, _ in changes]
    for number, span in marks.items():
        if (
            start <= span.start
            and span.end <= end
            and not any(a < span.end and span.start < b for a, b in cut)
        ):
            changes.append((span.start, span.start, f"{MARK_OPEN}{number}{MARK_NAMED}"))
            changes.append((span.end, span.end, MARK_CLOSE))
    parts: list[str] = []
    at = start
    for begin, stop, new in sorted(changes):
        parts += [source[at:begin], new]
        at = stop
    return "".join([*parts, source[at:end]])


def _cells_html(
    document: Document, source: str, holes: Mapping[int, Span], marks: Mapping[int, Span], filler: Filler
) -> str:
    """The cells of a notebook: Markdown as text, code as code, outputs left out."""
    assert document.notebook is not None
    bounds = {number: (start, end) for number, start, end in document.notebook.cells}
    parts: list[str] = []
    for number, cell in enumerate(json.loads(document.file.lstrip("\ufeff \t\r\n"))["cells"], 1):
        if number in bounds:
            text = _with_holes(source, *bounds[number], holes, marks)
            parts.append(f'<div class="cell">{_markdown_html(text, filler)}</div>')
        elif isinstance(cell, dict) and cell.get("cell_type") == "code":
            lines = cell.get("source")
            code = "".join(str(line) for line in lines) if isinstance(lines, list) else str(lines)
            parts.append(f'<pre class="cell">{escape(visible(code))}</pre>')
    return "\n".join(parts)


def _markdown_html(text: str, filler: Filler) -> str:
    if len(text) > LONGEST:
        return plain_html(text, filler)
    markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    renderer = markdown.renderer
    assert isinstance(renderer, _Renderer)
    renderer.filler = filler
    return str(markdown.render(text))


def plain_html(text: str, filler: Filler) -> str:
    """Paragraphs of text as they stand."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.strip():
            parts.append(f'<div class="p">{filler.fill(escape(visible(paragraph)))}</div>{filler.below()}')
    return "\n".join(parts)


class _Renderer(RendererHTML):
    """Markdown without raw HTML, without images, and with links that lead to the web or to mail only."""

    filler: Filler

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return self.filler.fill(escape(visible(tokens[idx].content)))

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<code>{self.filler.fill(escape(visible(tokens[idx].content)))}</code>"

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        content = tokens[idx].content
        filled = self.filler.fill(escape(visible(content)))
        if _FORMULA.fullmatch(content.strip()):  # a display that is indented as code is
            return f'<div class="p">{filled}</div>{self.filler.below()}'
        return f"<pre>{filled}</pre>{self.filler.below()}"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return self.code_block(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        alt = self.renderInlineAsText(tokens[idx].children or [], options, env)
        return f'<span class="image">image{": " if alt else ""}{_LEFT.sub("", escape(visible(alt)))}</span>'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        address = str(tokens[idx].attrGet("href") or "")
        if not _LINK.match(address) or _OWN.search(address):
            return "<a>"
        return f'<a href="{escape(visible(address))}" rel="noopener noreferrer nofollow">'

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "</a>"

    def paragraph_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "" if tokens[idx].hidden else '<div class="p">'

    def paragraph_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return ("" if tokens[idx].hidden else "</div>\n") + self.filler.below()

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<{_lower(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"</{_lower(tokens[idx].tag)}>\n{self.filler.below()}"

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return '<div class="scroll"><table>'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"</table></div>\n{self.filler.below()}"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "<th>"

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "<td>"


def _lower(tag: str) -> str:
    """A heading one level down: the page has a title of its own."""
    return f"h{min(int(tag[1:]) + 1, 6)}"
