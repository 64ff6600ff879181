"""Repair of a sum over free cotangents: every term's coefficient is compared with the true one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.decide import unfold
from symcnn.notes.edit import Edit
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.marks import Span
from symcnn.notes.names import read_name
from symcnn.notes.tree import (
    Add,
    Decorated,
    Derivative,
    Group,
    Juxtapose,
    Node,
    Product,
    Script,
    Symbol,
    Unary,
)
from symcnn.notes.walking import walk
from symcnn.notes.world import World

if TYPE_CHECKING:
    from symcnn.notes.claims import Piece


def term_edits(
    latex: str, left: Node, right: Node, world: World, spelled: dict[sp.Symbol, str]
) -> list[Edit]:
    """The edits, one a wrong term, that give every cotangent its true coefficient; none where terms do not match."""
    body = _bare(right)
    if not isinstance(body, Add):
        return []
    evaluator = Evaluator(world, world.layer_env())
    try:
        truth = _expanded(world, evaluator.scalar(left), evaluator.scalar(body))
        terms = [(term, evaluator.scalar(term)) for term in body.terms]
    except SymcnnError:
        return []
    marks = [s for s in world.cotangents.of if truth.has(s) or any(v.has(s) for _, v in terms)]
    found: list[Edit] = []
    seen: set[sp.Symbol] = set()
    for term, value in terms:
        mine = [s for s in marks if value.has(s)]
        if len(mine) != 1 or mine[0] in seen:
            return []
        seen.add(mine[0])
        wanted, have = sp.expand(truth).coeff(mine[0]), sp.expand(value).coeff(mine[0])
        if sp.expand(wanted - have) == 0:
            continue
        edit = None
        if wanted == 0:
            other = next(
                (
                    s
                    for s in _marks(truth, world)
                    if s not in list(seen)
                    and _same_rest(truth, s, have)
                    and not any(v.has(s) for _, v in terms)
                ),
                None,
            )
            if other is not None and other in spelled:
                edit = _other_mark(latex, term, evaluator, mine[0], spelled[other])
                seen.add(other)
        edit = edit or _replaced(latex, term, evaluator, mine[0], wanted, spelled)
        if edit is None:
            return []
        found.append(edit)
    missing = [s for s in marks if s not in seen and sp.expand(truth).coeff(s) != 0]
    for mark in missing:
        addition = _spelling(sp.expand(truth).coeff(mark), spelled)
        name = spelled.get(mark)
        if addition is None or name is None:
            return []
        end = body.span.end
        found.append(Edit(Span(end, end), f" + {name} {addition}", "term missing", 1, body.span))
    return found


def _marks(truth: sp.Expr, world: World) -> list[sp.Symbol]:
    return [s for s in world.cotangents.of if truth.has(s)]


def _same_rest(truth: sp.Expr, mark: sp.Symbol, have: sp.Expr) -> bool:
    return bool(sp.expand(sp.expand(truth).coeff(mark) - have) == 0)


def _other_mark(latex: str, term: Node, evaluator: Evaluator, mark: sp.Symbol, text: str) -> Edit | None:
    """A term whose cotangent is the wrong one while its other factors are right."""
    for node in walk(term):
        if isinstance(node, Derivative):
            value = evaluator.value(node)
            if value.size == 1 and value.flat[0] == mark:
                return Edit(node.span, text, f"{text} and not {node.span.of(latex)}", 0, node.span)
    return None


def _bare(node: Node) -> Node:
    while isinstance(node, Group | Decorated):
        node = node.body
    return node


def _expanded(world: World, left: sp.Expr, right: sp.Expr) -> sp.Expr:
    left, right = unfold(world, left), unfold(world, right)
    stop = world.cotangents.terminals([right])
    return world.cotangents.expand(left, stop)


def _replaced(
    latex: str,
    term: Node,
    evaluator: Evaluator,
    mark: sp.Symbol,
    wanted: sp.Expr,
    spelled: dict[sp.Symbol, str],
) -> Edit | None:
    """The smallest replacement inside one term: one factor, or the sign."""
    body = term.body if isinstance(term, Unary) else term
    sign = -1 if isinstance(term, Unary) and term.name == "-" else 1
    factors = body.factors if isinstance(body, Product) else body.parts if isinstance(body, Juxtapose) else ()
    rest: sp.Expr = sp.Integer(sign)
    others: list[tuple[Node, sp.Expr]] = []
    for factor in factors:
        value = evaluator.scalar(factor)
        if value.has(mark):
            continue
        others.append((factor, value))
        rest *= value
    if sp.expand(wanted + rest) == 0:
        if isinstance(term, Unary):
            return Edit(term.span, "+ " + body.span.of(latex), "wrong sign", 1, term.span)
        at = latex.rfind("+", 0, term.span.start)
        return Edit(Span(at, at + 1), "-", "wrong sign", 1, term.span) if at >= 0 else None
    for factor, value in others:
        needed = sp.cancel(wanted / (rest / value)) if value != 0 else None
        text = None if needed is None else _spelling(needed, spelled)
        if text is not None:
            return Edit(factor.span, text, f"{text} and not {factor.span.of(latex)}", 0, factor.span)
    return None


def _spelling(value: sp.Expr, spelled: dict[sp.Symbol, str]) -> str | None:
    """A coefficient as the notes write it: a number, a name, or a product of names."""
    if value.is_Integer:
        return str(value)
    if value in spelled:
        return spelled[value]
    if value.is_Mul and all(f in spelled for f in value.args):
        return " ".join(sorted(spelled[f] for f in value.args))
    return None


def spellings(pieces: list[Piece], world: World, latest: int) -> dict[sp.Symbol, str]:
    """How the notes write the symbols of a world: the names of entries, and the derivatives of the loss."""
    evaluator = Evaluator(world, world.layer_env())
    found: dict[sp.Symbol, str] = {}
    for piece in pieces:
        for side in (piece.left, piece.right):
            for node in walk(side) if side is not None else ():
                if not isinstance(node, Script | Symbol | Derivative):
                    continue
                ref = read_name(node, world.facts.habits)
                if isinstance(node, Derivative):
                    if node.of is None or not world.is_loss(node.of):
                        continue
                elif ref is None or ref.transposed or not ref.indices:
                    continue
                try:
                    value = evaluator.value(node)
                except (SymcnnError, IndexError, ValueError):
                    continue
                if (
                    value.size == 1
                    and isinstance(value.flat[0], sp.Symbol)
                    and (piece.order <= latest or value.flat[0] not in found)
                ):
                    found[value.flat[0]] = node.span.of(piece.formula.latex)
    return found
