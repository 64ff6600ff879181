"""Convolutions of many channels as products of tiles: strides become channels, then Winograd's algorithm."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symcnn.core.bounds import inside
from symcnn.core.equation import Equation, Index
from symcnn.core.expr import Read, Reduce, reads, rebind
from symcnn.core.index import fresh, index
from symcnn.core.tensor import Tensor
from symcnn.program.fast_patterns import Convolution
from symcnn.program.fast_winograd import transforms

MANY = 32  # channels in and out from which transforms cost less than the products that they save
COUNT = 6  # points: tile + window − 1
FEWER = 4  # points where tiles are few and weights many: transformed weights are the fewer, and each meets more tiles
FEW_TILES, MANY_WEIGHTS = 4, 1 << 17


def equation(name: str, axes: Sequence[tuple[sp.Symbol, sp.Expr]], body: sp.Expr) -> Equation:
    """name[axes] = body."""
    tensor = Tensor(name, [extent for _, extent in axes])
    return Equation(Read(tensor, [k for k, _ in axes]), body, tuple(Index(k, extent) for k, extent in axes))


def unused_name(name: str, taken: set[str]) -> str:
    """``name``, numbered where it or its cotangent's name is taken."""
    count, found = 1, name
    while found in taken or f"d{found}" in taken:
        count += 1
        found = f"{name}{count}"
    taken.add(found)
    return found


def bare(equation: Equation) -> Equation:
    """Without outside values that concrete sizes prove unused."""
    extents = equation.extents
    unused = {
        read: read.unguarded()
        for read in reads(equation.body)
        if read.outside is not None
        and all(inside(p, e, extents) for p, e in zip(read.at, read.tensor.shape, strict=True))
    }
    return Equation(equation.target, rebind(equation.body, unused), equation.free)


