"""The smallest change of a false claim that makes it provably true, and what went wrong in the field's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import Piece, pieces
from symcnn.notes.coefficients import spellings, term_edits
from symcnn.notes.compare import Outcome
from symcnn.notes.decide import decide
from symcnn.notes.defined_values import expanded
from symcnn.notes.edit import Edit
from symcnn.notes.edits import edits, pairs
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import names_in
from symcnn.notes.parser import parse
from symcnn.notes.sieve import Sieve
from symcnn.notes.tree import Derivative, Node
from symcnn.notes.vocabulary import vocabulary
from symcnn.notes.walking import same, walk
from symcnn.notes.zero import Zero

if TYPE_CHECKING:
    from symcnn.notes.attempts import Attempt
    from symcnn.notes.equation import Equations

MOST_EDITS = 1200


def correct(
    piece: Piece,
    left: Node,
    attempt: Attempt,
    equations: Equations,
    undefined: frozenset[str],
    outcome: Outcome | None = None,
) -> tuple[str, tuple[Span, ...], str] | None:
    """The corrected LaTeX of a piece, the wrong terms in it, and what was wrong; None where no edit helps."""
    assert piece.right is not None
    try:
        world = equations.bench.world(
            piece.order, settings=attempt.settings, reading=attempt.reading, functions=attempt.functions
        )
        spelled = spellings(equations.pieces, world, piece.order)
        several = term_edits(piece.formula.latex, left, piece.right, world, spelled)
    except SymcnnError:
        several = []
        spelled = {}
    if several:
        latex = _all_applied(piece, several)
        if _true(latex, piece, left, attempt, equations):
            wrong = tuple(_shifted(edit.wrong or edit.span, piece) for edit in several)
            return latex, wrong, "; ".join(dict.fromkeys(edit.what for edit in several))
    if not names_in(piece.right) and not undefined:
        found = _by_value(piece, left, attempt, equations, spelled)
        if found is not None:
            return found
    words = vocabulary(piece, equations, undefined)
    sieve = Sieve(piece, left, attempt, equations, outcome)
    single = edits(piece.formula.latex, piece.right, left, words)[:MOST_EDITS]
    both = pairs(piece.formula.latex, single) if sieve.world is not None else []
    for edit in (*single, *both):
        latex = _all_applied(piece, [edit])
        if sieve.passes(_right_side(latex, piece, equations)) and _true(
            latex, piece, left, attempt, equations
        ):
            return latex, (_shifted(edit.wrong or edit.span, piece),), edit.what
    return _by_value(piece, left, attempt, equations, spelled)


def _by_value(
    piece: Piece, left: Node, attempt: Attempt, equations: Equations, spelled: dict[sp.Symbol, str]
) -> tuple[str, tuple[Span, ...], str] | None:
    """A right side that is a number or a name is replaced by the true one."""
    assert piece.right is not None
    try:
        world = equations.bench.world(piece.order, settings=attempt.settings, reading=attempt.reading)
        value = Evaluator(world, world.layer_env()).scalar(left)
        value = sp.nsimplify(expanded(world, value)) if not value.free_symbols else value
    except SymcnnError:
        return None
    if not value.is_Rational:
        return None
    text = str(value) if value.is_Integer else f"\\frac{{{value.p}}}{{{value.q}}}"
    edit = Edit(piece.right.span, text, f"the value is {text}", 0)
    if decide(world, value, sp.Rational(value))[0] is not Zero.PROVED:
        return None
    latex = _all_applied(piece, [edit])
    return latex, (_shifted(edit.span, piece),), edit.what


def _shifted(span: Span, piece: Piece) -> Span:
    return Span(span.start - piece.span.start, span.end - piece.span.start)


def _all_applied(piece: Piece, several: list[Edit]) -> str:
    latex = piece.formula.latex
    shift = 0
    for edit in sorted(several, key=lambda e: e.span.start, reverse=True):
        latex = edit.applied(latex)
        shift += len(edit.text) - (edit.span.end - edit.span.start)
    return latex[piece.span.start : piece.span.end + shift]


def _true(latex: str, piece: Piece, left: Node, attempt: Attempt, equations: Equations) -> bool:
    """Whether the corrected LaTeX is provably true in the place of the piece."""
    right = _right_side(latex, piece, equations)
    if right is None or _repeats(left, right):
        return False
    try:
        return equations.run(piece, left, right, attempt).proved
    except SymcnnError:
        return False


def _repeats(left: Node, right: Node) -> bool:
    """Whether a right side says nothing, because it contains the derivative on the left."""
    for node in walk(right):
        if same(node, left):
            return True
        if (
            isinstance(node, Derivative)
            and isinstance(left, Derivative)
            and (
                node.of is not None
                and left.of is not None
                and same(node.of, left.of)
                and same(node.wrt, left.wrt)
            )
        ):
            return True
    return False


def _right_side(latex: str, piece: Piece, equations: Equations) -> Node | None:
    try:
        notes = equations.document
        manner = equations.bench.facts.manner
        tree = manner.of(parse(latex, macros=notes.macros, names=notes.names))
    except SymcnnError:
        return None
    found = pieces([(piece.formula, tree)])
    if len(found) != 1 or found[0].right is None:
        return None
    return found[0].right
