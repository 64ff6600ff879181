"""Evidence that ``check`` prints: derivations replayed and proved by entries, programs against numeric derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcnn.calculus.proof import by_entries
from symcnn.calculus.pullback import Gradient
from symcnn.calculus.sizes import small_sizes
from symcnn.core.equation import Equation, System
from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.nets.formula import Layer
from symcnn.nets.network import Network
from symcnn.nets.sweep import plan
from symcnn.program.evidence import numeric_evidence
from symcnn.render.numpy_source import emit_plan

STEP = 1e-6
TOLERANCE = 1e-5
DIRECTIONS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: ``passed`` is None where it could not be checked, with the reason in ``detail``."""

    subject: str
    what: str
    detail: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was checked of a network or layer."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed."""
        return any(f.passed for f in self.findings) and all(f.passed is not False for f in self.findings)

    def to_text(self) -> str:
        """A line for each finding."""
        marks = {True: "ok", False: "WRONG", None: "not checked"}
        width = max((len(f.subject) for f in self.findings), default=0)
        lines = [f"{f.subject:<{width}}  {f.what:<8}  {marks[f.passed]}: {f.detail}" for f in self.findings]
        wrong = sum(f.passed is False for f in self.findings)
        unchecked = sum(f.passed is None for f in self.findings)
        total = f"{self.name}: {len(lines)} checks, {wrong} wrong" + (
            f", {unchecked} not possible" if unchecked else ""
        )
        return "\n".join([*lines, total])

    def to_dict(self) -> dict[str, Any]:
        """The findings as plain data."""
        return {
            "name": self.name,
            "passed": self.passed,
            "findings": [
                {"subject": f.subject, "what": f.what, "detail": f.detail, "passed": f.passed}
                for f in self.findings
            ],
        }


def evidence(subject: Network | Layer) -> Evidence:
    """Check every derivation that a network or layer uses, and its emitted program."""
    if isinstance(subject, Layer):
        return Evidence(subject.name, tuple(layer_findings(subject)))
    findings: list[Finding] = []
    for kind in dict.fromkeys(node.kind for node in subject.nodes):
        system = kind.system(subject.policy)
        wanted = tuple(name for name in kind.differentiable)
        found = [(c.equation, c.parts) for c in kind.cotangents(wanted, subject.policy)]
        findings.extend(_derived(kind.title, system, found))
    findings.append(_program(subject))
    return Evidence(subject.name, tuple(findings))


def layer_findings(layer: Layer) -> Iterator[Finding]:
    """The checks of one layer."""
    yield from _derived(layer.name, layer.system, [(e, parts) for e, parts in layer.cotangents()])


def _derived(
    name: str, system: System, cotangents: list[tuple[Equation, tuple[Gradient, ...]]]
) -> Iterator[Finding]:
    for equation, parts in cotangents:
        subject = f"{name}, ∂L/∂{equation.tensor.name[1:]}"
        for gradient in parts:
            steps = len(gradient.derivation.steps)
            yield Finding(subject, "replay", f"{steps} steps applied again", gradient.derivation.replay())
            yield _by_entries(subject, gradient)
    yield _numeric(name, system, [equation for equation, _ in cotangents])


def _by_entries(subject: str, gradient: Gradient) -> Finding:
    try:
        proof = by_entries(gradient, small_sizes([gradient.derivation.equation]))
    except (LimitExceeded, UnsupportedFormula) as error:
        return Finding(subject, "entries", str(error), None)
    at = ", ".join(f"{size}={value}" for size, value in proof.sizes)
    if proof.holds:
        return Finding(subject, "entries", f"{proof.entries} entries equal, symbol for symbol, at {at}", True)
    if proof.undecided:
        return Finding(subject, "entries", f"at {at}: {proof.undecided}", None)
    return Finding(subject, "entries", f"at {at}: {proof.differs}", False)


def _numeric(name: str, system: System, cotangents: list[Equation]) -> Finding:
    try:
        found = numeric_evidence(system, cotangents)
    except (UnsupportedFormula, LimitExceeded) as error:
        return Finding(name, "numeric", str(error), None)
    detail = f"{found.compared} differences at {len(found.sizes)} choices of sizes, largest error {found.error:.1e}"
    return Finding(name, "numeric", detail, found.holds if found.compared else None)


def _program(net: Network) -> Finding:
    """The emitted module's gradients against differences of its own loss, in float64, along random directions."""
    module = emit_plan(plan(net)).load()
    draw = np.random.default_rng(0)
    params = module.init(seed=1, dtype=np.float64)
    for name in params:
        params[name] += 0.01 * draw.standard_normal(params[name].shape)
    x = draw.standard_normal((2, *net.input_shape))
    y = _labels(net, draw)
    _, gradients = module.loss_and_grads(params, x, y)
    worst = 0.0
    for _ in range(DIRECTIONS):
        along = {name: draw.standard_normal(value.shape) for name, value in params.items()}
        ends = [
            float(module.loss({k: v + sign * STEP * along[k] for k, v in params.items()}, x, y))
            for sign in (1, -1)
        ]
        slope = sum(float(np.sum(gradients[k] * along[k])) for k in params)
        worst = max(worst, abs((ends[0] - ends[1]) / (2 * STEP) - slope) / (1 + abs(slope)))
    detail = (
        f"all gradients along {DIRECTIONS} random directions, float64, largest relative error {worst:.1e}"
    )
    return Finding(f"{net.name}, emitted", "numeric", detail, worst <= TOLERANCE)


def _labels(net: Network, draw: np.random.Generator) -> np.ndarray:
    (label,) = net.labels
    shape = tuple(2 if not extent.is_Integer else int(extent) for extent in label.shape)
    classes = net.loss.classes.get(label)
    return (
        draw.integers(0, int(classes), shape)
        if classes is not None
        else draw.integers(0, 2, shape).astype(float)
    )
