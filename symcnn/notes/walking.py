"""Going over a notation tree: what lies under a node, replacing a part, equality without spans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as with_fields
from typing import Any, TypeVar

from symcnn.notes.limits import spend
from symcnn.notes.marks import Operator, Relation, Separator
from symcnn.notes.tree import Node

Kept = TypeVar("Kept")

READING = 4
"""Steps of work that a piece of notation stands for: reading it, and looking at it for the first time."""


_fields: dict[type[Any], tuple[str, ...]] = {}


def _names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a node or mark other than its span."""
    if kind not in _fields:
        _fields[kind] = tuple(name for name in kind.__slots__ if name != "span")
    return _fields[kind]


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly under `node`, in the order of their fields; marks between them are left out."""
    try:
        return node._children
    except AttributeError:  # asked for the first time
        spend(READING)
        found: list[Node] = []
        for name in _names(type(node)):
            _collect(getattr(node, name), found)
        return keep(node, "_children", tuple(found))


def keep(node: Node, name: str, value: Kept) -> Kept:
    """Note in a slot of `_Memory` what was found about a node, which never changes."""
    object.__setattr__(node, name, value)
    return value


def _collect(value: object, found: list[Node]) -> None:
    if isinstance(value, Node):
        found.append(value)
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, found)


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything under it, parents first, in reading order of the fields."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(children(current)[::-1])


def replace(node: Node, old: Node, new: Node) -> Node:
    """`node` with the subtree `old` (that very object) replaced by `new`; spans elsewhere stay.

    Raises ValueError where `old` is no part of `node`.
    """
    result = _replaced(node, old, new)
    if result is None:
        raise ValueError(f"replace expects a subtree of the tree, came a {type(old).__name__} from elsewhere")
    return result


def _replaced(node: Node, old: Node, new: Node) -> Node | None:
    """The tree after the replacement, or None where nothing changed."""
    if node is old:
        return new
    for name in _names(type(node)):
        value = _replaced_value(getattr(node, name), old, new)
        if value is not None:
            changed: dict[str, Any] = {name: value}
            return with_fields(node, **changed)
    return None


def _replaced_value(value: object, old: Node, new: Node) -> object | None:
    if isinstance(value, Node):
        return _replaced(value, old, new)
    if isinstance(value, tuple):
        for place, item in enumerate(value):
            changed = _replaced_value(item, old, new)
            if changed is not None:
                return (*value[:place], changed, *value[place + 1 :])
    return None


def same(a: object, b: object) -> bool:
    """Whether two trees (or marks) are equal when spans are left out."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Node | Operator | Relation | Separator):
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in _names(type(a)))
    return a == b
