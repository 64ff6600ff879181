"""The layers of a dossier: every different layer once, with its places, derivation, named results and evidence."""

from __future__ import annotations

from collections.abc import Sequence

from symcnn.calculus.derivation import Derivation
from symcnn.calculus.pullback import Gradient
from symcnn.core.equation import Equation
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.render.document_evidence import evidence
from symcnn.render.document_formula import equation_blocks
from symcnn.render.document_gradient import title_of
from symcnn.render.document_model import (
    Block,
    Display,
    Inline,
    Line,
    Math,
    Paragraph,
    Section,
    sentence,
    text,
)
from symcnn.render.document_notation import notation_for
from symcnn.render.document_steps import derivation_display, seeded
from symcnn.render.document_views import views
from symcnn.render.dossier_scopes import Scope
from symcnn.render.dossier_tables import listed
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation


def layer_sections(net: Network, scopes: Sequence[Scope]) -> tuple[tuple[Section, ...], list[Derivation]]:
    """One section for each kind of layer, in order of first use, and the derivations in them."""
    kinds = dict.fromkeys(node.kind for node in net.nodes)
    sections, derivations = [], []
    for kind in kinds:
        section, used = layer_section(kind, net, scopes)
        sections.append(section)
        derivations += used
    return tuple(sections), derivations


def layer_section(kind: LayerKind, net: Network, scopes: Sequence[Scope]) -> tuple[Section, list[Derivation]]:
    """Forward equations for symbolic sizes, then the gradient of all that they read."""
    equations = kind.system(net.policy).equations
    notation = notation_for(equations)
    found = kind.cotangents((*kind.trained, *kind.data), net.policy)
    blocks: list[Block] = [
        used_by(kind, scopes),
        *equation_blocks(equations, notation),
        *(cotangent_section(c.equation, c.parts, notation) for c in found),
    ]
    title = f"{kind.title[:1].upper()}{kind.title[1:]}"
    return Section((title,), tuple(blocks)), [part.derivation for c in found for part in c.parts]


def used_by(kind: LayerKind, scopes: Sequence[Scope]) -> Paragraph:
    """Where a layer stands: its names in each scope, and in how many places altogether."""
    said: list[str] = []
    total = 0
    for scope in scopes:
        names = [node.name for node in scope.nodes if node.kind == kind]
        if names:
            total += len(names) * scope.count
            places = f"{scope.title} ({scope.count} places)" if scope.count > 1 else scope.title
            said.append(f"{listed(names)} in {places}")
    count = "one layer" if total == 1 else f"{total} layers"
    return Paragraph((f"Used by {count}: {'; '.join(said)}. Source: {kind.source}. For all sizes:",))


def cotangent_section(equation: Equation, given: tuple[Gradient, ...], notation: Notation) -> Section:
    """One cotangent: its derivation through each equation that reads the tensor, and their sum."""
    whole = notation.whole(equation.tensor)
    if not given:
        return Section((Math(whole),), (sentence("Nothing depends on it: {d} = 0.", d=whole),))
    if len(given) == 1:
        return Section((title_of(given[0], notation),), gradient_blocks(given[0], notation))
    blocks: list[Block] = [
        Paragraph(("Several equations read it; their contributions add up.",)),
        *(
            Section(
                text("Through {t}", t=notation.whole(part.derivation.equation.tensor)),
                gradient_blocks(part, notation),
            )
            for part in given
        ),
        Display((Line(*equation_latex(seeded(equation, notation), notation), "sum over all uses"),)),
    ]
    return Section((title_of(given[0], notation),), tuple(blocks))


def gradient_blocks(gradient: Gradient, notation: Notation) -> tuple[Block, ...]:
    """Steps with their rules, the result as an index sum and by its name, the evidence."""
    cotangent = gradient.derivation.cotangent.tensor
    opening: list[Inline] = ["Given ", Math(notation.whole(cotangent)), ":"]
    return (
        *((Paragraph(tuple(opening)),) if cotangent.rank else ()),
        derivation_display(gradient.derivation, notation),
        *views(gradient, notation, entries=False),
        evidence(gradient),
    )
