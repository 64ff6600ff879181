"""Cases that have a name (|z|, sign, max, min) and cases to be laid out in rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sympy as sp

from symcnn.core.expr import Selected, Where, Within

Row = tuple[tuple[sp.Basic, ...], sp.Expr]
Rows = tuple[list[Row], sp.Expr]


def absolute(expr: Where) -> tuple[sp.Expr, ...] | None:
    """z where ``expr`` is |z|."""
    match expr:
        case Where(condition=sp.Gt(args=(z, sp.S.Zero)), value=v, otherwise=Where() as rest):
            other = rest.condition == sp.Lt(z, 0) and rest.value == -z and rest.otherwise == 0
            return (z,) if v == z and other else None
    return None


def signum(expr: Where) -> tuple[sp.Expr, ...] | None:
    """z where ``expr`` is sign(z)."""
    match expr:
        case Where(condition=sp.Gt(args=(z, sp.S.Zero)), value=sp.S.One, otherwise=Where() as rest):
            other = rest.condition == sp.Lt(z, 0) and rest.value == -1 and rest.otherwise == 0
            return (z,) if other else None
    return None


def extreme(expr: Where) -> Iterator[tuple[str, tuple[sp.Expr, ...] | None]]:
    """The two sides where ``expr`` is their maximum or minimum, whatever its slope at equality."""
    for name, strict, loose, opposite in (("max", sp.Gt, sp.Ge, sp.Lt), ("min", sp.Lt, sp.Le, sp.Gt)):
        condition = expr.condition
        sides: tuple[sp.Expr, ...] | None = None
        if isinstance(condition, strict | loose) and condition.args[0] == expr.value:
            left, right = condition.args
            if expr.otherwise == right or _shared(expr.otherwise, left, right, opposite):
                sides = (left, right)
        yield name, sides


def _shared(rest: sp.Expr, left: sp.Expr, right: sp.Expr, opposite: type) -> bool:
    """The lower branch of a maximum whose slope is shared at equality: right, or a mixture of both."""
    if not (isinstance(rest, Where) and rest.condition == opposite(left, right) and rest.value == right):
        return False
    a, b = sp.Dummy(), sp.Dummy()
    mixture = rest.otherwise.xreplace({left: a, right: b}) if left != 0 and right != 0 else None
    if mixture is None:
        side = right if left == 0 else left
        return bool((rest.otherwise / side).is_number)
    return bool(sp.expand(mixture.subs(b, a) - a) == 0)


def branches(expr: sp.Expr) -> Rows | None:
    """Rows of condition and value, and the value otherwise; None where the expression is no cases on its own.

    A selected entry is a condition too: ``v·[… = argmax …]`` is v there and 0 elsewhere.
    """
    if isinstance(expr, Where):
        named = absolute(expr) or signum(expr) or any(sides for _, sides in extreme(expr))
        return None if named else _rows(expr)
    pair = _complementary(expr)
    if pair is not None:
        return pair
    row = _row((), expr)
    return ([row], sp.S.Zero) if row[0] else None


def _rows(expr: sp.Expr) -> Rows:
    rows: list[Row] = []
    while isinstance(expr, Where):
        parts = expr.condition.args if isinstance(expr.condition, sp.And) else (expr.condition,)
        rows.append(_row(tuple(parts), expr.value) if expr.otherwise == 0 else (tuple(parts), expr.value))
        expr = expr.otherwise
    return rows, expr


def _complementary(expr: sp.Expr) -> Rows | None:
    """``v·[c] + w·[not c]`` is v if c, w otherwise."""
    terms = sp.Add.make_args(expr)
    if len(terms) != 2 or not all(isinstance(t, Where) and t.otherwise == 0 for t in terms):
        return None
    first, second = sorted(terms, key=lambda t: isinstance(t.condition, sp.Le | sp.Lt | sp.Ne | sp.Or))
    if sp.Not(first.condition) != second.condition:
        return None
    return _rows(Where(first.condition, first.value, second.value))


def _row(parts: tuple[sp.Basic, ...], value: sp.Expr) -> Row:
    """The row with indicators among the factors of its value moved to its conditions."""
    factors = sp.Mul.make_args(value)
    chosen = [f for f in factors if isinstance(f, Selected) and f.policy != "split"]
    rest = sp.Mul(*(f for f in factors if f not in chosen))
    return (*parts, *chosen), rest


def ordered(parts: Iterable[sp.Basic]) -> list[sp.Basic]:
    """Conditions in a stable order: comparisons, then ranges, then the place of a maximum."""
    return sorted(parts, key=_place)


def _place(part: sp.Basic) -> tuple[int, str]:
    return 2 if isinstance(part, Selected) else int(isinstance(part, Within)), str(part).replace("_", "")
