"""Convolutions as networks use them, in 1, 2 and 3 dimensions: cross-correlations, the filter is not flipped."""

from __future__ import annotations

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import Axis, spatial
from symcnn.nets.kind import LayerKind, kind

ARITHMETIC = "Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016"
GROUPS = (
    "Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, 2012"
)
XCEPTION = "Chollet, Xception: deep learning with depthwise separable convolutions, 2017"


def convolution(dims: int, bias: bool = True, groups: int = 1, padding: str = "given") -> LayerKind:
    """z[n,o,i] = b[o] + Σ_{c,r} W[o,c,r]·x[n,c,u·i+e·r−p], with zeros outside; strides u, dilations e, paddings p.

    ``padding="same"`` keeps the size at stride 1: ⌊e(R−1)/2⌋ zeros before, the rest behind.
    """
    if padding not in ("given", "same"):
        raise ShapeError(f"expected padding given or same, got {padding!r}")
    same = padding == "same"
    found = spatial(dims)
    positions = ",".join(_same(a) if same else _position(a) for a in found)
    sizes = ",".join(a.size if same else _size(a) for a in found)
    outputs, output, channel, reading, shapes = _channels(groups, found, "O,C")
    body = f"sum[{','.join(('c', *(a.window for a in found)))}](W[{reading}]*x[n,{channel},{positions} | 0])"
    target = f"z[n,{output},{','.join(a.index for a in found)}]"
    name = f"conv{dims}d"
    return kind(
        ("grouped " if groups > 1 else "") + name + (" same" if same else "") + _bare(bias),
        f"{target} = " + (f"b[{output}] + " if bias else "") + body,
        {**shapes, **({"b": outputs} if bias else {}), "z": f"N,{outputs},{sizes}"},
        "z",
        "convolution" + (" in groups" if groups > 1 else "") + _bare(bias),
        GROUPS if groups > 1 else f"{ARITHMETIC}, section 2",
        trained=("W", "b") if bias else ("W",),
        defaults=_defaults(found, stride=not same, padding=not same),
    )


def transposed(dims: int, bias: bool = True, groups: int = 1) -> LayerKind:
    """z[n,o,i] = b[o] + Σ_{c,r} W[c,o,r]·x[n,c,(i+p−e·r)/u]: a read between two entries of x is 0.

    The size is u(H−1) − 2p + e(R−1) + 1, and ``output_padding`` a beyond it.
    """
    found = spatial(dims)
    positions = ",".join(f"({a.index}+{a.padding}-{a.dilation}*{a.window})/{a.stride}" for a in found)
    sizes = ",".join(
        f"({a.size}-1)*{a.stride}-2*{a.padding}+{a.dilation}*({a.extent}-1)+{a.extra}+1" for a in found
    )
    outputs, output, channel, reading, shapes = _channels(groups, found, "C,O")
    body = f"sum[{','.join(('c', *(a.window for a in found)))}](W[{reading}]*x[n,{channel},{positions} | 0])"
    target = f"z[n,{output},{','.join(a.index for a in found)}]"
    return kind(
        ("grouped " if groups > 1 else "") + f"conv_transpose{dims}d" + _bare(bias),
        f"{target} = " + (f"b[{output}] + " if bias else "") + body,
        {**shapes, **({"b": outputs} if bias else {}), "z": f"N,{outputs},{sizes}"},
        "z",
        "transposed convolution" + (" in groups" if groups > 1 else "") + _bare(bias),
        f"{ARITHMETIC}, section 4",
        trained=("W", "b") if bias else ("W",),
        defaults=(*_defaults(found), *((a.extra, 0) for a in found)),
    )


def depthwise(dims: int, bias: bool = True) -> LayerKind:
    """z[n,c,i] = b[c] + Σ_r W[c,r]·x[n,c,u·i+e·r−p]: every channel has its own filter (groups = in_channels)."""
    found = spatial(dims)
    windows = ",".join(a.window for a in found)
    positions = ",".join(_position(a) for a in found)
    target = f"z[n,c,{','.join(a.index for a in found)}]"
    return kind(
        f"depthwise conv{dims}d" + _bare(bias),
        f"{target} = {'b[c] + ' if bias else ''}sum[{windows}](W[c,0,{windows}]*x[n,c,{positions} | 0])",
        {
            "x": f"N,C,{','.join(a.size for a in found)}",
            "W": f"C,1,{','.join(a.extent for a in found)}",
            **({"b": "C"} if bias else {}),
            "z": f"N,C,{','.join(_size(a) for a in found)}",
        },
        "z",
        "depthwise convolution" + _bare(bias),
        XCEPTION,
        trained=("W", "b") if bias else ("W",),
        defaults=_defaults(found),
    )


def _bare(bias: bool) -> str:
    return "" if bias else " without bias"


def _position(a: Axis) -> str:
    return f"{a.stride}*{a.index}+{a.dilation}*{a.window}-{a.padding}"


def _same(a: Axis) -> str:
    return f"{a.index}+{a.dilation}*{a.window}-{a.dilation}*({a.extent}-1)//2"


def _size(a: Axis) -> str:
    return f"({a.size}+2*{a.padding}-{a.dilation}*({a.extent}-1)-1)//{a.stride}+1"


def _defaults(
    found: tuple[Axis, ...], *, stride: bool = True, padding: bool = True
) -> tuple[tuple[str, int], ...]:
    return tuple(
        (name, value)
        for a in found
        for name, value, used in ((a.stride, 1, stride), (a.padding, 0, padding), (a.dilation, 1, True))
        if used
    )


def _channels(groups: int, found: tuple[Axis, ...], order: str) -> tuple[str, str, str, str, dict[str, str]]:
    """Number of output channels, output channel, input channel, the weight's positions, shapes of x and W."""
    if type(groups) is not int or groups < 1:
        raise ShapeError(f"expected groups as a positive integer, got {groups!r}")
    inner, outer = ",".join(a.size for a in found), ",".join(a.extent for a in found)
    windows = ",".join(a.window for a in found)
    if groups == 1:
        first = "o,c" if order == "O,C" else "c,o"
        return "O", "o", "c", f"{first},{windows}", {"x": f"N,C,{inner}", "W": f"{order},{outer}"}
    first, weight = ("g*K+k,c", "G*K,C") if order == "O,C" else ("g*C+c,k", "G*C,K")
    shapes = {"x": f"N,G*C,{inner}", "W": f"{weight},{outer}"}
    return "G*K", "g*K+k", "g*C+c", f"{first},{windows}", shapes


KINDS = (
    *(convolution(dims, bias) for dims in (1, 2, 3) for bias in (True, False)),
    *(convolution(dims, groups=2) for dims in (1, 2, 3)),
    *(convolution(dims, padding="same") for dims in (1, 2, 3)),
    *(depthwise(dims) for dims in (1, 2, 3)),
    *(transposed(dims) for dims in (1, 2, 3)),
    *(transposed(dims, groups=2) for dims in (1, 2, 3)),
)
