"""Gradients written with an accent, as the bar of reverse-mode texts: read like dW, where the notes say so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from dataclasses import replace as with_fields
from typing import Any

from symcnn.notes.tree import Accent, Chain, Derivative, Differential, Gradient, Node, Script
from symcnn.notes.walking import same, walk

MARKS = {"bar": "bar", "overline": "bar", "hat": "hat", "widehat": "hat", "tilde": "tilde", "dot": "dot"}
MARKS |= {"widetilde": "tilde", "check": "check", "breve": "breve", "acute": "acute", "grave": "grave"}
WORDS = r"gradient|derivative|adjoint|cotangent|sensitivit"
SAID = (
    re.compile(rf"(?:{WORDS})\w*(?:\s+[^$.]{{0,30}})?\s*\$\\(bar)\b", re.I),
    re.compile(rf"\b(bar)s?\b[^.$]{{0,40}}(?:{WORDS})", re.I),
    re.compile(
        r"\b(hat|tilde|check|dot|breve)s?\s+(?:over|on|above|denotes?|marks?|means?|stands?|indicates?)\b"
        rf"[^.$]{{0,40}}(?:{WORDS})",
        re.I,
    ),
    re.compile(
        r"\$\\(\w+)\b[^$]*\$,?\s+(?:is|are|stands?|means?|denotes?|for|abbreviates?)\b"
        rf"(?:\s+\w+){{0,4}}\s+(?:\$[^$]*\\partial|(?:{WORDS}))",
        re.I,
    ),
)
"""Words that say that an accent marks a derivative, with the accent."""


def marks_of_gradients(text: str, trees: Iterable[Node]) -> frozenset[str]:
    """The accents that stand for the loss's derivative: the prose says so, or a formula defines it."""
    said = {MARKS[name] for pattern in SAID for name in pattern.findall(text) if name in MARKS}
    defined = {mark for tree in trees for node in walk(tree) if (mark := _defines(node)) is not None}
    return frozenset(said | defined)


def _defines(node: Node) -> str | None:
    """The accent of the chain \\bar v = ∂L/∂v."""
    match node:
        case (
            Chain(sides=(first, Derivative(wrt=(wrt,)), *_))
            | Chain(sides=(first, Gradient(wrt=Node() as wrt), *_))
        ):
            accent = first.base if isinstance(first, Script) else first
            if isinstance(accent, Accent) and accent.kind in MARKS:
                made = _as_differential(first, frozenset((MARKS[accent.kind],)))
                return MARKS[accent.kind] if made is not None and same(made.body, wrt) else None
    return None


def as_gradients(node: Node, marks: frozenset[str]) -> Node:
    """A tree in which every name with one of these accents is the differential of the name without."""
    made = _as_differential(node, marks)
    if made is not None:
        return made
    if not any(isinstance(part, Accent) and _marks(part, marks) for part in walk(node)):
        return node
    changed: dict[str, Any] = {}
    for name in (item.name for item in fields(node) if item.init and item.name != "span"):
        changed[name] = _rewritten(getattr(node, name), marks)
    return with_fields(node, **changed)


def _rewritten(value: Any, marks: frozenset[str]) -> Any:
    if isinstance(value, Node):
        return as_gradients(value, marks)
    if isinstance(value, tuple):
        return tuple(_rewritten(item, marks) for item in value)
    return value


def _marks(accent: Accent, marks: frozenset[str]) -> bool:
    return MARKS.get(accent.kind) in marks


def _as_differential(node: Node, marks: frozenset[str]) -> Differential | None:
    match node:
        case Accent(body=body) if _marks(node, marks):
            return Differential(node.span, "bar", body)
        case Script(base=Accent(body=body) as accent) if _marks(accent, marks):
            return Differential(node.span, "bar", with_fields(node, base=body))
    return None
