"""The context of the notes: definitions, shapes, ranges and habits, gathered from all pieces in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from symcnn.notes import prose as talk
from symcnn.notes.claims import Piece, set_together
from symcnn.notes.declared_shapes import find_scalars, find_stated_shapes, note_membership, shape_of
from symcnn.notes.definitions import definition_of, is_signature, note_function
from symcnn.notes.extract import Document
from symcnn.notes.facts import Definition, Facts, Shape
from symcnn.notes.habits import observe
from symcnn.notes.members import find_members
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import LOSS_NAMES, Ref, read_name
from symcnn.notes.ranges import (
    find_first_index,
    find_larger,
    find_ranges,
    find_sizes,
    find_steps,
    note_between,
    note_bounds,
)
from symcnn.notes.roles import factors_among_functions, find_functions, find_layers, find_losses
from symcnn.notes.spoken_definitions import spoken
from symcnn.notes.spoken_functions import find_spoken_functions
from symcnn.notes.tree import BigOperator, Node, Number, Script
from symcnn.notes.walking import walk

DEFINING = frozenset({"=", ":=", "equiv", "triangleq"})


def gather(
    document: Document, found: list[Piece], trees: Iterable[Node], *, numbered_layers: bool = False
) -> Facts:
    """All facts of the notes; `numbered_layers` is a habit of the whole of which they may be a part."""
    trees = list(trees)
    facts = Facts(observe(trees))
    facts.habits.numbered_layers |= numbered_layers
    text = " ".join(block.text for block in document.prose)
    facts.cues = talk.cues(text, document.text)
    facts.normalised = talk.one_hot(document.text)
    find_sizes(facts, trees)
    find_members(facts.habits, trees, found, facts.sizes, document.text)
    bases = {name.partition("_")[0] for name in facts.normalised}
    facts.normalised |= bases & set(facts.habits.members)
    find_ranges(facts, trees, document.text)
    find_losses(facts, trees)
    find_layers(facts, trees)
    find_functions(facts, trees, found)
    find_spoken_functions(facts, document)
    for piece in found:
        number = set_together(found, piece)
        if number is not None and not (piece.first and _has_formula(facts, piece)):
            facts.together.add(piece.order)
            piece = replace(piece, right=number, first=True)
        if said := spoken(facts, found, piece, document):
            facts.spoken[piece.order] = said
            facts.definitions += [one for one in said if len(said) == 1]
        _note(facts, piece, document)
    for definition in facts.definitions:
        if (
            definition.key in LOSS_NAMES
            and definition.indices is None
            and definition.key not in facts.losses
            and (definition.key != "C" or any(isinstance(n, BigOperator) for n in walk(definition.body)))
        ):
            facts.losses.append(definition.key)
    order = {d.key: d.order for d in reversed(facts.definitions)}
    facts.losses.sort(key=lambda key: order.get(key, -1))
    find_stated_shapes(facts, found, document)
    facts.definitions[:] = [d for d in facts.definitions if not _sets_a_size(facts, d)]
    find_scalars(facts, found, document)
    find_first_index(facts, trees)
    find_larger(facts, trees)
    find_steps(facts)
    facts.applied -= factors_among_functions(facts, trees)
    return facts


def _note(facts: Facts, piece: Piece, document: Document) -> None:
    line = document.place(piece.formula.span.start + piece.span.start)[0]
    if piece.right is None and piece.left is not None:
        note_between(facts, piece.left)
    if piece.left is None or piece.right is None:
        return
    if piece.sign == "in":
        note_membership(facts, piece.left, piece.right, line, piece.order)
        return
    if piece.sign in ("<", "<="):
        note_bounds(facts, piece)
        return
    if piece.sign not in DEFINING:
        return
    _normalised(facts, piece.left, piece.right)
    shape = shape_of(piece.right)
    ref = read_name(piece.left, facts.habits)
    if shape is not None and ref is not None:
        facts.shapes.setdefault(ref.key, []).append(Shape(shape, line, piece.order))
        return
    if ref is not None and isinstance(piece.right, Number) and _size_name(ref) in facts.sizes:
        return
    if not piece.first and piece.head is not None and is_signature(piece.left):
        piece = replace(piece, left=piece.head, first=True)
    if talk.is_condition(document.text[: piece.formula.outer.start]) and _restricts(facts, piece):
        return
    definition = definition_of(facts, piece, line)
    if definition is not None:
        facts.definitions.append(definition)
    else:
        note_function(facts, piece, line)


def _sets_a_size(facts: Facts, definition: Definition) -> bool:
    """Whether a number is given to a size of a declared shape; that is for its own place, and no definition."""
    plain = definition.indices is None and definition.layer is None and definition.member is None
    return plain and definition.key in facts.sizes and isinstance(definition.body, Number)


def _has_formula(facts: Facts, piece: Piece) -> bool:
    """Whether the name on the left is computed by a formula of the notes, so that a number for it is a claim."""
    ref = read_name(piece.left, facts.habits) if piece.left is not None else None
    key = facts.resolve(ref.key) if ref is not None else ""
    return any(d.key == key and names_in(d.body) for d in facts.definitions)


def _restricts(facts: Facts, piece: Piece) -> bool:
    """Whether a formula is a condition on a name that others are computed from, `if $p = (k - 1)/2$`."""
    ref = read_name(piece.left, facts.habits) if piece.left is not None else None
    if ref is None or ref.indices is not None or piece.formula.display:
        return False
    read = {one.key for d in facts.definitions for one in _refs(facts, d.body)}
    known = read | facts.sizes | {d.key for d in facts.definitions}
    new = piece.right is not None and any(one.key not in known for one in _refs(facts, piece.right))
    return _size_name(ref) in facts.sizes or (ref.key in read and not new)


def _refs(facts: Facts, node: Node) -> list[Ref]:
    return [ref for name in names_in(node) if (ref := read_name(name, facts.habits)) is not None]


def _size_name(ref: Ref) -> str:
    return ref.key + "'" * ref.primes


def _normalised(facts: Facts, left: Node, right: Node) -> None:
    """A sum over the entries of a name that is said to be one."""
    match left, right:
        case BigOperator(name="sum", body=Script() as body), Number(text="1"):
            ref = read_name(body, facts.habits)
            if ref is not None and ref.indices is not None and len(ref.indices) == 1:
                facts.normalised.add(ref.key)
