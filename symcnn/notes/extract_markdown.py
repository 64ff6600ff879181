"""Markdown to blocks of text: code stays out, displays stay whole, quote marks are blanked.

markdown-it tells blocks from each other; a rule of our own keeps it from taking the lines of a display for
lists, headings or code.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from symcnn.notes.extract_scan import ENVIRONMENTS, Block, display_end, line_starts, scan

_OPENING = re.compile(r"\$\$|\\\\?\[|\\begin\s*\{([A-Za-z]+\*?)\}")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_CODE_IN_HTML = re.compile(r"<(pre|code|script|style)\b.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def read_markdown(text: str) -> list[Block]:
    """The blocks of a Markdown text, in order."""
    starts = [*line_starts(text), len(text)]
    blocks: list[Block] = []
    heading = False
    for token in _markdown().parse(text, {}):
        if token.type == "heading_open":
            heading = True
        elif token.type == "inline":
            blocks.append(_inline_block(text, starts, token, heading))
            heading = False
        elif token.type == "math_block":
            blocks.append(_display_block(text, starts, token))
        elif token.type == "html_block" and token.map is not None:
            start, end = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
            blocks.append(scan(_CODE_IN_HTML.sub(_spaces, text[start:end]), start))
    return blocks


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"maxNesting": 40})
    alternatives: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.core.ruler.enableOnly(["normalize", "block"])  # what stands inside a paragraph is read here
    markdown.block.ruler.before("code", "math_block", _math_block, alternatives)
    return markdown


def _inline_block(text: str, starts: list[int], token: Token, heading: bool) -> Block:
    """The lines of a paragraph or heading, with what marks them as quote, list or heading blanked."""
    first, last = _lines(token)
    pieces: list[str] = []
    contents = token.content.split("\n")
    for number in range(first, last):
        raw = text[starts[number] : starts[number + 1]]
        content = contents[number - first].strip() if number - first < len(contents) else ""
        column = raw.rfind(content) if content else 0
        pieces.append(" " * max(column, 0) + raw[max(column, 0) :])
    return scan("".join(pieces), starts[first], heading=heading)


def _display_block(text: str, starts: list[int], token: Token) -> Block:
    first, last = _lines(token)
    pieces: list[str] = []
    for number, column in zip(range(first, last), token.meta["columns"], strict=True):
        raw = text[starts[number] : starts[number + 1]]
        pieces.append(" " * min(column, len(raw.rstrip("\r\n"))) + raw[column:] if raw.strip() else raw)
    return scan("".join(pieces), starts[first])


def _spaces(match: re.Match[str]) -> str:
    return re.sub(r"[^\r\n]", " ", match.group())


def _lines(token: Token) -> tuple[int, int]:
    return (token.map[0], token.map[1]) if token.map else (0, 0)


def _math_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A display that begins a line and ends on a later one, or that is never closed."""
    begin = state.bMarks[start_line] + state.tShift[start_line]
    match = _OPENING.match(state.src, begin, state.eMarks[start_line])
    if match is None or (silent and _is_open(state, begin, match.group())):
        return False
    limit = state.eMarks[end_line - 1]
    end = _display_block_end(state, match, limit)
    if end is None or end <= state.eMarks[start_line]:
        return False
    if silent:
        return True
    last = bisect_left(state.eMarks, end, start_line, end_line)
    token = state.push("math_block", "math", 0)
    token.map = [start_line, last + 1]
    line_begins = [state.eMarks[line - 1] + 1 if line else 0 for line in range(start_line, last + 1)]
    columns = [state.bMarks[line] for line in range(start_line, last + 1)]
    token.meta = {"columns": [mark - begins for mark, begins in zip(columns, line_begins, strict=True)]}
    state.line = last + 1
    return True


def _is_open(state: StateBlock, begin: int, mark: str) -> bool:
    """Whether the paragraph that this line would end has a `$$` open: then this one closes it."""
    return mark == "$$" and state.src.count("$$", state.bMarks[state.line], begin) % 2 == 1


def _display_block_end(state: StateBlock, match: re.Match[str], limit: int) -> int | None:
    """Where the display ends, or None where none begins."""
    text = state.src
    if match.group() != "$$":
        name = match[1]
        if name is not None and name.rstrip("*") not in ENVIRONMENTS:
            return None
        closing = f"\\end{{{name}}}" if name else match.group()[:-1] + "]"
        end = text.find(closing, match.end(), limit)
        return None if end < 0 else end + len(closing)
    _, end = display_end(text, match.start(), limit)
    blank = _BLANK_LINE.search(text, match.end(), end)
    if blank is not None and _belongs_to_next(state, end):
        return blank.start()
    return end


def _belongs_to_next(state: StateBlock, end: int) -> bool:
    """Whether the `$$` that ends at `end`, after a blank line, opens another display: the rest pairs up."""
    doubles: list[int] = state.env.setdefault("double dollars", [])
    if not doubles:
        doubles += [match.start() for match in re.finditer(r"\$\$", state.src)]
    return (len(doubles) - bisect_left(doubles, end - 2)) % 2 == 0
