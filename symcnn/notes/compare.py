"""Whether two formulas have the same value in one world: proved, refuted with numbers, or open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product as grid
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, SymcnnError
from symcnn.notes import numeric, zero
from symcnn.notes.derivative import Jacobian
from symcnn.notes.evaluate import Evaluator, Lazy, Value, shape_text
from symcnn.notes.flexible import Flexible
from symcnn.notes.free import free_letters
from symcnn.notes.name_parts import letter, letters_of, names_in
from symcnn.notes.names import read_name
from symcnn.notes.opaque import positive
from symcnn.notes.operations import Array, array
from symcnn.notes.shaper import arguments_of
from symcnn.notes.sums import letter_range
from symcnn.notes.tree import BigOperator, Call, CallOrProduct, Derivative, Gradient, Node, Script, Symbol
from symcnn.notes.walking import children
from symcnn.notes.world import Family, Mismatch, Unreadable, World
from symcnn.notes.zero import Zero

MOST_PLACES = 12
MOST_STEPS = 8
SMALLEST = Decimal("1e-12")
"""A difference above this refutes."""

MOST_COTANGENTS = 500
SIGNED = 3
"""The first trial whose numbers have both signs."""


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
        if not _admitted(evaluator, conditions) or _outside(world, evaluator, left):
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


def _outside(world: World, evaluator: Evaluator, left: Node) -> bool:
    """Whether the left side speaks of an entry that does not exist at this place."""
    if isinstance(left, BigOperator):
        return False
    before = world.outside
    try:
        evaluator.factor(left)
    except SymcnnError:
        return world.outside > before
    return world.outside > before


def _admitted(evaluator: Evaluator, conditions: Sequence[Node]) -> bool:
    """Whether no condition on the indices rules a place out; a condition on anything else says nothing."""
    for condition in conditions:
        try:
            if evaluator.condition(condition) == 0:
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
        if verdict is Zero.REFUTED and not _followed(world, difference):
            verdict = Zero.OPEN
        result = Outcome(verdict, {}, entry, x, y, difference, shapes=shape_text(a))
        if verdict is Zero.REFUTED:
            return result
    return result


def _followed(world: World, expr: sp.Expr) -> bool:
    """Whether every cotangent in `expr` leads on, or is of something from which the notes compute nothing.

    One that stays free though a definition reads its tensor is not understood, so that it refutes nothing.
    """
    cotangents = world.cotangents
    waiting = [s for s in expr.free_symbols if s in cotangents.of]
    seen = set(waiting)
    while waiting and len(seen) < MOST_COTANGENTS:
        symbol = waiting.pop()
        inner = cotangents.step(symbol)
        if inner is None:
            entry = cotangents.of[symbol][1]
            if entry in world.origin and cotangents.is_output(world.origin[entry][0]):
                continue
            if entry in world.origin and world.origin[entry][0].key in _read_keys(world):
                return False
            continue
        fresh = [s for s in inner.free_symbols if s in cotangents.of and s not in seen]
        seen.update(fresh)
        waiting += fresh
    return True


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


# --- one entry


def decide(world: World, left: sp.Expr, right: sp.Expr) -> tuple[Zero, sp.Expr]:
    """Whether two expressions are equal by the definitions, and the difference that was looked at."""
    cotangents = world.cotangents
    difference = unfold(world, left - right)
    if difference.free_symbols & set(world.differentials.of):
        difference = unfold(world, world.differentials.opened(difference))
    if zero_at_once(difference):
        return Zero.PROVED, sp.Integer(0)
    if refuted(world, difference):
        return Zero.REFUTED, difference
    sides = [unfold(world, left), unfold(world, right)]
    mine, theirs = (cotangents.families(side) for side in sides)
    for stop in (theirs, mine) if mine != theirs else ():
        near = cotangents.expand(difference, stop) if stop else difference
        if near != difference and (zero_at_once(near) or _proved_in_steps(world, near, True)):
            return Zero.PROVED, sp.Integer(0)
    stop = cotangents.terminals([difference, *sides])
    first = cotangents.expand(difference, stop)
    if zero_at_once(first):
        return Zero.PROVED, first
    last = cotangents.expand(first, frozenset()) if _connected(world, first) else first
    for attempt in (last, first) if first != last else (first,):
        if any(_proved_in_steps(world, attempt, latest_first) for latest_first in (True, False)):
            return Zero.PROVED, attempt
    return Zero.OPEN, last


def _proved_in_steps(world: World, expr: sp.Expr, latest_first: bool) -> bool:
    """Whether `expr` is zero after some of the definitions are put in, the latest or the earliest ones first."""
    for _ in range(MOST_STEPS):
        if zero.test(expr) is Zero.PROVED:
            return True
        names = [s for s in expr.free_symbols if s in world.origin and world.value(s) is not None]
        if not names:
            return False
        inner = frozenset().union(*(world.cotangents.upstream(s) for s in names))
        latest = [s for s in names if s not in inner] or names
        if not latest_first:
            latest = [s for s in names if not world.cotangents.upstream(s) & set(names)] or names
        expr = expr.xreplace({s: world.value(s) for s in latest})
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
            value = world.value(symbol) if symbol in world.origin else None
            if value is not None and any(s in world.cotangents.of for s in value.free_symbols):
                table[symbol] = value
        if not table:
            return expr
        expr = expr.xreplace(table)
    return expr


def _connected(world: World, expr: sp.Expr) -> bool:
    """Whether a cotangent in `expr` can be followed further, up to a loss that is defined."""
    for symbol in expr.free_symbols:
        if symbol in world.cotangents.of:
            loss, entry = world.cotangents.of[symbol]
            if entry in world.cotangents.upstream(loss):
                return True
    return False


def refuted(world: World, expr: sp.Expr) -> bool:
    """Whether numbers for what is given make `expr` differ from zero."""
    for seed in seeds(expr):
        try:
            value = number(world, expr, seed, world.numbers.setdefault(seed, {}))
        except (ZeroDivisionError, OverflowError):
            continue
        if value is None or not (isinstance(value, Decimal) or (value.is_number and value.is_comparable)):
            continue
        if abs(value) > SMALLEST:
            return True
    return False


def seeds(expr: sp.Expr) -> tuple[int, ...]:
    """The trials of an expression: positive numbers, and numbers of both signs where it says something of signs."""
    return (1, 2, SIGNED, SIGNED + 1) if expr.has(positive, sp.Abs, sp.sign) else (1, 2)


def vanishes(world: World, expr: sp.Expr) -> bool:
    """Whether numbers for what is given make `expr` zero, wherever it has a value, and somewhere it has one."""
    found = False
    for seed in seeds(expr):
        try:
            value = number(world, expr, seed, world.numbers.setdefault(seed, {}))
        except (ZeroDivisionError, OverflowError):
            continue
        if isinstance(value, Decimal) or (value is not None and value.is_number and value.is_comparable):
            if abs(value) > SMALLEST:
                return False
            found = True
    return found


def number(world: World, expr: sp.Expr, seed: int, known: dict[Any, Any]) -> Any:
    """The value of an expression, given numbers for the leaves and the definitions for the rest.

    A Decimal; a SymPy number where it is not real; None where there is none.
    """

    def of(symbol: sp.Symbol) -> Decimal:
        value = _of_symbol(world, symbol, seed, known)
        if value is None:
            raise numeric.NoValue(symbol.name)
        if not isinstance(value, Decimal):
            raise numeric.Irregular(symbol.name)
        return value

    try:
        return numeric.value(expr, of, known, seed)
    except numeric.NoValue:
        return None
    except numeric.Irregular:
        return _irregular(world, expr, seed, known)


def _irregular(world: World, expr: sp.Expr, seed: int, known: dict[Any, Any]) -> Any:
    """The value by SymPy's own evaluation, which knows complex numbers and every function."""
    table = {}
    # A long fraction to the power of another one is vast.
    raised = any(not power.exp.is_number for power in expr.atoms(sp.Pow))
    for symbol in sorted(expr.free_symbols, key=lambda symbol: symbol.name):
        value = _of_symbol(world, symbol, seed, known)
        if value is None:
            return None
        if isinstance(value, Decimal):
            value = sp.Float(str(value), numeric.DIGITS) if raised else numeric.rational(value)
        table[symbol] = value
    found = zero.at_point(expr.xreplace(table), seed)
    if found is None or not (found.is_Float or found.is_Rational):
        return found
    return numeric.fraction(sp.Rational(found))


