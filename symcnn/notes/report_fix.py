"""The notes with their corrections in place, and where a claim and its correction differ."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from symcnn.notes.marks import Span
from symcnn.notes.verdict import FALSE_KINDS, Claim, Report

_PIECE = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
MOST_PIECES = 2_000
"""Longer claims are replaced from their first to their last difference: comparing takes quadratic time."""


def fixed(report: Report) -> str:
    """The text of the file with every correction of a false claim in its place.

    Only what differs between a claim and its correction is replaced. Where two corrections want the same
    characters otherwise, the first one wins.
    """
    taken: list[tuple[Span, str]] = []
    for claim in report.claims:
        changes = placed(report, claim)
        new = [change for change in changes if change not in taken]
        if not any(_clash(change[0], other[0]) for change in new for other in taken):
            taken += new
    return report.document.rewritten(taken)


def placed(report: Report, claim: Claim) -> list[tuple[Span, str]]:
    """The changes that correct a claim, as spans of the document's text; none where it needs or has none."""
    correction = claim.verdict.correction
    if correction is None or claim.verdict.kind not in FALSE_KINDS:
        return []
    changes = [(span.shifted(claim.span.start), new) for span, new in differences(claim.latex, correction)]
    text = report.document.text
    for (span, _), (inside, _) in zip(changes, differences(claim.latex, correction), strict=True):
        if span.of(text) != inside.of(claim.latex):  # quote marks or comments of the notes stand in between
            return []
    return changes


def differences(old: str, new: str) -> list[tuple[Span, str]]:
    """The smallest replacements, as spans of `old`, that turn it into `new`, command by command.

    >>> differences("x_{12} + b", "x_{11} + b")
    [(Span(start=4, end=5), '1')]
    """
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    if len(before) > MOST_PIECES or len(after) > MOST_PIECES:
        return _whole(before, after)
    starts = [0]
    for piece in before:
        starts.append(starts[-1] + len(piece))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        (Span(starts[i], starts[j]), "".join(after[k:m]))
        for what, i, j, k, m in matcher.get_opcodes()
        if what != "equal"
    ]


def _whole(before: list[str], after: list[str]) -> list[tuple[Span, str]]:
    """One replacement from the first difference to the last."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    if head == len(before) == len(after):
        return []
    start = len("".join(before[:head]))
    end = len("".join(before[: len(before) - tail]))
    return [(Span(start, end), "".join(after[head : len(after) - tail]))]


def _clash(one: Span, other: Span) -> bool:
    """Whether two replacements touch the same characters, or insert at the same place."""
    return one == other or (one.start < other.end and other.start < one.end)
