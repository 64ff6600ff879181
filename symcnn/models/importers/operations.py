"""Operations that PyTorch and ONNX share, as layers: entrywise functions, reductions, products, joins and pieces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers.assembly import Assembly, Source
from symcnn.models.importers.views import (
    Extent,
    View,
    Weight,
    completed,
    constant,
    inserted,
    placed,
    reshaped,
    selected,
    sliced,
    whole,
)
from symcnn.nets.catalogue import standard
from symcnn.nets.catalogue.activation import ELEMENTWISE
from symcnn.nets.catalogue.axes import axes

Number = int | float | Fraction | sp.Expr


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
        key = "wvu"[k] if isinstance(source, Weight) else f"x{k + 1}"
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
    shapes = [list(left.shape), list(right.shape)]
    if not all(shapes):
        raise ShapeError("matmul: expected at least one axis")
    vectors = [len(shape) == 1 for shape in shapes]
    front = [shape[:-2] for shape in shapes]
    batch = broadcast(front) if any(front) else ()
    letters = [("n", "N"), ("h", "H"), ("g", "G"), ("t", "T"), ("s", "S")]
    if len(batch) > len(letters):
        raise ShapeError(f"matmul: expected at most {len(letters) + 2} axes, got {len(batch) + 2}")
    outer = letters[len(letters) - len(batch) :]
    reads, given, sources = [], {}, {}
    ends = ([("i", "I"), ("k", "K")], [("k", "K"), ("j", "J")])
    for number, (operand, shape, vector, end) in enumerate(
        zip((left, right), shapes, vectors, ends, strict=True)
    ):
        own = outer[len(outer) - len(shape[:-2]) :]
        wanted = batch[len(batch) - len(own) :]
        pairs = [p if e == w else ("0", "1") for p, e, w in zip(own, shape[:-2], wanted, strict=True)]
        pairs += [("k", "K")] if vector else end
        source, positions, text = a.read(operand, [i for i, _ in pairs], [s for _, s in pairs])
        key = ("W" if number else "V") if isinstance(source, Weight) else f"x{number + 1}"
        reads.append(f"{key}[{','.join(positions)}]")
        given[key], sources[key] = text, source
    if shapes[0][-1] != shapes[1][-1 if vectors[1] else -2]:
        raise ShapeError(f"{name}: expected {shapes[0][-1]} rows, got {shapes[1][-1 if vectors[1] else -2]}")
    result = [*outer, *([] if vectors[0] else [("i", "I")]), *([] if vectors[1] else [("j", "J")])]
    target = f"z[{','.join(i for i, _ in result)}]" if result else "z"
    text = f"{target} = sum[k]({' * '.join(reads)})"
    given["z"] = ",".join(s for _, s in result)
    return a.formula("matrix product", text, given, sources, name, letter="z")


def dense(a: Assembly, x: View, weight: View, bias: View | None, name: str = "linear") -> View:
    """z[…,k] = b[k] + Σ_d W[k,d]·x[…,d]."""
    kind = standard("linear", rank=x.rank, bias=bias is not None)
    return a.kind(kind, given(x=x, W=weight, b=bias), name)


def joined(a: Assembly, parts: Sequence[View], dim: int) -> View:
    """The parts one after the other along an axis."""
    shapes = [part.shape for part in parts]
    parts = [part for part, shape in zip(parts, shapes, strict=True) if sp.S.Zero not in shape]
    rank = len(parts[0].shape)
    axis = placed(dim, rank)
    if len(parts) == 1:
        return parts[0]
    entry = axes(rank)
    index = entry.indices[axis]
    reads, given_shapes, sources, behind = [], {}, {}, list[str]()
    for k, part in enumerate(parts, start=1):
        source = a.source(part)
        key = f"{'w' if isinstance(source, Weight) else 'x'}{_letters(k)}"
        position = "-".join((index, *behind))
        positions = [position if n == axis else i for n, i in enumerate(entry.indices)]
        reads.append(f"{key}[{','.join(positions)} | 0]")
        extent = part.shape[axis]
        if not extent.is_Integer:
            raise UnsupportedFormula(f"concatenation along an axis of extent {extent} is not supported")
        behind.append(str(extent))
        given_shapes[key] = ",".join(str(extent) if n == axis else s for n, s in enumerate(entry.sizes))
        sources[key] = source
    total = sum(int(n) for n in behind)
    shape = ",".join(str(total) if n == axis else s for n, s in enumerate(entry.sizes))
    text = f"{entry.at('y')} = {' + '.join(reads)}"
    return a.formula("concatenation", text, {**given_shapes, "y": shape}, sources, "concat")


def _letters(number: int) -> str:
    """1 → a, 2 → b, …, 27 → aa: names without digits, which the network's stage follows."""
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def given(**operands: View | None) -> dict[str, View]:
    """The operands that are there."""
    return {name: operand for name, operand in operands.items() if operand is not None}


