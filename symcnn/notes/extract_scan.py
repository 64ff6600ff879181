"""Finding formulas in a stretch of text by their delimiters: dollars, `\\( \\)`, `\\[ \\]`, environments.

Mistakes that do not hide the formula are forgiven: `$$ ... $`, a display that is never closed. Code spans,
escaped dollars and prices are not formulas.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace

from symcnn.notes.parser_tables import ALIGNED

ENVIRONMENTS = ALIGNED - {"aligned", "alignedat", "split", "gathered", "multlined"}
"""Environments that begin a formula where they stand in running text."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_MARK = re.compile(
    r"\\begin\s*\{(?P<environment>[A-Za-z]+\*?)\}|\\\\?(?P<bracket>[(\[])|\\(?P<escaped>.)"
    r"|(?P<ticks>`+)|(?P<link>\]\([^()\s]*\))|(?P<comment><!--)|(?P<dollars>\$\$?)",
    re.DOTALL,
)
_PROSE_WORD = re.compile(r"(?<![\\A-Za-z{_^])[A-Za-z]{2,}")
_MATHEMATICAL = re.compile(r"[\\^_=+<>{}|*/∂∇]")
_DOLLAR = re.compile(r"(?:[^\\$]++|\\.)*+\$", re.DOTALL)
_CITATION = re.compile(r"[\d\s,–-]+")
_NUMBER = re.compile(r"[\d.,]*\d")
_PRICE = re.compile(r"[\d.,]*\d(?:[kKmMbB]\b|\s|[,.;:)]|$)")
MAX_NESTED_DOLLARS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A formula from `start` to `end`, with delimiters from `outer_start` to `outer_end`, in the document."""

    start: int
    end: int
    outer_start: int
    outer_end: int
    display: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the document from `start` on: its text with marks blanked, formulas and running text."""

    start: int
    text: str
    formulas: tuple[Found, ...]
    prose: str
    heading: bool = False
    cell: int | None = None

    def moved(self, by: int, cell: int) -> Block:
        formulas = tuple(
            Found(f.start + by, f.end + by, f.outer_start + by, f.outer_end + by, f.display)
            for f in self.formulas
        )
        return replace(self, start=self.start + by, formulas=formulas, cell=cell)


