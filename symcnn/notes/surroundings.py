"""What the words around a formula say: sizes that they set, a single example, conditions on indices."""

from __future__ import annotations

import re

from symcnn.notes import prose as talk
from symcnn.notes.claims import Piece, set_together
from symcnn.notes.extract import Document
from symcnn.notes.facts import Facts
from symcnn.notes.name_parts import letter
from symcnn.notes.names import read_name
from symcnn.notes.tree import Chain, Node, Number
from symcnn.notes.walking import walk

TITLE = re.compile(r"\n[ \t]*\n(?=\*\*|\\textbf\{|\\paragraph\{)")
"""The beginning of a paragraph with a title of its own, to which what was set before does not reach."""

CONDITION = re.compile(
    r"\b(?:whenever|if|when|unless|provided(?: that)?|such that|as long as|in case|for which|satisfying)\s*\$*$",
    re.I,
)
"""Words that make the formula after them a condition; `and` goes on with one."""

LARGEST = 3
"""Sizes up to this one are put in for a check; larger ones belong to an example."""


class Surroundings:
    """The text around each piece of the notes."""

    def __init__(self, document: Document, facts: Facts, found: list[Piece]) -> None:
        self.document = document
        self.facts = facts
        self.pieces = found
        self.settings = [self._settings(piece) for piece in found]
        self.single = self._single()

    def words_before(self, piece: Piece) -> str:
        """The running text between the last display before a piece and the piece."""
        return self.document.text[self._begin(piece) : piece.formula.span.start]

    def _begin(self, piece: Piece) -> int:
        """Where the words that belong to a piece begin: after a display, a heading, or at a bold title."""
        start = piece.formula.span.start
        begin = 0
        for other in self.document.formulas:
            if other.outer.end <= start and other.display and other.outer.start < piece.formula.outer.start:
                begin = max(begin, other.outer.end)
        for block in self.document.prose:
            if block.kind == "heading" and block.span.end <= start:
                begin = max(begin, block.span.end)
        titles = [match.end() for match in TITLE.finditer(self.document.text, begin, start)]
        return max([begin, *titles])

    def _settings(self, piece: Piece) -> dict[str, int]:
        """Sizes that the words before a formula set: stride 1, no padding, (s = 1)."""
        facts = self.facts
        words = self.words_before(piece)
        found: dict[str, int] = {}
        stride, padding = self._named("stride"), self._named("padding")
        match = re.search(r"stride\s+(?:is\s+)?(one|two|three|[123])\b", words)
        if match and stride in facts.sizes:
            found[stride] = {"one": 1, "two": 2, "three": 3}.get(match[1]) or int(match[1])
        if re.search(r"(no|without|zero)\s+padding", words) and padding in facts.sizes:
            found[padding] = 0
        begin = self._begin(piece)
        for other in self.pieces:
            near = other.formula is piece.formula or (
                not other.formula.display and begin <= other.formula.span.start < piece.formula.span.start
            )
            if near and other is not piece:
                found |= self._set_by(other)
        for node in piece.beside:
            for chain in (n for n in walk(node) if isinstance(n, Chain)):
                name = letter(chain.sides[0])
                if name in facts.sizes and isinstance(chain.sides[1], Number):
                    found[name or ""] = int(chain.sides[1].text)
        return found

    def _set_by(self, piece: Piece) -> dict[str, int]:
        """The small size that a formula sets, `s = 1`; each of those in `k = s = 1`."""
        number = set_together(self.pieces, piece) or piece.right
        if piece.sign != "=" or piece.left is None or not isinstance(number, Number):
            return {}
        ref = read_name(piece.left, self.facts.habits)
        small = number.text.isdigit() and int(number.text) <= LARGEST
        if ref is None or ref.key not in self.facts.sizes or ref.indices is not None or not small:
            return {}
        return {ref.key: int(number.text)}

    def _named(self, word: str) -> str:
        match = re.search(word + r"\s+\$([a-zA-Z])\$", self.document.text)
        return match[1] if match else word[0]

    def _single(self) -> list[bool]:
        """For each piece whether the words before it have turned to a single example."""
        state, result, at = False, [], 0
        for piece in self.pieces:
            words = self.document.text[at : piece.formula.span.start]
            if talk.says_single(words):
                state = True
            elif talk.says_batch(words) or re.search(r"^#", words, re.M):
                state = False
            at = piece.formula.span.end
            result.append(state)
        return result

    def is_condition(self, piece: Piece) -> bool:
        """Whether the words directly before a formula in the text make it a condition, and no statement."""
        formula = piece.formula
        if formula.display or not piece.first:
            return False
        before = [other for other in self.document.formulas if other.outer.end <= formula.outer.start]
        begin = max(before[-1].outer.end if before else 0, formula.outer.start - 60)
        words = self.document.text[begin : formula.outer.start]
        if CONDITION.search(words):
            return True
        same_clause = before and re.fullmatch(r"\s*,?\s*(?:and|or)?\s*", words)
        pieces = [other for other in self.pieces if same_clause and other.formula is before[-1]]
        return bool(pieces) and self.is_condition(pieces[0])

    def conditions(self, piece: Piece) -> list[Node]:
        """Conditions on the indices of a claim, written after it: `for m' \\neq m`."""
        found: list[Node] = [part for node in piece.beside for part in walk(node) if isinstance(part, Chain)]
        found += self._conditions_before(piece)
        for other in self.pieces[piece.order + 1 : piece.order + 2]:
            if other.formula is piece.formula or other.sign not in ("!=", "<", ">", "<=", ">="):
                continue
            between = self.document.text[piece.formula.outer.end : other.formula.outer.start]
            if re.match(r"^[\s,]*(for|if|when|where|with)\s*$", between) and other.left and other.right:
                assert other.relation is not None
                found.append(Chain(other.span, (other.left, other.right), (other.relation,)))
        return found

    def _conditions_before(self, piece: Piece) -> list[Node]:
        """Conditions in the sentence before a display: `for the wrong classes, j \\neq y_i, ...`."""
        words = self.words_before(piece)
        begin = piece.formula.span.start - len(words)
        words = words.rstrip().rstrip("$[\\").rstrip()
        begin += max(words.rfind(". "), words.rfind("\n\n"), -1) + 1
        found: list[Node] = []
        for other in self.pieces[max(0, piece.order - 4) : piece.order]:
            if other.formula.display or other.sign not in ("!=", "<", ">", "<=", ">="):
                continue
            inside = other.formula.span.start >= begin and piece.formula.display
            if inside and other.left is not None and other.right is not None and other.relation is not None:
                found.append(Chain(other.span, (other.left, other.right), (other.relation,)))
        return found
