"""Specifications of pooling, and of layers that only move entries."""

from __future__ import annotations

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import window_sizes
from symcnn.nets.spec.arguments import Sizes, count, each
from symcnn.nets.spec.base import Spec


def _pool(
    family: str,
    dims: int,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    name: str,
) -> Spec:
    extent = each(kernel_size, dims, "kernel_size", 1)
    zeros = each(padding, dims, "padding", 0)
    spread = each(dilation, dims, "dilation", 1)
    if any(2 * p > r for p, r in zip(zeros, extent, strict=True)):
        raise ShapeError(
            f"expected padding of at most half the window {'×'.join(map(str, extent))}, got {'×'.join(map(str, zeros))}"
        )
    steps = each(kernel_size if stride is None else stride, dims, "stride", 1)
    window = window_sizes(dims, kernel_size=extent, stride=steps, padding=zeros)
    if set(spread) == {1}:
        return Spec(f"{family}{dims}d", window, name=name)
    sizes = (*window, *window_sizes(dims, dilation=spread))
    return Spec(f"{family}{dims}d", sizes, name=name, arguments=(("dilation", max(spread)),))


def max_pool1d(
    kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, name: str = ""
) -> Spec:
    """y[n,c,i] = max_r x[n,c,u·i+e·r−p]; the stride is the window where none is given."""
    return _pool("max_pool", 1, kernel_size, stride, padding, dilation, name)


def max_pool2d(
    kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, name: str = ""
) -> Spec:
    """y[n,c,i,j] = max_{r,s} x[n,c,u·i+e·r−p,v·j+f·s−q]; the stride is the window where none is given."""
    return _pool("max_pool", 2, kernel_size, stride, padding, dilation, name)


def max_pool3d(
    kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, name: str = ""
) -> Spec:
    """y[n,c,i,j,l] = max_{r,s,t} x[n,c,…]; the stride is the window where none is given."""
    return _pool("max_pool", 3, kernel_size, stride, padding, dilation, name)


def avg_pool1d(kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, name: str = "") -> Spec:
    """y[n,c,i] = mean_r x[n,c,u·i+r−p]; padding counts as zeros."""
    return _pool("avg_pool", 1, kernel_size, stride, padding, 1, name)


def avg_pool2d(kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, name: str = "") -> Spec:
    """y[n,c,i,j] = mean_{r,s} x[n,c,u·i+r−p,v·j+s−q]; padding counts as zeros."""
    return _pool("avg_pool", 2, kernel_size, stride, padding, 1, name)


def avg_pool3d(kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, name: str = "") -> Spec:
    """y[n,c,i,j,l] = mean_{r,s,t} x[n,c,…]; padding counts as zeros."""
    return _pool("avg_pool", 3, kernel_size, stride, padding, 1, name)


def adaptive_avg_pool2d(output_size: Sizes, name: str = "") -> Spec:
    """y[n,c,i,j] = mean of the entries from ⌊iH/P⌋ to ⌈(i+1)H/P⌉ and likewise in j."""
    sizes = window_sizes(2, output_size=each(output_size, 2, "output_size", 1))
    return Spec("adaptive_avg_pool2d", sizes, name=name)


def global_avg_pool(name: str = "") -> Spec:
    """y[n,c] = mean_{i,j} x[n,c,i,j]."""
    return Spec("global_avg_pool2d", name=name)


def flatten(name: str = "") -> Spec:
    """f[n,(c·H+i)·V+j] = x[n,c,i,j]: row-major order."""
    return Spec("flatten", name=name)


def upsample(scale_factor: Sizes, name: str = "") -> Spec:
    """y[n,c,i·R+r,j·S+s] = x[n,c,i,j]: nearest up-sampling by integers."""
    sizes = window_sizes(2, kernel_size=each(scale_factor, 2, "scale_factor", 1))
    return Spec("upsample_nearest2d", sizes, name=name)


def pixel_shuffle(upscale_factor: int, name: str = "") -> Spec:
    """y[n,c,i·R+r,j·R+s] = x[n,(c·R+r)·R+s,i,j]."""
    return Spec("pixel_shuffle", (("R", count(upscale_factor, "upscale_factor")),), name=name)
