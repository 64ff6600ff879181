"""Layers of several inputs: sums and products with broadcasting, concatenation, dropout with a given mask."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import at, axes, place
from symcnn.nets.kind import LayerKind, kind

HE = "He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016, equation 1"
HUANG = (
    "Huang, Liu, van der Maaten and Weinberger, Densely connected convolutional networks, 2017, equation 2"
)
HU = "Hu, Shen and Sun, Squeeze-and-excitation networks, 2018, equation 4"
SRIVASTAVA = (
    "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout, 2014, with 1/(1 − p) as in PyTorch"
)
SZEGEDY = "Szegedy et al., Going deeper with convolutions, 2015, section 5"
Pair = tuple[Sequence[int], Sequence[int]]


def add(rank: int = 4, other_rank: int | None = None, ones: Pair = ((), ())) -> LayerKind:
    """y = x1 + x2; axes are aligned from the last, ``ones`` lists axes of extent 1 that are read again and again."""
    return _binary("add", "{0} + {1}", rank, other_rank, ones, "sum", HE)


def multiply(rank: int = 4, other_rank: int | None = None, ones: Pair = ((), ())) -> LayerKind:
    """y = x1·x2; axes are aligned from the last, ``ones`` lists axes of extent 1 that are read again and again."""
    return _binary("multiply", "{0}*{1}", rank, other_rank, ones, "product", HU)


def _binary(
    name: str, body: str, rank: int, other_rank: int | None, ones: Pair, title: str, source: str
) -> LayerKind:
    ranks = (rank, rank if other_rank is None else other_rank)
    entry = axes(max(ranks))
    reads, shapes, kept = [], {}, set[str]()
    for number, (own, single) in enumerate(zip(ranks, ones, strict=True), start=1):
        indices, sizes = entry.indices[len(entry.indices) - own :], entry.sizes[len(entry.sizes) - own :]
        alone = {place(axis, own) for axis in single}
        reads.append(at(f"x{number}", ["0" if k in alone else i for k, i in enumerate(indices)]))
        shapes[f"x{number}"] = ",".join("1" if k in alone else s for k, s in enumerate(sizes))
        kept |= {s for k, s in enumerate(sizes) if k not in alone}
    plain = ranks[0] == ranks[1] and not any(map(len, ones))
    words = f" {rank}d" if plain and rank != 4 else "" if plain else f" {_pattern(ranks, ones)}"
    return kind(
        name + words,
        f"{entry.at('y')} = {body.format(*reads)}",
        {**shapes, "y": ",".join(s if s in kept else "1" for s in entry.sizes)},
        "y",
        title,
        source,
        data=("x1", "x2"),
    )


def _pattern(ranks: tuple[int, int], ones: Pair) -> str:
    """Which axes are repeated, such as N×N×N×N and N×N×1×1."""
    parts = [
        "×".join("1" if k in {place(a, own) for a in single} else "N" for k in range(own)) or "scalar"
        for own, single in zip(ranks, ones, strict=True)
    ]
    return " and ".join(parts)


def concat(rank: int = 4, dim: int = 1, count: int = 2) -> LayerKind:
    """y[n,c,i,j] = x1[n,c,i,j] + x2[n,c−C1,i,j], each 0 outside: one tensor after the other along an axis."""
    entry = axes(rank, least=1)
    if not 1 <= count <= 20:
        raise ShapeError(f"expected 1 to 20 tensors to concatenate, got {count}")
    axis = place(dim, rank)
    index, size = entry.indices[axis], entry.sizes[axis]
    sizes = [f"{size}{number}" for number in range(1, count + 1)]
    reads = []
    for number in range(count):
        position = "-".join((index, *sizes[:number]))
        positions = [position if k == axis else i for k, i in enumerate(entry.indices)]
        reads.append(at(f"x{number + 1}", positions, "0" if count > 1 else ""))
    shapes = {
        f"x{number + 1}": ",".join(own if k == axis else s for k, s in enumerate(entry.sizes))
        for number, own in enumerate(sizes)
    }
    joined = ",".join("+".join(sizes) if k == axis else s for k, s in enumerate(entry.sizes))
    usual = (rank, axis, count) == (4, 1, 2)
    return kind(
        "concat" if usual else f"concat of {count} {rank}d over axis {axis}",
        f"{entry.at('y')} = {' + '.join(reads)}",
        {**shapes, "y": joined},
        "y",
        "concatenation",
        HUANG,
        data=tuple(shapes),
    )


def total(count: int = 2) -> LayerKind:
    """L = w1·x1 + w2·x2 + … of losses x1, x2, …: the objective of a network with auxiliary heads."""
    if not 1 <= count <= 20:
        raise ShapeError(f"expected 1 to 20 losses, got {count}")
    losses = tuple(f"x{number}" for number in range(1, count + 1))
    return kind(
        f"total of {count}",
        "L = " + " + ".join(f"w{number}*{x}" for number, x in enumerate(losses, start=1)),
        dict.fromkeys(losses, ""),
        "L",
        "weighted sum of losses",
        SZEGEDY,
        data=losses,
        loss=True,
        defaults=tuple((f"w{number}", 1) for number in range(1, count + 1)),
    )


def dropout(rank: int = 2) -> LayerKind:
    """y = x·m/(1 − p) for a given mask m of zeros and ones, each 0 with probability p."""
    entry = axes(rank)
    return kind(
        "dropout" + (f" {rank}d" if rank != 2 else ""),
        f"{entry.at('y')} = {entry.at('x')}*{entry.at('m')}/(1 - p)",
        {"x": entry.shape, "m": entry.shape},
        "y",
        "dropout",
        SRIVASTAVA,
        labels=("m",),
        defaults=(("p", Fraction(1, 2)),),
    )


KINDS = (
    add(),
    add(2),
    multiply(),
    multiply(4, 4, ((), (2, 3))),
    concat(),
    concat(2),
    dropout(),
    dropout(4),
)
