"""From text to a system of equations: extents of indices, shapes of targets, and the proof that no read leaves a tensor.

The extent of an index is, in this order: written (``r<R``), the declared axis of the target, the axis that the index
alone reads, what a mixed-radix position of the target leaves it, the most that an affine read allows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import sympy as sp

from symcnn.core.bounds import coefficients, inside, span
from symcnn.core.equation import Equation, Index, System
from symcnn.core.errors import FormulaError, UnknownName
from symcnn.core.expr import Read, Where, reads, rebind
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.language import Draft, Reader, syntax
from symcnn.core.tensor import Tensor


def parse(
    text: str,
    shapes: Mapping[str, object] | None = None,
    *,
    defaults: Mapping[str, object] | None = None,
    policy: KinkPolicy = FIRST,
) -> System:
    """Read equations in the formula language.

    ``shapes`` gives each tensor's axes (``{"x": "N,D"}``); ``defaults`` values of scalar parameters.
    Raises FormulaError with line and column, or LimitExceeded.

    >>> print(parse("y[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"}))
    y[n, k] = sum[d<D](W[k, d]*x[n, d])
    """
    shapes = dict(shapes or {})
    reader = Reader(syntax(text), shapes, policy)
    equations = []
    for line in reader.lines:
        draft = reader.read(line)
        equation = _complete(draft, reader)
        equations.append(equation)
        reader.defined[equation.tensor.name] = equation.tensor
    unread = [name for name in shapes if name not in reader.inputs and name not in reader.defined]
    if unread:
        raise UnknownName(f"shape given for {', '.join(unread)}, which no equation reads or defines")
    values = dict(defaults or {})
    determined = _determined(reader.inputs.values())
    # An integer that only shapes name, such as a transposed convolution's extra rows, is given by keyword too.
    given = {
        name: reader.symbols[name] for name in values if name in reader.symbols and not reader.is_size(name)
    }
    parameters = tuple(
        (symbol, None if values.get(name) is None else sp.nsimplify(values[name], rational=True))
        for name, symbol in {**reader.scalars, **given}.items()
        if name in values or symbol not in determined
    )
    return System(tuple(equations), tuple(reader.inputs.values()), parameters)


def _determined(inputs: Iterable[Tensor]) -> set[sp.Symbol]:
    """The sizes that the shapes of the inputs fix, one after the other: K in an axis G*K once G is known."""
    axes = [extent for tensor in inputs for extent in tensor.shape if not extent.has(sp.floor)]
    known: set[sp.Symbol] = set()
    while True:
        found = {
            symbol
            for extent in axes
            for symbol in extent.free_symbols - known
            if len(extent.free_symbols - known) == 1 and sp.expand(extent).coeff(symbol, 1) != 0
        }
        if not found:
            return known
        known |= found


def _complete(draft: Draft, reader: Reader) -> Equation:
    target = draft.target.tensor
    declared = reader.shape_of(target.name)
    extents = dict(draft.explicit)
    indices = [*draft.free.values(), *draft.placeholders]
    every = sorted(reads(draft.body), key=lambda read: draft.columns.get(read, 0))
    if declared is not None:
        _from_axes([Read(Tensor(target.name, declared), draft.target.at)], indices, extents)
    _from_axes([read for read in every if read.outside is None], indices, extents)
    _from_axes([read for read in every if read.outside is not None], indices, extents)
    if declared is not None:
        _from_affine([Read(Tensor(target.name, declared), draft.target.at)], indices, extents)
    _from_affine([read for read in every if read.outside is None], indices, extents)
    for symbol in indices:
        if symbol not in extents:
            raise FormulaError(
                f"expected an extent for the index {symbol.name}",
                line=draft.line,
                hint=f"write {symbol.name}<R in its reduction"
                if symbol in draft.placeholders
                else f"give shapes[{target.name!r}]",
            )
    body = rebind(draft.body, {mark: extents[symbol] for symbol, mark in draft.placeholders.items()})
    shape = declared if declared is not None else _target_shape(draft, extents)
    tensor = Tensor(target.name, shape, "value")
    free = tuple(Index(symbol, extents[symbol]) for symbol in draft.free.values())
    equation = Equation(Read(tensor, draft.target.at), body, free)
    _check_target(equation, draft)
    check_reads(equation, draft.columns, draft.line)
    return equation


def _from_axes(every: list[Read], indices: list[sp.Symbol], extents: dict[sp.Symbol, sp.Expr]) -> None:
    for read in every:
        for position, extent in zip(read.at, read.tensor.shape, strict=True):
            if position in indices and position not in extents:
                extents[position] = extent


def _from_affine(every: list[Read], indices: list[sp.Symbol], extents: dict[sp.Symbol, sp.Expr]) -> None:
    """One unknown index: the most that the read allows; several: mixed radix, as in ``(c*H + i)*W + j``."""
    progress = True
    while progress:
        progress = False
        for read, axis in [(r, k) for r in every for k in range(r.tensor.rank)]:
            slopes, rest = coefficients(read.at[axis], indices)
            unknown = [k for k in slopes if k not in extents]
            if len(unknown) == 1:
                most = _most(unknown[0], slopes, rest, read.tensor.shape[axis], extents)
            elif len(unknown) > 1:
                most = _mixed_radix(slopes, unknown, read.tensor.shape[axis])
            else:
                continue
            if most:
                extents.update(most)
                progress = True


def _most(
    unknown: sp.Symbol,
    slopes: Mapping[sp.Symbol, sp.Expr],
    rest: sp.Expr,
    extent: sp.Expr,
    extents: Mapping[sp.Symbol, sp.Expr],
) -> dict[sp.Symbol, sp.Expr]:
    slope = slopes[unknown]
    others = rest + sum(c * k for k, c in slopes.items() if k != unknown)
    reach = span(others, extents)
    if reach is None or not (slope.is_positive or slope.is_negative):
        return {}
    room = extent - 1 - reach[1] if slope.is_positive else reach[0]
    most = sp.floor(sp.expand(room) / abs(slope)) + 1 if abs(slope) != 1 else sp.expand(room + 1)
    return {unknown: most}


def _mixed_radix(
    slopes: Mapping[sp.Symbol, sp.Expr], unknown: list[sp.Symbol], extent: sp.Expr
) -> dict[sp.Symbol, sp.Expr]:
    weights = {k: slope.as_coeff_Mul() for k, slope in slopes.items()}
    order = sorted(
        slopes,
        key=lambda k: (
            len(sp.Mul.make_args(weights[k][1])) - (weights[k][1] == 1),
            weights[k][0],
            str(slopes[k]),
        ),
    )
    limits = [slopes[k] for k in order[1:]] + [extent]
    found = {}
    for k, limit in zip(order, limits, strict=True):
        quotient = sp.cancel(limit / slopes[k])
        if sp.fraction(quotient)[1] != 1:
            return {}
        found[k] = quotient
    return {k: found[k] for k in unknown}


def _target_shape(draft: Draft, extents: Mapping[sp.Symbol, sp.Expr]) -> list[sp.Expr]:
    shape = []
    for position in draft.target.at:
        if position in extents:
            shape.append(extents[position])
            continue
        reach = span(position, {k: extents[k] for k in draft.free.values()})
        if reach is None:
            raise FormulaError(f"expected a shape for {draft.target.tensor.name}", line=draft.line)
        shape.append(sp.factor_terms(sp.expand(reach[1] + 1)))
    return shape


def _check_target(equation: Equation, draft: Draft) -> None:
    """Every entry of the target is defined exactly once: each axis a mixed-radix number of its own indices."""
    seen: list[sp.Symbol] = []
    for position, extent in zip(equation.target.at, equation.tensor.shape, strict=True):
        slopes, rest = coefficients(position, equation.extents)
        weight, left = sp.S.One, dict(slopes)
        while left:
            k = next((k for k, c in left.items() if sp.expand(c - weight) == 0), None)
            if k is None:
                break
            weight = sp.expand(weight * equation.extents[k])
            del left[k]
        seen.extend(slopes)
        if left or rest != 0 or not _equal(weight, extent):
            raise FormulaError(
                f"expected the target to define each of the {extent} entries once, got position {position}",
                line=draft.line,
            )
    if len(seen) != len(set(seen)):
        raise FormulaError("expected each index once in the target", line=draft.line)


def _equal(left: sp.Expr, right: sp.Expr) -> bool:
    return bool(sp.expand(left - right) == 0 or sp.simplify(left - right) == 0)


def check_reads(equation: Equation, columns: Mapping[Read, int], line: int = 1) -> None:
    """Refuse a read without an outside value that can leave its tensor; cases guard what stands under them.

    Raises FormulaError naming the read and the range.
    """
    extents = equation.extents
    for read in sorted(_unprotected(equation.body), key=lambda r: _column(r, columns)):
        if read.outside is not None:
            continue
        for axis, (position, extent) in enumerate(zip(read.at, read.tensor.shape, strict=True)):
            if inside(position, extent, extents):
                continue
            where = _leaves(position, extent, extents)
            if where is not None:
                loose = position.is_Symbol and position not in extents
                raise FormulaError(
                    f"expected an index, got {position}, neither in the target nor bound by a reduction"
                    if loose
                    else f"{read} can leave {read.tensor.name}: axis {axis} of extent {extent} is read at {where}",
                    line=line,
                    column=_column(read, columns),
                    hint=f"write {position}<{extent} in a reduction, such as sum[{position}](…)"
                    if loose
                    else f"give a value outside, {read.tensor.name}[… | 0], or another shape",
                )


def _column(read: Read, columns: Mapping[Read, int]) -> int:
    """Where the read is written: extents have been filled in since, so tensor and positions are compared."""
    return next((c for r, c in columns.items() if r.tensor.name == read.tensor.name and r.at == read.at), 1)


def _unprotected(body: sp.Basic) -> list[Read]:
    if isinstance(body, Where):
        return _unprotected(body.condition)
    if isinstance(body, Read):
        return [body]
    return list(dict.fromkeys(read for arg in body.args for read in _unprotected(arg)))


def _leaves(position: sp.Expr, extent: sp.Expr, extents: Mapping[sp.Symbol, sp.Expr]) -> str | None:
    """A range that shows the read outside at some small sizes, or None where none of those tried does."""
    reach = span(position, extents)
    if reach is None:
        return f"{position}, of unknown sign"
    used = [extents[k] for k in sorted(position.free_symbols & set(extents), key=str)]
    symbols = sorted(set().union(*(e.free_symbols for e in (*reach, extent, *used))), key=str)
    for values in itertools.islice(itertools.product((3, 1, 2, 5, 4, 8), repeat=len(symbols)), 4000):
        at = dict(zip(symbols, values, strict=True))
        low, high, limit = (e.subs(at) for e in (*reach, extent))
        if any(e.subs(at) < 1 for e in used):
            continue
        if low < 0 or high >= limit:
            sizes = ", ".join(f"{s}={v}" for s, v in at.items())
            return f"{reach[0]} … {reach[1]}" + (f", outside for {sizes}" if sizes else "")
    return None
