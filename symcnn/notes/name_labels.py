"""Letters under a weight that only name it: the xh of W_{xh}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.name_parts import base_name, letter, letters_of, subscript_items
from symcnn.notes.tree import Script, Symbol
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.members import Finder

PARAMETERS = frozenset(
    {"W", "U", "V", "R", "A", "B", "C", "M", "b", "c", "w", "u", "v", "bf W", "bf b", "bf U"}
)


def find_labels(finder: Finder) -> None:
    """W_h, W_{xh}, b_y: where h_t, x_t and y_t are tensors, such letters under a weight only name it."""
    counting = set(finder.habits.members.values())
    if not counting:
        return
    bases = {*finder.habits.members, *finder.habits.implicit}
    under: dict[str, set[str]] = {}
    for tree in finder.trees:
        for node in walk(tree):
            if isinstance(node, Script) and node.sub is not None and base_name(node.base) is not None:
                items = subscript_items(node.sub)
                if all(isinstance(item, Symbol) for item in items):
                    for name in letters_of(node.sub):
                        under.setdefault(name, set()).add(base_name(node.base) or "")
            elif isinstance(node, Script) and node.sub is not None:
                for name in letters_of(node.sub):
                    under.setdefault(name, set()).add("")
    names = {
        name
        for name, owners in under.items()
        if name not in counting | finder.bound | finder.sizes and owners <= PARAMETERS
    }
    for tree in finder.trees:
        for node in walk(tree):
            if isinstance(node, Script) and node.sub is not None:
                spelled = [letter(item) or "" for item in subscript_items(node.sub)]
                named = any(item in bases for item in spelled) and all(item in names for item in spelled)
                if named and base_name(node.base) in PARAMETERS:
                    finder.habits.labelled.add(f"{base_name(node.base)}_{''.join(spelled)}")
