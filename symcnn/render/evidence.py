"""Evidence for derivations: replayed, proved by entries, and against numeric derivatives.

``check`` prints it, documents show it beside each gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from symcnn.calculus.closed import ClosedForm
from symcnn.calculus.proof import EntryProof, by_entries, same_by_entries
from symcnn.calculus.pullback import Gradient
from symcnn.core.equation import Equation, System
from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.nets.formula import Layer
from symcnn.program.evidence import TOLERANCE as RELATIVE
from symcnn.program.evidence import numeric_evidence

SEEDS = (0, 1)  # of the sizes at which entries are compared


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


def layer_findings(layer: Layer) -> Iterator[Finding]:
    """The checks of one layer."""
    yield from derived_findings(layer.name, layer.system, [(e, parts) for e, parts in layer.cotangents()])


def derived_findings(
    name: str, system: System, cotangents: list[tuple[Equation, tuple[Gradient, ...]]]
) -> Iterator[Finding]:
    for equation, parts in cotangents:
        for gradient in parts:
            yield from gradient_findings(f"{name}, ∂L/∂{equation.tensor.name[1:]}", gradient)
    yield _numeric(name, system, [equation for equation, _ in cotangents])


def gradient_findings(subject: str, gradient: Gradient) -> Iterator[Finding]:
    """A derivation applied again, and its result compared with the derivative of the expanded equation."""
    steps = len(gradient.derivation.steps)
    told = f"each of the {steps} steps, applied again, gives what it recorded"
    yield Finding(subject, "replay", told, gradient.derivation.replay())
    known: list[EntryProof] = []
    for seed in SEEDS:
        try:
            proof = by_entries(gradient, seed=seed)
        except (LimitExceeded, UnsupportedFormula) as error:
            yield Finding(subject, "entries", f"not possible: {error}", None)
            return
        if proof not in known:
            known.append(proof)
            yield _entries(subject, proof)


def _entries(subject: str, proof: EntryProof) -> Finding:
    places = [f"for every {', '.join(proof.independent)}"] if proof.independent else []
    places += ["at " + ", ".join(f"{size} = {value}" for size, value in proof.sizes)] if proof.sizes else []
    where = "".join(f", {place}" for place in places)
    if proof.undecided:
        return Finding(subject, "entries", f"not decided{where}: {proof.undecided}", None)
    if not proof.holds:
        return Finding(subject, "entries", f"differs{where}: {proof.differs}", False)
    compared = "1 entry equals" if proof.entries == 1 else f"{proof.entries} entries equal"
    told = f"{compared}, symbol for symbol, the derivative of the expanded equation{where}"
    return Finding(subject, "entries", told, True)


def one_equation(gradient: Gradient) -> Finding:
    """A gradient against central differences of the one equation that it goes through."""
    equation = gradient.derivation.equation
    sizes = {s for t in (*equation.inputs, equation.tensor) for e in t.shape for s in e.free_symbols}
    scalars = sorted(equation.body.free_symbols - set(equation.extents) - sizes, key=lambda s: str(s.name))
    system = System((equation,), tuple(equation.inputs), tuple((s, None) for s in scalars))
    return _numeric("", system, [gradient.equation], tries=1, measured=False)


def _numeric(
    name: str, system: System, cotangents: list[Equation], tries: int = 2, measured: bool = True
) -> Finding:
    """``measured`` tells the largest error, whose last bits differ from machine to machine."""
    try:
        found = numeric_evidence(system, cotangents, tries=tries)
    except (UnsupportedFormula, LimitExceeded) as error:
        return Finding(name, "numeric", f"not possible: {error}", None)
    agree = "agree with" if found.holds else "differ from"
    sizes = ", ".join(f"{size} = {value:g}" for size, value in found.sizes[0])
    points = f"{len(found.sizes)} random points" if len(found.sizes) > 1 else "a random point"
    where = f", {sizes}" if sizes and len(set(found.sizes)) == 1 else ""
    directions = "a random direction" if found.compared == 1 else f"{found.compared} random directions"
    told = f"slopes along {directions} {agree} central differences in float64 at {points}{where}"
    told += f", largest relative error {found.error:.1e}" if measured else f", to {RELATIVE:.0e} relative"
    return Finding(name, "numeric", told, found.holds if found.compared else None)


def closed_form_findings(layer: Layer, form: ClosedForm) -> Iterator[Finding]:
    """The steps to a closed form applied again, and the form compared with the gradients that it was made from."""
    told = f"each of the {len(form.steps)} steps, applied again, gives what it recorded"
    yield Finding("", "replay", told, form.replay())
    yield same_as_steps(layer, form.equation, "the closed form")


def same_as_steps(layer: Layer, closed: Equation, name: str) -> Finding:
    """One form of a gradient compared with the cotangents of the reverse sweep."""
    steps = [equation for equation, _ in layer.cotangents()]
    try:
        proof = same_by_entries(layer.system.equations, steps, closed)
    except (LimitExceeded, UnsupportedFormula) as error:
        return Finding("", "entries", f"not possible: {error}", None)
    at = ", at " + ", ".join(f"{size} = {value}" for size, value in proof.sizes) if proof.sizes else ""
    if proof.holds:
        told = f"{proof.entries} entries of {name} equal, symbol for symbol, those of the steps{at}"
        return Finding("", "entries", told, True)
    failed = proof.undecided or proof.differs
    return Finding("", "entries", f"{name}{at}: {failed}", None if proof.undecided else False)
