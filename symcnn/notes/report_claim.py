"""The verdict on one claim as HTML to fold out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from symcnn.notes.marks import Span
from symcnn.notes.report_fix import differences
from symcnn.notes.report_marks import SIGNS, further_reason, headline, one_line
from symcnn.notes.report_math import shown, source, worded
from symcnn.notes.verdict import Claim, Counterexample, Report

LONGEST_TITLE, LONGEST_BESIDE = 160, 120


def title(claim: Claim) -> str:
    """What a verdict comes to, on one line, not yet escaped."""
    text = one_line(headline(claim) or claim.verdict.kind.value)
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1] + "…"


def claim_html(
    report: Report,
    claim: Claim,
    index: int,
    several: bool,
    next_false: int | None,
    anchor: Callable[[int], str | None],
) -> str:
    """A `<details>` element. `several`: the block has other claims, so that the formula is shown again."""
    kind = claim.verdict.kind
    words = one_line(headline(claim))
    brief = several and claim.formula is not None and len(claim.latex) <= LONGEST_BESIDE
    macros = report.document.macros
    which = f" · {shown(claim.latex, marked=claim.verdict.wrong_terms, macros=macros)}" if brief else ""
    said = f" · {worded(title(claim))}" if words and words != kind.value else ""
    onward = f'<a class="next" href="#c{next_false}">next ↓</a>' if next_false is not None else ""
    rows = "".join(
        f"<dt>{label}</dt><dd>{content}</dd>" for label, content in _rows(report, claim, several, anchor)
    )
    return (
        f'<details class="v {kind.value}" id="c{index}"><summary><b>{SIGNS[kind]} {kind.value}</b>{which}{said} '
        f"· line {claim.line}{onward}</summary><dl>{rows}</dl></details>"
    )


def _rows(
    report: Report, claim: Claim, several: bool, anchor: Callable[[int], str | None]
) -> Iterator[tuple[str, str]]:
    """Label and HTML for each thing that the verdict says."""
    verdict = claim.verdict
    macros = report.document.macros
    if several and claim.formula is not None:
        yield "claim", shown(claim.latex, marked=verdict.wrong_terms, macros=macros)
    if len(headline(claim)) > LONGEST_TITLE:
        yield "in full", worded(one_line(headline(claim)))
    if reason := further_reason(claim):
        yield "why", worded(one_line(reason))
    if verdict.assumption:
        yield "if", worded(one_line(verdict.assumption))
    if verdict.proof:
        yield "proof", escape(one_line(verdict.proof))
    if verdict.counterexample is not None:
        yield "counterexample", _example(verdict.counterexample)
    if verdict.correction is not None:
        new = _new(claim.latex, verdict.correction)
        if claim.formula is None:
            yield "correction", source(verdict.correction, new, "right")
        else:
            yield (
                "correction",
                shown(verdict.correction, display=True, marked=new, how="right", macros=macros),
            )
    if verdict.related_lines:
        yield "see", ", ".join(_line(line, anchor(line)) for line in verdict.related_lines)
    if claim.formula is not None:
        yield "source", source(claim.latex, verdict.wrong_terms)
    if claim.formula is not None and verdict.correction is not None:
        yield "corrected", source(verdict.correction, _new(claim.latex, verdict.correction), "right")


def _example(example: Counterexample) -> str:
    sides = (
        f"the left side is <b>{escape(one_line(example.left))}</b>, "
        f"the right side is <b>{escape(one_line(example.right))}</b>"
    )
    values = ", ".join(
        f"{escape(one_line(name))} = {escape(one_line(value))}" for name, value in example.values.items()
    )
    return f'<div class="sides">{sides}</div>' + (f'<div class="values">at {values}</div>' if values else "")


def _line(line: int, target: str | None) -> str:
    return f'<a href="{target}">line {line}</a>' if target is not None else f"line {line}"


def _new(old: str, new: str) -> tuple[Span, ...]:
    """What stands in the correction and not in the claim."""
    spans: list[Span] = []
    shift = 0
    for span, text in differences(old, new):
        if text.strip():
            spans.append(Span(span.start + shift, span.start + shift + len(text)))
        shift += len(text) - (span.end - span.start)
    return tuple(spans)
