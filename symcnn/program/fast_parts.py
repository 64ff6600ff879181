"""Whether a batch may be taken in parts, each by itself, and how many examples a part should have."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, Selected, reads
from symcnn.core.plan import Plan
from symcnn.program.array import Matmul
from symcnn.program.build import Program
from symcnn.program.fast_patterns import statements
from symcnn.program.steps import Step, walk

RUN = 32  # numbers that a vector operation, or rows that a product, should have at least
PARTS = tuple(1 << k for k in range(10, -1, -1))  # examples at a time where a batch may be taken in parts
CACHED = 400_000  # numbers of all results of a part that stay in the cache
OUTWEIGHED = 5  # results of a part for each number that does not belong to an example
MEMORY = 2**28  # numbers of all results of a part, beyond which only few examples are taken


def part_size(program: Program, prepared: Iterable[Step], batch: sp.Symbol) -> int:
    """How many examples a part of a batch has.

    The most whose results stay in the cache, but enough for vectors and products to be long. Each part goes through all
    parameters and what is made of them: results that leave the cache anyway may as well be so many that they outweigh
    those, as far as memory goes.
    """
    steps = program.steps
    each = sum(int(sp.Mul(*step.node.shape).subs(batch, 1)) for step in steps if batch in step.node.shape)
    fixed = sum(
        int(sp.Mul(*step.node.shape))
        for step in (*prepared, *steps)
        if not sp.Mul(*step.node.shape).has(batch)
    )
    innermost = any(len(step.node.shape) > 2 and step.node.shape[-1] == batch for step in steps)
    within = any(len(step.node.shape) > 2 and batch in step.node.shape[:-1] for step in steps)
    least = RUN if innermost and not within else min(RUN // 4, -(-RUN // _rows(steps, batch)))
    cached = next((size for size in PARTS if size >= least and size * each <= CACHED), None)
    if cached is not None:
        return cached
    fitting = [size for size in reversed(PARTS) if size >= least and size * each <= MEMORY]
    return next((size for size in fitting if size * each >= OUTWEIGHED * fixed), max([least, *fitting]))


def _rows(steps: Iterable[Step], batch: sp.Symbol) -> int:
    """The fewest rows that one example brings to the products of tiles."""
    stacks = [n for step in steps for n in walk(step.node) if isinstance(n, Matmul) and len(n.shape) > 2]
    found = [int(n.shape[-2].subs(batch, 1)) for n in stacks if n.shape[-2].has(batch)]
    return min(found, default=4)


def adds_over_parts(plan: Plan) -> bool:
    """Whether loss and gradients of a batch are the sums of those of its parts, with the size of the whole batch in them.

    Every value is one of three: it belongs to one example, and reads others at that example alone; or it is a sum over
    examples, or linear in such sums; or no example enters it. The size of the batch stands in them as a divisor alone.
    """
    batch = plan.inputs[0].shape[0]
    assert plan.objective is not None, "a network has an objective"
    sums: set[str] = set()
    for statement in statements((*plan.forward, *plan.loss, *plan.backward)):
        equation = statement.equation
        if not divides_only(equation, batch):
            return False
        if _belongs(equation, batch, sums):
            continue
        if equation.tensor.shape.count(batch) or not _is_sum(equation.body, batch, sums):
            return False
        sums.add(equation.tensor.name)
    if any(tensor.name in sums for tensor in plan.state):
        return False
    return {plan.objective.name, *(tensor.name for _, tensor in plan.gradients)} <= sums


def _belongs(equation: Equation, batch: sp.Symbol, sums: set[str]) -> bool:
    """Whether the target belongs to one example, or none enters it."""
    own = [index.symbol for index in equation.free if index.extent == batch]
    found = reads(equation.body)
    if len(own) > 1 or any(read.tensor.name in sums for read in found):
        return False
    if any(extent == batch for r in equation.body.atoms(Reduce, Selected) for _, extent in r.limits):
        return False
    return all(position in own for read in found for position in batch_positions(read, batch))


def batch_positions(read: Read, batch: sp.Symbol) -> list[sp.Expr]:
    """Where a read stands along axes that have to do with the batch."""
    pairs = zip(read.at, read.tensor.shape, strict=True)
    return [position for position, extent in pairs if extent.has(batch)]


def _is_sum(body: sp.Expr, batch: sp.Symbol, sums: set[str]) -> bool:
    """Σ over the batch of terms of one example each, or a sum over examples; times factors that no example enters."""
    if isinstance(body, sp.Add):
        return all(_is_sum(term, batch, sums) for term in body.args)
    if isinstance(body, sp.Mul):
        summed = [
            f for f in body.args if any(batch_positions(r, batch) or r.tensor.name in sums for r in reads(f))
        ]
        return len(summed) == 1 and _is_sum(summed[0], batch, sums)
    if isinstance(body, Read):
        return body.tensor.name in sums and body.outside in (None, 0)
    if not isinstance(body, Reduce) or body.kind != "sum":
        return False
    over = [k for k, extent in body.limits if extent == batch]
    if not over:
        return _is_sum(body.body, batch, sums)
    inner = [r for r in body.body.atoms(Reduce, Selected) if any(extent == batch for _, extent in r.limits)]
    positions = [position for read in reads(body.body) for position in batch_positions(read, batch)]
    plain = not any(read.tensor.name in sums for read in reads(body.body))
    return len(over) == 1 and plain and not inner and bool(positions) and all(p == over[0] for p in positions)


def divides_only(equation: Equation, batch: sp.Symbol) -> bool:
    """Whether the size of the batch stands as a divisor alone, beside the ranges of indices."""
    bare = equation.body.replace(
        lambda e: isinstance(e, Reduce), lambda e: sp.Function("reduced")(e.body, *e.indices)
    )
    rest = bare.replace(lambda e: e.is_Pow and e.base == batch and e.exp.is_negative, lambda e: sp.S.One)
    tensors = {read.tensor: sp.Symbol(f"t{at}") for at, read in enumerate(reads(rest))}
    return not rest.xreplace(tensors).has(batch)
