"""The three views of a gradient beside each other: entry by entry, index sum, named operation."""

from __future__ import annotations

import sympy as sp

from symcnn.calculus.pullback import Gradient
from symcnn.calculus.recognise import Operation, recognise
from symcnn.core.equation import Equation
from symcnn.core.errors import LimitExceeded, SymcnnError
from symcnn.nets.concrete import concrete
from symcnn.render.document_entries import Expanded, expanded, matrix_of, outputs, result_entries
from symcnn.render.document_model import (
    Block,
    Display,
    Inline,
    Line,
    Math,
    Paragraph,
    Text,
    View,
    Views,
    sentence,
)
from symcnn.render.document_small import display_sizes, narrowed, small_letters
from symcnn.render.document_steps import remarks, seeded
from symcnn.render.latex import equation_latex
from symcnn.render.latex_entrywise import entrywise_latex
from symcnn.render.latex_names import Notation
from symcnn.render.latex_operations import entries_latex, operation_latex, windows_text

MOST_TERMS = 300
ENTRYWISE = ("elementwise function", "elementwise product", "mask")
EXPLAINED = {
    "convolution": "conv slides its second argument over the first without flipping it.",
    "full convolution": "fullconv pads the first argument until every overlap counts; flip turns the filter by 180°.",
    "transposed convolution": "transposedconv spreads the entries of its first argument apart by the stride and "
    "slides the flipped filter over them.",
    "matrix product": "A product of matrices.",
    "outer product": "Every entry of one times every entry of the other.",
    "contraction": "Products summed over the shared axes.",
    "sum": "The sum over the axes named.",
    "mean": "The mean over the axes named.",
    "mean spread": "spread gives every entry of a window an equal share.",
    "routing": "route puts each value back to the place that the maximum was taken from.",
    "pooling": "pool reduces every window to one value.",
    "reshape": "The same entries in another shape.",
    "slice": "A part of the tensor.",
    "copy": "The same entries.",
    "elementwise product": "The same for every entry; ⊙ multiplies entry by entry.",
}


def views(gradient: Gradient, notation: Notation, *, entries: bool = True) -> tuple[Block, ...]:
    """The views of one gradient. The entries are those of the derived equation at small sizes."""
    equation = seeded(gradient.equation, notation)
    shown = [
        _entries(gradient, notation) if entries else None,
        _index_sum(equation, notation),
        _operation(gradient, equation, notation),
    ]
    return (Views(tuple(view for view in shown if view is not None)),)


def small_layer(equation: Equation, notation: Notation) -> Expanded:
    """A layer at the sizes that are good to read. Raises LimitExceeded where fixed sizes make it long all the same."""
    small = narrowed(equation, display_sizes(equation), small_letters(equation))
    terms = int(sp.Mul(*small.extents.values()))
    if terms > MOST_TERMS:
        raise LimitExceeded(f"expected at most {MOST_TERMS} terms in a small case, got {terms}")
    return expanded(small, notation)


def small_gradient(gradient: Gradient) -> Equation:
    """The gradient at the same sizes, under the same names."""
    forward = gradient.derivation.equation
    return narrowed(gradient.equation, display_sizes(forward), small_letters(forward))


def _entries(gradient: Gradient, notation: Notation) -> View | None:
    forward = gradient.derivation.equation
    try:
        layer = small_layer(forward, notation)
        display = result_entries(seeded(small_gradient(gradient), notation), layer)
    except SymcnnError:
        return None
    return View("Entry by entry", (Paragraph(small_shapes(layer)), display))


def written_out(layer: Expanded) -> list[Block]:
    """The small example in matrices, and its outputs."""
    tensors = (*layer.equation.inputs, layer.equation.tensor)
    squares = [t for t in tensors if t.rank == 2]
    blocks: list[Block] = [sentence("Written out for a small case:")]
    if squares and len(squares) > 1:
        shown = r", \qquad ".join(f"{layer.notation.whole(t)} = {matrix_of(layer, t)}" for t in squares)
        blocks.append(Display((Line(shown, ""),)))
    return [*blocks, outputs(layer)]


def small_shapes(layer: Expanded) -> Text:
    """The shapes of a small case."""
    parts: list[Inline] = ["In the small case, with "]
    for place, tensor in enumerate((*layer.equation.inputs, layer.equation.tensor)):
        shape = r" \times ".join(map(str, tensor.shape))
        said: tuple[Inline, ...] = (" (", Math(shape), ")") if shape else (" (one number)",)
        parts += [*([", "] if place else []), Math(layer.notation.whole(tensor)), *said]
    return (*parts, ":")


def _index_sum(equation: Equation, notation: Notation) -> View:
    left, right = equation_latex(equation, notation)
    return View("Index sum", (Display((Line(left, right),), boxed=True), *remarks(equation, notation)))


def _operation(gradient: Gradient, equation: Equation, notation: Notation) -> View | None:
    operation = recognise(equation)
    whole = notation.whole(gradient.of.cotangent())
    entrywise = entrywise_latex(equation, notation)
    if entrywise is not None and (operation is None or operation.kind in ENTRYWISE):
        return View(
            "Named operation",
            (Display((Line(whole, entrywise),)), sentence(EXPLAINED["elementwise product"])),
        )
    if operation is None or operation.kind in ENTRYWISE:
        return None
    blocks = named(operation, equation, whole, notation)
    special = _special(gradient, operation)
    if special is not None:
        blocks += _at_stride_one(gradient, special, whole, notation)
    return View("Named operation", tuple(blocks))


def named(operation: Operation, equation: Equation, whole: str, notation: Notation) -> list[Block]:
    """What an operation is, by its entries where it has no common meaning, and that the gradient is it."""
    claim = Display((Line(whole, operation_latex(operation, notation)),))
    entries = entries_latex(operation, equation, notation)
    if entries is None:
        return [claim, *_said(operation, notation)]
    return [*_said(operation, notation), Display((Line(*entries),)), sentence("With this name:"), claim]


def _at_stride_one(gradient: Gradient, special: Operation, whole: str, notation: Notation) -> list[Block]:
    """The layer and its gradient at stride 1, where the operation has another name."""
    forward, local = (_stepped(e, gradient) for e in (gradient.derivation.equation, gradient.equation))
    return [
        sentence("With stride 1, no padding and no dilation, in letters of their own:"),
        Display((Line(*equation_latex(forward, notation)),)),
        *remarks(forward, notation),
        Display((Line(*equation_latex(local, notation)),)),
        *remarks(local, notation),
        *named(special, local, whole, notation),
    ]


def _stepped(equation: Equation, gradient: Gradient) -> Equation:
    """An equation at stride 1 without padding or dilation."""
    sizes = display_sizes(gradient.derivation.equation)
    return concrete(equation.substituted({s: v for s, v in sizes.items() if not s.name[:1].isupper()}))


def _special(gradient: Gradient, general: Operation) -> Operation | None:
    """The operation at stride 1 without padding, where it has another name then."""
    if not general.windows:
        return None
    found = recognise(_stepped(gradient.equation, gradient))
    return found if found is not None and found.kind != general.kind else None


def _said(operation: Operation, notation: Notation) -> tuple[Block, ...]:
    parts: list[Inline] = [EXPLAINED.get(operation.kind, "")]
    if operation.windows:
        for place, piece in enumerate(f" Here: {windows_text(operation.windows, notation)}.".split("$")):
            parts.append(Math(piece) if place % 2 else piece)
    return (Paragraph(tuple(part for part in parts if part)),) if any(parts) else ()
