"""The manner in which the notes write: what all formulas are rewritten by before anything else looks at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symcnn.notes.bars import as_gradients, marks_of_gradients
from symcnn.notes.brackets import as_entries, bracketed
from symcnn.notes.called import Calls, as_arrays, as_factors, defined_calls, entry_words
from symcnn.notes.entries_inside import entries_inside
from symcnn.notes.extract import Formula
from symcnn.notes.habits import numbers_layers
from symcnn.notes.prefixes import as_differentials, prefixes
from symcnn.notes.stated_arguments import Stated, stated, without_arguments
from symcnn.notes.tree import Node

Read = list[tuple[Formula, Node]]


@dataclass(frozen=True, slots=True)
class Manner:
    """How the notes write entries, operations, values of functions, and gradients."""

    entries: frozenset[str] = frozenset()
    """Names whose entries are written in square brackets."""
    calls: Calls = ()
    """Operations whose entries the notes give."""
    words: frozenset[str] = frozenset()
    """Words whose entries the notes give: they are no functions."""
    values: tuple[Stated, ...] = ()
    """Functions that name one value."""
    gradients: frozenset[str] = frozenset()
    """Accents that mark the loss's derivative."""
    prefixes: frozenset[str] = frozenset()
    """Letters before a name that do so."""
    numbered_layers: bool = False
    """Whether a number in brackets above a name is a label."""

    def of(self, tree: Node) -> Node:
        """A tree in the one form that the rest of the room reads."""
        tree = as_factors(as_entries(tree, self.entries), self.words)
        tree = entries_inside(as_arrays(tree, self.calls))
        tree = as_gradients(without_arguments(tree, self.values), self.gradients)
        return as_differentials(tree, self.prefixes)


def manner(text: str, read: Iterable[tuple[Formula, Node]]) -> Manner:
    """The manner of the notes with this text and these formulas."""
    read = list(read)
    entries = bracketed(tree for _, tree in read)
    read = [(formula, as_entries(tree, entries)) for formula, tree in read]
    words = entry_words(tree for _, tree in read)
    read = [(formula, as_factors(tree, words)) for formula, tree in read]
    trees = [tree for _, tree in read]
    marks = marks_of_gradients(text, trees)
    return Manner(
        entries,
        defined_calls(read),
        words,
        stated(trees),
        marks,
        prefixes(text, read),
        numbers_layers(trees),
    )
