"""Entries in square brackets, `x[i, j]`, read as entries with subscripts where the notes write them so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from dataclasses import replace as with_fields
from typing import Any

from symcnn.notes.name_parts import INDEX_LETTERS, base_name
from symcnn.notes.operations import known_function
from symcnn.notes.tree import (
    Accent,
    Add,
    CallOrProduct,
    Group,
    Juxtapose,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Symbol,
    Unary,
)
from symcnn.notes.walking import children, walk

COUNTERS = INDEX_LETTERS | {"m", "n", "x", "y"}


def bracketed(trees: Iterable[Node]) -> frozenset[str]:
    """The names that stand before a square bracket with nothing but letters and numbers in it, `x[i]`, `x[0, j]`."""
    found: set[str] = set()
    for tree in trees:
        for node in walk(tree):
            if not isinstance(node, CallOrProduct) or not isinstance(node.head, Symbol | Accent):
                continue
            name, items = base_name(node.head), _items(node.group)
            plain = bool(items) and all(_plain(item) for item in items)
            itself = any(isinstance(item, Symbol) and item.name == name for item in items)
            if name is None or known_function(name) or name.startswith("bb "):
                continue
            if plain and not itself:
                found.add(name)
    return frozenset(found)


def as_entries(node: Node, names: frozenset[str]) -> Node:
    """A tree in which `x[i, j]` has become x with the subscript i, j; also `(a * b)[t]`, an entry of a result."""
    if not names:
        return node
    match node:
        case CallOrProduct(head=head, group=Group(body=body) as group) if (
            base_name(head) in names and isinstance(head, Symbol | Accent) and is_index(group)
        ):
            return Script(node.span, head, body, None, 0)
        case Juxtapose(
            parts=(Group(open="(", body=Product()) as base, Group(open="[", body=body) as group)
        ) if is_index(group):
            return Script(node.span, base, body, None, 0)
    return _with_children(node, names)


def _with_children(node: Node, names: frozenset[str]) -> Node:
    if not any(isinstance(part, CallOrProduct | Group) for part in walk(node)):
        return node
    changed: dict[str, Any] = {}
    for name in (item.name for item in fields(node) if item.init and item.name != "span"):
        value = getattr(node, name)
        new = _rewritten(value, names)
        if new is not value:
            changed[name] = new
    return with_fields(node, **changed) if changed else node


def _rewritten(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, Node):
        return as_entries(value, names)
    if isinstance(value, tuple):
        items = tuple(_rewritten(item, names) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _items(group: Node) -> tuple[Node, ...]:
    """What stands between square brackets, item by item; nothing for another bracket."""
    if not isinstance(group, Group) or group.open != "[" or group.close != "]":
        return ()
    return group.body.items if isinstance(group.body, Sequence) else (group.body,)


def _plain(node: Node) -> bool:
    return isinstance(node, Number) or (isinstance(node, Symbol) and node.name in COUNTERS)


def is_index(group: Group) -> bool:
    """Whether every item in square brackets is a letter, a number, or a sum or multiple of them."""
    items = _items(group)
    return bool(items) and all(_countable(item) for item in items)


def _countable(node: Node) -> bool:
    if isinstance(node, Add | Product | Juxtapose | Unary | Group):
        return all(_countable(child) for child in children(node))
    return isinstance(node, Number | Symbol)
