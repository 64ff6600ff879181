"""What the words around a formula say: sizes that they set, a single example, conditions on indices."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from symcnn.notes import prose as talk
from symcnn.notes.claims import Piece, set_together
from symcnn.notes.extract import Document
from symcnn.notes.facts import Facts
from symcnn.notes.name_parts import letter
from symcnn.notes.names import read_name
from symcnn.notes.tree import Chain, Node, Number
from symcnn.notes.walking import walk

REACH = 4000
"""How many characters before a formula its words may stand."""

LARGEST_SETTING = 3
"""Sizes up to this one are put in for a check; larger ones belong to an example."""

TITLE = re.compile(r"\n[ \t]*\n(?=\*\*|\\textbf\{|\\paragraph\{)")
"""The beginning of a paragraph with a title of its own, to which what was set before does not reach."""

STRIDE = re.compile(r"stride\s+(?:is\s+)?(one|two|three|[123])\b")
NO_PADDING = re.compile(r"(?:no|without|zero)\s+padding")
NUMBERS = {"one": 1, "two": 2, "three": 3, "1": 1, "2": 2, "3": 3}
CLAUSE = 60
"""How many characters before a formula the word may stand that makes it a condition."""

ORDERS = frozenset({"!=", "<", ">", "<=", ">="})


@dataclass(frozen=True, slots=True)
class _Setting:
    """A passage that gives a size a number; `piece` is the equation that does, None for words."""

    start: int
    end: int
    key: str
    value: int
    piece: Piece | None = None


class Surroundings:
    """The text around each piece of the notes."""

    def __init__(self, document: Document, facts: Facts, found: list[Piece]) -> None:
        self.document = document
        self.facts = facts
        self.pieces = found
        displays = {formula.outer.end for formula in document.formulas if formula.display}
        headings = {block.span.end for block in document.prose if block.kind == "heading"}
        titles = {match.end() for match in TITLE.finditer(document.text)}
        self._begins = sorted({0} | displays | headings | titles)
        self._before = dict(zip(map(id, document.formulas[1:]), document.formulas, strict=False))
        self._first_pieces = {id(piece.formula): piece for piece in reversed(found)}
        self._words = _by_key(self._said())
        self._equations = _by_key(self._stated())
        self.settings = [self._settings(piece) for piece in found]
        self.single = self._single()

    def _begin(self, piece: Piece) -> int:
        """Where the words that belong to a piece begin: after a display, a heading, or at a bold title."""
        return self._begins[bisect_right(self._begins, piece.formula.span.start) - 1]

    def words_before(self, piece: Piece) -> str:
        """The running text between the last display before a piece and the piece, REACH characters at most."""
        start = piece.formula.span.start
        return self.document.text[max(self._begin(piece), start - REACH) : start]

    # --- sizes

    def _said(self) -> list[_Setting]:
        """Words that set sizes: stride 1, no padding."""
        text, found = self.document.text, []
        stride, padding = self._named("stride"), self._named("padding")
        if stride in self.facts.sizes:
            found += [_Setting(*m.span(), stride, NUMBERS[m[1]]) for m in STRIDE.finditer(text)]
        if padding in self.facts.sizes:
            found += [_Setting(*m.span(), padding, 0) for m in NO_PADDING.finditer(text)]
        return found

    def _named(self, word: str) -> str:
        match = re.search(word + r"\s+\$([a-zA-Z])\$", self.document.text)
        return match[1] if match else word[0]

    def _stated(self) -> list[_Setting]:
        """Equations that set sizes: s = 1."""
        found = []
        for piece in self.pieces:
            number = set_together(self.pieces, piece) or piece.right
            if piece.sign != "=" or piece.left is None or not isinstance(number, Number):
                continue
            ref, text = read_name(piece.left, self.facts.habits), number.text
            if ref is None or ref.key not in self.facts.sizes or ref.indices is not None:
                continue
            if text.isdigit() and int(text) <= LARGEST_SETTING:
                span = piece.formula.span
                found.append(_Setting(span.start, span.end, ref.key, int(text), piece))
        return found

    def _settings(self, piece: Piece) -> dict[str, int]:
        """Sizes that the words before a formula and the formulas among them set."""
        begin, start = self._begin(piece), piece.formula.span.start
        found: dict[str, int] = {}
        for key, said in self._words.items():
            first = bisect_left(said, begin, key=lambda one: one.start)
            if first < len(said) and said[first].end <= start:
                found[key] = said[first].value
        for key, stated in self._equations.items():
            latest = self._latest(stated, piece, begin)
            if latest is not None:
                found[key] = latest
        for node in piece.beside:
            for chain in (n for n in walk(node) if isinstance(n, Chain)):
                name = letter(chain.sides[0])
                if name in self.facts.sizes and isinstance(chain.sides[1], Number):
                    found[name or ""] = int(chain.sides[1].text)
        return found

    def _latest(self, stated: list[_Setting], piece: Piece, begin: int) -> int | None:
        """What the latest equation between `begin` and the end of the piece's formula sets."""
        first, last = (
            side(stated, place, key=lambda one: one.start)
            for side, place in ((bisect_left, begin), (bisect_right, piece.formula.span.start))
        )
        for number in range(last - 1, first - 1, -1):
            one = stated[number]
            assert one.piece is not None
            if one.piece is not piece and (
                one.piece.formula is piece.formula or not one.piece.formula.display
            ):
                return one.value
        return None

    # --- examples and conditions

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
        here: Piece | None = piece
        while here is not None and here.first and not here.formula.display:
            formula = here.formula
            before = self._before.get(id(formula))
            begin = max(before.outer.end if before else 0, formula.outer.start - CLAUSE)
            words = self.document.text[begin : formula.outer.start]
            if talk.is_condition(words):
                return True
            same_clause = re.fullmatch(r"\s*,?\s*(?:and|or)?\s*", words)
            here = self._first_pieces.get(id(before)) if same_clause and before is not None else None
        return False

    def conditions(self, piece: Piece) -> list[Node]:
        """Conditions on the indices of a claim, written after it: `for m' \\neq m`."""
        found: list[Node] = [part for node in piece.beside for part in walk(node) if isinstance(part, Chain)]
        found += self._conditions_before(piece)
        for other in self.pieces[piece.order + 1 : piece.order + 2]:
            if other.formula is piece.formula or other.sign not in ORDERS:
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
            if other.formula.display or other.sign not in ORDERS:
                continue
            inside = other.formula.span.start >= begin and piece.formula.display
            if inside and other.left is not None and other.right is not None and other.relation is not None:
                found.append(Chain(other.span, (other.left, other.right), (other.relation,)))
        return found


def _by_key(settings: list[_Setting]) -> dict[str, list[_Setting]]:
    """The settings of each size, in order."""
    found: dict[str, list[_Setting]] = {}
    for one in sorted(settings, key=lambda one: one.start):
        found.setdefault(one.key, []).append(one)
    return found
