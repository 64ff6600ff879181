"""Names, numbers and prose: which letters make one word, and which text is part of the mathematics."""

from __future__ import annotations

import re

from symcnn.notes.parser_cursor import Cursor
from symcnn.notes.parser_tables import FUNCTION_COMMANDS, FUNCTION_NAMES, NAMES, PROSE, RAW_PROSE
from symcnn.notes.tree import Node, Number, Symbol, Text, Word

_NAME = re.compile(r"[^\W\d_]\w*(?:[-_.]\w+)*\*?")
_DIFFERENTIALS = re.compile(r"(?:d[a-zA-Z])+")
_TAILS = tuple(
    sorted(("log", "exp", "tanh", "sin", "cos", "max", "min", "relu", "sigmoid", "softmax", "conv"))
)


def is_function(word: Word) -> bool:
    """Whether a name is one that applies to what follows even without brackets."""
    return word.style in ("command", "operatorname") or plain(word.text) in FUNCTION_NAMES


def plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


class Words(Cursor):
    """Reads letters, digits and texts."""

    def number(self) -> Number:
        """Digits that touch, with point or comma (`0{,}5`), thousands separators (`1{,}000`), exponent (`1e-5`)."""
        start = self.at
        digits = self._digits()
        while self._thousands():
            digits += self._digits()
        if self.is_decimal_point() and (not digits or self._touches()):
            self.advance()
            digits += "." + self._digits()
        elif digits and self._decimal_comma():
            self.at += 3
            digits += "." + self._digits()
        digits += self._exponent()
        return Number(self.since(start), digits)

    def _touches(self, ahead: int = 0) -> bool:
        """Whether the token `ahead` of here follows the one before it without a space."""
        place = self.at + ahead
        return 0 < place < len(self.tokens) and self.tokens[place - 1].span.end == self.peek(ahead).span.start

    def _digits(self) -> str:
        digits = ""
        while self.next_is("digit") and (not digits or self._touches()):
            digits += self.advance().text
        return digits

    def _decimal_comma(self) -> bool:
        """Whether the comma in braces follows that many languages write for the point, `0{,}5`."""
        return (
            self.next_is("open")
            and self.peek(1).text == ","
            and self.peek(2).kind == "close"
            and self.peek(3).kind == "digit"
            and self._touches(3)
        )

    def _thousands(self) -> bool:
        """Skips a separator of thousands where exactly three digits follow it."""
        if self.next_is("open") and self.peek(1).text == "," and self.peek(2).kind == "close":
            length = 3
        elif self.next_is("char", ",") and not self.closers and self._touches():
            length = 1
        else:
            return False
        after = [self.peek(length + i) for i in range(4)]
        if [token.kind for token in after[:3]] != ["digit"] * 3 or after[3].kind == "digit":
            return False
        if after[0].span.start != self.peek(length - 1).span.end:
            return False
        self.at += length
        return True

    def _exponent(self) -> str:
        """The `e-5` of `1e-5`."""
        if not (self.next_is("letter") and self.peek().text in "eE" and self._touches()):
            return ""
        signed = self.peek(1).text in ("+", "-", "minus")
        if self.peek(1 + signed).kind != "digit" or not all(self._touches(i) for i in range(1, 2 + signed)):
            return ""
        self.advance()
        sign = self.advance().text if signed else ""
        return "e" + ("-" if sign in ("-", "minus") else "") + self._digits()

    def run_of_letters(self) -> str:
        """The ASCII letters that touch each other from here on."""
        ahead, letters = 0, ""
        while self.peek(ahead).kind == "letter" and (not letters or self._touches(ahead)):
            letters += self.peek(ahead).text
            ahead += 1
        return letters

    def _underscored(self) -> str:
        r"""Letters and digits that escaped underscores join, `grad\_out`, or nothing."""
        ahead, name = 0, ""
        while self.peek(ahead).kind in ("letter", "digit") or (
            self.peek(ahead).kind == "command" and self.peek(ahead).text == "_"
        ):
            if name and not self._touches(ahead):
                break
            name += self.peek(ahead).text
            ahead += 1
        return name if "_" in name.rstrip("_") and not name.endswith("_") else ""

    def raw_name(self) -> str:
        """The bare letters (and digits, and dotted parts) from here on that make one name, or nothing."""
        letters = self.run_of_letters()
        if len(letters) < 2 or letters in RAW_PROSE:
            return letters if letters in RAW_PROSE else ""
        tail = self._tail(len(letters))
        if (letters + tail).lower() in NAMES:
            return letters + tail
        if letters.lower() in NAMES:
            return letters
        if letters == "in" and self.in_script and "{out}" in self.latex:
            return letters  # a size that goes in stands beside one that comes out
        if self.in_script or len(letters) < 4 or _DIFFERENTIALS.fullmatch(letters):
            return ""
        if any(letters.lower().endswith(name) and len(letters) - len(name) <= 2 for name in _TAILS):
            return ""
        return letters

    def _tail(self, ahead: int) -> str:
        """Digits and letters that follow directly: the `180` of rot180, the `2d` of conv2d."""
        tail = ""
        while self.peek(ahead).kind in ("digit", "letter") and self._touches(ahead):
            tail += self.peek(ahead).text
            ahead += 1
        return tail

    def letters(self) -> Node:
        """One symbol, or a name typed as bare letters."""
        start = self.at
        if name := self._underscored():
            self.at += len(name)
            return Word(self.since(start), name, "it")
        name = self.raw_name()
        if not name:
            return Symbol(self.peek().span, self.advance().text)
        self.at += len(name)
        if name in RAW_PROSE:
            return Text(self.since(start), name)
        while (
            self.next_is("char", ".")
            and self.peek(1).kind == "letter"
            and self._touches(1)
            and self._touches()
        ):
            self.advance()
            part = self.raw_name() or self.run_of_letters()
            self.at += len(part)
            name += "." + part
        return Word(self.since(start), name, "raw")

    def text(self) -> Node:
        """A text as a name, where it is one, else as prose."""
        named = self.text_is_name()
        token = self.advance()
        if not named:
            return Text(token.span, token.text)
        return Word(token.span, token.text.strip().replace("\\_", "_"), "text")

    def text_is_name(self) -> bool:
        """Whether the text that comes next names something: one word, or several before a bracket."""
        token, after = self.peek(), self.peek(1)
        content = token.text.strip().replace("\\_", "_")
        words = content.split()
        if not words or words[-1].lower() in PROSE or words[0].lower() in PROSE:
            return False
        bracket = after.kind in ("left", "char") and after.text in ("(", "[", "{")
        if bracket and all(_NAME.fullmatch(word) for word in words):
            return len(words) == 1 or not any(word.lower() in PROSE for word in words)
        return token.text == token.text.strip() and _NAME.fullmatch(content) is not None

    def is_prose(self) -> bool:
        """Whether prose comes next, which ends a product."""
        if self.next_is("command") and self.peek().text in ("forall", "exists"):
            return True
        if self.next_is("letter"):
            return self.raw_name() in RAW_PROSE
        return self.next_is("text") and not self.text_is_name()

    def starts_function(self) -> bool:
        """Whether the name of a function comes next."""
        token = self.peek()
        if token.kind == "letter":
            return self.raw_name() != ""
        return token.kind in ("text", "operatorname") or (
            token.kind == "command" and token.text in FUNCTION_COMMANDS
        )

    def operand_follows(self) -> bool:
        """Whether an operand comes next that is no prose."""
        return self.starts_operand() and not self.is_prose() and not self.closes()
