"""Recognition: which named operation an index equation is, for symbolic sizes.

The convolutions are one family, closed under adjoint: ``out[i] = Σ_r data[(s·i + d·r − p)/q] · kernel[r]`` with stride
s, kernel dilation d (negative: the kernel is flipped), padding p and input dilation q. ∂W swaps stride and dilation,
∂x swaps stride and input dilation and flips the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Limit, Read, Reduce, Selected, Where, reads
from symcnn.core.tensor import Tensor

Kind = Literal[
    "convolution",
    "full convolution",
    "transposed convolution",
    "matrix product",
    "contraction",
    "outer product",
    "sum",
    "mean",
    "mean spread",
    "routing",
    "pooling",
    "elementwise product",
    "elementwise function",
    "mask",
    "reshape",
    "slice",
    "concatenation",
    "copy",
]


@dataclass(frozen=True, slots=True)
class Window:
    """One spatial axis of a convolution: ``data[(stride·i + dilation·r − padding)/spacing]``.

    ``flipped`` says that the kernel is read backwards; ``padding`` then belongs to the flipped kernel.
    """

    stride: sp.Expr
    dilation: sp.Expr
    padding: sp.Expr
    spacing: sp.Expr
    flipped: bool


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor of a named operation, transposed where a matrix product needs it so."""

    tensor: Tensor
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A named operation: kind, operands in the order in which it is written, spatial axes,
    names of summed indices, a factor in front and a bias that is added."""

    kind: Kind
    operands: tuple[Operand, ...]
    windows: tuple[Window, ...] = ()
    over: tuple[str, ...] = ()
    scale: sp.Expr = field(default=sp.S.One)
    bias: Tensor | None = None


def recognise(equation: Equation) -> Operation | None:
    """The named operation that ``equation`` is, or None where it has no common name."""
    body = equation.body
    if body.is_Add and len(body.args) == 2:
        return _with_bias(equation, body)
    if isinstance(body, Reduce) and body.kind in ("max", "min") and isinstance(body.body, Read):
        return Operation("pooling", tuple(Operand(r.tensor) for r in reads(body)), over=_names(body.limits))
    scale, summed = _scaled(body)
    if scale.free_symbols & set(equation.extents):
        return _function(equation)
    if isinstance(summed, Where):
        return _cases(equation, summed)
    limits = summed.limits if isinstance(summed, Reduce) and summed.kind == "sum" else ()
    inner = summed.body if limits else summed
    if isinstance(inner, Where):
        return _cases(equation, inner)
    factors = list(sp.Mul.make_args(inner))
    if any(isinstance(f, Selected) for f in factors) and any(isinstance(f, Read) for f in factors):
        return Operation(
            "routing", tuple(Operand(f.tensor) for f in factors if isinstance(f, Read)), over=_names(limits)
        )
    if not all(isinstance(f, Read) for f in factors):
        return _function(equation)
    if len(factors) == 1:
        return _single(equation, factors[0], limits, scale)
    if len(factors) == 2:
        return _pair(equation, factors, limits, scale)
    return None


def _with_bias(equation: Equation, body: sp.Add) -> Operation | None:
    """A sum of products plus a tensor that is read plainly: the operation, with its bias."""
    for bias, rest in (body.args, body.args[::-1]):
        if isinstance(bias, Read) and bias.outside is None and isinstance(rest, Reduce):
            found = recognise(Equation(equation.target, rest, equation.free))
            return None if found is None else replace(found, bias=bias.tensor)
    return _function(equation)


def _names(limits: tuple[Limit, ...]) -> tuple[str, ...]:
    return tuple(k.name for k, _ in limits)


def _scaled(body: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """A factor without tensors, and the rest."""
    plain = [f for f in sp.Mul.make_args(body) if not f.has(Read)]
    rest = [f for f in sp.Mul.make_args(body) if f.has(Read)]
    return sp.Mul(*plain), sp.Mul(*rest)


def _cases(equation: Equation, body: Where) -> Operation | None:
    everything = [body.value, body.condition]
    if any(part.has(Selected) for part in everything):
        return Operation(
            "routing", tuple(Operand(r.tensor) for r in sp.Mul.make_args(body.value) if isinstance(r, Read))
        )
    if body.otherwise == 0 and isinstance(body.value, Read) and body.value.at == equation.target.at:
        return Operation("mask", (Operand(body.value.tensor),))
    return _function(equation)


def _function(equation: Equation) -> Operation | None:
    free = tuple(i.symbol for i in equation.free)
    every = reads(equation.body)
    if every and not equation.body.has(Reduce) and all(set(r.at) <= set(free) for r in every):
        if all(isinstance(f, Read) for f in sp.Mul.make_args(equation.body)):
            return Operation("elementwise product", tuple(Operand(r.tensor) for r in every))
        return Operation("elementwise function", tuple(Operand(r.tensor) for r in every))
    if (
        equation.body.is_Add
        and all(isinstance(term, Read) and term.outside is not None for term in equation.body.args)
        and len(equation.body.args) > 1
    ):
        return Operation("concatenation", tuple(Operand(r.tensor) for r in every))
    return None


def _single(equation: Equation, read: Read, limits: tuple[Limit, ...], scale: sp.Expr) -> Operation | None:
    free = [i.symbol for i in equation.free]
    operand = (Operand(read.tensor),)
    plain = [position for position in read.at if position.is_Symbol]
    if len(set(plain)) < len(plain):
        return None
    extents = sp.Mul(*(extent for _, extent in limits))
    if limits and all(position.is_Symbol for position in read.at):
        if sp.expand(scale * extents - 1) == 0:
            return Operation("mean", operand, over=_names(limits))
        return Operation("sum", operand, over=_names(limits), scale=scale)
    if limits and read.outside == 0 and sp.expand(scale * extents - 1) == 0:
        spread = any(_divided(position) or _backwards(position, limits) for position in read.at)
        return Operation("mean spread" if spread else "pooling", operand, over=_names(limits), scale=scale)
    if limits:
        return Operation("pooling", operand, over=_names(limits), scale=scale)
    if list(read.at) == free and equation.target.at == tuple(free):
        return Operation("copy", operand, scale=scale)
    if any(
        p.has(sp.floor, sp.Mod) or len(p.free_symbols & set(free)) > 1
        for p in (*read.at, *equation.target.at)
    ):
        return Operation("reshape", operand, scale=scale)
    if set(read.at) < set(free):
        share = scale != 1 and sp.fraction(scale)[0] == 1
        return Operation("mean spread" if share else "copy", operand, scale=scale)
    if set(read.at) == set(free):
        return None
    if all(p.free_symbols & set(free) for p in read.at):
        return Operation("slice", operand, scale=scale)
    return None


def _divided(position: sp.Expr) -> bool:
    return bool(sp.fraction(sp.together(position))[1] != 1)


def _backwards(position: sp.Expr, limits: tuple[Limit, ...]) -> bool:
    return any(sp.expand(position).coeff(k, 1).is_negative for k, _ in limits)


def _pair(
    equation: Equation, factors: list[Read], limits: tuple[Limit, ...], scale: sp.Expr
) -> Operation | None:
    plain = [all(p.is_Symbol for p in read.at) and len(set(read.at)) == len(read.at) for read in factors]
    if all(plain):
        return _product(equation, factors, limits, scale)
    for data, kernel in (factors, factors[::-1]):
        found = _convolution(equation, data, kernel, limits, scale)
        if found is not None:
            return found
    return None


def _product(
    equation: Equation, factors: list[Read], limits: tuple[Limit, ...], scale: sp.Expr
) -> Operation | None:
    out = list(equation.target.at)
    bound = [k for k, _ in limits]
    if not limits:
        shared = set(factors[0].at) & set(factors[1].at)
        kind: Kind = "elementwise product" if shared else "outer product"
        return Operation(kind, tuple(Operand(r.tensor) for r in factors), scale=scale)
    if not all(k in read.at for k in bound for read in factors):
        return None
    if len(bound) == 1 and len(out) == 2 and all(len(read.at) == 2 for read in factors):
        left = next((r for r in factors if out[0] in r.at), None)
        right = next((r for r in factors if out[1] in r.at), None)
        if left is not None and right is not None and left is not right:
            return Operation(
                "matrix product",
                (
                    Operand(left.tensor, left.at[0] == bound[0]),
                    Operand(right.tensor, right.at[1] == bound[0]),
                ),
                over=_names(limits),
                scale=scale,
            )
    return Operation(
        "contraction", tuple(Operand(r.tensor) for r in factors), over=_names(limits), scale=scale
    )


def _convolution(
    equation: Equation, data: Read, kernel: Read, limits: tuple[Limit, ...], scale: sp.Expr
) -> Operation | None:
    """data is read through windows, kernel plainly; every window pairs one output index with one summed index.

    An output index of a window stands nowhere else, neither does its summed index but once in the kernel.
    """
    if not all(p.is_Symbol for p in kernel.at) or len(set(kernel.at)) < len(kernel.at):
        return None
    extents = dict(limits)
    out = set(equation.target.at)
    elsewhere = {p for p in data.at if p.is_Symbol}
    windows: list[Window] = []
    for position in data.at:
        if position.is_Symbol:
            continue
        numerator, spacing = sp.fraction(sp.together(position))
        numerator = sp.expand(numerator)
        free = [k for k in numerator.free_symbols if k in out]
        summed = [k for k in numerator.free_symbols if k in extents and k in kernel.at]
        if len(free) != 1 or len(summed) != 1:
            return None
        stride, dilation = numerator.coeff(free[0], 1), numerator.coeff(summed[0], 1)
        rest = sp.expand(numerator - stride * free[0] - dilation * summed[0])
        if rest.free_symbols & (out | set(extents)) or stride.is_negative or free[0] in kernel.at:
            return None
        if elsewhere & {free[0], summed[0]}:
            return None
        elsewhere |= {free[0], summed[0]}
        flipped = bool(dilation.is_negative)
        padding = -rest if not flipped else sp.expand(-rest - dilation * (extents[summed[0]] - 1))
        windows.append(Window(stride, abs(dilation), padding, spacing, flipped))
    read = set().union(*(p.free_symbols for p in (*data.at, *kernel.at)))
    if not windows or not out | set(extents) <= read:
        return None
    return Operation(
        _family(windows),
        (Operand(data.tensor), Operand(kernel.tensor)),
        tuple(windows),
        _names(limits),
        scale,
    )


def _family(windows: list[Window]) -> Kind:
    if any(w.spacing != 1 for w in windows):
        return "transposed convolution"
    return "full convolution" if all(w.flipped for w in windows) else "convolution"
