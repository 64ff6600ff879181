"""Parts of the notes in which letters have meanings of their own.

A passage that says `letters of their own` reaches to the end of its section; one that speaks of a `small case`
reaches to the next heading, bold title, or `for all sizes`. All passages on the small case of one part belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from symcnn.notes.extract import Document, Prose

OWN = re.compile(r"\b(letters|names|symbols)\s+of\s+(its|their)\s+own\b", re.I)
CASE = re.compile(r"\bsmall\s+case\b", re.I)
GENERAL = re.compile(r"\bfor\s+all\s+sizes\b", re.I)
TITLE = re.compile(
    r"^[ \t]*(?:\*\*[^*\n]+\*\*[ \t]*$|\\textbf\{[^{}]*\}|\\(?P<macro>[A-Za-z]+)\{[^{}]*\})", re.M
)
TEX_LEVELS = ("chapter", "section", "subsection", "subsubsection", "paragraph")


@dataclass(slots=True)
class _Part:
    """A part with letters of its own: the level of the section that it fills, and whether it is a small case."""

    level: int
    case: bool
    outer: _Part | None
    small: _Part | None = None


def scopes(document: Document) -> list[Document]:
    """The document as one for each part; the first is what belongs to no part of its own."""
    if not any(OWN.search(block.text) or CASE.search(block.text) for block in document.prose):
        return [document]
    main = _Part(0, False, None)
    borders = list(_borders(document, main))
    parts = list({id(part): part for _, part in [(0, main), *borders]}.values())
    starts = [start for start, _ in borders]

    def owner(place: int) -> _Part:
        found = main
        for start, (_, part) in zip(starts, borders, strict=True):
            if start <= place:
                found = part
        return found

    return [
        replace(
            document,
            formulas=tuple(f for f in document.formulas if owner(f.outer.start) is part),
            prose=tuple(b for b in document.prose if owner(b.span.start) is part),
        )
        for part in parts
    ]


def _borders(document: Document, main: _Part) -> Iterator[tuple[int, _Part]]:
    """The places where the part changes, each with the part that begins or goes on there."""
    now, level = main, 0
    for block in document.prose:
        if block.kind == "heading":
            level = _level(document, block)
            while now.outer is not None and (now.case or level <= now.level):
                now = now.outer
            yield block.span.start, now
            continue
        for place, cue in _cues(document, block):
            if now.case and cue in (GENERAL, TITLE):
                now = now.outer or main
            elif cue is OWN:
                now = _Part(max(level, 1), False, now.outer if now.case else now)
            elif cue is CASE and not now.case:
                now.small = now.small or _Part(level, True, now)
                now = now.small
            yield place, now


def _cues(document: Document, block: Prose) -> list[tuple[int, re.Pattern[str]]]:
    """What a block says of letters and cases, and its bold titles, with the places, in order."""
    found = [
        (block.span.start + match.start(), cue)
        for cue in (GENERAL, OWN, CASE)
        for match in cue.finditer(block.text)
    ]
    raw = document.text[block.span.start : block.span.end]
    found += [
        (block.span.start + match.start(), TITLE)
        for match in TITLE.finditer(raw)
        if match["macro"] is None or _bold(document, match["macro"])
    ]
    return sorted(found, key=lambda item: item[0])


def _bold(document: Document, name: str) -> bool:
    """Whether a macro of the notes sets its argument in bold: a title within the text."""
    macro = document.macros.get(name)
    return macro is not None and re.search(r"\\(textbf|bfseries)\b[^#]*#1", macro.body) is not None


def _level(document: Document, block: Prose) -> int:
    """1 for the largest headings."""
    text = document.text
    line = text[text.rfind("\n", 0, block.span.start) + 1 : block.span.end].lstrip(" >")
    command = re.match(r"\\(\w+)", line)
    if command and command[1] in TEX_LEVELS:
        return TEX_LEVELS.index(command[1]) + 1
    return max(len(line) - len(line.lstrip("#")), 1)
