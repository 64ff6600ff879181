"""Nodes of an array program as NumPy expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.program.array import (
    Accumulate,
    Apply,
    Cast,
    Chosen,
    Copy,
    Count,
    Cut,
    Diagonal,
    Dilate,
    Drawn,
    Expand,
    Flip,
    Fold,
    Gather,
    Matmul,
    Named,
    Node,
    Pad,
    Reshape,
    Scalar,
    Slice,
    Spread,
    Transpose,
    Windows,
    Zeros,
)
from symcnn.render.numpy_calls import Function
from symcnn.render.numpy_number import (
    AND,
    ATOM,
    COMPARE,
    OR,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Text,
    number,
    number_text,
    wrap,
)

INFIX = {
    "add": ("+", SUM, SUM, PRODUCT),
    "sub": ("-", SUM, SUM, PRODUCT),
    "mul": ("*", PRODUCT, PRODUCT, UNARY),
    "div": ("/", PRODUCT, PRODUCT, UNARY),
    "floordiv": ("//", PRODUCT, PRODUCT, UNARY),
    "mod": ("%", PRODUCT, PRODUCT, UNARY),
    "pow": ("**", POWER, ATOM, POWER),
    "and": ("&", AND, AND, AND + 1),
    "or": ("|", OR, OR, OR + 1),
    "eq": ("==", COMPARE, COMPARE + 1, COMPARE + 1),
    "ne": ("!=", COMPARE, COMPARE + 1, COMPARE + 1),
    "lt": ("<", COMPARE, COMPARE + 1, COMPARE + 1),
    "le": ("<=", COMPARE, COMPARE + 1, COMPARE + 1),
    "gt": (">", COMPARE, COMPARE + 1, COMPARE + 1),
    "ge": (">=", COMPARE, COMPARE + 1, COMPARE + 1),
}  # operator, its precedence, least precedence of its operands
CALLS = {
    name: f"np.{name}"
    for name in (
        "exp",
        "log",
        "tanh",
        "sinh",
        "cosh",
        "sqrt",
        "abs",
        "sign",
        "floor",
        "maximum",
        "minimum",
        "where",
    )
} | {"not": "np.logical_not"}
OWN = ("sigmoid", "softplus", "erf")  # functions that the module defines itself


@dataclass(slots=True)
class Writer:
    """Writes nodes; ``names`` maps names to Python text, ``used`` records the functions that the module must define.

    ``assigns`` says whether entries of an array may be assigned to; ``handed`` is what the module's own functions get
    before their arguments.
    """

    names: Mapping[str, str]
    used: set[str] = field(default_factory=set)
    extents: Sequence[tuple[sp.Expr, sp.Symbol]] = ()
    functions: Mapping[str, Function] = field(default_factory=dict)
    assigns: ClassVar[bool] = True
    handed: ClassVar[str] = ""

    def accumulated(self, name: str, node: Accumulate) -> list[str]:
        """Lines for a scatter-addition where entries are not assigned to."""
        raise UnsupportedFormula(f"no expression for the additions to {name}: {type(node).__name__}")

    def text(self, node: Node) -> str:
        """``node`` as an expression."""
        return self._text(node)[0]

    def number(self, expr: sp.Expr) -> str:
        """A size or scalar as an expression; extents that have a name are written by it."""
        return number(self.short(expr), self.names)

    def short(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` with the names of extents in their place, under products and sums too."""
        for extent, symbol in self.extents:
            if expr == extent:
                expr = symbol
            for floor in extent.atoms(sp.floor):
                same = [f for f in expr.atoms(sp.floor) if sp.expand(f.args[0] - floor.args[0]) == 0]
                if (extent - floor).is_number and same:
                    expr = sp.expand(expr.xreplace(dict.fromkeys(same, symbol - (extent - floor))))
            if expr.has(symbol):
                self.used.add(symbol.name)
        return expr

    def shape(self, shape: Sequence[sp.Expr]) -> str:
        """A shape as a tuple."""
        inner = ", ".join(map(self.number, shape))
        return f"({inner},)" if len(shape) == 1 else f"({inner})"

    def _atom(self, node: Node) -> str:
        return wrap(self._text(node), ATOM)

    def _text(self, node: Node) -> Text:
        match node:
            case Named(name=name):
                return self.names.get(name, name), ATOM
            case Scalar(value=value):
                return number_text(self.short(value), self.names)
            case Apply():
                return self._apply(node)
            case Matmul(left=left, right=right):
                a, b = wrap(self._text(left), PRODUCT), wrap(self._text(right), UNARY)
                return f"{a} @ {b}", PRODUCT
        return self._call(node), ATOM

    def _apply(self, node: Apply) -> Text:
        args = [self._text(arg) for arg in node.args]
        if node.function in INFIX:
            sign, precedence, left, right = INFIX[node.function]
            return f"{wrap(args[0], left)} {sign} {wrap(args[1], right)}", precedence
        if node.function == "neg":
            return f"-{wrap(args[0], UNARY)}", UNARY
        if node.function == "square":
            return f"{wrap(args[0], ATOM)} ** 2", POWER
        inner = ", ".join(text for text, _ in args)
        if node.function in OWN:
            self.used.add(node.function)
            return f"{node.function}({inner})", ATOM
        if node.function in CALLS:
            return f"{CALLS[node.function]}({inner})", ATOM
        raise UnsupportedFormula(f"no NumPy form for {node.function}")

    def _call(self, node: Node) -> str:
        match node:
            case Transpose():
                return self._atom(node.source) + _turned(node.order)
            case Reshape():
                return f"{self._atom(node.source)}.reshape({self._dimensions(node.shape)})"
            case Expand():
                marks = ["None" if axis in node.axes else ":" for axis in range(len(node.shape))]
                return f"{self._atom(node.source)}[{', '.join(_trimmed(marks))}]"
            case Slice():
                return f"{self._atom(node.source)}[{', '.join(_trimmed([self.cut(c) for c in node.cuts]))}]"
            case Flip():
                marks = ["::-1" if axis in node.axes else ":" for axis in range(len(node.shape))]
                return f"{self._atom(node.source)}[{', '.join(_trimmed(marks))}]"
            case Fold():
                return self._fold(node)
            case Gather():
                places = ", ".join(self.text(place) for place in node.places)
                return f"{self._atom(node.source)}[{places}]"
            case Copy():
                return f"{self._atom(node.source)}.copy()"
        return self._made(node)

    def _made(self, node: Node) -> str:
        """Nodes that NumPy or the module's own functions make."""
        match node:
            case Pad():
                widths = ", ".join(f"({self.number(a)}, {self.number(b)})" for a, b in node.widths)
                value = "" if node.value == 0 else f", constant_values={self.number(node.value)}"
                comma = "," if len(node.widths) == 1 else ""
                return f"np.pad({self.text(node.source)}, ({widths}{comma}){value})"
            case Windows():
                return self._windows(node)
            case Dilate():
                self.used.add("dilated")
                value = "" if node.value == 0 else f", {self.number(node.value)}"
                return f"dilated({self.handed}{self.text(node.source)}, {node.axis}, {self.number(node.factor)}{value})"
            case Diagonal():
                return f"np.diagonal({self.text(node.source)}, axis1={node.axes[0]}, axis2={node.axes[1]})"
            case Chosen():
                self.used.add(f"{node.policy}_of")
                places = f"{self.text(node.source)}, {self.text(node.best)}, {node.axis}"
                return f"{node.policy}_of({self.handed}{places})"
            case Spread(source=Scalar(value=value)):
                return f"np.full({self.shape(node.shape)}, {self.number(value)}, {self.dtype()})"
            case Spread():
                return f"np.broadcast_to({self.text(node.source)}, {self.shape(node.shape)})"
            case Count(entries="float"):
                return f"np.arange({self.number(node.shape[0])}, dtype={self.dtype()})"
            case Count():
                return f"np.arange({self.number(node.shape[0])})"
            case Cast(source=Apply(args=args)) if all(isinstance(arg, Scalar) for arg in args):
                return f"float({self.text(node.source)})"
            case Cast():
                return f"{self._atom(node.source)}.astype({self.dtype()})"
            case Drawn(p=p):
                draws = f"rng.random({self.shape(node.shape)}, np.float32)"
                return f"({draws} >= {self.number(p)}).astype({self.dtype()})"
            case Zeros():
                return f"np.zeros({self.shape(node.shape)}, {self.dtype()})"
        raise UnsupportedFormula(f"no NumPy form for {type(node).__name__}")

    def dtype(self) -> str:
        """The name under which a function keeps the dtype of its inputs."""
        self.used.add("dtype")
        return "dtype"

    def _dimensions(self, shape: Sequence[sp.Expr]) -> str:
        """Extents of a reshape; the longest to write is left to NumPy."""
        texts = [self.number(extent) for extent in shape]
        if not shape:
            return "()"
        longest = max(range(len(texts)), key=lambda at: len(texts[at]))
        if not self.short(shape[longest]).is_Atom:
            texts[longest] = "-1"
        return ", ".join(texts)

    def _windows(self, node: Windows) -> str:
        self.used.add("windows")
        steps = "" if all(step == 1 for step in node.steps) else f", {self.shape(node.steps)}"
        return (
            f"windows({self.handed}{self.text(node.source)}, {node.axis}, {self.shape(node.extents)}{steps})"
        )

    def _fold(self, node: Fold) -> str:
        extents = [node.source.shape[axis] for axis in node.axes]
        if (
            node.operation in ("max", "min")
            and len(extents) == 1
            and extents[0].is_Integer
            and extents[0] <= 8
        ):
            name = "largest" if node.operation == "max" else "smallest"
            self.used.add(name)
            return f"{name}({self.text(node.source)}, {node.axes[0]})"
        axes: object = node.axes[0] if len(node.axes) == 1 else node.axes
        if len(node.axes) == len(node.source.shape):
            return f"{self._atom(node.source)}.{node.operation}()"
        return f"{self._atom(node.source)}.{node.operation}(axis={axes})"

    def cut(self, piece: Cut | sp.Expr) -> str:
        """One axis of a slice."""
        if not isinstance(piece, Cut):
            return self.number(piece)
        start = "" if piece.start == 0 else self.number(piece.start)
        stop = "" if piece.stop is None else self.number(piece.stop)
        step = "" if piece.step == 1 else f":{self.number(piece.step)}"
        return f"{start}:{stop}{step}"


def _turned(order: Sequence[int]) -> str:
    rank = len(order)
    if tuple(order) == tuple(reversed(range(rank))):
        return ".T"
    if list(order[: rank - 2]) == list(range(rank - 2)):
        return ".swapaxes(-1, -2)"
    return f".transpose({', '.join(map(str, order))})"


def _trimmed(marks: list[str]) -> list[str]:
    """Whole axes at the end need not be written."""
    while len(marks) > 1 and marks[-1] == ":":
        marks = marks[:-1]
    return marks