def strided(conv: Convolution, taken: set[str]) -> list[Equation]:
    """A convolution of stride u as one of stride 1 over u·u times as many channels.

    x_split[n,(c·u + a)·u + b,h,w] = x[n,c,u·h + a + q,u·w + b + q' | 0], and the weights likewise.
    """
    steps = [s.stride for s in conv.sliding]
    windows = [-(-s.window // s.stride) for s in conv.sliding]
    c, places = index("c"), [index(k) for k in "abe"[: len(steps)]]
    channel: sp.Expr = c
    for place, step in zip(places, steps, strict=True):
        channel = channel * step + place
    thin = [(place, sp.Integer(step)) for place, step in zip(places, steps, strict=True)]
    inputs, outputs = conv.data.tensor.shape[1], conv.weight.tensor.shape[0]
    count = inputs * sp.prod(steps)
    heights = [index(k) for k in "hwxyz"[: len(steps)]]
    extents = [s.extent + window - 1 for s, window in zip(conv.sliding, windows, strict=True)]
    batch = (conv.batch, conv.data.tensor.shape[0])
    at = [u * h + a + s.offset for u, h, a, s in zip(steps, heights, places, conv.sliding, strict=True)]
    split = Tensor(unused_name(f"{conv.data.tensor.name}_split", taken), [batch[1], count, *extents])
    data = Equation(
        Read(split, [conv.batch, sp.expand(channel), *heights]),
        Read(conv.data.tensor, [conv.batch, c, *at], 0),
        tuple(Index(k, e) for k, e in (batch, (c, inputs), *thin, *zip(heights, extents, strict=True))),
    )
    inner = [index(k) for k in "rstuv"[: len(steps)]]
    turned = Tensor(
        unused_name(f"{conv.weight.tensor.name}_split", taken), [outputs, count, *map(sp.Integer, windows)]
    )
    weight = Equation(
        Read(turned, [conv.out, sp.expand(channel), *inner]),
        Read(
            conv.weight.tensor,
            [conv.out, c, *(u * r + a for u, r, a in zip(steps, inner, places, strict=True))],
            0,
        ),
        tuple(
            Index(k, e)
            for k, e in (
                (conv.out, outputs),
                (c, inputs),
                *thin,
                *((r, sp.Integer(w)) for r, w in zip(inner, windows, strict=True)),
            )
        ),
    )
    d, bound = fresh("c"), [fresh(str(k.name)) for k in inner]
    outs = [s.out for s in conv.sliding]
    product = Read(turned, [conv.out, d, *bound]) * Read(
        split, [conv.batch, d, *(i + r for i, r in zip(outs, bound, strict=True))]
    )
    limits = [(d, count), *((r, sp.Integer(w)) for r, w in zip(bound, windows, strict=True))]
    body = conv.bias + Reduce("sum", product, limits)
    return [bare(data), bare(weight), Equation(conv.equation.target, body, conv.equation.free)]


def suits(conv: Convolution) -> bool:
    """Whether Winograd's algorithm saves time: two axes, small windows, stride 1, many channels."""
    plain = all(s.stride == s.dilation == 1 and 3 <= s.window <= 5 and s.extent >= 4 for s in conv.sliding)
    return plain and len(conv.sliding) == 2 and min(conv.channels, conv.outputs) >= MANY


def points(conv: Convolution) -> int:
    """How many points each transform has."""
    if any(s.window > FEWER - 1 for s in conv.sliding) or conv.channels * conv.outputs < MANY_WEIGHTS:
        return COUNT
    tiles = sp.prod([-(-int(s.extent) // (COUNT + 1 - s.window)) for s in conv.sliding])
    return FEWER if tiles <= FEW_TILES else COUNT


def tiled(conv: Convolution, taken: set[str]) -> tuple[list[Equation], dict[Tensor, sp.Matrix]]:
    """z = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A over tiles, each transform along one axis at a time, with the tensors of numbers."""
    name, numbers = conv.equation.tensor.name, dict[Tensor, sp.Matrix]()
    count = points(conv)
    first, second = (transforms(count + 1 - s.window, s.window) for s in conv.sliding)
    rows, columns = conv.sliding
    high, wide = (-(-int(s.extent) // f.tile) for s, f in ((rows, first), (columns, second)))
    n, c, o = (
        (conv.batch, conv.data.tensor.shape[0]),
        (index("c"), conv.data.tensor.shape[1]),
        (conv.out, conv.weight.tensor.shape[0]),
    )
    a, b = (index("a"), sp.Integer(count)), (index("b"), sp.Integer(count))
    t, u = (index("t"), sp.Integer(high)), (index("u"), sp.Integer(wide))
    w = (index("w"), sp.Integer(second.tile * wide + second.window - 1))
    k, r, s, i, j = (index(letter) for letter in "krsij")

    def table(letter: str, matrix: sp.Matrix) -> Tensor:
        made = Tensor(f"{letter}{'x'.join(map(str, matrix.shape))}", matrix.shape, "constant")
        numbers[made] = matrix
        return made

    def mixed(
        matrix: Tensor, at: tuple[sp.Expr, sp.Expr], body: sp.Expr, over: sp.Symbol, extent: int
    ) -> sp.Expr:
        bound = fresh(str(over.name))
        return Reduce(
            "sum",
            Read(matrix, [p.subs(over, bound) for p in at]) * rebind(body, {over: bound}),
            [(bound, extent)],
        )

    data = [table("B", f.data) for f in (first, second)]
    output = [table("A", f.output) for f in (first, second)]
    x = Read(conv.data.tensor, [n[0], c[0], first.tile * t[0] + k + rows.offset, w[0] + columns.offset], 0)
    made = [
        equation(unused_name(f"{name}_rows", taken), [a, t, w, n, c], mixed(data[0], (a[0], k), x, k, count))
    ]
    y = Read(made[-1].tensor, [a[0], t[0], second.tile * u[0] + k, n[0], c[0]])
    made.append(
        equation(
            unused_name(f"{name}_data", taken), [a, b, t, u, n, c], mixed(data[1], (b[0], k), y, k, count)
        )
    )
    both = sp.Matrix(sp.kronecker_product(first.kernel, second.kernel))
    kernel = Tensor(
        f"G{count}x{count}x{rows.window}x{columns.window}",
        [a[1], b[1], rows.window, columns.window],
        "constant",
    )
    numbers[kernel] = both
    r2, s2, c2 = fresh("r"), fresh("s"), fresh("c")
    weight = Read(kernel, [a[0], b[0], r2, s2]) * Read(conv.weight.tensor, [o[0], c[0], r2, s2])
    made.append(
        equation(
            unused_name(f"{conv.weight.tensor.name}_points", taken),
            [a, b, o, c],
            Reduce("sum", weight, [(r2, rows.window), (s2, columns.window)]),
        )
    )
    places = [a[0], b[0], t[0], u[0], n[0], c2]
    product = Read(made[1].tensor, places) * Read(made[2].tensor, [a[0], b[0], o[0], c2])
    made.append(
        equation(
            unused_name(f"{name}_points", taken), [a, b, t, u, n, o], Reduce("sum", product, [(c2, c[1])])
        )
    )
    m = Read(made[-1].tensor, [k, b[0], t[0], u[0], n[0], o[0]])
    tile = (i, sp.Integer(first.tile))
    made.append(
        equation(
            unused_name(f"{name}_back", taken), [tile, b, t, u, n, o], mixed(output[0], (i, k), m, k, count)
        )
    )
    back = Read(made[-1].tensor, [i, k, t[0], u[0], n[0], o[0]])
    body = mixed(output[1], (j, k), back, k, count)
    whole = (first.tile * high, second.tile * wide) == (rows.extent, columns.extent) and conv.bias == 0
    tensor = conv.equation.tensor
    if not whole:
        shape = [n[1], o[1], sp.Integer(first.tile * high), sp.Integer(second.tile * wide)]
        tensor = Tensor(unused_name(f"{name}_tiles", taken), shape)
    free = [n, o, t, tile, u, (j, sp.Integer(second.tile))]
    target = Read(tensor, [n[0], o[0], first.tile * t[0] + i, second.tile * u[0] + j])
    made.append(Equation(target, body, tuple(Index(*axis) for axis in free)))
    if not whole:
        old = conv.equation
        made.append(Equation(old.target, Read(tensor, old.target.at) + conv.bias, old.free))
    del r, s
    return [bare(e) for e in made], numbers
