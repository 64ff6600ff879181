"""Arguments that cannot overflow or vanish: what lies below its own maximum, and sums of its exponentials."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.core.expr import Read, Reduce

Extents = Mapping[sp.Symbol, sp.Expr]


def is_tame(head: type[sp.Basic], argument: sp.Expr, extents: Extents) -> bool:
    """Whether ``exp`` or ``log`` of ``argument`` is finite whatever the inputs: no guard is needed.

    exp(z − max z) is at most 1; a sum of those over all that the maximum ran over is at least 1.
    """
    if head is sp.exp:
        return below_maximum(argument, extents) is not None
    if head is sp.log and isinstance(argument, Reduce) and argument.kind == "sum":
        if not isinstance(argument.body, sp.exp):
            return False
        inner = {**extents, **dict(argument.limits)}
        ran = below_maximum(argument.body.args[0], inner)
        return ran is not None and set(ran) == set(argument.indices)
    return False


def below_maximum(expr: sp.Expr, extents: Extents) -> list[sp.Symbol] | None:
    """The indices over which the maximum runs where ``expr`` is an entry minus the maximum of such entries."""
    if not isinstance(expr, sp.Add) or len(expr.args) != 2:
        return None
    for entry, rest in (expr.args, expr.args[::-1]):
        if isinstance(entry, Read) and isinstance(-rest, Reduce) and (-rest).kind == "max":
            return _matched(entry, -rest, extents)
    return None


def _matched(entry: Read, maximum: Reduce, extents: Extents) -> list[sp.Symbol] | None:
    every = maximum.body
    if not isinstance(every, Read) or every.tensor != entry.tensor or every.outside != entry.outside:
        return None
    ran: list[sp.Symbol] = []
    limits = dict(maximum.limits)
    for wanted, place in zip(every.at, entry.at, strict=True):
        if wanted == place:
            continue
        if wanted not in limits or extents.get(place) != limits[wanted]:
            return None
        ran.append(place)
    return ran if len(ran) == len(limits) else None
