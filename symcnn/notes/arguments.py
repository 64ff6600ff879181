"""What a written call applies to what: the name of its function, and its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.tree import Attribute, Group, Node, Script, Sequence, Symbol, Word

if TYPE_CHECKING:
    pass


def arguments_of(group: Node) -> list[Node]:
    """The arguments between the brackets of a call."""
    body = group
    while isinstance(body, Script) and isinstance(body.base, Group):
        body = body.base
    if isinstance(body, Group):
        body = body.body
    if isinstance(body, Sequence):
        return list(body.items)
    return [body]


def function_name(node: Node) -> str:
    match node:
        case Word(text=text):
            return text
        case Symbol(name=name):
            return name
        case Script(base=base):
            return function_name(base)
        case Attribute(name=name):
            return name
    return ""
