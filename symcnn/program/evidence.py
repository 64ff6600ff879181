"""Numeric evidence: a gradient, evaluated by loops, against differences of the forward equations at random points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symcnn.calculus.arithmetic import arithmetic
from symcnn.calculus.sizes import small_sizes
from symcnn.core.equation import Equation, System
from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.core.expr import reads
from symcnn.core.tensor import Tensor
from symcnn.program.reference import evaluate, evaluate_system
from symcnn.program.scalar import UndefinedValue

STEP = 1e-5
TOLERANCE = 1e-6
MORE = 20  # times as many sizes that are merely small
ENOUGH_TERMS = 12  # entries times terms of the largest equation: smaller sizes are not looked for

Sizes = dict[sp.Symbol, Any]


@dataclass(frozen=True, slots=True)
class NumericEvidence:
    """The sizes tried, how many derivatives were compared, and the largest error relative to 1 + |difference|."""

    sizes: tuple[tuple[tuple[str, float], ...], ...]
    compared: int
    error: float

    @property
    def holds(self) -> bool:
        """Whether something was compared and nothing differs."""
        return self.compared > 0 and self.error <= TOLERANCE


def numeric_evidence(
    system: System, cotangents: Sequence[Equation], *, tries: int = 2, seed: int = 0
) -> NumericEvidence:
    """Compare ⟨ȳ, ∂y/∂x·v⟩, by central differences along random v, with ⟨x̄, v⟩ for each input x.

    ``cotangents`` defines, in order, the cotangents of values and inputs; that of the output is given. Random points
    lie away from kinks with probability one; sizes at which the output is not finite are passed over.
    Raises UnsupportedFormula or LimitExceeded where no small sizes make every read valid.
    """
    rng = np.random.default_rng(seed)
    tried: list[tuple[tuple[str, float], ...]] = []
    errors: list[float] = []
    for sizes in _sizes(system, cotangents, rng, 10 * tries):
        try:
            errors.extend(_errors(system, cotangents, sizes, rng))
        except (UndefinedValue, ShapeError):
            continue
        tried.append(tuple(sorted((symbol.name, float(value)) for symbol, value in sizes.items())))
        if len(tried) == tries:
            break
    if not tried:
        raise UnsupportedFormula(
            f"expected small sizes at which every read is valid, found none for {system}"
        )
    return NumericEvidence(tuple(tried), len(errors), max(errors, default=0.0))


def _sizes(
    system: System, cotangents: Sequence[Equation], rng: np.random.Generator, tries: int
) -> Iterator[Sizes]:
    """Small sizes, pairwise distinct where that is possible, at last any; scalar parameters take random values.

    Where a window may lie outside as a whole, as one in ceil mode with any extents, most distinct sizes are of no use.
    """
    scalars = sorted((s for s, _ in system.parameters if not s.is_integer), key=str)
    symbols: list[sp.Symbol] = []
    for seed in range(tries + MORE * tries):
        sizes: Sizes = dict.fromkeys(system.sizes, 2)  # of tensors that no equation reads any more
        if seed < tries:
            found = small_sizes((*system.equations, *cotangents), seed, largest=ENOUGH_TERMS)
            symbols = sorted(found, key=str)
            sizes |= {symbol: int(value) for symbol, value in found.items()}
        else:
            sizes |= {s: int(rng.integers(1 if s.is_positive else 0, 4)) for s in symbols}
        yield sizes | {name: float(rng.uniform(0.5, 1.5)) for name in scalars}


def _errors(
    system: System, cotangents: Sequence[Equation], sizes: Sizes, rng: np.random.Generator
) -> Iterator[float]:
    arrays = {t.name: _drawn(t, system, sizes, rng) for t in system.inputs}
    forward = evaluate_system(system, arrays, sizes)
    output = forward[system.output.name]
    if not np.all(np.isfinite(output)):
        raise UndefinedValue(f"{system.output.name} is not finite at these sizes")
    seed = rng.normal(size=output.shape)
    known = {**arrays, **forward, system.output.cotangent().name: seed}
    for equation in cotangents:
        known[equation.tensor.name] = evaluate(equation, known, sizes)
    for tensor in system.inputs:
        if tensor.cotangent().name not in known or is_label(tensor, system):
            continue
        along = rng.normal(size=arrays[tensor.name].shape)
        yield _error(system, arrays, sizes, tensor, along, seed, known[tensor.cotangent().name])


def _error(
    system: System,
    arrays: dict[str, np.ndarray],
    sizes: Sizes,
    tensor: Tensor,
    along: np.ndarray,
    seed: np.ndarray,
    cotangent: np.ndarray,
) -> float:
    """|difference − derivative| along one direction, relative to 1 + |difference|."""
    name = system.output.name
    ends = [
        evaluate_system(system, {**arrays, tensor.name: arrays[tensor.name] + sign * STEP * along}, sizes)[
            name
        ]
        for sign in (1, -1)
    ]
    difference = float(np.sum(seed * (ends[0] - ends[1]))) / (2 * STEP)
    return abs(difference - float(np.sum(cotangent * along))) / (1 + abs(difference))


def _drawn(tensor: Tensor, system: System, sizes: Sizes, rng: np.random.Generator) -> np.ndarray:
    """Values between 0.1 and 0.9, where logarithms and roots are smooth; whole numbers for labels."""
    shape = tuple(int(arithmetic(extent)(sizes)) for extent in tensor.shape)
    if is_label(tensor, system):
        return rng.integers(0, 2, size=shape).astype(np.float64)
    return rng.uniform(0.1, 0.9, size=shape)


def is_label(tensor: Tensor, system: System) -> bool:
    """Whether ``tensor`` is only ever compared for equality, as class labels are."""
    found = False
    for equation in system.equations:
        pairs = [e for e in sp.preorder_traversal(equation.body) if isinstance(e, sp.Eq | sp.Ne)]
        rest = equation.body.xreplace(dict.fromkeys(pairs, sp.true))
        if any(read.tensor == tensor for read in reads(rest)):
            return False
        found = found or any(read.tensor == tensor for read in reads(equation.body))
    return found
