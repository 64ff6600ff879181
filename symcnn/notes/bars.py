"""Gradients written with a bar, as in reverse-mode texts: read like dW, where the notes say that a bar means that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from dataclasses import replace as with_fields
from typing import Any

from symcnn.notes.tree import Accent, Chain, Derivative, Differential, Gradient, Node, Script
from symcnn.notes.walking import same, walk

SAID = re.compile(
    r"(?:gradient|derivative|adjoint|cotangent|sensitivit)\w*(?:\s+[^$.]{0,30})?\s*\$\\bar\b"
    r"|\bbars?\b[^.$]{0,40}(?:gradient|derivative|adjoint|cotangent|sensitivit)",
    re.I,
)


def means_gradient(text: str, trees: Iterable[Node]) -> bool:
    """Whether a bar over a name stands for the loss's derivative: the prose says so, or a formula defines it."""
    if SAID.search(text):
        return True
    return any(_defines(node) for tree in trees for node in walk(tree))


def _defines(node: Node) -> bool:
    """The chain \\bar v = ∂L/∂v."""
    match node:
        case (
            Chain(sides=(first, Derivative(wrt=(wrt,)), *_))
            | Chain(sides=(first, Gradient(wrt=Node() as wrt), *_))
        ):
            made = _as_differential(first)
            return made is not None and same(made.body, wrt)
    return False


def as_gradients(node: Node) -> Node:
    """A tree in which every name with a bar is the differential of the name without."""
    made = _as_differential(node)
    if made is not None:
        return made
    if not any(isinstance(part, Accent) and part.kind == "bar" for part in walk(node)):
        return node
    changed: dict[str, Any] = {}
    for name in (item.name for item in fields(node) if item.init and item.name != "span"):
        changed[name] = _rewritten(getattr(node, name))
    return with_fields(node, **changed)


def _rewritten(value: Any) -> Any:
    if isinstance(value, Node):
        return as_gradients(value)
    if isinstance(value, tuple):
        return tuple(_rewritten(item) for item in value)
    return value


def _as_differential(node: Node) -> Differential | None:
    match node:
        case Accent(kind="bar" | "overline", body=body):
            return Differential(node.span, "bar", body)
        case Script(base=Accent(kind="bar" | "overline", body=body)):
            return Differential(node.span, "bar", with_fields(node, base=body))
    return None
