"""A layer written out entry by entry: its outputs, and each derivative by the chain over all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.entries import Entries, entry, expand
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read
from symcnn.core.tensor import Tensor
from symcnn.render.document_model import Block, Display, Line
from symcnn.render.latex import latex
from symcnn.render.latex_names import Notation

MOST_ENTRIES = 9
MOST_OUTPUTS = 9
ENTRY_NAME = re.compile(r"\w+_[0-9,]+")


@dataclass(frozen=True, slots=True)
class Expanded:
    """An equation at small sizes with all its entries, as reads at fixed places."""

    equation: Equation
    entries: dict[tuple[int, ...], sp.Expr]
    symbols: dict[sp.Symbol, Read]
    notation: Notation

    def text(self, expr: sp.Expr) -> str:
        """An expression in entries as LaTeX."""
        return latex(expr.xreplace(self.symbols), self.notation)

    def name(self, tensor: Tensor, at: tuple[int, ...]) -> str:
        """One entry as LaTeX."""
        return latex(Read(tensor, at), self.notation)


def expanded(equation: Equation, notation: Notation) -> Expanded:
    """All entries of an equation at concrete sizes."""
    values = expand(equation, Entries({}))
    symbols: dict[sp.Symbol, Read] = {}
    for tensor in (equation.tensor, equation.tensor.cotangent(), *equation.inputs):
        limits = [(sp.Dummy(integer=True), extent) for extent in tensor.shape]
        for place in Entries({}).places(limits, {}):
            at = tuple(int(place[k]) for k, _ in limits)
            symbols[entry(tensor, at)] = Read(tensor, at)
    one_based = Notation(notation.loss, (), notation.order, notation.verbatim, one_based=True)
    return Expanded(equation, values, symbols, one_based)


def outputs(layer: Expanded) -> Display:
    """z₁₁ = …, z₁₂ = …"""
    lines = [
        Line(layer.name(layer.equation.tensor, at), layer.text(value))
        for at, value in list(layer.entries.items())[:MOST_OUTPUTS]
    ]
    return Display((*lines, *_more(len(layer.entries) - MOST_OUTPUTS)))


def by_chain(layer: Expanded, tensor: Tensor) -> tuple[Block, ...]:
    """∂L/∂(each entry) by the chain over the outputs that it reaches, and what that sum is."""
    places = [read.at for read in layer.symbols.values() if read.tensor == tensor]
    lines: list[Line] = []
    for at in places[:MOST_ENTRIES]:
        lines += _chain(layer, tensor, tuple(int(k) for k in at))
    return (Display((*lines, *_more(len(places) - MOST_ENTRIES))),)


def _chain(layer: Expanded, tensor: Tensor, at: tuple[int, ...]) -> list[Line]:
    symbol = entry(tensor, at)
    cotangent = layer.equation.tensor.cotangent()
    reached = [(place, value) for place, value in layer.entries.items() if symbol in value.free_symbols]
    below = rf"\partial {layer.name(tensor, at)}"
    left = layer.name(tensor.cotangent(), at)
    if not reached:
        return [Line(left, "0")]
    factors = [
        rf"{layer.name(cotangent, place)} \, \frac{{\partial {layer.name(layer.equation.tensor, place)}}}{{{below}}}"
        for place, _ in reached
    ]
    total = sp.Add(*(entry(cotangent, place) * sp.diff(value, symbol) for place, value in reached))
    return [Line(left, " + ".join(factors), "chain rule"), Line("", layer.text(total))]


def chain_agrees(layer: Expanded, tensor: Tensor, gradient: Equation) -> bool:
    """Whether the chain over all outputs gives, entry by entry, what a derived equation gives."""
    cotangent = layer.equation.tensor.cotangent()
    derived = expand(gradient, Entries({}))
    return all(
        sp.expand(
            value
            - sum(
                entry(cotangent, place) * sp.diff(out, entry(tensor, at))
                for place, out in layer.entries.items()
            )
        )
        == 0
        for at, value in derived.items()
    )


def local_derivatives(layer: Expanded, tensor: Tensor) -> Display:
    """∂z₁₁/∂b, ∂z₁₂/∂b, …: how each output changes with one entry."""
    at = next(tuple(int(k) for k in read.at) for read in layer.symbols.values() if read.tensor == tensor)
    symbol = entry(tensor, at)
    lines = [
        Line(
            rf"\frac{{\partial {layer.name(layer.equation.tensor, place)}}}{{\partial {layer.name(tensor, at)}}}",
            layer.text(sp.diff(value, symbol)),
        )
        for place, value in list(layer.entries.items())[:MOST_OUTPUTS]
    ]
    return Display(tuple(lines))


def result_entries(gradient: Equation, layer: Expanded) -> Display:
    """The entries of a gradient's own equation. Raises UnsupportedFormula where it reads beyond the small case."""
    values = expand(gradient, Entries({}))
    met = sorted({s.name for value in values.values() for s in value.free_symbols - set(layer.symbols)})
    strange = [name for name in met if ENTRY_NAME.fullmatch(name)]
    if strange:
        raise UnsupportedFormula(f"no entry of the small case is called {strange[0]}")
    lines = [
        Line(layer.name(gradient.tensor, at), layer.text(value))
        for at, value in list(values.items())[:MOST_ENTRIES]
    ]
    return Display((*lines, *_more(len(values) - MOST_ENTRIES)))


def _more(left: int) -> tuple[Line, ...]:
    return (Line(r"\vdots", rf"\text{{and {left} more}}", relation=""),) if left > 0 else ()


def matrix(rows: list[list[str]]) -> str:
    """Entries as a matrix in brackets."""
    lines = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def matrix_of(layer: Expanded, tensor: Tensor) -> str:
    """A tensor of at most two axes as a matrix of its entries."""
    shape = [int(extent) for extent in tensor.shape]
    if len(shape) != 2:
        return layer.name(tensor, ())
    return matrix([[layer.name(tensor, (i, j)) for j in range(shape[1])] for i in range(shape[0])])
