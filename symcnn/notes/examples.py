"""Worked examples with an arrow: an array, the operation over the arrow, and what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.notes import operations as ops
from symcnn.notes.claims import Piece
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.marks import Relation
from symcnn.notes.name_parts import base_name
from symcnn.notes.tree import (
    Annotated,
    Decorated,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Number,
    Script,
    Sequence,
    Symbol,
    Text,
    Word,
)
from symcnn.notes.verdict import Counterexample, Kind, Verdict
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations


def arrow(piece: Piece, equations: Equations) -> Verdict:
    """array -> array with the name of an operation over the arrow."""
    assert piece.left is not None
    assert piece.right is not None
    assert piece.relation is not None
    name = _operation(piece.relation)
    arrays = any(isinstance(node, Matrix) for side in (piece.left, piece.right) for node in walk(side))
    if name is None or not arrays:
        return Verdict(Kind.NOT_A_CLAIM, reason="an arrow to something that is no array")
    world = equations.bench.world(piece.order)
    evaluator = Evaluator(world, world.layer_env())
    x, y = _value(evaluator, piece.left), _value(evaluator, piece.right)
    if x is None or y is None:
        return Verdict(Kind.NOT_A_CLAIM, reason="an arrow to something that is no array")
    equations.examples.append((piece, x, y))
    try:
        result = _applied(name, x, y)
    except ShapeError as error:
        return Verdict(Kind.FAILS, reason=str(error))
    if result.shape == y.shape and all(a == b for a, b in zip(result.flat, y.flat, strict=True)):
        return Verdict(Kind.HOLDS, proof=f"{name} of the numbers, exactly")
    return Verdict(
        Kind.FAILS,
        reason=f"{name} gives another array",
        counterexample=Counterexample({}, str(result.tolist()), str(y.tolist())),
    )


def _applied(name: str, x: ops.Array, y: ops.Array) -> ops.Array:
    """The operation with the window that takes x to the shape of y."""
    window = max(x.shape[0] // max(y.shape[0], 1), 1)
    if "avg" in name or "average" in name or "mean" in name:
        return ops.average_pool(x, window)
    if "max" in name:
        return ops.max_pool(x, window)
    return ops.UNARY[name](x)


def _array(node: Node) -> Matrix | None:
    """The numbers in a side, with a name before them or a shape under them."""
    match node:
        case Matrix():
            return node
        case Script(base=base):
            return _array(base)
        case Group(body=body) | Decorated(body=body) | Annotated(body=body):
            return _array(body)
        case Juxtapose(parts=parts) | Sequence(items=parts):
            found = [part for part in map(_array, parts) if part is not None]
            names = all(isinstance(part, Symbol | Script | Word | Text | Group | Matrix) for part in parts)
            return found[0] if len(found) == 1 and names else None
    return None


def _value(evaluator: Evaluator, node: Node) -> ops.Array | None:
    """The numbers that a side comes to: of its array, or of an expression in numbers."""
    known = _array(node)
    if known is not None:
        return evaluator.value(known)
    if any(isinstance(part, Symbol | Word) for part in walk(node)):
        return None
    return evaluator.value(node)


def _operation(relation: Relation) -> str | None:
    words: list[str] = []
    for side in (relation.above, relation.below):
        for node in walk(side) if side is not None else ():
            match node:
                case Word(text=text) | Text(text=text):
                    words.append(text)
                case Symbol() | Number():
                    words.append(base_name(node) or "")
    name = ops.operation_name("".join(words))
    if "pool" in name:
        return "average pooling" if "av" in name or "mean" in name else "max pooling"
    return name if name in ops.UNARY else None


__all__ = ["arrow", "sp"]
