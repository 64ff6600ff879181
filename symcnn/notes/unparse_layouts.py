"""Matrices, cases, stacked rows and remarks as LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.tree import Annotated, Branch, Cases, Decorated, Matrix, Stack
from symcnn.notes.unparse_levels import delimiter

if TYPE_CHECKING:
    from symcnn.notes.unparse import Printer

_MATRIX_NAMES = {
    ("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("{", "}"): "Bmatrix", ("|", "|"): "vmatrix",
    ("||", "||"): "Vmatrix", (".", "."): "matrix",
}  # fmt: skip


def matrix(printer: Printer, node: Matrix) -> str:
    rules = [r"\hline " * node.rules.count(row) for row in range(len(node.rows) + 1)]
    rows = [" & ".join(printer.fresh(cell) for cell in row) for row in node.rows]
    lines = "".join(rule + row + r" \\ " for rule, row in zip(rules, rows, strict=False)) + rules[-1]
    name = _MATRIX_NAMES.get((node.open, node.close))
    if name is not None and not node.columns:
        return rf"\begin{{{name}}} {lines}\end{{{name}}}"
    array = rf"\begin{{array}}{{{node.columns}}} {lines}\end{{array}}"
    if (node.open, node.close) == (".", "."):
        return array
    return rf"\left{delimiter(node.open)} {array} \right{delimiter(node.close)}"


def cases(printer: Printer, node: Cases) -> str:
    branches = [branch(printer, one) for one in node.branches]
    return r"\begin{cases} " + r" \\ ".join(branches) + r" \end{cases}"


def branch(printer: Printer, node: Branch) -> str:
    value = printer.fresh(node.value)
    return value if node.condition is None else f"{value} & {printer.fresh(node.condition)}"


def stack(printer: Printer, node: Stack) -> str:
    return r"\substack{" + r" \\ ".join(printer.fresh(row) for row in node.rows) + "}"


def annotated(printer: Printer, node: Annotated) -> str:
    body, note = printer.fresh(node.body), "" if node.note is None else printer.fresh(node.note)
    if node.kind.startswith(("underbr", "overbr")):
        script = "_" if node.kind.startswith("under") else "^"
        return rf"\{node.kind}{{{body}}}" + ("" if node.note is None else f"{script}{{{note}}}")
    return rf"\{node.kind}{{{note}}}{{{body}}}"


def decorated(printer: Printer, node: Decorated) -> str:
    return rf"\{node.kind}{{{printer.fresh(node.body)}}}"
