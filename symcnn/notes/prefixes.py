"""Letters before a name that mark the loss's derivative, as in δv for ∂E/∂v: read like dv, where the notes say so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from dataclasses import replace as with_fields
from typing import Any

from symcnn.notes.bars import WORDS
from symcnn.notes.extract import Formula
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import base_name
from symcnn.notes.tree import Chain, Derivative, Differential, Gradient, Juxtapose, Node, Script, Symbol
from symcnn.notes.walking import same, walk

PREFIXES = frozenset({"delta", "Delta"})
SAID = re.compile(
    r"\b(?:write|written|denote[sd]?|stands?|short|means?|call|notation|is the|are the|let)\b", re.I
)
DERIVATIVE = re.compile(rf"\b(?:{WORDS})", re.I)


def prefixes(text: str, read: Iterable[tuple[Formula, Node]]) -> frozenset[str]:
    """The letters that stand for the loss's derivative: a sentence on `$\\delta v$` says so, or a formula does."""
    found: set[str] = set()
    for formula, tree in read:
        whole = _marked(tree, PREFIXES)
        if whole is not None and not formula.display and _is_said(text, formula):
            found.add(whole.kind)
        found |= {mark for node in walk(tree) if (mark := _defined(node)) is not None}
    return frozenset(found)


def _is_said(text: str, formula: Formula) -> bool:
    """Whether the sentence around a formula says that it is a derivative."""
    start, end = formula.outer.start, formula.outer.end
    begin = max(text.rfind(". ", 0, start), text.rfind("\n\n", 0, start)) + 1
    stops = [place for place in (text.find(". ", end), text.find("\n\n", end)) if place >= 0]
    sentence = text[begin : min(stops, default=len(text))]
    return SAID.search(sentence) is not None and DERIVATIVE.search(sentence) is not None


def _defined(node: Node) -> str | None:
    """The letter of the chain δv = ∂E/∂v."""
    match node:
        case (
            Chain(sides=(first, Derivative(wrt=(wrt,)), *_))
            | Chain(sides=(first, Gradient(wrt=Node() as wrt), *_))
        ):
            made = _marked(first, PREFIXES)
            return made.kind if made is not None and same(made.body, wrt) else None
    return None


def as_differentials(node: Node, known: frozenset[str]) -> Node:
    """A tree in which every name after one of these letters is the differential of the name."""
    if not known or not any(isinstance(part, Symbol) and part.name in known for part in walk(node)):
        return node
    if isinstance(node, Juxtapose):
        return _joined(node, known)
    changed: dict[str, Any] = {}
    for name in (item.name for item in fields(node) if item.init and item.name != "span"):
        changed[name] = _rewritten(getattr(node, name), known)
    return with_fields(node, **changed)


def _rewritten(value: Any, known: frozenset[str]) -> Any:
    if isinstance(value, Node):
        return as_differentials(value, known)
    if isinstance(value, tuple):
        return tuple(_rewritten(item, known) for item in value)
    return value


def _joined(node: Juxtapose, known: frozenset[str]) -> Node:
    """Factors side by side, with each such letter joined to the name after it."""
    parts: list[Node] = []
    for part in node.parts:
        made = _after(parts[-1], part, known) if parts else None
        if made is not None:
            parts[-1] = made
        else:
            parts.append(as_differentials(part, known))
    return parts[0] if len(parts) == 1 else with_fields(node, parts=tuple(parts))


def _marked(node: Node, known: frozenset[str]) -> Differential | None:
    """δv as a differential; None for anything else."""
    if isinstance(node, Juxtapose) and len(node.parts) == 2:
        return _after(node.parts[0], node.parts[1], known)
    return None


def _after(mark: Node, body: Node, known: frozenset[str]) -> Differential | None:
    if not isinstance(mark, Symbol) or mark.name not in known:
        return None
    if base_name(body.base if isinstance(body, Script) else body) is None:
        return None
    return Differential(Span(mark.span.start, body.span.end), mark.name, body)