# --- movements, for which a view may first have to become a value ----------------------------------------------------


def settled(a: Assembly, view: View) -> View:
    """The same entries as a plain view of a value."""
    return view if view.plain else whole(a.source(view))


def reshape(a: Assembly, x: View, shape: Sequence[Extent]) -> View:
    """The entries in row-major order in other axes. Raises ShapeError."""
    found = reshaped(x, shape)
    if found is None:
        found = reshaped(settled(a, x), shape)
    if found is None:
        flat = reshaped(settled(a, x), [sp.Mul(*x.shape)])
        assert flat is not None, "digits can always be joined"
        found = reshaped(settled(a, flat), completed(shape, x.shape))
    if found is None:
        raise UnsupportedFormula(f"no reshape of {x.shape} to {tuple(shape)} for every batch size")
    return found


def part(a: Assembly, x: View, dim: int, start: Extent, step: int, extent: Extent) -> View:
    """Some entries of an axis."""
    found = sliced(x, dim, start, step, extent)
    if found is None:
        found = sliced(settled(a, x), dim, start, step, extent)
    assert found is not None, "a value's axis has one digit"
    return found


def chosen(a: Assembly, x: View, dim: int, position: int) -> View:
    """One entry of an axis, counted from behind where negative. Raises ShapeError."""
    extent = x.shape[placed(dim, x.rank)]
    at = position + extent if position < 0 else sp.Integer(position)
    if not (extent - at).is_positive and not extent.free_symbols:
        raise ShapeError(f"expected an entry of an axis of {extent}, got {position}")
    return selected(x, dim, at) or selected(settled(a, x), dim, at)  # type: ignore[return-value]


def stacked(a: Assembly, parts: Sequence[View], dim: int) -> View:
    """The parts along a new axis."""
    axis = placed(dim, parts[0].rank + 1)
    return joined(a, [inserted(part, axis) for part in parts], axis)


def mapped(a: Assembly, title: str, x: View, dim: int, matrix: np.ndarray) -> View:
    """A constant matrix applied along one axis: y[…,p,…] = Σ_k v[p,k]·x[…,k,…]."""
    axis = placed(dim, x.rank)
    entry = axes(x.rank)
    index, size = entry.indices[axis], entry.sizes[axis]
    result = [f"{i}1" if k == axis else i for k, i in enumerate(entry.indices)]
    shape = [f"{s}1" if k == axis else s for k, s in enumerate(entry.sizes)]
    text = f"y[{','.join(result)}] = sum[{index}](v[{index}1,{index}]*{entry.at('x')})"
    shapes = {"v": f"{size}1,{size}", "x": entry.shape, "y": ",".join(shape)}
    return a.formula(title, text, shapes, {"v": Weight("constant", matrix, False), "x": a.source(x)}, title)


def picked(a: Assembly, x: View, dim: int, indices: np.ndarray) -> View:
    """The entries of an axis at constant ``indices``, whose axes stand in its place. Raises ShapeError."""
    axis = placed(dim, x.rank)
    if not x.shape[axis].is_Integer:
        raise UnsupportedFormula(f"entries picked from an axis of extent {x.shape[axis]} are not supported")
    extent = int(x.shape[axis])
    flat = np.where(indices < 0, indices + extent, indices).ravel()
    if flat.size == 0 or flat.min() < 0 or flat.max() >= extent:
        raise ShapeError(f"expected indices into an axis of {extent}, got {indices.tolist()!r:.80}")
    steps = np.unique(np.diff(flat))
    if flat.size == 1 or (steps.size == 1 and steps[0] != 0):
        found = part(a, x, axis, int(flat[0]), int(steps[0]) if steps.size else 1, int(flat.size))
    else:
        found = mapped(a, "selection", x, axis, np.eye(extent)[flat])
    return reshape(a, found, [*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def interpolation(extent: int, output: int, align_corners: bool, scale: float | None = None) -> np.ndarray:
    """The matrix of linear interpolation of ``extent`` entries at ``output`` places, as PyTorch and ONNX place them."""
    places = np.arange(output)
    if align_corners:
        at = places * ((extent - 1) / (output - 1)) if output > 1 else np.zeros(1)
    else:
        at = np.maximum((places + 0.5) / (scale or output / extent) - 0.5, 0)
    low = np.minimum(np.floor(at).astype(int), extent - 1)
    high = np.minimum(low + 1, extent - 1)
    share = (at - low)[:, None]
    return np.eye(extent)[low] * (1 - share) + np.eye(extent)[high] * share


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


def pieces(a: Assembly, x: View, dim: int, sizes: Sequence[int]) -> list[View]:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [part(a, x, dim, start, 1, size) for start, size in zip(starts, sizes, strict=True)]


def extent_of(x: View, dim: int) -> int:
    extent = x.shape[placed(dim, x.rank)]
    if not extent.is_Integer:
        raise UnsupportedFormula(f"pieces of an axis of extent {extent} are not supported")
    return int(extent)
