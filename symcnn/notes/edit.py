"""One change of a formula's text, several of them as one, and the words that changes may use."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from symcnn.notes.marks import Span


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of `span` by `text`; `what` names the error in the field's words."""

    span: Span
    text: str
    what: str
    cost: int
    wrong: Span | None = None

    def applied(self, latex: str) -> str:
        return latex[: self.span.start] + self.text + latex[self.span.end :]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the notes write: names, factors, sum bounds, the sign of a transpose, signs of products, and so on."""

    names: tuple[str, ...]
    factors: tuple[str, ...]
    bounds: tuple[str, ...]
    batch: str | None
    transpose: str
    undefined: frozenset[str]
    kronecker: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    fractions: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    limits: tuple[tuple[str, ...], ...] = ()
    """The upper bounds of the sums of one formula, together."""


def joined(latex: str, several: Sequence[Edit], what: str, cost: int) -> Edit | None:
    """Several changes as one; None where two of them overlap."""
    ordered = sorted(several, key=lambda edit: (edit.span.start, edit.span.end))
    if any(a.span.end > b.span.start for a, b in itertools.pairwise(ordered)):
        return None
    text, at = "", ordered[0].span.start
    for edit in ordered:
        text += latex[at : edit.span.start] + edit.text
        at = edit.span.end
    span = Span(ordered[0].span.start, at)
    wrong = [edit.wrong or edit.span for edit in ordered]
    return Edit(span, text, what, cost, Span(min(w.start for w in wrong), max(w.end for w in wrong)))
