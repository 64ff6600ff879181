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
    equal,
    product,
)
from symcnn.program.scope import Layout
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
SMALL = 512  # entries an image
SHORT = 90  # letters of an expression that names its operands twice
OWN = ("sigmoid", "softplus", "erf")  # functions that the module defines itself


@dataclass(slots=True)
class Writer:
    """Writes nodes; ``names`` maps names to Python text, ``used`` records the functions that the module must define.

    ``indices`` are names that stand for indices of equations alone, which no line of code reads.
    ``assigns`` says whether entries of an array may be assigned to; ``handed`` is what the module's own functions get
    before their arguments.
    """

    names: Mapping[str, str]
    used: set[str] = field(default_factory=set)
    extents: Sequence[tuple[sp.Expr, sp.Symbol]] = ()
    functions: Mapping[str, Function] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    indices: frozenset[str] = frozenset()
    assigns: ClassVar[bool] = True
    handed: ClassVar[str] = ""

    def large(self, node: Node) -> bool:
        """Whether it is worth to form a sum in the memory of its first term."""
        return self.layout.batch is None or not 0 < self.layout.entries(node.shape) <= SMALL

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
            case Chosen(policy="first") if self.assigns and len(text := self._second(node)) in range(
                1, SHORT
            ):
                return text, COMPARE
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
                return self._slid(node) or self._atom(node.source) + _turned(node.order)
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

    def _slid(self, node: Transpose) -> str:
        """Windows whose axes are turned at once are NumPy's own view, which puts all windows last; else empty."""
        chain: list[Windows] = []
        source = node.source
        while isinstance(source, Windows) and len(source.extents) == 2 and source.steps[1] == 1:
            chain.insert(0, source)
            source = source.source
        rank = len(source.shape)
        axes = list(range(rank))
        for place, view in enumerate(chain):
            if axes[view.axis] >= rank:
                return ""
            axes.insert(view.axis + 1, rank + place)
        if not chain or isinstance(source, Windows):
            return ""
        along = [axes[axes.index(rank + place) - 1] for place in range(len(chain))]
        extents = self.shape([view.extents[1] for view in chain])
        steps = [
            "::" + self.number(dict(zip(along, (v.steps[0] for v in chain), strict=True)).get(a, sp.S.One))
            for a in range(rank)
        ]
        marks = _trimmed([":" if step == "::1" else step for step in steps])
        strided = "" if marks == [":"] else f"[{', '.join(marks)}]"
        order = tuple(axes[axis] for axis in node.order)
        turned = "" if order == tuple(range(len(order))) else _turned(order)
        return f"sliding_window_view({self.text(source)}, {extents}, {_tuple(along)}){strided}{turned}"

    def _halves(self, source: Node, axis: int, kept: bool = False) -> tuple[str, str] | None:
        """Both entries along an axis of two, which is ``kept`` with one; of a split axis, with the others joined."""
        if source.shape[axis] != 2:
            return None
        if isinstance(source, Named):
            marks = (":1", "1:") if kept else ("0", "1")
            base, place = self.text(source), axis
        else:
            found = _minor(source, axis) if isinstance(source, Reshape) else None
            if found is None:
                return None
            marks = ("::2", "1::2")
            base, place = self._atom(source.sources[0]), found
        first, second = (f"{base}[{', '.join([':'] * place + [mark])}]" for mark in marks)
        return first, second

    def _second(self, node: Chosen) -> str:
        """The mask of the first maximum of two: the second is chosen where it is larger, or for min smaller; else empty."""
        halves = self._halves(node.source, node.axis, kept=True)
        if halves is None:
            return ""
        rank = len(node.shape)
        larger = f"({halves[0]} {'<' if node.operation == 'max' else '>'} {halves[1]})"
        if not isinstance(node.source, Named):
            shape = [sp.S.One if at == node.axis else extent for at, extent in enumerate(node.shape)]
            larger += f".reshape({self._dimensions(shape)})"
        after = rank - node.axis - 1
        places = ", ".join("[" * after + value + "]" * after for value in ("False", "True"))
        return f"{larger} == [{places}]"

    def _pair(self, node: Fold) -> str:
        """The larger or smaller of the two entries of an axis; empty where they are no slices."""
        halves = self._halves(node.source, node.axes[0])
        if halves is None:
            return ""
        name = "maximum" if node.operation == "max" else "minimum"
        whole = isinstance(node.source, Named) or len(node.source.sources[0].shape) == len(node.shape)
        turned = "" if whole else f".reshape({self._dimensions(node.shape)})"
        return f"np.{name}({', '.join(halves)}){turned}"

    def _fold(self, node: Fold) -> str:
        extents = [node.source.shape[axis] for axis in node.axes]
        if node.operation in ("max", "min") and extents == [2]:
            text = self._pair(node)
            if len(text) in range(1, SHORT):
                return text
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


def _minor(node: Reshape, axis: int) -> int | None:
    """The axis of the source that ``axis`` is the finest part of, or None."""
    start = 0
    for place, extent in enumerate(node.source.shape):
        parts: list[sp.Expr] = []
        while start + len(parts) < len(node.shape) and not (parts and equal(product(parts), extent)):
            parts.append(node.shape[start + len(parts)])
        start += len(parts)
        if axis == start - 1 and equal(product(parts), extent):
            return place
    return None


def _tuple(numbers: Sequence[int]) -> str:
    return f"({', '.join(map(str, numbers))}{',' if len(numbers) == 1 else ''})"


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
