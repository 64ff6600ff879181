"""ONNX's entrywise functions and reductions."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symcnn.models.importers import movements, operations
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.onnx_node import Node, decimal
from symcnn.models.importers.onnx_table import OPERATORS, Operator, operator
from symcnn.models.importers.operations import activation, entrywise, reduced
from symcnn.models.importers.views import View, placed
from symcnn.nets.catalogue import standard

# --- entry by entry ---------------------------------------------------------------------------------------------------


def _family(family: str, **attributes: tuple[str, float]) -> Operator:
    """An activation of the catalogue; ``attributes`` gives its parameters' names and usual values in ONNX."""

    def read(a: Assembly, node: Node) -> View:
        numbers: dict[str, Any] = {
            own: decimal(node.attribute(name, usual)) for own, (name, usual) in attributes.items()
        }
        return activation(a, family, node.view(0), **numbers)

    return read


def _entries(title: str, body: str, count: int = 1, **attributes: tuple[str, float]) -> Operator:
    def read(a: Assembly, node: Node) -> View:
        numbers = {own: decimal(node.attribute(name, usual)) for own, (name, usual) in attributes.items()}
        operands = [node.operand(k) for k in range(count)]
        return entrywise(a, title, body, operands, title.split()[0], **numbers)

    return read


def _folded(title: str, body: str, last: str = "{0}") -> Operator:
    """An operator of any number of inputs, two at a time."""

    def read(a: Assembly, node: Node) -> View:
        found = node.operand(0)
        for k in range(1, len(node.inputs)):
            found = entrywise(a, title, body, [found, node.operand(k)], title)
        count = len(node.inputs)
        return found if last == "{0}" else entrywise(a, title, last, [found], title, count=count)

    return read


OPERATORS |= {
    "Relu": _family("relu"),
    "LeakyRelu": _family("leaky_relu", negative_slope=("alpha", 0.01)),
    "Elu": _family("elu", alpha=("alpha", 1.0)),
    "Celu": _family("celu", alpha=("alpha", 1.0)),
    "Selu": _family(
        "selu", alpha=("alpha", 1.67326319217681884765625), scale=("gamma", 1.05070102214813232421875)
    ),
    "Sigmoid": _family("sigmoid"),
    "Tanh": _family("tanh"),
    "Softplus": _entries("softplus", "log(1 + exp({0}))"),
    "Softsign": _family("softsign"),
    "HardSwish": _family("hardswish"),
    "Mish": _family("mish"),
    "HardSigmoid": _entries(
        "hard sigmoid", "max(min(alpha*{0} + beta, 1), 0)", alpha=("alpha", 0.2), beta=("beta", 0.5)
    ),
    "ThresholdedRelu": _entries("threshold", "where({0} > alpha, {0}, 0)", alpha=("alpha", 1.0)),
    "Neg": _entries("negation", "-{0}"),
    "Exp": _entries("exponential", "exp({0})"),
    "Log": _entries("logarithm", "log({0})"),
    "Sqrt": _entries("root", "sqrt({0})"),
    "Reciprocal": _entries("reciprocal", "1/{0}"),
    "Abs": _entries("absolute value", "abs({0})"),
    "Erf": _entries("erf", "erf({0})"),
    "Sign": _entries("sign", "sign({0})"),
    "Sub": _entries("difference", "{0} - {1}", 2),
    "Div": _entries("quotient", "{0}/{1}", 2),
    "Greater": _entries("comparison", "where({0} > {1}, 1, 0)", 2),
    "GreaterOrEqual": _entries("comparison", "where({0} >= {1}, 1, 0)", 2),
    "Less": _entries("comparison", "where({0} < {1}, 1, 0)", 2),
    "LessOrEqual": _entries("comparison", "where({0} <= {1}, 1, 0)", 2),
    "Max": _folded("maximum", "max({0}, {1})"),
    "Min": _folded("minimum", "min({0}, {1})"),
    "Sum": _folded("sum", "{0} + {1}"),
    "Mean": _folded("mean", "{0} + {1}", "{0}/count"),
}


