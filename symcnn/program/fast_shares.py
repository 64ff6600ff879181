"""Whether several workers may share a batch, each with examples of its own, and which sums they add up on the way.

Every value is one of three: it belongs to one example; or it is a sum over examples, of which each worker has a part;
or it is whole, the same for every worker. A sum that later steps read is added up over the workers as soon as each has
its part, and is whole from there on: the mean of a batch norm, for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.errors import SymcnnError
from symcnn.core.expr import Reduce, Selected, reads
from symcnn.core.plan import Plan
from symcnn.program.array import (
    Along,
    Apply,
    Cast,
    Copy,
    Expand,
    Fold,
    Matmul,
    Named,
    Node,
    Reshape,
    Scalar,
    Slice,
    Transpose,
)
from symcnn.program.build import Program
from symcnn.program.fast_parts import batch_positions, divides_only
from symcnn.program.fast_patterns import statements

Kind = Literal["each", "sum", "whole"]
LINEAR = (Transpose, Expand, Reshape, Slice, Copy, Cast)


@dataclass(frozen=True, slots=True)
class Shares:
    """``added`` are sums that workers add up when they have them; ``whole`` are gradients that each then has whole."""

    added: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unshared:
    """Why workers cannot share a batch."""

    reason: str


class _Mixed(SymcnnError):
    """Workers cannot share a batch."""


def shares(plan: Plan, program: Program) -> Shares | Unshared:
    """How workers share a batch, or why they cannot."""
    batch = plan.inputs[0].shape[0]
    for statement in statements((*plan.forward, *plan.loss, *plan.backward)):
        if _kind(statement.equation, batch) is None:
            name = statement.equation.tensor.name
            return Unshared(f"{statement.note or name} ({statement.number}) mixes the examples of a batch")
    added: set[str] = set()
    known: dict[str, Kind] | None = None
    while known is None:
        try:
            known = _kinds(plan, program, added)
        except _Mixed as mixed:
            return Unshared(str(mixed))
    assert plan.objective is not None, "a network has an objective"
    if known[plan.objective.name] != "sum":
        return Unshared("the loss is no sum over examples")
    whole = tuple(tensor.name for _, tensor in plan.gradients if known[tensor.name] == "whole")
    return Shares(tuple(step.name for step in program.steps if step.name in added), whole)


def _kinds(plan: Plan, program: Program, added: set[str]) -> dict[str, Kind] | None:
    """What each value is where ``added`` are whole; None where more had to be put into ``added``. Raises _Mixed."""
    batch = plan.inputs[0].shape[0]
    state = {tensor.name for tensor in plan.state}
    known: dict[str, Kind] = {t.name: "each" for t in plan.inputs if t.shape and t.shape[0] == batch}
    for step in program.steps:
        kind = _node_kind(step.node, known, batch)
        if kind is None:
            sums = {name for name in step.reads if known.get(name) == "sum"}
            added |= sums
            if sums:
                return None
            raise _Mixed(f"{step.name} mixes the examples of a batch")
        if kind == "sum" and step.name in state:
            raise _Mixed(f"{step.name} is a sum over examples")
        known[step.name] = "whole" if step.name in added else kind
    return known


def _kind(equation: Equation, batch: sp.Expr) -> Kind | None:
    """What the value of a statement is where every sum that it reads is whole; None where examples mix."""
    own = [index.symbol for index in equation.free if index.extent == batch]
    positions = [position for read in reads(equation.body) for position in batch_positions(read, batch)]
    over = [limit for r in equation.body.atoms(Reduce, Selected) for limit in r.limits if limit[1].has(batch)]
    if own:
        alone = len(own) == 1 and not over and all(position in own for position in positions)
        return "each" if alone and divides_only(equation, batch) else None
    if not positions and not over:
        return "whole"
    return "sum" if divides_only(equation, batch) and _is_sum(equation.body, batch) else None


def _is_sum(body: sp.Expr, batch: sp.Expr) -> bool:
    """Σ over the batch of terms that belong to one example each, times factors that no example enters."""
    match body:
        case sp.Add():
            return all(_is_sum(term, batch) for term in body.args)
        case sp.Mul():
            entered = [f for f in body.args if _entered(f, batch)]
            return len(entered) == 1 and _is_sum(entered[0], batch)
        case Reduce(kind="sum"):
            over = [k for k, extent in body.limits if extent.has(batch)]
            if not over:
                return _is_sum(body.body, batch)
            inner = [r for r in body.body.atoms(Reduce, Selected) if any(e.has(batch) for _, e in r.limits)]
            positions = [p for read in reads(body.body) for p in batch_positions(read, batch)]
            return len(over) == 1 and not inner and bool(positions) and all(p == over[0] for p in positions)
    return False


def _entered(part: sp.Expr, batch: sp.Expr) -> bool:
    return any(batch_positions(read, batch) for read in reads(part)) or any(
        extent.has(batch) for r in part.atoms(Reduce, Selected) for _, extent in r.limits
    )


def _node_kind(node: Node, known: dict[str, Kind], batch: sp.Expr) -> Kind | None:
    """What the value of a node is; None where a sum that is not whole yet goes into anything but sums."""
    if isinstance(node, Named):
        return known.get(node.name, "whole")
    if isinstance(node, Scalar):
        return "whole"
    kinds = [_node_kind(source, known, batch) for source in node.sources]
    if None in kinds:
        return None
    if any(extent.has(batch) for extent in node.shape):
        return None if "sum" in kinds else "each"
    match node:
        case Fold(operation="sum"):
            return "whole" if kinds == ["whole"] else "sum"
        case Matmul(left=left, right=right):
            if "each" in kinds:
                both = all(side.shape[axis].has(batch) for side, axis in ((left, -1), (right, -2)))
                return "sum" if both and "sum" not in kinds else None
            return None if kinds.count("sum") > 1 else "sum" if "sum" in kinds else "whole"
    if "each" in kinds:
        return None
    return _linear(node, kinds) if "sum" in kinds else "whole"


def _linear(node: Node, kinds: Iterable[Kind | None]) -> Kind | None:
    """``sum`` where the node adds up over workers as its sums do."""
    found = list(kinds)
    match node:
        case Apply(function="add" | "sub" | "neg"):
            return "sum" if set(found) == {"sum"} else None
        case Apply(function="mul"):
            return "sum" if found.count("sum") == 1 else None
        case Apply(function="div"):
            return "sum" if found == ["sum", "whole"] else None
        case Along():
            return "sum"
    return "sum" if isinstance(node, LINEAR) else None
