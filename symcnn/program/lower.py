"""Lowering: the body of an equation becomes an array with one labelled axis for each index that it depends on."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Delta, Read, Reduce, Selected, Where, Within
from symcnn.core.functions import sigmoid, softplus
from symcnn.program.array import Count, Labelled, Scalar, apply, floating, scalar
from symcnn.program.contraction import contracted, multiplied
from symcnn.program.gather import gathered
from symcnn.program.lower_read import is_affine, lower_read, view, whole
from symcnn.program.safety import is_tame
from symcnn.program.scope import Scope
from symcnn.program.selection import folded, selected

FUNCTIONS: dict[type[sp.Function], str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.tanh: "tanh",
    sp.erf: "erf",
    sigmoid: "sigmoid",
    softplus: "softplus",
    sp.Abs: "abs",
    sp.sign: "sign",
    sp.floor: "floor",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
}
RISKY = {
    "log": sp.S.One,
    "exp": sp.S.Zero,
    "sinh": sp.S.Zero,
    "cosh": sp.S.Zero,
}  # and an argument that is safe
LOGIC = (BooleanFunction, BooleanAtom, Relational)
COMPARISONS: dict[type[Relational], str] = {
    sp.Equality: "eq",
    sp.Unequality: "ne",
    sp.StrictLessThan: "lt",
    sp.LessThan: "le",
    sp.StrictGreaterThan: "gt",
    sp.GreaterThan: "ge",
}


def lower(expr: sp.Basic, scope: Scope) -> Labelled:
    """``expr`` as an array. Raises UnsupportedFormula, which names the head that has no array form."""
    if _is_scalar(expr, scope):
        return Labelled(Scalar((), expr), ())
    match expr:
        case sp.Symbol():
            return Labelled(Count((scope.extents[expr],)), (expr,))
        case Read():
            return _read(expr, scope)
        case Reduce():
            return _reduce(expr, scope)
        case Selected():
            return multiplied(factors(expr, scope), scope)
        case Where():
            return _where(expr, scope)
        case Delta():
            equal = sp.Eq(*expr.args)
            decided = isinstance(equal, sp.logic.boolalg.BooleanAtom)
            return Labelled(scalar(int(bool(equal))), ()) if decided else condition(equal, scope)
        case sp.Add():
            return _add(expr, scope)
        case sp.Mul():
            return _mul(expr, scope)
        case sp.Pow():
            return _power(expr, scope)
        case BooleanFunction() | BooleanAtom() | Relational():
            return condition(expr, scope)
    return _function(expr, scope)


def _function(expr: sp.Expr, scope: Scope) -> Labelled:
    """A function of one value, a remainder, a whole part, or the larger or smaller of several values."""
    match expr:
        case sp.Mod():
            return scope.apply("mod", *(lower(arg, scope) for arg in expr.args))
        case sp.floor() if not expr.has(Read):
            numerator, denominator = whole(expr.args[0])
            return scope.apply("floordiv", lower(numerator, scope), Labelled(Scalar((), denominator), ()))
        case sp.Max() | sp.Min():
            name = "maximum" if isinstance(expr, sp.Max) else "minimum"
            return _chain(name, [numeric(arg, scope) for arg in expr.args], scope)
    if expr.func not in FUNCTIONS:
        raise UnsupportedFormula(f"no array form for {expr.func.__name__}: {expr}")
    name = FUNCTIONS[expr.func]
    argument = numeric(expr.args[0], scope)
    if name in RISKY and not is_tame(expr.func, expr.args[0], scope.extents):
        argument = _safe(argument, RISKY[name], scope)
    return scope.apply(name, argument)


def numeric(expr: sp.Basic, scope: Scope) -> Labelled:
    """``expr`` as an array of numbers, where ``lower`` may give truth values or whole numbers."""
    part = lower(expr, scope)
    return Labelled(floating(part.node), part.labels)


def _is_scalar(expr: sp.Basic, scope: Scope) -> bool:
    return not (isinstance(expr, LOGIC) or scope.labels(expr) or expr.has(Read, Reduce, Where, Selected))


def _chain(name: str, parts: Sequence[Labelled], scope: Scope) -> Labelled:
    result = parts[0]
    for part in parts[1:]:
        result = scope.apply(name, result, part)
    return result


def _safe(argument: Labelled, value: sp.Expr, scope: Scope) -> Labelled:
    """The argument where the conditions in force hold, else a harmless value, so that no warning can arise."""
    for mask in scope.guards:
        argument = scope.apply("where", mask, argument, Labelled(Scalar((), value), ()))
    return argument


def _read(read: Read, scope: Scope) -> Labelled:
    """A view where the positions are affine in the indices, else a gather by arrays of places."""
    if all(is_affine(position, scope) for position in read.at):
        return lower_read(read, scope)
    order = scope.layout.order(read.tensor)
    outside = sp.S.Zero if read.outside is None and scope.guards else read.outside
    at = [read.at[axis] for axis in order]
    return gathered(scope.layout.stored(read.tensor), at, outside, scope, lower)


def _placed(mask: Labelled, expr: Selected, scope: Scope) -> Labelled:
    """The mask read at the places asked for; outside the reduced range nothing is selected."""
    wanted = dict(zip(expr.indices, expr.at, strict=True))
    at = tuple(wanted.get(label, label) for label in mask.labels)
    plain = all(place in scope.extents for place in at) and len(set(at)) == len(at)
    if plain and scope.shape(at) == mask.node.shape:
        return Labelled(mask.node, at)
    if all(is_affine(place, scope) for place in at):
        return view(mask.node, at, sp.S.Zero, scope)
    return gathered(mask.node, at, sp.S.Zero, scope, lower)


# -- arithmetic ------------------------------------------------------------------------------------------------


def _add(expr: sp.Add, scope: Scope) -> Labelled:
    """Terms in order, the positive ones first, so that a difference reads as one."""
    terms = sorted(expr.args, key=lambda term: bool(_is_negative(term)))
    result = lower(terms[0], scope)
    for term in terms[1:]:
        if _is_negative(term):
            result = scope.apply("sub", result, lower(-term, scope))
        else:
            result = scope.apply("add", result, lower(term, scope))
    return result


def _is_negative(term: sp.Expr) -> bool:
    coefficient = term.as_coeff_Mul()[0]
    return bool(coefficient.is_negative)


def _mul(expr: sp.Mul, scope: Scope) -> Labelled:
    above, below = _fraction(expr)
    plain = [factor for factor in above if _is_scalar(factor, scope)]
    arrays = [part for factor in above if not _is_scalar(factor, scope) for part in factors(factor, scope)]
    number = sp.Mul(*plain)
    result = multiplied(arrays, scope) if arrays else Labelled(Scalar((), number), ())
    divisors = [factor for factor in below if not _is_scalar(factor, scope)]
    if arrays and number != 1:
        result = _scaled(result, number, scope)
    for divisor in divisors:
        result = scope.apply("div", result, _safe(numeric(divisor, scope), sp.S.One, scope))
    number = sp.Mul(*(factor for factor in below if _is_scalar(factor, scope)))
    if number != 1:
        result = scope.apply("div", result, Labelled(Scalar((), number), ()))
    return result


def _scaled(part: Labelled, number: sp.Expr, scope: Scope) -> Labelled:
    if part.node.kind == "bool":
        part = Labelled(floating(part.node), part.labels)
    if number == -1:
        return scope.apply("neg", part)
    return scope.apply("mul", Labelled(Scalar((), number), ()), part)


def _fraction(expr: sp.Mul) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Factors above and below the fraction bar."""
    above, below = [], []
    for factor in expr.args:
        if isinstance(factor, sp.Rational) and factor.q != 1:
            below.append(sp.Integer(factor.q))
            if factor.p != 1:
                above.append(sp.Integer(factor.p))
        elif isinstance(factor, sp.Pow) and _is_negative(factor.exp):
            below.append(1 / factor)
        else:
            above.append(factor)
    return above, below


