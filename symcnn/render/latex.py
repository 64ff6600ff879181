"""Equations as LaTeX: SymPy expressions with reads, reductions and cases, set as a textbook sets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Delta, Limit, Read, Reduce, Selected, Where, Within
from symcnn.core.functions import sigmoid, softplus
from symcnn.render.latex_cases import Row, absolute, branches, extreme, ordered, signum
from symcnn.render.latex_names import Notation
from symcnn.render.latex_order import factor_key, has_index, has_value, position_key, signed, term_key
from symcnn.render.latex_products import Fraction, content, layout

PLAIN = Notation()
FUNCTIONS: dict[type, str] = {
    sp.log: r"\log",
    sp.tanh: r"\tanh",
    sp.erf: r"\operatorname{erf}",
    sigmoid: r"\sigma",
    softplus: r"\operatorname{softplus}",
}
RELATIONS: dict[type, str] = {
    sp.Gt: ">",
    sp.Ge: r"\ge",
    sp.Lt: "<",
    sp.Le: r"\le",
    sp.Eq: "=",
    sp.Ne: r"\ne",
}
REDUCTIONS = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
CONSTANTS: dict[sp.Basic, str] = {sp.pi: r"\pi", sp.E: "e", sp.oo: r"\infty", -sp.oo: r"-\infty"}
TALL = (r"\frac", r"\sum", r"\prod", r"\begin", r"\left", r"\max", r"\min")
NEXT_ROW = r" \\ "


class Level(IntEnum):
    """How tightly a printed piece holds together."""

    ADD = 1
    MUL = 2
    POW = 3
    ATOM = 4


@dataclass(frozen=True, slots=True)
class Ink:
    """A printed piece."""

    text: str
    level: Level = Level.ATOM

    def within(self, level: Level) -> str:
        """The piece, in brackets where it holds together less tightly than ``level``."""
        return self.text if self.level >= level else bracketed(self.text)


def bracketed(text: str, left: str = "(", right: str = ")") -> str:
    """Brackets that grow where the content is tall."""
    tall = any(command in text for command in TALL)
    return rf"\left{left} {text} \right{right}" if tall else f"{left}{text}{right}"


def latex(expr: sp.Basic, notation: Notation = PLAIN) -> str:
    """LaTeX of an expression or condition.

    Raises UnsupportedFormula for a head that has no printed form, naming it.

    >>> a, y = (sp.Symbol(name, real=True) for name in "ay")
    >>> latex((a - y) / (a * (1 - a)))
    '\\\\frac{a - y}{a \\\\, (1 - a)}'
    """
    return Printer(notation).opened(expr).root(expr).text


def equation_latex(equation: Equation, notation: Notation = PLAIN) -> tuple[str, str]:
    """Left and right side of an equation, bound indices kept apart from the target's."""
    printer = Printer(notation).opened(equation.target, equation.body)
    return printer.visit(equation.target).text, printer.root(equation.body).text


