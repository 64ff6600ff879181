"""The parser's place in the tokens: looking ahead, spans, nesting, what closes the group being read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from symcnn.notes.marks import Span
from symcnn.notes.parser_rows import is_relation, is_sign
from symcnn.notes.parser_tables import ACCENTS, CASES, DOTS, FONTS, PRODUCTS, RELATIONS, SEPARATORS, SIGNS
from symcnn.notes.tokens import NotationError, Token
from symcnn.notes.tree import Empty, Node

MAX_DEPTH = 64

_CLOSING_COMMANDS = frozenset(("}", "rbrace", "rbrack", "rvert", "rVert", "rangle", "rfloor", "rceil"))
_INFIX_COMMANDS = frozenset(("over", "choose", "atop"))
_BARS = {"|": "|", "vert": "|", "Vert": "||"}
OPENING_COMMANDS = frozenset(("{", "lbrace", "lbrack", "langle", "lfloor", "lceil", "lvert", "lVert"))
_STRUCTURES = frozenset(
    (
        "frac",
        "dfrac",
        "tfrac",
        "cfrac",
        "sqrt",
        "binom",
        "substack",
        "underbrace",
        "overbrace",
        "nabla",
        "partial",
    )
)


class Cursor(ABC):
    """A place in a list of tokens; the kinds of notation are read by the classes built on it."""

    def __init__(self, latex: str, tokens: list[Token]) -> None:
        self.latex = latex
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.closers: list[str] = []
        self.in_script = False
        self._eof = Token("eof", "the end", Span(len(latex), len(latex)))

    # --- what the levels above provide

    @abstractmethod
    def sequence(self) -> Node: ...

    @abstractmethod
    def product(self) -> Node: ...

    @abstractmethod
    def juxtaposition(self, *, tight: bool = False) -> Node: ...

    @abstractmethod
    def factor(self) -> Node: ...

    # --- tokens

    def peek(self, ahead: int = 0) -> Token:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else self._eof

    def advance(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def next_is(self, kind: str, text: str | None = None) -> bool:
        token = self.peek()
        return token.kind == kind and (text is None or token.text == text)

    def is_sign(self, *names: str) -> bool:
        """Whether the next token is one of these characters or commands."""
        token = self.peek()
        return token.kind in ("char", "command") and token.text in names

    def expect(self, kind: str, what: str) -> Token:
        if not self.next_is(kind):
            raise self.error(what)
        return self.advance()

    def error(self, expected: str) -> NotationError:
        token = self.peek()
        came = "the end" if token.kind == "eof" else repr(token.span.of(self.latex) or token.text)
        return NotationError(f"expected {expected}, came {came}", token.span.start)

    # --- spans

    def since(self, start: int) -> Span:
        """The span of the tokens from number `start` up to here."""
        if self.at <= start:
            return self.here()
        first, last = self.tokens[start].span, self.tokens[self.at - 1].span
        if first.start <= last.end:
            return Span(first.start, last.end)
        # A macro may write its arguments in another order than they were given in.
        used = [token.span for token in self.tokens[start : self.at]]
        return Span(min(span.start for span in used), max(span.end for span in used))

    def here(self) -> Span:
        """The empty span where the next token begins; after the last token, where that ends."""
        token = self.peek()
        if token.kind == "eof" and self.tokens:
            return Span(self.tokens[-1].span.end, self.tokens[-1].span.end)
        return Span(token.span.start, token.span.start)

    def empty(self) -> Empty:
        return Empty(self.here())

    # --- nesting

    @contextmanager
    def inside(self, closer: str, *, script: bool = False) -> Iterator[None]:
        """Reading up to `closer`: a token kind, a bar, `cell` in matrices, `bracket` for a written one."""
        was = self.in_script
        self.in_script = script
        self.closers.append(closer)
        try:
            yield
        finally:
            self.closers.pop()
            self.in_script = was

    @contextmanager
    def nested(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotationError(f"expected notation nested at most {MAX_DEPTH} deep", self.here().start)
        try:
            yield
        finally:
            self.depth -= 1

    def repeated(self, times: int) -> None:
        """Bounds what nests by repetition rather than by brackets: signs, scripts, factorials."""
        if times > MAX_DEPTH:
            raise NotationError(f"expected at most {MAX_DEPTH} signs in a row", self.here().start)

    # --- kinds of tokens

    def closes(self) -> bool:
        """Whether the next token ends what is being read."""
        token = self.peek()
        match token.kind:
            case "eof" | "close" | "right" | "end":
                return True
            case "amp" | "newline":
                return bool(self.closers) and self.closers[-1] == "cell"
            case "char" if token.text in (")", "]"):
                return True
            case "command" if token.text in _CLOSING_COMMANDS or token.text in _INFIX_COMMANDS:
                return True
        return self.closes_bar()

    def closes_bar(self) -> bool:
        bar = self.bar()
        if not self.closers or not bar:
            return False
        closer = self.closers[-1]
        if closer == "| |":
            return bar == "|" and self.bar(1) == "|"
        return bar == closer

    def bar(self, ahead: int = 0) -> str:
        """`|` or `||` where the next token is a bar that can open or close, else nothing."""
        token = self.peek(ahead)
        if token.kind not in ("char", "command"):
            return ""
        if token.kind == "command" and token.text == "|":
            return "||"
        return _BARS.get(token.text, "")

    def opens_bar(self) -> bool:
        """Whether a bar after an operand opens a new pair: a partner stands on the same level."""
        bar = self.bar()
        if not bar or self.closes_bar():
            return False
        touching = self.bar(1) == bar and self.peek().span.end == self.peek(1).span.start
        depth = 0
        for ahead in range(1 + touching, len(self.tokens) - self.at):
            token = self.peek(ahead)
            opens = token.kind in ("open", "left", "begin") or token.text in ("(", "[", "{")
            ends = token.kind in ("close", "right", "end") or token.text in (")", "]", "}")
            depth += opens - ends
            if depth < 0:
                return False
            if depth == 0 and self.bar(ahead) == bar:
                return not touching or self.bar(ahead + 1) == bar
        return False

    def starts_operand(self, ahead: int = 0) -> bool:
        """Whether an operand begins with the token `ahead` of here, when one has just ended there."""
        token = self.peek(ahead)
        match token.kind:
            case "letter" | "digit" | "text" | "operatorname" | "open" | "left" | "begin":
                return True
            case "char":
                if token.text == "|":
                    return ahead == 0 and self.opens_bar()
                return token.text in ("(", "[", "?") or self.is_decimal_point(ahead)
            case "command":
                return self._command_starts_operand(token.text, ahead)
        return False

    def _command_starts_operand(self, name: str, ahead: int) -> bool:
        if name in ("vert", "Vert", "|"):
            return ahead == 0 and self.opens_bar()
        if name in ("overset", "underset", "stackrel"):
            return not self.labels_relation(ahead)
        return not (
            name in RELATIONS
            or name in SIGNS
            or name in PRODUCTS
            or name in SEPARATORS
            or name in _CLOSING_COMMANDS
            or name in _INFIX_COMMANDS
            or name in ("not", "%", "pmod", "hline")
        )

    def is_decimal_point(self, ahead: int = 0) -> bool:
        point, digit = self.peek(ahead), self.peek(ahead + 1)
        return point.text == "." and digit.kind == "digit" and point.span.end == digit.span.start

    def is_relation(self) -> bool:
        token = self.peek()
        return is_relation(token) or (
            token.kind == "command"
            and token.text in ("overset", "underset", "stackrel")
            and self.labels_relation(0)
        )

    def labels_relation(self, ahead: int) -> bool:
        """Whether `\\overset{label}{sign}` that begins `ahead` of here is a relation with a label."""
        place = self._argument_end(ahead + 1)
        if self.peek(place).kind == "open":
            return is_relation(self.peek(place + 1)) and self._argument_end(place) <= place + 4
        return is_relation(self.peek(place))

    def _argument_end(self, ahead: int) -> int:
        if self.peek(ahead).kind != "open":
            return ahead + 1
        depth = 0
        while True:
            kind = self.peek(ahead).kind
            depth += (kind == "open") - (kind == "close")
            ahead += 1
            if depth == 0 or kind == "eof":
                return ahead

    def is_plus_or_minus(self) -> bool:
        return is_sign(self.peek())

    def is_product(self) -> bool:
        token = self.peek()
        return token.kind in ("char", "command") and token.text in PRODUCTS

    def opens_bracket(self) -> bool:
        """Whether the next token opens a bracket that can hold arguments."""
        if self.next_is("left"):
            return self.peek().text in ("(", "[", "{")
        return self.is_sign("(", "[", "{", "lbrace", "lbrack")

    def names_symbol(self, token: Token) -> bool:
        """Whether a token is, or begins, a plain symbol: a letter, a Greek letter, a font, an accent."""
        if token.kind == "letter":
            return True
        if token.kind != "command":
            return False
        name = token.text
        if name in FONTS or name in ACCENTS:
            return True
        return name.isalpha() and not (
            name in DOTS
            or name in CASES
            or name in RELATIONS
            or name in SIGNS
            or name in PRODUCTS
            or name in SEPARATORS
            or name in _CLOSING_COMMANDS
            or name in OPENING_COMMANDS
            or name in _INFIX_COMMANDS
            or name in _BARS
            or name in _STRUCTURES
        )
