"""What verification says: a claim, its verdict with the evidence, and the report on one file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from symcnn.notes.extract import Document, Formula
from symcnn.notes.marks import Span


class Kind(StrEnum):
    """The verdicts of a claim; the value is how it is printed."""

    HOLDS = "holds"
    HOLDS_IF = "holds-if"
    FAILS = "fails"
    INCONSISTENT = "inconsistent-with-definition"
    DEFINITION = "definition"
    SHAPE_RIGHT = "shape-right"
    SHAPE_WRONG = "shape-wrong"
    NOT_A_CLAIM = "not-a-claim"
    CANNOT_CHECK = "cannot-check"


Stage = Literal["load", "read", "context", "prose", "check"]
"""The steps of a verification: the file, each formula's notation, what the notes say, each claim."""

FALSE_KINDS = (Kind.FAILS, Kind.INCONSISTENT, Kind.SHAPE_WRONG)
"""The verdicts that say something on the page is wrong."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Small exact numbers for the names, and what the two sides come to there."""

    values: Mapping[str, str]
    left: str
    right: str

    def to_dict(self) -> dict[str, Any]:
        return {"values": dict(self.values), "left": self.left, "right": self.right}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one claim.

    proof: how `holds` was shown ("symbolic", "symbolic at fixed shapes: ..."). assumption: what `holds-if`
    needs. correction: the whole claim in LaTeX, put right. wrong_terms: spans of the claim's LaTeX.
    diagnosis: the error in the field's words ("transpose missing").
    """

    kind: Kind
    proof: str | None = None
    assumption: str | None = None
    reason: str | None = None
    correction: str | None = None
    counterexample: Counterexample | None = None
    wrong_terms: tuple[Span, ...] = ()
    related_lines: tuple[int, ...] = ()
    diagnosis: str | None = None

    @property
    def full_reason(self) -> str | None:
        """The reason with the diagnosis before it, unless it names it anyway."""
        if self.diagnosis is None or (self.reason is not None and self.diagnosis in self.reason):
            return self.reason
        return f"{self.diagnosis}: {self.reason}" if self.reason else self.diagnosis


@dataclass(frozen=True, slots=True)
class Claim:
    """One relation, mention or sentence of the notes with its verdict.

    `latex` is the claim as printed and `span` its place in the document's text, so that
    `text[span.start:span.end]` is what a correction replaces. `formula` is None for a sentence of prose.
    """

    latex: str
    span: Span
    line: int
    column: int
    verdict: Verdict
    formula: Formula | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The claims of one file in the order of the text."""

    file: str
    document: Document
    claims: tuple[Claim, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many claims have each verdict, in the order of `Kind`; verdicts that do not occur are left out."""
        found = Counter(claim.verdict.kind.value for claim in self.claims)
        return {kind.value: found[kind.value] for kind in Kind if found[kind.value]}

    @property
    def clean(self) -> bool:
        """Whether nothing on the page was found wrong."""
        return not any(claim.verdict.kind in FALSE_KINDS for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The content of `--json`; keys that do not apply are None."""
        return {
            "file": self.file,
            "claims": [claim_dict(claim) for claim in self.claims],
            "counts": dict(self.counts),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_text(self, *, color: bool = False, width: int = 100) -> str:
        """The report for a terminal: what is wrong in full, the rest one line each, and the counts."""
        from symcnn.notes.report_text import report_text

        return report_text(self, color=color, width=width)

    def explain(self, line: int, *, color: bool = False, width: int = 100) -> str:
        """All that is known of the formulas on one line of the file. Raises UnknownName where there is none."""
        from symcnn.notes.report_text import explanation

        return explanation(self, line, color=color, width=width)

    def to_html(self) -> str:
        """One page that needs nothing else: the notes with a mark and a fold-out verdict at each formula."""
        from symcnn.notes.report_html import report_html

        return report_html(self)

    def fixed(self) -> str:
        """The text of the file with every correction in its place; everything else stays, byte for byte."""
        from symcnn.notes.report_fix import fixed

        return fixed(self)


def claim_dict(claim: Claim) -> dict[str, Any]:
    """One claim as `--json` prints it; wrong terms as text with their place in the claim's LaTeX.

    The reason begins with the diagnosis, where there is one and it does not name it anyway.
    """
    verdict = claim.verdict
    wrong = [
        {"latex": span.of(claim.latex), "start": span.start, "end": span.end} for span in verdict.wrong_terms
    ]
    return {
        "line": claim.line,
        "column": claim.column,
        "latex": claim.latex,
        "verdict": verdict.kind.value,
        "proof": verdict.proof,
        "assumption": verdict.assumption,
        "reason": verdict.full_reason,
        "correction": verdict.correction,
        "counterexample": verdict.counterexample.to_dict() if verdict.counterexample else None,
        "wrong_terms": wrong or None,
        "related_lines": list(verdict.related_lines) or None,
    }