@dataclass(frozen=True, slots=True)
class Printer:
    """One scope: the printed names of the symbols in it, and whether it is set in small type (subscripts)."""

    notation: Notation = PLAIN
    names: Mapping[sp.Symbol, str] = field(default_factory=dict)
    small: bool = False

    # -- names -----------------------------------------------------------------------------------------------

    def opened(self, *exprs: sp.Basic) -> Printer:
        """The printer with names for the free symbols of ``exprs``."""
        outside = set().union(*(e.free_symbols for e in exprs))
        met = (s for e in exprs for s in sp.preorder_traversal(e) if isinstance(s, sp.Symbol))
        return self.naming(s for s in dict.fromkeys(met) if s in outside)

    def naming(self, symbols: Iterable[sp.Symbol]) -> Printer:
        """Names for more symbols; a name already in use gets primes."""
        names = dict(self.names)
        for symbol in sorted(symbols, key=lambda s: isinstance(s, sp.Dummy)):
            if symbol in names:
                continue
            name = self.notation.symbol(symbol.name)
            while name in names.values():
                name += "'"
            names[symbol] = name
        return replace(self, names=names)

    def subscript(self) -> Printer:
        """The same scope in small type."""
        return replace(self, small=True)

    # -- expressions -----------------------------------------------------------------------------------------

    def root(self, expr: sp.Basic) -> Ink:
        """A right side on its own, where cases may be spread over several rows."""
        rows = branches(expr) if isinstance(expr, sp.Expr) else None
        return self._cases(*rows) if rows else self.visit(expr)

    def visit(self, expr: sp.Basic) -> Ink:
        match expr:
            case sp.Symbol():
                return Ink(self.names.get(expr) or self.notation.symbol(expr.name))
            case Read():
                return Ink(self.notation.entry(expr.tensor, self._places(expr)))
            case sp.Add():
                return self._sum(expr)
            case sp.Mul():
                return self._product(expr)
            case sp.Pow():
                return self._power(expr)
            case sp.exp():
                return self._exponential(expr.args[0])
            case sp.floor():
                return Ink(rf"\lfloor {self.subscript().visit(expr.args[0]).text} \rfloor")
            case sp.Mod():
                number, base = (self.visit(arg).within(Level.POW) for arg in expr.args)
                return Ink(rf"{number} \bmod {base}", Level.MUL)
            case Reduce():
                return self._reduction(expr)
            case Where():
                return self._where(expr)
            case Selected():
                return self._selected(expr)
            case Delta():
                return Ink(rf"\delta_{{{self.positions(expr.args)}}}")
            case sp.Function() if type(expr) in FUNCTIONS:
                return Ink(FUNCTIONS[type(expr)] + bracketed(self.visit(expr.args[0]).text))
            case sp.logic.boolalg.Boolean() if not isinstance(expr, sp.Expr):
                return self._condition(expr)
        return self._constant(expr)

    def _constant(self, expr: sp.Basic) -> Ink:
        if expr in CONSTANTS:
            return Ink(CONSTANTS[expr], Level.ADD if expr == -sp.oo else Level.ATOM)
        if isinstance(expr, sp.Rational) and expr.q != 1:
            return self._product(expr)
        if isinstance(expr, sp.Rational | sp.Float):
            return Ink(str(expr), Level.ADD if expr < 0 else Level.ATOM)
        raise UnsupportedFormula(f"no printed form for {type(expr).__name__}: {str(expr)[:80]}")

    def _places(self, read: Read) -> str:
        """Subscripts of a read; numbered from 1 without commas where the notation says so: ``z_{11}``."""
        if not (self.notation.one_based and read.at and all(position.is_Integer for position in read.at)):
            return self.positions(read.at)
        places = [str(position + 1) for position in read.at]
        return ("" if all(len(place) == 1 for place in places) else ",").join(places)

    def positions(self, at: Iterable[sp.Expr]) -> str:
        """Subscripts: one position an axis."""
        small = self.subscript()
        printed = [small.visit(_one_fraction(position)).text for position in at]
        single = all(len(p.rstrip("'")) == 1 for p in printed)
        return ("," if single else r",\,").join(printed)

    def extent(self, extent: sp.Expr) -> str:
        """An extent, by its own name where it has one."""
        return self.notation.extent(extent) or self.subscript().visit(_one_fraction(extent)).text

    # -- sums and products -----------------------------------------------------------------------------------

    def terms(self, expr: sp.Expr) -> list[tuple[bool, str]]:
        """The terms of a sum in natural order: whether each has a minus sign, and its text without it."""
        real = any(not symbol.is_integer for symbol in expr.free_symbols)
        value, indices = real or has_value(expr), has_index(expr)
        printed = []
        for term in sp.Add.make_args(expr):
            negative, positive = signed(term)
            key = term_key(term, value=value) if value or not indices else position_key(term)
            printed.append((key, self.visit(positive).within(Level.MUL), negative))
        return [(negative, text) for _, text, negative in sorted(printed)]

    def _sum(self, expr: sp.Add) -> Ink:
        shared = content(expr)
        shares = sp.ilcm(*(term.as_coeff_Mul()[0].q for term in expr.args)) if self.small else 1
        if shares != 1:
            return Ink(f"({self.visit(sp.expand(shares * expr)).text})/{shares}", Level.MUL)
        if shared != 1:
            inner = sp.Add(*(term / shared for term in expr.args))
            return Ink(rf"{shared} \, {bracketed(self.visit(inner).text)}", Level.MUL)
        text = ""
        for negative, term in self.terms(expr):
            sign = (" - " if negative else " + ") if text else ("-" if negative else "")
            text += sign + term
        return Ink(text, Level.ADD)

    def _product(self, expr: sp.Expr) -> Ink:
        product = layout(expr, small=self.small)
        pieces = [piece for fraction in product.fractions for piece in self._fraction(fraction)]
        text = self._juxtaposed(pieces)
        return Ink(f"-{text}", Level.ADD) if product.negative else Ink(text, Level.MUL)

    def _fraction(self, fraction: Fraction) -> list[str]:
        if not fraction.below:
            return self._factors(fraction.above)
        top, bottom = self._side(fraction.above), self._side(fraction.below)
        if not self.small:
            return [rf"\frac{{{top}}}{{{bottom}}}"]
        alone = len(fraction.below) == 1 and self.visit(fraction.below[0]).level >= Level.POW
        return [f"{top}/{bottom if alone else bracketed(bottom)}"]

    def _side(self, factors: tuple[sp.Expr, ...]) -> str:
        """A numerator or denominator: one factor needs no brackets."""
        if len(factors) == 1:
            ink = self.visit(factors[0])
            return ink.within(Level.MUL) if self.small else ink.text
        return self._juxtaposed(self._factors(factors))

    def _factors(self, factors: tuple[sp.Expr, ...]) -> list[str]:
        order = self.notation.order
        keyed = []
        for factor in factors:
            place = order.index(factor.name) if factor.is_Symbol and factor.name in order else len(order)
            keyed.append((factor_key(factor), place, self.visit(factor).within(Level.MUL)))
        texts = [text for _, _, text in sorted(keyed)]
        if len(texts) == 1:
            return texts
        return [bracketed(t) if _hangs(t, last=t is texts[-1]) else t for t in texts]

    def _juxtaposed(self, pieces: list[str]) -> str:
        text = pieces[0] if pieces else "1"
        for piece in pieces[1:]:
            if piece[:1].isdigit():
                text += rf" \cdot {piece}"
            elif self.small and r"\mathrm" not in text + piece:
                text += f" {piece}" if text[-1:].isalpha() and piece[:1].isalpha() else piece
            elif (_letter(text.split()[-1]) or text.isdigit()) and _letter(piece):
                text += f" {piece}"
            else:
                text += rf" \, {piece}"
        return text

    def _power(self, expr: sp.Pow) -> Ink:
        base, exponent = expr.base, expr.exp
        if signed(expr)[0] or layout(expr).fractions[0].below:
            return self._product(expr)
        if exponent == sp.S.Half:
            return Ink(rf"\sqrt{{{self.visit(base).text}}}")
        above = self.subscript().visit(exponent).text
        if type(base) in FUNCTIONS and exponent.is_Integer:
            argument = bracketed(self.visit(base.args[0]).text)
            return Ink(f"{FUNCTIONS[type(base)]}^{{{above}}}{argument}", Level.POW)
        ink = self.visit(base)
        plain = not ink.text.startswith("\\") or _letter(ink.text)
        bare = plain and ink.level == Level.ATOM and "^" not in ink.text
        return Ink(f"{ink.text if bare else bracketed(ink.text)}^{{{above}}}", Level.POW)

    def _exponential(self, exponent: sp.Expr) -> Ink:
        text = self.visit(exponent).text
        if any(command in text for command in TALL):
            return Ink(r"\exp" + bracketed(text))
        return Ink(f"e^{{{text}}}", Level.POW)

    # -- reductions, cases, conditions -----------------------------------------------------------------------

    def _reduction(self, expr: Reduce) -> Ink:
        negative, positive = signed(expr)
        if negative:
            return Ink(f"-{self.visit(positive).text}", Level.ADD)
        inner = self.naming(expr.indices)
        body = inner.visit(expr.body).within(Level.MUL if expr.kind == "sum" else Level.POW)
        if expr.kind in ("sum", "prod"):
            return Ink(f"{REDUCTIONS[expr.kind]}{inner.limits(expr.limits)} {body}", Level.MUL)
        return Ink(f"{REDUCTIONS[expr.kind]}_{{{inner.ranges(expr.limits)}}} {body}", Level.MUL)

    def limits(self, limits: tuple[Limit, ...]) -> str:
        """The limits of Σ; over several indices the ranges are stated beside it, not on it."""
        if len(limits) > 1:
            return f"_{{{','.join(self.names[k] for k, _ in limits)}}}"
        k, extent = limits[0]
        named = self.notation.extent(extent)
        last = f"{named}-1" if named else self.subscript().visit(_one_fraction(extent - 1)).text
        return f"_{{{self.names[k]}=0}}^{{{last.replace(' - ', '-')}}}"

    def ranges(self, limits: tuple[Limit, ...]) -> str:
        """``0 \\le r,s < 2``: indices of one extent together."""
        groups: dict[str, list[str]] = {}
        for k, extent in limits:
            groups.setdefault(self.extent(extent), []).append(self.names[k])
        return r",\; ".join(rf"0 \le {','.join(names)} < {extent}" for extent, names in groups.items())

    def _where(self, expr: Where) -> Ink:
        for operator, sides in (("abs", absolute(expr)), ("sign", signum(expr)), *extreme(expr)):
            if sides is not None:
                return self._named_cases(operator, sides)
        if expr.otherwise != 0:
            rows = branches(expr)
            assert rows is not None, "cases without a name have rows"
            return Ink(bracketed(self._cases(*rows).text))
        negative, positive = signed(expr)
        mask = self._indicator(self.visit(expr.condition).text)
        if positive.value == 1:
            return Ink(mask)
        text = self.visit(positive.value).within(Level.MUL)
        joined = rf"{mask} \, {text}" if r"\sum" in text else rf"{text} \, {mask}"
        return Ink(f"-{joined}", Level.ADD) if negative else Ink(joined, Level.MUL)

    def _named_cases(self, operator: str, sides: tuple[sp.Expr, ...]) -> Ink:
        printed = ", ".join(self.visit(side).text for side in sides)
        if operator == "abs":
            return Ink(rf"\left| {printed} \right|")
        command = r"\operatorname{sign}" if operator == "sign" else f"\\{operator}"
        return Ink(command + bracketed(printed))

    def _cases(self, rows: list[Row], otherwise: sp.Expr) -> Ink:
        lines = []
        for parts, value in rows:
            conditions = r" \text{ and } ".join(self._part(part) for part in ordered(parts))
            lines.append(rf"{self.visit(value).text} & \text{{if }} {conditions}")
        lines.append(rf"{self.visit(otherwise).text} & \text{{otherwise}}")
        return Ink(rf"\begin{{cases}} {NEXT_ROW.join(lines)} \end{{cases}}", Level.ADD)

    def _part(self, part: sp.Basic) -> str:
        return " = ".join(self._choice(part)) if isinstance(part, Selected) else self.visit(part).text

    def _indicator(self, text: str) -> str:
        return rf"\mathbf{{1}}{bracketed(text, '[', ']')}"

    def _condition(self, expr: sp.Basic) -> Ink:
        match expr:
            case sp.And() | sp.Or():
                parts = (self.visit(part).text for part in ordered(expr.args))
                return Ink((r",\; " if isinstance(expr, sp.And) else r" \text{ or } ").join(parts), Level.ADD)
            case sp.Not():
                return Ink(rf"\text{{not }} {bracketed(self.visit(expr.args[0]).text)}", Level.ADD)
            case Within():
                return Ink(self._within(expr), Level.ADD)
            case sp.core.relational.Relational():
                left, right = (self.visit(side).text for side in (expr.lhs, expr.rhs))
                return Ink(f"{left} {RELATIONS[type(expr)]} {right}", Level.ADD)
        if expr in (sp.true, sp.false):
            return Ink(rf"\text{{{str(expr).lower()}}}")
        raise UnsupportedFormula(f"no printed form for the condition {type(expr).__name__}: {str(expr)[:80]}")

    def _within(self, expr: Within) -> str:
        """Divisibility and range of a position."""
        position = _one_fraction(expr.position)
        number, base = sp.fraction(sp.together(position))
        small = self.subscript()
        low = "" if position.is_nonnegative else r"0 \le "
        span = f"{low}{small.visit(position).text} < {self.extent(expr.extent)}"
        if base == 1:
            return span
        return rf"{small.visit(base).text} \mid {small.visit(number).within(Level.MUL)},\; {span}"

    def _selected(self, expr: Selected) -> Ink:
        place, chosen = self._choice(expr)
        if expr.policy != "split":
            return Ink(self._indicator(f"{place} = {chosen}"))
        mask = self._indicator(rf"{place} \in {chosen}")
        return Ink(rf"\frac{{{mask}}}{{\left| {chosen} \right|}}")

    def _choice(self, expr: Selected) -> tuple[str, str]:
        """The place asked about, and the place of the extreme value."""
        at = self.positions(expr.at)
        inner = self.naming(expr.indices)
        body = inner.visit(expr.body).within(Level.MUL)
        chosen = rf"\arg\{expr.kind}_{{{inner.ranges(expr.limits)}}} {body}"
        return (at if len(expr.at) == 1 else f"({at})"), chosen


def _one_fraction(position: sp.Expr) -> sp.Expr:
    """(h + p − r)/u for h/u + p/u − r/u."""
    if not position.is_Add or position.has(sp.floor, sp.Mod):
        return position
    number, base = sp.fraction(sp.together(position))
    return position if base.is_number else sp.expand(number) / base


def _hangs(text: str, *, last: bool) -> bool:
    """Whether the end of a factor could be misread beside the next one."""
    return text.startswith((r"\max_", r"\min_")) or (text.startswith((r"\sum", r"\prod")) and not last)


def _letter(text: str) -> bool:
    """A letter or Greek letter, with a label perhaps: what needs no thin space beside another one."""
    return (len(text) == 1 and text.isalpha()) or (text[:1] == "\\" and text[1:].isalpha())
