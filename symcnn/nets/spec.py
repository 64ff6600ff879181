"""Layer specifications with PyTorch's argument names; a network fits each to the shape that reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue import KINDS
from symcnn.nets.kind import LayerKind

Pair = int | tuple[int, int]
Size = int | Fraction


@dataclass(frozen=True, slots=True)
class Spec:
    """A layer before it knows its input: the family, its given sizes and parameters, its name and its inputs.

    ``inputs`` names the layers or values that the layer reads; without it, it reads the layer before.
    """

    family: str
    sizes: tuple[tuple[str, Size], ...] = ()
    expects: tuple[tuple[str, int], ...] = field(default=())
    name: str = ""
    inputs: tuple[str, ...] = ()

    def on(self, *inputs: str) -> Spec:
        """The same layer reading the named layers or values."""
        return replace(self, inputs=inputs)

    def kind(self, ranks: Sequence[int]) -> LayerKind:
        """The layer of this family for data of these numbers of axes. Raises ShapeError."""
        for name in (self.family, f"{self.family} {ranks[0]}d"):
            if name in KINDS and [KINDS[name].tensor(x).rank for x in KINDS[name].data] == list(ranks):
                return KINDS[name]
        got = " and ".join(f"a tensor of {rank} axes" for rank in ranks)
        raise ShapeError(f"{self.name or self.family}: expected other input, got {got} (with the batch)")


def _pair(value: object, what: str, least: int) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(isinstance(v, int) and not isinstance(v, bool) and v >= least for v in pair):
        raise ShapeError(f"expected {what} as an integer ≥ {least} or a pair of them, got {value!r}")
    return pair[0], pair[1]


def _count(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ShapeError(f"expected {what} as a positive integer, got {value!r}")
    return value


def conv2d(
    in_channels: int,
    out_channels: int,
    kernel_size: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    bias: bool = True,
    name: str = "",
) -> Spec:
    """z[n,o,i,j] = b[o] + Σ_{c,r,s} W[o,c,r,s]·x[n,c,u·i+e·r−p,v·j+f·s−q]: cross-correlation, the filter is not flipped."""
    _count(in_channels, "in_channels"), _count(out_channels, "out_channels"), _count(groups, "groups")
    if in_channels % groups or out_channels % groups:
        raise ShapeError(
            f"expected channels divisible by groups={groups}, got {in_channels} and {out_channels}"
        )
    if groups > 1 and not bias:
        raise ShapeError("expected a bias in a convolution in groups")
    (r, s), (u, v) = _pair(kernel_size, "kernel_size", 1), _pair(stride, "stride", 1)
    (p, q), (e, f) = _pair(padding, "padding", 0), _pair(dilation, "dilation", 1)
    window = (("R", r), ("S", s), ("u", u), ("v", v), ("p", p), ("q", q), ("e", e), ("f", f))
    if groups > 1:
        channels = (("G", groups), ("K", out_channels // groups), ("C", in_channels // groups))
        return Spec("grouped conv2d", (*channels, *window), name=name)
    family = "conv2d" if bias else "conv2d without bias"
    return Spec(family, (("O", out_channels), *window), (("C", in_channels),), name)


def linear(in_features: int, out_features: int, name: str = "") -> Spec:
    """z[n,k] = b[k] + Σ_d W[k,d]·x[n,d]."""
    return Spec(
        "dense",
        (("K", _count(out_features, "out_features")),),
        (("D", _count(in_features, "in_features")),),
        name,
    )


def _pool(family: str, kernel_size: Pair, stride: Pair | None, padding: Pair, name: str) -> Spec:
    (r, s), (p, q) = _pair(kernel_size, "kernel_size", 1), _pair(padding, "padding", 0)
    u, v = _pair(stride if stride is not None else (r, s), "stride", 1)
    if 2 * p > r or 2 * q > s:
        raise ShapeError(f"expected padding of at most half the window {r}×{s}, got {p}×{q}")
    return Spec(family, (("R", r), ("S", s), ("u", u), ("v", v), ("p", p), ("q", q)), name=name)


def max_pool2d(kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, name: str = "") -> Spec:
    """y[n,c,i,j] = max_{r,s} x[n,c,u·i+r−p,v·j+s−q]; the stride is the window where none is given."""
    return _pool("max_pool2d", kernel_size, stride, padding, name)


def avg_pool2d(kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, name: str = "") -> Spec:
    """y[n,c,i,j] = mean_{r,s} x[n,c,u·i+r−p,v·j+s−q]; padding counts as zeros."""
    return _pool("avg_pool2d", kernel_size, stride, padding, name)


def flatten(name: str = "") -> Spec:
    """f[n,(c·H+i)·V+j] = x[n,c,i,j]: row-major order."""
    return Spec("flatten", name=name)


def relu(name: str = "") -> Spec:
    """a = max(x, 0)."""
    return Spec("relu", name=name)


def sigmoid(name: str = "") -> Spec:
    """a = 1/(1 + exp(−x))."""
    return Spec("sigmoid", name=name)


def tanh(name: str = "") -> Spec:
    """a = tanh(x)."""
    return Spec("tanh", name=name)


def softmax(name: str = "") -> Spec:
    """a[n,k] = exp(x[n,k])/Σ_l exp(x[n,l])."""
    return Spec("softmax", name=name)


def bce(name: str = "") -> Spec:
    """L = mean(−y·log(x) − (1−y)·log(1−x)): the mean over images and outputs."""
    return Spec("bce", name=name)


def cross_entropy(name: str = "") -> Spec:
    """L = mean_n(−log x[n, y[n]]) for class numbers y[n] and probabilities x."""
    return Spec("cross_entropy", name=name)
