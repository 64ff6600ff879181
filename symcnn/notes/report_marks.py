"""What the reports share: the names and signs of verdicts, and text of the notes made safe to show."""

from __future__ import annotations

import re
from collections.abc import Mapping

from symcnn.notes.marks import Span
from symcnn.notes.verdict import FALSE_KINDS, Claim, Counterexample, Kind, Report

SIGNS: Mapping[Kind, str] = {
    Kind.HOLDS: "✓",
    Kind.HOLDS_IF: "✓",
    Kind.FAILS: "✗",
    Kind.INCONSISTENT: "✗",
    Kind.DEFINITION: "≔",
    Kind.SHAPE_RIGHT: "✓",
    Kind.SHAPE_WRONG: "✗",
    Kind.NOT_A_CLAIM: "–",
    Kind.CANNOT_CHECK: "?",
}
"""A sign for each verdict, so that nothing depends on colour alone."""

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def visible(text: str) -> str:
    """`text` without characters that steer a terminal, a browser or the direction of writing.

    Each becomes one visible character, so that places stay: the sign of a control character, or �.
    """
    return _CONTROL.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if match.group() == "\r":
        return " "
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"


def one_line(text: str) -> str:
    """`text` made safe, on one line."""
    return " ".join(visible(text).split())


def headline(claim: Claim) -> str:
    """What a verdict comes to in a few words: what went wrong, what it needs, or why it stays open."""
    verdict = claim.verdict
    match verdict.kind:
        case Kind.HOLDS_IF:
            return f"if {verdict.assumption}" if verdict.assumption else ""
        case Kind.HOLDS | Kind.SHAPE_RIGHT:
            return verdict.proof or verdict.reason or ""
        case _:
            return verdict.diagnosis or verdict.reason or ""


def further_reason(claim: Claim) -> str:
    """The part of the reason that the headline leaves out."""
    verdict = claim.verdict
    shown = headline(claim)
    if not verdict.reason or verdict.reason in shown or verdict.reason == f"the two sides differ: {shown}":
        return ""
    return verdict.reason


def assignments(example: Counterexample) -> str:
    """The numbers of a counterexample: `a = 2, b = 3`."""
    return ", ".join(f"{name} = {value}" for name, value in example.values.items())


def end_line(report: Report, claim: Claim) -> int:
    """The last line of the file on which a claim stands."""
    return report.document.place(max(claim.span.end - 1, claim.span.start))[0]


def merged(spans: tuple[Span, ...], length: int) -> list[Span]:
    """Spans in order, cut to the text and joined where they overlap."""
    joined: list[Span] = []
    for span in sorted(spans):
        start, end = max(span.start, 0), min(span.end, length)
        if start >= end:
            continue
        if joined and start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(end, joined[-1].end))
        else:
            joined.append(Span(start, end))
    return joined


def is_false(claim: Claim) -> bool:
    """Whether a claim was found wrong."""
    return claim.verdict.kind in FALSE_KINDS
