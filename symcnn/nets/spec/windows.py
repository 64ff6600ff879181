"""Specifications of convolutions and dense layers."""

from __future__ import annotations

from typing import Literal

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import window_sizes
from symcnn.nets.spec.arguments import Sizes, count, each
from symcnn.nets.spec.base import Spec

Same = Literal["same", "valid"]


def _conv(
    dims: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes,
    padding: Sizes | Same,
    dilation: Sizes,
    groups: int,
    bias: bool,
    name: str,
) -> Spec:
    channels, expects = _channels(in_channels, out_channels, groups)
    same = padding == "same"
    steps = each(stride, dims, "stride", 1)
    if same and set(steps) != {1}:
        raise ShapeError(f"expected stride 1 with padding='same', got {stride!r}")
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise ShapeError(f"expected padding as same, valid or integers, got {padding!r}")
    window = {
        "kernel_size": each(kernel_size, dims, "kernel_size", 1),
        "dilation": each(dilation, dims, "dilation", 1),
    }
    if not same:
        window["stride"] = steps
        window["padding"] = each(0 if padding == "valid" else padding, dims, "padding", 0)
    arguments = (("bias", bias), ("groups", groups), *((("padding", "same"),) if same else ()))
    sizes = (*channels, *window_sizes(dims, **window))
    return Spec(f"conv{dims}d", sizes, expects, name, arguments=arguments)


def _channels(
    in_channels: int, out_channels: int, groups: int
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Sizes of the channels, and those that the input must have."""
    count(in_channels, "in_channels"), count(out_channels, "out_channels"), count(groups, "groups")
    if in_channels % groups or out_channels % groups:
        raise ShapeError(
            f"expected channels divisible by groups={groups}, got {in_channels} and {out_channels}"
        )
    if groups > 1:
        return (("G", groups), ("K", out_channels // groups), ("C", in_channels // groups)), ()
    return (("O", out_channels),), (("C", in_channels),)


def conv1d(
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes | Same = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    name: str = "",
) -> Spec:
    """z[n,o,i] = b[o] + Σ_{c,r} W[o,c,r]·x[n,c,u·i+e·r−p]: cross-correlation, the filter is not flipped."""
    return _conv(1, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, name)


def conv2d(
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes | Same = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    name: str = "",
) -> Spec:
    """z[n,o,i,j] = b[o] + Σ_{c,r,s} W[o,c,r,s]·x[n,c,u·i+e·r−p,v·j+f·s−q]: cross-correlation, the filter is not flipped."""
    return _conv(2, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, name)


def conv3d(
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes | Same = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    name: str = "",
) -> Spec:
    """z[n,o,i,j,l] = b[o] + Σ_{c,r,s,t} W[o,c,r,s,t]·x[n,c,…]: cross-correlation in three dimensions."""
    return _conv(3, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, name)


def conv_transpose2d(
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    bias: bool = True,
    dilation: Sizes = 1,
    name: str = "",
) -> Spec:
    """z[n,o,i,j] = b[o] + Σ_{c,r,s} W[c,o,r,s]·x[n,c,(i+p−e·r)/u,(j+q−f·s)/v], reads between two entries being 0."""
    channels, expects = _channels(in_channels, out_channels, groups)
    steps, extra = each(stride, 2, "stride", 1), each(output_padding, 2, "output_padding", 0)
    spread = each(dilation, 2, "dilation", 1)
    if any(a >= max(u, e) for a, u, e in zip(extra, steps, spread, strict=True)):
        raise ShapeError(f"expected output_padding smaller than stride or dilation, got {output_padding!r}")
    window = window_sizes(
        2,
        kernel_size=each(kernel_size, 2, "kernel_size", 1),
        stride=steps,
        padding=each(padding, 2, "padding", 0),
        dilation=spread,
        output_padding=extra,
    )
    arguments = (("bias", bias), ("groups", groups))
    return Spec("conv_transpose2d", (*channels, *window), expects, name, arguments=arguments)


def linear(in_features: int, out_features: int, bias: bool = True, name: str = "") -> Spec:
    """z[n,k] = b[k] + Σ_d W[k,d]·x[n,d]."""
    return Spec(
        "linear",
        (("K", count(out_features, "out_features")),),
        (("D", count(in_features, "in_features")),),
        name,
        arguments=(("bias", bias),),
    )
