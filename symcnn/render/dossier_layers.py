"""The layers of a dossier: every different layer once, with its places, derivation, named results and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symcnn.calculus.derivation import Derivation
from symcnn.calculus.pullback import Gradient
from symcnn.calculus.recognise import recognise
from symcnn.core.equation import Equation
from symcnn.core.errors import SymcnnError
from symcnn.nets.formula import of_kind
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.render.document_evidence import evidence
from symcnn.render.document_formula import equation_blocks
from symcnn.render.document_gradient import title_of
from symcnn.render.document_model import (
    Block,
    Check,
    Display,
    Evidence,
    Line,
    Math,
    Paragraph,
    Section,
    Text,
    Views,
    sentence,
    text,
)
from symcnn.render.document_notation import notation_for
from symcnn.render.document_steps import derivation_display, remarks, seeded
from symcnn.render.document_views import views
from symcnn.render.dossier_scopes import Scope
from symcnn.render.dossier_tables import listed
from symcnn.render.evidence import closed_form_findings
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation

Told = dict[tuple[str, ...], Text]


def layer_sections(net: Network, scopes: Sequence[Scope]) -> tuple[tuple[Section, ...], list[Derivation]]:
    """One section for each kind of layer, in order of first use, and the derivations in them."""
    kinds = list(dict.fromkeys(node.kind for node in net.nodes))
    sections: list[Section] = []
    derivations: list[Derivation] = []
    told: Told = {}
    for kind in kinds:
        alike = [other for other in kinds if other.title == kind.title and other != kind]
        first = next(node.name for node in net.nodes if node.kind == kind)
        section, used = layer_section(kind, net, scopes, qualified(kind, alike, first), told)
        sections.append(section)
        derivations += used
    return tuple(sections), derivations


def qualified(kind: LayerKind, alike: Sequence[LayerKind], first: str) -> str:
    """The title of a kind, with what tells it from others of that title; ``first`` is the first layer of the kind."""
    title = f"{kind.title[:1].upper()}{kind.title[1:]}"
    if not alike:
        return title
    if all(len(other.data) != len(kind.data) for other in alike):
        return f"{title} of {len(kind.data)}"
    ranks = [other.tensor(other.data[0]).rank for other in alike if other.data]
    rank = kind.tensor(kind.data[0]).rank if kind.data else 0
    if rank not in ranks:
        return f"{title} of {rank} axes"
    return f"{title} ({first if kind.name in [other.name for other in alike] else kind.name})"


def layer_section(
    kind: LayerKind, net: Network, scopes: Sequence[Scope], title: str, told: Told
) -> tuple[Section, list[Derivation]]:
    """Forward equations for symbolic sizes, then the gradient of all that they read."""
    equations = kind.system(net.policy).equations
    notation = notation_for(equations)
    found = kind.cotangents((*kind.trained, *kind.data), net.policy)
    teller = Teller(kind.title, title, notation, told)
    blocks: list[Block] = [used_by(kind, scopes), *equation_blocks(equations, notation)]
    for cotangent in found:
        section = teller.section(cotangent.equation, cotangent.parts)
        if cotangent.equation.tensor.name[1:] in kind.data:
            section = replace(section, blocks=(*section.blocks, *put_together(kind, net, cotangent.equation)))
        blocks.append(section)
    return Section((title,), tuple(blocks)), [part.derivation for c in found for part in c.parts]


def put_together(kind: LayerKind, net: Network, equation: Equation) -> tuple[Block, ...]:
    """The cotangent of a layer of several equations without those of its intermediate values, and its proof."""
    if len(kind.system(net.policy).equations) == 1:
        return ()
    layer = of_kind(kind, net.policy)
    try:
        form = layer.closed_form_steps(equation.tensor.name[1:])
    except SymcnnError:
        return ()
    if not form.steps:
        return ()
    notation = notation_for(layer.system.equations)
    closed = seeded(form.equation, notation)
    found = closed_form_findings(layer, form)
    return (
        Paragraph(("With the gradients of the intermediate values put in:",)),
        Display((Line(*equation_latex(closed, notation)),), boxed=True),
        *remarks(closed, notation),
        Evidence(tuple(Check(finding.what, (finding.detail,), finding.passed) for finding in found)),
    )


def used_by(kind: LayerKind, scopes: Sequence[Scope]) -> Paragraph:
    """Where a layer stands: its names in each scope, and in how many places altogether."""
    said: list[str] = []
    total = 0
    for scope in scopes:
        names = [name for name, own in scope.layers if own == kind]
        if names:
            total += len(names) * scope.count
            places = f"{scope.title} ({scope.count} places)" if scope.count > 1 else scope.title
            said.append(f"{listed(names)} in {places}")
    count = "one layer" if total == 1 else f"{total} layers"
    return Paragraph((f"Used by {count}: {'; '.join(said)}. Source: {kind.source}. For all sizes:",))


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the derivations of a kind's cotangents; ``told`` says where those of equal steps were told in full."""

    title: str
    section_title: str
    notation: Notation
    told: Told

    def section(self, equation: Equation, given: tuple[Gradient, ...]) -> Section:
        """One cotangent: its derivation through each equation that reads the tensor, and their sum."""
        whole = self.notation.whole(equation.tensor)
        if not given:
            return Section((Math(whole),), (sentence("Nothing depends on it: {d} = 0.", d=whole),))
        title = (title_of(given[0], self.notation),)
        if len(given) == 1:
            return Section(title, self.blocks(given[0]))
        through = tuple(
            Section(
                text("Through {t}", t=self.notation.whole(part.derivation.equation.tensor)), self.blocks(part)
            )
            for part in given
        )
        total = Line(*equation_latex(seeded(equation, self.notation), self.notation), "sum over all uses")
        opening = Paragraph(("Several equations read it; their contributions add up.",))
        return Section(title, (opening, *through, Section(("Together",), (Display((total,)),))))

    def blocks(self, gradient: Gradient) -> tuple[Block, ...]:
        """Steps with their rules, unless equal steps were told; the result as index sum and by name; the evidence."""
        steps = self.steps(gradient)
        (shown,) = views(gradient, self.notation, entries=False)
        derived = isinstance(steps[-1], Display)
        if derived and isinstance(shown, Views) and len(shown.views) == 1:
            _, *said = shown.views[0].blocks  # the last step is the index sum
            return (*steps, *said, evidence(gradient))
        return (*steps, shown, evidence(gradient))

    def steps(self, gradient: Gradient) -> tuple[Block, ...]:
        """The lines of the derivation, or where the same rules were applied in the same order."""
        operation = recognise(gradient.equation)
        rules = (
            self.title,
            operation.kind if operation is not None else str(gradient.equation),
            *(step.rule.name for step in gradient.derivation.steps),
        )
        before = self.told.get(rules)
        if before is not None:
            return (Paragraph(("By the same rules in the same order as ", *before, ":")),)
        where = f" under “{self.section_title}”"
        self.told[rules] = (title_of(gradient, self.notation), where)
        cotangent = gradient.derivation.cotangent.tensor
        opening = Paragraph(("Given ", Math(self.notation.whole(cotangent)), ":"))
        return (
            *((opening,) if cotangent.rank else ()),
            derivation_display(gradient.derivation, self.notation),
        )
