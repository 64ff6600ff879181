"""Evidence for a gradient: its steps replay, it agrees with expanded entries and with a numeric derivative."""

from __future__ import annotations

import sympy as sp

from symcnn.calculus.proof import by_entries, small_sizes
from symcnn.calculus.pullback import Gradient
from symcnn.core.equation import Equation, System
from symcnn.core.errors import LimitExceeded, UnsupportedFormula
from symcnn.program.evidence import TOLERANCE, numeric_evidence
from symcnn.render.document_model import Check, Evidence

SEEDS = (0, 1)
MOST_TERMS = 1000  # of an expansion that is compared a second time


def evidence(gradient: Gradient) -> Evidence:
    """All checks of one gradient through one equation."""
    steps = len(gradient.derivation.steps)
    told = f"each of the {steps} steps, applied again, gives what it recorded"
    replayed = Check("replay", (told,), gradient.derivation.replay())
    return Evidence((replayed, *_entries(gradient), _numeric(gradient)))


def _entries(gradient: Gradient) -> tuple[Check, ...]:
    """Comparison with SymPy's derivative of the expanded equation, at two choices of sizes."""
    checks: dict[str, Check] = {}
    equation = gradient.derivation.equation
    for seed in SEEDS:
        try:
            sizes = small_sizes([equation], seed)
            if checks and _terms(equation, sizes) > MOST_TERMS:
                break
            proof = by_entries(gradient, sizes)
        except (LimitExceeded, UnsupportedFormula) as error:
            checks[str(error)] = Check("entries", (f"not possible: {error}",), None)
            continue
        shown = _shown([(name, float(value)) for name, value in proof.sizes])
        told = f"{proof.entries} entries equal, symbol for symbol, the derivative of the expanded equation{shown}"
        if proof.undecided:
            checks[shown] = Check("entries", (f"not decided{shown}: {proof.undecided}",), None)
            continue
        checks[shown] = Check(
            "entries", (told if proof.holds else f"differs{shown}: {proof.differs}",), proof.holds
        )
    return tuple(checks.values())


def _terms(equation: Equation, sizes: dict[sp.Symbol, sp.Expr]) -> int:
    """How many terms the expanded equation has."""
    return int(sp.Mul(*(extent.xreplace(sizes).doit() for extent in equation.extents.values())))


def _numeric(gradient: Gradient) -> Check:
    """Comparison with central differences along random directions."""
    equation = gradient.derivation.equation
    sizes = {s for t in (*equation.inputs, equation.tensor) for e in t.shape for s in e.free_symbols}
    indices = set(equation.extents)
    scalars = sorted(equation.body.free_symbols - indices - sizes, key=lambda s: str(s.name))
    system = System((equation,), tuple(equation.inputs), tuple((s, None) for s in scalars))
    try:
        found = numeric_evidence(system, [gradient.equation], tries=1)
    except (UnsupportedFormula, LimitExceeded) as error:
        return Check("numeric", (f"not possible: {error}",), None)
    shown = _shown(list(found.sizes[0]))
    compared = "agrees with" if found.holds else "differs from"
    told = f"{compared} central differences in float64 at a random point, to {TOLERANCE:.0e} relative{shown}"
    return Check("numeric", (told,), found.holds)


def _shown(sizes: list[tuple[str, float]]) -> str:
    named = ", ".join(f"{name} = {value:g}" for name, value in sizes)
    return f", at {named}" if named else ""
