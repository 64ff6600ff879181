"""Changes of a formula: the ways in which people really get one wrong, each with its name, the most likely first."""

from __future__ import annotations

import itertools

from symcnn.notes.edit import Edit, Vocabulary, joined
from symcnn.notes.edits_factors import of_factors
from symcnn.notes.edits_indices import of_names
from symcnn.notes.edits_terms import of_side, of_terms
from symcnn.notes.tree import Node
from symcnn.notes.walking import walk

MOST_PAIRS = 300
LIKELY = 2
"""The cost up to which changes are also tried two at a time."""


def edits(latex: str, right: Node, left: Node | None, words: Vocabulary) -> list[Edit]:
    """All single changes of the right side, the most likely ones first."""
    found: list[Edit] = []
    for node in walk(right):
        found.extend(of_names(latex, node, right, left, words))
        found.extend(of_factors(latex, node, words))
        found.extend(of_terms(latex, node, left, words))
    found.extend(of_side(latex, right, left, words))
    unique: dict[tuple[int, int, str], Edit] = {}
    for edit in sorted(found, key=lambda e: e.cost):
        if edit.applied(latex) != latex:
            unique.setdefault((edit.span.start, edit.span.end, edit.text), edit)
    return list(unique.values())


def pairs(latex: str, single: list[Edit]) -> list[Edit]:
    """Two likely changes at once: first those of one kind, then the others."""
    likely = [edit for edit in single if edit.cost <= LIKELY]
    found: list[Edit] = []
    for a, b in itertools.combinations(likely, 2):
        what = a.what if a.what == b.what else f"{a.what}; {b.what}"
        both = joined(latex, (a, b), what, a.cost + b.cost + (a.what != b.what))
        if both is not None:
            found.append(both)
    return sorted(found, key=lambda e: e.cost)[:MOST_PAIRS]


__all__ = ["Edit", "Vocabulary", "edits", "pairs"]
