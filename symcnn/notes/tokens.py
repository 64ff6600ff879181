"""LaTeX of one formula to tokens, each with the span that it came from; layout is left out.

One pass, linear in the length. Commands keep their name; characters that stand for a command (`×`, `∂`)
become that command. Commands that only lay out (`\\,`, `\\displaystyle`, `\\label{...}`) leave no token.
Nothing is ever executed: a command that is not known is a name like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.core.errors import SymcnnError
from symcnn.notes.marks import Span
from symcnn.notes.parser_tables import (
    CHARACTER_COMMANDS,
    DELIMITERS,
    LAYOUT,
    LAYOUT_WITH_ARGUMENT,
    SCRIPT_CHARACTERS,
    SIZES,
    SUBSCRIPT_CHARACTERS,
    TEXT_COMMANDS,
)

MAX_LENGTH = 20_000
MAX_TEXT_DEPTH = 8


class NotationError(SymcnnError):
    """A formula that cannot be read: what was expected, what came, and its position in the LaTeX from 0."""

    def __init__(self, message: str, position: int) -> None:
        self.position = position
        super().__init__(f"character {position + 1}: {message}")


@dataclass(frozen=True, slots=True)
class Macro:
    """A user's command: `parameters` of them are read, `default` is the value of an optional first one."""

    name: str
    parameters: int
    body: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    kind: letter, digit, char (punctuation, or several that belong together: `:=`), command, text,
    operatorname, open and close (braces), sub, sup, prime, amp, newline, quad, left, right, begin, end, eof.
    text: the letter, the command's name, the text, the delimiter or the environment.
    argument: the columns of an array.
    """

    kind: str
    text: str
    span: Span
    argument: str = ""


_TOKEN = re.compile(
    r"(?P<space>[\s~\x00]+)"
    r"|\\(?P<command>[A-Za-z]+|[^A-Za-z])"
    r"|(?P<char><=>|:=|<=|>=|==|->|=>|\+=|-=|\.\.\.|\*\*)"
    r"|(?P<any>.)",
    re.DOTALL,
)
_KINDS = {
    "{": "open",
    "}": "close",
    "^": "sup",
    "_": "sub",
    "'": "prime",
    "’": "prime",
    "′": "prime",
    "&": "amp",
}
_BRACKET_ARGUMENT = re.compile(r"\s*\[([^\]\[]*)\]")
_LENGTH = re.compile(r"\s*-?[\d.]*\s*(?:em|ex|pt|mu|cm|mm|in|\\[A-Za-z]+)")


def tokenize(latex: str) -> list[Token]:
    """The tokens of `latex`, without an end marker.

    Raises NotationError for a formula that is too long, a brace that is never closed, or a lone backslash.
    """
    if len(latex) > MAX_LENGTH:
        raise NotationError(f"expected at most {MAX_LENGTH} characters, came {len(latex)}", MAX_LENGTH)
    return list(_Lexer(latex, 0, len(latex), 0).tokens())


def braced(latex: str, at: int) -> tuple[int, int] | None:
    """Start and end of what stands in the braces that open at or after `at` (spaces skipped), or None."""
    while at < len(latex) and latex[at].isspace():
        at += 1
    if at >= len(latex) or latex[at] != "{":
        return None
    depth, place = 0, at
    while place < len(latex):
        character = latex[place]
        if character == "\\":
            place += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return at + 1, place
        place += 1
    return None


class _Lexer:
    """Reads `latex[at:end]`; spans count from the start of `latex`."""

    def __init__(self, latex: str, at: int, end: int, depth: int) -> None:
        self.latex = latex
        self.at = at
        self.end = end
        self.depth = depth

    def tokens(self) -> Iterator[Token]:
        while self.at < self.end:
            start = self.at
            match = _TOKEN.match(self.latex, start, self.end)
            if match is None:
                return
            self.at = match.end()
            if match["any"] == "\\":
                raise NotationError("expected a command after the backslash, came the end", start)
            if match["command"] is not None:
                yield from self._command(match["command"], start)
            elif match["space"] is not None:
                if match["space"].count("~") > 2:
                    yield self._token("quad", "quad", start)
            else:
                yield from self._character(match["any"] or match["char"], start)

    def _token(self, kind: str, text: str, start: int, argument: str = "") -> Token:
        return Token(kind, text, Span(start, self.at), argument)

    def _character(self, character: str, start: int) -> Iterator[Token]:
        if character == "%":
            yield from self._percent(start)
        elif character in _KINDS:
            yield self._token(_KINDS[character], character, start)
        elif character in CHARACTER_COMMANDS:
            yield self._token("command", CHARACTER_COMMANDS[character], start)
        elif character in SCRIPT_CHARACTERS or character in SUBSCRIPT_CHARACTERS:
            yield from self._small_characters(self.at - 1)
        elif character.isdigit() and character.isascii():
            yield self._token("digit", character, start)
        elif character.isalpha():
            yield self._token("letter", character, start)
        elif character == "$":
            raise NotationError("expected one formula, came a dollar sign inside it", start)
        elif character == "...":
            yield self._token("command", "dots", start)
        else:
            yield self._token("char", character, start)

    def _small_characters(self, start: int) -> Iterator[Token]:
        """A run of raised or lowered characters, `x⁻¹` or `x₁₂`, as a script in braces."""
        table = SCRIPT_CHARACTERS if self.latex[start] in SCRIPT_CHARACTERS else SUBSCRIPT_CHARACTERS
        while self.at < self.end and self.latex[self.at] in table:
            self.at += 1
        yield Token("sup" if table is SCRIPT_CHARACTERS else "sub", "^", Span(start, start))
        yield Token("open", "{", Span(start, start))
        for place in range(start, self.at):
            text = table[self.latex[place]]
            kind = "digit" if text.isdigit() else "letter" if len(text) == 1 and text.isalpha() else "char"
            yield Token("command" if len(text) > 1 else kind, text, Span(place, place + 1))
        yield Token("close", "}", Span(self.at, self.at))

    def _percent(self, start: int) -> Iterator[Token]:
        """A comment, or a percent sign where a number stands before it."""
        if start > 0 and self.latex[start - 1].isdigit():
            yield self._token("command", "%", start)
            return
        line_end = self.latex.find("\n", start, self.end)
        self.at = self.end if line_end < 0 else line_end + 1

    def _command(self, name: str, start: int) -> Iterator[Token]:
        if name in LAYOUT or name.isspace():
            if name in (";", " ") and self.latex.startswith("\\" + name, self.at, self.end):
                self._skip_repeated("\\" + name)
                yield self._token("quad", "quad", start)
        elif name in SIZES:
            yield from self._sized(SIZES[name], start)
        elif name in ("left", "right"):
            yield self._token(name, self._delimiter(start), start)
        elif name in TEXT_COMMANDS:
            yield from self._text(start)
        elif name in ("operatorname", "operatornamewithlimits"):
            self._star()
            inner = self._braces(name, start)
            words = re.sub(r"\\[,;:! ]|[\s{}]", "", self.latex[inner.start : inner.end])
            yield self._token("operatorname", words.replace("\\", ""), start)
        elif name in ("begin", "end"):
            yield self._environment(name, start)
        elif name in ("\\", "cr", "newline", "tabularnewline"):
            self._star()
            self._optional()
            yield self._token("newline", "newline", start)
        elif name in ("quad", "qquad"):
            yield self._token("quad", "quad", start)
        elif name in LAYOUT_WITH_ARGUMENT:
            yield from self._layout(name, start)
        elif name.isalpha() or name in "{}|%#_&$":
            yield self._token("command", name, start)
        else:
            yield from self._character(name, start)

    def _skip_repeated(self, spacing: str) -> None:
        while self.latex.startswith(spacing, self.at, self.end):
            self.at += len(spacing)

    def _layout(self, name: str, start: int) -> Iterator[Token]:
        """Commands whose argument says nothing about the formula; a wide space separates as `\\quad` does."""
        self._star()
        if name in ("hskip", "kern", "mkern", "mskip", "vskip"):
            length = _LENGTH.match(self.latex, self.at, self.end)
            self.at = length.end() if length else self.at
            return
        if name in ("intertext", "shortintertext"):
            yield self._token("newline", "newline", start)
            yield from self._text(start)
            yield Token("newline", "newline", Span(self.at, self.at))
            return
        self._optional()
        for _ in range(LAYOUT_WITH_ARGUMENT[name]):
            self._braces(name, start)
        if name == "hspace" and "{-" not in self.latex[start : self.at]:
            yield self._token("quad", "quad", start)

    def _sized(self, side: str, start: int) -> Iterator[Token]:
        """`\\big(` and the like; where the side is said (`\\bigl|`), a bar opens or closes."""
        delimiter = self._delimiter(start)
        if delimiter in ("|", "||") and side:
            yield self._token(
                "command", ("l" if side == "l" else "r") + ("vert" if delimiter == "|" else "Vert"), start
            )
        elif delimiter in ("|", "||", "(", ")", "[", "]", "/", "<", ">"):
            name = {"||": "Vert"}.get(delimiter, delimiter)
            yield self._token("command" if name == "Vert" else "char", name, start)
        elif delimiter != ".":
            yield self._token("command", delimiter, start)

    def _delimiter(self, start: int) -> str:
        while self.at < self.end and self.latex[self.at].isspace():
            self.at += 1
        match = _TOKEN.match(self.latex, self.at, self.end)
        if match is not None:
            name = match["command"] or self.latex[self.at]
            spelled = "\\" + name if match["command"] else name
            if spelled in DELIMITERS:
                self.at += len(spelled)
                return DELIMITERS[spelled]
        raise NotationError("expected a delimiter such as ( or | here", start)

    def _braces(self, name: str, start: int) -> Span:
        """The span inside the braces that follow a command."""
        found = braced(self.latex, self.at)
        if found is None or found[1] >= self.end:
            raise NotationError(f"expected a braced argument of \\{name}", start)
        self.at = found[1] + 1
        return Span(*found)

    def _star(self) -> None:
        if self.latex.startswith("*", self.at, self.end):
            self.at += 1

    def _optional(self) -> str:
        match = _BRACKET_ARGUMENT.match(self.latex, self.at, self.end)
        # `\\ [x]` begins a row with a bracket; only a length directly after the command is an argument.
        if match is None or self.latex[self.at : self.at + 1] != "[":
            return ""
        self.at = match.end()
        return match[1]

    def _environment(self, name: str, start: int) -> Token:
        inner = self._braces(name, start)
        environment = self.latex[inner.start : inner.end].strip()
        argument = ""
        if name == "begin":
            self._optional()
            if environment.rstrip("*") in (
                "array",
                "tabular",
                "alignat",
                "alignedat",
                "xalignat",
                "subarray",
            ):
                columns = self._braces(environment, start)
                argument = re.sub(r"[^lcr|]", "", self.latex[columns.start : columns.end])
        return self._token(name, environment, start, argument)

    def _text(self, start: int) -> Iterator[Token]:
        """A text; formulas in dollar signs inside it are read as mathematics."""
        inner = self._braces("text", start)
        if self.depth >= MAX_TEXT_DEPTH:
            raise NotationError(f"expected texts nested at most {MAX_TEXT_DEPTH} deep", start)
        pieces = re.split(r"(?<!\\)\$", self.latex[inner.start : inner.end])
        if len(pieces) % 2 == 0:
            raise NotationError("expected a dollar sign to close the formula inside the text", start)
        place, whole_end = inner.start, self.at
        for number, piece in enumerate(pieces):
            if number % 2:
                yield from _Lexer(self.latex, place, place + len(piece), self.depth + 1).tokens()
            elif piece.strip():
                first, last = number == 0, number == len(pieces) - 1
                span = Span(start if first else place, whole_end if last else place + len(piece))
                yield Token("text", piece, span)
            place += len(piece) + 1
