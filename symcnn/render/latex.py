"""Equations as LaTeX: SymPy expressions with reads, reductions and cases, set as a textbook sets them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.entries import Chosen
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Delta, Limit, Read, Reduce, Selected, Where, Within
from symcnn.render.latex_algebra import FUNCTIONS, PLAIN, Algebra, Ink, Level, bracketed, one_fraction
from symcnn.render.latex_cases import Row, absolute, branches, extreme, ordered, signum
from symcnn.render.latex_measure import width
from symcnn.render.latex_names import Notation
from symcnn.render.latex_order import signed

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
NEXT_ROW = r" \\ "
WIDE_CONDITION = 20.0


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
class Printer(Algebra):
    """The printer of all heads."""

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
            case Selected() | Chosen() | Delta():
                return self._mark(expr)
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
        printed = [small.visit(one_fraction(position)).text for position in at]
        single = all(len(p.rstrip("'")) == 1 for p in printed)
        return ("," if single else r",\,").join(printed)

    def extent(self, extent: sp.Expr) -> str:
        """An extent, by its own name where it has one."""
        return self.notation.extent(extent) or self.subscript().visit(one_fraction(extent)).text

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
        last = f"{named}-1" if named else self.subscript().visit(one_fraction(extent - 1)).text
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
            conditions = [self._part(part) for part in ordered(parts)]
            joined = r" \text{ and } ".join(conditions)
            # Long conditions stand below each other.
            joined = joined if width(joined) < WIDE_CONDITION else r" \\ & \text{and } ".join(conditions)
            lines.append(rf"{self.visit(value).text} & \text{{if }} {joined}")
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
        position = one_fraction(expr.position)
        number, base = sp.fraction(sp.together(position))
        small = self.subscript()
        low = "" if position.is_nonnegative else r"0 \le "
        span = f"{low}{small.visit(position).text} < {self.extent(expr.extent)}"
        if base == 1:
            return span
        return rf"{small.visit(base).text} \mid {small.visit(number).within(Level.MUL)},\; {span}"

    def _mark(self, expr: sp.Basic) -> Ink:
        """What is 1 in one case and 0 in all others."""
        match expr:
            case Selected():
                return self._selected(expr)
            case Chosen():
                return self._chosen(expr)
        return Ink(rf"\delta_{{{self.positions(expr.args)}}}")

    def _selected(self, expr: Selected) -> Ink:
        place, chosen = self._choice(expr)
        if expr.policy != "split":
            return Ink(self._indicator(f"{place} = {chosen}"))
        mask = self._indicator(rf"{place} \in {chosen}")
        return Ink(rf"\frac{{{mask}}}{{\left| {chosen} \right|}}")

    def _chosen(self, expr: Chosen) -> Ink:
        """In expanded entries: whether one of several values is the one that is taken."""
        values = [self.visit(value).text for value in expr.values]
        taken = rf"\{expr.args[0].name}{bracketed(', '.join(values))}"
        return Ink(self._indicator(f"{values[expr.place]} = {taken}"))

    def _choice(self, expr: Selected) -> tuple[str, str]:
        """The place asked about, and the place of the extreme value."""
        at = self.positions(expr.at)
        inner = self.naming(expr.indices)
        body = inner.visit(expr.body).within(Level.MUL)
        chosen = rf"\arg\{expr.kind}_{{{inner.ranges(expr.limits)}}} {body}"
        return (at if len(expr.at) == 1 else f"({at})"), chosen
