"""Parts of the notes in which letters have meanings of their own.

A passage that says `letters of their own` reaches to the end of its section; one that speaks of a `small case`
reaches to the next heading, bold title, or `for all sizes`. All passages on the small case of one part belong together.
Where many sections define one name, each in its own way, as in a list of layers that all compute y, each is a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from symcnn.notes.claims import pieces
from symcnn.notes.extract import Document, Formula, Prose
from symcnn.notes.name_parts import base_name, names_in
from symcnn.notes.tree import Differential, Node, Script
from symcnn.notes.walking import children

OWN = re.compile(r"\b(letters|names|symbols)\s+of\s+(its|their)\s+own\b", re.I)
CASE = re.compile(r"\bsmall\s+case\b", re.I)
GENERAL = re.compile(r"\bfor\s+all\s+sizes\b", re.I)
TITLE = re.compile(
    r"^[ \t]*(?:\*\*[^*\n]+\*\*[ \t]*$|\\textbf\{[^{}]*\}|\\(?P<macro>[A-Za-z]+)\{[^{}]*\})", re.M
)
MANY = 3
"""How many sections must define one name to be taken for sections with letters of their own."""

TEX_LEVELS = ("chapter", "section", "subsection", "subsubsection", "paragraph")


@dataclass(slots=True)
class _Part:
    """A part with letters of its own: the level of the section that it fills, and whether it is a small case."""

    level: int
    case: bool
    outer: _Part | None
    small: _Part | None = None


def scopes(document: Document, read: Iterable[tuple[Formula, Node]] = ()) -> list[Document]:
    """The document as one for each part; the first is what belongs to no part of its own."""
    if not any(OWN.search(block.text) or CASE.search(block.text) for block in document.prose):
        return _by_section(document, read)
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


def _by_section(document: Document, read: Iterable[tuple[Formula, Node]]) -> list[Document]:
    """One part for each section where `MANY` of them define one name, and none needs what another defines."""
    levels = [
        (block.span.start, _level(document, block)) for block in document.prose if block.kind == "heading"
    ]
    read = list(read)
    for level in sorted({level for _, level in levels}):
        starts = [start for start, mine in levels if mine <= level]
        first = next(start for start, mine in levels if mine == level)
        starts = [start for start in starts if start >= first]
        ends = [*starts[1:], len(document.text)]
        made = [_made(read, start, end) for start, end in zip(starts, ends, strict=True)]
        every = {name for names in made for name in names} | _stated(read, first)
        used = [_used(read, start, end) for start, end in zip(starts, ends, strict=True)]
        alone = all(not (uses & every) - own for uses, own in zip(used, made, strict=True))
        if alone and any(sum(name in names for names in made) >= MANY for name in every):
            return _sections(document, starts)
    return [document]


def _made(read: list[tuple[Formula, Node]], start: int, end: int) -> set[str]:
    """The names that stand alone, or with an index, on the left of the equations of a section."""
    found: set[str] = set()
    for piece in pieces([(formula, tree) for formula, tree in read if start <= formula.outer.start < end]):
        left, right = piece.left, piece.right
        if piece.sign == "=" and piece.first and left is not None and right is not None and names_in(right):
            name = base_name(left.base if isinstance(left, Script) else left)
            found |= {name} if name is not None else set()
    return found


def _stated(read: list[tuple[Formula, Node]], end: int) -> set[str]:
    """The names in the relations before a place, which give them a value or a shape for all that follows."""
    before = pieces([(formula, tree) for formula, tree in read if formula.outer.start < end])
    sides = [side for piece in before if piece.right is not None for side in (piece.left, piece.right)]
    found = [name for side in sides if side is not None for name in names_in(side)]
    return {base_name(name.base if isinstance(name, Script) else name) or "" for name in found}


def _used(read: list[tuple[Formula, Node]], start: int, end: int) -> set[str]:
    """The names in the formulas of a section; those that only a differential names say nothing of where they are from."""
    found: set[str] = set()
    waiting = [tree for formula, tree in read if start <= formula.outer.start < end]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Differential):
            continue
        name = base_name(node)
        if name is not None:
            found.add(name)
        waiting.extend(children(node))
    return found


def _sections(document: Document, starts: list[int]) -> list[Document]:
    """What comes before the first section, and each section with the words before the first one."""
    intro = tuple(b for b in document.prose if b.span.start < starts[0])
    parts = [
        replace(
            document, formulas=tuple(f for f in document.formulas if f.outer.start < starts[0]), prose=intro
        )
    ]
    for start, end in zip(starts, [*starts[1:], len(document.text)], strict=True):
        formulas = tuple(f for f in document.formulas if start <= f.outer.start < end)
        prose = tuple(b for b in document.prose if start <= b.span.start < end)
        parts.append(replace(document, formulas=formulas, prose=(*intro, *prose)))
    return parts


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