def line_starts(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def blanked(text: str, start: int, end: int) -> str:
    """`text` with spaces from `start` to `end`; line ends stay."""
    return text[:start] + re.sub(r"[^\r\n]", " ", text[start:end]) + text[end:]


def scan(text: str, start: int, *, heading: bool = False, code: bool = True) -> Block:
    """The formulas in `text`, which stands at offset `start` of the document; `code`: backticks hold code."""
    return _Scan(text, start, code).block(heading)


class _Scan:
    """One pass over a text; offsets inside count from the start of the text."""

    def __init__(self, text: str, start: int, code: bool) -> None:
        self.text = text
        self.start = start
        self.code = code
        self.found: list[Found] = []
        self.blank: list[tuple[int, int]] = []
        self.unmatched: dict[str, int] = {}
        self.absent: set[str] = set()
        self.dollars: list[int] | None = None

    def block(self, heading: bool) -> Block:
        at = 0
        while (match := _MARK.search(self.text, at)) is not None:
            at = self._read(match)
        prose, pieces, place = self.text, [], 0
        for begin, end in sorted(self.blank):
            pieces += [prose[place:begin], re.sub(r"[^\r\n]", " ", prose[begin:end])]
            place = max(place, end)
        return Block(self.start, self.text, tuple(self.found), "".join([*pieces, prose[place:]]), heading)

    def _read(self, match: re.Match[str]) -> int:
        """Reads what begins at a mark; returns where to go on."""
        at = match.start()
        if match["dollars"] is not None:
            return self._display(at) if match["dollars"] == "$$" else self._inline(at)
        if match["bracket"] is not None:
            return self._bracketed(match)
        if match["environment"] is not None:
            return self._environment(match)
        if match["ticks"] is not None:
            return self._code(match) if self.code else match.end()
        if match["link"] is not None:
            return self._skip(match.start() + 1, match.end()) if self.code else match.end()
        if match["comment"] is not None:
            end = self.text.find("-->", match.end())
            return self._skip(at, len(self.text) if end < 0 else end + 3)
        return match.end()

    def _skip(self, begin: int, end: int) -> int:
        self.blank.append((begin, end))
        return end

    def _add(self, begin: int, end: int, outer_begin: int, outer_end: int, display: bool) -> int:
        if self.text[begin:end].strip():
            shift = self.start
            self.found.append(
                Found(begin + shift, end + shift, outer_begin + shift, outer_end + shift, display)
            )
        return self._skip(outer_begin, outer_end)

    def _code(self, match: re.Match[str]) -> int:
        ticks = match["ticks"]
        if self.unmatched.get(ticks, len(self.text)) <= match.start():
            return match.end()
        closing = re.compile(rf"(?<!`){ticks}(?!`)").search(self.text, match.end())
        if closing is None:
            self.unmatched[ticks] = match.start()
            return match.end()
        return self._skip(match.start(), closing.end())

    def _bracketed(self, match: re.Match[str]) -> int:
        r"""`\( \)` and `\[ \]`, also with the doubled backslash that some Markdown needs."""
        opening = match.group()
        if len(opening) == 3 and not self.code:
            return match.start() + 2  # `\\[2pt]` in LaTeX is a line break
        closing = opening[:-1] + {"(": ")", "[": "]"}[opening[-1]]
        end = -1 if closing in self.absent else self.text.find(closing, match.end())
        if end < 0:
            self.absent.add(closing)
        if end < 0 or (self.code and _is_escaped_bracket(self.text[match.end() : end])):
            return match.end()
        return self._add(match.end(), end, match.start(), end + len(closing), opening.endswith("["))

    def _environment(self, match: re.Match[str]) -> int:
        name = match["environment"]
        if name.rstrip("*") not in ENVIRONMENTS:
            return match.end()
        closing = f"\\end{{{name}}}"
        end = self.text.find(closing, match.end())
        end = len(self.text) if end < 0 else end + len(closing)
        return self._add(match.start(), end, match.start(), end, True)

    # --- dollars

    def _display(self, at: int) -> int:
        end, outer_end = display_end(self.text, at, len(self.text))
        return self._add(at + 2, end, at, outer_end, True)

    def _inline(self, at: int) -> int:
        if self.text.startswith("$`", at):
            quoted = self.text.find("`$", at + 2)
            if quoted > 0:
                return self._add(at + 2, quoted, at, quoted + 2, False)
        end = self._inline_end(at)
        if end is None:
            return self._unclosed(at)
        length = 1
        if self.text.startswith("$$", end) and self._dollars_after(end + 2) % 2 == 0:
            length = 2  # `$ ... $$`: the doubled dollar closes, for nothing is left that it could open
        content = self.text[at + 1 : end]
        if not _is_formula(content, self.text[end + length : end + length + 1]):
            return at + 1
        return self._add(at + 1, end, at, end + length, False)

    def _dollars_after(self, at: int) -> int:
        if self.dollars is None:
            self.dollars = [match.start() for match in re.finditer(r"\$", self.text)]
        return len(self.dollars) - bisect_left(self.dollars, at)

    def _inline_end(self, at: int) -> int | None:
        """The closing dollar of the same paragraph; dollars inside `\\text{...}` belong to the inside."""
        end = at
        for _ in range(MAX_NESTED_DOLLARS):
            end = unescaped_dollar(self.text, end + 1)
            if end < 0:
                return None
            if _balanced(self.text[at + 1 : end]):
                return end
        return unescaped_dollar(self.text, at + 1)

    def _unclosed(self, at: int) -> int:
        """A dollar without partner: a formula up to the end of the line if it plainly begins one."""
        line = _LINE_END.search(self.text, at)
        end = line.start() if line else len(self.text)
        content = self.text[at + 1 : end]
        if content[:1].isspace() or content[:1].isdigit() or "\\" not in content:
            return at + 1
        return self._add(at + 1, end, at, end, False)


def display_end(text: str, at: int, limit: int) -> tuple[int, int]:
    """Where the formula that `$$` opens at `at` ends, at most at `limit`, without and with its delimiter.

    A single dollar at the end of a line closes it where the next `$$` begins a line; without any `$$` the end
    of the text does, or the last single dollar.
    """
    closing = _double_dollar(text, at + 2, limit)
    line = _LINE_END.search(text, at + 2, limit if closing < 0 else closing)
    line_end = line.start() if line else limit if closing < 0 else closing
    first_line = text[at + 2 : line_end].rstrip()
    mistaken = first_line.endswith("$") and not first_line.endswith("\\$")
    if mistaken and (closing < 0 or _begins_line(text, closing)):
        end = at + 2 + len(first_line)
        return end - 1, end
    if closing >= 0:
        return closing, closing + 2
    content = text[at + 2 : limit].rstrip()
    end = at + 2 + len(content)
    return (end - 1, end) if content.endswith("$") else (end, end)


def _begins_line(text: str, at: int) -> bool:
    """Whether only spaces stand before `at` on its line."""
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return at == 0 or text[at - 1] in "\r\n"


def unescaped_dollar(text: str, at: int, limit: int | None = None) -> int:
    """The next dollar that no backslash escapes, or -1."""
    match = _DOLLAR.match(text, at, len(text) if limit is None else limit)
    return match.end() - 1 if match else -1


def _double_dollar(text: str, at: int, limit: int) -> int:
    while (at := unescaped_dollar(text, at, limit)) >= 0:
        if text.startswith("$$", at, limit):
            return at
        at += 1
    return -1


def _balanced(content: str) -> bool:
    plain = re.sub(r"\\.", "", content, flags=re.DOTALL)
    return plain.count("{") <= plain.count("}")


def _is_formula(content: str, after: str) -> bool:
    """Whether what stands between two dollars is mathematics rather than the text between two prices."""
    if not content.strip() or after.isdigit():
        return False
    mathematical = _MATHEMATICAL.search(content) is not None
    inner = content.strip()
    words = _PROSE_WORD.findall(content)
    spaced = content != inner
    price = _PRICE.match(inner) is not None and _NUMBER.fullmatch(inner) is None
    if price and not mathematical and (spaced or words):
        return False
    if not mathematical and spaced and words:
        return False
    # Several words in a row are a sentence, whatever signs stand in it.
    return not (spaced and "\\" not in content and len(words) > 3)


def _is_escaped_bracket(content: str) -> bool:
    r"""Whether `\[1\]` or `\(see below\)` are brackets that Markdown wants escaped, not formulas."""
    if _MATHEMATICAL.search(content):
        return False
    return _CITATION.fullmatch(content) is not None or len(_PROSE_WORD.findall(content)) > 0
