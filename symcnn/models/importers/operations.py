"""Operations that PyTorch and ONNX share, as layers: entrywise functions, reductions, products, joins and pieces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers.assembly import Assembly, Source
from symcnn.models.importers.views import (
    View,
    Weight,
    constant,
    placed,
)
from symcnn.nets.catalogue import standard
from symcnn.nets.catalogue.activation import ELEMENTWISE
from symcnn.nets.catalogue.axes import axes

Number: TypeAlias = "int | float | Fraction | sp.Expr"
FRONT = "stghn"  # letters of the axes before the matrices in a product


def exact(number: object) -> Fraction | sp.Expr:
    """A finite number as the fraction that its decimal form says; an expression of sizes as it is. Raises ShapeError."""
    if isinstance(number, sp.Expr | Fraction):
        return number
    value = float(number) if isinstance(number, np.generic) else number
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ShapeError(f"expected a finite number, got {number!r}")
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def activation(a: Assembly, family: str, x: View, name: str = "", **parameters: Number) -> View:
    """A function of the catalogue, entry by entry."""
    sizes = {key: exact(value) for key, value in parameters.items()}
    return a.kind(ELEMENTWISE[family].kind(x.rank), {"x": x}, name or family, sizes)


def entrywise(
    a: Assembly,
    title: str,
    body: str,
    operands: Sequence[View | Number],
    name: str = "",
    **numbers: Number,
) -> View:
    """``body`` of the operands' entries {0}, {1}, …, with axes aligned from the last and those of 1 repeated."""
    views = [operand for operand in operands if isinstance(operand, View)]
    result = broadcast([view.shape for view in views])
    rank = len(result)
    entry = axes(rank)
    sizes: dict[str, object] = {key: exact(value) for key, value in numbers.items()}
    reads, given, sources = [], dict[str, str](), dict[str, Source]()
    for k, operand in enumerate(operands):
        if not isinstance(operand, View):
            sizes[f"s{k}"] = exact(operand)
            reads.append(f"s{k}")
            continue
        cut = rank - operand.rank
        aligned = zip(entry.indices[cut:], operand.shape, result[cut:], strict=True)
        indices = [i if extent == wanted else "0" for i, extent, wanted in aligned]
        source, positions, own = a.read(operand, indices, entry.sizes[cut:])
        arrays = sum(isinstance(s, Weight) for s in sources.values())
        key = "wvu"[arrays] if isinstance(source, Weight) else f"x{k + 1}"
        reads.append(f"{key}[{','.join(positions)}]" if positions else key)
        given[key], sources[key] = own, source
    told = {size for shape in given.values() for size in shape.split(",")}
    sizes |= {s: e for s, e in zip(entry.sizes, result, strict=True) if s not in told}
    text = f"{entry.at('y')} = {body.format(*reads)}"
    return a.formula(title, text, {**given, "y": entry.shape}, sources, name or title, sizes)


def broadcast(shapes: Sequence[Sequence[sp.Expr]]) -> tuple[sp.Expr, ...]:
    """The shape of an entrywise result. Raises ShapeError."""
    rank = max(map(len, shapes))
    result = []
    for axis in range(-rank, 0):
        found = dict.fromkeys(s[axis] for s in shapes if len(s) >= -axis and s[axis] != 1)
        if len(found) > 1:
            raise ShapeError(f"expected axes of one extent or of 1, got {' and '.join(map(str, found))}")
        result.append(next(iter(found), sp.S.One))
    return tuple(result)


def reduced(
    a: Assembly, title: str, lines: str, x: View, dims: Sequence[int] | None, keepdim: bool, **numbers: Number
) -> View:
    """A reduction over ``dims`` (all where none are given); ``lines`` are equations of {x}, {over}, {at} and {y}."""
    entry = axes(x.rank)
    over = sorted({placed(d, x.rank) for d in dims} if dims else range(x.rank))
    kept = [k for k in range(x.rank) if k not in over]
    if keepdim:
        target = [entry.indices[k] if k in kept else f"{entry.indices[k]}1" for k in range(x.rank)]
        shape = ",".join(entry.sizes[k] if k in kept else "1" for k in range(x.rank))
    else:
        target, shape = [entry.indices[k] for k in kept], ",".join(entry.sizes[k] for k in kept)
    inner = [entry.indices[k] for k in kept]
    text = lines.format(
        x=entry.at("x"),
        over=",".join(entry.indices[k] for k in over),
        count="*".join(entry.sizes[k] for k in over),
        y=f"y[{','.join(target)}]" if target else "y",
        at=f"[{','.join(inner)}]" if inner else "",
    )
    sizes = {key: exact(value) for key, value in numbers.items()}
    source = a.source(x)
    if not over:
        raise ShapeError(f"{title}: expected an axis to reduce, got none")
    return a.formula(title, text, {"x": entry.shape, "y": shape}, {"x": source}, title, sizes)


