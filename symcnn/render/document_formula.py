"""The document of a layer that is given by its equations."""

from __future__ import annotations

from symcnn.calculus.closed import Rewriting
from symcnn.calculus.derivation import Derivation
from symcnn.calculus.pullback import Gradient
from symcnn.core.equation import Equation
from symcnn.core.errors import SymcnnError
from symcnn.nets.formula import Layer
from symcnn.render.document_gradient import gradient_section
from symcnn.render.document_kinks import kink_section
from symcnn.render.document_model import (
    Block,
    Code,
    Display,
    Line,
    Math,
    Paragraph,
    Section,
    Table,
    Text,
    sentence,
    text,
)
from symcnn.render.document_notation import extent_lines, notation_for, shape_latex
from symcnn.render.document_results import results
from symcnn.render.document_steps import remarks, rules_used, seeded
from symcnn.render.document_views import small_layer, written_out
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation

Parts = tuple[str, tuple[Block, ...], tuple[Section, ...]]


def layer_document(layer: Layer) -> Parts:
    """Title, opening and sections for a layer."""
    equations = layer.system.equations
    notation = notation_for(equations)
    found = layer.cotangents()
    derivations = [part.derivation for _, parts in found for part in parts]
    lead = (
        sentence(
            "Every gradient below is derived from the forward equations alone, by the rules named at the lines. "
            "{loss} is a scalar that depends on the output {y}; {seed} is given.",
            loss=notation.loss,
            y=notation.whole(layer.output),
            seed=notation.whole(layer.output.cotangent()),
        )
        if layer.output.rank
        else sentence(
            "Every gradient below is derived from the forward equations alone, by the rules named."
        ),
    )
    following = results(layer, notation)
    sections = (
        forward_section(equations, notation, layer),
        Section(
            ("Gradients",),
            tuple(
                cotangent_section(equation, parts, notation, alone=len(equations) == 1)
                for equation, parts in found
            ),
        ),
        *following.sections,
        *kink_section(equations, layer.policy),
        rules_section(derivations, following.rules),
    )
    return _title(layer), lead, sections


def _title(layer: Layer) -> str:
    names = ", ".join(tensor.name for tensor in layer.wrt)
    return f"The gradient of {layer.output.name} with respect to {names}"


def forward_section(equations: tuple[Equation, ...], notation: Notation, layer: Layer) -> Section:
    """The equations as typed and as set, with shapes."""
    blocks = equation_blocks(equations, notation)
    rows = [
        ((Math(notation.whole(t)),), (_role(t.name, layer),), (Math(shape_latex(t, notation)),))
        for t in (*layer.system.inputs, *(e.tensor for e in equations))
    ]
    blocks.append(Table((("tensor",), ("role",), ("shape",)), tuple(rows), "lll"))
    typed = tuple(line.strip() for line in layer.text.replace(";", "\n").splitlines() if line.strip())
    blocks.append(Paragraph(_typed(typed)))
    if len(equations) == 1:
        blocks += small_case(equations[0], notation)
    return Section(("Forward equations",), tuple(blocks))


def small_case(equation: Equation, notation: Notation) -> list[Block]:
    """An equation written out at small sizes, where there are some at which that is short."""
    try:
        return written_out(small_layer(equation, notation))
    except SymcnnError:
        return []


def equation_blocks(equations: tuple[Equation, ...], notation: Notation) -> list[Block]:
    """Forward equations with what has to be said beside them, and the sizes of their results."""
    blocks: list[Block] = [
        Display(tuple(Line(*equation_latex(equation, notation)) for equation in equations)),
        *(block for equation in equations for block in remarks(equation, notation)),
    ]
    if notation.extents:
        blocks += [sentence("Sizes of the results:"), Display(extent_lines(notation))]
    return blocks


def _typed(lines: tuple[str, ...]) -> Text:
    parts: list[str | Code] = ["In the formula language: "]
    for place, line in enumerate(lines):
        parts += [*(["; "] if place else []), Code(line)]
    return (*parts, ".")


def _role(name: str, layer: Layer) -> str:
    if name == layer.output.name:
        return "output"
    return "given" if any(t.name == name for t in layer.system.inputs) else "intermediate"


def cotangent_section(
    equation: Equation, parts: tuple[Gradient, ...], notation: Notation, *, alone: bool = True
) -> Section:
    """The section of one cotangent: one part for each equation that reads the tensor, and their sum.

    ``alone``: the layer has no other equation than the one read by.
    """
    if len(parts) == 1:
        section = gradient_section(parts[0], notation)
        return section if alone else Section(section.title, (*_alone(parts[0], notation), *section.blocks))
    whole = notation.whole(equation.tensor)
    if not parts:
        return Section((Math(whole),), (sentence("Nothing depends on it: {d} = 0.", d=whole),))
    readers = ", ".join(part.derivation.equation.tensor.name for part in parts)
    pieces = tuple(
        Section(
            text("Through {t}", t=notation.whole(part.derivation.equation.tensor)),
            (*_alone(part, notation), *gradient_section(part, notation).blocks),
        )
        for part in parts
    )
    total = Display((Line(*equation_latex(seeded(equation, notation), notation), "sum over all uses"),))
    opening = Paragraph((f"The tensor is read by the equations of {readers}; their contributions add up.",))
    return Section((Math(whole),), (opening, *pieces, Section(("Together",), (total,))))


def _alone(part: Gradient, notation: Notation) -> list[Block]:
    """The one equation that counts for a part of a cotangent."""
    forward = part.derivation.equation
    small = small_case(forward, notation)
    return [
        sentence("Through this equation alone, in letters of their own:"),
        Display((Line(*equation_latex(forward, notation)),)),
        *remarks(forward, notation),
        *([*small, sentence("The gradient for all sizes:")] if small else []),
    ]


def rules_section(derivations: list[Derivation], more: tuple[Rewriting, ...] = ()) -> Section:
    """What the named rules say."""
    return Section(
        ("Rules",), (sentence("Every step above applies one of these rules."), rules_used(derivations, more))
    )
