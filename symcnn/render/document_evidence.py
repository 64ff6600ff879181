"""The evidence for a gradient as a block of its document."""

from __future__ import annotations

from symcnn.calculus.pullback import Gradient
from symcnn.render.document_model import Check, Evidence
from symcnn.render.evidence import gradient_findings, one_equation


def evidence(gradient: Gradient) -> Evidence:
    """All checks of one gradient through one equation."""
    findings = (*gradient_findings("", gradient), one_equation(gradient))
    return Evidence(tuple(Check(found.what, (found.detail,), found.passed) for found in findings))
