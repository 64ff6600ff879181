"""Whether a claim whose right side is made of numbers alone gives numbers for an example, which nothing refutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.notes.claims import Piece
from symcnn.notes.defined_values import defined_value
from symcnn.notes.rounding import is_numeric
from symcnn.notes.tree import Derivative, Gradient, Group, Matrix, Node, Number, Unary
from symcnn.notes.trials import number, seeds
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import walk
from symcnn.notes.world import World

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations, Result

PLAIN = frozenset({"0", "1"})


def judge(piece: Piece, results: list[Result], equations: Equations) -> Verdict | None:
    """The verdict on `left = numbers` that may be true for some numbers of what is given; None for another claim.

    A left side that has one value whatever is given does not depend on an example. Neither does one that the
    definitions determine, against a plain 0, 1 or -1, where the section gives no numbers.
    """
    if piece.left is None or piece.right is None or not is_numeric(piece.right, equations.bench.facts):
        return None
    refuted = [(r.world, r.outcome) for r in results if r.refuted and r.outcome and r.world]
    given = [_is_given(world, piece.left, outcome.left) for world, outcome in refuted]
    plain = _is_plain(piece.right) and not _after_numbers(piece, equations)
    for (world, outcome), free in zip(refuted, given, strict=True):
        if not _varies(world, outcome.difference) or (plain and not free):
            return None
    if refuted and piece.first and all(given) and _is_printed(piece.right):
        return Verdict(Kind.DEFINITION, reason="numbers of an example")
    reason = "numbers of an example, which the notes do not determine"
    return Verdict(Kind.CANNOT_CHECK, reason=reason) if refuted else None


def _varies(world: World, expr: sp.Expr) -> bool:
    """Whether the value of an expression changes with the numbers of what is given."""
    values = []
    for seed in seeds(expr):
        try:
            values.append(number(world, expr, seed, world.numbers.setdefault(seed, {})))
        except (ZeroDivisionError, OverflowError):
            continue
    known = [value for value in values if value is not None]
    return any(abs(value - known[0]) > 1e-9 for value in map(sp.Float, known[1:])) if known else False


def _is_printed(node: Node) -> bool:
    """A number, or an array of numbers, with nothing to be computed."""
    match node:
        case Number():
            return True
        case Unary(body=body) | Group(body=body):
            return _is_printed(body)
        case Matrix(rows=rows):
            return all(_is_printed(entry) for row in rows for entry in row)
    return False


def _is_plain(node: Node) -> bool:
    """0, 1 or -1, or an array of these."""
    numbers = [part for part in walk(node) if isinstance(part, Number)]
    return _is_printed(node) and all(number.text in PLAIN for number in numbers)


def _is_given(world: World, node: Node, value: sp.Expr) -> bool:
    """Whether the notes leave a left side free: a cotangent that leads nowhere, or a formula in what is given."""
    cotangents = world.cotangents
    if any(isinstance(part, Derivative | Gradient) for part in walk(node)):
        return value in cotangents.of and cotangents.step(value) is None
    return all(s not in cotangents.of and defined_value(world, s) is None for s in value.free_symbols)


def _after_numbers(piece: Piece, equations: Equations) -> bool:
    """Whether the section gives a number or an array of numbers to a name before the piece."""
    bench = equations.bench
    return any(
        other.first
        and other.right is not None
        and bench.sections[other.order] == bench.sections[piece.order]
        and is_numeric(other.right, bench.facts)
        and other.sign == "="
        for other in equations.pieces[: piece.order]
    )
