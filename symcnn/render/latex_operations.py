"""Named operations as LaTeX: conv(x, W), AᵀB, sum over an axis, and what their windows are."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symcnn.calculus.recognise import Operand, Operation, Window
from symcnn.core.equation import Equation
from symcnn.core.tensor import Tensor
from symcnn.render.latex import Printer, latex
from symcnn.render.latex_algebra import bracketed
from symcnn.render.latex_names import Notation

NAMES = {
    "convolution": r"\operatorname{conv}",
    "full convolution": r"\operatorname{fullconv}",
    "transposed convolution": r"\operatorname{transposedconv}",
    "contraction": r"\operatorname{contract}",
    "pooling": r"\operatorname{pool}",
    "sum": r"\operatorname{sum}",
    "mean": r"\operatorname{mean}",
    "mean spread": r"\operatorname{spread}",
    "routing": r"\operatorname{route}",
    "reshape": r"\operatorname{reshape}",
    "slice": r"\operatorname{slice}",
    "concatenation": r"\operatorname{concat}",
    "mask": r"\operatorname{mask}",
    "elementwise function": "f",
}
COMMON = (
    "matrix product",
    "outer product",
    "elementwise product",
    "elementwise function",
    "mask",
    "copy",
    "sum",
    "mean",
)
OVER = ("sum", "mean", "contraction")


def operation_latex(operation: Operation, notation: Notation, words: dict[Tensor, str] | None = None) -> str:
    """One line for a named operation. ``words`` gives tensors another form than their name (A − Y)."""
    names = [_operand(operand, notation, words or {}) for operand in operation.operands]
    scale = (
        ""
        if operation.scale == 1 or operation.kind == "mean spread"
        else f"{latex(operation.scale, notation)} \\, "
    )
    bias = f" + {notation.whole(operation.bias)}" if operation.bias is not None else ""
    match operation.kind:
        case "matrix product":
            return f"{scale}{_beside(names[0])} \\, {_beside(names[1])}{bias}"
        case "outer product":
            return rf"{scale}{_beside(names[0])} \otimes {_beside(names[1])}"
        case "elementwise product":
            return scale + r" \odot ".join(map(_beside, names))
        case "copy":
            return scale + names[0]
        case "convolution" | "full convolution" | "transposed convolution":
            data, kernel = names
            if operation.windows and all(window.flipped for window in operation.windows):
                kernel = r"\operatorname{flip}" + bracketed(kernel)
            return f"{scale}{NAMES[operation.kind]}{bracketed(f'{data}, {kernel}')}{bias}"
    over = f"_{{{','.join(operation.over)}}}" if operation.kind in OVER and operation.over else ""
    return f"{scale}{NAMES[operation.kind]}{over}{bracketed(', '.join(dict.fromkeys(names)))}{bias}"


def entries_latex(operation: Operation, equation: Equation, notation: Notation) -> tuple[str, str] | None:
    """An operation that has no common meaning for all tensors, defined by its entries: conv(x, W)_{n,o,i} = Σ …."""
    if operation.kind in COMMON:
        return None
    bare = replace(operation, scale=sp.S.One, bias=None)
    body = equation.body if operation.kind == "mean spread" else equation.body / operation.scale
    printer = Printer(notation).opened(equation.target, body)
    left = f"{operation_latex(bare, notation)}_{{{printer.positions(equation.target.at)}}}"
    return left, printer.root(body).text


def _operand(operand: Operand, notation: Notation, words: dict[Tensor, str]) -> str:
    name = words.get(operand.tensor) or notation.whole(operand.tensor)
    if not operand.transposed:
        return name
    bare = not name.startswith(r"\frac") and " - " not in name
    return rf"{name}^\top" if bare else rf"{bracketed(name)}^\top"


def _beside(name: str) -> str:
    """An operand beside another one, in brackets where it is a sum."""
    return bracketed(name) if " - " in name and r"^\top" not in name else name


def windows_text(windows: tuple[Window, ...], notation: Notation) -> str:
    """What the windows of a convolution are, in words with formulas between dollar signs."""
    settings = [
        ("stride", [window.stride for window in windows], sp.S.One),
        ("dilation", [window.dilation for window in windows], sp.S.One),
        ("padding", [window.padding for window in windows], sp.S.Zero),
        ("input dilation", [window.spacing for window in windows], sp.S.One),
    ]
    said = [
        f"{name} {' and '.join(dict.fromkeys(f'${latex(value, notation)}$' for value in values))}"
        for name, values, usual in settings
        if any(value != usual for value in values)
    ]
    return ", ".join(said) or "stride 1, no padding"
