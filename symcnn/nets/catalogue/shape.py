"""Layers that only move entries: every one is an affine read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import at, axes, place, spatial
from symcnn.nets.kind import LayerKind, kind

SHI = "Shi et al., Real-time single image and video super-resolution using an efficient sub-pixel network, 2016, section 3"
ZHANG = "Zhang, Zhou, Lin and Sun, ShuffleNet, 2018, section 3.1"
NEAREST = (
    "every entry repeated in each dimension; Dumoulin and Visin, A guide to convolution arithmetic, 2016"
)


def flatten(rank: int = 4, start_dim: int = 1, end_dim: int = -1) -> LayerKind:
    """f[n,(c·H+i)·V+j] = x[n,c,i,j]: the axes from ``start_dim`` to ``end_dim`` become one, in row-major order."""
    entry = axes(rank, least=1)
    first, last = place(start_dim, rank), place(end_dim, rank)
    if first > last:
        raise ShapeError(f"expected start_dim before end_dim, got {start_dim} and {end_dim}")
    position = entry.indices[first]
    for index, size in list(zip(entry.indices, entry.sizes, strict=True))[first + 1 : last + 1]:
        position = f"({position})*{size} + {index}" if " " in position else f"{position}*{size} + {index}"
    positions = (*entry.indices[:first], position, *entry.indices[last + 1 :])
    usual = (first, last) == (1, rank - 1)
    return kind(
        "flatten" if rank == 4 and usual else f"flatten {rank}d" + ("" if usual else f" {first} to {last}"),
        f"{at('f', positions)} = {entry.at('x')}",
        {"x": entry.shape},
        "f",
        "flatten",
        "row-major order",
    )


def reshape(input_shape: Sequence[int], shape: Sequence[int]) -> LayerKind:
    """y = x with the entries in row-major order in other axes; one extent of ``shape`` may be −1."""
    count, known = math.prod(input_shape), math.prod(s for s in shape if s != -1)
    if list(shape).count(-1) > 1 or not known or count % known:
        raise ShapeError(f"expected a shape of {count} entries, got {tuple(shape)}")
    wanted = [count // known if s == -1 else s for s in shape]
    if math.prod(wanted) != count or min((*wanted, *input_shape), default=1) < 1:
        raise ShapeError(f"expected a shape of {count} entries, got {tuple(shape)}")
    before, after = _digits("i", input_shape), _digits("j", wanted)
    return kind(
        f"reshape {'×'.join(map(str, input_shape))} to {'×'.join(map(str, wanted))}",
        f"f[{before[1]}] = {at('x', before[0])}\n{at('y', after[0])} = f[{after[1]}]",
        {
            "x": ",".join(map(str, input_shape)),
            "f": str(count),
            "y": ",".join(map(str, wanted)),
        },
        "y",
        "reshape",
        "row-major order",
    )


def _digits(letter: str, extents: Sequence[int]) -> tuple[list[str], str]:
    """Indices for some axes, and the row-major position that they make."""
    names = [f"{letter}{axis}" for axis in range(len(extents))]
    weights = [math.prod(extents[axis + 1 :]) for axis in range(len(extents))]
    return names, " + ".join(f"{w}*{n}" for w, n in zip(weights, names, strict=True)) or "0"


def permute(dims: Sequence[int]) -> LayerKind:
    """y has the axes of x in another order: axis k of y is axis ``dims[k]`` of x."""
    order = [place(dim, len(dims)) for dim in dims]
    if sorted(order) != list(range(len(order))):
        raise ShapeError(f"expected an order of {len(order)} axes, got {tuple(dims)}")
    entry = axes(len(order))
    return kind(
        f"permute {' '.join(map(str, order))}",
        f"{at('y', entry.named(order))} = {entry.at('x')}",
        {"x": entry.shape, "y": ",".join(entry.sizes[k] for k in order)},
        "y",
        "transposition",
        "as in PyTorch: axis k of y is axis dims[k] of x",
    )


def pad(rank: int = 4, dims: int = 2) -> LayerKind:
    """y[n,c,i,j] = x[n,c,i−p,j−q], ``value`` outside: p entries before and p2 behind in each of the last axes.

    Negative numbers crop.
    """
    entry = axes(rank, least=1)
    if not 0 < dims <= rank:
        raise ShapeError(f"expected 1 to {rank} padded axes, got {dims}")
    cut = rank - dims
    positions = [i if k < cut else f"{i}-p{k}" for k, i in enumerate(entry.indices)]
    sizes = [s if k < cut else f"{s}+p{k}+q{k}" for k, s in enumerate(entry.sizes)]
    return kind(
        f"pad{dims}d" + (f" of {rank} axes" if rank != dims + 2 else ""),
        f"{entry.at('y')} = {at('x', positions, 'value')}",
        {"x": entry.shape, "y": ",".join(sizes)},
        "y",
        "padding",
        "as in PyTorch: constant padding",
        defaults=(("value", 0),),
    )


def upsample_nearest(dims: int = 2, size: bool = False) -> LayerKind:
    """y[n,c,i·R+r,j·S+s] = x[n,c,i,j]: R·S copies of each entry; with a given ``size`` P, y[n,c,i] = x[n,c,⌊i·H/P⌋].

    In integers h = ⌊i·H/P⌋ says h·P ≤ i·H < (h+1)·P.
    """
    found = spatial(dims)
    if size:
        inside = " and ".join(
            f"{a.window}*{a.output} <= {a.index}*{a.size} and {a.index}*{a.size} < ({a.window}+1)*{a.output}"
            for a in found
        )
        limits = ",".join(f"{a.window}<{a.size}" for a in found)
        windows = ",".join(a.window for a in found)
        return kind(
            f"upsample_nearest{dims}d to a size",
            f"y[n,c,{','.join(a.index for a in found)}] = sum[{limits}](where({inside}, x[n,c,{windows}], 0))",
            {
                "x": f"N,C,{','.join(a.size for a in found)}",
                "y": f"N,C,{','.join(a.output for a in found)}",
            },
            "y",
            "nearest sampling",
            "as in PyTorch: the entry at ⌊i·H/P⌋",
        )
    return kind(
        f"upsample_nearest{dims}d",
        f"y[n,c,{','.join(f'{a.index}*{a.extent}+{a.window}' for a in found)}]"
        f" = x[n,c,{','.join(a.index for a in found)}]",
        {
            "x": f"N,C,{','.join(a.size for a in found)}",
            "y": f"N,C,{','.join(f'{a.size}*{a.extent}' for a in found)}",
        },
        "y",
        "nearest up-sampling",
        NEAREST,
    )


def pixel_shuffle(rank: int = 4) -> LayerKind:
    """y[n,c,i·R+r,j·R+s] = x[n,(c·R+r)·R+s,i,j]: channels become pixels."""
    return _shuffle(rank, "pixel_shuffle", "y", "x", SHI)


def pixel_unshuffle(rank: int = 4) -> LayerKind:
    """y[n,(c·R+r)·R+s,i,j] = x[n,c,i·R+r,j·R+s]: pixels become channels."""
    return _shuffle(rank, "pixel_unshuffle", "x", "y", f"{SHI}, in the other direction")


def _shuffle(rank: int, name: str, wide: str, deep: str, source: str) -> LayerKind:
    front, sizes = ((), ()) if rank == 3 else (("n",), ("N",))
    reads = {
        wide: at(wide, (*front, "c", "i*R+r", "j*R+s")),
        deep: at(deep, (*front, "(c*R+r)*R+s", "i", "j")),
    }
    shapes = {wide: ",".join((*sizes, "C", "H*R", "V*R")), deep: ",".join((*sizes, "C*R*R", "H", "V"))}
    return kind(
        name + (f" {rank}d" if rank != 4 else ""),
        f"{reads['y']} = {reads['x']}" if wide == "y" else _unshuffled(front),
        shapes,
        "y",
        name.replace("_", " "),
        source,
    )


def _unshuffled(front: tuple[str, ...]) -> str:
    return f"{at('y', (*front, '(c*R+r)*R+s', 'i', 'j'))} = {at('x', (*front, 'c', 'i*R+r', 'j*R+s'))}"


def channel_shuffle(rank: int = 4) -> LayerKind:
    """y[n,k·G+g,i,j] = x[n,g·K+k,i,j]: channels of G groups, one of each group in turn."""
    entry = axes(rank, least=2)
    space, sizes = entry.indices[2:], entry.sizes[2:]
    return kind(
        "channel_shuffle" + (f" {rank}d" if rank != 4 else ""),
        f"{at('y', ('n', 'k*G+g', *space))} = {at('x', ('n', 'g*K+k', *space))}",
        {"x": ",".join(("N", "G*K", *sizes)), "y": ",".join(("N", "K*G", *sizes))},
        "y",
        "channel shuffle",
        ZHANG,
    )


KINDS = (
    *(flatten(rank) for rank in (2, 3, 4, 5)),
    permute((1, 0)),
    permute((0, 2, 3, 1)),
    *(pad(dims + 2, dims) for dims in (1, 2, 3)),
    *(upsample_nearest(dims) for dims in (1, 2, 3)),
    pixel_shuffle(),
    pixel_unshuffle(),
    channel_shuffle(),
)
