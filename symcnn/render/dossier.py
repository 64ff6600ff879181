"""The dossier of a network: its pictures, its tables, every different layer once, and the reverse sweep."""

from __future__ import annotations

from symcnn.nets.body import Body
from symcnn.nets.network import Network
from symcnn.nets.node import BATCH
from symcnn.render.document_formula import rules_section
from symcnn.render.document_model import Block, Paragraph, Section, sentence
from symcnn.render.dossier_evaluation import evaluation_section
from symcnn.render.dossier_layers import layer_sections
from symcnn.render.dossier_scopes import Scope, scopes_of
from symcnn.render.dossier_sweep import sweep_section
from symcnn.render.dossier_tables import body_table, counts, network_table, places_table, shapes_tables
from symcnn.render.graph_network import body_picture, example, network_picture

Parts = tuple[str, tuple[Block, ...], tuple[Section, ...]]


def dossier(net: Network) -> Parts:
    """Title, opening and sections."""
    scopes = scopes_of(net)
    titles = {body: scope.title for scope in scopes[1:] for body in scope.bodies}
    layers, derivations = layer_sections(net, scopes)
    sections = [Section(("The network",), (network_picture(net, titles), *network_table(net, titles)))]
    if len(scopes) > 1:
        sections.append(Section(("Its blocks",), tuple(block_section(s, titles) for s in scopes[1:])))
    sections += [
        Section(("Every different layer",), layers),
        sweep_section(net, scopes),
        *evaluation_section(net),
        rules_section(derivations),
    ]
    return net.title, lead(net, scopes), tuple(sections)


def lead(net: Network, scopes: tuple[Scope, ...]) -> tuple[Block, ...]:
    """What the network is made of, and the conventions."""
    parameters, products = counts(net.body)
    kinds = len({node.kind for node in net.layers})
    blocks = sum(scope.count for scope in scopes[1:])
    inside = len(net.nodes) - len(scopes[0].layers)
    forms = _count(len(scopes) - 1, "form")
    words = f", {inside} of them in {_count(blocks, 'block')} of {forms}," if blocks else ","
    source = f" Source: {net.source}." if net.source else ""
    return (
        Paragraph(
            (
                f"A network of {_count(len(net.layers), 'layer')} of {_count(kinds, 'kind')}{words} with "
                f"{parameters:,} trained parameters and {products:,} multiply-adds for one {example(net)}.{source}",
            )
        ),
        sentence(
            "Every kind of layer is derived once, from its forward equations alone, for all sizes; the rules are named "
            "beside the lines and the results are checked. Each place uses the same equations with its own sizes. "
            "Indices start at 0; {n} numbers the {N} examples of a batch.",
            n="n",
            N=str(BATCH),
        ),
        Paragraph((net.policy.describe(),)),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def block_section(scope: Scope, titles: dict[Body, str]) -> Section:
    """One form of block: picture, layers, places."""
    title = f"{scope.title[:1].upper()}{scope.title[1:]}"
    first = scope.places[0][0]
    own = f"{title} with the shapes that it has in {first}"
    return Section(
        (title,),
        (
            body_picture(scope.body, titles, own),
            body_table(scope),
            places_table(scope),
            *shapes_tables(scope),
        ),
    )
