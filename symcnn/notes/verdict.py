"""What verification says: a claim, its verdict with the evidence, and the report on one file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from symcnn.notes.extract import Formula
from symcnn.notes.tree import Span


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
    text: str
    claims: tuple[Claim, ...]
    counts: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        found = Counter(claim.verdict.kind.value for claim in self.claims)
        ordered = {kind.value: found[kind.value] for kind in Kind if found[kind.value]}
        object.__setattr__(self, "counts", MappingProxyType(ordered))

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


def claim_dict(claim: Claim) -> dict[str, Any]:
    """One claim as `--json` prints it; wrong terms as text with their place in the claim's LaTeX."""
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
        "reason": verdict.reason,
        "diagnosis": verdict.diagnosis,
        "correction": verdict.correction,
        "counterexample": verdict.counterexample.to_dict() if verdict.counterexample else None,
        "wrong_terms": wrong or None,
        "related_lines": list(verdict.related_lines) or None,
    }
