"""PyTorch's entrywise functions and reductions."""

from __future__ import annotations

from typing import Any

from symcnn.core.errors import UnsupportedFormula
from symcnn.models.importers import operations
from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.operations import activation, entrywise, reduced
from symcnn.models.importers.torch_table import OPERATORS, Operator, operator
from symcnn.models.importers.views import (
    View,
)
from symcnn.nets import spec as specs
from symcnn.nets.catalogue import standard

# --- activations ------------------------------------------------------------------------------------------------------


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
    if not isinstance(weight, View) or weight.rank != 1:
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
    if not a.training:
        raise UnsupportedFormula("dropout that does not stop in evaluation is not supported")
    return a.layer(specs.dropout(c["p"]), {"x": x}, "dropout")


@operator("native_dropout")
def _native_dropout(a: Assembly, c: Arguments) -> list[Any]:
    return [_dropout(a, c), None]


# --- arithmetic -------------------------------------------------------------------------------------------------------


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
    "sign": _entries("sign", "sign({0})"),
    "maximum": _entries("maximum", "max({0}, {1})", "self", "other"),
    "minimum": _entries("minimum", "min({0}, {1})", "self", "other"),
    "fmax": _entries("maximum", "max({0}, {1})", "self", "other"),
    "fmin": _entries("minimum", "min({0}, {1})", "self", "other"),
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


# --- reductions -------------------------------------------------------------------------------------------------------


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
    if c.get("other") is not None:
        return OPERATORS["maximum" if name == "amax" else "minimum"](a, c)
    found = OPERATORS[name](a, c)
    return [found, None] if "dim" in c else found


@operator("cumsum")
def _cumsum(a: Assembly, c: Arguments) -> View:
    return operations.running_sum(a, c["self"], int(c["dim"]))


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
    dims: Any = c.get("dim")
    return reduced(a, "variance", lines, c["self"], dims, bool(c.get("keepdim", False)), correction=number)


@operator("linalg_vector_norm")
def _vector_norm(a: Assembly, c: Arguments) -> View:
    forms = {1: "sum[{over}](abs({x}))", 2: "sqrt(sum[{over}]({x}**2))"}
    if c["ord"] not in forms:
        raise UnsupportedFormula(f"a norm of order {c['ord']} is not supported; 1 and 2 are")
    return reduced(a, "norm", "{y} = " + forms[c["ord"]], c["self"], c["dim"], bool(c["keepdim"]))
