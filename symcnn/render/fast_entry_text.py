"""Index expressions at fixed indices as Python text: sums written out, cases, maxima with the place that they take."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Limit, Read, Reduce, Selected, Where, Within
from symcnn.core.functions import sigmoid, softplus
from symcnn.core.tensor import Tensor
from symcnn.program.passes import unused
from symcnn.program.scalar import Env, Number, Scope, value_of
from symcnn.render.numpy_names import safe

SUM, PRODUCT, UNARY, ATOM = range(4)  # how tightly a text binds
FUNCTIONS: dict[type[sp.Function], Callable[[str], str]] = {
    sp.exp: "math.exp({})".format,
    sp.log: "math.log({})".format,
    sp.tanh: "math.tanh({})".format,
    sp.Abs: "abs({})".format,
    sigmoid: "_sigmoid({})".format,
    softplus: "_softplus({})".format,
}
RELATIONS: dict[type[sp.Basic], str] = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Equality: "==",
    sp.Unequality: "!=",
}


@dataclass(frozen=True, slots=True)
class Text:
    """Python text of a value and how tightly it binds; ``number`` where it is known."""

    text: str
    binds: int = ATOM
    number: Fraction | None = None

    def within(self, level: int) -> str:
        """The text, in brackets where it binds less than ``level``."""
        return self.text if self.binds >= level else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Line:
    """``names`` = ``texts``; of several texts the largest (or smallest), and the place that it has among them."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    beats: str = ""


