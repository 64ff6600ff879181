"""A formula put to the test: emitted code against the reference evaluator and against differences."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import sympy as sp

from symcnn.calculus.proof import by_entries
from symcnn.calculus.sizes import small_sizes
from symcnn.core.expr import rebind
from symcnn.nets.formula import Layer
from symcnn.program.reference import evaluate, evaluate_system
from symcnn.render.numpy_source import emit_plan

Arrays = dict[str, np.ndarray]
Numbers = dict[str, float | int]


def replayed(made: Layer) -> None:
    """Every derivation of the layer replays."""
    for _, parts in made.cotangents():
        assert all(part.derivation.replay() for part in parts)


def proved(made: Layer) -> None:
    """Every gradient equals, symbol for symbol, the derivative of the expanded entries."""
    for _, parts in made.cotangents():
        for part in parts:
            proof = by_entries(part)
            assert proof.holds, f"{part.equation}: {proof.differs}"


def tried(made: Layer, seed: int = 0, *, whole: bool = False, slopes: int = 6) -> None:
    """Emitted ``forward`` and ``vjp`` against the reference evaluator, and ``vjp`` against differences.

    ``whole`` draws integers, where polynomial formulas must agree exactly.
    """
    module = emit_plan(made.plan()).load()
    arrays, numbers = drawn(made, seed, whole=whole)
    exact = {name: to_exact(array) for name, array in arrays.items()} if whole else arrays
    values = evaluate_system(made.system, exact, numbers)
    output = module.forward(**arrays, **given(made, numbers))
    agree(output, values[made.output.name], whole=whole)
    rng = np.random.default_rng(seed + 1)
    cotangent = rng.integers(-3, 4, output.shape).astype(float) if whole else rng.normal(size=output.shape)
    known = {**exact, **values, made.output.cotangent().name: to_exact(cotangent) if whole else cotangent}
    for equation, _ in made.cotangents():
        known[equation.tensor.name] = evaluate(equation, known, {**sizes_of(made, arrays), **numbers})
    cotangents = module.vjp(cotangent, **arrays, **given(made, numbers))
    assert set(cotangents) == {tensor.name for tensor in made.wrt}
    for name, found in cotangents.items():
        assert found.shape == arrays[name].shape
        agree(found, known[f"d{name}"], whole=whole)
    if not whole:
        differences(made, module, arrays, numbers, cotangent, cotangents, rng, slopes)


def to_exact(array: np.ndarray) -> np.ndarray:
    found = np.empty(array.shape, dtype=object)
    for at, value in np.ndenumerate(array):
        found[at] = int(value)
    return found


def agree(found: np.ndarray, wanted: np.ndarray, *, whole: bool) -> None:
    """Equal to rounding; with whole numbers equal but for the rounding of quotients."""
    wanted = np.asarray(wanted).astype(float)
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(
        found, wanted, rtol=1e-13 if whole else 1e-10, atol=(1e-15 if whole else 1e-12) * scale
    )


def drawn(made: Layer, seed: int, *, whole: bool) -> tuple[Arrays, Numbers]:
    """Random arrays of a small shape at which every read is valid, and values for the parameters."""
    unread = {s: sp.Integer(3) for t in made.system.inputs for extent in t.shape for s in extent.free_symbols}
    sizes = {**unread, **small_sizes(list(made.system.equations), seed)}
    rng = np.random.default_rng(seed)
    arrays: Arrays = {}
    for tensor in made.system.inputs:
        shape = [
            int(rebind(extent, sizes)) if extent.is_Integer else int(rebind(extent, sizes).doit())
            for extent in tensor.shape
        ]
        if whole:
            arrays[tensor.name] = rng.integers(-3, 4, shape).astype(float)
        else:
            arrays[tensor.name] = rng.permutation(np.linspace(0.2, 1.7, max(1, int(np.prod(shape))))).reshape(
                shape
            )
            arrays[tensor.name] *= 1 + 0.05 * rng.random(shape)
    numbers: Numbers = {}
    for symbol, default in made.system.parameters:
        if symbol in sizes:
            numbers[symbol.name] = int(sizes[symbol])
        else:
            numbers[symbol.name] = float(default) if default is not None else (2 if whole else 0.75)
    return arrays, numbers


def given(made: Layer, numbers: Numbers) -> Numbers:
    return {symbol.name: numbers[symbol.name] for symbol, _ in made.system.parameters}


def sizes_of(made: Layer, arrays: Arrays) -> dict[str, int]:
    """Sizes that stand alone as an axis of an input."""
    return {
        extent.name: length
        for tensor in made.system.inputs
        for extent, length in zip(tensor.shape, arrays[tensor.name].shape, strict=True)
        if isinstance(extent, sp.Symbol)
    }


def differences(
    made: Layer,
    module: ModuleType,
    arrays: Arrays,
    numbers: Numbers,
    cotangent: np.ndarray,
    cotangents: Arrays,
    rng: np.random.Generator,
    slopes: int,
    step: float = 1e-6,
) -> None:
    """⟨x̄, v⟩ against the central difference of ⟨ȳ, y⟩ along random directions v, for each input."""
    for name in cotangents:
        for _ in range(slopes):
            direction = rng.normal(size=arrays[name].shape)
            ends = [
                np.sum(
                    cotangent
                    * module.forward(
                        **{**arrays, name: arrays[name] + sign * step * direction}, **given(made, numbers)
                    )
                )
                for sign in (1, -1)
            ]
            slope, claimed = (ends[0] - ends[1]) / (2 * step), np.sum(cotangents[name] * direction)
            scale = 1 + abs(slope) + np.sum(np.abs(cotangents[name] * direction))
            assert abs(slope - claimed) < 2e-6 * scale, f"d{name}: {claimed} is not {slope}"
