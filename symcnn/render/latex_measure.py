"""How wide a formula is when it is set, and where a long one may be broken."""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}^_&]|\s+|.", re.DOTALL)
WIDE = {
    "=": 1.35,
    "+": 1.25,
    "-": 1.25,
    "<": 1.35,
    ">": 1.35,
    ",": 0.45,
    ".": 0.3,
    "(": 0.4,
    ")": 0.4,
    "'": 0.3,
}
COMMANDS = {
    **dict.fromkeys([r"\,"], 0.17),
    **dict.fromkeys([r"\;", r"\:"], 0.28),
    **dict.fromkeys([r"\quad"], 1.0),
    **dict.fromkeys([r"\qquad"], 2.0),
    **dict.fromkeys([r"\sum", r"\prod"], 1.5),
    **dict.fromkeys([r"\le", r"\ge", r"\ne", r"\mid", r"\in", r"\leftarrow", r"\times", r"\to"], 1.35),
    **dict.fromkeys([r"\longrightarrow"], 2.2),
    **dict.fromkeys([r"\cdot", r"\odot", r"\ast"], 0.75),
    **dict.fromkeys([r"\left", r"\right", r"\displaystyle", r"\hline", r"\bigl", r"\bigr"], 0.0),
    **dict.fromkeys([r"\log", r"\tanh", r"\exp", r"\max", r"\min", r"\arg"], 1.8),
    **dict.fromkeys([r"\lfloor", r"\rfloor", r"\{", r"\}"], 0.45),
    **dict.fromkeys([r"\vdots"], 0.3),
}
WORDS = (r"\mathrm", r"\operatorname", r"\text", r"\mathbf")
SCRIPT = 0.72
STAGES = ((0, 0), (0, 1), (1, 1), (2, 2))


def width(latex: str) -> float:
    """Width of a displayed formula in em, estimated from above."""
    return Measure(latex).row()


class Measure:
    """A reader of LaTeX mathematics that adds up widths."""

    def __init__(self, latex: str) -> None:
        self.tokens: list[str] = [t for t in TOKEN.findall(latex) if not t.isspace()]
        self.at = 0
        self.depth = 0  # of scripts, in which operators stand without space

    def row(self, until: str = "") -> float:
        """Width up to ``until`` or the end."""
        total, scripts, operator = 0.0, 0.0, 0.0
        while self.at < len(self.tokens) and self.tokens[self.at] != until:
            token = self.tokens[self.at]
            if token in ("^", "_"):
                scripts = max(scripts, self.script())
                continue
            total, scripts = total + max(0.0, scripts - operator), 0.0
            own = self.item()
            operator = own if token in (r"\sum", r"\prod", r"\max", r"\min") else 0.0
            total += own
        return total + max(0.0, scripts - operator)

    def script(self) -> float:
        """Width of a subscript or superscript."""
        self.at += 1
        self.depth += 1
        inner = SCRIPT * self.item()
        self.depth -= 1
        return inner

    def item(self) -> float:
        """Width of the next token with its arguments."""
        if self.at >= len(self.tokens):
            return 0.0
        token = self.tokens[self.at]
        self.at += 1
        if token == "{":
            inside = self.row("}")
            self.at += 1
            return inside
        if token == r"\frac":
            return max(self.item(), self.item()) + 0.25
        if token == r"\sqrt":
            return self.item() + 0.9
        if token in WORDS:
            return self.word() * (0.5 if token != r"\mathbf" else 0.6) + 0.17
        if token == r"\begin":
            return self.rows()
        return self.glyph(token)

    def word(self) -> int:
        """Number of letters in an argument of text."""
        count = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token == "}":
                break
            count += token != "{"
        return count + 1

    def glyph(self, token: str) -> float:
        """Width of one letter or command without arguments."""
        wide = COMMANDS.get(token, WIDE.get(token))
        if wide is not None:
            return min(wide, 0.8) if self.depth else wide
        return 0.78 if token.isupper() else 0.57

    def rows(self) -> float:
        """Width of an environment: that of its columns."""
        name = self.argument()
        if name == "array":
            self.argument()
        columns: list[float] = []
        column, cell = 0, 0.0
        while self.at < len(self.tokens) and self.tokens[self.at] != r"\end":
            token = self.tokens[self.at]
            if token in ("&", r"\\"):
                self.at += 1
                columns = _widest(columns, column, cell)
                column, cell = (column + 1, 0.0) if token == "&" else (0, 0.0)
                continue
            if token in ("^", "_"):
                cell += self.script()
                continue
            cell += self.item()
        columns = _widest(columns, column, cell)
        self.at += 1
        self.argument()
        return sum(columns) + 1.0 * len(columns) + 0.6

    def argument(self) -> str:
        """A braced argument as text."""
        self.at += 1
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at] != "}":
            self.at += 1
        self.at += 1
        return "".join(self.tokens[start : self.at - 1])


