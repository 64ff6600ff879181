"""Sums, products and powers as LaTeX, and the names that a scope has for its symbols."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self

import sympy as sp

from symcnn.core.functions import sigmoid, softplus
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
TALL = (r"\frac", r"\sum", r"\prod", r"\begin", r"\left", r"\max", r"\min")


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


@dataclass(frozen=True, slots=True)
class Algebra(ABC):
    """One scope: the printed names of the symbols in it, and whether it is set in small type (subscripts)."""

    notation: Notation = PLAIN
    names: Mapping[sp.Symbol, str] = field(default_factory=dict)
    small: bool = False

    @abstractmethod
    def visit(self, expr: sp.Basic) -> Ink:
        """The printed form of any expression."""

    # -- names -----------------------------------------------------------------------------------------------

    def opened(self, *exprs: sp.Basic) -> Self:
        """The printer with names for the free symbols of ``exprs``."""
        outside = set().union(*(e.free_symbols for e in exprs))
        met = (s for e in exprs for s in sp.preorder_traversal(e) if isinstance(s, sp.Symbol))
        return self.naming(s for s in dict.fromkeys(met) if s in outside)

    def naming(self, symbols: Iterable[sp.Symbol]) -> Self:
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

    def subscript(self) -> Self:
        """The same scope in small type."""
        return replace(self, small=True)

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


def one_fraction(position: sp.Expr) -> sp.Expr:
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
