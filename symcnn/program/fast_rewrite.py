"""Rewritings of a network's forward equations; what follows for the backward pass is derived from the new equations.

Each rewriting replaces neighbouring statements by equations with the same result:

- a convolution's bias and a function that keeps the order of numbers stand after a maximum instead of before it;
- the places of a maximum over windows that do not overlap become axes of the convolution's result (phases), so that
  the maximum compares whole arrays and the windows of all phases are read once;
- a maximum over windows that overlap is taken one axis after the other;
- a stride u becomes u times as many channels: x_split[c,a,h] = x[c, u·h + a].
"""

from __future__ import annotations

import sympy as sp

from symcnn.core.plan import Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.fast_patterns import convolution, keeps_order, pooling, statements
from symcnn.program.fast_pool import by_axis, pooled
from symcnn.program.fast_simplify import simplified
from symcnn.program.fast_splice import Choice, Rewriting, numbered, spliced
from symcnn.program.fast_tiles import points, strided, suits, tiled


def rewritten(plan: Plan, exact: bool = False) -> tuple[Plan, dict[Tensor, sp.Matrix], tuple[Choice, ...]]:
    """The plan with every rewriting that applies, the tensors of numbers that it brings in, and what was chosen.

    ``exact`` leaves out what enlarges rounding errors.
    """
    plan = simplified(plan)
    taken = {t.name for t in (*plan.inputs, *plan.parameters)} | {
        s.equation.tensor.name for s in statements((*plan.forward, *plan.loss, *plan.backward))
    }
    choices: list[Choice] = []
    for group in _groups(plan):
        found = pooled(group, taken)
        changed = spliced(plan, found) if found is not None else None
        if found is not None and changed is not None:
            plan = changed
            choices.append(found.choice)
    for statement in statements(plan.forward):
        apart = _by_axis(statement, taken)
        changed = spliced(plan, apart) if apart is not None else None
        if apart is not None and changed is not None:
            plan = changed
            choices.append(apart.choice)
    numbers: dict[Tensor, sp.Matrix] = {}
    for find in () if exact else (_strided, _tiled):
        for statement in statements(plan.forward):
            made = find(statement, taken)
            changed = spliced(plan, made) if made is not None else None
            if made is not None and changed is not None:
                plan = changed
                numbers.update(made.numbers)
                choices.append(made.choice)
    return numbered(plan), numbers, tuple(choices)


def _by_axis(statement: Statement, taken: set[str]) -> Rewriting | None:
    new = by_axis(statement.equation, taken)
    if new is None:
        return None
    why = "windows that share a row share its maximum"
    return Rewriting((statement,), new, Choice(statement.layer, "maximum one axis after the other", why))


def _strided(statement: Statement, taken: set[str]) -> Rewriting | None:
    """A large stride over few channels as many channels, where tiles can follow."""
    conv = convolution(statement.equation)
    if conv is None or all(s.stride == 1 for s in conv.sliding) or any(s.dilation > 1 for s in conv.sliding):
        return None
    steps = int(sp.prod([s.stride for s in conv.sliding]))
    new = strided(conv, set(taken))
    turned = convolution(new[-1])
    if turned is None or not suits(turned):
        return None
    new = strided(conv, taken)
    why = f"{conv.channels} channels become {conv.channels * steps}, and tiles can follow"
    return Rewriting(
        (statement,), tuple(new), Choice(statement.layer, "places that the stride skips as channels", why)
    )


def _tiled(statement: Statement, taken: set[str]) -> Rewriting | None:
    conv = convolution(statement.equation)
    if conv is None or not suits(conv):
        return None
    new, numbers = tiled(conv, taken)
    count = points(conv)
    size = "×".join(str(count + 1 - s.window) for s in conv.sliding)
    window = "×".join(str(s.window) for s in conv.sliding)
    products = int(sp.prod([s.window * (count + 1 - s.window) for s in conv.sliding]))
    why = f"{count**2} products for {products}; {conv.channels} channels in, {conv.outputs} out"
    choice = Choice(statement.layer, f"tiles of {size} (Winograd), window {window}", why)
    return Rewriting((statement,), tuple(new), choice, tuple(numbers.items()))


def _groups(plan: Plan) -> list[tuple[Statement, ...]]:
    """Convolution, functions that keep the order, pooling: each value read by the next statement alone."""
    readers: dict[str, list[Statement]] = {}
    for statement in statements((*plan.forward, *plan.loss)):
        for tensor in statement.equation.inputs:
            readers.setdefault(tensor.name, []).append(statement)
    groups = []
    for statement in statements(plan.forward):
        if convolution(statement.equation) is None:
            continue
        group = [statement]
        while len(following := readers.get(group[-1].equation.tensor.name, [])) == 1:
            group.append(following[0])
            if pooling(following[0].equation) is not None:
                groups.append(tuple(group))
                break
            if keeps_order(following[0].equation) is None:
                break
    return groups
