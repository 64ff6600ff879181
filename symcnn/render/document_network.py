"""The document of a network: layers, forward equations, chains of factors, loss, every layer, updates."""

from __future__ import annotations

import sympy as sp

from symcnn.core.plan import Statement
from symcnn.core.tensor import Tensor
from symcnn.nets.network import Network
from symcnn.nets.node import BATCH, Node
from symcnn.nets.sweep import describe, plan, shape_text
from symcnn.render.document_formula import rules_section
from symcnn.render.document_layers import kind_sections
from symcnn.render.document_loss import loss_section
from symcnn.render.document_model import (
    Block,
    Display,
    Inline,
    Items,
    Line,
    Math,
    Paragraph,
    Section,
    Table,
    Text,
    sentence,
    text,
)
from symcnn.render.document_notation import notation_for
from symcnn.render.document_steps import remarks
from symcnn.render.dossier import dossier
from symcnn.render.graph_network import value_picture
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation

Parts = tuple[str, tuple[Block, ...], tuple[Section, ...]]
RATE = r"\eta"
MOST_PATHS = 4
MOST_LAYERS, MOST_ENTRIES = 20, 100_000


def network_document(net: Network) -> Parts:
    """Title, opening and sections for a network: in full where it is small, else its dossier.

    A network is small when it is written without blocks and has few enough layers and entries to follow single ones.
    """
    few = not net.bodies and len(net.nodes) <= MOST_LAYERS and entry_count(net) <= MOST_ENTRIES
    return full_document(net) if few else dossier(net)


def entry_count(net: Network) -> int:
    """Entries of all parameters and, for one image, of all values."""
    values = (net.input, *(node.output for node in net.nodes))
    sizes = [sp.Mul(*tensor.shape).subs(BATCH, 1) for tensor in (*net.parameters, *values)]
    return int(sum(sizes))


def full_document(net: Network) -> Parts:
    """Title, opening and sections for a network that is followed entry by entry."""
    forward = [equation for node in net.nodes for equation in node.equations()]
    notation = notation_for(forward)
    loss, derivations = loss_section(net, notation)
    kinds, more = kind_sections(net, notation)
    sections = (
        layers_section(net, notation),
        Section(("Forward pass",), forward_blocks(net, notation)),
        Section(("Chains of factors",), chain_blocks(net, notation)),
        loss,
        Section(("Layer by layer",), kinds),
        Section(("All gradients of this network",), gradient_table(net, notation)),
        Section(("Gradient descent",), update_blocks(net, notation)),
        rules_section([*derivations, *more]),
    )
    return net.title, lead(net, notation), sections


def lead(net: Network, notation: Notation) -> tuple[Block, ...]:
    """What the document is, and its conventions."""
    count = sum(node.parameter_count() for node in net.nodes)
    source = f" Source: {net.source}." if net.source else ""
    return (
        Paragraph(
            (f"A network of {len(net.layers)} layers with {count:,} trained parameters and a loss.{source}",)
        ),
        sentence(
            "Every gradient is derived from the forward equations alone, by rules that are named beside the lines, and "
            "checked. Indices start at 0; {n} numbers the {N} images of a batch. {w} is a tensor as a whole, {e} one of "
            "its entries; entries of small examples are numbered from 1.",
            n="n",
            N=str(BATCH),
            w=notation.whole(net.parameters[0]) if net.parameters else notation.whole(net.output),
            e=_sample_entry(net, notation),
        ),
        Paragraph((net.policy.describe(),)),
    )


def _sample_entry(net: Network, notation: Notation) -> str:
    tensor = net.parameters[0] if net.parameters else net.output
    return notation.entry(tensor, ",".join("ocrskd"[: tensor.rank]))


def layers_section(net: Network, notation: Notation) -> Section:
    """Picture and table: values, layers, shapes, parameters."""
    rows: list[tuple[Text, ...]] = [
        ((Math(notation.whole(net.input)),), ("input",), (shape_text(net.input),), ("",), ("",))
    ]
    for node in net.nodes:
        trained = tuple(part for t in node.trained for part in (", ", *_trained(t, notation)))[1:]
        count = f"{node.parameter_count():,}" if node.trained else ""
        rows.append(
            (
                (Math(notation.whole(node.output)),),
                (describe(node),),
                (shape_text(node.output) or "scalar",),
                trained,
                (count,),
            )
        )
    total = sum(node.parameter_count() for node in net.nodes)
    rows.append((("",), ("total",), ("",), ("",), (f"{total:,}",)))
    head: tuple[Text, ...] = (("value",), ("layer",), ("shape",), ("trained tensors",), ("parameters",))
    return Section(
        ("The network",),
        (
            value_picture(net),
            Table(head, tuple(rows), "llllr", "Layers, shapes for one image, parameters"),
        ),
    )


