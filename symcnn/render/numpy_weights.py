"""How parameters start: weights by He's rule, gains at 1, biases at 0, told apart by how the equations read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from symcnn.core.expr import reads, rebind
from symcnn.core.plan import Action, Call, Plan, Statement
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Initial:
    """A parameter, its shape, and its start: ``weight`` with a fan-in, ``gain`` or ``bias``."""

    name: str
    shape: tuple[sp.Expr, ...]
    kind: str
    fan_in: sp.Expr = sp.S.Zero


def initials(plan: Plan) -> list[Initial]:
    """How each parameter starts: a weight is summed over, a gain multiplies, a bias is added.

    Weights have the standard deviation sqrt(2 / fan-in) of He et al. 2015, equation 10.
    """
    blocks: dict[str, list[Initial]] = {}
    for procedure in plan.procedures:  # inner ones come before those that call them
        blocks[procedure.name] = _initials(procedure.parameters, procedure.forward, blocks)
    return _initials(plan.parameters, plan.forward, blocks)


def _initials(
    parameters: Iterable[Tensor], forward: Sequence[Action], blocks: Mapping[str, list[Initial]]
) -> list[Initial]:
    """Those of the statements' own parameters, and of blocks that are called, under the names that they have here."""
    calls = [action for action in forward if isinstance(action, Call)]
    found = {start.name: start for call in calls for start in _called(call, blocks[call.procedure])}
    statements = [action for action in forward if isinstance(action, Statement)]
    return [found.get(tensor.name) or _initial(tensor, statements) for tensor in parameters]


def _called(call: Call, starts: Sequence[Initial]) -> Iterator[Initial]:
    """The parameters of a block under the names and sizes that they have where it is called."""
    sizes = dict(call.sizes)
    for place, start in enumerate(starts):
        name = f"{call.name}_{start.name}" if call.given is None else call.given[place].name
        shape = tuple(rebind(extent, sizes) for extent in start.shape)
        yield Initial(name, shape, start.kind, rebind(start.fan_in, sizes))


def _initial(parameter: Tensor, statements: Iterable[Statement]) -> Initial:
    shape = parameter.shape
    for statement in statements:
        equation = statement.equation
        for read in reads(equation.body):
            if read.tensor != parameter:
                continue
            free = {index.symbol for index in equation.free}
            bound = {s for position in read.at for s in position.free_symbols} - free
            summed = [equation.extents[k] for k in sorted(bound, key=str) if k in equation.extents]
            if summed:
                return Initial(parameter.name, shape, "weight", sp.expand(sp.Mul(*summed)))
            return Initial(parameter.name, shape, "bias" if _is_term(equation.body, read) else "gain")
    return Initial(parameter.name, shape, "bias")


def _is_term(expr: sp.Basic, read: sp.Basic) -> bool:
    """Whether ``read`` is added in ``expr``, not multiplied with anything."""
    if isinstance(expr, sp.Add) and read in expr.args:
        return True
    return any(_is_term(arg, read) for arg in expr.args)