def factors(expr: sp.Expr, scope: Scope) -> list[Labelled]:
    """Arrays whose product is ``expr``: a selection is one mask for each reduced index, a case one mask and a value."""
    match expr:
        case Selected():
            inner = scope.within(expr.limits)
            masks = selected(expr, numeric(expr.body, inner), inner)
            return [_placed(mask, expr, scope) for mask in masks]
        case Where() if expr.otherwise == 0:
            mask = condition(expr.condition, scope)
            if expr.value == 1:
                return [mask]
            if _may_be_infinite(expr.value) or _as_maximum(expr, scope) is not None:
                return [lower(expr, scope)]
            return [*factors(expr.value, scope.under(mask)), mask]
        case sp.Mul() if not any(_below(factor) for factor in expr.args):
            return [part for factor in expr.args for part in factors(factor, scope)]
    return [lower(expr, scope)]


def _below(factor: sp.Expr) -> bool:
    return bool(factor.is_Rational and factor.q != 1) or (factor.is_Pow and _is_negative(factor.exp))


def _may_be_infinite(expr: sp.Expr) -> bool:
    return any(read.outside in (sp.oo, -sp.oo) for read in expr.atoms(Read))


def _power(expr: sp.Pow, scope: Scope) -> Labelled:
    base, exponent = expr.base, expr.exp
    if _is_negative(exponent):
        below = _safe(numeric(1 / expr, scope), sp.S.One, scope)
        return scope.apply("div", Labelled(scalar(1), ()), below)
    argument = numeric(base, scope)
    if exponent == 2:
        return scope.apply("square", argument)
    if not exponent.is_Integer:
        argument = _safe(argument, sp.S.One, scope)
    if exponent == sp.Rational(1, 2):
        return scope.apply("sqrt", argument)
    return scope.apply("pow", argument, numeric(exponent, scope))


