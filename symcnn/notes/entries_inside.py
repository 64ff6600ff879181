r"""Entries of what a function gives, `\exp(Z)_{nk}` and `\sigma(z)_i`, read as the function of an entry.

The function is one of single numbers: an entry of a softmax stays what it is.
"""

from __future__ import annotations

from dataclasses import replace as with_fields

from symcnn.notes.arguments import function_name
from symcnn.notes.name_parts import index_like, subscript_items
from symcnn.notes.opaque import elementary
from symcnn.notes.tree import Call, CallOrProduct, Group, Node, Script, Symbol, Word
from symcnn.notes.walking import replace, walk


def entries_inside(tree: Node) -> Node:
    """A tree in which the indices after such a function have gone to its argument."""
    for node in walk(tree):
        made = _inside(node)
        if made is not None:
            return entries_inside(replace(tree, node, made))
    return tree


def _inside(node: Node) -> Node | None:
    match node:
        case Script(base=Call(function=Word() | Symbol() as function, argument=Group() as group) as call) if (
            _asks(node) and elementary(function_name(function)) is not None
        ):
            return with_fields(call, span=node.span, argument=_entry(group, node))
        case CallOrProduct(
            head=Symbol() | Script(), group=Script(base=Group(open="(") as group) as script
        ) if _asks(script):
            return with_fields(node, group=_entry(group, script))
    return None


def _asks(script: Script) -> bool:
    """Whether a subscript asks for an entry, and nothing else is written on it."""
    if script.sub is None or script.sup is not None or script.primes:
        return False
    return all(index_like(item) for item in subscript_items(script.sub))


def _entry(group: Group, script: Script) -> Group:
    inner = group.body if isinstance(group.body, Symbol) else group
    return Group(group.span, "(", ")", Script(script.span, inner, script.sub, None, 0))
