"""The sections of a network's layers: each kind is derived once, for all sizes, and written out in a small case."""

from __future__ import annotations

from symcnn.calculus.derivation import Derivation
from symcnn.calculus.pullback import Gradient, pullback
from symcnn.calculus.recognise import recognise
from symcnn.core.equation import Equation
from symcnn.core.errors import SymcnnError
from symcnn.core.expr import Reduce, reads
from symcnn.nets.concrete import concrete
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.render.document_entries import (
    MOST_OUTPUTS,
    Expanded,
    by_chain,
    chain_agrees,
    local_derivatives,
)
from symcnn.render.document_formula import cotangent_section, equation_blocks
from symcnn.render.document_gradient import gradient_blocks
from symcnn.render.document_model import Block, Display, Inline, Line, Math, Paragraph, Section, sentence
from symcnn.render.document_notation import notation_for
from symcnn.render.document_pool import example_section, takes_maximum, window_sizes
from symcnn.render.document_steps import remarks
from symcnn.render.document_views import small_gradient, small_layer, written_out
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation
from symcnn.render.latex_operations import operation_latex


def kind_sections(net: Network, places_notation: Notation) -> tuple[tuple[Section, ...], list[Derivation]]:
    """One section for each kind of layer, from the loss to the image; each kind is derived once."""
    places: dict[LayerKind, list[Node]] = {}
    for node in reversed(net.layers):
        places.setdefault(node.kind, []).append(node)
    sections, derivations = [], []
    for kind, nodes in places.items():
        section, used = kind_section(kind, nodes, places_notation)
        sections.append(section)
        derivations += used
    return tuple(sections), derivations


def kind_section(kind: LayerKind, nodes: list[Node], network: Notation) -> tuple[Section, list[Derivation]]:
    """Forward equations for symbolic sizes, their entries, and the gradient of all that they read."""
    policy = nodes[0].policy
    equations = kind.system(policy).equations
    notation = notation_for(equations)
    blocks: list[Block] = [_where(nodes, network), *equation_blocks(equations, notation)]
    layer = _small(equations[-1], notation)
    if layer is not None:
        blocks += written_out(layer)
    cotangents = kind.cotangents((*kind.trained, *kind.data), policy)
    for found in cotangents:
        section = cotangent_section(found.equation, found.parts, notation, alone=len(equations) == 1)
        trained = found.equation.tensor.name[1:] in kind.trained
        if trained and len(equations) == 1 and layer is not None:
            section = Section(section.title, (*section.blocks, *_chains(layer, found.parts[0], notation)))
        blocks.append(section)
    blocks += _at_place(nodes[0], notation)
    title = f"{kind.title[:1].upper()}{kind.title[1:]}"
    return Section((title,), tuple(blocks)), [p.derivation for c in cotangents for p in c.parts]


def _where(nodes: list[Node], notation: Notation) -> Paragraph:
    parts: list[Inline] = []
    for node in reversed(nodes):
        values: list[Inline] = []
        for tensor in node.inputs:
            values += [", ", Math(notation.whole(tensor))]
        parts += [", ", f"{node.name} (from ", *values[1:], " to ", Math(notation.whole(node.output)), ")"]
    return Paragraph(
        ("Used by ", *parts[1:], f". Source: {nodes[0].kind.source}. For all sizes, in letters of their own:")
    )


def _small(equation: Equation, notation: Notation) -> Expanded | None:
    try:
        return small_layer(equation, notation)
    except SymcnnError:
        return None


def _chains(layer: Expanded, gradient: Gradient, notation: Notation) -> tuple[Block, ...]:
    """For a layer with windows: a parameter's entries by the chain over the small case's outputs."""
    windows = any(not p.is_Symbol for read in reads(layer.equation.body) for p in read.at)
    own = next((t for t in layer.equation.inputs if t.name.lower() == gradient.of.name.lower()), None)
    if own is None or not windows or len(layer.entries) > MOST_OUTPUTS:
        return ()
    local = (local_derivatives(layer, own),) if own.rank == 0 else ()
    blocks: tuple[Block, ...] = (
        sentence("In the small case, by the chain over all outputs:"),
        *local,
        *by_chain(layer, own),
    )
    operation = recognise(gradient.equation)
    if operation is None or not chain_agrees(layer, own, small_gradient(gradient)):
        return blocks
    collected = Line(
        notation.whole(gradient.of.cotangent()), operation_latex(operation, notation), "recognise"
    )
    return (
        *blocks,
        sentence("These are the entries of the derived equation; collected, for all sizes:"),
        Display((collected,)),
    )


def _at_place(node: Node, notation: Notation) -> list[Block]:
    """What the windows of the network make simpler: maxima over windows that do not overlap, and on numbers."""
    (*_, general) = node.kind.system(node.policy).equations
    if not takes_maximum(general):
        return []
    forward = concrete(general.substituted(window_sizes(node)))
    local = pullback(forward, forward.inputs[0], policy=node.policy)
    blocks: list[Block] = []
    if not local.equation.body.atoms(Reduce):
        own = notation_for([forward])
        blocks.append(
            Section(
                ("With the windows of this network",),
                (
                    sentence("The windows do not overlap, so each entry lies in one of them at most:"),
                    Display((Line(*equation_latex(forward, own)),)),
                    *remarks(forward, own),
                    *gradient_blocks(local, own),
                ),
            )
        )
    example = example_section(node, notation)
    return [*blocks, example] if example is not None else blocks