# -- cases -----------------------------------------------------------------------------------------------------


def _where(expr: Where, scope: Scope) -> Labelled:
    maximum = _as_maximum(expr, scope)
    if maximum is not None:
        return maximum
    mask = condition(expr.condition, scope)
    if expr.otherwise == 0 and not _may_be_infinite(expr.value):
        return multiplied(factors(expr, scope), scope)
    taken = numeric(expr.value, scope.under(mask))
    other = numeric(expr.otherwise, scope.under(condition(sp.Not(expr.condition), scope)))
    if isinstance(taken.node, Scalar) and isinstance(other.node, Scalar):
        other = _cast_like(other, mask, scope)
    return scope.apply("where", mask, taken, other)


def _cast_like(number: Labelled, mask: Labelled, scope: Scope) -> Labelled:
    """A number in the dtype of the inputs: 0·mask + number."""
    zeros = scope.apply("mul", Labelled(scalar(0), ()), Labelled(floating(mask.node), mask.labels))
    return scope.apply("add", zeros, number)


def _as_maximum(expr: Where, scope: Scope) -> Labelled | None:
    """where(a > b, a, b) is max(a, b), at a tie too."""
    names = {
        sp.StrictGreaterThan: ("maximum", "minimum"),
        sp.GreaterThan: ("maximum", "minimum"),
        sp.StrictLessThan: ("minimum", "maximum"),
        sp.LessThan: ("minimum", "maximum"),
    }.get(expr.condition.func)
    if names is None:
        return None
    left, right = expr.condition.args
    if (left, right) == (expr.value, expr.otherwise):
        return scope.apply(names[0], numeric(left, scope), numeric(right, scope))
    if (right, left) == (expr.value, expr.otherwise):
        return scope.apply(names[1], numeric(left, scope), numeric(right, scope))
    return None


def condition(expr: sp.Basic, scope: Scope) -> Labelled:
    """A condition as an array of truth values."""
    match expr:
        case Within():
            return _within(expr, scope)
        case sp.And() | sp.Or():
            parts = [condition(arg, scope) for arg in sorted(expr.args, key=sp.default_sort_key)]
            return _chain("and" if isinstance(expr, sp.And) else "or", parts, scope)
        case sp.Not():
            return scope.apply("not", condition(expr.args[0], scope))
        case Relational():
            return _comparison(expr, scope)
    raise UnsupportedFormula(f"no array form for the condition {expr}")


