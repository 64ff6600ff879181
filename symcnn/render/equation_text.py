"""Equations as the comments of emitted modules state them: the formula language, without what shapes already tell."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy.printing.str import StrPrinter

from symcnn.core.equation import Equation
from symcnn.core.expr import (
    COMPARED,
    Delta,
    Limit,
    Read,
    Reduce,
    Selected,
    Where,
    Within,
    reads,
    rebind,
)
from symcnn.core.plan import Scatter
from symcnn.core.tensor import Tensor
from symcnn.program.passes import unused


def written(equation: Equation) -> str:
    """The equation with bound indices under plain names of their own."""
    return f"{plain(equation.target, equation.body)} = {plain(equation.body, equation.target)}"


def scattered(scatter: Scatter) -> str:
    """The scatter-addition, for all values of its indices."""
    target = plain(scatter.target, scatter.factor)
    return f"{target} += {plain(scatter.factor, scatter.target)}"


def plain(expr: sp.Basic, beside: sp.Basic) -> str:
    """``expr`` with bound indices under plain names, distinct from those in ``beside`` too."""
    both = sp.Tuple(*sorted((expr, beside), key=lambda e: not isinstance(e, Read)))
    symbols = list(dict.fromkeys(node for node in sp.preorder_traversal(both) if isinstance(node, sp.Symbol)))
    taken = {str(s.name) for s in symbols if not isinstance(s, sp.Dummy)}
    names = {
        k: sp.Symbol(unused(str(k.name), taken), integer=True, nonnegative=True)
        for k in symbols
        if isinstance(k, sp.Dummy)
    }
    return str(EquationPrinter().doprint(rebind(expr, names)))


class EquationPrinter(StrPrinter):
    """Sums begin with a positive term; an index that runs along a whole axis is written without its extent."""

    printmethod = "_equationstr"  # no node has it: every node is printed here

    def _as_ordered_terms(self, expr: sp.Add, order: str | None = None) -> list[sp.Expr]:
        terms: list[sp.Expr] = super()._as_ordered_terms(expr, order=order)
        return sorted(terms, key=lambda term: bool(term.as_coeff_Mul()[0].is_negative))

    def _print_Rational(self, expr: sp.Rational) -> str:
        digits = str(expr.q)
        if len(digits) > 3 and digits.strip("0") == "1":
            return f"{expr.p}e-{len(digits) - 1}"
        return str(super()._print_Rational(expr))

    def _print_Tensor(self, expr: Tensor) -> str:
        return expr.name

    def _print_Read(self, expr: Read) -> str:
        if not expr.at:
            return expr.tensor.name
        tail = f" | {self._print(expr.outside)}" if expr.outside is not None else ""
        return f"{expr.tensor.name}[{self._close(expr.at)}{tail}]"

    def _print_Reduce(self, expr: Reduce) -> str:
        return f"{expr.kind}[{self._limits(expr.limits, expr.body)}]({self._print(expr.body)})"

    def _print_Selected(self, expr: Selected) -> str:
        at = ", ".join(map(self._print, expr.at))
        limits = self._limits(expr.limits, expr.body)
        return f"[({at}) = arg{expr.kind}[{limits}]({self._print(expr.body)})]"

    def _print_Where(self, expr: Where) -> str:
        value, otherwise = self._print(expr.value), self._print(expr.otherwise)
        if expr.condition == sp.StrictGreaterThan(expr.value, expr.otherwise):
            return f"max({value}, {otherwise})"
        return f"where({self._condition(expr.condition)}, {value}, {otherwise})"

    def _print_Delta(self, expr: Delta) -> str:
        return f"δ({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _print_Within(self, expr: Within) -> str:
        return f"{self._print(expr.position)} in 0..{self._print(expr.extent)}-1"

    def _print_Relational(self, expr: sp.Basic) -> str:
        return self._condition(expr)

    def _condition(self, condition: sp.Basic) -> str:
        """A condition: ``t[n] == k and not (x[n] > 0)``."""
        match condition:
            case sp.Not():
                return f"not ({self._condition(condition.args[0])})"
            case sp.And() | sp.Or():
                parts = sorted(condition.args, key=sp.default_sort_key)
                texts = [
                    f"({self._condition(part)})"
                    if isinstance(part, sp.And | sp.Or)
                    else self._condition(part)
                    for part in parts
                ]
                return (" and " if isinstance(condition, sp.And) else " or ").join(texts)
        if type(condition) in COMPARED:
            left, right = condition.args
            return f"{self._print(left)} {COMPARED[type(condition)]} {self._print(right)}"
        return str(self._print(condition))

    def _limits(self, limits: Sequence[Limit], body: sp.Basic) -> str:
        alone = {
            pair
            for read in reads(body)
            for pair in zip(read.at, read.tensor.shape, strict=True)
            if pair[0].is_Symbol
        }
        return ",".join(
            str(k.name) if (k, extent) in alone else f"{k.name}<{self._close([extent])}"
            for k, extent in limits
        )

    def _close(self, positions: Sequence[sp.Expr]) -> str:
        """Positions and limits without blanks."""
        text = ",".join(map(self._print, positions))
        return text.replace(" + ", "+").replace(" - ", "-")
