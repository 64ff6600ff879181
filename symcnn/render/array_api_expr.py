"""Nodes of an array program as expressions of the Python array API standard: any namespace ``xp`` runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from symcnn.program.array import (
    Accumulate,
    Apply,
    Cast,
    Copy,
    Count,
    Diagonal,
    Drawn,
    Expand,
    Flip,
    Fold,
    Gather,
    Node,
    Pad,
    Reshape,
    Scalar,
    Slice,
    Spread,
    Target,
    Transpose,
    Zeros,
)
from symcnn.render.numpy_expr import INFIX, Writer
from symcnn.render.numpy_number import ATOM, Text, wrap

CALLS = frozenset({"exp", "log", "tanh", "sinh", "cosh", "sqrt", "abs", "sign", "floor"})
OWN = frozenset({"sigmoid", "softplus", "erf"})


@dataclass(slots=True)
class ArrayWriter(Writer):
    """Writes nodes in the functions of the array API standard (2023.12), without assignment to entries.

    The standard promotes no truth values or whole numbers to floats, indexes every axis, and takes no number where an
    array stands in a call; so casts, whole index expressions and arrays of no axes are written out.
    """

    assigns: ClassVar[bool] = False
    handed: ClassVar[str] = "xp, "

    def _apply(self, node: Apply) -> Text:
        name, args = node.function, node.args
        if name in ("maximum", "minimum") and any(isinstance(arg, Scalar) for arg in args):
            array, bound = sorted(args, key=lambda arg: isinstance(arg, Scalar))
            side = "min" if name == "maximum" else "max"
            return f"xp.clip({self.text(array)}, {side}={self.text(bound)})", ATOM
        if name in ("maximum", "minimum"):
            return f"xp.{name}({', '.join(self._float(arg)[0] for arg in args)})", ATOM
        if name == "where":
            condition, *branches = args
            written = ", ".join(self._array(branch) for branch in branches)
            return f"xp.where({self.text(condition)}, {written})", ATOM
        if name == "not":
            return f"xp.logical_not({self.text(args[0])})", ATOM
        if name in INFIX:
            mixed = name not in ("and", "or") and not all(arg.kind == "int" for arg in _arrays(args))
            texts = [self._float(arg) if mixed else self._text(arg) for arg in args]
            sign, precedence, left, right = INFIX[name]
            return f"{wrap(texts[0], left)} {sign} {wrap(texts[1], right)}", precedence
        if name in OWN:
            self.used.add(name)
            return f"{name}(xp, {self._float(args[0])[0]})", ATOM
        if name in CALLS:
            return f"xp.{name}({self._float(args[0])[0]})", ATOM
        return Writer._apply(self, node)

    def _float(self, node: Node) -> Text:
        """``node``, cast to the dtype of the inputs where it holds truth values or whole numbers."""
        if isinstance(node, Scalar) or node.kind == "float":
            return self._text(node)
        return f"xp.astype({self.text(node)}, {self.dtype()})", ATOM

    def _array(self, node: Node) -> str:
        """``node`` as an array, where a number will not do."""
        if isinstance(node, Scalar):
            return f"xp.full((), {self.text(node)}, {self.made()})"
        return self._float(node)[0]

    def made(self) -> str:
        """The arguments that place a new array beside the inputs."""
        return f"dtype={self.dtype()}, device=device"

    def _call(self, node: Node) -> str:
        match node:
            case Transpose():
                return f"xp.permute_dims({self.text(node.source)}, {node.order})"
            case Reshape():
                inner = self._dimensions(node.shape)
                shape = inner if not node.shape else f"({inner}{',' if len(node.shape) == 1 else ''})"
                return f"xp.reshape({self.text(node.source)}, {shape})"
            case Expand():
                marks = ["None" if axis in node.axes else ":" for axis in range(len(node.shape))]
                return f"{self._atom(node.source)}[{', '.join(marks)}]"
            case Slice():
                return f"{self._atom(node.source)}[{', '.join(map(self.cut, node.cuts))}]"
            case Flip():
                return f"xp.flip({self.text(node.source)}, axis={node.axes})"
            case Fold():
                axes: object = node.axes[0] if len(node.axes) == 1 else node.axes
                return f"xp.{node.operation}({self._float(node.source)[0]}, axis={axes})"
            case Gather():
                self.used.add("gathered")
                places = ", ".join(map(self._place, node.places))
                return f"gathered(xp, {self.text(node.source)}, {places})"
            case Copy():
                return f"xp.asarray({self.text(node.source)}, copy=True)"
        return self._made(node)

    def _place(self, node: Node) -> str:
        if isinstance(node, Scalar):
            return f"xp.full((), {self.text(node)}, dtype=xp.int64, device=device)"
        return self.text(node)

    def _made(self, node: Node) -> str:
        match node:
            case Pad():
                self.used.add("padded")
                widths = ", ".join(f"({self.number(a)}, {self.number(b)})" for a, b in node.widths)
                comma = "," if len(node.widths) == 1 else ""
                value = "" if node.value == 0 else f", {self.number(node.value)}"
                return f"padded(xp, {self.text(node.source)}, ({widths}{comma}){value})"
            case Diagonal():
                self.used.add("diagonal")
                return f"diagonal(xp, {self.text(node.source)}, {node.axes[0]}, {node.axes[1]})"
            case Spread(source=Scalar(value=value)):
                return f"xp.full({self.shape(node.shape)}, {self.number(value)}, {self.made()})"
            case Spread():
                return f"xp.broadcast_to({self._float(node.source)[0]}, {self.shape(node.shape)})"
            case Count(entries="float"):
                return f"xp.arange({self.number(node.shape[0])}, {self.made()})"
            case Count():
                self.dtype()
                return f"xp.arange({self.number(node.shape[0])}, device=device)"
            case Cast(source=source) if not _is_number(source):
                return f"xp.astype({self.text(node.source)}, {self.dtype()})"
            case Drawn(p=p):
                draws = f"xp.asarray(rng.random({self.shape(node.shape)}, np.float32), device=device)"
                return f"xp.astype({draws} >= {self.number(p)}, {self.dtype()})"
            case Zeros():
                return f"xp.zeros({self.shape(node.shape)}, {self.made()})"
        return Writer._made(self, node)  # the module's own functions, and numbers

    def accumulated(self, name: str, node: Accumulate) -> list[str]:
        """``name`` as the sum of all parts, each placed among zeros."""
        self.used.add("placed")
        source = self.text(node.source)
        shape = self.shape(node.shape)
        places = ", ".join(map(self._target, node.targets))
        comma = "," if len(node.targets) == 1 else ""
        looped = f", {node.looped}" if node.looped else ""
        return [f"{name} = placed(xp, {source}, {shape}, ({places}{comma}){looped})"]

    def _target(self, target: Target) -> str:
        """Start, step and, for each loop, its step; a step of 0 marks an axis that the part does not have."""
        step = self.number(target.step) if target.extent is not None else "0"
        loops = "".join(f", {self.number(loop)}" for loop in target.loops)
        return f"({self.number(target.start)}, {step}{loops})"


def _is_number(node: Node) -> bool:
    """Whether Python's own numbers compute it."""
    return isinstance(node, Apply) and all(isinstance(arg, Scalar) for arg in node.args)


def _arrays(nodes: tuple[Node, ...]) -> list[Node]:
    return [node for node in nodes if not isinstance(node, Scalar)]
