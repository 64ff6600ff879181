"""How a claim was read: its notation, and what the notes say about the names in it."""

from __future__ import annotations

from collections.abc import Iterator

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import pieces
from symcnn.notes.context import gather
from symcnn.notes.extract import Document, Formula
from symcnn.notes.facts import Facts
from symcnn.notes.manner import manner
from symcnn.notes.marks import Relation
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import read_name
from symcnn.notes.parser import parse
from symcnn.notes.tree import Node
from symcnn.notes.unparse import unparse
from symcnn.notes.verdict import Claim, Report
from symcnn.notes.walking import children

MOST_PARTS, MOST_SAID = 60, 4
_MARKS = ("name", "text", "kind", "font", "open", "style")


def reading(report: Report, claim: Claim) -> Iterator[tuple[str, str]]:
    """Label and text for each thing that the reader made of a claim."""
    if claim.formula is None:
        yield "read as", "a sentence about numbers"
        return
    try:
        tree = parse(claim.formula.latex, macros=report.document.macros, names=report.document.names)
    except SymcnnError as error:
        yield "unread", str(error)
        return
    yield "read as", _spelled(tree)
    facts = _facts(report.document)
    place = claim.span.start - claim.formula.span.start
    inside = (place, place + len(claim.latex))
    for key in _keys(tree, facts, inside):
        said = list(_said(key, facts, claim.line))
        shown = said[:MOST_SAID] + ([f"and {len(said) - MOST_SAID} more"] if len(said) > MOST_SAID else [])
        yield "name", f"{key}: {'; '.join(shown) if shown else 'nothing in the notes says what it is'}"


def _facts(document: Document) -> Facts:
    """What the notes say, gathered anew; formulas that cannot be read say nothing."""
    read: list[tuple[Formula, Node]] = []
    for formula in document.formulas:
        try:
            read.append((formula, parse(formula.latex, macros=document.macros, names=document.names)))
        except SymcnnError:
            continue
    written = manner(document.text, read)
    read = [(formula, written.of(tree)) for formula, tree in read]
    return gather(document, pieces(read), [tree for _, tree in read])


def _keys(tree: Node, facts: Facts, inside: tuple[int, int]) -> list[str]:
    """The names that occur in a part of a formula, once each, in reading order."""
    found: list[str] = []
    for node in names_in(tree):
        ref = read_name(node, facts.habits)
        if ref is None or not inside[0] <= node.span.start < inside[1]:
            continue
        key = facts.resolve(ref.key)
        if key not in found:
            found.append(key)
    return found


def _said(key: str, facts: Facts, line: int) -> Iterator[str]:
    """What the notes say about one name, the definitions before the line first."""
    for definition in sorted(facts.definitions, key=lambda one: (one.line > line, abs(one.line - line))):
        if facts.resolve(definition.key) == key:
            yield f"line {definition.line} defines {definition.latex}"
    for name, rules in facts.functions.items():
        if name == key:
            yield from (f"line {rule.line} defines it as a function" for rule in rules)
    for shape in facts.shapes.get(key, []):
        sizes = " × ".join(unparse(size) for size in shape.sizes) or "a number"
        yield f"line {shape.line} gives the shape {sizes}"
    if key in facts.losses:
        yield "a loss"
    if key in facts.sizes:
        yield "a size"
    if key in facts.ranges:
        yield "an index"


def _spelled(tree: Node) -> str:
    """The notation tree in brackets, cut where it gets long."""
    parts: list[str] = []
    _spell(tree, parts)
    return "".join(parts) if len(parts) < MOST_PARTS else "".join(parts[:MOST_PARTS]) + " …"


def _spell(node: Node, parts: list[str]) -> None:
    if len(parts) >= MOST_PARTS:
        return
    marks = [str(value) for mark in _MARKS if (value := getattr(node, mark, "")) and isinstance(value, str)]
    signs = [mark.name for mark in getattr(node, "relations", ()) if isinstance(mark, Relation)]
    signs += [mark.name or "·" for mark in getattr(node, "operators", ())]
    parts.append(type(node).__name__ + "".join(f" {mark}" for mark in [*marks, *signs]))
    below = children(node)
    if below:
        parts.append("(")
        for number, child in enumerate(below):
            if number:
                parts.append(", ")
            _spell(child, parts)
        parts.append(")")
