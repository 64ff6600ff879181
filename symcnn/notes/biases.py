"""Biases whose shape the notes leave open: a row, a column or a number that is added to a whole product."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes.claims import Piece
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import read_name
from symcnn.notes.shape_axes import ONE, Axis
from symcnn.notes.tree import Juxtapose, Node, Product, Script, Symbol
from symcnn.notes.verdict import Kind, Verdict

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations, Result
    from symcnn.notes.world import World

AS = {
    "row": "a bias is a row, which is added to every row",
    "column": "a bias is a column, which is added to every column",
    "number": "a bias is one number, which is added to every entry",
}
"""The shapes that a bias may have, and what is assumed with each."""


def open_biases(terms: tuple[Node, ...], world: World) -> list[tuple[Node, str]]:
    """The names that stand beside a product in a sum, with their keys: the b of X W + b."""
    if not any(isinstance(term, Product | Juxtapose) for term in terms):
        return []
    refs = [
        (term, read_name(term, world.facts.habits)) for term in terms if isinstance(term, Symbol | Script)
    ]
    return [
        (term, world.facts.resolve(ref.key))
        for term, ref in refs
        if ref is not None and ref.indices is None and not ref.transposed and ref.power is None
    ]


def bias_shape(world: World, shape: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """The shape of a bias that is added to something of this shape, by the convention of the reading."""
    if len(shape) != 2:
        return shape
    kind = world.reading.bias or ("row" if world.facts.cues.rows and ONE not in shape else "")
    return {"row": (ONE, shape[1]), "column": (shape[0], ONE), "number": ()}.get(kind, shape)


def under_another_bias(
    piece: Piece, lefts: list[Node], results: list[Result], equations: Equations
) -> Verdict | None:
    """The verdict on a claim of a bias of open shape that does not fit: true with another shape, false with all."""
    chosen = next((r for r in results if r.refuted or r.mismatch), None)
    if chosen is None or piece.right is None:
        return None
    world = equations.bench.world(piece.order)
    if not any(_speaks_of(side, world) for side in (*lefts, piece.right)):
        return None
    undecided = False
    for kind, assumption in AS.items():
        reading = replace(chosen.attempt.reading, bias=kind)
        attempt = replace(chosen.attempt, reading=reading, assumption=assumption)
        for left in lefts:
            result = equations.run(piece, left, piece.right, attempt)
            if result.proved:
                return Verdict(
                    Kind.HOLDS_IF,
                    proof="symbolically, entry by entry at small sizes",
                    assumption=assumption,
                )
            undecided = undecided or not (result.refuted or result.mismatch)
    if undecided:
        return Verdict(Kind.CANNOT_CHECK, reason="the notes do not say the shape of the bias")
    return None


def _speaks_of(node: Node, world: World) -> bool:
    refs = (read_name(name, world.facts.habits) for name in names_in(node))
    return any(ref is not None and world.facts.resolve(ref.key) in world.open_biases for ref in refs)
