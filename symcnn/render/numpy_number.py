"""Sizes and scalar parameters as Python expressions."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.functions import sigmoid, softplus

ATOM, POWER, UNARY, PRODUCT, SUM, AND, OR, COMPARE = 20, 15, 14, 13, 12, 9, 7, 6
MATH: dict[type[sp.Function], str] = {
    sp.exp: "math.exp",
    sp.log: "math.log",
    sp.tanh: "math.tanh",
    sp.erf: "math.erf",
    sp.sinh: "math.sinh",
    sp.cosh: "math.cosh",
    sp.Abs: "abs",
}
Text = tuple[str, int]


def number(expr: sp.Expr, names: Mapping[str, str]) -> str:
    """``expr`` in Python; ``names`` maps symbols to identifiers."""
    return _text(expr, names)[0]


def number_text(expr: sp.Expr, names: Mapping[str, str]) -> Text:
    """``expr`` in Python, with the precedence of its outermost operation."""
    return _text(expr, names)


def wrap(text: Text, least: int) -> str:
    """The text in parentheses where it binds less tightly than ``least``."""
    return text[0] if text[1] >= least else f"({text[0]})"


def _text(expr: sp.Expr, names: Mapping[str, str]) -> Text:
    match expr:
        case sp.Integer():
            return str(expr), ATOM if expr >= 0 else UNARY
        case sp.Rational():
            return _rational(expr)
        case sp.Symbol():
            return names.get(expr.name, expr.name), ATOM
        case sp.Add():
            return _sum(expr, names), SUM
        case sp.Mul():
            return _product(expr, names)
        case sp.Pow():
            return _power(expr, names)
        case sp.floor():
            above, below = sp.fraction(sp.together(expr.args[0]))
            return f"{wrap(_text(above, names), PRODUCT)} // {wrap(_text(below, names), POWER)}", PRODUCT
        case sp.Max() | sp.Min():
            args = sorted((_text(arg, names)[0] for arg in expr.args), key=lambda text: (len(text), text))
            return f"{'max' if isinstance(expr, sp.Max) else 'min'}({', '.join(args)})", ATOM
    if expr is sp.pi or expr is sp.E:
        return f"math.{str(expr).lower()}", ATOM
    if expr in (sp.oo, -sp.oo):
        return ("math.inf", ATOM) if expr is sp.oo else ("-math.inf", UNARY)
    if isinstance(expr, sp.Float):
        return repr(float(expr)), ATOM if expr >= 0 else UNARY
    if isinstance(expr, sigmoid | softplus):
        return _text(expr.definition(), names)
    if expr.func in MATH:
        return f"{MATH[expr.func]}({_text(expr.args[0], names)[0]})", ATOM
    raise UnsupportedFormula(f"no Python form for the number {expr}")


def _rational(value: sp.Rational) -> Text:
    odd = int(value.q)
    for prime in (2, 5):
        while odd % prime == 0:
            odd //= prime
    if odd == 1:
        return repr(float(value)), ATOM if value >= 0 else UNARY
    return f"{value.p} / {value.q}", PRODUCT if value >= 0 else UNARY - 1


def _sum(expr: sp.Add, names: Mapping[str, str]) -> str:
    terms = sorted(expr.args, key=_term_order)
    parts = [wrap(_text(terms[0], names), SUM)]
    for term in terms[1:]:
        negative = bool(term.as_coeff_Mul()[0].is_negative)
        parts.append(
            f"- {wrap(_text(-term, names), PRODUCT)}"
            if negative
            else f"+ {wrap(_text(term, names), PRODUCT)}"
        )
    return " ".join(parts)


def _term_order(term: sp.Expr) -> tuple[bool, bool, str]:
    return bool(term.as_coeff_Mul()[0].is_negative), bool(term.is_number), str(term)


def _product(expr: sp.Mul, names: Mapping[str, str]) -> Text:
    above, below = sp.fraction(expr)
    if below != 1:
        return f"{wrap(_text(above, names), PRODUCT)} / {wrap(_text(below, names), POWER)}", PRODUCT
    coefficient, rest = expr.as_coeff_Mul()
    if coefficient == -1:
        return f"-{wrap(_text(rest, names), PRODUCT)}", UNARY - 1
    factors = sorted(sp.Mul.make_args(rest), key=str)
    texts = [wrap(_text(factor, names), UNARY) for factor in factors]
    if coefficient != 1:
        texts.insert(0, wrap(_text(coefficient, names), PRODUCT))
    return " * ".join(texts), PRODUCT


def _power(expr: sp.Pow, names: Mapping[str, str]) -> Text:
    if expr.exp.is_Rational and expr.exp.is_negative:
        return f"1 / {wrap(_text(1 / expr, names), POWER)}", PRODUCT
    base, exponent = _text(expr.base, names), _text(expr.exp, names)
    return f"{wrap(base, ATOM)} ** {wrap(exponent, ATOM)}", POWER
