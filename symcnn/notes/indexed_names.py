"""Names with one index, and the letters that count what they name."""

from __future__ import annotations

from collections.abc import Iterator

from symcnn.notes.claims import Piece
from symcnn.notes.declared_shapes import real_space
from symcnn.notes.free import bound_letters
from symcnn.notes.name_parts import (
    LAYER_LETTERS,
    base_name,
    index_like,
    letters_of,
    subscript_items,
    superscript_items,
)
from symcnn.notes.tree import BigOperator, Derivative, Gradient, Group, Node, Script, Symbol
from symcnn.notes.walking import children


def indexed(node: Node) -> tuple[str | None, Node | None]:
    """The base and the index of a name with one index that is not a plain number."""
    if not isinstance(node, Script) or node.sub is None:
        return None, None
    name = base_name(node.base)
    items = subscript_items(node.sub)
    if name is None or len(items) != 1 or not letters_of(items[0]) or isinstance(items[0], Script):
        return None, None
    if not index_like(items[0]) and not isinstance(items[0], Symbol):
        return None, None
    return name, items[0]


def names_with_scripts(node: Node) -> Iterator[Node]:
    """The names in a formula with their scripts, and those in exponents; of a derivative only the variables."""
    if isinstance(node, Derivative | Gradient):
        wrt = node.wrt if isinstance(node, Derivative) else (node.wrt,)
        for variable in wrt:
            if isinstance(variable, Script):
                yield variable
        return
    if isinstance(node, Symbol) or (isinstance(node, Script) and base_name(node.base) is not None):
        yield node
        if isinstance(node, Script) and node.sup is not None:
            yield from names_with_scripts(node.sup)
        return
    for child in children(node):
        yield from names_with_scripts(child)


def counted_example(node: Node) -> tuple[str | None, Node | None]:
    """The base and the i of x^{(i)}."""
    if not isinstance(node, Script) or node.sup is None:
        return None, None
    for part in superscript_items(node.sup):
        if isinstance(part, Group) and part.open == "(" and not set(letters_of(part)) & LAYER_LETTERS:
            return base_name(node.base), part.body
    return None, None


def space_size(piece: Piece) -> int | None:
    """How many sizes the space has in which a piece declares a name to be."""
    if piece.sign != "in":
        return None
    sizes = real_space(piece.right) if piece.right is not None else None
    if sizes is None:
        return None
    return 1 if any(getattr(size, "text", "") == "1" for size in sizes) else len(sizes)


def bound_in(node: Node) -> list[str]:
    return bound_letters(node) if isinstance(node, BigOperator) else []


def is_turned(node: Node) -> bool:
    """Whether a superscript is surely a transpose; t and tr may be names."""
    return isinstance(node, Symbol) and node.name in ("T", "top", "intercal")
