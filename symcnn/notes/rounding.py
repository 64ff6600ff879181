"""Worked numbers: a value that the notes' own numbers give, against the digits that are printed.

A printed decimal stands for every number that rounds to it. A claim holds where the value rounds to its digits; it
fails where even numbers that are rounded on the way cannot lead to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import Piece
from symcnn.notes.counterexample import about
from symcnn.notes.defined_values import expanded
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.facts import Facts
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import base_name, names_in
from symcnn.notes.names import read_name
from symcnn.notes.operations import array
from symcnn.notes.tree import CallOrProduct, Matrix, Node, Number, Unary
from symcnn.notes.values import Value
from symcnn.notes.verdict import Counterexample, Kind, Verdict
from symcnn.notes.walking import walk
from symcnn.notes.world import World

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations

FEWEST = 2
"""A number in a product is taken as rounded from this many decimals on."""

HALF = sp.Rational(51, 100)
SLIP = 3
"""Units in the last place that rounding on the way may cost."""

COARSE = sp.Rational(1, 20)
"""The part of a value above which rounded numbers leave it open."""

ROUNDS = 6

MOST_DECIMALS = 8
"""Decimals up to which a number is printed as it is."""


@dataclass(frozen=True, slots=True)
class Known:
    """The value of a side, in decimals and exactly, and by how much the rounding of its printed numbers may change it."""

    value: tuple[sp.Expr, ...]
    exact: tuple[sp.Expr, ...]
    slack: tuple[sp.Expr, ...]


def judge(piece: Piece, equations: Equations) -> Verdict | None:
    """The verdict on `something = numbers` where the notes give all numbers that it takes; None for another claim."""
    assert piece.left is not None
    assert piece.right is not None
    printed = [node for node in walk(piece.right) if isinstance(node, Number)]
    rounded = piece.sign == "approx" or any("." in number.text for number in printed)
    whole = isinstance(piece.right, Number) and is_numeric(piece.left, equations.bench.facts)
    facts = equations.bench.facts
    if not printed or not is_numeric(piece.right, facts) or (piece.first and _sets(piece, equations)):
        return None
    worlds = [_world(piece, equations, variant) for variant in (0, 1)]
    found = _known(worlds[0], piece.right, alone=True)
    if found is None:
        return None
    sides = [_settled(worlds, side) for side in _lefts(piece)]
    sides = [side for side in sides if side is not None and len(side.value) == len(found.value)]
    if not sides:
        return None
    verdicts = [_compared(side, found, piece) for side in sides if side is not None]
    if not rounded and not whole and all(verdict.kind is not Kind.HOLDS for verdict in verdicts):
        return None
    for kind in (Kind.HOLDS, Kind.HOLDS_IF, Kind.CANNOT_CHECK):
        for verdict in verdicts:
            if verdict.kind is kind:
                return verdict
    return verdicts[0]


def is_numeric(node: Node, facts: Facts) -> bool:
    """Whether a formula is made of numbers alone, and functions of numbers."""
    applied = {base_name(part.head) for part in walk(node) if isinstance(part, CallOrProduct)}
    functions = {name for name in applied if name in facts.applied | set(facts.functions)}
    return all(base_name(name) in {"e", "pi", *functions} for name in names_in(node)) and any(
        isinstance(part, Number) for part in walk(node)
    )


def _lefts(piece: Piece) -> list[Node]:
    """The side before, and the head of the chain."""
    sides = [piece.left, piece.head]
    return [side for place, side in enumerate(sides) if side is not None and side not in sides[:place]]


def _sets(piece: Piece, equations: Equations) -> bool:
    """Whether a piece gives a number to a name that has none but given ones."""
    facts = equations.bench.facts
    ref = read_name(piece.left, facts.habits) if piece.left is not None else None
    if ref is None:
        return False
    key = facts.resolve(ref.key + "'" * ref.primes)
    rules = [d for d in facts.definitions if d.key == key and d.order < piece.order and names_in(d.body)]
    return not rules


def _settled(worlds: list[World], node: Node) -> Known | None:
    """The value of a side, where it is the same whatever sizes the notes leave open."""
    first, second = (_known(world, node) for world in worlds)
    return first if first == second else None


def _world(piece: Piece, equations: Equations, variant: int) -> World:
    """The world at a piece, with the numbers that the notes give to names before it as an example."""
    bench = equations.bench
    given = tuple(
        d
        for d in bench.facts.definitions
        if d.order in bench.dropped
        and d.order < piece.order
        and not any(names_in(other.body) for other in bench.in_force.of_key(d.key))
        and is_numeric(d.body, bench.facts)
    )
    bench.examples = given
    functions = frozenset(
        (name, max(r.order for r in rules if r.order < piece.order))
        for name, rules in bench.facts.functions.items()
        if any(r.order < piece.order for r in rules)
    )
    try:
        return bench.world(
            piece.order, variant=variant, without=piece.order, functions=functions, ahead=False
        )
    finally:
        bench.examples = ()


class _Printed(Evaluator):
    """Evaluates with a letter in place of each printed number that may be rounded."""

    def __init__(self, world: World, env: Mapping[str, Any], letters: dict[Span, sp.Symbol]) -> None:
        super().__init__(world, env)
        self.letters = letters

    def within(self, more: Mapping[str, Any]) -> Evaluator:
        return _Printed(self.world, self.env | dict(more), self.letters)

    def factor(self, node: Node) -> Value:
        if isinstance(node, Number) and node.span in self.letters:
            return array(self.letters[node.span])
        return super().factor(node)


def _known(world: World, node: Node, *, alone: bool = False) -> Known | None:
    """The value of a side in numbers; None where the notes do not give all of them."""
    given = _given(world)
    numbers = {
        number.span: number
        for number in walk(node)
        if isinstance(number, Number) and (_may_be_rounded(number, given) or (alone and _is_alone(node)))
    }
    letters = {span: sp.Symbol(f"printed {span.start}") for span in numbers}
    exact = {letters[span]: sp.Rational(number.text) for span, number in numbers.items()}
    try:
        value = _Printed(world, world.layer_env(), letters).value(node)
        entries = [_expanded(world, sp.sympify(x, strict=True)) for x in value.flat]
    except SymcnnError:
        return None
    if any(entry.free_symbols - set(exact) for entry in entries):
        return None
    exactly = [entry.xreplace(exact) for entry in entries]
    values = [sp.N(entry, 30) for entry in exactly]
    if not all(number.is_comparable for number in values):
        return None
    slack = [
        sp.Add(
            *(
                abs(sp.N(sp.diff(entry, letters[span]).xreplace(exact), 30)) * _half(number)
                for span, number in numbers.items()
            )
        )
        for entry in entries
    ]
    return Known(tuple(values), tuple(exactly), tuple(slack))


def _is_alone(node: Node) -> bool:
    """Whether a side is one number, or an array of numbers, which stands for what rounds to it."""
    return isinstance(node, Number | Matrix) or (isinstance(node, Unary) and isinstance(node.body, Number))


def _expanded(world: World, expr: sp.Expr) -> sp.Expr:
    """An expression with all definitions and derivatives put in."""
    for _ in range(ROUNDS):
        more = expanded(world, world.cotangents.expand(expr, frozenset()))
        if more == expr:
            return expr
        expr = more
    return expr


def _given(world: World) -> frozenset[sp.Rational]:
    """The numbers that the notes give to names: these are exact."""
    return frozenset(
        sp.Rational(node.text)
        for definitions in world.definitions.values()
        for definition in definitions
        if is_numeric(definition.body, world.facts)
        for node in walk(definition.body)
        if isinstance(node, Number)
    )


def _may_be_rounded(number: Number, given: frozenset[sp.Rational]) -> bool:
    return _decimals(number) >= FEWEST and sp.Rational(number.text) not in given


def _decimals(number: Number) -> int:
    """How many digits stand after the point, powers of ten taken into account."""
    exponent = Decimal(number.text).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _half(number: Number) -> sp.Rational:
    return HALF / sp.Integer(10) ** _decimals(number)


def _compared(left: Known, right: Known, piece: Piece) -> Verdict:
    assert piece.right is not None
    gaps = [abs(a - b) for a, b in zip(left.value, right.value, strict=True)]
    mine = right.slack
    pairs = zip(left.exact, right.exact, strict=True)
    if all(sp.expand(a - b) == 0 for a, b in pairs):
        return Verdict(Kind.HOLDS, proof="with the numbers of the notes, exactly")
    if all(gap <= slack for gap, slack in zip(gaps, mine, strict=True)):
        how = "to the printed digits, with the numbers of the notes"
        if piece.sign == "approx":
            return Verdict(Kind.HOLDS, proof=how)
        return Verdict(Kind.HOLDS_IF, proof=how, assumption="the number is rounded")
    both = [a + b for a, b in zip(mine, left.slack, strict=True)]
    if all(gap <= slack for gap, slack in zip(gaps, both, strict=True)):
        coarse = any(s > COARSE * abs(v) for s, v in zip(left.slack, left.value, strict=True) if v != 0)
        if coarse:
            return Verdict(Kind.CANNOT_CHECK, reason="the printed numbers are too coarse to tell")
        how = "with the numbers of the notes, as far as their printed digits go"
        return Verdict(Kind.HOLDS_IF, proof=how, assumption="the numbers are rounded on the way")
    slips = all(gap <= 2 * SLIP * slack for gap, slack in zip(gaps, both, strict=True))
    if slips and not all(_ends(value, piece.right) for value in left.exact):
        return Verdict(Kind.CANNOT_CHECK, reason="off in the last digit, as by rounding on the way")
    return _wrong(left, right, gaps, piece)


def _ends(value: sp.Expr, printed: Node) -> bool:
    """Whether a value needs no more decimals than are printed, so that nothing was rounded."""
    digits = max(_decimals(node) for node in walk(printed) if isinstance(node, Number))
    return bool(value.is_Rational and (value * sp.Integer(10) ** digits).is_Integer)


def _wrong(left: Known, right: Known, gaps: list[sp.Expr], piece: Piece) -> Verdict:
    """A number that is not the value, with the value in its digits."""
    assert piece.right is not None
    at = gaps.index(max(gaps))
    value = _spelled(left.exact[at])
    example = Counterexample({}, value, _spelled(right.exact[at]))
    reason = f"the value is {value}"
    wrong = [k for k, gap in enumerate(gaps) if gap > 2 * SLIP * (right.slack[k] + left.slack[k])] or [at]
    entries = _entries(piece.right)
    if len(entries) != len(gaps) or not all(_is_alone(entry) for entry in entries):
        return Verdict(Kind.FAILS, reason=reason, counterexample=example, diagnosis="wrong number")
    correction = piece.latex
    spans = [entries[k].span.shifted(-piece.span.start) for k in wrong]
    shown = [_shown(left.exact[k], left.value[k], entries[k], piece.sign) for k in wrong]
    for span, text in reversed(list(zip(spans, shown, strict=True))):
        correction = correction[: span.start] + text + correction[span.end :]
    return Verdict(
        Kind.FAILS,
        reason=f"the value is {shown[0]}",
        correction=correction,
        wrong_terms=tuple(spans),
        counterexample=example,
        diagnosis="wrong number",
    )


def _entries(node: Node) -> list[Node]:
    """The entries of a matrix row by row, or the one number that a side is."""
    return [entry for row in node.rows for entry in row] if isinstance(node, Matrix) else [node]


def _shown(exact: sp.Expr, value: sp.Expr, printed: Node, sign: str) -> str:
    """A value in the digits of the number that it replaces; fewer where they say all of it."""
    digits = max((_decimals(node) for node in walk(printed) if isinstance(node, Number)), default=0)
    text = str(exact) if exact.is_Integer else f"{float(value):.{digits}f}"
    return text.rstrip("0") if sign != "approx" and not exact.is_Integer and _ends(exact, printed) else text


def by_example(piece: Piece, equations: Equations) -> Verdict | None:
    """For a formula that is only right with the numbers of the example, L = -ln p_2: the verdict with them."""
    assert piece.left is not None
    assert piece.right is not None
    worlds = [_world(piece, equations, variant) for variant in (0, 1)]
    left, right = _settled(worlds, piece.left), _settled(worlds, piece.right)
    if left is None or right is None or len(left.exact) != len(right.exact):
        return None
    if any(sp.expand(a - b) != 0 for a, b in zip(left.exact, right.exact, strict=True)):
        return None
    how = "with the numbers of the notes, exactly"
    return Verdict(Kind.HOLDS_IF, proof=how, assumption="the numbers of the example")


def _spelled(value: sp.Expr) -> str:
    """A decimal number as it is where it is short, else its first digits."""
    for digits in range(MOST_DECIMALS + 1):
        scaled = value * 10**digits
        if scaled.is_Rational and scaled.is_Integer:
            return f"{Decimal(int(scaled)).scaleb(-digits):f}"
    return about(value)
