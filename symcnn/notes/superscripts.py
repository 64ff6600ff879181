"""Letters above a name: indices like those below, in round brackets, or marks that tell names apart.

Letters in brackets are indices of the tensor where two stand together, `K^{(o,c)}`, or where two more stand below,
`X^{(c)}_{i,j}`; and for what is counted by those letters too, `\\beta^{(o)}`. Otherwise they count examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from symcnn.notes.name_parts import (
    LAYER_LETTERS,
    base_name,
    index_like,
    letters_of,
    names_in,
    subscript_items,
    superscript_items,
)
from symcnn.notes.tree import Group, Node, Number, Script, Sequence, Symbol
from symcnn.notes.walking import walk


@dataclass(slots=True)
class _Use:
    """How a name is written: with how many items above and below, and with which letters above."""

    above: set[int] = field(default_factory=set)
    below: set[int] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)


def bracketed_items(part: Node) -> tuple[Node, ...]:
    """The items of a superscript in round brackets; none for another superscript."""
    if not isinstance(part, Group) or part.open != "(":
        return ()
    return part.body.items if isinstance(part.body, Sequence) else subscript_items(part.body)


def indices_above(node: Script) -> tuple[Node, ...]:
    """The items in round brackets above a name."""
    parts = superscript_items(node.sup) if node.sup is not None else ()
    return tuple(item for part in parts for item in bracketed_items(part))


def indexed_above(trees: Iterable[Node]) -> frozenset[str]:
    """The names whose superscripts in round brackets are indices."""
    uses = _uses(trees)
    found = {name for name, use in uses.items() if _is_index(use)}
    letters = {letter for name in found for letter in uses[name].letters}
    alone = {name for name, use in uses.items() if use.below == {0} and use.letters}
    return frozenset(found | {name for name in alone if uses[name].letters <= letters})


def labels_above(trees: Iterable[Node]) -> frozenset[str]:
    """The keys of names told apart by letters above them, a^f_t and a^g_t, which name tensors f_t and g_t themselves."""
    trees = list(trees)
    scripts = [
        node for tree in trees for node in names_in(tree) if isinstance(node, Script) and node.sub is not None
    ]
    indexed = {base_name(node.base) for node in scripts}
    found: dict[str, set[str]] = {}
    for node in scripts:
        name = base_name(node.base)
        if name is not None and isinstance(node.sup, Symbol) and node.sup.name in indexed:
            found.setdefault(name, set()).add(node.sup.name)
    return frozenset(f"{name}^{mark}" for name, marks in found.items() if len(marks) > 1 for mark in marks)


def _uses(trees: Iterable[Node]) -> dict[str, _Use]:
    """How names are written inside of formulas; one that stands alone is only mentioned."""
    found: dict[str, _Use] = {}
    for tree in trees:
        for node in walk(tree):
            if (
                node is tree
                or not isinstance(node, Script)
                or node.sup is None
                or (name := base_name(node.base)) is None
            ):
                continue
            for part in superscript_items(node.sup):
                items = bracketed_items(part)
                if not items or set(letters_of(part)) & LAYER_LETTERS:
                    continue
                use = found.setdefault(name, _Use())
                below = subscript_items(node.sub) if node.sub is not None else ()
                use.above.add(len(items))
                use.below.add(len(below) if all(map(_counts, below)) else -1)
                use.letters |= set(letters_of(part))
    return found


def _counts(item: Node) -> bool:
    return isinstance(item, Number) or index_like(item)


def _is_index(use: _Use) -> bool:
    """Whether letters above stand beside those below, and are as many wherever the name is written."""
    if len(use.above) != 1 or not use.letters or -1 in use.below:
        return False
    return max(use.below) > 0 if 1 not in use.above else min(use.below) > 1