def _comparison(expr: Relational, scope: Scope) -> Labelled:
    left, right = expr.args
    if not expr.has(Read) and not expr.has(sp.Function):
        left, right = whole(left - right)[0], sp.S.Zero
        if _is_scalar(left, scope):
            return _flag(expr.func(left, right), scope)
    elif _is_scalar(left, scope) and not _is_scalar(right, scope):
        return _comparison(expr.reversed, scope)
    return scope.apply(COMPARISONS[expr.func], lower(left, scope), lower(right, scope))


def _flag(expr: sp.Basic, scope: Scope) -> Labelled:
    """A condition of sizes and scalar parameters alone."""
    if expr in (sp.true, sp.false):
        return Labelled(apply("ne", scalar(int(bool(expr))), scalar(0)), ())
    left, right = (Labelled(Scalar((), side), ()) for side in expr.args)
    return scope.apply(COMPARISONS[expr.func], left, right)


def _within(expr: Within, scope: Scope) -> Labelled:
    """The numerator is a multiple of the denominator and in range."""
    numerator, denominator = whole(expr.position)
    place = lower(numerator, scope)
    limit = Labelled(Scalar((), sp.expand(expr.extent * denominator)), ())
    low = scope.apply("ge", place, Labelled(scalar(0), ()))
    inside = scope.apply("and", low, scope.apply("lt", place, limit))
    if denominator == 1:
        return inside
    rest = scope.apply("mod", place, Labelled(Scalar((), denominator), ()))
    return scope.apply("and", inside, scope.apply("eq", rest, Labelled(scalar(0), ())))


# -- reductions ------------------------------------------------------------------------------------------------


def _reduce(expr: Reduce, scope: Scope) -> Labelled:
    inner = scope.within(expr.limits)
    if expr.kind != "sum":
        return folded(expr.kind, numeric(expr.body, inner), expr.limits, inner)[0]
    return lower_sum(expr.body, [k for k, _ in expr.limits], inner)


def lower_sum(body: sp.Expr, bound: list[sp.Symbol], scope: Scope) -> Labelled:
    """Σ over ``bound``: term by term where a term is a contraction, else the body at once and then its sum."""
    if isinstance(body, Reduce) and body.kind == "sum":
        return lower_sum(body.body, [*bound, *body.indices], scope.within(body.limits))
    if isinstance(body, sp.Add) and any(_is_contraction(term, scope) for term in body.args):
        parts = [
            (bool(_is_negative(t)), lower_sum(-t if _is_negative(t) else t, bound, scope)) for t in body.args
        ]
        parts.sort(key=lambda part: part[0])
        result = _scaled(parts[0][1], sp.S.NegativeOne, scope) if parts[0][0] else parts[0][1]
        for negative, part in parts[1:]:
            result = scope.apply("sub" if negative else "add", result, part)
        return result
    above, below = _fraction(body) if isinstance(body, sp.Mul) else ([body], [])
    outer = [factor for factor in above if _is_scalar(factor, scope)]
    under = [factor for factor in below if _is_scalar(factor, scope)]
    inner = [factor for factor in above if factor not in outer]
    divisors = [factor for factor in below if factor not in under]
    if len(inner) == 1 and not divisors and (outer or under) and isinstance(inner[0], Reduce | sp.Add):
        result = lower_sum(inner[0], bound, scope)
    else:
        parts_ = [part for factor in inner for part in factors(factor, scope)]
        parts_.extend(lower(1 / divisor, scope) for divisor in divisors)
        result = contracted(parts_, bound, scope)
    if (number := sp.Mul(*outer)) != 1:
        result = _scaled(result, number, scope)
    if (number := sp.Mul(*under)) != 1:
        result = scope.apply("div", result, Labelled(Scalar((), number), ()))
    return result


def _is_contraction(term: sp.Expr, scope: Scope) -> bool:
    """Whether the joint index space of a product is larger than that of each of its factors."""
    sets = [scope.labels(factor) for factor in sp.Mul.make_args(term)]
    every = set().union(*sets)
    return all(len(labels) < len(every) for labels in sets)
