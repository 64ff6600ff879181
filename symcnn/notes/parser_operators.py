"""What stands before or after a piece: scripts, calls, big operators, derivatives, differentials, signs."""

from __future__ import annotations

from dataclasses import replace

from symcnn.notes.parser_atoms import Atoms
from symcnn.notes.parser_derivatives import as_derivative
from symcnn.notes.parser_tables import BIG_OPERATORS, BIG_WORDS, FONTS, MATRICES, SIGNS
from symcnn.notes.parser_words import is_function
from symcnn.notes.tree import (
    Accent,
    Attribute,
    BigOperator,
    Call,
    CallOrProduct,
    Derivative,
    Differential,
    Empty,
    Evaluated,
    Gradient,
    Group,
    Juxtapose,
    Node,
    Postfix,
    Script,
    Span,
    Styled,
    Symbol,
    Unary,
    Word,
)

_PLAIN_WORDS = frozenset(("max", "min", "sup", "inf", "arg", "argmax", "argmin"))


class Operators(Atoms):
    """Reads one factor of a product."""

    def factor(self) -> Node:
        """A piece with everything that belongs to it."""
        with self.nested():
            start = self.at
            if self.is_plus_or_minus() and not self.is_placeholder():
                sign = SIGNS[self.advance().text]
                body = self.juxtaposition()
                return Unary(self.since(start), sign, body)
            if self.is_sign("neg", "lnot"):
                self.advance()
                return Unary(self.since(start), "neg", self.factor())
            if self.mark():
                return self._differential(start)
            if self.is_sign("nabla"):
                return self._gradient(start)
            if self.next_is("command") and self.peek().text in BIG_OPERATORS:
                return self.big_operator(self.advance().text, start)
            return self._completed(self.atom(), start)

    def _completed(self, node: Node, start: int) -> Node:
        """The node with scripts, arguments and what else follows it."""
        node = self.scripts(node, start)
        word = node.base if isinstance(node, Script) else node
        if isinstance(word, Word):
            node = self._applied(node, word, start)
        elif self._is_head(node) and self.opens_bracket() and not self._opens_array():
            node = self._call_or_product(node, start)
        elif isinstance(node, Derivative) and node.of is None and node.applied and self._operand_follows():
            of = self.factor() if self.opens_bracket() or self.next_is("open") else self.juxtaposition()
            node = replace(node, span=self.since(start), of=of)
        return self._trailing(node, start)

    def _trailing(self, node: Node, start: int) -> Node:
        """Attributes, factorials, percent signs, and the bar of `f |_{x=0}`."""
        while True:
            if self._is_attribute():
                self.advance()
                node = Attribute(self.since(start), node, "")
                name = self._attribute_name()
                node = Attribute(self.since(start), node.base, name)
                node = self.scripts(node, start)
                if self.opens_bracket():
                    node = self._call_or_product(node, start)
            elif self.is_sign("!", "%"):
                name = self.advance().text
                node = Postfix(self.since(start), name, node)
            elif self.is_sign("pmod"):
                self.advance()
                modulus = self.argument()
                node = Postfix(self.since(start), "mod", node, modulus)
            elif self._evaluates():
                self.advance()
                lower, upper, _ = self._limits()
                node = Evaluated(self.since(start), node, lower, upper)
            else:
                return node

    # --- scripts

    def scripts(self, base: Node, start: int) -> Node:
        """The base with the sub- and superscripts that follow it; a second one of a kind goes around the first."""
        node = base
        while True:
            sub, sup, primes = self._limits()
            if sub is None and sup is None and not primes:
                return node
            if isinstance(node, Group) and (node.open, node.close) == (".", "|") and not primes:
                node = Evaluated(self.since(start), node.body, sub, sup)
            else:
                node = Script(self.since(start), node, sub, sup, primes)

    def _limits(self) -> tuple[Node | None, Node | None, int]:
        """At most one sub- and superscript, in any order, and primes."""
        sub: Node | None = None
        sup: Node | None = None
        primes = 0
        while True:
            if self.next_is("sub") and sub is None:
                self.advance()
                sub = self._script_argument()
            elif self.next_is("sup") and sup is None:
                self.advance()
                sup = self._script_argument()
            elif self.next_is("prime"):
                self.advance()
                primes += 1
            else:
                return sub, sup, primes

    def _script_argument(self) -> Node:
        if not self.next_is("open"):
            with self.nested():
                was, self.in_script = self.in_script, True
                argument = self.single()
                self.in_script = was
            return argument
        self.advance()
        with self.inside("close", script=True):
            body = self._primes() or (self.empty() if self.next_is("close") else self.sequence())
        self.expect("close", "} to close the script")
        return body

    def _primes(self) -> Node | None:
        """`x^{''}`: primes alone in a superscript."""
        start = self.at
        while self.next_is("prime"):
            self.advance()
        if self.at == start:
            return None
        if not self.next_is("close"):
            self.at = start
            return None
        parts = tuple(Symbol(token.span, "prime") for token in self.tokens[start : self.at])
        return parts[0] if len(parts) == 1 else Juxtapose(self.since(start), parts)

    # --- calls

    def _is_head(self, node: Node) -> bool:
        base = node
        while isinstance(base, Script | Accent):
            base = base.base if isinstance(base, Script) else base.body
        return isinstance(base, Symbol | Styled) and (base is not node or not isinstance(node, Styled))

    def _opens_array(self) -> bool:
        """Whether the bracket that comes is that of a bare array, `A \\left[ \\begin{array}...`: two things side by side."""
        inner = self.peek(1)
        return self.next_is("left") and inner.kind == "begin" and MATRICES.get(inner.text) == (".", ".")

    def _call_or_product(self, head: Node, start: int) -> Node:
        place = self.at
        group = self.scripts(self.brackets(), place)
        return CallOrProduct(self.since(start), head, group)

    def _applied(self, node: Node, word: Word, start: int) -> Node:
        """A name with its argument, if one follows; max with limits below is a big operator."""
        sub = node.sub if isinstance(node, Script) else None
        if word.text in BIG_WORDS and isinstance(node, Script) and sub is not None and not node.primes:
            return self._with_body(word.text, start, sub, node.sup)
        if word.text in BIG_WORDS and word.text.startswith("arg") and not self.opens_bracket():
            return self._with_body(word.text, start, None, None) if self._operand_follows() else node
        if self.opens_bracket():
            place = self.at
            argument = self.brackets()
            call = Call(self.since(start), node, argument)
            return self.scripts(call, start) if place < self.at else call
        if not is_function(word) or self.in_script and word.style not in ("command", "operatorname"):
            return node
        signed = self.is_plus_or_minus() and word.style == "command" and word.text not in _PLAIN_WORDS
        if signed or self._operand_follows():
            argument = self._bare_argument()
            return Call(self.since(start), node, argument)
        return node

    def _operand_follows(self) -> bool:
        return self.starts_operand() and not self.is_prose() and not self.closes()

    def _bare_argument(self) -> Node:
        """What a function without brackets applies to: factors up to a sign, a bracket or another function."""
        start = self.at
        if self.is_plus_or_minus():
            sign = SIGNS[self.advance().text]
            body = self._bare_argument() if self._operand_follows() else self.empty()
            return Unary(self.since(start), sign, body)
        parts = [self.factor()]
        while self._operand_follows() and not self._stops_argument():
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else Juxtapose(self.since(start), tuple(parts))

    def _stops_argument(self) -> bool:
        token = self.peek()
        return (
            self.starts_function()
            or self.opens_bracket()
            or token.kind in ("left", "begin", "open")
            or bool(self.bar())
            or (token.kind == "command" and (token.text in BIG_OPERATORS or token.text.startswith("l")))
            and not self.names_symbol(token)
        )

    # --- attributes and values at a place

    def _is_attribute(self) -> bool:
        """`W.T`, `P_2.\\text{shape}`: a full stop that touches a name on both sides."""
        point, name = self.peek(), self.peek(1)
        if not (self.next_is("char", ".") and self._touches_both()):
            return False
        if name.kind == "command":
            return name.text in FONTS and FONTS[name.text] in ("rm", "tt", "sf", "it") and point is not name
        return name.kind in ("letter", "text", "operatorname")

    def _touches_both(self) -> bool:
        before, point, after = self.tokens[self.at - 1], self.peek(), self.peek(1)
        return before.span.end == point.span.start and point.span.end == after.span.start

    def _attribute_name(self) -> str:
        if self.next_is("letter"):
            letters = self.run_of_letters()
            self.at += len(letters)
            return letters
        node = self.atom()
        if isinstance(node, Word | Symbol):
            return node.text if isinstance(node, Word) else node.name
        return node.text if hasattr(node, "text") else ""

    def _evaluates(self) -> bool:
        """Whether a bar comes that closes nothing and has a subscript: `f |_{x=0}`."""
        if self.closes_bar() or self.peek(1).kind != "sub":
            return False
        return self.bar() == "|" or (self.is_sign("rvert") and "rvert" not in self.closers)

    # --- operators with a body

    def big_operator(self, name: str, start: int, lower: Node | None = None) -> Node:
        sub, upper, _ = self._limits()
        return self._with_body(name, start, sub if lower is None else lower, upper)

    def _with_body(self, name: str, start: int, lower: Node | None, upper: Node | None) -> Node:
        body: Node | None = None
        if self.is_plus_or_minus() and not self.is_placeholder() and name not in BIG_WORDS:
            place = self.at
            sign = SIGNS[self.advance().text]
            inner = self.product()
            body = Unary(self.since(place), sign, inner)
        elif self._operand_follows():
            body = self.product()
        return BigOperator(self.since(start), name, lower, upper, body)

    def _gradient(self, start: int) -> Node:
        self.advance()
        wrt, order, _ = self._limits()
        of = self.factor() if self._operand_follows() else None
        return Gradient(self.since(start), of, wrt, order)

    # --- differentials

    def mark(self, ahead: int = 0) -> int:
        """How many tokens make the d or ∂ of a differential that begins `ahead` of here; 0 for none."""
        token = self.peek(ahead)
        if token.kind == "command" and token.text == "partial":
            return 1
        if token.kind == "command" and token.text == "dd":
            return 1
        if token.kind == "command" and FONTS.get(token.text) in ("rm", "sf"):
            inner = [self.peek(ahead + i) for i in range(1, 4)]
            braced = [t.kind for t in inner] == ["open", "letter", "close"] and inner[1].text == "d"
            length = 4 if braced else 2 if inner[0].kind == "letter" and inner[0].text == "d" else 0
            return length if length and self._may_follow_d(ahead + length) else 0
        if token.kind in ("text", "operatorname") and token.text == "d":
            return 1 if self._may_follow_d(ahead + 1) else 0
        if token.kind == "letter" and token.text == "d" and not self.in_script:
            return 1 if self._d_is_mark(ahead) else 0
        return 0

    def _may_follow_d(self, ahead: int) -> bool:
        token = self.peek(ahead)
        return self.names_symbol(token) or token.kind in ("text", "operatorname") or self._is_order(ahead) > 0

    def _is_order(self, ahead: int) -> int:
        """How many tokens make the exponent of `d^2 y / d x^2`, where a symbol follows; 0 for none."""
        if self.peek(ahead).kind != "sup":
            return 0
        braced = self.peek(ahead + 1).kind == "open" and self.peek(ahead + 3).kind == "close"
        length = 4 if braced else 2
        exponent = self.peek(ahead + (2 if braced else 1))
        return length if exponent.kind == "digit" or exponent.text == "n" else 0

    def _d_is_mark(self, ahead: int) -> bool:
        """Whether the letter d begins a differential rather than a name or a dimension."""
        was, self.at = self.at, self.at + ahead
        try:
            if self.raw_name():
                return False
            order = self._is_order(1)
            if order:
                return self._second_order_follows(1 + order)
            if self.peek(1).kind in ("text", "operatorname"):
                return self.peek(2).kind == "left" or self.peek(2).text == "("
            return self.names_symbol(self.peek(1)) or (self.peek(1).text == "/" and self._d_slash())
        finally:
            self.at = was

    def _d_slash(self) -> bool:
        """`d/dx`: an operator on the line."""
        following = self.peek(2)
        if following.kind == "command":
            return following.text == "partial"
        return following.kind == "letter" and following.text == "d" and self.names_symbol(self.peek(3))

    def _second_order_follows(self, ahead: int) -> bool:
        """`y/dx^2` or `/dx^2` after the `d^2`; a fraction with `\\frac` needs no looking ahead."""
        if self.peek(ahead).kind == "letter":
            ahead += 1
        return self.peek(ahead).text == "/" and self.peek(ahead + 1).text == "d"

    def _differential(self, start: int) -> Node:
        length = self.mark()
        kind = "partial" if self.peek().text == "partial" else "d"
        self.at += length
        symbol = Symbol(self.since(start), kind)
        if kind == "partial" and self.next_is("sub"):
            return self._subscript_derivative(start)
        order: Node | None = None
        if self.next_is("sup"):
            self.advance()
            order = self._script_argument()
        marked: Node = symbol if order is None else Script(self.since(start), symbol, None, order)
        if self.next_is("char", "/") and self.mark(1):
            return self._slashed(marked, start)
        if not self._operand_follows():
            return self._trailing(marked, start)
        place = self.at
        body = self.factor()
        if order is None:
            numerator: Node = Differential(self.since(start), kind, body)
        else:
            numerator = Juxtapose(self.since(start), (marked, body))
        if self.next_is("char", "/") and self.mark(1) and place < self.at:
            return self._slashed(numerator, start)
        return numerator

    def _subscript_derivative(self, start: int) -> Node:
        """∂_w L."""
        wrt, order, _ = self._limits()
        of = self.factor() if self._operand_follows() else None
        variables = wrt if wrt is not None else self.empty()
        return Derivative(self.since(start), "partial", of, (variables,), (order,), order, "subscript", True)

    def _slashed(self, numerator: Node, start: int) -> Node:
        """∂L/∂w on the line, and d/dx before what it applies to."""
        self.advance()
        place = self.at
        below: list[Node] = []
        while self.mark() and (not below or self._touching()):
            mark_start = self.at
            kind = "partial" if self.peek().text == "partial" else "d"
            self.at += self.mark()
            body = self.scripts(self.atom(), self.at - 1)
            below.append(Differential(self.since(mark_start), kind, body))
        denominator = below[0] if len(below) == 1 else Juxtapose(self.since(place), tuple(below))
        node = as_derivative(numerator, denominator, "slash", self.since(start))
        if node is None:
            raise self.error("a derivative on the line")
        if node.of is None and self._operand_follows():
            of = self.factor() if self.opens_bracket() else self.juxtaposition()
            return replace(node, span=self.since(start), of=of)
        return node

    def _touching(self) -> bool:
        return self.tokens[self.at - 1].span.end == self.peek().span.start or self.is_sign("partial")


def is_missing(node: Node) -> bool:
    return isinstance(node, Empty)


def between(first: Node, last: Node) -> Span:
    """From the beginning of one node to the end of another."""
    return Span(first.span.start, last.span.end)
