"""What stands between the nodes of a notation tree, and where anything stands: spans, operators, relations, separators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symcnn.notes.tree import Node


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (exclusive) of a string."""

    start: int
    end: int

    def shifted(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)

    def of(self, text: str) -> str:
        return text[self.start : self.end]


NOWHERE = Span(0, 0)
"""The span of a node that was made rather than read."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An infix operator: the command without backslash or the character (`odot`, `times`, `*`, `/`)."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation sign in a chain, with what stands above or below it (`\\xrightarrow[below]{above}`).

    Names: `= == < > <= >= != := += -= -> <- <->` for the common ones in all their spellings, else the command
    without backslash (`approx equiv propto in notin subset subseteq sim simeq mapsto ll gg cong ...`).
    """

    span: Span
    name: str
    above: Node | None = None
    below: Node | None = None


@dataclass(frozen=True, slots=True)
class Separator:
    """What separates two items of a sequence.

    Names: `,` `;` `.` `|` (given, such that) `||` `:` `quad` `newline` `implies` `impliedby` `iff`
    `therefore` `because` `and` `or` (the signs ∧ ∨), and `""` where prose meets mathematics without a sign.
    Of several in a row (a comma, then `\\quad`) the one that separates most is kept; its span covers all.
    """

    span: Span
    name: str
