"""Numbers for sizes: `N = 1` sets one, `H' = 16` is checked where a formula for H' and the numbers in it stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import Piece
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.facts import Definition
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import Ref, read_name
from symcnn.notes.rounding import is_numeric
from symcnn.notes.tree import Number
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import same

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations


def stated(piece: Piece, equations: Equations) -> Verdict | None:
    """The verdict on `size = number`; None for another claim."""
    facts = equations.bench.facts
    if piece.left is None or piece.right is None or piece.sign != "=" or not is_numeric(piece.right, facts):
        return None
    ref = read_name(piece.left, facts.habits)
    if ref is None or ref.indices is not None:
        return None
    definition = _definition(ref, piece, equations)
    read = _read(definition, equations) if definition is not None else set()
    if not _is_size(ref, equations) and not (read and read <= facts.sizes | set(_numbers(piece, equations))):
        return None
    if definition is None:
        return Verdict(Kind.DEFINITION, reason="sets a size")
    known = _numbers(piece, equations)
    known.pop(ref.key + "'" * ref.primes, None)
    if not read <= set(known):
        return Verdict(Kind.DEFINITION, reason="sets a size")
    try:
        world = equations.bench.world(piece.order, settings=known)
        value = Evaluator(world, {}).scalar(definition.body)
    except SymcnnError:
        return Verdict(Kind.DEFINITION, reason="sets a size")
    if not value.is_number:
        return Verdict(Kind.DEFINITION, reason="sets a size")
    shown = str(sp.nsimplify(value))
    if value == Evaluator(world, {}).scalar(piece.right):
        return Verdict(
            Kind.SHAPE_RIGHT,
            proof=f"line {definition.line} with these numbers",
            related_lines=(definition.line,),
        )
    start = piece.right.span.start - piece.span.start
    end = piece.right.span.end - piece.span.start
    return Verdict(
        Kind.SHAPE_WRONG,
        reason=f"line {definition.line} gives {shown}",
        correction=piece.latex[:start] + shown + piece.latex[end:],
        wrong_terms=(Span(start, end),),
        related_lines=(definition.line,),
        diagnosis="wrong number",
    )


def _is_size(ref: Ref, equations: Equations) -> bool:
    facts = equations.bench.facts
    return ref.key + "'" * ref.primes in facts.sizes


def _read(definition: Definition, equations: Equations) -> set[str]:
    """The names in the formula for a size."""
    refs = [read_name(node, equations.bench.facts.habits) for node in names_in(definition.body)]
    return {ref.key + "'" * ref.primes for ref in refs if ref is not None}


def _definition(ref: Ref, piece: Piece, equations: Equations) -> Definition | None:
    """The formula for a size that stands before the piece."""
    key = ref.key + "'" * ref.primes
    for definition in reversed(equations.bench.in_force.of_key(key)):
        if definition.order < piece.order and definition.indices is None:
            if definition.layer is None and ref.layer is None:
                return definition
            if definition.layer is not None and ref.layer is not None and same(definition.layer, ref.layer):
                return definition
    return None


def _numbers(piece: Piece, equations: Equations) -> dict[str, int]:
    """Numbers for names in the sentences before the piece, the nearest ones."""
    found: dict[str, int] = {}
    for other in equations.pieces[max(0, piece.order - 14) : piece.order]:
        if other.sign == "=" and isinstance(other.right, Number) and other.right.text.isdigit():
            for side in (other.left, other.head):
                ref = read_name(side, equations.bench.facts.habits) if side is not None else None
                if ref is not None and ref.indices is None and ref.layer is None:
                    found[ref.key + "'" * ref.primes] = int(other.right.text)
    return found
