"""How each operator of PyTorch is called here: its sample's arguments as a layer of the catalogue, tensors and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from symcnn.nets.catalogue import standard
from symcnn.nets.catalogue.axes import window_sizes
from symcnn.nets.kind import LayerKind

Tensors = dict[str, torch.Tensor]


class NotUsableError(Exception):
    """A sample that says nothing about the layer, with the reason."""


@dataclass(frozen=True, slots=True)
class Call:
    """A layer, its tensors and numbers, and what makes its output PyTorch's (an axis taken off, a shape)."""

    kind: LayerKind
    tensors: Tensors
    scalars: dict[str, object] = field(default_factory=dict)
    after: Callable[[torch.Tensor], torch.Tensor] = lambda y: y


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of the database and PyTorch's own result for it."""

    input: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: torch.Tensor

    def named(self, *names: str, **defaults: object) -> dict[str, Any]:
        """The arguments by name, in PyTorch's order, after the input."""
        return {**defaults, **dict(zip(names, self.args, strict=False)), **self.kwargs}


def each(value: Any, dims: int) -> tuple[int, ...]:
    """One integer for each dimension."""
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(v) for v in (values * dims if len(values) == 1 else values))


def batched(x: torch.Tensor, dims: int) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """The input with a batch axis, and how to take it off again."""
    if x.dim() == dims + 2:
        return x, lambda y: y
    return x.unsqueeze(0), lambda y: y.squeeze(0)


def optional(**tensors: torch.Tensor | None) -> Tensors:
    """The tensors that are there."""
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


# -- windows ------------------------------------------------------------------------------------------------------------


def convolution(dims: int, s: Sample) -> Call:
    a = s.named("weight", "bias", "stride", "padding", "dilation", "groups",
                bias=None, stride=1, padding=0, dilation=1, groups=1)  # fmt: skip
    x, after = batched(s.input, dims)
    padding = 0 if a["padding"] == "valid" else a["padding"]
    form = {"padding": "same"} if padding == "same" else {}
    kind = standard(f"conv{dims}d", bias=a["bias"] is not None, groups=a["groups"], **form)
    sizes = {"stride": each(a["stride"], dims), "dilation": each(a["dilation"], dims)}
    if not form:
        sizes["padding"] = each(padding, dims)
    scalars = {**dict(window_sizes(dims, **sizes)), **channels(x, a["groups"], s.result.shape[-dims - 1])}
    return Call(kind, optional(x=x, W=a["weight"], b=a["bias"]), scalars, after)


