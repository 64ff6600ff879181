"""The places where a claim is tried: numbers for its free index letters that its conditions admit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product as grid

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.arguments import arguments_of
from symcnn.notes.conditions import truth
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.families import Family, Unreadable
from symcnn.notes.free import free_letters
from symcnn.notes.name_parts import letter, letters_of
from symcnn.notes.sums import letter_range
from symcnn.notes.tree import BigOperator, Call, CallOrProduct, Node
from symcnn.notes.world import World

MOST_PLACES = 12


def generic(world: World, left: Node) -> dict[str, sp.Symbol]:
    """The argument of a function on the left side, f(z) or f'(z), is any number."""
    if isinstance(left, CallOrProduct) and world.is_function(left.head):
        arguments = arguments_of(left.group)
        name = letter(arguments[0]) if len(arguments) == 1 else None
        if name is not None:
            return {name: world.symbol(Family(name), ())}
    if isinstance(left, Call):
        arguments = arguments_of(left.argument)
        name = letter(arguments[0]) if len(arguments) == 1 else None
        if name is not None:
            return {name: world.symbol(Family(name), ())}
    return {}


def is_outside(world: World, evaluator: Evaluator, left: Node) -> bool:
    """Whether the left side speaks of an entry that does not exist at this place."""
    if isinstance(left, BigOperator):
        return False
    before = world.outside
    try:
        evaluator.factor(left)
    except SymcnnError:
        return world.outside > before
    return world.outside > before


def is_admitted(evaluator: Evaluator, conditions: Sequence[Node]) -> bool:
    """Whether no condition on the indices rules a place out; a condition on anything else says nothing."""
    for condition in conditions:
        try:
            if truth(evaluator, condition) == 0:
                return False
        except SymcnnError:
            continue
    return True


def places(world: World, left: Node, right: Node) -> list[dict[str, int]]:
    """Numbers for the free index letters of a claim, at most MOST_PLACES of them, spread evenly."""
    env = world.layer_env()
    world.free_ranges = {}
    names = free_letters(left, world, {})
    names += [name for name in free_letters(right, world, {}) if name not in names]
    layered = bool(world.facts.layers or world.facts.habits.layered)
    layer_letters = {"l", "ell", "L"} if layered else {"L"}
    names = [name for name in names if name not in layer_letters]
    ranges: list[list[int]] = []
    for name in names:
        ranges.append(_range(world, env, name, (left, right)))
        world.free_ranges[name] = range(ranges[-1][0], ranges[-1][-1] + 1) if ranges[-1] else range(0)
    used = [n for n in ("l", "ell") if world.facts.layers and _uses(n, left, right)]
    names += used
    ranges += [list(world.facts.layers) for _ in used]
    every = [dict(zip(names, numbers, strict=True)) for numbers in grid(*ranges)]
    if len(every) > MOST_PLACES:
        step = len(every) / MOST_PLACES
        every = [every[int(k * step)] for k in range(MOST_PLACES)]
    return every


def _uses(name: str, *nodes: Node) -> bool:
    return any(name in letters_of(node) for node in nodes)


def _range(world: World, env: Mapping[str, int], name: str, sides: tuple[Node, ...]) -> list[int]:
    for side in sides:
        try:
            return list(letter_range(Evaluator(world, env), name, side))
        except Unreadable:
            continue
    low = 0 if world.facts.cues.zero_based else 1
    return [low, low + 1, low + 2]
