"""Specifications of normalisation and dropout, and of layers of several inputs."""

from __future__ import annotations

from collections.abc import Sequence

from symcnn.core.errors import ShapeError
from symcnn.nets.spec.arguments import Number, count, exact
from symcnn.nets.spec.base import Spec


def _batch_norm(
    rank: int,
    channels: str,
    num_features: int,
    eps: Number,
    momentum: Number,
    affine: bool,
    track_running_stats: bool,
    name: str,
) -> Spec:
    expects = ((channels, count(num_features, "num_features")),)
    arguments = (("rank", rank), ("affine", affine))
    share = exact(momentum, "momentum")
    if not 0 <= share <= 1:
        raise ShapeError(f"expected momentum from 0 to 1, got {momentum!r}")
    return Spec(
        "batch_norm",
        (("eps", exact(eps, "eps")),),
        expects,
        name,
        arguments=arguments,
        momentum=share if track_running_stats else None,
    )


def batch_norm1d(
    num_features: int,
    eps: Number = 1e-5,
    momentum: Number = 0.1,
    affine: bool = True,
    track_running_stats: bool = True,
    name: str = "",
) -> Spec:
    """y[n,k] = g[k]·(x[n,k] − m[k])/√(v[k] + eps) + b[k]; statistics of the batch, running ones in evaluation."""
    return _batch_norm(2, "K", num_features, eps, momentum, affine, track_running_stats, name)


def batch_norm2d(
    num_features: int,
    eps: Number = 1e-5,
    momentum: Number = 0.1,
    affine: bool = True,
    track_running_stats: bool = True,
    name: str = "",
) -> Spec:
    """y = g[c]·(x[n,c,i,j] − m[c])/√(v[c] + eps) + b[c]; statistics of the batch, running ones in evaluation."""
    return _batch_norm(4, "C", num_features, eps, momentum, affine, track_running_stats, name)


def batch_norm3d(
    num_features: int,
    eps: Number = 1e-5,
    momentum: Number = 0.1,
    affine: bool = True,
    track_running_stats: bool = True,
    name: str = "",
) -> Spec:
    """y = g[c]·(x[n,c,i,j,l] − m[c])/√(v[c] + eps) + b[c]; statistics of the batch, running ones in evaluation."""
    return _batch_norm(5, "C", num_features, eps, momentum, affine, track_running_stats, name)


def layer_norm(
    normalized_shape: int | Sequence[int],
    eps: Number = 1e-5,
    elementwise_affine: bool = True,
    bias: bool = True,
    name: str = "",
) -> Spec:
    """y = g·(x − m)/√(v + eps) + b with mean and variance over the last axes."""
    extents = normalized_shape if isinstance(normalized_shape, Sequence) else (normalized_shape,)
    dims = len([count(extent, "normalized_shape") for extent in extents])
    arguments = (("normalized_dims", dims), ("elementwise_affine", elementwise_affine), ("bias", bias))
    return Spec("layer_norm", (("eps", exact(eps, "eps")),), name=name, arguments=arguments)


def group_norm(
    num_groups: int, num_channels: int, eps: Number = 1e-5, affine: bool = True, name: str = ""
) -> Spec:
    """y = w·(x − m[n,g])/√(v[n,g] + eps) + b with mean and variance over each group of channels."""
    count(num_groups, "num_groups"), count(num_channels, "num_channels")
    if num_channels % num_groups:
        raise ShapeError(f"expected channels divisible by num_groups={num_groups}, got {num_channels}")
    sizes = (("G", num_groups), ("K", num_channels // num_groups), ("eps", exact(eps, "eps")))
    return Spec("group_norm", sizes, name=name, arguments=(("affine", affine),))


def dropout(p: Number = 0.5, name: str = "") -> Spec:
    """y = x·m/(1 − p) in training, for a mask m of zeros (each with probability p) and ones; y = x in evaluation."""
    share = exact(p, "p")
    if not 0 <= share < 1:
        raise ShapeError(f"expected p of at least 0 and less than 1, got {p!r}")
    return Spec("dropout", (("p", share),), name=name, drawn=True)


def local_response_norm(
    size: int, alpha: Number = 1e-4, beta: Number = 0.75, k: Number = 1, name: str = ""
) -> Spec:
    """y = x/(k + alpha/D·Σ_{d<D} x[c+d−⌊D/2⌋]²)^beta over D neighbouring channels."""
    sizes = (("D", count(size, "size")), ("alpha", exact(alpha, "alpha")), ("beta", exact(beta, "beta")))
    return Spec("local_response_norm", (*sizes, ("k", exact(k, "k"))), name=name)


def add(*inputs: str, name: str = "") -> Spec:
    """y = x1 + x2, two named values of one shape."""
    return Spec("add", name=name, inputs=_two(inputs, "add"))


def multiply(*inputs: str, name: str = "") -> Spec:
    """y = x1·x2, two named values of one shape."""
    return Spec("multiply", name=name, inputs=_two(inputs, "multiply"))


def _two(inputs: Sequence[str], what: str) -> tuple[str, ...]:
    if len(inputs) not in (0, 2):
        raise ShapeError(f"expected the names of two values to {what}, got {len(inputs)}")
    return tuple(inputs)


def concat(*inputs: str, dim: int = 1, name: str = "") -> Spec:
    """y = the named values one after the other along an axis, the channels where none is given."""
    return Spec("concat", name=name, inputs=tuple(inputs), arguments=(("dim", dim),))
