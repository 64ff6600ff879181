"""Movements of entries that PyTorch and ONNX share: reshapes, parts, joins, entries picked by constants, constant matrices.

A movement composes into a view; where it cannot, the view first becomes the value of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.views import (
    Extent,
    View,
    Weight,
    completed,
    inserted,
    placed,
    reshaped,
    selected,
    sliced,
    whole,
)
from symcnn.nets.catalogue.axes import axes


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
    if extent.free_symbols and position not in (0, -1):
        raise UnsupportedFormula(f"entry {position} of an axis of extent {extent} is not supported")
    at = position + extent if position < 0 else sp.Integer(position)
    if not (extent - at).is_positive and not extent.free_symbols:
        raise ShapeError(f"expected an entry of an axis of {extent}, got {position}")
    return selected(x, dim, at) or selected(settled(a, x), dim, at)  # type: ignore[return-value]


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


def stacked(a: Assembly, parts: Sequence[View], dim: int) -> View:
    """The parts along a new axis."""
    axis = placed(dim, parts[0].rank + 1)
    return joined(a, [inserted(part, axis) for part in parts], axis)


def pieces(a: Assembly, x: View, dim: int, sizes: Sequence[int]) -> list[View]:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [part(a, x, dim, start, 1, size) for start, size in zip(starts, sizes, strict=True)]


def extent_of(x: View, dim: int) -> int:
    extent = x.shape[placed(dim, x.rank)]
    if not extent.is_Integer:
        raise UnsupportedFormula(f"pieces of an axis of extent {extent} are not supported")
    return int(extent)


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
