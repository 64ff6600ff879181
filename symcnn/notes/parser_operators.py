"""What stands before or after a piece: calls, attributes, big operators, signs."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from symcnn.notes.parser_cursor import OPENING_COMMANDS
from symcnn.notes.parser_differentials import Differentials
from symcnn.notes.parser_tables import BIG_OPERATORS, BIG_WORDS, FONTS, MATRICES, SIGNS
from symcnn.notes.parser_words import is_function
from symcnn.notes.tree import (
    Accent,
    Attribute,
    BigOperator,
    Call,
    CallOrProduct,
    Derivative,
    Evaluated,
    Group,
    Juxtapose,
    Node,
    Postfix,
    Script,
    Styled,
    Symbol,
    Text,
    Unary,
    Word,
)

_PLAIN_WORDS = frozenset(("max", "min", "sup", "inf", "arg", "argmax", "argmin"))


class Operators(Differentials):
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
                body = self.factor()
                return Unary(self.since(start), "neg", body)
            if self.mark():
                return self.differential(start)
            if self.is_sign("nabla"):
                return self.gradient(start)
            if self.next_is("command") and self.peek().text in BIG_OPERATORS:
                return self.big_operator(self.advance().text, start)
            return self._completed(self.atom(), start)

    def _completed(self, node: Node, start: int) -> Node:
        """The node with scripts, arguments and what else follows it."""
        node = self.scripts(node, start)
        word = node.base if isinstance(node, Script) else node
        if isinstance(word, Word):
            node = self._applied(node, word, start)
        elif (
            self._is_head(node)
            and self.opens_bracket()
            and not self._opens_array()
            and not self._set_apart(node)
        ):
            node = self._call_or_product(node, start)
        elif isinstance(node, Derivative) and node.of is None and node.applied and self.operand_follows():
            of = self.factor() if self.opens_bracket() else self.juxtaposition()
            node = replace(node, span=self.since(start), of=of)
        return self._trailing(node, start)

    def _trailing(self, node: Node, start: int) -> Node:
        """Attributes, factorials, percent signs, and the bar of `f |_{x=0}`."""
        for times in count():
            self.repeated(times)
            if self._is_attribute():
                self.advance()
                name = self._attribute_name()
                node = Attribute(self.since(start), node, name)
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
                lower, upper, _ = self.limits()
                body = node.body if isinstance(node, Group) and not node.open else node
                node = Evaluated(self.since(start), body, lower, upper)
            else:
                break
        return node

    # --- calls

    def _is_head(self, node: Node) -> bool:
        base = node
        while isinstance(base, Script | Accent):
            base = base.base if isinstance(base, Script) else base.body
        return isinstance(base, Symbol | Styled) and (base is not node or not isinstance(node, Styled))

    def _set_apart(self, node: Node) -> bool:
        """Whether a thin space stands between a name and a bracket, as between factors: `g \\, (x - m)`."""
        before, bracket = self.tokens[self.at - 1], self.peek()
        gap = self.latex[before.span.end : bracket.span.start]
        return "\\," in gap and not (isinstance(node, Script) and node.primes)

    def _opens_array(self) -> bool:
        """Whether the bracket that comes holds a bare array: a matrix beside the symbol, no argument."""
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
            return self._with_body(word.text, start, None, None) if self.operand_follows() else node
        if self.opens_bracket():
            place = self.at
            argument = self.brackets()
            call = Call(self.since(start), node, argument)
            return self.scripts(call, start) if place < self.at else call
        if not is_function(word) or (self.in_script and word.style not in ("command", "operatorname")):
            return node
        signed = self.is_plus_or_minus() and word.style == "command" and word.text not in _PLAIN_WORDS
        if signed or self.operand_follows():
            argument = self._bare_argument()
            return Call(self.since(start), node, argument)
        return node

    def _bare_argument(self) -> Node:
        """What a function without brackets applies to: up to a sign, a bracket or another function."""
        start = self.at
        if self.is_plus_or_minus():
            sign = SIGNS[self.advance().text]
            body = self._bare_argument() if self.operand_follows() else self.empty()
            return Unary(self.since(start), sign, body)
        parts = [self.factor()]
        while self.operand_follows() and not self._stops_argument():
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else Juxtapose(self.since(start), tuple(parts))

    def _stops_argument(self) -> bool:
        token = self.peek()
        return (
            self.starts_function()
            or self.opens_bracket()
            or token.kind in ("left", "begin", "open")
            or bool(self.bar())
            or (token.kind == "command" and (token.text in BIG_OPERATORS or token.text in OPENING_COMMANDS))
        )

    # --- attributes and values at a place

    def _is_attribute(self) -> bool:
        """`W.T`, `P_2.\\text{shape}`: a full stop that touches a name on both sides."""
        name = self.peek(1)
        if not (self.next_is("char", ".") and self._touches_both()):
            return False
        if name.kind == "command":
            return FONTS.get(name.text) in ("rm", "tt", "sf", "it")
        return name.kind in ("letter", "text", "operatorname")

    def _touches_both(self) -> bool:
        before, point, after = self.tokens[self.at - 1], self.peek(), self.peek(1)
        return before.span.end == point.span.start and point.span.end == after.span.start

    def _attribute_name(self) -> str:
        if self.next_is("letter"):
            letters = self.run_of_letters()
            self.at += len(letters)
            return letters
        match self.atom():
            case Word(text=name) | Text(text=name) | Symbol(name=name):
                return name
        raise self.error("the name of an attribute")

    def _evaluates(self) -> bool:
        """Whether a bar comes that closes nothing and has a subscript: `f |_{x=0}`."""
        if self.closes_bar() or self.peek(1).kind != "sub":
            return False
        return self.bar() == "|" or (self.is_sign("rvert") and "rvert" not in self.closers)

    # --- operators with a body

    def big_operator(self, name: str, start: int, lower: Node | None = None) -> Node:
        sub, upper, _ = self.limits()
        return self._with_body(name, start, sub if lower is None else lower, upper)

    def _with_body(self, name: str, start: int, lower: Node | None, upper: Node | None) -> Node:
        body: Node | None = None
        if self.is_plus_or_minus() and not self.is_placeholder() and name not in _PLAIN_WORDS:
            place = self.at
            sign = SIGNS[self.advance().text]
            inner = self.product()
            body = Unary(self.since(place), sign, inner)
        elif self.operand_follows():
            body = self.product()
        return BigOperator(self.since(start), name, lower, upper, body)
