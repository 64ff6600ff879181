"""How the notes write names, observed in a first pass over all formulas."""

from __future__ import annotations

from collections.abc import Iterable

from symcnn.notes.name_parts import (
    base_name,
    counts_layers,
    index_like,
    is_numbered,
    letters_of,
    names_layer,
    subscript_items,
    superscript_items,
)
from symcnn.notes.names import Habits, read_subscript
from symcnn.notes.superscripts import indexed_above, indices_above, labels_above
from symcnn.notes.tree import BigOperator, Chain, Derivative, Group, Node, Number, Script, Symbol, Word
from symcnn.notes.walking import children, walk

WEIGHTS = frozenset({"W", "w", "b", "theta", "Theta", "K"})
"""Names that are of a layer, never of an example."""


def _names_t(tree: Node) -> bool:
    """Whether t is the name of something, and not only the sign of a transpose."""
    if isinstance(tree, Script):
        parts = (tree.base, *(part for part in (tree.sub,) if part is not None))
        over = tree.sup if not isinstance(tree.sup, Symbol) else None
        return any(_names_t(part) for part in (*parts, *((over,) if over is not None else ())))
    return (isinstance(tree, Symbol) and tree.name == "t") or any(_names_t(child) for child in children(tree))


def _observe_letters(habits: Habits, trees: list[Node]) -> None:
    """Letters under sums and in scripts, and whether t is a name."""
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, BigOperator) and node.name in ("sum", "prod") and node.lower is not None:
                lower = node.lower.sides[0] if isinstance(node.lower, Chain) else node.lower
                habits.letters |= {name.rstrip("'") for name in letters_of(lower)} | set(letters_of(lower))
                habits.indexing |= set(letters_of(lower))
            elif isinstance(node, Script) and node.sub is not None and not is_numbered(node.sub):
                habits.indexing |= set(letters_of(node.sub))
    habits.named_t = any(_names_t(tree) for tree in trees)


def observe(trees: Iterable[Node]) -> Habits:
    """The habits of the notes, from all formulas."""
    habits = Habits()
    trees = list(trees)
    _observe_letters(habits, trees)
    habits.numbered_layers = numbers_layers(trees)
    habits.above = indexed_above(trees)
    habits.labelled |= labels_above(trees)
    for tree in trees:
        for node in walk(tree):
            if not isinstance(node, Script):
                continue
            base = base_name(node.base)
            if base is None:
                continue
            above = superscript_items(node.sup) if node.sup is not None else ()
            if any(names_layer(part) for part in above):
                habits.layered.add(base)
            if any(
                isinstance(part, Group) and part.open == "(" and counts_layers(part.body) for part in above
            ):
                habits.bracketed_layers.add(base)
            if node.sub is not None:
                items = (*(indices_above(node) if base in habits.above else ()), *subscript_items(node.sub))
                if is_numbered(node.sub) and not set(letters_of(node.sub)) & habits.indexing:
                    continue
                if all(isinstance(item, Number) for item in items):
                    habits.numbers.setdefault(base, set()).add(len(items))
                elif all(index_like(item, habits.letters) for item in items) and not isinstance(
                    node.sub, Word
                ):
                    habits.ranks.setdefault(base, set()).add(len(items))
    for tree in trees:
        for node in walk(tree):
            _squares(node, habits)
            if isinstance(node, Script) and isinstance(node.sub, Script) and node.sub.sub is not None:
                name = base_name(node.sub.base)
                if name is not None:
                    habits.classes.add(name)
    return habits


def numbers_layers(trees: list[Node]) -> bool:
    """Whether weights carry different numbers in brackets, `W^{(1)}` and `W^{(2)}`, and nothing carries a letter so."""
    numbers: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in walk(tree) if isinstance(node, Script)):
        for part in superscript_items(node.sup) if node.sup is not None else ():
            if isinstance(part, Group) and part.open == "(":
                if not isinstance(part.body, Number):
                    return False
                numbers.setdefault(base_name(node.base) or "", set()).add(part.body.text)
    return any(len(found) > 1 for name, found in numbers.items() if name in WEIGHTS)


def _squares(node: Node, habits: Habits) -> None:
    """σ² is a name where it is defined, or where something is differentiated by it."""
    sides: tuple[Node, ...] = ()
    match node:
        case Chain(sides=chain):
            sides = chain[:1]
        case Derivative(wrt=wrt):
            sides = wrt
    for side in sides:
        match side:
            case Script(base=base, sup=Number(text="2"), sub=sub) if base_name(base) is not None:
                name = base_name(base) or ""
                if isinstance(node, Derivative) or name in ("sigma", "s"):
                    label, indices = read_subscript(name, sub, habits)
                    if indices is None:
                        habits.squared.add(f"{name}_{label}" if label else name)