@operator("Add", "Mul")
def _binary(a: Assembly, node: Node) -> View:
    left, right = node.operand(0), node.operand(1)
    family = "add" if node.operator == "Add" else "multiply"
    if isinstance(left, View) and isinstance(right, View) and left.shape == right.shape:
        return a.kind(standard(family, rank=left.rank), {"x1": left, "x2": right}, family)
    title, body = ("sum", "{0} + {1}") if family == "add" else ("product", "{0}*{1}")
    return entrywise(a, title, body, [left, right], family)


@operator("Pow")
def _pow(a: Assembly, node: Node) -> View:
    base, exponent = node.operand(0), node.number(1)
    if isinstance(exponent, View):
        return entrywise(a, "power", "{0}**{1}", [base, exponent], "power")
    return entrywise(a, "power", f"{{0}}**({operations.exact(exponent)})", [base], "power")


@operator("Gelu")
def _gelu(a: Assembly, node: Node) -> View:
    x = node.view(0)
    return a.kind(
        standard("gelu", rank=x.rank, approximate=node.attribute("approximate", "none")), {"x": x}, "gelu"
    )


@operator("PRelu")
def _prelu(a: Assembly, node: Node) -> View:
    return entrywise(a, "PReLU", "where({0} > 0, {0}, {1}*{0})", [node.view(0), node.view(1)], "prelu")


@operator("Clip")
def _clip(a: Assembly, node: Node) -> View:
    found = node.view(0)
    for place, name, body in ((1, "min", "max({0}, {1})"), (2, "max", "min({0}, {1})")):
        limit = node.attribute(name)
        if limit is not None or node.has(place):
            number = node.number(place) if node.has(place) else decimal(limit)
            if isinstance(number, View) or abs(number) < 3e38:
                found = entrywise(a, f"{name}imum", body, [found, number], "clip")
    return found


@operator("Softmax", "LogSoftmax")
def _softmax(a: Assembly, node: Node) -> View:
    x = node.view(0)
    family = "softmax" if node.operator == "Softmax" else "log_softmax"
    axis = placed(int(node.attribute("axis", -1 if node.opset >= 13 else 1)), x.rank)
    if node.opset >= 13 or axis == x.rank - 1:
        return a.kind(standard(family, rank=x.rank, dim=axis), {"x": x}, family)
    flat = movements.reshape(a, x, [sp.Mul(*x.shape[:axis]), sp.Mul(*x.shape[axis:])])
    return movements.reshape(a, a.kind(standard(family, rank=2, dim=1), {"x": flat}, family), x.shape)


@operator("Where")
def _where(a: Assembly, node: Node) -> View:
    return operations.masked(a, node.view(0), node.operand(1), node.operand(2))


# --- reductions -------------------------------------------------------------------------------------------------------


def _reduction(title: str, lines: str) -> Operator:
    def read(a: Assembly, node: Node) -> View:
        x, dims = node.view(0), node.numbers(1, "axes")
        keep, idle = bool(node.attribute("keepdims", 1)), bool(node.attribute("noop_with_empty_axes", 0))
        if idle and not dims:
            return x
        return reduced(a, title, lines, x, [int(d) for d in dims] if dims else None, keep)

    return read


OPERATORS |= {
    "ReduceMean": _reduction("mean", "{y} = mean[{over}]({x})"),
    "ReduceSum": _reduction("sum over axes", "{y} = sum[{over}]({x})"),
    "ReduceProd": _reduction("product over axes", "{y} = prod[{over}]({x})"),
    "ReduceMax": _reduction("maximum over axes", "{y} = max[{over}]({x})"),
    "ReduceMin": _reduction("minimum over axes", "{y} = min[{over}]({x})"),
    "ReduceL1": _reduction("norm", "{y} = sum[{over}](abs({x}))"),
    "ReduceL2": _reduction("norm", "{y} = sqrt(sum[{over}]({x}**2))"),
    "ReduceSumSquare": _reduction("sum of squares", "{y} = sum[{over}]({x}**2)"),
    "ReduceLogSumExp": _reduction("log of sum", "{y} = log(sum[{over}](exp({x})))"),
    "ReduceLogSum": _reduction("log of sum", "{y} = log(sum[{over}]({x}))"),
}
