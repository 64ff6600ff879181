"""Formulas that do the same to every entry, written for whole tensors: ∂L/∂x = ∂L/∂a ⊙ a ⊙ (1 − a)."""

from __future__ import annotations

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, Selected, Where, reads
from symcnn.core.tensor import Tensor
from symcnn.render.latex import Printer
from symcnn.render.latex_algebra import bracketed
from symcnn.render.latex_names import Notation
from symcnn.render.latex_order import factor_key, has_value


def entrywise_latex(equation: Equation, notation: Notation) -> str | None:
    """The right side for whole tensors; None where entries at different places meet."""
    body = equation.body
    at = equation.target.at
    if (
        body.has(Reduce, Selected)
        or not equation.free
        or any(r.at != at or r.outside is not None for r in reads(body))
    ):
        return None
    wholes = {read: Read(Tensor(read.tensor.name, (), read.tensor.role), ()) for read in reads(body)}
    whole = body.xreplace(wholes)
    if whole.free_symbols & {index.symbol for index in equation.free}:
        return None
    if isinstance(whole, Where) and whole.otherwise != 0:
        return None
    printer = Printer(notation).opened(whole)
    if isinstance(whole, Where):
        mask = rf"\mathbf{{1}}{bracketed(printer.visit(whole.condition).text, '[', ']')}"
        return rf"{_product(whole.value, printer)} \odot {mask}"
    return _product(whole, printer)


def _product(expr: sp.Expr, printer: Printer) -> str:
    """Factors with values joined by ⊙, scalars in front."""
    scalars = [f for f in sp.Mul.make_args(expr) if not has_value(f)]
    values = [f for f in sp.Mul.make_args(expr) if has_value(f)]
    above = [f for f in values if not (f.is_Pow and f.exp.is_negative)]
    if len(above) < len(values) or len(values) < 2:
        return printer.visit(expr).text
    texts = [
        printer.visit(f).text if not f.is_Add else bracketed(printer.visit(f).text)
        for f in sorted(above, key=_place)
    ]
    front = "" if not scalars else rf"{printer.visit(sp.Mul(*scalars)).text} \, "
    return front + r" \odot ".join(texts)


def _place(factor: sp.Expr) -> tuple[object, ...]:
    return (*factor_key(factor), str(factor))