@dataclass(slots=True)
class EntryWriter:
    """Writes the entries of one equation after the other."""

    used: set[str]
    scope: Scope = field(default_factory=lambda: Scope({}, {}))
    names: dict[tuple[str, tuple[int, ...]], Text] = field(default_factory=dict)
    best: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = field(default_factory=dict)
    lines: list[Line | str] = field(default_factory=list)
    operations: int = 0

    def entries(self, tensor: Tensor, batch: sp.Symbol) -> tuple[str, ...]:
        """Names of the entries of an argument, in row-major order."""
        shape = [int(extent.subs(batch, 1)) for extent in tensor.shape]
        return tuple(self.named(tensor, shape, at) for at in itertools.product(*map(range, shape)))

    def named(self, tensor: Tensor, shape: Iterable[int], at: tuple[int, ...]) -> str:
        """A new name; axes of one place are left out of it."""
        shown = [str(k) for k, extent in zip(at, shape, strict=True) if extent > 1]
        digits = ("" if all(len(k) == 1 for k in shown) else "_").join(shown)
        name = unused("_".join(filter(None, (safe(tensor.name), digits))), self.used)
        self.names[tensor.name, at] = Text(name)
        return name

    def number(self, expr: sp.Basic, env: Env) -> Number:
        """A position, extent or condition on indices at their values. Raises UnsupportedFormula."""
        try:
            return value_of(expr, self.scope)(env)
        except KeyError as missing:
            raise UnsupportedFormula(f"no value for {missing} in {expr}") from None

    def places(self, limits: Iterable[Limit], env: Env) -> list[Env]:
        """Each assignment of bound indices, in row-major order."""
        pairs = [(k, int(self.number(extent, env))) for k, extent in limits]
        ranges = [range(extent) for _, extent in pairs]
        keys = [self.scope.key(k) for k, _ in pairs]
        return [{**env, **dict(zip(keys, at, strict=True))} for at in itertools.product(*ranges)]

    # -- expressions -------------------------------------------------------------------------------------------

    def value(self, expr: sp.Basic, env: Env) -> Text:
        """``expr`` at the values of its indices. Raises UnsupportedFormula for what has no plain text."""
        match expr:
            case sp.Rational():
                return known(Fraction(int(expr.p), int(expr.q)))
            case sp.Symbol():
                return known(Fraction(self.number(expr, env)))
            case Read():
                return self._read(expr, env)
            case Reduce(kind="sum"):
                return self.added([self.value(expr.body, place) for place in self.places(expr.limits, env)])
            case Reduce(kind="max" | "min"):
                return Text(self._best(expr.kind, expr.body, expr.limits, env)[0])
            case Selected(policy="first"):
                return self._selected(expr, env)
            case Where():
                return self._where(expr, env)
            case sp.Add():
                return self.added([self.value(arg, env) for arg in expr.args])
            case sp.Mul():
                return self.multiplied(expr, env)
            case sp.Pow():
                return self._power(expr, env)
        if expr.func in FUNCTIONS:
            self.operations += 3
            return Text(FUNCTIONS[expr.func](self.value(expr.args[0], env).text))
        if isinstance(expr, sp.logic.boolalg.Boolean):
            return self.condition(expr, env)
        raise UnsupportedFormula(f"no entries for {expr.func.__name__}")

    def _read(self, read: Read, env: Env) -> Text:
        at = tuple(self.number(position, env) for position in read.at)
        found = (
            self.names.get((read.tensor.name, tuple(map(int, at)))) if all(p == int(p) for p in at) else None
        )
        if found is None:
            if read.outside is None:
                raise UnsupportedFormula(f"{read} reads outside at {at}")
            return Text("-math.inf", UNARY) if read.outside == -sp.oo else self.value(read.outside, env)
        return found

    def added(self, parts: list[Text]) -> Text:
        """A sum; what is 0 is left out."""
        parts = [part for part in parts if part.number != 0]
        if all(part.number is not None for part in parts):
            return known(sum((part.number for part in parts if part.number is not None), Fraction(0)))
        if len(parts) == 1:
            return parts[0]
        self.operations += len(parts) - 1
        text = parts[0].within(SUM)
        for part in parts[1:]:
            inner = part.text if part.binds > SUM else f"({part.text})"
            text += f" - {inner[1:]}" if inner.startswith("-") else f" + {inner}"
        return Text(text, SUM)

    def multiplied(self, expr: sp.Expr, env: Env) -> Text:
        """A product; 0 where a factor is, and without factors that are 1. Divisors stand below."""
        above: list[Text] = []
        below: list[Text] = []
        scale = Fraction(1)
        for arg in expr.args:
            over = isinstance(arg, sp.Pow) and arg.exp.is_number and arg.exp.is_negative
            part = self.value(1 / arg if over else arg, env)
            if part.number is not None:
                scale = scale / part.number if over else scale * part.number
            else:
                (below if over else above).append(part)
        if scale == 0 or not above + below:
            return known(scale)
        sign = "-" if scale < 0 else ""
        scale = abs(scale)
        if scale.numerator != 1 or not above:
            above.insert(0, known(Fraction(scale.numerator)))
        if scale.denominator != 1:
            below.append(known(Fraction(scale.denominator)))
        self.operations += len(above) + len(below) - 1
        text = "*".join(part.within(UNARY) for part in above)
        text += "".join(f"/{part.within(ATOM)}" for part in below)
        alone = len(above) == 1 and not below
        return Text(sign + text, UNARY if sign else above[0].binds if alone else PRODUCT)

    def _power(self, expr: sp.Pow, env: Env) -> Text:
        base, power = self.value(expr.base, env), expr.exp
        if base.number is not None and power.is_Integer and (base.number or power > 0):
            return known(base.number ** int(power))
        self.operations += 1
        if power.is_Integer and power < 0:
            return self.multiplied(sp.Mul(expr, sp.S.One, evaluate=False), env)
        if power == 2 and base.binds == ATOM:
            return Text(f"{base.text}*{base.text}", PRODUCT)
        if power == sp.Rational(1, 2):
            return Text(f"math.sqrt({base.text})")
        if power.is_Integer:
            return Text(f"{base.within(ATOM)}**{power}", UNARY)
        exponent = self.value(power, env)
        if exponent.number is None:
            raise UnsupportedFormula(f"no entries for the power {power}")
        return Text(f"math.pow({base.text}, {exponent.text})")

    def _where(self, expr: Where, env: Env) -> Text:
        condition = self.condition(expr.condition, env)
        if condition.number is not None:
            return self.value(expr.value if condition.number else expr.otherwise, env)
        value, otherwise = (self.value(part, env) for part in (expr.value, expr.otherwise))
        self.operations += 1
        return Text(f"{value.text} if {condition.text} else {otherwise.text}", -1)

    def condition(self, expr: sp.Basic, env: Env) -> Text:
        """A condition as text, or 1 or 0 where indices decide it."""
        if not expr.atoms(Read):
            return known(Fraction(int(bool(self.number(expr, env)))))
        if expr.func in RELATIONS:
            left, right = (self.value(arg, env).within(SUM) for arg in expr.args)
            self.operations += 1
            return Text(f"{left} {RELATIONS[expr.func]} {right}", -1)
        if isinstance(expr, Within) or not isinstance(expr, sp.And | sp.Or):
            raise UnsupportedFormula(f"no entries for the condition {expr}")
        word = " and " if isinstance(expr, sp.And) else " or "
        parts = [self.condition(arg, env) for arg in expr.args]
        return Text(word.join(f"({part.text})" for part in parts), -1)

    # -- maxima ------------------------------------------------------------------------------------------------

    def _best(self, kind: str, body: sp.Expr, limits: Iterable[Limit], env: Env) -> tuple[str, str]:
        """Names of an extreme value and of its place, by a line that is written once."""
        texts = tuple(self.value(body, place).text for place in self.places(limits, env))
        if (kind, texts) not in self.best:
            value = unused("best", self.used)
            names = value, unused(f"{value}_at", self.used)
            self.operations += 2 * len(texts)
            self.lines.append(Line(names, texts, ">" if kind == "max" else "<"))
            self.best[kind, texts] = names
        return self.best[kind, texts]

    def _selected(self, expr: Selected, env: Env) -> Text:
        _, place = self._best(expr.kind, expr.body, expr.limits, env)
        extents = [int(self.number(extent, env)) for _, extent in expr.limits]
        at = 0
        for position, extent in zip(expr.at, extents, strict=True):
            found = self.number(position, env)
            if found != int(found) or not 0 <= found < extent:
                return known(Fraction(0))
            at = at * extent + int(found)
        self.operations += 1
        return Text(f"{place} == {at}", -1)


def known(number: Fraction) -> Text:
    """A number as text."""
    text = str(number)
    return Text(text, ATOM if text.isdigit() else PRODUCT if number > 0 else UNARY, number)
