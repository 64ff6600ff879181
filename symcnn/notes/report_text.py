"""The report for a terminal: false claims in full with the wrong term marked, the rest one line each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from textwrap import wrap

from symcnn.core.errors import UnknownName
from symcnn.notes.marks import Span
from symcnn.notes.report_fix import differences, placed
from symcnn.notes.report_marks import (
    SIGNS,
    assignments,
    end_line,
    further_reason,
    headline,
    is_false,
    merged,
    one_line,
    visible,
)
from symcnn.notes.verdict import Claim, Kind, Report

_COLORS = {
    Kind.HOLDS: "32",
    Kind.HOLDS_IF: "36",
    Kind.FAILS: "1;31",
    Kind.INCONSISTENT: "1;35",
    Kind.DEFINITION: "34",
    Kind.SHAPE_RIGHT: "32",
    Kind.SHAPE_WRONG: "1;31",
    Kind.NOT_A_CLAIM: "2",
    Kind.CANNOT_CHECK: "33",
}
_WRONG, _RIGHT, _FAINT, _BOLD = "1;31;7", "32;4", "2", "1"
INDENT = "    "
LEAST_WIDTH, LEAST_FORMULA = 40, 16
VERDICT_COLUMNS = len("? cannot-check")


def report_text(report: Report, *, color: bool = False, width: int = 100) -> str:
    """The whole report; lines are at most `width` columns where that can be done.

    Without colour the wrong terms have carets under them.
    """
    pen = _Pen(color, max(width, LEAST_WIDTH))
    margin = max((columns(_place(report, claim)) for claim in report.claims), default=0)
    lines: list[str] = []
    full_before = False
    for claim in report.claims:
        terse = None if is_false(claim) else _terse(report, claim, pen, margin)
        if lines and (terse is None or full_before):
            lines.append("")
        lines += _full(report, claim, pen) if terse is None else [terse]
        full_before = terse is None
    if lines:
        lines.append("")
    return "\n".join([*lines, *_summary(report, pen)]) + "\n"


def explanation(report: Report, line: int, *, color: bool = False, width: int = 100) -> str:
    """All that is known of the claims that stand on a line. Raises UnknownName where there is none."""
    here = [claim for claim in report.claims if claim.line <= line <= end_line(report, claim)]
    if not here:
        nearest = sorted(
            {claim.line for claim in report.claims}, key=lambda other: (abs(other - line), other)
        )
        known = f"the nearest is on line {nearest[0]}" if nearest else "there is none in the file"
        raise UnknownName(f"{report.file}:{line}: no formula here; {known}")
    from symcnn.notes.report_reading import reading

    pen = _Pen(color, max(width, LEAST_WIDTH))
    lines: list[str] = []
    for claim in here:
        lines += [*_full(report, claim, pen)]
        for label, text in reading(report, claim):
            lines += pen.labelled(label, text)
        lines.append("")
    return "\n".join(lines)


def _full(report: Report, claim: Claim, pen: _Pen) -> list[str]:
    """A claim with its formula, the wrong terms marked, and everything that the verdict says."""
    verdict = claim.verdict
    head = f"{_where(report, claim, pen)}  {pen.verdict(verdict.kind)}"
    lines = pen.after(head, headline(claim), len(_place(report, claim)) + 4 + len(verdict.kind.value))
    lines += pen.formula(claim.latex, verdict.wrong_terms)
    if verdict.assumption and verdict.kind is not Kind.HOLDS_IF:
        lines += pen.labelled("if", verdict.assumption)
    if reason := further_reason(claim):
        lines += pen.labelled("why", reason)
    if verdict.proof and verdict.kind not in (Kind.HOLDS, Kind.SHAPE_RIGHT):
        lines += pen.labelled("proved", verdict.proof)
    if verdict.counterexample is not None:
        example = verdict.counterexample
        lines += pen.labelled("left", f"{example.left}   right  {example.right}", keep=True)
        if example.values:
            lines += pen.labelled("at", assignments(example))
    if verdict.correction is not None:
        lines += pen.correction(claim.latex, verdict.correction)
    if verdict.related_lines:
        lines += pen.labelled("see", ", ".join(f"line {line}" for line in verdict.related_lines))
    return lines


def _terse(report: Report, claim: Claim, pen: _Pen, margin: int) -> str | None:
    """A claim on one line, its formula cut to what fits; None where what it needs or lacks would not fit."""
    kind = claim.verdict.kind
    note = one_line(headline(claim)) if kind in (Kind.HOLDS_IF, Kind.CANNOT_CHECK) else ""
    room = max(pen.width - margin - VERDICT_COLUMNS - 4, LEAST_FORMULA)
    formula = one_line(claim.latex)
    if note and min(columns(formula), LEAST_FORMULA) + 2 + columns(note) > room:
        return None
    shown = _cut(formula, room - (columns(note) + 2 if note else 0))
    place = _place(report, claim)
    gap = " " * (margin - columns(place) + 2)
    verdict = pen.verdict(kind) + " " * (VERDICT_COLUMNS - len(f"{SIGNS[kind]} {kind.value}") + 2)
    return f"{pen.paint(place, _FAINT)}{gap}{verdict}{shown}" + (
        f"  {pen.paint(note, _FAINT)}" if note else ""
    )


def _place(report: Report, claim: Claim) -> str:
    return f"{one_line(report.file)}:{claim.line}:{claim.column}"


def _where(report: Report, claim: Claim, pen: _Pen) -> str:
    return pen.paint(_place(report, claim), _FAINT)


def _summary(report: Report, pen: _Pen) -> Iterator[str]:
    """The counts, and what `--fix` could put right."""
    counts = report.counts
    total = sum(counts.values())
    yield pen.paint(f"{one_line(report.file)}: {total} claim{'s' if total != 1 else ''}", _BOLD)
    for kind in Kind:
        if kind.value in counts:
            yield f"{INDENT}{counts[kind.value]:>5}  {pen.verdict(kind)}"
    false = sum(is_false(claim) for claim in report.claims)
    able = sum(bool(placed(report, claim)) for claim in report.claims)
    unchecked = counts.get(Kind.CANNOT_CHECK.value, 0)
    open_ones = f"; {unchecked} could not be checked" if unchecked else ""
    if not total:
        yield f"{INDENT}no formula was found"
    elif not false:
        yield f"{INDENT}nothing was found wrong{open_ones}"
    elif able:
        yield f"{INDENT}{false} wrong, {able} of them with a correction that --fix puts in place{open_ones}"
    else:
        yield f"{INDENT}{false} wrong{open_ones}"


class _Pen:
    """Writes lines of a width, with colour or without."""

    def __init__(self, color: bool, width: int) -> None:
        self.color = color
        self.width = width

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text

    def verdict(self, kind: Kind) -> str:
        return self.paint(f"{SIGNS[kind]} {kind.value}", _COLORS[kind])

    def after(self, head: str, text: str, used: int) -> list[str]:
        """`text` after a head that takes `used` columns; what does not fit goes on, indented."""
        words = one_line(text)
        if not words:
            return [head]
        if used + 2 + columns(words) <= self.width:
            return [f"{head}  {words}"]
        return [head, *(INDENT + line for line in self._wrapped(words, self.width - len(INDENT)))]

    def labelled(self, label: str, text: str, *, keep: bool = False) -> list[str]:
        """A faint label with text beside it, wrapped under its own beginning."""
        room = self.width - len(INDENT) - 9
        words = visible(text) if keep else one_line(text)
        lines = [words] if keep else self._wrapped(words, room)
        head = self.paint(f"{label:<7}", _FAINT)
        return [f"{INDENT}{head}  {lines[0]}", *(" " * (len(INDENT) + 9) + line for line in lines[1:])]

    def formula(self, latex: str, wrong: tuple[Span, ...]) -> list[str]:
        """The formula with its wrong terms marked: in colour, or by carets under them."""
        lines: list[str] = []
        for row in _rows(_cells(latex, wrong), self.width - len(INDENT)):
            lines.append(INDENT + self._marked(row, _WRONG))
            if not self.color and any(mark for _, mark in row):
                carets = "".join(("^" if mark else " ") * columns(char) for char, mark in row)
                lines.append((INDENT + carets).rstrip())
        return lines

    def correction(self, old: str, new: str) -> list[str]:
        """The correction with what is new in it underlined, where there is colour."""
        spans: list[Span] = []
        shift = 0
        for span, text in differences(old, new):
            spans.append(Span(span.start + shift, span.start + shift + len(text)))
            shift += len(text) - (span.end - span.start)
        rows = _rows(_cells(new, tuple(spans)), self.width - len(INDENT) - 9)
        head = f"{INDENT}{self.paint('correct', _FAINT)}  "
        blank = " " * (len(INDENT) + 9)
        return [(blank if number else head) + self._marked(row, _RIGHT) for number, row in enumerate(rows)]

    def _marked(self, row: list[tuple[str, bool]], code: str) -> str:
        parts: list[str] = []
        run = ""
        before = False
        for char, mark in [*row, ("", False)]:
            if mark != before or not char:
                parts.append(self.paint(run, code) if before else run)
                run = ""
            run += char
            before = mark
        return "".join(parts).rstrip()

    def _wrapped(self, words: str, room: int) -> list[str]:
        return wrap(words, max(room, LEAST_FORMULA), break_on_hyphens=False) or [""]


def _cells(latex: str, marked: tuple[Span, ...]) -> list[tuple[str, bool]]:
    """The characters of a formula on one line, each with whether it is marked."""
    safe = visible(latex)
    flags = [False] * len(safe)
    for span in merged(marked, len(safe)):
        flags[span.start : span.end] = [True] * (span.end - span.start)
    cells: list[tuple[str, bool]] = []
    for char, flag in zip(safe, flags, strict=True):
        if char.isspace():
            if cells and cells[-1][0] != " ":
                cells.append((" ", flag))
        else:
            cells.append((char, flag))
    return cells


def _rows(cells: list[tuple[str, bool]], room: int) -> list[list[tuple[str, bool]]]:
    """The cells in rows of at most `room` columns, broken at spaces where there are any."""
    rows: list[list[tuple[str, bool]]] = []
    start = 0
    while start < len(cells):
        end, used, space = start, 0, 0
        while end < len(cells) and used + columns(cells[end][0]) <= room:
            used += columns(cells[end][0])
            end += 1
            if cells[end - 1][0] == " ":
                space = end
        if end < len(cells) and space > start + room // 3:
            end = space
        end = max(end, start + 1)
        rows.append(cells[start:end])
        start = end
    return rows or [[]]


def _cut(text: str, room: int) -> str:
    """`text` in at most `room` columns, with an ellipsis where something is missing."""
    if columns(text) <= room:
        return text
    kept = ""
    used = 1
    for char in text:
        used += columns(char)
        if used > room:
            break
        kept += char
    return kept.rstrip() + "…"


def columns(text: str) -> int:
    """How many columns a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
