"""How parameters start: weights by He's rule, gains at 1, biases at 0, told apart by how the equations read them."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symcnn.core.expr import reads
from symcnn.core.plan import Call, Plan, Statement
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Initial:
    """A parameter, its shape, and its start: ``weight`` with a fan-in, ``gain`` or ``bias``."""

    name: str
    shape: tuple[int, ...]
    kind: str
    fan_in: int = 0


def initial(parameter: Tensor, plan: Plan) -> Initial:
    """A weight is summed over; a gain multiplies; a bias is added.

    Weights have the standard deviation sqrt(2 / fan-in) of He et al. 2015, equation 10.
    """
    shape = tuple(int(extent) for extent in parameter.shape)
    name, forward = _local(parameter.name, plan)
    for statement in forward:
        equation = statement.equation
        for read in reads(equation.body):
            if read.tensor.name != name:
                continue
            free = {index.symbol for index in equation.free}
            bound = {s for position in read.at for s in position.free_symbols} - free
            summed = [equation.extents[k] for k in sorted(bound, key=str) if k in equation.extents]
            if summed:
                return Initial(parameter.name, shape, "weight", int(sp.Mul(*summed)))
            return Initial(parameter.name, shape, "bias" if _is_term(equation.body, read) else "gain")
    return Initial(parameter.name, shape, "bias")


def _local(name: str, plan: Plan) -> tuple[str, list[Statement]]:
    """A parameter's name in the block that owns it, and the statements of that block's forward pass."""
    actions = plan.forward
    while True:
        own = next(
            (
                a
                for a in actions
                if isinstance(a, Call)
                and name.startswith(f"{a.name}_")
                and any(
                    t.name == name.removeprefix(f"{a.name}_") for t in plan.procedure(a.procedure).parameters
                )
            ),
            None,
        )
        if own is None:
            return name, [action for action in actions if isinstance(action, Statement)]
        name, actions = name.removeprefix(f"{own.name}_"), plan.procedure(own.procedure).forward


def _is_term(expr: sp.Basic, read: sp.Basic) -> bool:
    """Whether ``read`` is added in ``expr``, not multiplied with anything."""
    if isinstance(expr, sp.Add) and read in expr.args:
        return True
    return any(_is_term(arg, read) for arg in expr.args)
