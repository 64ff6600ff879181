"""Small instances of an equation to show entry by entry: sizes chosen, axes of extent 1 left out."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symcnn.calculus.sizes import small_sizes
from symcnn.core.equation import Equation, Index
from symcnn.core.expr import Read, Reduce, Selected, reads
from symcnn.core.tensor import Tensor
from symcnn.nets.concrete import concrete
from symcnn.render.latex_order import is_size

Sizes = Mapping[sp.Symbol, sp.Expr]


def narrowed(equation: Equation, sizes: Sizes, names: Mapping[str, str] | None = None) -> Equation:
    """The equation at some sizes, without the axes and indices of extent 1, its tensors renamed.

    An axis of extent 1 is kept where it is read through a window.
    """
    at_sizes = concrete(equation.substituted(dict(sizes)))
    gone = {k: sp.S.Zero for k, extent in at_sizes.extents.items() if extent == 1}
    renaming = names or {}
    target = _narrow(at_sizes.target, gone, renaming)
    free = tuple(Index(i.symbol, i.extent) for i in at_sizes.free if i.symbol not in gone)
    return concrete(Equation(target, _narrow(at_sizes.body, gone, renaming), free))


def _narrow(expr: sp.Basic, gone: Mapping[sp.Symbol, sp.Expr], names: Mapping[str, str]) -> sp.Basic:
    match expr:
        case Read():
            at = [_narrow(position, gone, names) for position in expr.at]
            kept = [k for k, e in enumerate(expr.tensor.shape) if not (e == 1 and at[k] == 0)]
            tensor = _renamed(expr.tensor, names, kept)
            return Read(tensor, [at[k] for k in kept], expr.args[2])
        case Reduce():
            limits = [(k, e) for k, e in expr.limits if k not in gone]
            return Reduce(expr.kind, _narrow(expr.body, gone, names), limits)
        case Selected():
            limits = [(k, e) for k, e in expr.limits if k not in gone]
            at = [
                _narrow(p, gone, names)
                for p, (k, _) in zip(expr.at, expr.limits, strict=True)
                if k not in gone
            ]
            if not limits:
                return sp.S.One
            return Selected(expr.kind, _narrow(expr.body, gone, names), limits, at, expr.policy)
        case sp.Symbol():
            return gone.get(expr, expr)
    return expr.func(*(_narrow(arg, gone, names) for arg in expr.args)) if expr.args else expr


def _renamed(tensor: Tensor, names: Mapping[str, str], kept: list[int]) -> Tensor:
    cotangent = tensor.role == "cotangent"
    own = tensor.name[1:] if cotangent else tensor.name
    name = names.get(own, own)
    return Tensor(f"d{name}" if cotangent else name, [tensor.shape[k] for k in kept], tensor.role)


def small_letters(equation: Equation) -> dict[str, str]:
    """Entries are written with small letters: w for W, where no other tensor has that name."""
    names = [equation.tensor.name, *(t.name for t in equation.inputs)]
    return {n: n.lower() for n in names if n[:1].isupper() and n.lower() not in names}


def display_sizes(equation: Equation) -> dict[sp.Symbol, sp.Expr]:
    """Sizes at which an expansion is short and still shows how the layer works.

    Windows of 2 on 3 or, where each window is reduced to one value, on 4; one image and one channel. Falls back to the
    sizes of the evidence where that does not fit.
    """
    every = (equation.target, *reads(equation.body))
    moved = [
        (p, e) for read in every for p, e in zip(read.at, read.tensor.shape, strict=True) if not p.is_Symbol
    ]
    bound = {k: e for k, e in equation.extents.items() if k not in {i.symbol for i in equation.free}}
    windows = {bound[k] for p, _ in moved for k in p.free_symbols if k in bound and bound[k].is_Symbol}
    slides = any(k in bound for p, _ in moved for k in p.free_symbols)
    disjoint = slides and len(reads(equation.body)) == 1
    sizes: dict[sp.Symbol, sp.Expr] = {}
    rank = max(read.tensor.rank for read in every)
    for symbol in _integers(equation):
        if symbol in windows:
            value = 2
        elif not symbol.is_positive:
            value = 0
        elif not is_size(symbol):
            value = 2 if disjoint else 1
        elif slides and any(symbol in e.free_symbols for _, e in moved):
            value = 4 if disjoint else 3
        else:
            value = _plain_axis(symbol, every, rank)
        sizes[symbol] = sp.Integer(value)
    return sizes if _fits(equation, sizes) else small_sizes([equation])


def _plain_axis(symbol: sp.Symbol, every: tuple[Read, ...], rank: int) -> int:
    """Batches and channels of images are 1; other axes 2 or 3, in turn."""
    place = (
        min(read.tensor.shape.index(symbol) for read in every if symbol in read.tensor.shape)
        if any(symbol in read.tensor.shape for read in every)
        else 0
    )
    if rank > 2:
        return 1 if place < rank - 2 else 2
    return 2 if place == 0 else 3


def _integers(equation: Equation) -> list[sp.Symbol]:
    indices = set(equation.extents)
    found = {
        s
        for read in (equation.target, *reads(equation.body))
        for part in (*read.at, *read.tensor.shape)
        for s in part.free_symbols - indices
    }
    found |= {s for extent in equation.extents.values() for s in extent.free_symbols - indices}
    return sorted((s for s in found if s.is_integer), key=lambda s: str(s.name))


def _fits(equation: Equation, sizes: Sizes) -> bool:
    extents = [e.xreplace(dict(sizes)).doit() for e in equation.extents.values()]
    axes = [
        e.xreplace(dict(sizes)).doit()
        for r in (equation.target, *reads(equation.body))
        for e in r.tensor.shape
    ]
    return all(e.is_Integer and e >= 1 for e in (*extents, *axes))