def _trained(tensor: Tensor, notation: Notation) -> Text:
    return (Math(notation.whole(tensor)), f" ({'×'.join(map(str, tensor.shape))})")


def forward_blocks(net: Network, notation: Notation) -> tuple[Block, ...]:
    """The equations in order, at the sizes of this network."""
    blocks: list[Block] = []
    for node in net.nodes:
        title = f"{node.kind.title[:1].upper()}{node.kind.title[1:]}"
        blocks.append(Paragraph((f"{title} ({node.name}):",)))
        for equation in node.equations():
            blocks += [Display((Line(*equation_latex(equation, notation)),)), *remarks(equation, notation)]
    return tuple(blocks)


# -- chains --------------------------------------------------------------------------------------------------


def chains(net: Network, parameter: Tensor) -> list[list[tuple[Tensor, Tensor]]]:
    """The factors of ∂L/∂parameter: pairs (above, below) from the loss to the layer that reads it, for each path."""
    found: list[list[tuple[Tensor, Tensor]]] = []

    def down(node: Node, above: list[tuple[Tensor, Tensor]]) -> None:
        if parameter in node.trained:
            found.append([*above, (node.output, parameter)])
        for data in dict.fromkeys(node.inputs):
            before = next((n for n in net.layers if n.output == data), None)
            if before is not None and len(found) < MOST_PATHS:
                down(before, [*above, (node.output, data)])

    down(net.loss, [])
    return found


def chain_latex(factors: list[tuple[Tensor, Tensor]], notation: Notation) -> str:
    """One chain as a product of fractions."""
    return r" \times ".join(
        rf"\frac{{\partial {notation.whole(above)}}}{{\partial {notation.whole(below)}}}"
        for above, below in factors
    )


def chain_blocks(net: Network, notation: Notation) -> tuple[Block, ...]:
    """One chain for each trained tensor, or for each path to it."""
    lines: list[Line] = []
    counts: list[Inline] = []
    for parameter in net.parameters:
        paths = chains(net, parameter)
        more = r" + \cdots" if len(paths) >= MOST_PATHS else ""
        right = " + ".join(chain_latex(factors, notation) for factors in paths[: MOST_PATHS - 1]) + more
        lines.append(Line(notation.whole(parameter.cotangent()), right))
        number = " and ".join(str(len(f)) for f in paths[: MOST_PATHS - 1])
        counts += [", ", Math(notation.whole(parameter.cotangent())), f": {number}"]
    return (
        Paragraph(
            (
                "The loss reaches each parameter through the values that lie between them. Each factor is the "
                "derivative of one layer; a product of factors sums over all entries of the value between them, "
                "and different paths add up.",
            )
        ),
        Display(tuple(lines)),
        Paragraph(("Number of factors of ", *counts[1:], ".")),
    )


# -- results -------------------------------------------------------------------------------------------------


def gradient_table(net: Network, notation: Notation) -> tuple[Block, ...]:
    """Every cotangent at the sizes of this network, in the order in which they are computed."""
    blocks: list[Block] = [
        sentence(
            "From the loss back to the image, each line uses only lines above it and values of the forward pass:"
        )
    ]
    for statement in plan(net).backward:
        if isinstance(statement, Statement):
            left, right = equation_latex(statement.equation, notation)
            blocks += [Display((Line(left, right),)), *remarks(statement.equation, notation)]
    return tuple(blocks)


def update_blocks(net: Network, notation: Notation) -> tuple[Block, ...]:
    """One step of gradient descent."""
    lines = tuple(
        Line(
            notation.whole(parameter),
            rf"{notation.whole(parameter)} - {RATE} \, {notation.whole(parameter.cotangent())}",
            relation=r"\leftarrow",
        )
        for parameter in net.parameters
    )
    shapes = tuple(
        text(
            "{d} has the shape of {w}: " + "×".join(map(str, p.shape)),
            d=notation.whole(p.cotangent()),
            w=notation.whole(p),
        )
        for p in net.parameters
    )
    return (
        sentence("One step with the rate {eta}, after all gradients are known:", eta=RATE),
        Display(lines),
        Items(shapes),
    )
