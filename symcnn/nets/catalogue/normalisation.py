"""Normalisation: over the batch, a layer, groups of channels, one channel, by the root mean square, across channels."""

from __future__ import annotations

from fractions import Fraction

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import Axes, at, axes
from symcnn.nets.kind import LayerKind, kind

IOFFE = "Ioffe and Szegedy, Batch normalization, 2015"
BA = "Ba, Kiros and Hinton, Layer normalization, 2016, section 3"
WU = "Wu and He, Group normalization, 2018, section 3.1"
ULYANOV = "Ulyanov, Vedaldi and Lempitsky, Instance normalization: the missing ingredient for fast stylization, 2016"
ZHANG = "Zhang and Sennrich, Root mean square layer normalization, 2019, equation 4"
KRIZHEVSKY = (
    "Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, 2012, "
    "section 3.3, with alpha over the number of channels as in PyTorch"
)
EPS = (("eps", Fraction(1, 100_000)),)


def _scaled(value: str, at_parameters: str, affine: bool, bias: bool = True) -> str:
    return (
        (f"g[{at_parameters}]*" if affine else "")
        + value
        + (f" + b[{at_parameters}]" if affine and bias else "")
    )


def _trained(affine: bool, bias: bool = True) -> tuple[str, ...]:
    return (("g", "b") if bias else ("g",)) if affine else ()


def _suffix(affine: bool) -> str:
    return "" if affine else " without scale"


def _channel(rank: int) -> tuple[Axes, str, str]:
    """The axes of a batch of feature vectors or maps, and index and size of its channels."""
    entry = axes(rank, least=2)
    return entry, entry.indices[1], entry.sizes[1]


def _last(rank: int, dims: int) -> tuple[Axes, int]:
    """The axes of a tensor, and where its last ``dims`` of them begin. Raises ShapeError."""
    entry = axes(rank, least=1)
    if type(dims) is not int or not 1 <= dims <= rank:
        raise ShapeError(f"expected 1 to {rank} normalised axes, got {dims!r}")
    return entry, rank - dims


def batch_norm(rank: int = 4, training: bool = True, affine: bool = True) -> LayerKind:
    """y = g[c]·(x − m[c])/√(v[c] + eps) + b[c], with mean and variance of the batch, or given ones in evaluation."""
    entry, c, channels = _channel(rank)
    over = ",".join(i for i in entry.indices if i != c)
    x, shapes = entry.at("x"), {"x": entry.shape, **dict.fromkeys(_trained(affine), channels)}
    y = f"{entry.at('y')} = " + _scaled(f"({x} - m[{c}])/sqrt(v[{c}] + eps)", c, affine)
    lines = [f"m[{c}] = mean[{over}]({x})", f"v[{c}] = mean[{over}](({x} - m[{c}])**2)", y]
    return kind(
        f"batch_norm{max(rank - 2, 1)}d"
        + (" of vectors" if rank == 2 else "")
        + ("" if training else " in evaluation")
        + _suffix(affine),
        "\n".join(lines) if training else y,
        shapes if training else {**shapes, "m": channels, "v": channels},
        "y",
        "batch normalisation" + ("" if training else " in evaluation"),
        f"{IOFFE}, algorithm {1 if training else 2}",
        trained=_trained(affine),
        labels=() if training else ("m", "v"),
        defaults=EPS,
    )


def layer_norm(
    rank: int = 2, normalized_dims: int = 1, elementwise_affine: bool = True, bias: bool = True
) -> LayerKind:
    """y = g·(x − m)/√(v + eps) + b, with mean and variance over the last axes, of which ``normalized_dims``."""
    entry, cut = _last(rank, normalized_dims)
    outer, inner = entry.indices[:cut], ",".join(entry.indices[cut:])
    x, m, v = entry.at("x"), at("m", outer), at("v", outer)
    trained = _trained(elementwise_affine, bias)
    value = _scaled(f"({x} - {m})/sqrt({v} + eps)", inner, elementwise_affine, bias)
    return kind(
        ("layer_norm" if (rank, normalized_dims) == (2, 1) else f"layer_norm {rank}d over {normalized_dims}")
        + _suffix(elementwise_affine)
        + ("" if bias else " without bias"),
        f"{m} = mean[{inner}]({x})\n{v} = mean[{inner}](({x} - {m})**2)\n{entry.at('y')} = {value}",
        {"x": entry.shape, **dict.fromkeys(trained, ",".join(entry.sizes[cut:]))},
        "y",
        "layer normalisation",
        BA,
        trained=trained,
        defaults=EPS,
    )


