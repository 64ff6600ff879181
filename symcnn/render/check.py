"""What ``check`` does: the evidence for every derivation of a network or layer, and for the program of a network.

A network is derived kind by kind for all sizes; that its gradients put these together rightly is shown by its program.
A large network is computed in a narrow form, with fewer channels, and compared with it step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.nets.formula import Layer
from symcnn.nets.narrow import narrowed, same_form
from symcnn.nets.network import Network
from symcnn.nets.sweep import plan, routines
from symcnn.render.evidence import Evidence, Finding, derived_findings, layer_findings
from symcnn.render.numpy_names import classes_of
from symcnn.render.numpy_source import emit_plan

CHANGE = 1e-6  # of the loss, by which a step is chosen
LONGEST = 1e-5
FACTORS = (
    1,
    0.1,
    10,
    0.01,
)  # shorter steps where a kink or a sharp bend lies near, a longer one against rounding
TOLERANCE = 1e-5
SMALLEST = 1e-10  # what rounding leaves of a gradient that vanishes, beside the largest
DIRECTIONS = 3
LARGE = 10_000_000  # multiply-adds, or parameters, above which a narrow form is compared
MOST = 200_000_000  # above which a step takes too long

Arrays = dict[str, np.ndarray]


def check(subject: Network | Layer) -> Evidence:
    """Check every derivation that a network or layer uses, and its emitted program."""
    if isinstance(subject, Layer):
        return Evidence(subject.name, tuple(layer_findings(subject)))
    findings: list[Finding] = []
    for kind in dict.fromkeys(node.kind for node in subject.nodes):
        found = [(c.equation, c.parts) for c in kind.cotangents(kind.differentiable, subject.policy)]
        findings.extend(derived_findings(kind.title, kind.system(subject.policy), found))
    findings.extend(_composed(subject))
    return Evidence(subject.name, tuple(findings))


def _composed(net: Network) -> list[Finding]:
    """The gradients of the emitted module; of a large network, those of a narrow form that has the same steps.

    Narrow forms are ill-conditioned where few channels are left: one that differs gives way to a wider one, which a
    wrong gradient would not pass either.
    """
    whole = plan(net)
    small = _products(net) <= LARGE and _entries_of(whole) <= LARGE
    told = "a step takes too long for a check, and no narrower network has the same steps"
    found = [Finding(f"{net.name}, emitted", "numeric", f"not possible: {told}", None)]
    for divisor, form in [(1, net)] if small else narrowed(net):
        own = whole if divisor == 1 else plan(form)
        count, differing = same_form(whole, own)
        if differing or _products(form) > MOST or _entries_of(own) > MOST:
            continue
        slopes = _program(routines(form))
        if divisor > 1 and slopes.alive <= len(own.parameters) / 2:
            continue
        found = [_program_finding(net.name, own, divisor, slopes)]
        if divisor > 1:
            told = f"all {count} steps forwards and backwards are those of the narrow network, but for sizes"
            found.append(Finding(f"{net.name}, sweep", "form", told, True))
        if found[0].passed:
            break
    return found


def _products(net: Network) -> int:
    return sum(node.multiply_adds() for node in net.nodes)


def _entries_of(found: Plan) -> int:
    return sum(int(sp.Mul(*tensor.shape)) for tensor in found.parameters)


def _program_finding(name: str, own: Plan, divisor: int, slopes: Slopes) -> Finding:
    if not slopes.finite:
        return Finding(f"{name}, emitted", "numeric", "the loss is not finite at the numbers drawn", None)
    narrow = f" with 1/{divisor} of its channels" if divisor > 1 else ""
    images = "×".join(map(str, own.inputs[0].shape[1:]))
    agree = "agree with" if slopes.error <= TOLERANCE else "differ from"
    told = (
        f"slopes of the loss along {DIRECTIONS} random directions in all {len(own.parameters)} parameter arrays "
        f"{agree} central differences in float64 on inputs of {images}, largest relative error {slopes.error:.1e}"
    )
    if slopes.alive < len(own.parameters):
        told += f"; {len(own.parameters) - slopes.alive} gradients vanish there"
    return Finding(f"{name}, emitted{narrow}", "numeric", told, slopes.error <= TOLERANCE)


@dataclass(frozen=True, slots=True)
class Slopes:
    """The largest relative error of the slopes, how many gradients do not vanish, and whether the loss is finite."""

    error: float
    alive: int
    finite: bool


def _program(found: Plan) -> Slopes:
    """The emitted module's gradients against differences of the loss that it trains on, in float64, along directions.

    Every parameter array has an equal share in a direction: half of it goes along its gradient, half is random.
    """
    module = emit_plan(found).load()
    draw = np.random.default_rng(0)
    params = module.init(seed=1, dtype=np.float64)
    for name in params:
        params[name] += 0.01 * draw.standard_normal(params[name].shape)
    given = [_given(tensor, found, draw) for tensor in found.inputs]
    state = module.init_state(np.float64) if found.state else {}
    for tensor in found.constants:
        state[tensor.name] += draw.uniform(0.5, 1.5, state[tensor.name].shape)

    def trained(at: Arrays) -> tuple[float, Arrays]:
        """Loss and gradients, with the same masks and statistics each time."""
        extras: dict[str, Any] = {"state": {k: v.copy() for k, v in state.items()}} if state else {}
        if found.draws or any(procedure.draws for procedure in found.procedures):
            extras["rng"] = np.random.default_rng(2)
        loss, gradients = module.loss_and_grads(at, *given, **extras)
        return float(loss), gradients

    loss, gradients = trained(params)
    norms = {name: float(np.linalg.norm(gradient)) for name, gradient in gradients.items()}
    least = SMALLEST * max(norms.values(), default=0.0)
    errors = [0.0 if np.isfinite(loss) else np.inf]
    for _ in range(DIRECTIONS):
        along = {}
        for name, value in params.items():
            along[name] = draw.standard_normal(value.shape)
            along[name] /= np.linalg.norm(along[name])
            if norms[name] > least:
                along[name] += gradients[name] / norms[name]
        slope = sum(float(np.sum(gradients[k] * along[k])) for k in params)
        errors.append(min(_errors(trained, params, along, slope)))
    alive = sum(norm > least for norm in norms.values())
    return Slopes(float(max(errors)), alive, bool(np.all(np.isfinite(errors))))


def _errors(
    trained: Callable[[Arrays], tuple[float, Arrays]],
    params: Arrays,
    along: Arrays,
    slope: float,
) -> Iterator[float]:
    """Errors of central differences, relative to the slope, for one step after the other until one is small."""
    for factor in FACTORS:
        step = factor * min(LONGEST, CHANGE / max(abs(slope), SMALLEST))
        ends = [trained({k: v + s * step * along[k] for k, v in params.items()})[0] for s in (1, -1)]
        yield (error := abs((ends[0] - ends[1]) / (2 * step) - slope) / max(abs(slope), SMALLEST))
        if error <= TOLERANCE:
            return


def _given(tensor: Tensor, found: Plan, draw: np.random.Generator) -> np.ndarray:
    """Two images, words or labels of them."""
    shape = tuple(int(extent.subs(dict.fromkeys(extent.free_symbols, 2))) for extent in tensor.shape)
    classes = classes_of(tensor, found.every_statement)
    if classes is not None:
        return draw.integers(0, int(classes), shape)
    return (
        draw.standard_normal(shape) if tensor == found.inputs[0] else draw.integers(0, 2, shape).astype(float)
    )
