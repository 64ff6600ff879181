"""Pooling in 1, 2 and 3 dimensions: maxima and means of windows."""

from __future__ import annotations

from symcnn.nets.catalogue.axes import Axis, spatial
from symcnn.nets.kind import LayerKind, kind

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 9.3"
PYRAMID = (
    "He, Zhang, Ren and Sun, Spatial pyramid pooling in deep convolutional networks, 2014; bins as in PyTorch"
)
NETWORK = "Lin, Chen and Yan, Network in network, 2014, section 3.2"


def max_pool(dims: int, dilation: int = 1, ceil_mode: bool = False) -> LayerKind:
    """y[n,c,i] = max_r x[n,c,u·i+e·r−p], nothing outside. In ceil mode the output's size P is given."""
    found, dilated = spatial(dims), dilation != 1
    positions = ",".join(_position(a, dilated) for a in found)
    return kind(
        ("dilated " if dilated else "") + f"max_pool{dims}d" + _ceil(ceil_mode),
        f"y[n,c,{_indices(found)}] = max[{_windows(found)}](x[n,c,{positions} | -oo])",
        {"x": _input(found), "y": f"N,C,{_output(found, dilated, ceil_mode)}"},
        "p",
        "max pooling",
        GOODFELLOW,
        defaults=tuple((a.padding, 0) for a in found),
    )


def avg_pool(
    dims: int, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None
) -> LayerKind:
    """y[n,c,i] = Σ_r x[n,c,u·i+r−p] / divisor, zeros outside.

    The divisor is the window; without ``count_include_pad`` the entries inside x; with ``divisor_override`` D. In
    ceil mode entries beyond the padding do not count, and the output's size P is given.
    """
    found = spatial(dims)
    positions = ",".join(_position(a, False) for a in found)
    read = f"(x[n,c,{positions} | 0])"
    windows = _windows(found)
    name = f"avg_pool{dims}d" + _ceil(ceil_mode)
    if divisor_override is not None:
        name, body = f"{name} with a given divisor", f"sum[{windows}]{read}/D"
    elif not count_include_pad:
        name = f"{name} without padding"
        body = f"sum[{windows}]{read}/({'*'.join(_inside(a) for a in found)})"
    elif ceil_mode:
        body = f"sum[{windows}]{read}/({'*'.join(_reached(a) for a in found)})"
    else:
        body = f"mean[{windows}]{read}"
    return kind(
        name,
        f"y[n,c,{_indices(found)}] = {body}",
        {"x": _input(found), "y": f"N,C,{_output(found, False, ceil_mode)}"},
        "p",
        "average pooling",
        GOODFELLOW,
        defaults=tuple((a.padding, 0) for a in found),
    )


def adaptive_avg_pool(dims: int) -> LayerKind:
    """y[n,c,i] = mean of x[n,c,h] for ⌊iH/P⌋ ≤ h < ⌈(i+1)H/P⌉, for any sizes H and P.

    In integers: i·H < (h+1)·P and h·P < (i+1)·H.
    """
    found = spatial(dims)
    limits = ",".join(f"{a.window}<{a.size}" for a in found)
    inside = " and ".join(_in_bin(a) for a in found)
    count = "*".join(f"sum[{a.window}<{a.size}](where({_in_bin(a)}, 1, 0))" for a in found)
    return kind(
        f"adaptive_avg_pool{dims}d",
        f"y[n,c,{_indices(found)}] = sum[{limits}](where({inside}, x[n,c,{_windows(found, False)}], 0))/({count})",
        {"x": _input(found), "y": f"N,C,{','.join(a.output for a in found)}"},
        "p",
        "adaptive average pooling",
        PYRAMID,
    )


def global_avg_pool(dims: int, keepdim: bool = False) -> LayerKind:
    """y[n,c] = mean_{i,j} x[n,c,i,j]; with ``keepdim`` the axes stay, of extent 1."""
    found = spatial(dims)
    ones = ",".join(f"{a.index}0" for a in found)
    return kind(
        f"global_avg_pool{dims}d" + (" keeping axes" if keepdim else ""),
        f"y[n,c{',' + ones if keepdim else ''}] = mean[{_indices(found)}](x[n,c,{_indices(found)}])",
        {"x": _input(found), "y": "N,C" + ",1" * dims * keepdim},
        "p",
        "global average pooling",
        NETWORK,
    )


def _indices(found: tuple[Axis, ...]) -> str:
    return ",".join(a.index for a in found)


def _windows(found: tuple[Axis, ...], limits: bool = True) -> str:
    return ",".join(f"{a.window}<{a.extent}" if limits else a.window for a in found)


def _input(found: tuple[Axis, ...]) -> str:
    return f"N,C,{','.join(a.size for a in found)}"


def _ceil(ceil_mode: bool) -> str:
    return " in ceil mode" if ceil_mode else ""


def _position(a: Axis, dilated: bool) -> str:
    return f"{a.stride}*{a.index}+{a.dilation + '*' if dilated else ''}{a.window}-{a.padding}"


def _output(found: tuple[Axis, ...], dilated: bool, ceil_mode: bool) -> str:
    if ceil_mode:
        return ",".join(a.output for a in found)
    reach = [f"{a.dilation}*({a.extent}-1)-1" if dilated else a.extent for a in found]
    return ",".join(f"({a.size}+2*{a.padding}-{r})//{a.stride}+1" for a, r in zip(found, reach, strict=True))


def _inside(a: Axis) -> str:
    place = _position(a, False)
    return f"sum[{a.window}<{a.extent}](where(0 <= {place} and {place} < {a.size}, 1, 0))"


def _reached(a: Axis) -> str:
    return f"sum[{a.window}<{a.extent}](where({_position(a, False)} < {a.size}+{a.padding}, 1, 0))"


def _in_bin(a: Axis) -> str:
    return (
        f"{a.index}*{a.size} < ({a.window}+1)*{a.output} and {a.window}*{a.output} < ({a.index}+1)*{a.size}"
    )


KINDS = tuple(
    make(dims) for make in (max_pool, avg_pool, adaptive_avg_pool, global_avg_pool) for dims in (1, 2, 3)
)