def _widest(columns: list[float], column: int, cell: float) -> list[float]:
    grown = columns + [0.0] * (column + 1 - len(columns))
    return [*grown[:column], max(grown[column], cell), *grown[column + 1 :]]


# -- breaking ----------------------------------------------------------------------------------------------


def broken(latex: str, first: float, rest: float) -> list[str]:
    """A formula cut into lines of at most ``first`` and then ``rest`` em, where a mathematician would cut it.

    Before + and −, before = and between factors, at the outermost level at which that helps. A piece that
    cannot be cut stays whole, however wide it is.
    """
    if width(latex) <= first:
        return [latex]
    tries = [_filled(list(_pieces(latex, *where)), first, rest) for where in STAGES]
    for lines in tries:
        if all(width(line) <= (rest if k else first) for k, line in enumerate(lines)):
            return lines
    return max(tries[:2], key=_fit)


def _fit(lines: list[str]) -> float:
    return -max(width(line) for line in lines)


def _filled(pieces: list[str], first: float, rest: float) -> list[str]:
    lines: list[str] = []
    current = ""
    for piece in pieces:
        limit = rest if lines else first
        if current and width(current + piece) > limit:
            lines.append(current.strip())
            current = piece
        else:
            current += piece
    lines.append(current.strip())
    return [_restarted(line) for line in lines]


def _restarted(line: str) -> str:
    """A line that begins between two factors shows that it goes on with a product."""
    if line.startswith(r"\,"):
        return rf"\times {line[2:].strip()}"
    return line[2:].strip() if line.startswith(r"\;") else line


def _pieces(latex: str, depth: int, listed: int) -> Iterator[str]:
    """``latex`` cut wherever it may be; each piece starts with its operator.

    Operators may start a line inside at most ``depth`` brackets, parts of a list inside at most ``listed``.
    """
    level, braces, start, position = 0, 0, 0, 0
    text = _unstretched(latex) if depth or listed else latex
    for match in TOKEN.finditer(text):
        token, position = match.group(), match.start()
        if token in ("{", r"\begin"):
            braces += 1
        elif token in ("}", r"\end"):
            braces -= 1
        elif token in ("(", "[", r"\left"):
            level += 1
        elif token in (")", "]", r"\right"):
            level -= 1
        elif braces == 0 and _may_break(token, text[start:position], level <= depth, level <= listed):
            yield text[start:position]
            start = position
    yield text[start:]


def _may_break(token: str, before: str, operators: bool, lists: bool) -> bool:
    if not before.strip():
        return False
    if lists and token in (r"\;", r"\qquad"):
        return True
    if operators and token in ("+", "-", "="):
        return before.rstrip()[-1:] not in ("(", "[", "=", "{", ",")
    return operators and token in (r"\,", r"\cdot", r"\times") and width(before) > 6


def _unstretched(latex: str) -> str:
    """Brackets of a fixed size, between which a line may end."""
    opened = re.sub(r"\\left([(\[|])", r"\\bigl\1", latex)
    return re.sub(r"\\right([)\]|])", r"\\bigr\1", opened)
