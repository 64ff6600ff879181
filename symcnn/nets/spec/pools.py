"""Specifications of pooling, and of layers that only move entries."""

from __future__ import annotations

from collections.abc import Callable

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
    **forms: bool,
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
    arguments: tuple[tuple[str, object], ...] = tuple(forms.items())
    if set(spread) != {1}:
        window += window_sizes(dims, dilation=spread)
        arguments += (("dilation", max(spread)),)
    return Spec(f"{family}{dims}d", window, name=name, arguments=arguments)


def _max_pool(dims: int, formula: str) -> Callable[..., Spec]:
    """A maximum of windows in so many dimensions."""

    def spec(
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        name: str = "",
    ) -> Spec:
        forms = {"ceil_mode": True} if ceil_mode else {}
        return _pool("max_pool", dims, kernel_size, stride, padding, dilation, name, **forms)

    spec.__name__ = spec.__qualname__ = f"max_pool{dims}d"
    spec.__doc__ = f"{formula}; the stride is the window where none is given."
    return spec


def _avg_pool(dims: int, formula: str) -> Callable[..., Spec]:
    """A mean of windows in so many dimensions."""

    def spec(
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        name: str = "",
    ) -> Spec:
        forms = {"ceil_mode": True} if ceil_mode else {}
        if not count_include_pad and each(padding, dims, "padding", 0) != (0,) * dims:
            forms["count_include_pad"] = False
        return _pool("avg_pool", dims, kernel_size, stride, padding, 1, name, **forms)

    spec.__name__ = spec.__qualname__ = f"avg_pool{dims}d"
    spec.__doc__ = f"{formula}; padding counts as zeros where ``count_include_pad``."
    return spec


def _adaptive_avg_pool(dims: int, formula: str) -> Callable[..., Spec]:
    """A mean of as many bins as are wanted, in so many dimensions."""

    def spec(output_size: Sizes, name: str = "") -> Spec:
        sizes = window_sizes(dims, output_size=each(output_size, dims, "output_size", 1))
        return Spec(f"adaptive_avg_pool{dims}d", sizes, name=name)

    spec.__name__ = spec.__qualname__ = f"adaptive_avg_pool{dims}d"
    spec.__doc__ = formula
    return spec


max_pool1d = _max_pool(1, "y[n,c,i] = max_r x[n,c,u·i+e·r−p]")
max_pool2d = _max_pool(2, "y[n,c,i,j] = max_{r,s} x[n,c,u·i+e·r−p,v·j+f·s−q]")
max_pool3d = _max_pool(3, "y[n,c,i,j,l] = max_{r,s,t} x[n,c,…]")
avg_pool1d = _avg_pool(1, "y[n,c,i] = mean_r x[n,c,u·i+r−p]")
avg_pool2d = _avg_pool(2, "y[n,c,i,j] = mean_{r,s} x[n,c,u·i+r−p,v·j+s−q]")
avg_pool3d = _avg_pool(3, "y[n,c,i,j,l] = mean_{r,s,t} x[n,c,…]")
adaptive_avg_pool1d = _adaptive_avg_pool(1, "y[n,c,i] = mean of the entries from ⌊iH/P⌋ to ⌈(i+1)H/P⌉.")
adaptive_avg_pool2d = _adaptive_avg_pool(
    2, "y[n,c,i,j] = mean of the entries from ⌊iH/P⌋ to ⌈(i+1)H/P⌉ and likewise in j."
)
adaptive_avg_pool3d = _adaptive_avg_pool(
    3, "y[n,c,i,j,l] = mean of the entries of each bin, in three dimensions."
)


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
