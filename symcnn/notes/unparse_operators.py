"""Sums, products, chains and lists as LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.marks import Relation, Separator
from symcnn.notes.parser_tables import PRODUCTS, RELATION_COMMANDS, SEPARATOR_COMMANDS, SIGNS
from symcnn.notes.tree import (
    Add,
    BigOperator,
    Call,
    Chain,
    Derivative,
    Differential,
    Empty,
    Gradient,
    Juxtapose,
    Node,
    Postfix,
    Product,
    Script,
    Sequence,
    Symbol,
    Unary,
)
from symcnn.notes.unparse_derivatives import operand
from symcnn.notes.unparse_levels import (
    BASE,
    CHAIN,
    FACTOR,
    JUXTAPOSITION,
    PRODUCT,
    SUM,
    TERM,
    is_mark,
    reaches,
    swallows,
    takes,
    tightness,
)

if TYPE_CHECKING:
    from symcnn.notes.unparse import Printer


def _separator(separator: Separator) -> str:
    match separator.name:
        case "":
            return " "
        case "," | ";" | "." | ":" as sign:
            return f"{sign} "
        case "newline":
            return r" \\ "
    return f" \\{SEPARATOR_COMMANDS.get(separator.name, separator.name)} "


def big_operator(printer: Printer, node: BigOperator) -> str:
    name = rf"\operatorname{{{node.name}}}" if node.name in ("argmax", "argmin") else "\\" + node.name
    printed = name + printer.scripts(node.lower, node.upper)
    if node.body is None:
        return printed
    return f"{printed} {printer.at(node.body, TERM if isinstance(node.body, Unary) else PRODUCT)}"


def unary(printer: Printer, node: Unary) -> str:
    if node.name == "neg":
        return rf"\neg {operand(printer, node.body)}"
    sign = node.name if len(node.name) == 1 else f"\\{node.name} "
    return sign + printer.at(node.body, TERM)


def postfix(printer: Printer, node: Postfix) -> str:
    base = printer.at(node.body, FACTOR)
    if node.modulus is not None:
        return rf"{base} \pmod{{{printer.fresh(node.modulus)}}}"
    return base + ("!" if node.name == "!" else r"\%")


def add(printer: Printer, node: Add) -> str:
    printed = printer.at(node.terms[0], TERM)
    for term in node.terms[1:]:
        subtracts = isinstance(term, Unary) and term.name in ("-", "pm", "mp")
        if subtracts and isinstance(term, Unary):
            sign = "-" if term.name == "-" else "\\" + term.name
            printed += f" {sign} {printer.at(term.body, TERM)}"
        else:
            printed += f" + {printer.at(term, TERM) or '{}'}"
    return printed


def product(printer: Printer, node: Product) -> str:
    last = len(node.factors) - 1
    printed = _factor(printer, node.factors[0], last == 0)
    for number, (operator, factor) in enumerate(zip(node.operators, node.factors[1:], strict=True), 1):
        spelled = _factor(printer, factor, number == last)
        if operator.name == "/":
            # Letters that touch after a slash stand below it together.
            printed += "/" + _below(printer, factor, number == last)
        elif operator.name == "":
            printed += f" {spelled}"
        else:
            sign = operator.name if len(operator.name) == 1 or operator.name == "**" else "\\" + operator.name
            printed += f" {sign} {spelled}"
    return printed


def _factor(printer: Printer, node: Node, last: bool) -> str:
    if isinstance(node, Unary):
        return printer.print(node) if tightness(node.body) >= JUXTAPOSITION else printer.at(node, BASE)
    if swallows(node):
        return printer.print(node) if last else rf"\left( {printer.print(node)} \right)"
    return printer.at(node, JUXTAPOSITION)


def _below(printer: Printer, node: Node, last: bool) -> str:
    if isinstance(node, Juxtapose):
        touching = all(isinstance(part, Symbol | Script) for part in node.parts[1:])
        parts = [printer.at(part, FACTOR) for part in node.parts]
        return "".join(parts) if touching else rf"\left( {printer.print(node)} \right)"
    return _factor(printer, node, last)


def juxtapose(printer: Printer, node: Juxtapose) -> str:
    printed: list[str] = []
    before: Node | None = None
    for part, following in zip(node.parts, (*node.parts[1:], None), strict=True):
        runs_on = following is not None and reaches(part, following)
        loose = isinstance(part, Call | Derivative | BigOperator) or (
            following is None and isinstance(part, Unary)
        )
        spelled = printer.print(part) if loose and not runs_on else printer.at(part, FACTOR)
        if runs_on and isinstance(part, Differential | Gradient | Unary):
            spelled = rf"\left( {spelled} \right)"
        held = (before is not None and takes(before, part)) or (following is not None and is_mark(part))
        held = held or (isinstance(part, Symbol) and (part.name in PRODUCTS or part.name in SIGNS))
        printed.append(f"{{{spelled}}}" if held else spelled)
        before = part
    return " ".join(printed)


def chain(printer: Printer, node: Chain) -> str:
    printed = printer.at(node.sides[0], SUM)
    for sign, side in zip(node.relations, node.sides[1:], strict=True):
        printed += f" {relation(printer, sign)} {printer.at(side, SUM)}"
    return printed.strip()


def relation(printer: Printer, relation: Relation) -> str:
    name = RELATION_COMMANDS.get(relation.name, relation.name)
    sign = name if not name[0].isalpha() else "\\" + name
    if relation.above is None and relation.below is None:
        return sign
    if relation.name in ("->", "<-"):
        arrow = r"\xrightarrow" if relation.name == "->" else r"\xleftarrow"
        below = "" if relation.below is None else f"[{printer.fresh(relation.below)}]"
        above = "" if relation.above is None else printer.fresh(relation.above)
        return f"{arrow}{below}{{{above}}}"
    if relation.above is not None:
        return rf"\overset{{{printer.fresh(relation.above)}}}{{{sign}}}"
    assert relation.below is not None
    return rf"\underset{{{printer.fresh(relation.below)}}}{{{sign}}}"


def sequence(printer: Printer, node: Sequence) -> str:
    printed = printer.at(node.items[0], CHAIN)
    for separator, item in zip(node.separators, node.items[1:], strict=True):
        # After prose, the operand that is missing before a relation has to be seen to be missing.
        gap = separator.name == "" and isinstance(item, Chain) and isinstance(item.sides[0], Empty)
        printed += _separator(separator) + ("{} " if gap else "") + printer.at(item, CHAIN)
    return printed
