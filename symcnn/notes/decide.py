"""Whether one entry of a claim is proved or refuted by the definitions, or stays open."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symcnn.notes import zero
from symcnn.notes.defined_values import defined_value
from symcnn.notes.families import Family
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import read_name
from symcnn.notes.tree import Derivative, Gradient, Node, Script, Symbol
from symcnn.notes.trials import refuted
from symcnn.notes.walking import children
from symcnn.notes.world import World
from symcnn.notes.zero import Zero

MOST_STEPS = 8


MOST_COTANGENTS = 500


def is_followed(world: World, expr: sp.Expr) -> bool:
    """Whether every cotangent in `expr` leads on, or is of something from which the notes compute nothing.

    One that stays free though a definition reads its tensor is not understood, so that it refutes nothing.
    """
    cotangents = world.cotangents
    if any(_names_cotangent(world, s) and defined_value(world, s) is None for s in expr.free_symbols):
        return False
    waiting = [s for s in expr.free_symbols if s in cotangents.of]
    seen = set(waiting)
    losses: set[sp.Symbol] = set()
    while waiting and len(seen) < MOST_COTANGENTS:
        symbol = waiting.pop()
        inner = cotangents.step(symbol)
        if inner is None:
            loss, entry = cotangents.of[symbol]
            losses.add(loss)
            layered = entry in world.origin and world.origin[entry][0].layer >= 0
            if not layered and cotangents.connected(loss) and entry not in cotangents.upstream(loss):
                return False
            if entry in world.origin and cotangents.is_output(world.origin[entry][0]):
                continue
            if entry in world.origin and world.origin[entry][0].key in _read_keys(world):
                return False
            continue
        fresh = [s for s in inner.free_symbols if s in cotangents.of and s not in seen]
        seen.update(fresh)
        waiting += fresh
    return not any(one in cotangents.upstream(other) for one in losses for other in losses)


def _names_cotangent(world: World, symbol: sp.Symbol) -> bool:
    """Whether an entry is of a name that the notes give to derivatives."""
    family = world.origin[symbol][0] if symbol in world.origin else None
    known = world.definitions.get(family.key, ()) if family is not None else ()
    return any(isinstance(d.body, Derivative | Gradient) for d in known)


def _read_keys(world: World) -> set[str]:
    """The names whose values the definitions in force read; a derivative by a name reads none of its values."""
    found: set[str] = set()
    for definitions in world.definitions.values():
        for definition in definitions:
            if (
                definition.key in world.facts.losses
                and world.symbol(Family(definition.key), ()) in world.opaque
            ):
                continue
            for node in _values_in(definition.body) if not definition.display else ():
                ref = read_name(node, world.facts.habits)
                if ref is not None and ref.layer is None:
                    found.add(world.facts.resolve(ref.key))
    return found - set(world.facts.losses)


def _values_in(node: Node) -> Iterator[Node]:
    """The names in a formula outside of its derivatives."""
    if isinstance(node, Derivative | Gradient):
        return
    if isinstance(node, Symbol | Script):
        yield from names_in(node)
        return
    for child in children(node):
        yield from _values_in(child)


def decide(world: World, left: sp.Expr, right: sp.Expr) -> tuple[Zero, sp.Expr]:
    """Whether two expressions are equal by the definitions, and the difference that was looked at."""
    cotangents = world.cotangents
    difference = unfold(world, left - right)
    if difference.free_symbols & set(world.differentials.of):
        difference = unfold(world, world.differentials.opened(difference))
    if zero_at_once(difference):
        return Zero.PROVED, sp.Integer(0)
    if refuted(world, difference):
        return Zero.OPEN if _leaves_a_way_open(world, left, right) else Zero.REFUTED, difference
    sides = [unfold(world, left), unfold(world, right)]
    mine, theirs = (cotangents.families(side) for side in sides)
    for stop in (theirs, mine) if mine != theirs else ():
        near = cotangents.expand(difference, stop)
        if near != difference and (zero_at_once(near) or _proved_in_steps(world, near, True)):
            return Zero.PROVED, sp.Integer(0)
    stop = cotangents.terminals([difference, *sides])
    first = cotangents.expand(difference, stop)
    if zero_at_once(first):
        return Zero.PROVED, first
    last = cotangents.expand(first, frozenset()) if is_connected(world, first) else first
    for attempt in (last, first) if first != last else (first,):
        if any(_proved_in_steps(world, attempt, latest_first) for latest_first in (True, False)):
            return Zero.PROVED, attempt
    return Zero.OPEN, last


def _leaves_a_way_open(world: World, left: sp.Expr, right: sp.Expr) -> bool:
    """Whether a claim speaks of one output of the notes only, where its left side also moves others.

    Notes that compute two things from one input, such as a layer and its variant, may mean the loss of either.
    """
    cotangents = world.cotangents
    sides = [unfold(world, side) for side in (left, right)]
    if not cotangents.families(sides[1]):
        return False
    ends = [cotangents.expand(side, frozenset()) for side in sides]
    if any(
        cotangents.connected(cotangents.of[s][0])
        for end in ends
        for s in end.free_symbols
        if s in cotangents.of
    ):
        return False
    mine, theirs = (cotangents.families(end) for end in ends)
    return bool(theirs) and theirs < mine


def _proved_in_steps(world: World, expr: sp.Expr, latest_first: bool) -> bool:
    """Whether `expr` is zero after some of the definitions are put in, the latest or the earliest ones first."""
    for _ in range(MOST_STEPS):
        if zero.test(expr) is Zero.PROVED:
            return True
        names = [s for s in expr.free_symbols if s in world.origin and defined_value(world, s) is not None]
        if not names:
            return False
        inner = frozenset().union(*(world.cotangents.upstream(s) for s in names))
        latest = [s for s in names if s not in inner] or names
        if not latest_first:
            latest = [s for s in names if not world.cotangents.upstream(s) & set(names)] or names
        expr = expr.xreplace({s: defined_value(world, s) for s in latest})
        if expr.count_ops() > zero.LARGEST:
            return False
    return False


def zero_at_once(expr: sp.Expr) -> bool:
    return bool(expr == 0 or (expr.count_ops() < 400 and sp.expand(expr) == 0))


def unfold(world: World, expr: sp.Expr) -> sp.Expr:
    """Names of cotangents (such as an error δ) written as the derivatives that they are."""
    for _ in range(4):
        table = {}
        for symbol in expr.free_symbols:
            value = defined_value(world, symbol) if symbol in world.origin else None
            if value is not None and any(s in world.cotangents.of for s in value.free_symbols):
                table[symbol] = value
        if not table:
            return expr
        expr = expr.xreplace(table)
    return expr


def is_connected(world: World, expr: sp.Expr) -> bool:
    """Whether a cotangent in `expr` can be followed further, up to a loss that is defined."""
    for symbol in expr.free_symbols:
        if symbol in world.cotangents.of:
            loss, entry = world.cotangents.of[symbol]
            if entry in world.cotangents.upstream(loss):
                return True
    return False
