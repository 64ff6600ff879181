"""LaTeX of one formula to its notation tree: sums, products, chains of relations, sequences of formulas.

A parser by precedence, one method a level: sequence < chain < sum < product < juxtaposition < factor < atom.
It reads the whole formula or raises NotationError; nothing at the end is left over. It decides about form
only; `tree` says what it leaves to the context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from symcnn.notes.marks import Operator, Relation, Separator, Span
from symcnn.notes.parser_left import with_left_scripts
from symcnn.notes.parser_macros import expand, without_definitions
from symcnn.notes.parser_names import joined_names
from symcnn.notes.parser_operators import Operators
from symcnn.notes.parser_rows import is_relation, is_sign, join_rows
from symcnn.notes.parser_tables import (
    BIG_OPERATORS,
    LABELLED_ARROWS,
    NEGATED,
    PRODUCTS,
    PROSE,
    RELATIONS,
    SEPARATOR_STRENGTH,
    SEPARATORS,
    SIGNS,
)
from symcnn.notes.tokens import Macro, NotationError, Token, tokenize
from symcnn.notes.tree import (
    Add,
    Chain,
    Empty,
    Group,
    Juxtapose,
    Node,
    Product,
    Sequence,
    Symbol,
    Text,
    Unary,
)

_LAYOUT_SEPARATORS = frozenset(("quad", "newline", "", "."))
_LEADING = frozenset(("implies", "impliedby", "iff", "therefore", "because", ":", "and", "or"))


def parse(
    latex: str, *, macros: Mapping[str, Macro] | None = None, names: frozenset[str] = frozenset()
) -> Node:
    """The notation tree of a whole formula; `macros` are the user's own commands by name, `names` the words
    that are names though they are typed as bare letters.

    A formula of nothing but layout is `Empty`. Raises NotationError, with the position, for what cannot be
    read: a bracket or operand missing, an unknown environment, nesting or length beyond the limits.
    """
    source, own = without_definitions(latex)
    tokens = expand(tokenize(source), {**(macros or {}), **own}, source)
    parser = Parser(latex, join_rows(joined_names(tokens, names)))
    try:
        return parser.formula()
    except RecursionError:
        raise NotationError("expected notation that is nested less deeply", 0) from None


class Parser(Operators):
    """Reads a whole formula."""

    def formula(self) -> Node:
        if not self.tokens:
            return Empty(Span(0, len(self.latex)))
        if len(self.tokens) == 1 and (self.is_product() or self.is_plus_or_minus()):
            token = self.advance()
            return Symbol(token.span, "-" if token.text == "minus" else token.text)
        body = self.sequence()
        if not self.next_is("eof"):
            raise self.error("the end of the formula")
        return body

    # --- sequences

    def sequence(self) -> Node:
        """Items and separators up to what closes this group; a single item stands for itself."""
        start = self.at
        items: list[Node] = []
        separators: list[Separator] = []
        gaps = self._separators(leading=True)
        if gaps and any(gap.name not in _LAYOUT_SEPARATORS for gap in gaps):
            self._append(items, separators, Empty(Span(gaps[0].span.start, gaps[0].span.start)), [])
        elif gaps:
            gaps = []
        while not self.closes():
            before = self.at
            self._append(items, separators, self._item(), gaps)
            gaps = self._separators()
            if self.at == before:
                raise self.error("an operand")
            if not gaps and not self.closes():
                if not (self.starts_operand() or self.is_prose() or isinstance(items[-1], Text)):
                    raise self.error("an operator, a relation or the end of the formula")
                gaps = [Separator(self.here(), "")]
        if not items:
            return Empty(self.since(start))
        if any(gap.name in _LEADING for gap in gaps):
            self._append(items, separators, self.empty(), gaps)
        if len(items) == 1:
            return items[0]
        return Sequence(Span(items[0].span.start, items[-1].span.end), tuple(items), tuple(separators))

    def _append(
        self, items: list[Node], separators: list[Separator], item: Node, gaps: list[Separator]
    ) -> None:
        """Adds an item; where several separators stand before it, with the empty items between them."""
        for gap in gaps[:-1] if items else []:
            separators.append(gap)
            items.append(Empty(Span(gap.span.end, gap.span.end)))
        if items:
            separators.append(gaps[-1])
        if isinstance(item, Group) and not item.open and not item.close:
            item = item.body
        if isinstance(item, Sequence):
            items.extend(item.items)
            separators.extend(item.separators)
        else:
            items.append(item)

    def _separators(self, *, leading: bool = False) -> list[Separator]:
        """The separators that come next: one, unless two of them leave an item out between them."""
        found: list[Separator] = []
        while True:
            token = self.peek()
            name = self._separator_name(token)
            # After a separator, as at the beginning, a bar opens a pair.
            if not name or (name.startswith("|") and self.bar() and (leading or found)):
                return found
            self.advance()
            if name == "|" and self.bar() == "|" and token.span.end == self.peek().span.start:
                token, name = replace(self.advance(), span=Span(token.span.start, token.span.end + 1)), "||"
            gap = Separator(token.span, name)
            if found and (
                name in _LAYOUT_SEPARATORS or found[-1].name in _LAYOUT_SEPARATORS or _joins(found[-1], gap)
            ):
                last = found.pop()
                strongest = max(last.name, name, key=lambda one: SEPARATOR_STRENGTH[one])
                gap = Separator(Span(last.span.start, token.span.end), strongest)
            found.append(gap)

    def _separator_name(self, token: Token) -> str:
        if token.kind in ("quad", "newline"):
            return "" if self.closes() else token.kind
        if token.kind not in ("char", "command") or self.is_decimal_point():
            return ""
        if self.bar() and not self.closes_bar() and not self.opens_bar():
            return self.bar()
        return SEPARATORS.get(token.text, "")

    def _item(self) -> Node:
        """Prose, or a chain of relations."""
        if self.is_prose() and not self._prose_is_operand():
            start = self.at
            parts = [self.atom()]
            if self.next_is("text") and isinstance(parts[0], Text) and self.is_prose():
                return self._more_prose(parts[0], start)
            return parts[0]
        return self.chain()

    def _more_prose(self, first: Text, start: int) -> Node:
        text = first.text
        while self.next_is("text") and self.is_prose():
            text += self.advance().text
        return Text(self.since(start), text)

    def _prose_is_operand(self) -> bool:
        """`\\text{output size} = n`: several words that stand for a quantity."""
        if not self.next_is("text"):
            return False
        text, after = self.peek().text, self.peek(1)
        if is_sign(after) and (text != text.strip() or text.split()[0].lower() in PROSE):
            return False
        return (
            is_relation(after)
            or is_sign(after)
            or (after.kind in ("char", "command") and after.text in PRODUCTS)
        )

    # --- chains

    def chain(self) -> Node:
        start = self.at
        first = self.empty() if self.is_relation() else self.sum()
        sides, relations = [first], []
        while self.is_relation():
            relations.append(self._relation())
            sides.append(self._side())
        if not relations:
            return first
        return Chain(self.since(start), tuple(sides), tuple(relations))

    def _side(self) -> Node:
        return self.sum() if self._operand_or_sign() else self.empty()

    def _relation(self) -> Relation:
        start = self.at
        token = self.advance()
        if token.text == "not":
            name = NEGATED.get(RELATIONS.get(self.peek().text, ""), "")
            if not name:
                raise self.error("a relation that can be negated")
            self.advance()
            return Relation(self.since(start), name)
        if token.text in ("overset", "underset", "stackrel"):
            label = self.argument()
            braced = self.next_is("open")
            if braced:
                self.advance()
            inner = self._relation()
            if braced:
                self.expect("close", "}")
            above, below = (None, label) if token.text == "underset" else (label, None)
            return Relation(self.since(start), inner.name, above, below)
        name = RELATIONS[token.text]
        if token.text not in LABELLED_ARROWS:
            return Relation(token.span, name)
        below = self._optional_argument()
        above = self.argument() if self.next_is("open") else None
        above = None if isinstance(above, Empty) else above
        return Relation(self.since(start), name, above, below)

    # --- sums and products

    def sum(self) -> Node:
        start = self.at
        terms = [self._term(first=True)]
        while self.is_plus_or_minus():
            terms.append(self._term(first=False))
        return terms[0] if len(terms) == 1 else Add(self.since(start), tuple(terms))

    def _term(self, *, first: bool) -> Node:
        """A term with its sign; a plus between terms leaves no mark, a sign before the first one does."""
        signs: list[tuple[int, str]] = []
        while self.is_plus_or_minus() and not (first and not signs and self.is_placeholder()):
            signs.append((self.at, SIGNS[self.advance().text]))
            self.repeated(len(signs))
        if not first and signs and signs[0][1] == "+":
            signs = signs[1:]
        node = self.product() if self._operand_or_sign() else self.empty()
        for place, sign in reversed(signs):
            node = Unary(self.since(place), sign, node)
        return node

    def _operand_or_sign(self) -> bool:
        """Whether an operand is there to read; at the end of a formula it may be missing."""
        if self.bar() and not self.closes_bar():
            return True
        return not (self.closes() or self.is_relation() or self._separator_name(self.peek()))

    def product(self) -> Node:
        """Factors joined by written operators, from the left."""
        start = self.at
        leading = self.is_product() and not self.is_placeholder()
        factors = [self.empty() if leading else self.juxtaposition()]
        operators: list[Operator] = []
        while self.is_product():
            token = self.advance()
            operators.append(Operator(token.span, token.text))
            divides = token.text == "/"
            factors.append(self.juxtaposition(tight=divides) if self._operand_or_sign() else self.empty())
            if divides and self.starts_operand() and not self.is_prose() and not self.closes():
                operators.append(Operator(self.here(), ""))
                factors.append(self.juxtaposition())
        if not operators:
            return factors[0]
        return Product(self.since(start), tuple(factors), tuple(operators))

    def juxtaposition(self, *, tight: bool = False) -> Node:
        """Factors side by side; `tight` after a slash takes only letters that touch: 1/2m but not 1/m Σ."""
        start = self.at
        parts = [self.factor()]
        while self.starts_operand() and not self.is_prose() and not self.closes():
            if tight and not self._belongs_below():
                break
            part = self.factor()
            if isinstance(part, Empty):
                continue
            # ∂² L comes back as two parts; they stand beside their neighbours like any other.
            parts.append(part)
        if len(parts) > 1:
            parts = [part for part in parts if not isinstance(part, Empty)] or parts[:1]
        flat = [one for part in parts for one in (part.parts if isinstance(part, Juxtapose) else (part,))]
        flat = with_left_scripts(flat)
        return flat[0] if len(flat) == 1 else Juxtapose(self.since(start), tuple(flat))

    def _belongs_below(self) -> bool:
        """Whether what follows a denominator on the line belongs to it."""
        token = self.peek()
        touching = self.tokens[self.at - 1].span.end == token.span.start
        return touching and self.names_symbol(token) and token.text not in BIG_OPERATORS


def _joins(first: Separator, second: Separator) -> bool:
    """Whether two separators in a row are one: `, ⇒` is, `, ,` leaves an item out."""
    punctuation = (",", ";", ":", "|", "||")
    return first.name not in punctuation or second.name not in punctuation
