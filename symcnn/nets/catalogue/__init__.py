"""The catalogue of layers: each is its forward equations, its shapes and a source. No gradient stands here.

``KINDS`` holds the plain forms by name; ``standard`` builds any form from PyTorch's arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

from symcnn.core.errors import UnknownName
from symcnn.nets.catalogue import (
    activation,
    attention,
    combine,
    convolution,
    dense,
    loss,
    loss_classes,
    normalisation,
    pooling,
    shape,
)
from symcnn.nets.kind import LayerKind

CATALOGUE: tuple[LayerKind, ...] = tuple(
    kind
    for subject in (
        convolution,
        dense,
        pooling,
        normalisation,
        activation,
        combine,
        shape,
        attention,
        loss,
        loss_classes,
    )
    for kind in subject.KINDS
)
KINDS: dict[str, LayerKind] = {kind.name: kind for kind in CATALOGUE}

_SPECIAL_ACTIVATIONS = ("gelu", "gelu tanh")
_SPECIAL_LOSSES = (
    "smooth_l1_loss",
    "binary_cross_entropy",
    "kl_div",
    "gaussian_nll_loss",
    "poisson_nll_loss",
)
BUILDERS: dict[str, Callable[..., LayerKind]] = {
    **{f"conv{dims}d": partial(convolution.convolution, dims) for dims in (1, 2, 3)},
    **{f"conv_transpose{dims}d": partial(convolution.transposed, dims) for dims in (1, 2, 3)},
    **{f"depthwise_conv{dims}d": partial(convolution.depthwise, dims) for dims in (1, 2, 3)},
    **{f"max_pool{dims}d": partial(pooling.max_pool, dims) for dims in (1, 2, 3)},
    **{f"avg_pool{dims}d": partial(pooling.avg_pool, dims) for dims in (1, 2, 3)},
    **{f"adaptive_avg_pool{dims}d": partial(pooling.adaptive_avg_pool, dims) for dims in (1, 2, 3)},
    **{f"global_avg_pool{dims}d": partial(pooling.global_avg_pool, dims) for dims in (1, 2, 3)},
    **{f"upsample_nearest{dims}d": partial(shape.upsample_nearest, dims) for dims in (1, 2, 3)},
    **{
        name: partial(activation.elementwise, name)
        for name in activation.ELEMENTWISE
        if name not in _SPECIAL_ACTIVATIONS
    },
    **{
        name: partial(loss.entrywise, name)
        for name in loss.ENTRYWISE
        if " " not in name and name not in _SPECIAL_LOSSES
    },
    **{
        make.__name__: make
        for make in (
            activation.gelu,
            activation.prelu,
            activation.glu,
            activation.softmax,
            activation.softmin,
            activation.log_softmax,
            attention.scaled_dot_product_attention,
            combine.add,
            combine.multiply,
            combine.concat,
            combine.dropout,
            combine.total,
            dense.linear,
            dense.bilinear,
            dense.matmul,
            dense.bmm,
            loss.smooth_l1_loss,
            loss.binary_cross_entropy,
            loss.binary_cross_entropy_with_logits,
            loss.kl_div,
            loss.gaussian_nll_loss,
            loss.poisson_nll_loss,
            loss.cosine_embedding_loss,
            loss_classes.cross_entropy,
            loss_classes.cross_entropy_of_probabilities,
            loss_classes.nll_loss,
            normalisation.batch_norm,
            normalisation.layer_norm,
            normalisation.rms_norm,
            normalisation.group_norm,
            normalisation.instance_norm,
            normalisation.local_response_norm,
            shape.flatten,
            shape.reshape,
            shape.permute,
            shape.pad,
            shape.pixel_shuffle,
            shape.pixel_unshuffle,
            shape.channel_shuffle,
        )
    },
}


def standard(name: str, **arguments: object) -> LayerKind:
    """The standard layer of this name, with PyTorch's argument names where they change the formula.

    Raises UnknownName listing the names or arguments that exist, ShapeError where a value does not fit.

    >>> print(standard("linear", bias=False).formula)
    z[n,k] = sum[d](W[k,d]*x[n,d])
    """
    if name not in BUILDERS:
        raise UnknownName(f"expected one of the layers {', '.join(sorted(BUILDERS))}, got {name!r}")
    builder = BUILDERS[name]
    known = inspect.signature(builder).parameters
    for argument in arguments:
        if argument not in known:
            expected = f"the arguments {', '.join(known)}" if known else "no arguments"
            raise UnknownName(f"{name}: expected {expected}, got {argument!r}")
    return builder(**arguments)
