"""What has to be said beside a formula: ranges of indices, values outside a tensor, ties."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Limit, Read, Reduce, Selected, Within
from symcnn.core.functions import sigmoid
from symcnn.render.document_model import Inline, Math, Text
from symcnn.render.latex import Printer, latex
from symcnn.render.latex_names import Notation

TIES = {
    "first": "at a tie the first place in row-major order is taken",
    "last": "at a tie the last place in row-major order is taken",
    "split": "at a tie all places share equally",
}


def scopes(printer: Printer, expr: sp.Basic) -> Iterator[tuple[Printer, sp.Basic]]:
    """Every node of an expression with the printer that knows the names there."""
    yield printer, expr
    inner = printer.naming(expr.indices) if isinstance(expr, Reduce | Selected) else printer
    for arg in expr.args:
        yield from scopes(inner, arg)


def notes(equation: Equation, notation: Notation, *, ranges: bool = True) -> tuple[Text, ...]:
    """Sentences that belong beside an equation, without their full stops."""
    printer = Printer(notation).opened(equation.target, equation.body)
    said: dict[Text, None] = {}
    if ranges:
        said.update(dict.fromkeys(_ranges(printer, equation)))
    for scope, node in scopes(printer, equation.body):
        if isinstance(node, Read) and node.outside is not None:
            said[_outside(scope, node)] = None
        if isinstance(node, Selected):
            said[(TIES[node.policy],)] = None
        if isinstance(node, sigmoid):
            said[(Math(r"\sigma"), " is the logistic function, ", Math(r"\sigma(t) = 1/(1 + e^{-t})"))] = None
    return tuple(said)


def _ranges(printer: Printer, equation: Equation) -> Iterator[Text]:
    """The ranges of the summed indices whose limits the sum itself does not show."""
    for scope, node in scopes(printer, equation.body):
        if isinstance(node, Reduce) and node.kind in ("sum", "prod") and len(node.limits) > 1:
            yield ("the sum runs over ", *_listed(scope.naming(node.indices), node.limits))


def _listed(printer: Printer, limits: tuple[Limit, ...]) -> Iterator[Inline]:
    """Ranges one by one, so that a line of text may end between them."""
    for place, found in enumerate(printer.ranges(limits).split(r",\; ")):
        if place:
            yield ", "
        yield Math(found)


def free_ranges(equation: Equation, notation: Notation) -> Text:
    """The ranges of the free indices."""
    limits: tuple[Limit, ...] = tuple((index.symbol, index.extent) for index in equation.free)
    printer = Printer(notation).opened(equation.target)
    return tuple(_listed(printer, limits)) if limits else ()


def _outside(scope: Printer, read: Read) -> Text:
    value = latex(read.outside)
    name = Math(scope.visit(read).text)
    doubtful: list[sp.Basic] = [
        Within(position, extent)
        for position, extent in zip(read.at, read.tensor.shape, strict=True)
        if not position.is_Symbol
    ]
    divided = any(sp.fraction(sp.together(c.position))[1] != 1 for c in doubtful if isinstance(c, Within))
    conditions = [
        part for c in doubtful if isinstance(c, Within) for part in scope.visit(c).text.split(r",\; ")
    ]
    whole: list[Inline] = [name, " counts as ", Math(value), " unless " if conditions else ""]
    for place, condition in enumerate(conditions):
        whole += [" and " if place == len(conditions) - 1 else ", "] if place else []
        whole.append(Math(condition))
    if divided and read.tensor.role == "cotangent":
        whole.append(" (an index that is no whole number stands for no output)")
    return tuple(whole)
