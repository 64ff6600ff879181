"""Maxima of windows before what keeps the order of numbers; for few channels, the convolution in phases of the windows."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, rebind
from symcnn.core.index import fresh, index
from symcnn.core.plan import Statement
from symcnn.core.tensor import Tensor
from symcnn.program.fast_patterns import Convolution, Pooling, convolution, keeps_order, pooling
from symcnn.program.fast_splice import Choice, Rewriting
from symcnn.program.fast_tiles import bare, equation, unused_name

FEW = 256  # products for each entry of a convolution up to which copying its windows costs more than multiplying
LETTERS = "abefgh"


def pooled(group: Sequence[Statement], taken: set[str]) -> Rewriting | None:
    """A convolution, functions that keep the order, and a maximum of windows: the maximum first, then bias and functions."""
    first, *between, last = group
    conv, pool = convolution(first.equation), pooling(last.equation)
    if conv is None or pool is None:
        return None
    made: list[Equation] = []
    phased = all(w == s for w, s in zip(pool.windows, pool.strides, strict=True)) and _few(conv)
    best = _phases(conv, pool, taken, made) if phased else _before(conv, pool, taken, made)
    if not phased and (apart := by_axis(best, taken)) is not None:
        made[-1:] = apart
    axes = [(i.symbol, i.extent) for i in last.equation.free]
    value = Read(best.tensor, best.target.at)
    names = dict(zip(best.target.at, (k for k, _ in axes), strict=True))
    value = rebind(value, names)
    if conv.bias != 0:
        made.append(
            equation(
                unused_name(f"{first.equation.tensor.name}_best", taken),
                axes,
                value + rebind(conv.bias, {conv.out: axes[1][0]}),
            )
        )
        value = Read(made[-1].tensor, made[-1].target.at)
    for statement in between:
        read = keeps_order(statement.equation)
        assert read is not None, "only such functions stand between"
        body = rebind(statement.equation.body, {read: value})
        final = statement is between[-1]
        name = (
            last.equation.tensor.name
            if final
            else unused_name(f"{statement.equation.tensor.name}_best", taken)
        )
        made.append(equation(name, axes, body))
        value = Read(made[-1].tensor, made[-1].target.at)
    made[-1] = Equation(Read(last.equation.tensor, made[-1].target.at), made[-1].body, made[-1].free)
    what = "maximum before bias and activation"
    why = "they keep the order of numbers"
    if phased:
        what += "; convolution in phases of the windows"
        why += f"; {_products(conv)} products for an entry: copying windows would cost more than multiplying"
    return Rewriting(tuple(group), tuple(made), Choice(first.layer or first.equation.tensor.name, what, why))


def _products(conv: Convolution) -> int:
    return conv.channels * int(sp.prod([s.window for s in conv.sliding]))


def _few(conv: Convolution) -> bool:
    return _products(conv) <= FEW and all(s.dilation == 1 for s in conv.sliding)


def _before(conv: Convolution, pool: Pooling, taken: set[str], made: list[Equation]) -> Equation:
    """The maximum of the bare sums."""
    old = conv.equation
    axes = [(i.symbol, i.extent) for i in old.free]
    made.append(equation(unused_name(f"{old.tensor.name}_sums", taken), axes, old.body - conv.bias))
    read = pool.equation.body.body
    body = rebind(pool.equation.body, {read: Read(made[-1].tensor, read.at)})
    axes = [(i.symbol, i.extent) for i in pool.equation.free]
    made.append(equation(unused_name(f"{old.tensor.name}_max", taken), axes, body))
    return made[-1]


def by_axis(maximum: Equation, taken: set[str]) -> tuple[Equation, ...] | None:
    """A maximum of windows that overlap, one axis at a time from the last; else None.

    max[r,s](x[2i+r,2j+s]) is max[r](h[2i+r,j]) with h[h,j] = max[s](x[h,2j+s]): fewer comparisons, since windows that
    share a row share its maximum, and the same place is first, since rows come before columns.
    """
    pool = pooling(maximum, padded=True)
    if pool is None or len(pool.windows) < 2 or all(map(int.__le__, pool.windows, pool.strides)):
        return None
    read, limits = maximum.body.body, maximum.body.limits
    outside = read.outside
    free = [(i.symbol, i.extent) for i in maximum.free]
    made: list[Equation] = []
    at = list(read.at)
    for axis in range(len(free) - 1, 2, -1):
        inner = limits[axis - 2]
        heights = [index(f"{k.name}2") for k, _ in free[2:axis]]
        before = [*at[:2], *heights, *at[axis:]]
        body = Reduce("max", Read(read.tensor, before, outside), [inner])
        extents = list(zip(heights, read.tensor.shape[2:axis], strict=True))
        name = unused_name(f"{maximum.tensor.name}_axis{axis - 1}", taken)
        made.append(equation(name, [*free[:2], *extents, *free[axis:]], body))
        at[axis:] = [k for k, _ in free[axis:]]
        read = Read(made[-1].tensor, at, outside)
    return tuple(
        bare(e) for e in (*made, Equation(maximum.target, Reduce("max", read, limits[:1]), maximum.free))
    )


def _phases(conv: Convolution, pool: Pooling, taken: set[str], made: list[Equation]) -> Equation:
    """The convolution with one more axis for each place in a window, and the maximum over those axes."""
    name = conv.equation.tensor.name
    phase = [index(LETTERS[at]) for at in range(len(conv.sliding))]
    counts = [sp.Integer(count) for count in pool.windows]
    strides = [s.stride * count for s, count in zip(conv.sliding, pool.windows, strict=True)]
    reach = [s.window + s.stride * (count - 1) for s, count in zip(conv.sliding, pool.windows, strict=True)]
    reach = [-(-r // u) * u for r, u in zip(reach, strides, strict=True)]
    inner = [index(k) for k in "rstuvw"[: len(phase)]]
    spread_at = [r - s.stride * a for r, s, a in zip(inner, conv.sliding, phase, strict=True)]
    outputs, channels = (conv.out, conv.weight.tensor.shape[0]), (index("c"), conv.weight.tensor.shape[1])
    weight = equation(
        unused_name(f"{conv.weight.tensor.name}_phases", taken),
        [
            *zip(phase, counts, strict=True),
            outputs,
            channels,
            *((k, sp.Integer(r)) for k, r in zip(inner, reach, strict=True)),
        ],
        Read(conv.weight.tensor, [outputs[0], channels[0], *spread_at], 0),
    )
    made.append(weight)
    batch = (conv.batch, conv.data.tensor.shape[0])
    outs = [(i.symbol, i.extent) for i in pool.equation.free[2:]]
    columns, weight_at, bound = columned(conv, strides, reach, outs, taken, made)
    c = fresh("c")
    places = [k for k, _ in outs]
    product = Read(weight.tensor, [*phase, outputs[0], c, *weight_at]) * Read(
        columns, [c, *(k for k, _ in bound), *places, conv.batch]
    )
    body = Reduce("sum", product, [(c, channels[1]), *bound])
    free = [*zip(phase, counts, strict=True), outputs, *outs, batch]
    made.append(equation(unused_name(f"{name}_phases", taken), free, body))
    dummies = [fresh(k.name) for k in phase]
    best = Reduce(
        "max",
        Read(made[-1].tensor, [*dummies, outputs[0], *places, conv.batch]),
        list(zip(dummies, counts, strict=True)),
    )
    made.append(equation(unused_name(f"{name}_max", taken), [batch, outputs, *outs], best))
    return made[-1]


def columned(
    conv: Convolution,
    strides: Sequence[int],
    reach: Sequence[int],
    outs: Sequence[tuple[sp.Symbol, sp.Expr]],
    taken: set[str],
    made: list[Equation],
) -> tuple[Tensor, list[sp.Expr], list[tuple[sp.Symbol, sp.Expr]]]:
    """The windows of the input side by side, in the order [c, r, a…, i…, n] of the weights that they meet.

    First the places that a stride u skips become axes of their own, x_split[c,a,h,n] = x[n,c,u·h + a], so that runs
    along h stay together; then x_columns[c,r,a,i,n] = x_split[c,a,i + r,n]. Gives the tensor, where the weights are
    read, and the limits of the sum but for the channels.
    """
    batch, channel = (conv.batch, conv.data.tensor.shape[0]), (index("c"), conv.data.tensor.shape[1])
    count = range(len(strides))
    steps = [sp.Integer(r // u) for r, u in zip(reach, strides, strict=True)]
    coarse, fine = [index(k) for k in "rstuv"[: len(strides)]], [index(f"{LETTERS[k]}2") for k in count]
    thin = [k for k in count if strides[k] > 1]
    rest = [(fine[k], sp.Integer(strides[k])) for k in thin]
    height = [index(k) for k in "hwxyz"[: len(strides)]]
    extents = [sp.expand(out + step - 1) for (_, out), step in zip(outs, steps, strict=True)]
    at = [
        strides[k] * height[k] + (fine[k] if k in thin else 0) + s.offset for k, s in enumerate(conv.sliding)
    ]
    split = equation(
        unused_name(f"{conv.data.tensor.name}_split", taken),
        [channel, *rest, *zip(height, extents, strict=True), batch],
        Read(conv.data.tensor, [batch[0], channel[0], *at], 0),
    )
    bound = [
        axis
        for k in count
        for axis in ((coarse[k], steps[k]), *([(fine[k], sp.Integer(strides[k]))] if k in thin else []))
    ]
    windows = [out + k for (out, _), k in zip(outs, coarse, strict=True)]
    columns = equation(
        unused_name(f"{conv.data.tensor.name}_columns", taken),
        [channel, *bound, *outs, batch],
        Read(split.tensor, [channel[0], *(k for k, _ in rest), *windows, batch[0]]),
    )
    made += [split, columns]
    inner = {k: fresh(k.name) for k, _ in bound}
    weight = [strides[k] * inner[coarse[k]] + (inner[fine[k]] if k in thin else 0) for k in count]
    return columns.tensor, weight, [(inner[k], extent) for k, extent in bound]
