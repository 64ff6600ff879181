"""LaTeX source to blocks of text: comments, verbatim text and macro definitions are blanked."""

from __future__ import annotations

import re

from symcnn.notes.extract_scan import ENVIRONMENTS, Block, scan
from symcnn.notes.parser_macros import definition
from symcnn.notes.tokens import Macro

_VERBATIM = "verbatim|Verbatim|lstlisting|minted|comment|filecontents|alltt"
_PIECE = re.compile(
    rf"\\begin\s*\{{(?P<verbatim>(?:{_VERBATIM})\*?)\}}"
    r"|\\(?:verb|lstinline)\*?(?P<bar>[^A-Za-z\s*{])|(?P<off>\\iffalse\b)"
    r"|(?P<definition>\\(?:new|renew|provide)command|\\DeclareRobustCommand|\\DeclareMathOperator|\\g?def)(?![A-Za-z])"
    r"|\\(?P<command>[A-Za-z]+|.)|(?P<comment>%)",
    re.DOTALL,
)
_PARAGRAPH = re.compile(r"(?:\r?\n[ \t]*){2,}")
_HEADING = re.compile(r"\s*\\(?:title|chapter|(?:sub)*section|paragraph)\b")
_ENVIRONMENT_END = re.compile(r"\\(begin|end)\s*\{([A-Za-z]+)\*?\}")

MAX_BLANK_LINES = 4


def read_tex(text: str) -> tuple[list[Block], dict[str, Macro]]:
    """The blocks of a LaTeX source, and its macros; before `\\begin{document}` stand macros only."""
    plain, macros = _plain(text)
    body = plain.find("\\begin{document}")
    start = 0 if body < 0 else body + len("\\begin{document}")
    finish = plain.find("\\end{document}", start)
    end = len(plain) if finish < 0 else finish
    return [
        scan(plain[begin:stop], begin, heading=_HEADING.match(plain[begin:stop]) is not None, code=False)
        for begin, stop in _paragraphs(plain, start, end)
    ], macros


def _plain(text: str) -> tuple[str, dict[str, Macro]]:
    """The source with everything blanked that is no text to read; the length stays."""
    pieces: list[str] = []
    macros: dict[str, Macro] = {}
    at = done = 0
    while (match := _PIECE.search(text, at)) is not None:
        end = _blank_end(text, match)
        if match["definition"] is not None:
            found = definition(text, match.start())
            if found is not None:
                macros[found[0].name] = found[0]
                end = found[1]
        if end is None:
            shorthand = macros.get(match["command"] or "")
            at = match.end()
            opened = shorthand and _ENVIRONMENT_END.fullmatch(shorthand.body.strip())
            if opened and len(opened.group()) and opened[2] in ENVIRONMENTS:
                pieces += [text[done : match.start()], _display_mark(opened[1], match.end() - match.start())]
                done = at
            continue
        pieces += [text[done : match.start()], re.sub(r"[^\r\n]", " ", text[match.start() : end])]
        at = done = end
    return "".join([*pieces, text[done:]]), macros


def _display_mark(which: str, length: int) -> str:
    """`\\be` and `\\ee`, where the source defines them as the ends of a display, as marks of their length."""
    return ("\\[" if which == "begin" else "\\]").ljust(length)


def _blank_end(text: str, match: re.Match[str]) -> int | None:
    """Where a comment or verbatim text that begins at the match ends, or None for anything else."""
    if match["comment"] is not None:
        line_end = text.find("\n", match.start())
        return len(text) if line_end < 0 else line_end
    closing = ""
    if match["verbatim"] is not None:
        closing = f"\\end{{{match['verbatim']}}}"
    elif match["off"] is not None:
        closing = "\\fi"
    elif match["bar"] is not None:
        closing = match["bar"]
    if not closing:
        return None
    end = text.find(closing, match.end())
    return len(text) if end < 0 else end + len(closing)


def _paragraphs(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Stretches between blank lines; a display with a few blank lines in it stays whole."""
    stretches: list[tuple[int, int]] = []
    begin, crossed = start, 0
    for match in _PARAGRAPH.finditer(text, start, end):
        if crossed < MAX_BLANK_LINES and _inside_display(text[begin : match.start()]):
            crossed += 1
            continue
        stretches.append((begin, match.start()))
        begin, crossed = match.end(), 0
    return [part for stretch in [*stretches, (begin, end)] for part in _apart(text, *stretch)]


def _apart(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """A heading apart from the text that follows it without a blank line; other stretches whole."""
    heading = _HEADING.match(text, begin, end)
    opening = text.find("{", heading.end(), end) if heading is not None else -1
    depth = 0
    for place in range(opening, end) if opening >= 0 else ():
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            rest = place + 1
            return [(begin, rest), *(_apart(text, rest, end) if text[rest:end].strip() else [])]
    return [(begin, end)]


def _inside_display(text: str) -> bool:
    """Whether a display begins in `text` and does not end there."""
    depth = 0
    for match in _ENVIRONMENT_END.finditer(text):
        if match[2] in ENVIRONMENTS:
            depth += 1 if match[1] == "begin" else -1
    return depth > 0 or text.count("\\[") > text.count("\\]") or text.count("$$") % 2 == 1