def matrix_product(a: Assembly, left: View, right: View, name: str = "matmul") -> View:
    """Products of matrices; the axes in front are a batch, repeated where they are 1. Raises ShapeError."""
    front = max(left.rank, right.rank, 2) - 2
    if not left.rank or not right.rank or front > len(FRONT):
        raise ShapeError(f"{name}: expected 1 to {len(FRONT) + 2} axes, got {left.rank} and {right.rank}")
    outer = FRONT[len(FRONT) - front :]
    own = outer[front - max(left.rank - 2, 0) :] + ("ik" if left.rank > 1 else "k")
    other = outer[front - max(right.rank - 2, 0) :] + ("kj" if right.rank > 1 else "k")
    result = outer + ("i" if left.rank > 1 else "") + ("j" if right.rank > 1 else "")
    return contracted(a, "matrix product", (own, other), result, (left, right), name)


def contracted(
    a: Assembly, title: str, rows: Sequence[str], result: str, operands: Sequence[View], name: str = ""
) -> View:
    """A sum of products: ``rows`` gives a letter for each axis, those not in ``result`` are summed. Raises ShapeError."""
    extents: dict[str, sp.Expr] = {}
    for row, operand in zip(rows, operands, strict=True):
        for letter, extent in zip(row, operand.shape, strict=True):
            known = extents.setdefault(letter, extent)
            if known != extent and 1 not in (known, extent):
                raise ShapeError(f"{name or title}: expected an axis of {known}, got {extent}")
            extents[letter] = extent if known == 1 else known
    reads, given, sources = [], dict[str, str](), dict[str, Source]()
    for k, (row, operand) in enumerate(zip(rows, operands, strict=True)):
        indices = [
            letter if extent == extents[letter] else "0"
            for letter, extent in zip(row, operand.shape, strict=True)
        ]
        source, positions, shape = a.read(operand, indices, row.upper())
        key = ("W" if k else "V") * (1 + k // 2) if isinstance(source, Weight) else f"x{k + 1}"
        reads.append(f"{key}[{','.join(positions)}]" if positions else key)
        given[key], sources[key] = shape, source
    told = {size for shape in given.values() for size in shape.split(",")}
    sizes: dict[str, object] = {k.upper(): e for k, e in extents.items() if k.upper() not in told}
    target = f"z[{','.join(result)}]" if result else "z"
    summed = ",".join(f"{letter}<{letter.upper()}" for letter in extents if letter not in result)
    product = "*".join(reads)
    text = f"{target} = " + (f"sum[{summed}]({product})" if summed else product)
    given["z"] = ",".join(result.upper())
    return a.formula(title, text, given, sources, name or title, sizes, letter="z")


def running_sum(a: Assembly, x: View, dim: int) -> View:
    """The sum of the entries up to each along an axis."""
    entry = axes(x.rank, least=1)
    k = entry.indices[placed(dim, x.rank)]
    text = f"{entry.at('y')} = sum[{k}1](where({k}1 <= {k}, {entry.at('x', **{k: f'{k}1'})}, 0))"
    return a.formula("running sum", text, {"x": entry.shape, "y": entry.shape}, {"x": a.source(x)}, "cumsum")


def dense(a: Assembly, x: View, weight: View, bias: View | None, name: str = "linear") -> View:
    """z[…,k] = b[k] + Σ_d W[k,d]·x[…,d]."""
    kind = standard("linear", rank=x.rank, bias=bias is not None)
    return a.kind(kind, given(x=x, W=weight, b=bias), name)


def given(**operands: View | None) -> dict[str, View]:
    """The operands that are there."""
    return {name: operand for name, operand in operands.items() if operand is not None}


def masked(a: Assembly, condition: View, chosen: View | Number, other: View | Number) -> View:
    """``chosen`` where the condition is true, else ``other``; −∞ is added where the condition is constant."""
    for number, rest, sign in ((chosen, other, 1), (other, chosen, 0)):
        if isinstance(number, float) and number == -math.inf:
            hidden = np.where((array_of(condition) > 0) == bool(sign), -math.inf, 0.0)
            return entrywise(a, "mask", "{0} + {1}", [rest, constant(hidden, condition.source.name)])
    return entrywise(a, "choice", "where({0} > 0, {1}, {2})", [condition, chosen, other], "where")


def array_of(view: View) -> np.ndarray:
    """A constant's entries. Raises UnsupportedFormula where it is computed."""
    if not isinstance(view.source, Weight) or view.source.trained or not view.plain:
        raise UnsupportedFormula("expected a constant mask or index, got a computed one")
    return view.source.array


def is_truth(mask: View) -> bool:
    """Whether a mask is a constant of truth values."""
    return isinstance(mask.source, Weight) and mask.source.truth
