"""The reference evaluator: index equations by loops, one entry after the other; the oracle of every lowering.

Arrays of dtype ``object`` are computed exactly (integers, fractions, SymPy numbers or symbols stay what they
are under + - * /, integer powers, maxima and cases); other arrays give float64.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.equation import Equation, System
from symcnn.core.errors import ShapeError
from symcnn.core.expr import Limit, Read
from symcnn.core.plan import Scatter, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.scalar import Env, Scope, exact_number, value_of
from symcnn.program.sizes import sizes_of

Sizes = Mapping[Any, Any]  # size or scalar parameter, by symbol or by name


def evaluate(equation: Equation, tensors: Mapping[str, np.ndarray], sizes: Sizes | None = None) -> np.ndarray:
    """The array that ``equation`` defines.

    ``tensors`` gives the arrays that the body reads, ``sizes`` the sizes and scalar parameters that their shapes
    leave open. Raises ShapeError where an array does not fit, UndefinedValue where an entry has no value (1/0).
    """
    scope, env = _prepared(equation.inputs, tensors, sizes)
    body = value_of(equation.body, scope)
    places = [value_of(position, scope) for position in equation.target.at]
    result = _empty(_shape(equation.tensor, scope, env))
    limits = tuple((index.symbol, index.extent) for index in equation.free)
    for _ in _loop(limits, scope, env):
        result[tuple(int(place(env)) for place in places)] = body(env)
    return _typed(result, tensors, equation.inputs)


def evaluate_scatter(
    scatter: Scatter, tensors: Mapping[str, np.ndarray], sizes: Sizes | None = None
) -> np.ndarray:
    """The array that ``scatter`` accumulates; positions outside it add nothing. Raises as ``evaluate``."""
    inputs = _inputs(scatter.factor)
    scope, env = _prepared(inputs, tensors, sizes)
    factor = value_of(scatter.factor, scope)
    places = [value_of(position, scope) for position in scatter.target.at]
    result = _empty(_shape(scatter.target.tensor, scope, env))
    result[...] = 0
    for _ in _loop(scatter.limits, scope, env):
        at = tuple(place(env) for place in places)
        if all(p == int(p) and 0 <= p < n for p, n in zip(at, result.shape, strict=True)):
            result[tuple(map(int, at))] += factor(env)
    return _typed(result, tensors, inputs)


def evaluate_statement(
    statement: Statement, tensors: Mapping[str, np.ndarray], sizes: Sizes | None = None
) -> np.ndarray:
    """The array of a statement, by its exact equation."""
    return evaluate(statement.equation, tensors, sizes)


def evaluate_system(
    system: System, tensors: Mapping[str, np.ndarray], sizes: Sizes | None = None
) -> dict[str, np.ndarray]:
    """Every target of ``system``, in order, by name; a parameter without a value in ``sizes`` has its default."""
    values = {symbol: default for symbol, default in system.parameters if default is not None}
    given = {getattr(key, "name", key) for key in sizes or {}}
    values = {symbol: value for symbol, value in values.items() if symbol.name not in given}
    known = {**values, **dict(sizes or {})}
    arrays = dict(tensors)
    _, env = _prepared(system.inputs, arrays, known)
    known = {**known, **env}
    found: dict[str, np.ndarray] = {}
    for equation in system.equations:
        arrays[equation.tensor.name] = found[equation.tensor.name] = evaluate(equation, arrays, known)
    return found


def _inputs(expr: sp.Expr) -> list[Tensor]:
    return list(dict.fromkeys(node.tensor for node in sp.preorder_traversal(expr) if isinstance(node, Read)))


def _prepared(
    inputs: Sequence[Tensor], tensors: Mapping[str, np.ndarray], sizes: Sizes | None
) -> tuple[Scope, Env]:
    """Arrays as lists of Python numbers, sizes and parameters by name. Raises ShapeError."""
    missing = [tensor.name for tensor in inputs if tensor.name not in tensors]
    if missing:
        raise ShapeError(f"expected arrays for {', '.join(missing)}, got {', '.join(tensors) or 'none'}")
    arrays = {tensor.name: np.asarray(tensors[tensor.name]) for tensor in inputs}
    named = {str(getattr(key, "name", key)): value for key, value in dict(sizes or {}).items()}
    symbols = {s for tensor in inputs for extent in tensor.shape for s in extent.free_symbols}
    known = {s: sp.Integer(named[s.name]) for s in sorted(symbols, key=str) if s.name in named}
    found = sizes_of(inputs, {name: array.shape for name, array in arrays.items()}, known)
    env: Env = {name: exact_number(value) for name, value in named.items()}
    env.update({symbol.name: exact_number(value) for symbol, value in found.items()})
    scope = Scope({name: _numbers(array) for name, array in arrays.items()}, {})
    for tensor in inputs:
        shape = _shape(tensor, scope, env)
        if shape != arrays[tensor.name].shape:
            raise ShapeError(f"expected {tensor.name} of shape {shape}, got {arrays[tensor.name].shape}")
    return scope, env


def _numbers(array: np.ndarray) -> np.ndarray:
    """The entries as Python's own numbers, so that fractions and floats mix."""
    result = np.empty(array.shape, dtype=object)
    for at, value in np.ndenumerate(array):
        result[at] = exact_number(value)
    return result


def _shape(tensor: Tensor, scope: Scope, env: Env) -> tuple[int, ...]:
    shape = tuple(value_of(extent, scope)(env) for extent in tensor.shape)
    if not all(isinstance(extent, int) and extent >= 0 for extent in shape):
        raise ShapeError(f"expected whole extents for {tensor.name}, got {shape} from {tensor.shape}")
    return shape


def _empty(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, dtype=object)


def _loop(limits: Sequence[Limit], scope: Scope, env: Env) -> Iterator[None]:
    """Sets the indices in ``env`` to each of their values, in row-major order."""
    names = [scope.key(symbol) for symbol, _ in limits]
    ranges = [range(int(value_of(extent, scope)(env))) for _, extent in limits]
    for values in itertools.product(*ranges):
        env.update(zip(names, values, strict=True))
        yield


def _typed(result: np.ndarray, tensors: Mapping[str, np.ndarray], inputs: Sequence[Tensor]) -> np.ndarray:
    """Exact entries where an input held objects, else float64."""
    if any(np.asarray(tensors[tensor.name]).dtype == object for tensor in inputs):
        return _numbers(result)
    return result.astype(np.float64)
