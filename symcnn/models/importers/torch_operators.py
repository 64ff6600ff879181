"""PyTorch's operators as layers: a table from each operator's name to what reads it.

An operator is read from its arguments under the names of its own schema. Values are views, arrays that nothing trains are
views of constants, sizes are integers or expressions of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers import layers, operations
from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.operations import activation, entrywise, reduced
from symcnn.models.importers.views import (
    View,
    Weight,
    constant,
    dropped,
    expanded,
    inserted,
    permuted,
    placed,
)
from symcnn.nets import spec as specs
from symcnn.nets.catalogue import standard

Operator = Callable[[Assembly, Arguments], Any]
END = 2**62  # what PyTorch gives for "to the end"

OPERATORS: dict[str, Operator] = {}


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Enters a reader under the names of its operators."""

    def entered(read: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, read))
        return read

    return entered


def _each(value: Any, dims: int) -> list[int]:
    """One number for each dimension."""
    numbers = [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)]
    return numbers * dims if len(numbers) == 1 else numbers


# --- convolutions and products ---------------------------------------------------------------------------------------


@operator("conv1d", "conv2d", "conv3d", "convolution")
def _convolution(a: Assembly, c: Arguments) -> View:
    weight: View = c["weight"]
    dims = weight.rank - 2
    stride, dilation = _each(c["stride"], dims), _each(c["dilation"], dims)
    if c.get("transposed"):
        return _transposed(a, c)
    padding = c["padding"]
    if isinstance(padding, str):
        reach = [d * (int(r) - 1) for d, r in zip(dilation, weight.shape[2:], strict=True)]
        pads = [(r // 2, r - r // 2) if padding == "same" else (0, 0) for r in reach]
    else:
        pads = [(p, p) for p in _each(padding, dims)]
    return layers.convolution(a, c["input"], weight, c["bias"], stride, pads, dilation, int(c["groups"]))


@operator("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed(a: Assembly, c: Arguments) -> View:
    dims = c["weight"].rank - 2
    numbers = (_each(c[name], dims) for name in ("stride", "padding", "output_padding", "dilation"))
    return layers.transposed_convolution(a, c["input"], c["weight"], c["bias"], *numbers, int(c["groups"]))


@operator("linear")
def _linear(a: Assembly, c: Arguments) -> View:
    return operations.dense(a, c["input"], c["weight"], c["bias"])


@operator("bilinear")
def _bilinear(a: Assembly, c: Arguments) -> View:
    x: View = c["input1"]
    kind = standard("bilinear", rank=x.rank, bias=c["bias"] is not None)
    operands = operations.given(x1=x, x2=c["input2"], W=c["weight"], b=c["bias"])
    return a.kind(kind, operands, "bilinear")


@operator("mm", "bmm", "matmul", "mv", "dot")
def _product(a: Assembly, c: Arguments) -> View:
    left, right = c.operands()
    return operations.matrix_product(a, left, right)


@operator("addmm", "addmv", "baddbmm")
def _added_product(a: Assembly, c: Arguments) -> View:
    added, left, right = (value for value in c.operands() if isinstance(value, View))
    product = operations.matrix_product(a, left, right)
    beta, alpha = c["beta"], c["alpha"]
    if (beta, alpha) == (1, 1):
        return entrywise(a, "sum", "{0} + {1}", [product, added], "add")
    return entrywise(a, "sum", "alpha*{0} + beta*{1}", [product, added], "add", alpha=alpha, beta=beta)


@operator("scaled_dot_product_attention")
def _attention(a: Assembly, c: Arguments) -> View:
    if c["dropout_p"]:
        raise UnsupportedFormula("attention with dropout is not supported")
    if c.get("enable_gqa"):
        raise UnsupportedFormula("attention with grouped queries is not supported")
    mask: View | None = c["attn_mask"]
    if mask is not None and operations.is_truth(mask):
        mask = constant(np.where(operations.array_of(mask) > 0, 0.0, -math.inf), mask.source.name)
    return layers.attention(a, c["query"], c["key"], c["value"], mask, bool(c["is_causal"]), c["scale"])


@operator("embedding")
def _embedding(a: Assembly, c: Arguments) -> View:
    weight, labels = c["weight"], c["indices"]
    if isinstance(labels.source, Weight):
        return operations.picked(a, weight, 0, operations.array_of(labels).astype(int))
    return layers.embedding(a, weight, labels)


# --- pools and norms -------------------------------------------------------------------------------------------------


@operator("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _max_pool(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    extent = _each(c["kernel_size"], x.rank - 2)
    dims = len(extent)
    stride = _each(c["stride"] or extent, dims)
    pads = [(p, p) for p in _each(c["padding"], dims)]
    dilation = _each(c["dilation"], dims)
    return layers.max_pool(a, x, extent, stride, pads, dilation, bool(c["ceil_mode"]))


@operator("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    extent = _each(c["kernel_size"], x.rank - 2)
    stride = _each(c["stride"] or extent, len(extent))
    pads = [(p, p) for p in _each(c["padding"], len(extent))]
    counted, divisor = bool(c["count_include_pad"]), c.get("divisor_override")
    return layers.avg_pool(a, x, extent, stride, pads, bool(c["ceil_mode"]), counted, divisor)


@operator("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_avg_pool(a: Assembly, c: Arguments) -> View:
    return layers.adaptive_avg_pool(a, c["self"], _bins(c))


@operator("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max_pool(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    bins = _bins(c)
    sizes = [int(h) for h in x.shape[2:]]
    if any(h % p for h, p in zip(sizes, bins, strict=True)):
        raise UnsupportedFormula(f"adaptive max pooling of {sizes} into {bins} is not supported")
    window = [h // p for h, p in zip(sizes, bins, strict=True)]
    return layers.max_pool(a, x, window, window, [(0, 0)] * len(bins), [1] * len(bins))


def _bins(c: Arguments) -> list[int]:
    x: View = c["self"]
    wanted = c["output_size"]
    return [int(h if p is None else p) for p, h in zip(wanted, x.shape[2:], strict=True)]


@operator("batch_norm")
def _batch_norm(a: Assembly, c: Arguments) -> View:
    running = (c["running_mean"], c["running_var"])
    return layers.batch_norm(a, c["input"], c["weight"], c["bias"], *running, c["eps"], c["momentum"])


@operator("_native_batch_norm_legit_functional", "_native_batch_norm_legit_no_training")
def _native_batch_norm(a: Assembly, c: Arguments) -> list[Any]:
    return [_batch_norm(a, c), None, None, c["running_mean"], c["running_var"]]


@operator("layer_norm")
def _layer_norm(a: Assembly, c: Arguments) -> View:
    return layers.layer_norm(a, c["input"], len(c["normalized_shape"]), c["weight"], c["bias"], c["eps"])


@operator("rms_norm")
def _rms_norm(a: Assembly, c: Arguments) -> View:
    eps = c["eps"] if c["eps"] is not None else float(np.finfo(np.float32).eps)
    return layers.rms_norm(a, c["input"], len(c["normalized_shape"]), c["weight"], eps)


@operator("group_norm")
def _group_norm(a: Assembly, c: Arguments) -> View:
    return layers.group_norm(a, c["input"], int(c["num_groups"]), c["weight"], c["bias"], c["eps"])


@operator("instance_norm")
def _instance_norm(a: Assembly, c: Arguments) -> View:
    x, weight, bias = c["input"], c["weight"], c["bias"]
    if c["use_input_stats"]:
        return layers.instance_norm(a, x, weight, bias, c["eps"])
    return layers.batch_norm(a, x, weight, bias, c["running_mean"], c["running_var"], c["eps"])


# --- activations -----------------------------------------------------------------------------------------------------


def _plain(family: str) -> Operator:
    return lambda a, c: activation(a, family, c.operands()[0])


for _name in ("relu", "sigmoid", "tanh", "silu", "mish", "hardswish", "hardsigmoid", "selu", "relu6"):
    OPERATORS[_name] = _plain(_name)
OPERATORS["log_sigmoid"] = _plain("logsigmoid")


def _with(family: str, *parameters: str) -> Operator:
    return lambda a, c: activation(a, family, c["self"], **{p: c[p] for p in parameters})


OPERATORS |= {
    "leaky_relu": _with("leaky_relu", "negative_slope"),
    "celu": _with("celu", "alpha"),
    "hardtanh": _with("hardtanh", "min_val", "max_val"),
    "softplus": _with("softplus", "beta", "threshold"),
    "softshrink": _with("softshrink", "lambd"),
    "hardshrink": _with("hardshrink", "lambd"),
    "threshold": _with("threshold", "threshold", "value"),
}


@operator("elu")
def _elu(a: Assembly, c: Arguments) -> View:
    if c["input_scale"] != 1:
        raise UnsupportedFormula("elu with a scaled input is not supported")
    if c["scale"] == 1:
        return activation(a, "elu", c["self"], alpha=c["alpha"])
    return activation(a, "selu", c["self"], alpha=c["alpha"], scale=c["scale"])


@operator("gelu")
def _gelu(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    return a.kind(standard("gelu", rank=x.rank, approximate=c["approximate"]), {"x": x}, "gelu")


@operator("glu")
def _glu(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    return a.kind(standard("glu", rank=x.rank, dim=int(c["dim"])), {"x": x}, "glu")


@operator("prelu", "_prelu_kernel")
def _prelu(a: Assembly, c: Arguments) -> View:
    x, weight = c["self"], c["weight"]
    if weight.rank != 1:
        return entrywise(a, "PReLU", "where({0} > 0, {0}, {1}*{0})", [x, weight], "prelu")
    return a.kind(standard("prelu", rank=x.rank, shared=weight.shape == (1,)), {"x": x, "w": weight}, "prelu")


def _softmax(family: str) -> Operator:
    def read(a: Assembly, c: Arguments) -> View:
        x: View = c["self"]
        return a.kind(standard(family, rank=x.rank, dim=int(c["dim"])), {"x": x}, family)

    return read


OPERATORS |= {
    "softmax": _softmax("softmax"),
    "_softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"),
    "_log_softmax": _softmax("log_softmax"),
}


@operator("dropout", "alpha_dropout", "feature_dropout")
def _dropout(a: Assembly, c: Arguments) -> View:
    x: View = c["input"]
    if not c["train"] or not c["p"]:
        return x
    return a.layer(specs.dropout(c["p"]), {"x": x}, "dropout")


@operator("native_dropout")
def _native_dropout(a: Assembly, c: Arguments) -> list[Any]:
    return [_dropout(a, c), None]


# --- arithmetic ------------------------------------------------------------------------------------------------------


def _alike(left: object, right: object) -> bool:
    return isinstance(left, View) and isinstance(right, View) and left.shape == right.shape


@operator("add")
def _add(a: Assembly, c: Arguments) -> View:
    left, right, alpha = c["self"], c["other"], c.get("alpha", 1)
    if alpha == 1 and _alike(left, right):
        return a.kind(standard("add", rank=left.rank), {"x1": left, "x2": right}, "add")
    if alpha == 1:
        return entrywise(a, "sum", "{0} + {1}", [left, right], "add")
    return entrywise(a, "sum", "{0} + alpha*{1}", [left, right], "add", alpha=alpha)


@operator("sub")
def _sub(a: Assembly, c: Arguments) -> View:
    return entrywise(
        a, "difference", "{0} - alpha*{1}", [c["self"], c["other"]], "sub", alpha=c.get("alpha", 1)
    )


@operator("rsub")
def _rsub(a: Assembly, c: Arguments) -> View:
    return entrywise(
        a, "difference", "{1} - alpha*{0}", [c["self"], c["other"]], "sub", alpha=c.get("alpha", 1)
    )


@operator("mul")
def _mul(a: Assembly, c: Arguments) -> View:
    left, right = c["self"], c["other"]
    if _alike(left, right):
        return a.kind(standard("multiply", rank=left.rank), {"x1": left, "x2": right}, "multiply")
    return entrywise(a, "product", "{0}*{1}", [left, right], "multiply")


@operator("div", "true_divide")
def _div(a: Assembly, c: Arguments) -> View:
    if c.get("rounding_mode"):
        raise UnsupportedFormula(f"division rounded by {c['rounding_mode']!r} is not supported")
    return entrywise(a, "quotient", "{0}/{1}", [c["self"], c["other"]], "divide")


@operator("pow")
def _pow(a: Assembly, c: Arguments) -> View:
    base, exponent = c["self"], c["exponent"]
    if isinstance(exponent, View):
        return entrywise(a, "power", "{0}**{1}", [base, exponent], "power")
    return entrywise(a, "power", f"{{0}}**({operations.exact(exponent)})", [base], "power")


def _entries(title: str, body: str, *names: str) -> Operator:
    return lambda a, c: entrywise(a, title, body, [c[name] for name in names or ("self",)], title.split()[0])


OPERATORS |= {
    "neg": _entries("negation", "-{0}"),
    "exp": _entries("exponential", "exp({0})"),
    "expm1": _entries("exponential", "exp({0}) - 1"),
    "log": _entries("logarithm", "log({0})"),
    "log1p": _entries("logarithm", "log(1 + {0})"),
    "sqrt": _entries("root", "sqrt({0})"),
    "rsqrt": _entries("root", "1/sqrt({0})"),
    "reciprocal": _entries("reciprocal", "1/{0}"),
    "square": _entries("square", "{0}**2"),
    "abs": _entries("absolute value", "abs({0})"),
    "erf": _entries("erf", "erf({0})"),
    "maximum": _entries("maximum", "max({0}, {1})", "self", "other"),
    "minimum": _entries("minimum", "min({0}, {1})", "self", "other"),
    "clamp_min": _entries("maximum", "max({0}, {1})", "self", "min"),
    "clamp_max": _entries("minimum", "min({0}, {1})", "self", "max"),
    "gt": _entries("comparison", "where({0} > {1}, 1, 0)", "self", "other"),
    "ge": _entries("comparison", "where({0} >= {1}, 1, 0)", "self", "other"),
    "lt": _entries("comparison", "where({0} < {1}, 1, 0)", "self", "other"),
    "le": _entries("comparison", "where({0} <= {1}, 1, 0)", "self", "other"),
    "addcmul": lambda a, c: entrywise(
        a, "sum", "{0} + s*{1}*{2}", [c["self"], c["tensor1"], c["tensor2"]], "add", s=c["value"]
    ),
    "lerp": _entries("mean", "{0} + {2}*({1} - {0})", "self", "end", "weight"),
}


@operator("clamp", "clip")
def _clamp(a: Assembly, c: Arguments) -> View:
    found: View = c["self"]
    if c["min"] is not None:
        found = entrywise(a, "maximum", "max({0}, {1})", [found, c["min"]])
    if c["max"] is not None:
        found = entrywise(a, "minimum", "min({0}, {1})", [found, c["max"]])
    return found


@operator("where")
def _where(a: Assembly, c: Arguments) -> View:
    return operations.masked(a, c["condition"], c["self"], c["other"])


@operator("masked_fill")
def _masked_fill(a: Assembly, c: Arguments) -> View:
    return operations.masked(a, c["mask"], c["value"], c["self"])


# --- reductions ------------------------------------------------------------------------------------------------------


def _reduction(title: str, lines: str) -> Operator:
    def read(a: Assembly, c: Arguments) -> View:
        dims = c.get("dim")
        dims = [dims] if isinstance(dims, int) else dims
        return reduced(a, title, lines, c["self"], dims, bool(c.get("keepdim", False)))

    return read


OPERATORS |= {
    "mean": _reduction("mean", "{y} = mean[{over}]({x})"),
    "sum": _reduction("sum over axes", "{y} = sum[{over}]({x})"),
    "prod": _reduction("product over axes", "{y} = prod[{over}]({x})"),
    "amax": _reduction("maximum over axes", "{y} = max[{over}]({x})"),
    "amin": _reduction("minimum over axes", "{y} = min[{over}]({x})"),
    "logsumexp": _reduction("log of sum", "{y} = log(sum[{over}](exp({x})))"),
    "max": lambda a, c: _extreme(a, c, "amax"),
    "min": lambda a, c: _extreme(a, c, "amin"),
}


def _extreme(a: Assembly, c: Arguments, name: str) -> Any:
    if isinstance(c.get("other"), View):
        return OPERATORS["maximum" if name == "amax" else "minimum"](a, c)
    found = OPERATORS[name](a, c)
    return [found, None] if "dim" in c else found


@operator("var")
def _var(a: Assembly, c: Arguments) -> View:
    return _spread(a, c, "{0}")


@operator("std")
def _std(a: Assembly, c: Arguments) -> View:
    return _spread(a, c, "sqrt({0})")


@operator("var_mean")
def _var_mean(a: Assembly, c: Arguments) -> list[View]:
    return [_var(a, c), OPERATORS["mean"](a, c)]


def _spread(a: Assembly, c: Arguments, form: str) -> View:
    correction = int(c["unbiased"]) if "unbiased" in c else c.get("correction")
    sum_ = "sum[{over}](({x} - m{at})**2)/({count} - correction)"
    lines = "m{at} = mean[{over}]({x})\n{y} = " + form.replace("{0}", sum_)
    number = 1 if correction is None else correction
    return reduced(a, "variance", lines, c["self"], c["dim"], bool(c["keepdim"]), correction=number)


@operator("linalg_vector_norm")
def _vector_norm(a: Assembly, c: Arguments) -> View:
    forms = {1: "sum[{over}](abs({x}))", 2: "sqrt(sum[{over}]({x}**2))"}
    if c["ord"] not in forms:
        raise UnsupportedFormula(f"a norm of order {c['ord']} is not supported; 1 and 2 are")
    return reduced(a, "norm", "{y} = " + forms[c["ord"]], c["self"], c["dim"], bool(c["keepdim"]))


# --- movements -------------------------------------------------------------------------------------------------------


@operator("clone", "contiguous", "alias", "lift_fresh_copy", "to", "_to_copy", "type_as")
def _same(a: Assembly, c: Arguments) -> View:
    dtype = c.get("dtype")
    if dtype is not None and not getattr(dtype, "is_floating_point", True):
        raise UnsupportedFormula(f"values as {dtype} are not supported")
    return c["self"]  # type: ignore[no-any-return]


@operator("view", "reshape", "_unsafe_view")
def _view(a: Assembly, c: Arguments) -> View:
    return operations.reshape(a, c["self"], c["size"] if "size" in c else c["shape"])


@operator("flatten")
def _flatten(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    first, last = placed(c["start_dim"], x.rank), placed(c["end_dim"], x.rank)
    shape = [*x.shape[:first], sp.Mul(*x.shape[first : last + 1]), *x.shape[last + 1 :]]
    return operations.reshape(a, x, shape)


@operator("unflatten")
def _unflatten(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    axis = placed(c["dim"], x.rank)
    return operations.reshape(a, x, [*x.shape[:axis], *c["sizes"], *x.shape[axis + 1 :]])


@operator("permute")
def _permute(a: Assembly, c: Arguments) -> View:
    return permuted(c["self"], c["dims"])


@operator("transpose")
def _transpose(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    order = list(range(x.rank))
    first, second = placed(c["dim0"], x.rank), placed(c["dim1"], x.rank)
    order[first], order[second] = second, first
    return permuted(x, order)


@operator("t", "numpy_T", "mT")
def _turned(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    return permuted(x, range(x.rank)[::-1])


@operator("unsqueeze")
def _unsqueeze(a: Assembly, c: Arguments) -> View:
    return inserted(c["self"], c["dim"])


@operator("squeeze")
def _squeeze(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    dims = c.get("dim", range(x.rank))
    return dropped(x, [dims] if isinstance(dims, int) else dims)


@operator("expand", "expand_as", "broadcast_to")
def _expand(a: Assembly, c: Arguments) -> View:
    return expanded(c["self"], c["size"] if "size" in c else c["other"].shape)


@operator("repeat")
def _repeat(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    repeats: Sequence[Any] = c["repeats"]
    shape = [*([1] * (len(repeats) - x.rank)), *x.shape]
    pairs = [extent for own in shape for extent in (1, own)]
    grown = [extent for count, own in zip(repeats, shape, strict=True) for extent in (count, own)]
    spread = expanded(operations.reshape(a, x, pairs), grown)
    return operations.reshape(a, spread, [n * e for n, e in zip(repeats, shape, strict=True)])


@operator("select")
def _select(a: Assembly, c: Arguments) -> View:
    return operations.chosen(a, c["self"], c["dim"], c["index"])


@operator("slice")
def _slice(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    axis = placed(c["dim"], x.rank)
    extent, step = x.shape[axis], c["step"]
    start, end = c["start"] or 0, c["end"]
    if start == 0 and step == 1 and (end is None or end == extent or (isinstance(end, int) and end >= END)):
        return x
    if not extent.is_Integer:
        raise UnsupportedFormula(f"a part of an axis of extent {extent} is not supported")
    first, last, _ = slice(start, end, step).indices(int(extent))
    if last <= first:
        raise ShapeError("expected a part of at least one entry, got none")
    return operations.part(a, x, axis, first, step, -(-(last - first) // step))


@operator("narrow")
def _narrow(a: Assembly, c: Arguments) -> View:
    return operations.part(a, c["self"], c["dim"], c["start"], 1, c["length"])


@operator("split", "split_with_sizes")
def _split(a: Assembly, c: Arguments) -> list[View]:
    x, dim = c["self"], c["dim"]
    wanted = c.get("split_sizes", c.get("split_size"))
    if isinstance(wanted, int):
        extent = operations.extent_of(x, dim)
        wanted = [min(wanted, extent - start) for start in range(0, extent, wanted)]
    return operations.pieces(a, x, dim, wanted)


@operator("chunk")
def _chunk(a: Assembly, c: Arguments) -> list[View]:
    extent = operations.extent_of(c["self"], c["dim"])
    return _split(a, Arguments({**c, "split_size": -(-extent // c["chunks"])}))


@operator("unbind")
def _unbind(a: Assembly, c: Arguments) -> list[View]:
    x: View = c["self"]
    return [operations.chosen(a, x, c["dim"], k) for k in range(operations.extent_of(x, c["dim"]))]


@operator("cat", "concat", "concatenate")
def _cat(a: Assembly, c: Arguments) -> View:
    return operations.joined(a, c["tensors"], c["dim"])


@operator("stack")
def _stack(a: Assembly, c: Arguments) -> View:
    return operations.stacked(a, c["tensors"], c["dim"])


@operator("flip")
def _flip(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    for dim in c["dims"]:
        extent = operations.extent_of(x, dim)
        x = operations.part(a, x, dim, extent - 1, -1, extent)
    return x


@operator("roll")
def _roll(a: Assembly, c: Arguments) -> View:
    x: View = c["self"]
    if not c["dims"]:
        raise UnsupportedFormula("roll without dims is not supported")
    for shift, dim in zip(c["shifts"], c["dims"], strict=True):
        extent = operations.extent_of(x, dim)
        if cut := shift % extent:
            x = operations.joined(a, operations.pieces(a, x, dim, [extent - cut, cut])[::-1], dim)
    return x


@operator("index")
def _index(a: Assembly, c: Arguments) -> View:
    given = [(k, index) for k, index in enumerate(c["indices"]) if index is not None]
    if len(given) != 1:
        raise UnsupportedFormula("indexing by several tensors is not supported")
    dim, index = given[0]
    return operations.picked(a, c["self"], dim, _places(index))


@operator("index_select")
def _index_select(a: Assembly, c: Arguments) -> View:
    return operations.picked(a, c["self"], c["dim"], _places(c["index"]))


def _places(index: View) -> np.ndarray:
    """Constant positions; truth values mark theirs."""
    array = operations.array_of(index)
    return np.flatnonzero(array) if operations.is_truth(index) else array.astype(int)


@operator("constant_pad_nd", "pad")
def _pad(a: Assembly, c: Arguments) -> View:
    mode, numbers = c.get("mode", "constant"), [int(n) for n in c["pad"]]
    pads = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    if mode == "constant":
        return layers.padded(a, c["self"], pads, float(c["value"] or 0))
    return layers.continued(
        a, c["self"], pads, {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    )


def _padding(mode: str) -> Operator:
    def read(a: Assembly, c: Arguments) -> View:
        return _pad(a, Arguments({"self": c["self"], "pad": c["padding"], "mode": mode}))

    return read


OPERATORS |= {
    f"{word}_pad{dims}d": _padding(mode)
    for word, mode in (("reflection", "reflect"), ("replication", "replicate"))
    for dims in (1, 2, 3)
}


# --- pixels ----------------------------------------------------------------------------------------------------------


@operator("pixel_shuffle")
def _pixel_shuffle(a: Assembly, c: Arguments) -> View:
    return layers.pixel_shuffle(a, c["self"], int(c["upscale_factor"]))


@operator("pixel_unshuffle")
def _pixel_unshuffle(a: Assembly, c: Arguments) -> View:
    return layers.pixel_unshuffle(a, c["self"], int(c["downscale_factor"]))


@operator("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(a: Assembly, c: Arguments) -> View:
    return layers.split_channels(a, c["self"], int(c["groups"]))


@operator("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
def _nearest(a: Assembly, c: Arguments) -> View:
    x = _first(c)
    return layers.nearest(a, x, _output(c, x))


@operator("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")
def _interpolated(a: Assembly, c: Arguments) -> View:
    x = _first(c)
    output = _output(c, x)
    scales = c.get("scale_factors") or [c.get("scales")] if "scales" in c else c.get("scale_factors")
    for k, extent in enumerate(output):
        scale = scales[k] if scales else c.get(f"scales_{'dhw'[3 - len(output) + k]}")
        matrix = operations.interpolation(
            operations.extent_of(x, k + 2), extent, bool(c["align_corners"]), scale
        )
        x = operations.mapped(a, "interpolation", x, k + 2, matrix)
    return x


def _first(c: Arguments) -> View:
    return c["input"] if "input" in c else c["self"]


def _output(c: Arguments, x: View) -> list[int]:
    """The extents of what is resampled."""
    if c["output_size"] is not None:
        return [int(n) for n in c["output_size"]]
    return [math.floor(int(h) * s) for h, s in zip(x.shape[2:], c["scale_factors"], strict=True)]


# --- constants of the batch's size -----------------------------------------------------------------------------------


def _filled(number: float | None) -> Operator:
    def read(a: Assembly, c: Arguments) -> View:
        shape = c["size"] if "size" in c else c["self"].shape
        value = c["fill_value"] if number is None else number
        return expanded(constant(np.full((1,) * len(shape), float(value))), shape)

    return read


OPERATORS |= {
    "full": _filled(None),
    "zeros": _filled(0.0),
    "ones": _filled(1.0),
    "full_like": _filled(None),
    "zeros_like": _filled(0.0),
    "ones_like": _filled(1.0),
    "new_zeros": _filled(0.0),
    "new_ones": _filled(1.0),
    "new_full": _filled(None),
}
