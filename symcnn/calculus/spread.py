"""Differentiation of a body: every read of a tensor contributes its coefficient, with a delta for each axis.

SymPy differentiates the elementwise part, where reads, reductions and cases are atoms; sums pass the derivative on to
their body under fresh bound indices, a maximum passes it to the entry that it selects, cases to the branch taken.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symcnn.calculus.term import Term
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Limit, Read, Reduce, Selected, Where, tensors
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.tensor import Tensor

Atom = Read | Reduce | Where | Selected


def atomise(
    expr: sp.Expr, kinds: tuple[type, ...] = (Read, Reduce, Where, Selected)
) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """``expr`` with its outermost reads, reductions and cases replaced by real symbols, and what each stands for."""
    found: dict[sp.Expr, sp.Symbol] = {}

    def visit(node: sp.Basic) -> sp.Basic:
        if isinstance(node, kinds):
            return found.setdefault(node, sp.Dummy(f"a{len(found)}", real=True))
        return node.func(*(visit(arg) for arg in node.args)) if node.args else node

    replaced = visit(expr)
    return replaced, {symbol: atom for atom, symbol in found.items()}


def spread(body: sp.Expr, tensor: Tensor, weight: sp.Expr, policy: KinkPolicy = FIRST) -> Iterator[Term]:
    """Terms of ``weight · ∂body/∂tensor``, one for each read; deltas carry positions, their index is set later."""
    yield from _spread(body, tensor, Term(weight), policy)


def _spread(body: sp.Expr, tensor: Tensor, so_far: Term, policy: KinkPolicy) -> Iterator[Term]:
    replaced, atoms = atomise(body)
    for symbol, atom in atoms.items():
        if tensor not in tensors(atom):
            continue
        slope = sp.diff(replaced, symbol).xreplace(atoms)
        if slope == 0:
            continue
        term = Term(so_far.factor * slope, so_far.limits, so_far.conditions)
        yield from _through(atom, tensor, term, policy)


def _through(atom: Atom, tensor: Tensor, term: Term, policy: KinkPolicy) -> Iterator[Term]:
    match atom:
        case Read():
            if atom.tensor == tensor:
                deltas = tuple((position, sp.Symbol(f"axis{k}")) for k, position in enumerate(atom.at))
                yield Term(term.factor, term.limits, term.conditions, deltas)
        case Where():
            branches = ((atom.condition, atom.value), (sp.Not(atom.condition), atom.otherwise))
            for condition, branch in branches:
                yield from _spread(branch, tensor, _under(term, condition), policy)
        case Reduce():
            opened, limits = atom.opened()
            factor = _passed_on(atom, limits, policy)
            inner = Term(term.factor * factor, (*term.limits, *limits), term.conditions)
            yield from _spread(opened, tensor, inner, policy)
        case Selected():
            return
        case _:
            raise UnsupportedFormula(f"no derivative for {type(atom).__name__}: {atom}")


def _under(term: Term, condition: sp.Basic) -> Term:
    return Term(term.factor, term.limits, (*term.conditions, *sp.And.make_args(condition)))


def _passed_on(reduction: Reduce, limits: tuple[Limit, ...], policy: KinkPolicy) -> sp.Expr:
    """∂(reduction)/∂(its body at the place ``limits``)."""
    at = [k for k, _ in limits]
    match reduction.kind:
        case "sum":
            return sp.S.One
        case "max" | "min":
            return Selected(reduction.kind, reduction.body, reduction.limits, at, policy.tie)
        case "prod":
            body, inner = reduction.opened()
            here = sp.And(*(sp.Eq(k, place) for (k, _), place in zip(inner, at, strict=True)))
            return Reduce("prod", Where(here, 1, body), inner)
    raise UnsupportedFormula(f"no derivative for the reduction {reduction.kind}")


def with_indices(term: Term, indices: tuple[sp.Symbol, ...]) -> Term:
    """Give the deltas of a fresh term the cotangent's indices, one for each axis."""
    deltas = tuple((position, k) for (position, _), k in zip(term.deltas, indices, strict=True))
    return Term(term.factor, term.limits, term.conditions, deltas)