def rms_norm(rank: int = 2, normalized_dims: int = 1, elementwise_affine: bool = True) -> LayerKind:
    """y = g·x/√(mean(x²) + eps) over the last axes."""
    entry, cut = _last(rank, normalized_dims)
    outer, inner = entry.indices[:cut], ",".join(entry.indices[cut:])
    x, v = entry.at("x"), at("v", outer)
    trained = _trained(elementwise_affine, bias=False)
    return kind(
        ("rms_norm" if (rank, normalized_dims) == (2, 1) else f"rms_norm {rank}d over {normalized_dims}")
        + _suffix(elementwise_affine),
        f"{v} = mean[{inner}]({x}**2)\n"
        f"{entry.at('y')} = {_scaled(f'{x}/sqrt({v} + eps)', inner, elementwise_affine, False)}",
        {"x": entry.shape, **dict.fromkeys(trained, ",".join(entry.sizes[cut:]))},
        "y",
        "root mean square normalisation",
        ZHANG,
        trained=trained,
        defaults=EPS,
    )


def group_norm(rank: int = 4, affine: bool = True) -> LayerKind:
    """Mean and variance over each of G groups of K channels and over space: channel g·K+k is in group g."""
    entry = axes(rank, least=2)
    space, sizes = entry.indices[2:], entry.sizes[2:]
    x, inner = at("x", ("n", "g*K+k", *space)), ",".join(("k", *space))
    value = _scaled(f"({x} - m[n,g])/sqrt(v[n,g] + eps)", "g*K+k", affine)
    if affine:
        value = value.replace("g[g*K+k]", "w[g*K+k]")
    trained = ("w", "b") if affine else ()
    return kind(
        "group_norm" + (f" {rank}d" if rank != 4 else "") + _suffix(affine),
        f"m[n,g] = mean[{inner}]({x})\nv[n,g] = mean[{inner}](({x} - m[n,g])**2)\n"
        f"{at('y', ('n', 'g*K+k', *space))} = {value}",
        {
            "x": ",".join(("N", "G*K", *sizes)),
            "m": "N,G",
            "v": "N,G",
            **dict.fromkeys(trained, "G*K"),
        },
        "y",
        "group normalisation",
        WU,
        trained=trained,
        defaults=EPS,
    )


def instance_norm(rank: int = 4, affine: bool = False, use_input_stats: bool = True) -> LayerKind:
    """Mean and variance over space, for each image and channel; or given ones, for each channel."""
    if not use_input_stats:
        return batch_norm(rank, training=False, affine=affine)
    entry = axes(rank, least=3)
    inner, x = ",".join(entry.indices[2:]), entry.at("x")
    trained = _trained(affine)
    return kind(
        f"instance_norm{rank - 2}d" + _suffix(affine),
        f"m[n,c] = mean[{inner}]({x})\nv[n,c] = mean[{inner}](({x} - m[n,c])**2)\n"
        f"{entry.at('y')} = {_scaled(f'({x} - m[n,c])/sqrt(v[n,c] + eps)', 'c', affine)}",
        {"x": entry.shape, **dict.fromkeys(trained, "C")},
        "y",
        "instance normalisation",
        ULYANOV,
        trained=trained,
        defaults=EPS,
    )


def local_response_norm(rank: int = 4) -> LayerKind:
    """y = x/(k + alpha/D·Σ_{d<D} x[c+d−⌊D/2⌋]²)^beta: over D neighbouring channels, zeros outside."""
    entry = axes(rank, least=3)
    near = at("x", tuple("c+d-D//2" if i == "c" else i for i in entry.indices), "0")
    return kind(
        "local_response_norm" + (f" {rank}d" if rank != 4 else ""),
        f"{entry.at('y')} = {entry.at('x')}/(k + alpha/D*sum[d<D]({near}**2))**beta",
        {"x": entry.shape},
        "y",
        "local response normalisation",
        KRIZHEVSKY,
        defaults=(("alpha", Fraction(1, 10_000)), ("beta", Fraction(3, 4)), ("k", 1)),
    )


KINDS = (
    *(batch_norm(rank) for rank in (2, 3, 4, 5)),
    *(batch_norm(rank, training=False) for rank in (2, 3, 4, 5)),
    *(layer_norm(rank) for rank in (2, 3)),
    layer_norm(4, 3),
    *(rms_norm(rank) for rank in (2, 3)),
    group_norm(),
    *(instance_norm(rank) for rank in (3, 4, 5)),
    instance_norm(4, affine=True),
    local_response_norm(),
)
