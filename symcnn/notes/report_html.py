"""The report as one page: the notes' own text, a mark at each formula, its verdict to fold out below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from symcnn.notes.extract import Formula
from symcnn.notes.report_body import Filler, notes_html
from symcnn.notes.report_claim import claim_html, title
from symcnn.notes.report_marks import SIGNS, headline, is_false, one_line
from symcnn.notes.report_math import shown, worded
from symcnn.notes.verdict import Claim, Kind, Report

_GRAVITY = (
    Kind.FAILS, Kind.SHAPE_WRONG, Kind.INCONSISTENT, Kind.CANNOT_CHECK, Kind.HOLDS_IF, Kind.HOLDS, Kind.SHAPE_RIGHT,
    Kind.DEFINITION, Kind.NOT_A_CLAIM,
)  # fmt: skip
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_html(report: Report) -> str:
    """The page: no script, nothing from elsewhere, and nothing of the notes that is not escaped."""
    page = _Page(report)
    body = page.body()
    name = escape(one_line(report.file))
    style = (files("symcnn.notes") / "report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="symcnn">\n<title>Verdicts on {name}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<header>\n<h1>{name}</h1>\n{page.summary()}</header>\n"
        f'<main class="notes">\n{body}\n</main>\n'
        "<footer>Each formula has a verdict: fold it out for the reason. What was not proved is not counted as "
        "right.</footer>\n</body>\n</html>\n"
    )


class _Page:
    """Numbers the formulas and sentences of a report, and renders what belongs to each."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.claims = list(report.claims)
        self.formulas: list[Formula] = list(report.document.formulas)
        places = {formula.span: number for number, formula in enumerate(self.formulas)}
        self.of: dict[int, list[int]] = {}
        self.sentences: dict[int, int] = {}
        for index, claim in enumerate(self.claims):
            if claim.formula is not None:
                number = places[claim.formula.span]
            else:
                number = len(self.formulas) + len(self.sentences)
                self.sentences[number] = index
            self.of.setdefault(number, []).append(index)
        self.false = [index for index, claim in enumerate(self.claims) if is_false(claim)]

    def body(self) -> str:
        """The notes; formulas that could not be shown in their place follow at the end."""
        filler = Filler(self.inside, self.after, self.mark)
        holes = {number: formula.outer for number, formula in enumerate(self.formulas)}
        marks = {number: self.claims[index].span for number, index in self.sentences.items()}
        text = notes_html(self.report.document, holes, marks, filler)
        left = [number for number in self.of if number not in filler.placed]
        if left:
            text += "\n<h2>Claims that stand in places not shown above</h2>\n"
            for number in left:
                what = self.inside(number) if number < len(self.formulas) else self._sentence(number)
                text += f'<div class="p">{what}</div>{self.after([number])}'
        return text

    def _sentence(self, number: int) -> str:
        return self.mark(number, escape(one_line(self.claims[self.sentences[number]].latex)))

    def inside(self, number: int) -> str:
        """A formula in its place."""
        formula = self.formulas[number]
        claims = [self.claims[index] for index in self.of.get(number, [])]
        wrong = tuple(
            span.shifted(claim.span.start - formula.span.start)
            for claim in claims
            for span in claim.verdict.wrong_terms
            if is_false(claim)
        )
        kind = _gravest(claims)
        macros = self.report.document.macros
        math = shown(formula.latex, display=formula.display, marked=wrong, macros=macros)
        sign = self._sign(number, kind)
        display = " display" if formula.display else ""
        return f'<span class="f {kind.value}{display}" title="{self._hint(claims)}">{math}{sign}</span>'

    def mark(self, number: int, words: str) -> str:
        """A sentence, which is escaped already, in its place."""
        kind = self.claims[self.sentences[number]].verdict.kind
        return f'<mark class="said {kind.value}">{words}</mark>{self._sign(number, kind)}'

    def _sign(self, number: int, kind: Kind) -> str:
        targets = [i for i in self.of.get(number, []) if self.claims[i].verdict.kind is kind]
        if not targets or kind is Kind.NOT_A_CLAIM:
            return ""
        return f'<a class="sign {kind.value}" href="#c{targets[0]}">{SIGNS[kind]}</a>'

    def _hint(self, claims: Sequence[Claim]) -> str:
        parts = [f"{claim.verdict.kind.value}: {headline(claim)}".removesuffix(": ") for claim in claims]
        return escape(one_line("; ".join(dict.fromkeys(parts)))[:300])

    def after(self, numbers: Sequence[int]) -> str:
        """The verdicts on what stands in the block above; mentions have none."""
        found: list[str] = []
        for number in dict.fromkeys(numbers):
            for index in self.of.get(number, []):
                claim = self.claims[index]
                if claim.verdict.kind is Kind.NOT_A_CLAIM:
                    continue
                several = len(numbers) > 1 or len(self.of[number]) > 1
                found.append(claim_html(self.report, claim, index, several, self._next(index), self._anchor))
        return f'<div class="verdicts">{"".join(found)}</div>\n' if found else ""

    def _next(self, index: int) -> int | None:
        """The next false claim after a false claim."""
        return next((i for i in self.false if i > index), None) if index in self.false else None

    def _anchor(self, line: int) -> str | None:
        """Where the page shows what stands on a line of the file."""
        shown = (
            i for i, c in enumerate(self.claims) if c.line == line and c.verdict.kind is not Kind.NOT_A_CLAIM
        )
        first = next(shown, None)
        return None if first is None else f"#c{first}"

    def summary(self) -> str:
        """Counts that lead to the first of their kind, what is wrong, and all verdicts by line."""
        total = len(self.claims)
        wrong = len(self.false)
        said = f"{total} claim{'s' if total != 1 else ''}, {wrong or 'none'} of them wrong"
        return f'<p class="lead">{said}</p>\n{self._chips()}{self._list()}{self._by_line()}'

    def _chips(self) -> str:
        parts = []
        for name, count in self.report.counts.items():
            kind = Kind(name)
            first = next(i for i, claim in enumerate(self.claims) if claim.verdict.kind is kind)
            inner = f"{SIGNS[kind]} <b>{count}</b> {name}"
            linked = (
                f'<a href="#c{first}">{inner}</a>'
                if kind is not Kind.NOT_A_CLAIM
                else f"<span>{inner}</span>"
            )
            parts.append(f'<li class="{name}">{linked}</li>')
        return f'<ul class="counts">{"".join(parts)}</ul>\n' if parts else ""

    def _list(self) -> str:
        if not self.false:
            return ""
        rows = [
            f'<li class="{claim.verdict.kind.value}"><a href="#c{index}">line {claim.line}</a>'
            f'<span class="sign">{SIGNS[claim.verdict.kind]}</span><span>{worded(title(claim))}</span></li>'
            for index, claim in ((index, self.claims[index]) for index in self.false)
        ]
        return f'<details class="found" open><summary>What is wrong</summary><ol>{"".join(rows)}</ol></details>\n'

    def _by_line(self) -> str:
        if not self.claims:
            return ""
        rows = "".join(self._kind_lines(kind) for kind in Kind if kind.value in self.report.counts)
        return f'<details class="found"><summary>All verdicts by line</summary>{rows}</details>\n'

    def _kind_lines(self, kind: Kind) -> str:
        links: Iterator[str] = (
            f'<a href="#c{index}">{claim.line}</a>' if kind is not Kind.NOT_A_CLAIM else str(claim.line)
            for index, claim in enumerate(self.claims)
            if claim.verdict.kind is kind
        )
        return f'<p class="lines {kind.value}"><b>{SIGNS[kind]} {kind.value}</b> {" ".join(links)}</p>'


def _gravest(claims: Sequence[Claim]) -> Kind:
    kinds = {claim.verdict.kind for claim in claims}
    return next((kind for kind in _GRAVITY if kind in kinds), Kind.NOT_A_CLAIM)
