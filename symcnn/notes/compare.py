"""Whether two formulas have the same value in one world: proved, refuted with numbers, or open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.notes.decide import decide, is_followed
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.flexible import Flexible
from symcnn.notes.jacobian import Jacobian
from symcnn.notes.operations import Array, array
from symcnn.notes.places import generic, is_admitted, is_outside, places
from symcnn.notes.tree import Node
from symcnn.notes.values import Lazy, Value, shape_text
from symcnn.notes.world import World
from symcnn.notes.zero import Zero


@dataclass(slots=True)
class Outcome:
    """What came of a comparison; `refuted` is the first place where the sides differ."""

    zero: Zero
    place: dict[str, int] = field(default_factory=dict)
    entry: tuple[int, ...] = ()
    left: sp.Expr = sp.S.Zero
    right: sp.Expr = sp.S.Zero
    difference: sp.Expr = sp.S.Zero
    note: str | None = None
    shapes: str = ""


def compare(world: World, left: Node, right: Node, conditions: Sequence[Node] = ()) -> Outcome:
    """left = right at every entry where the conditions hold. Raises Mismatch or Unreadable."""
    open_: Outcome | None = None
    compared = False
    skipped: list[dict[str, int]] = []
    for place in places(world, left, right):
        evaluator = Evaluator(world, world.layer_env() | place | generic(world, left))
        if not is_admitted(evaluator, conditions) or is_outside(world, evaluator, left):
            continue
        before, vacant = world.beyond, world.vacant
        try:
            outcome = _at(world, evaluator, left, right)
        except Mismatch:
            if (world.beyond, world.vacant) == (before, vacant):
                raise
        if world.vacant > vacant:
            continue
        if world.beyond > before:
            skipped.append(place)
            continue
        compared = True
        outcome.place = place
        if outcome.zero is Zero.REFUTED:
            return outcome
        if outcome.zero is Zero.OPEN:
            open_ = outcome
    if not compared:
        raise Unreadable("at small sizes there is no entry of which the claim speaks")
    return open_ or Outcome(Zero.PROVED, note=_without_last(skipped))


def _without_last(skipped: list[dict[str, int]]) -> str | None:
    """In words, at which places a claim reads a tensor after the last one; None where it does nowhere."""
    if not skipped:
        return None
    letters = sorted({name for place in skipped for name in place})
    return f"{', '.join(letters)} such that every tensor named is there: the last step is apart"


def _at(world: World, evaluator: Evaluator, left: Node, right: Node) -> Outcome:
    a, b = both(evaluator, left, right)
    note = None
    if a.shape != b.shape:
        a, b = _reconciled(a, b, left)
    result = Outcome(Zero.PROVED, note=note, shapes=shape_text(a))
    for entry in np.ndindex(*a.shape):
        x, y = sp.sympify(a[entry], strict=True), sp.sympify(b[entry], strict=True)
        verdict, difference = decide(world, x, y)
        if verdict is Zero.PROVED:
            continue
        if verdict is Zero.REFUTED and not is_followed(world, difference):
            verdict = Zero.OPEN
        result = Outcome(verdict, {}, entry, x, y, difference, shapes=shape_text(a))
        if verdict is Zero.REFUTED:
            return result
    return result


def both(evaluator: Evaluator, left: Node, right: Node) -> tuple[Array, Array]:
    """The values of the two sides, laid out so that they can be compared."""
    try:
        a, b = evaluator.factor(left), evaluator.factor(right)
    except ShapeError as error:
        raise Mismatch(str(error), right) from error
    if isinstance(a, Jacobian) and isinstance(b, Jacobian) and (a.of, a.wrt) == (b.of, b.wrt):
        return a.entries, b.entries
    if isinstance(a, Jacobian) and isinstance(b, Jacobian) and len(a.of) == len(b.of) == 1 and a.wrt == b.wrt:
        return a.entries.reshape(a.wrt_shape), b.entries.reshape(b.wrt_shape)
    if isinstance(a, Lazy) != isinstance(b, Lazy):
        return _filled(evaluator, a, b, left)
    if isinstance(a, Flexible) or isinstance(b, Flexible):
        return _sized(evaluator, a, b, left, right)
    return evaluator.settled(a, left), evaluator.settled(b, right)


def _filled(evaluator: Evaluator, a: Value, b: Value, node: Node) -> tuple[Array, Array]:
    """A side given by a rule for its entries takes its size from the other side."""
    known = evaluator.settled(b if isinstance(a, Lazy) else a, node)
    low = 0 if evaluator.world.facts.cues.zero_based else 1
    out = np.empty(known.shape, dtype=object)
    for place in np.ndindex(*known.shape):
        rule = a if isinstance(a, Lazy) else b
        assert isinstance(rule, Lazy)
        out[place] = rule.entry(tuple(p + low for p in place))
    return (out, known) if isinstance(a, Lazy) else (known, out)


def _sized(evaluator: Evaluator, a: Value, b: Value, left: Node, right: Node) -> tuple[Array, Array]:
    """A side that is an identity takes its size from the other side."""
    if isinstance(a, Flexible) and isinstance(b, Flexible):
        raise Unreadable("nothing says the size of the identity")
    known = evaluator.settled(b if isinstance(a, Flexible) else a, right if isinstance(a, Flexible) else left)
    flexible = a if isinstance(a, Flexible) else b
    assert isinstance(flexible, Flexible)
    other = flexible.like(known)
    return (other, known) if isinstance(a, Flexible) else (known, other)


def _reconciled(a: Array, b: Array, node: Node) -> tuple[Array, Array]:
    if a.size == 1 and b.size == 1:
        return a.reshape(()), b.reshape(())
    for x, y, swap in ((a, b, False), (b, a, True)):
        if (
            y.size == 1
            and sp.sympify(y.flat[0], strict=True).is_number
            and sp.sympify(y.flat[0], strict=True) == 0
        ):
            y = array(np.full(x.shape, sp.Integer(0)))
            return (y, x) if swap else (x, y)
    raise Mismatch(f"the left side is {shape_text(a)}, the right side {shape_text(b)}", node)
