"""The section of one gradient: steps with their rules, the result in three views, the evidence."""

from __future__ import annotations

from symcnn.calculus.pullback import Gradient
from symcnn.render.document_evidence import evidence
from symcnn.render.document_model import Block, Math, Section, sentence
from symcnn.render.document_steps import derivation_display
from symcnn.render.document_views import views
from symcnn.render.latex_names import Notation


def gradient_section(gradient: Gradient, notation: Notation, extra: tuple[Block, ...] = ()) -> Section:
    """∂L/∂T through one equation, step by step."""
    return Section((title_of(gradient, notation),), (*gradient_blocks(gradient, notation), *extra))


def gradient_blocks(gradient: Gradient, notation: Notation) -> tuple[Block, ...]:
    """Steps, result, views, evidence."""
    derivation = gradient.derivation
    steps = derivation_display(derivation, notation)
    given = notation.whole(derivation.cotangent.tensor)
    opening = () if derivation.cotangent.tensor.rank == 0 else (sentence("Given {seed}:", seed=given),)
    return (
        *opening,
        steps,
        *views(gradient, notation),
        evidence(gradient),
    )


def title_of(gradient: Gradient, notation: Notation) -> Math:
    """∂L/∂T on one line, as a heading."""
    return Math(rf"\partial {notation.loss}/\partial {notation.whole(gradient.of)}")
