"""Jacobians: ∂y[f]/∂x[t] of one equation, with the deltas that no sum contracts left standing."""

from __future__ import annotations

import sympy as sp

from symcnn.calculus import contract, simplify
from symcnn.calculus.derivation import Context, State
from symcnn.calculus.pullback import cotangent_indices
from symcnn.calculus.spread import spread, with_indices
from symcnn.calculus.term import total
from symcnn.core.equation import Equation
from symcnn.core.errors import UnknownName
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.index import index
from symcnn.core.tensor import Tensor


def jacobian(
    equation: Equation, tensor: Tensor, *, policy: KinkPolicy = FIRST
) -> tuple[tuple[sp.Symbol, ...], sp.Expr]:
    """The indices t of ``tensor`` and ∂(target at the free indices)/∂(tensor at t).

    Raises UnknownName where the equation does not read the tensor.
    """
    if tensor not in equation.inputs:
        raise UnknownName(f"{equation.tensor.name} does not depend on {tensor.name}")
    taken = {i.symbol.name for i in equation.free}
    indices = tuple(index(_other(k.name, taken)) for k in cotangent_indices(equation, tensor))
    extents = dict(zip(indices, tensor.shape, strict=True)) | {i.symbol: i.extent for i in equation.free}
    context = Context(equation, extents)
    state: State = tuple(
        with_indices(term, indices) for term in spread(equation.body, tensor, sp.S.One, policy)
    )
    for apply in (
        contract.contract,
        contract.absorb,
        simplify.own_output,
        simplify.name_functions,
        simplify.collect,
    ):
        state = apply(state, context)
    return indices, total(state)


def _other(name: str, taken: set[str]) -> str:
    """A name that no free index has."""
    candidates = (name, *(letter for letter in "lmqtvw"), *(f"{name}{count}" for count in range(2, 99)))
    found = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(found)
    return found
