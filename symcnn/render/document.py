"""Documents: a derivation built once, written as LaTeX, HTML or Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from symcnn.nets.formula import Layer
from symcnn.nets.network import Network
from symcnn.render.document_formula import layer_document
from symcnn.render.document_model import Block, Section
from symcnn.render.document_network import network_document
from symcnn.render.html_document import document_html
from symcnn.render.latex_document import document_latex
from symcnn.render.markdown_document import document_markdown


@dataclass(frozen=True, slots=True)
class Document:
    """A derivation to read: title, opening paragraphs, sections."""

    title: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]

    def to_latex(self) -> str:
        """A complete ``article`` for pdflatex."""
        return document_latex(self.title, self.lead, self.sections)

    def to_html(self) -> str:
        """One self-contained page."""
        return document_html(self.title, self.lead, self.sections)

    def to_markdown(self) -> str:
        """Markdown with formulas between dollar signs."""
        return document_markdown(self.title, self.lead, self.sections)

    def _repr_html_(self) -> str:
        return self.to_html()


def build(subject: Network | Layer) -> Document:
    """The derivation of a network or of a layer given by equations."""
    parts = network_document(subject) if isinstance(subject, Network) else layer_document(subject)
    return Document(*parts)
