r"""Operations that the notes define entry by entry: `\operatorname{conv}(x, g)_{o,c,r} = \sum ...` names an array.

From there on `\operatorname{conv}(x, g)` is the array with these entries. Operations that have a meaning of their own
keep it: a formula for the entries of a softmax is a claim. What a convolution of more than two axes sums over is for
the notes to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from symcnn.notes.extract import Formula
from symcnn.notes.name_parts import subscript_items
from symcnn.notes.operations import BINARY, known_function, operation_name
from symcnn.notes.tree import Call, Chain, Node, Script, Word
from symcnn.notes.walking import replace, same, walk

MATRIX_AXES = 2


Calls = tuple[tuple[Call, str], ...]
"""Calls, each with its LaTeX, which is the name of the array."""


def defined_calls(read: Iterable[tuple[Formula, Node]]) -> Calls:
    """The calls whose entries are a left side of the notes."""
    found: list[tuple[Call, str]] = []
    for formula, tree in read:
        for node in walk(tree):
            if not isinstance(node, Chain) or not isinstance(left := node.sides[0], Script):
                continue
            call = left.base
            if (
                not isinstance(call, Call)
                or left.sub is None
                or not _open(call, len(subscript_items(left.sub)))
            ):
                continue
            if not any(same(call, other) for other, _ in found):
                found.append((call, call.span.of(formula.latex)))
    return tuple(found)


def as_arrays(tree: Node, calls: Calls) -> Node:
    """A tree in which the calls have become names of arrays."""
    for call in [node for node in walk(tree) if isinstance(node, Call)] if calls else ():
        name = next((text for other, text in calls if same(call, other)), None)
        if name is not None:
            tree = replace(tree, call, Word(call.span, name, "raw"))
    return tree


def _open(call: Call, axes: int) -> bool:
    """Whether nothing but the notes says what an operation gives."""
    function = call.function.base if isinstance(call.function, Script) else call.function
    if not isinstance(function, Word):
        return False
    name = operation_name(function.text)
    return not known_function(name) or (name in BINARY and "conv" in name and axes > MATRIX_AXES)
