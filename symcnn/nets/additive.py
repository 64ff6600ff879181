"""Whether the losses and gradients of parts of a batch add up: a loss that is a sum over examples, or a mean of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce
from symcnn.core.tensor import Tensor
from symcnn.nets.node import BATCH

Kind = Literal["sum", "mean", ""]


def additive(losses: Sequence[Equation]) -> Kind:
    """How the last of these equations, a number that reads the others, depends on the batch.

    "sum" where it is a sum of one term for each example, "mean" where it is such a sum divided by their number, empty
    where parts of a batch do not tell the whole: a sum divided by the weights of all examples, for one.
    """
    known: dict[Tensor, Kind] = {}
    kind: Kind = ""
    for equation in losses:
        kind = known[equation.tensor] = _kind(equation.body, known)
    return kind


def _kind(expr: sp.Expr, known: Mapping[Tensor, Kind]) -> Kind:
    match expr:
        case Read():
            return known.get(expr.tensor, "")
        case Reduce(kind="sum") if BATCH in [extent for _, extent in expr.limits]:
            return "sum" if not _depends(expr.body) else ""
        case Reduce(kind="sum"):
            return _kind(expr.body, known)
        case sp.Add():
            kinds = {_kind(term, known) for term in expr.args}
            return kinds.pop() if len(kinds) == 1 else ""
        case sp.Mul():
            inner = [factor for factor in expr.args if factor.has(Read, Reduce)]
            outer = sp.Mul(*(factor for factor in expr.args if factor not in inner))
            if len(inner) != 1 or outer.free_symbols - {BATCH}:
                return ""
            kind = _kind(inner[0], known)
            if not outer.has(BATCH):
                return kind
            return "mean" if kind == "sum" and not (outer * BATCH).has(BATCH) else ""
    return ""


def _depends(term: sp.Expr) -> bool:
    """Whether the term of one example depends on the others: on their number, or on a sum over them."""
    inner = [node for node in sp.preorder_traversal(term) if isinstance(node, Reduce)]
    bare = term.xreplace({read: sp.Dummy() for read in term.atoms(Read)})
    return any(extent == BATCH for node in inner for _, extent in node.limits) or BATCH in bare.free_symbols
