"""Derivatives, gradients and differentials as LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.tree import (
    Add,
    BigOperator,
    Call,
    Derivative,
    Differential,
    Evaluated,
    Gradient,
    Node,
    Product,
    Script,
    Unary,
)
from symcnn.notes.unparse_levels import FACTOR, JUXTAPOSITION

if TYPE_CHECKING:
    from symcnn.notes.unparse import Printer

_MARKS = {"partial": r"\partial", "d": "d", "delta": r"\delta", "Delta": r"\Delta"}


def derivative(printer: Printer, node: Derivative) -> str:
    if node.form == "subscript":
        sign = r"\partial" + printer.scripts(node.wrt[0], node.order)
        return sign if node.of is None else f"{sign} {operand(printer, node.of)}"
    was, printer.in_script = printer.in_script, printer.in_script and node.form == "slash"
    sign = mark(printer, node.kind)
    above = sign if node.order is None else f"{sign}^{{{printer.script(node.order)}}}"
    if node.of is not None and not node.applied:
        above = f"{above} {_differentiated(printer, node)}"
    below = " ".join(
        f"{sign} {_variable(printer, variable, order)}"
        for variable, order in zip(node.wrt, node.orders, strict=True)
    )
    printer.in_script = was
    printed = rf"\frac{{{above}}}{{{below}}}" if node.form == "frac" else f"{above}/{below}"
    if node.applied and node.of is not None:
        of = (
            printer.print(node.of) if isinstance(node.of, BigOperator) else printer.at(node.of, JUXTAPOSITION)
        )
        return f"{printed} {of}"
    return printed


def operand(printer: Printer, node: Node) -> str:
    """What stands after d, ∂ or ∇: one factor, which may itself be a function, a sum or a derivative."""
    whole = isinstance(node, Call | BigOperator | Derivative) or (
        isinstance(node, Unary) and node.name == "neg"
    )
    return printer.print(node) if whole else printer.at(node, FACTOR)


def mark(printer: Printer, kind: str) -> str:
    return r"\mathrm{d}" if kind == "d" and printer.in_script else _MARKS[kind]


def _differentiated(printer: Printer, node: Derivative) -> str:
    of = node.of
    assert of is not None
    if node.form == "slash":
        return operand(printer, of)
    if isinstance(of, Product | Unary | BigOperator):
        return printer.print(of)
    if isinstance(of, Add) and isinstance(of.terms[0], Unary):
        return printer.print(of)
    return printer.at(of, JUXTAPOSITION)


def _variable(printer: Printer, variable: Node, order: Node | None) -> str:
    if order is None:
        return operand(printer, variable)
    bare = isinstance(variable, Script) and variable.sup is None and not variable.primes
    base = printer.print(variable) if bare else printer.base(variable)
    return f"{base}^{{{printer.script(order)}}}"


def gradient(printer: Printer, node: Gradient) -> str:
    mark = r"\nabla" + printer.scripts(node.wrt, node.order)
    return mark if node.of is None else f"{mark} {operand(printer, node.of)}"


def differential(printer: Printer, node: Differential) -> str:
    if node.kind not in _MARKS:
        inner = node.body.base if isinstance(node.body, Script) else node.body
        accented = rf"\{node.kind}{{{printer.fresh(inner)}}}"
        return accented + (
            printer.scripts(node.body.sub, node.body.sup) if isinstance(node.body, Script) else ""
        )
    return f"{mark(printer, node.kind)} {operand(printer, node.body)}"


def evaluated(printer: Printer, node: Evaluated) -> str:
    return rf"\left. {printer.fresh(node.body)} \right|" + printer.scripts(node.lower, node.upper)
