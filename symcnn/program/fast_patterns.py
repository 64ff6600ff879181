"""What rewritings look for in equations: convolutions, maxima of windows, and functions that keep the order of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.core.bounds import coefficients
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read, Reduce, Where, reads
from symcnn.core.functions import sigmoid
from symcnn.core.plan import Action, Statement


def statements(actions: Iterable[Action]) -> tuple[Statement, ...]:
    """The statements of a plan whose blocks are written out. Raises UnsupportedFormula where one is called."""
    found: list[Statement] = []
    for action in actions:
        if not isinstance(action, Statement):
            raise UnsupportedFormula(
                f"expected a plan whose blocks are written out, got a call of {action.procedure}"
            )
        found.append(action)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Sliding:
    """A spatial axis: the output's index ``out`` and the window's ``inner`` read at stride·out + dilation·inner + offset."""

    axis: int
    out: sp.Symbol
    inner: sp.Symbol
    extent: sp.Expr
    window: int
    stride: int
    dilation: int
    offset: int


@dataclass(frozen=True, slots=True)
class Convolution:
    """z[n,o,i…] = b[o] + Σ W[o,c,r…] · x[n,c,u·i + e·r + q, …]."""

    equation: Equation
    weight: Read
    data: Read
    bias: sp.Expr
    batch: sp.Symbol
    out: sp.Symbol
    channel: sp.Symbol
    sliding: tuple[Sliding, ...]

    @property
    def channels(self) -> int:
        """Channels that go in."""
        return int(self.data.tensor.shape[1])

    @property
    def outputs(self) -> int:
        """Channels that come out."""
        return int(self.equation.tensor.shape[1])


def convolution(equation: Equation) -> Convolution | None:
    """The convolution that an equation is, over an input of the form [n, c, …] with concrete sizes; else None."""
    terms = sp.Add.make_args(equation.body)
    sums = [term for term in terms if isinstance(term, Reduce)]
    free = [index.symbol for index in equation.free]
    if len(sums) != 1 or sums[0].kind != "sum" or list(equation.target.at) != free or len(free) < 3:
        return None
    product = sums[0].body
    if (
        not isinstance(product, sp.Mul)
        or len(product.args) != 2
        or not all(isinstance(f, Read) for f in product.args)
    ):
        return None
    weight, data = sorted(product.args, key=lambda read: read.tensor.shape[0].is_Symbol)
    batch, out = free[:2]
    if data.at[0] != batch or weight.at[0] != out or weight.tensor.rank != data.tensor.rank != len(free):
        return None
    channel = weight.at[1]
    bound = dict(sums[0].limits)
    if channel != data.at[1] or channel not in bound or data.outside not in (None, 0):
        return None
    if weight.outside is not None or set(weight.at) != {out, *bound} or len(bound) != len(free) - 1:
        return None
    sliding = [_sliding(equation, data, axis, weight.at[axis], bound) for axis in range(2, len(free))]
    if any(s is None for s in sliding) or [s.out for s in sliding if s] != free[2:]:
        return None
    bias = sp.Add(*(term for term in terms if term is not sums[0]))
    if bias.free_symbols & {*free} - {out} or any(len(read.at) != 1 for read in reads(bias)):
        return None
    return Convolution(equation, weight, data, bias, batch, out, channel, tuple(s for s in sliding if s))


def _sliding(
    equation: Equation, data: Read, axis: int, inner: sp.Symbol, bound: dict[sp.Symbol, sp.Expr]
) -> Sliding | None:
    extents = equation.extents
    try:
        slopes, rest = coefficients(data.at[axis], extents)
    except UnsupportedFormula:
        return None
    outer = [k for k in slopes if k not in bound]
    if inner not in slopes or len(slopes) != 2 or len(outer) != 1:
        return None
    numbers = (
        slopes[outer[0]],
        slopes[inner],
        rest,
        bound[inner],
        extents[outer[0]],
        data.tensor.shape[axis],
    )
    if not all(number.is_Integer for number in numbers) or numbers[0] < 1 or numbers[1] < 1:
        return None
    stride, dilation, offset, window = map(int, numbers[:4])
    return Sliding(axis, outer[0], inner, numbers[4], window, stride, dilation, offset)


@dataclass(frozen=True, slots=True)
class Pooling:
    """p[n,o,i…] = max over windows of one read, with their extents and strides."""

    equation: Equation
    windows: tuple[int, ...]
    strides: tuple[int, ...]


def pooling(equation: Equation, padded: bool = False) -> Pooling | None:
    """The maximum of windows that an equation is; else None. ``padded`` ones may leave the tensor, and read −∞ there."""
    body = equation.body
    free = [index.symbol for index in equation.free]
    if not isinstance(body, Reduce) or body.kind != "max" or not isinstance(body.body, Read):
        return None
    read, bound = body.body, dict(body.limits)
    if read.outside not in ((None, -sp.oo) if padded else (None,)):
        return None
    if list(equation.target.at) != free or list(read.at[:2]) != free[:2]:
        return None
    if len(free) != read.tensor.rank or len(bound) != len(free) - 2:
        return None
    windows, strides = [], []
    for axis, out in enumerate(free[2:], 2):
        inner = body.indices[axis - 2]
        stride = sp.expand(read.at[axis] - inner).coeff(out, 1)
        offset = sp.expand(read.at[axis] - inner - stride * out)
        if not offset.is_Integer or not stride.is_Integer or (offset != 0 and not padded):
            return None
        if not bound[inner].is_Integer:
            return None
        windows.append(int(bound[inner]))
        strides.append(int(stride))
    return Pooling(equation, tuple(windows), tuple(strides))


def keeps_order(equation: Equation) -> Read | None:
    """The value that an equation maps entry by entry by a function that never falls, and is constant only where its
    derivative is taken as 0: then it may stand after a maximum as well, and the same entry gets the cotangent."""
    found = reads(equation.body)
    if len(found) != 1 or found[0].at != equation.target.at or found[0].outside is not None:
        return None
    read = found[0]
    body = equation.body
    if isinstance(body, Where):
        rising = (body.condition, body.value, body.otherwise) == (read > 0, read, sp.S.Zero)
        return read if rising else None
    return read if body in (sp.tanh(read), sigmoid(read)) else None