def channels(x: torch.Tensor, groups: int, out_channels: int) -> dict[str, object]:
    """Groups, input channels and output channels of each."""
    return {"G": groups, "C": x.shape[1] // groups, "K": out_channels // groups}


def transposed(dims: int, s: Sample) -> Call:
    a = s.named("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation",
                bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)  # fmt: skip
    x, after = batched(s.input, dims)
    kind = standard(f"conv_transpose{dims}d", bias=a["bias"] is not None, groups=a["groups"])
    names = ("stride", "padding", "output_padding", "dilation")
    sizes = dict(window_sizes(dims, **{name: each(a[name], dims) for name in names}))
    scalars = {**sizes, **channels(x, a["groups"], s.result.shape[-dims - 1])}
    return Call(kind, optional(x=x, W=a["weight"], b=a["bias"]), scalars, after)


def max_pool(dims: int, s: Sample) -> Call:
    a = s.named("kernel_size", "stride", "padding", "dilation", "ceil_mode",
                stride=None, padding=0, dilation=1, ceil_mode=False)  # fmt: skip
    x, after = batched(s.input, dims)
    dilation = each(a["dilation"], dims)
    kind = standard(f"max_pool{dims}d", dilation=max(dilation), ceil_mode=a["ceil_mode"])
    return Call(
        kind, {"x": x}, {**_pool_sizes(dims, a, s), **dict(window_sizes(dims, dilation=dilation))}, after
    )


def _pool_sizes(dims: int, a: dict[str, Any], s: Sample) -> dict[str, object]:
    extent = each(a["kernel_size"], dims)
    stride = each(a["stride"], dims) if a["stride"] not in (None, (), []) else extent
    output = s.result.shape[-dims:]
    sizes = {
        "kernel_size": extent,
        "stride": stride,
        "padding": each(a["padding"], dims),
        "output_size": output,
    }
    return dict(window_sizes(dims, **sizes))


def avg_pool(dims: int, s: Sample) -> Call:
    a = s.named("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
                stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)  # fmt: skip
    x, after = batched(s.input, dims)
    names = ("ceil_mode", "count_include_pad", "divisor_override")
    form = {name: a[name] for name in names}
    kind = standard(f"avg_pool{dims}d", **form)
    return Call(kind, {"x": x}, {**_pool_sizes(dims, a, s), "D": a["divisor_override"]}, after)


def adaptive(dims: int, s: Sample) -> Call:
    x, after = batched(s.input, dims)
    sizes = dict(window_sizes(dims, output_size=s.result.shape[-dims:]))
    return Call(standard(f"adaptive_avg_pool{dims}d"), {"x": x}, sizes, after)


# -- products -----------------------------------------------------------------------------------------------------------


def linear(s: Sample) -> Call:
    a = s.named("weight", "bias", bias=None)
    weight = a["weight"] if a["weight"].dim() == 2 else a["weight"].unsqueeze(0)
    bias = a["bias"].reshape(-1) if a["bias"] is not None else None
    kind = standard("linear", rank=s.input.dim(), bias=bias is not None)
    return Call(kind, optional(x=s.input, W=weight, b=bias), after=lambda y: y.reshape(s.result.shape))


def bilinear(s: Sample) -> Call:
    a = s.named("input2", "weight", "bias", bias=None)
    kind = standard("bilinear", rank=s.input.dim(), bias=a["bias"] is not None)
    return Call(kind, optional(x1=s.input, x2=a["input2"], W=a["weight"], b=a["bias"]))


def matmul(s: Sample) -> Call:
    x1, x2 = s.input, s.args[0]
    if x1.dim() > 2 and x2.dim() > 2:
        front = torch.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
        x1, x2 = x1.expand(*front, *x1.shape[-2:]), x2.expand(*front, *x2.shape[-2:])
    return Call(standard("matmul", rank=x1.dim(), other_rank=x2.dim()), {"x1": x1, "x2": x2})


# -- normalisation ------------------------------------------------------------------------------------------------------


def batch_norm(s: Sample) -> Call:
    a = s.named("mean", "var", "weight", "bias", "training", "momentum", "eps",
                weight=None, bias=None, training=False, eps=1e-5)  # fmt: skip
    affine = a["weight"] is not None
    if affine != (a["bias"] is not None):
        raise NotUsableError("weight without bias")
    kind = standard("batch_norm", rank=s.input.dim(), training=a["training"], affine=affine)
    given = {} if a["training"] else {"m": a["mean"], "v": a["var"]}
    return Call(kind, optional(x=s.input, g=a["weight"], b=a["bias"], **given), {"eps": a["eps"]})


def instance_norm(s: Sample) -> Call:
    a = s.named("running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps",
                running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, eps=1e-5)  # fmt: skip
    affine = a["weight"] is not None
    bias = a["bias"] if a["bias"] is not None or not affine else torch.zeros_like(a["weight"])
    kind = standard("instance_norm", rank=s.input.dim(), affine=affine, use_input_stats=a["use_input_stats"])
    given = {} if a["use_input_stats"] else {"m": a["running_mean"], "v": a["running_var"]}
    return Call(kind, optional(x=s.input, g=a["weight"], b=bias, **given), {"eps": a["eps"]})


def layer_norm(s: Sample) -> Call:
    a = s.named("normalized_shape", "weight", "bias", "eps", weight=None, bias=None, eps=1e-5)
    form = {"elementwise_affine": a["weight"] is not None, "bias": a["bias"] is not None}
    kind = standard("layer_norm", rank=s.input.dim(), normalized_dims=len(a["normalized_shape"]), **form)
    return Call(kind, optional(x=s.input, g=a["weight"], b=a["bias"]), {"eps": a["eps"]})


def rms_norm(s: Sample) -> Call:
    a = s.named("normalized_shape", "weight", "eps", weight=None, eps=None)
    dims, affine = len(a["normalized_shape"]), a["weight"] is not None
    kind = standard("rms_norm", rank=s.input.dim(), normalized_dims=dims, elementwise_affine=affine)
    eps = torch.finfo(torch.float64).eps if a["eps"] is None else a["eps"]
    return Call(kind, optional(x=s.input, g=a["weight"]), {"eps": eps})


def group_norm(s: Sample) -> Call:
    a = s.named("num_groups", "weight", "bias", "eps", weight=None, bias=None, eps=1e-5)
    kind = standard("group_norm", rank=s.input.dim(), affine=a["weight"] is not None)
    scalars = {"eps": a["eps"], "G": a["num_groups"], "K": s.input.shape[1] // a["num_groups"]}
    return Call(kind, optional(x=s.input, w=a["weight"], b=a["bias"]), scalars)


def local_response_norm(s: Sample) -> Call:
    a = s.named("size", "alpha", "beta", "k", alpha=1e-4, beta=0.75, k=1.0)
    scalars = {"D": a["size"], "alpha": a["alpha"], "beta": a["beta"], "k": a["k"]}
    return Call(standard("local_response_norm", rank=s.input.dim()), {"x": s.input}, scalars)


# -- activations --------------------------------------------------------------------------------------------------------


def activation(name: str, *parameters: str, **defaults: object) -> Callable[[Sample], Call]:
    """An elementwise function with named parameters."""

    def call(s: Sample) -> Call:
        a = s.named(*parameters, **defaults)
        scalars = {key: a[key] for key in parameters if key in a}
        return Call(standard(name, rank=s.input.dim()), {"x": s.input}, scalars)

    return call


def hardsigmoid(s: Sample) -> Call:
    """PyTorch's vectorised kernel keeps 1/6 in single precision: its slope is then no reference."""
    zeros = torch.zeros(s.input.shape, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.nn.functional.hardsigmoid(zeros).sum(), zeros)
    if (slope - 1 / 6).abs().max() > 1e-12:
        raise NotUsableError("PyTorch's own slope is 1/6 rounded to single precision")
    return activation("hardsigmoid")(s)


def gelu(s: Sample) -> Call:
    kind = standard("gelu", rank=s.input.dim(), approximate=s.kwargs.get("approximate", "none"))
    return Call(kind, {"x": s.input})


def prelu(s: Sample) -> Call:
    weight = s.named("weight")["weight"]
    kind = standard("prelu", rank=s.input.dim(), shared=weight.numel() == 1)
    return Call(kind, {"x": s.input, "w": weight.reshape(-1)})


def glu(s: Sample) -> Call:
    return Call(standard("glu", rank=s.input.dim(), dim=s.named("dim", dim=-1)["dim"]), {"x": s.input})


def over(name: str) -> Callable[[Sample], Call]:
    """A softmax over one axis; a number has one entry."""

    def call(s: Sample) -> Call:
        x = s.input if s.input.dim() else s.input.reshape(1)
        kind = standard(name, rank=x.dim(), dim=s.named("dim")["dim"])
        return Call(kind, {"x": x}, after=lambda y: y.reshape(s.result.shape))

    return call


# -- losses -------------------------------------------------------------------------------------------------------------


def entrywise(name: str, *parameters: str, **defaults: object) -> Callable[[Sample], Call]:
    """A loss of x and y, with named parameters."""

    def call(s: Sample) -> Call:
        a = s.named("target", reduction="mean", **defaults)
        x, y = torch.broadcast_tensors(s.input, a["target"])
        form = {"beta": a["beta"]} if name == "smooth_l1_loss" else {}
        kind = standard(name, rank=x.dim(), reduction=a["reduction"], **form)
        return Call(kind, {"x": x, "y": y}, {key: a[key] for key in parameters})

    return call


def binary(s: Sample) -> Call:
    a = s.named("target", "weight", weight=None, reduction="mean")
    weight = None if a["weight"] is None else a["weight"].expand(s.input.shape)
    form = {"reduction": a["reduction"], "weight": weight is not None}
    kind = standard("binary_cross_entropy", rank=s.input.dim(), **form)
    return Call(kind, optional(x=s.input, y=a["target"], w=weight))


def binary_logits(s: Sample) -> Call:
    a = s.named("target", "weight", weight=None, pos_weight=None, reduction="mean")
    weight = None if a["weight"] is None else a["weight"].expand(s.input.shape)
    positive = a["pos_weight"]
    form = {"weight": weight is not None, "pos_weight": positive is not None, "reduction": a["reduction"]}
    if positive is not None and s.input.dim():
        positive = positive.expand(s.input.shape[-1:])
    kind = standard("binary_cross_entropy_with_logits", rank=s.input.dim(), **form)
    return Call(kind, optional(x=s.input, y=a["target"], w=weight, v=positive))


def kl_div(s: Sample) -> Call:
    a = s.named("target", reduction="mean", log_target=False)
    kind = standard("kl_div", rank=s.input.dim(), reduction=a["reduction"], log_target=a["log_target"])
    return Call(kind, {"x": s.input, "y": a["target"]})


def gaussian(s: Sample) -> Call:
    a = s.named("target", "var", full=False, eps=1e-6, reduction="mean")
    var = a["var"]
    if var.dim() < s.input.dim():
        var = var.unsqueeze(-1)
    x, y, var = torch.broadcast_tensors(s.input, a["target"], var)
    if (var <= a["eps"]).any():
        raise NotUsableError("a variance at or below eps, where PyTorch takes the slope of the clamp as 1")
    kind = standard("gaussian_nll_loss", rank=x.dim(), reduction=a["reduction"], full=a["full"])
    return Call(kind, {"x": x, "y": y, "var": var}, {"eps": a["eps"]})


def poisson(s: Sample) -> Call:
    a = s.named("target", "log_input", "full", "size_average", "eps",
                log_input=True, full=False, eps=1e-8, reduction="mean")  # fmt: skip
    form = {name: a[name] for name in ("reduction", "log_input", "full")}
    kind = standard("poisson_nll_loss", rank=s.input.dim(), **form)
    return Call(kind, {"x": s.input, "y": a["target"]}, {"eps": a["eps"]})


def ranking(s: Sample) -> Call:
    a = s.named("input2", "target", margin=0.0, reduction="mean")
    x1, x2, y = torch.broadcast_tensors(s.input, a["input2"], a["target"])
    kind = standard("margin_ranking_loss", rank=x1.dim(), reduction=a["reduction"])
    return Call(kind, {"x1": x1, "x2": x2, "y": y}, {"margin": a["margin"]})


def cosine_embedding(s: Sample) -> Call:
    a = s.named("input2", "target", margin=0.0, reduction="mean")
    kind = standard("cosine_embedding_loss", rank=s.input.dim(), reduction=a["reduction"])
    return Call(kind, {"x1": s.input, "x2": a["input2"], "y": a["target"]}, {"margin": a["margin"]})


def class_loss(name: str) -> Callable[[Sample], Call]:
    """Cross-entropy or negative log-likelihood, with weights, smoothing, ignored labels, probabilities as labels."""

    def call(s: Sample) -> Call:
        a = s.named("target", "weight", weight=None, ignore_index=None, label_smoothing=0.0, reduction="mean")
        form: dict[str, object] = {"reduction": a["reduction"], "weight": a["weight"] is not None}
        form["ignore_index"] = a["ignore_index"] is not None
        if name == "cross_entropy":
            form["probabilities"] = a["target"].is_floating_point()
            form["label_smoothing"] = bool(a["label_smoothing"])
            if form["probabilities"]:
                form["ignore_index"] = False
        kind = standard(name, rank=s.input.dim(), **form)
        scalars = {"ignore_index": a["ignore_index"], "label_smoothing": a["label_smoothing"]}
        return Call(kind, optional(x=s.input, y=a["target"], w=a["weight"]), scalars)

    return call


# -- shapes and several inputs ------------------------------------------------------------------------------------------


def dropout(s: Sample) -> Call:
    """The mask is read off PyTorch's own result: where an entry was kept."""
    a = s.named("p", "training", p=0.5, training=True)
    if not a["training"]:
        a["p"] = 0.0
    if a["p"] == 1:
        raise NotUsableError("p = 1 drops everything; 1/(1 − p) has no value")
    if (s.input == 0).any():
        raise NotUsableError("an entry 0 hides the mask")
    mask = (s.result.detach() != 0).to(s.input.dtype)
    return Call(standard("dropout", rank=s.input.dim()), {"x": s.input, "m": mask}, {"p": a["p"]})


def binary_operation(name: str) -> Callable[[Sample], Call]:
    """A sum or product with broadcasting."""

    def call(s: Sample) -> Call:
        x1, x2 = s.input, s.args[0]
        if s.kwargs.get("alpha", 1) != 1:
            raise NotUsableError("a factor alpha in a sum")
        if not isinstance(x2, torch.Tensor):
            raise NotUsableError("a number in place of a tensor")
        ones = tuple(tuple(k for k, n in enumerate(x.shape) if n == 1) for x in (x1, x2))
        kind = standard(name, rank=x1.dim(), other_rank=x2.dim(), ones=ones)
        return Call(kind, {"x1": x1, "x2": x2})

    return call


def cat(s: Sample) -> Call:
    dim = s.named("dim", dim=0)["dim"]
    kind = standard("concat", rank=s.input[0].dim(), dim=dim, count=len(s.input))
    tensors = {f"x{number}": tensor for number, tensor in enumerate(s.input, start=1)}
    sizes = {tensor.shape[dim] for tensor in s.input}
    assert sizes
    return Call(kind, tensors)


def flatten(s: Sample) -> Call:
    if not s.input.dim():
        raise NotUsableError("a number, which gets an axis")
    a = s.named("start_dim", "end_dim", start_dim=0, end_dim=-1)
    kind = standard("flatten", rank=s.input.dim(), start_dim=a["start_dim"], end_dim=a["end_dim"])
    return Call(kind, {"x": s.input})


def reshape(s: Sample) -> Call:
    if not s.input.dim():
        raise NotUsableError("a number, which gets an axis")
    return Call(
        standard("reshape", input_shape=tuple(s.input.shape), shape=tuple(s.result.shape)), {"x": s.input}
    )


def permute(s: Sample) -> Call:
    return Call(standard("permute", dims=tuple(s.args[0])), {"x": s.input})


def transpose(s: Sample) -> Call:
    order = list(range(s.input.dim()))
    if not order:
        raise NotUsableError("a number")
    first, second = s.args
    order[first], order[second] = order[second], order[first]
    return Call(standard("permute", dims=tuple(order)), {"x": s.input})


def pad(s: Sample) -> Call:
    a = s.named("pad", "mode", "value", mode="constant", value=0.0)
    rank, dims = s.input.dim(), len(a["pad"]) // 2
    kind = standard("pad", rank=rank, dims=dims)
    scalars: dict[str, object] = {"value": 0.0 if a["value"] is None else a["value"]}
    for place in range(dims):
        scalars[f"p{rank - 1 - place}"], scalars[f"q{rank - 1 - place}"] = a["pad"][2 * place : 2 * place + 2]
    return Call(kind, {"x": s.input}, scalars)


def nearest(s: Sample) -> Call:
    a = s.named("size", "scale_factor", size=None, scale_factor=None, recompute_scale_factor=None)
    dims = s.input.dim() - 2
    if a["size"] is None and not a["recompute_scale_factor"]:
        raise NotUsableError("a scale that is no integer: positions by rounding in floating point")
    sizes = dict(window_sizes(dims, output_size=s.result.shape[-dims:]))
    return Call(standard(f"upsample_nearest{dims}d", size=True), {"x": s.input}, sizes)


def shuffle(name: str) -> Callable[[Sample], Call]:
    """Channels to pixels or back, for tensors with several axes before the channels too."""

    def call(s: Sample) -> Call:
        x = s.input.reshape(-1, *s.input.shape[-3:])
        (factor,) = (*s.args, *s.kwargs.values())
        return Call(standard(name), {"x": x}, {"R": factor}, lambda y: y.reshape(s.result.shape))

    return call


def channel_shuffle(s: Sample) -> Call:
    groups = s.named("groups")["groups"]
    scalars = {"G": groups, "K": s.input.shape[1] // groups}
    return Call(standard("channel_shuffle", rank=s.input.dim()), {"x": s.input}, scalars)


def attention(s: Sample) -> Call:
    a = s.named("key", "value", "attn_mask", "dropout_p", "is_causal",
                attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False)  # fmt: skip
    if a["dropout_p"]:
        raise NotUsableError("dropout of weights, whose mask PyTorch does not give")
    q, k, v, mask = s.input, a["key"], a["value"], a["attn_mask"]
    if a["enable_gqa"]:
        k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    front = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (t.expand(*front, *t.shape[-2:]) for t in (q, k, v))
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, -torch.inf)
    form = "none" if mask is None else "added" if mask.dim() == 2 else "added each"
    if form == "added each":
        mask = mask.expand(*front, *mask.shape[-2:])
    kind = standard(
        "scaled_dot_product_attention",
        rank=q.dim(),
        attn_mask=form,
        is_causal=a["is_causal"],
        scale=a["scale"] is not None,
    )
    return Call(kind, optional(q=q, k=k, v=v, m=mask), {"scale": a["scale"]})


F = "nn.functional."
CALLS: dict[str, Callable[[Sample], Call]] = {
    **{f"{F}conv{dims}d": partial(convolution, dims) for dims in (1, 2, 3)},
    **{f"{F}conv_transpose{dims}d": partial(transposed, dims) for dims in (1, 2, 3)},
    **{f"{F}max_pool{dims}d": partial(max_pool, dims) for dims in (1, 2, 3)},
    **{f"{F}avg_pool{dims}d": partial(avg_pool, dims) for dims in (1, 2, 3)},
    **{f"{F}adaptive_avg_pool{dims}d": partial(adaptive, dims) for dims in (1, 2, 3)},
    f"{F}linear": linear,
    f"{F}bilinear": bilinear,
    **dict.fromkeys(("matmul", "bmm", "mm", "mv", "dot"), matmul),
    f"{F}batch_norm": batch_norm,
    f"{F}instance_norm": instance_norm,
    f"{F}layer_norm": layer_norm,
    f"{F}rms_norm": rms_norm,
    f"{F}group_norm": group_norm,
    f"{F}local_response_norm": local_response_norm,
    **{f"{F}{name}": activation(name) for name in (
        "relu", "relu6", "selu", "silu", "mish", "softsign", "hardswish", "logsigmoid", "tanhshrink",
    )},
    **{name: activation(name) for name in ("sigmoid", "tanh")},
    f"{F}leaky_relu": activation("leaky_relu", "negative_slope"),
    f"{F}elu": activation("elu", "alpha"),
    f"{F}celu": activation("celu", "alpha"),
    f"{F}softplus": activation("softplus", "beta", "threshold"),
    f"{F}softshrink": activation("softshrink", "lambd"),
    f"{F}hardshrink": activation("hardshrink", "lambd"),
    f"{F}hardtanh": activation("hardtanh", "min_val", "max_val"),
    f"{F}threshold": activation("threshold", "threshold", "value"),
    f"{F}hardsigmoid": hardsigmoid,
    f"{F}gelu": gelu,
    f"{F}prelu": prelu,
    f"{F}glu": glu,
    "softmax": over("softmax"),
    "log_softmax": over("log_softmax"),
    f"{F}softmin": over("softmin"),
    f"{F}mse_loss": entrywise("mse_loss"),
    f"{F}l1_loss": entrywise("l1_loss"),
    f"{F}huber_loss": entrywise("huber_loss", "delta", delta=1.0),
    f"{F}smooth_l1_loss": entrywise("smooth_l1_loss", "beta", beta=1.0),
    f"{F}soft_margin_loss": entrywise("soft_margin_loss"),
    f"{F}hinge_embedding_loss": entrywise("hinge_embedding_loss", "margin", margin=1.0),
    f"{F}binary_cross_entropy": binary,
    f"{F}binary_cross_entropy_with_logits": binary_logits,
    f"{F}kl_div": kl_div,
    f"{F}gaussian_nll_loss": gaussian,
    f"{F}poisson_nll_loss": poisson,
    f"{F}margin_ranking_loss": ranking,
    f"{F}cosine_embedding_loss": cosine_embedding,
    f"{F}cross_entropy": class_loss("cross_entropy"),
    f"{F}nll_loss": class_loss("nll_loss"),
    f"{F}dropout": dropout,
    "add": binary_operation("add"),
    "mul": binary_operation("multiply"),
    "cat": cat,
    "flatten": flatten,
    **dict.fromkeys(("reshape", "view"), reshape),
    "permute": permute,
    "transpose": transpose,
    f"{F}pad constant": pad,
    f"{F}interpolate nearest": nearest,
    f"{F}upsample_nearest": nearest,
    f"{F}interpolate area": lambda s: adaptive(s.input.dim() - 2, s),
    f"{F}pixel_shuffle": shuffle("pixel_shuffle"),
    f"{F}pixel_unshuffle": shuffle("pixel_unshuffle"),
    f"{F}channel_shuffle": channel_shuffle,
    f"{F}scaled_dot_product_attention": attention,
}  # fmt: skip
