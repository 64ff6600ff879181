"""The smallest complete pieces: brackets, braces, fractions, roots, fonts, accents, remarks."""

from __future__ import annotations

from abc import abstractmethod

from symcnn.notes.parser_cursor import OPENING_COMMANDS
from symcnn.notes.parser_derivatives import as_derivative, without_differentials
from symcnn.notes.parser_fonts import in_font, styled
from symcnn.notes.parser_layouts import Layouts, bracketed_matrix, held_together, joined
from symcnn.notes.parser_tables import (
    ACCENTS,
    BIG_OPERATORS,
    BIG_WORDS,
    CLOSING,
    DECORATIONS,
    DELIMITERS,
    DOTS,
    FONT_SWITCHES,
    FONTS,
    FUNCTION_COMMANDS,
)
from symcnn.notes.tree import (
    Accent,
    Annotated,
    BigOperator,
    Decorated,
    Derivative,
    Ellipsis,
    Empty,
    Fraction,
    Gradient,
    Group,
    Matrix,
    Node,
    Number,
    Root,
    Stack,
    Symbol,
    Text,
    Word,
)

_FRACTIONS = frozenset(("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "flatfrac"))
_BINOMIALS = frozenset(("binom", "dbinom", "tbinom"))
_BRACES = frozenset(("underbrace", "overbrace", "underbracket", "overbracket"))


class Atoms(Layouts):
    """Reads one piece that stands for itself."""

    @abstractmethod
    def big_operator(self, name: str, start: int, lower: Node | None = None) -> Node: ...

    def atom(self) -> Node:
        token = self.peek()
        if self.closes_bar():
            raise self.error("an operand")
        match token.kind:
            case "digit":
                return self.number()
            case "letter":
                return self.letters()
            case "text":
                return self.text()
            case "operatorname":
                return Word(self.advance().span, token.text, "operatorname")
            case "open":
                return self.braces()
            case "left":
                return self.brackets()
            case "begin":
                return self.environment()
            case "sup" | "sub" | "prime":
                return self.empty()
            case "command":
                return self.command()
        return self.character()

    def character(self) -> Node:
        if self.is_decimal_point():
            return self.number()
        if self.is_sign("(", "["):
            return self.brackets()
        if self.bar():
            return self.bars()
        if self.is_sign("?", "!") or self.is_placeholder():
            return Symbol(self.peek().span, self.advance().text)
        raise self.error("an operand")

    def is_placeholder(self) -> bool:
        """Whether a sign of operation stands alone, where an operand should: `f(\\cdot)`, `x^{+}`."""
        if not (self.is_product() or self.is_plus_or_minus()):
            return False
        self.at += 1
        alone = self.closes() or self.next_is("char", ",")
        self.at -= 1
        return alone

    # --- arguments and brackets

    def argument(self) -> Node:
        """The argument of a command: what the braces hold, or a single token as TeX takes it."""
        if not self.next_is("open"):
            with self.nested():
                return self.single()
        self.advance()
        with self.inside("close"):
            body = self.empty() if self.next_is("close") else self.sequence()
        self.expect("close", "}")
        return body

    def single(self) -> Node:
        """One token where TeX takes just one: the 1 of `\\frac12`, the T of `x^T`."""
        token = self.peek()
        match token.kind:
            case "digit":
                return Number(self.advance().span, token.text)
            case "letter":
                return Symbol(self.advance().span, token.text)
            case "prime":
                return Symbol(self.advance().span, "prime")
            case "char" if token.text == "?" or (self.in_script and token.text in "*+-/!"):
                return Symbol(self.advance().span, token.text)
            case "command" if self.is_product() or self.is_plus_or_minus():
                return Symbol(self.advance().span, "-" if token.text == "minus" else token.text)
            case "command" if token.text in BIG_OPERATORS:
                return BigOperator(self.advance().span, token.text, None, None, None)
            case "command" if token.text == "nabla":
                return Gradient(self.advance().span, None)
            case "text" | "operatorname":
                return self.atom()
            case "command" if token.text not in ("neg", "lnot"):
                return self.atom()
        raise self.error("an argument")

    def braces(self) -> Node:
        """Braces that print nothing; they stay in the tree where they hold several things together."""
        start = self.at
        self.advance()
        with self.inside("close", script=self.in_script):
            body = self.empty() if self.next_is("close") else self.sequence()
            if self.is_sign("over", "choose", "atop"):
                form = "frac" if self.advance().text == "over" else "binom"
                inner = self.sequence()
                self.expect("close", "}")
                return self._fraction(body, inner, form, start)
        self.expect("close", "}")
        return held_together(body, self.since(start))

    def brackets(self) -> Node:
        """A bracketed group; `[0, 1)` may close with another bracket than it was opened with."""
        start = self.at
        token = self.advance()
        sized = token.kind == "left"
        opening = token.text if sized or token.text in CLOSING else DELIMITERS["\\" + token.text]
        wanted = CLOSING.get(opening, "")
        with self.inside("right" if sized else "bracket"):
            body = self.empty() if self.closes() else self.sequence()
        if sized:
            closing = self.expect("right", "\\right").text
        elif self.closes() and self._closing() and {self._closing(), wanted} <= {")", "]"} | {wanted}:
            closing = self._closing()
            self.advance()
        else:
            raise self.error(f"{wanted} to close the {opening} before it")
        span = self.since(start)
        if isinstance(body, Matrix) and body.open == ".":
            return bracketed_matrix(body, opening, closing, span)
        return Group(span, opening, closing, body)

    def _closing(self) -> str:
        token = self.peek()
        if token.kind == "char":
            return token.text if token.text in (")", "]") else ""
        return DELIMITERS.get("\\" + token.text, "") if token.kind == "command" else ""

    def bars(self) -> Node:
        """|x| or ‖x‖; two touching characters `||` are the sign of a norm."""
        start = self.at
        bar = self.bar()
        closer = bar
        if bar == "|" and self.bar(1) == "|" and self.peek(1).span.start == self.peek().span.end:
            self.advance()
            bar, closer = "||", "| |"
        self.advance()
        with self.inside(closer):
            body = self.sequence()
            if not self.closes_bar():
                raise self.error(f"{bar} to close the bar before it")
            self.advance()
            if closer == "| |":
                self.advance()
        return Group(self.since(start), bar, bar, body)

    # --- commands

    def command(self) -> Node:
        token = self.peek()
        name = token.text
        start = self.at
        if name in OPENING_COMMANDS:
            return self.brackets()
        if self.bar():
            return self.bars()
        if self.is_placeholder():
            return Symbol(self.advance().span, "-" if name == "minus" else name)
        if not self.starts_operand():
            raise self.error("an operand")
        self.advance()
        if name in _FRACTIONS or name in _BINOMIALS:
            form = "frac" if name in _FRACTIONS else "binom"
            return self._fraction(self.argument(), self.argument(), form, start)
        if name in ("dv", "pdv", "odv"):
            return self._physics_derivative(name, start)
        if name == "sqrt":
            degree = self._optional_argument()
            radicand = self.argument()
            return Root(self.since(start), radicand, degree)
        if name in FONTS:
            return in_font(self, FONTS[name], start)
        if name in FONT_SWITCHES:
            body = self.empty() if self.closes() else self.sequence()
            return styled(self, FONT_SWITCHES[name], body, start)
        if name in ACCENTS:
            body = self.argument()
            return Accent(self.since(start), ACCENTS[name], body)
        if name in DOTS:
            return Ellipsis(token.span, DOTS[name])
        if name in ("forall", "exists"):
            return Text(token.span, "for all" if name == "forall" else "for some")
        if name == "arg" and self.is_sign("max", "min"):
            name += self.advance().text
            return Word(self.since(start), name, "operatorname")
        if name in FUNCTION_COMMANDS:
            return Word(token.span, name, "command")
        return self._remark(name, start)

    def _remark(self, name: str, start: int) -> Node:
        """Boxes, strokes, braces with a label, stacked rows; anything else is a symbol by that name."""
        if name in DECORATIONS:
            self._optional_argument()
            body = self.argument()
            return Decorated(self.since(start), DECORATIONS[name], body)
        if name in _BRACES:
            body = self.argument()
            note: Node | None = None
            if self.next_is("sub" if name.startswith("under") else "sup"):
                self.advance()
                note = self.argument()
            return Annotated(self.since(start), name, body, note)
        if name in ("overset", "underset", "stackrel", "cancelto"):
            note = self.argument()
            body = self.argument()
            if name == "underset" and isinstance(body, Word) and body.text in BIG_WORDS:
                return self.big_operator(body.text, start, note)
            kind = "overset" if name == "stackrel" else name
            return Annotated(self.since(start), kind, body, note)
        if name == "substack":
            self.expect("open", "{")
            rows = self.rows("close")
            self.expect("close", "}")
            return Stack(self.since(start), tuple(joined(row) for row in rows))
        return Symbol(self.tokens[start].span, name)

    def _fraction(self, numerator: Node, denominator: Node, form: str, start: int) -> Node:
        span = self.since(start)
        if form == "frac":
            derivative = as_derivative(numerator, denominator, "frac", span)
            if derivative is not None:
                return derivative
            denominator = without_differentials(numerator, denominator)
        return Fraction(span, numerator, denominator, form)

    def _physics_derivative(self, name: str, start: int) -> Node:
        """`\\pdv{L}{w}`, `\\dv[2]{y}{x}`, and `\\pdv{x}` for the operator alone."""
        order = self._optional_argument()
        first = self.argument()
        kind = "partial" if name == "pdv" else "d"
        if not self.next_is("open"):
            return Derivative(self.since(start), kind, None, (first,), (order,), order, "frac", True)
        variable = self.argument()
        of = None if isinstance(first, Empty) else first
        return Derivative(self.since(start), kind, of, (variable,), (order,), order, "frac", of is None)

    def _optional_argument(self) -> Node | None:
        if not self.next_is("char", "["):
            return None
        self.advance()
        with self.inside("bracket"):
            body = self.sequence()
        if not self.next_is("char", "]"):
            raise self.error("] to close the optional argument")
        self.advance()
        return body

    # --- fonts
