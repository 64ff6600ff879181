"""Scripts, and what is written with d, ∂ and ∇: differentials, derivatives on the line, gradients."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from symcnn.notes.parser_atoms import Atoms
from symcnn.notes.parser_derivatives import as_derivative
from symcnn.notes.parser_tables import FONTS
from symcnn.notes.tree import (
    Derivative,
    Differential,
    Empty,
    Evaluated,
    Gradient,
    Group,
    Juxtapose,
    Node,
    Script,
    Symbol,
)


class Differentials(Atoms):
    """Reads scripts and differentials."""

    def scripts(self, base: Node, start: int) -> Node:
        """The base with the scripts that follow it; a second one of a kind goes around the first."""
        node = base
        for times in count():
            self.repeated(times)
            sub, sup, primes = self.limits()
            if sub is None and sup is None and not primes:
                break
            if isinstance(node, Group) and (node.open, node.close) == (".", "|") and not primes:
                inner = node.body
                body = inner.body if isinstance(inner, Group) and not inner.open else inner
                node = Evaluated(self.since(start), body, sub, sup)
            else:
                node = Script(self.since(start), node, sub, sup, primes)
        return node

    def limits(self) -> tuple[Node | None, Node | None, int]:
        """At most one sub- and superscript, in any order, and primes."""
        sub: Node | None = None
        sup: Node | None = None
        primes = 0
        while True:
            if self.next_is("sub") and sub is None:
                self.advance()
                sub = self.script_argument()
            elif self.next_is("sup") and sup is None:
                self.advance()
                sup = self.script_argument()
            elif self.next_is("prime"):
                self.advance()
                primes += 1
            else:
                return sub, sup, primes

    def script_argument(self) -> Node:
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

    def gradient(self, start: int) -> Node:
        self.advance()
        wrt, order, _ = self.limits()
        of = self.factor() if self.operand_follows() else None
        of = None if isinstance(of, Empty) else of
        return Gradient(self.since(start), of, wrt, order)

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

    def differential(self, start: int) -> Node:
        length = self.mark()
        kind = "partial" if self.peek().text == "partial" else "d"
        self.at += length
        symbol = Symbol(self.since(start), kind)
        if kind == "partial" and self.next_is("sub"):
            return self._subscript_derivative(start)
        order: Node | None = None
        if self.next_is("sup"):
            self.advance()
            order = self.script_argument()
        marked: Node = symbol if order is None else Script(self.since(start), symbol, None, order)
        if self.next_is("char", "/") and self.mark(1):
            return self._slashed(marked, start)
        if not self.operand_follows():
            return marked
        place = self.at
        body = self.factor()
        if isinstance(body, Empty):
            return marked
        if order is None:
            numerator: Node = Differential(self.since(start), kind, body)
        else:
            numerator = Juxtapose(self.since(start), (marked, body))
        if self.next_is("char", "/") and self.mark(1) and place < self.at:
            return self._slashed(numerator, start)
        return numerator

    def _subscript_derivative(self, start: int) -> Node:
        """∂_w L."""
        wrt, order, _ = self.limits()
        of = self.factor() if self.operand_follows() else None
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
        if node.of is None and self.operand_follows():
            of = self.factor() if self.opens_bracket() else self.juxtaposition()
            return replace(node, span=self.since(start), of=of)
        return node

    def _touching(self) -> bool:
        return self.tokens[self.at - 1].span.end == self.peek().span.start or self.is_sign("partial")