def _of_symbol(world: World, symbol: sp.Symbol, seed: int, known: dict[Any, Any]) -> Any:
    """A number for an entry or a cotangent; None where its definition cannot be evaluated."""
    if symbol not in known:
        known[symbol] = numeric.fraction(leaf(symbol, seed))  # what a circle of definitions meets
        known[symbol] = _defined(world, symbol, seed, known)
    return known[symbol]


def _defined(world: World, symbol: sp.Symbol, seed: int, known: dict[Any, Any]) -> Any:
    if symbol in world.cotangents.of:
        inner = world.cotangents.step(symbol)
        return known[symbol] if inner is None else number(world, inner, seed, known)
    value = world.value(symbol) if symbol in world.origin else None
    if symbol in world.opaque and world.origin[symbol][0].key not in world.facts.losses:
        return None
    return known[symbol] if value is None else number(world, value, seed, known)


def leaf(symbol: sp.Symbol, seed: int) -> sp.Rational:
    """A rational number for a symbol, from its name alone; two of them are hardly ever the same.

    Between 0 and 1; from the trial SIGNED on between -1 and 1.
    """
    mix = 7
    for character in symbol.name:
        mix = (mix * 131 + ord(character) + seed) % 7919
    sign = -1 if seed >= SIGNED and mix % 2 else 1
    return sp.Rational(sign * (mix + 613), 9001)
