"""Which names are scalars, vectors, matrices or tensors, and which of their axes have the same size.

An abstract reading of the formulas: every axis is a class in `Axes`; a product joins the inner axes, a sum all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes.marks import Operator
from symcnn.notes.name_parts import base_name, letter, subscript_items
from symcnn.notes.names import Ref, read_name
from symcnn.notes.operations import known_function, operation_name
from symcnn.notes.tree import (
    Accent,
    Add,
    Annotated,
    Attribute,
    BigOperator,
    Call,
    CallOrProduct,
    Cases,
    Chain,
    Decorated,
    Derivative,
    Evaluated,
    Fraction,
    Gradient,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Number,
    Product,
    Root,
    Script,
    Sequence,
    Styled,
    Symbol,
    Unary,
    Word,
)
from symcnn.notes.walking import children

if TYPE_CHECKING:
    from symcnn.notes.world import Family, World

CLAIM = "claim"
"""The scope of formulas that are judged."""
ONE: Hashable = ("one",)
COUNTER = -1
"""The place of the axis that counts tensors."""
Axis = Hashable
Shape = tuple[Axis, ...] | None
UNSIZED = frozenset({"I", "bf I", "bb I", "bf 1", "bb 1", "bf 0"})
"""Identities, ones and zeros, whose size is that of their place."""
ENTRYWISE = frozenset({"odot", "circ", "*"})


class Shaper:
    """Reads shapes off one formula; `letters` maps an index letter to the axis that it runs over."""

    def __init__(self, world: World, scope: Hashable, env: dict[str, int]) -> None:
        self.world = world
        self.axes = world.axes
        self.scope = scope
        self.env = env

    # --- what is asked from outside

    def define(self, family: Family, indices: tuple[Node, ...] | None, body: Node) -> None:
        """Join the shape of a definition's target with that of its body."""
        shape = self.shape(body)
        if indices is not None:
            self._entry(family, indices)
            return
        known = self.world.kinds.get(family.key)
        if shape is None:
            return
        if known is None:
            known = self.world.settle(family.key, kind_of(shape))
        if kind_of(shape) == known:
            for mine, theirs in zip(self.world.axes_of(family), shape, strict=True):
                self._join(mine, theirs)

    def equate(self, left: Node, right: Node) -> None:
        """Join the shapes of the two sides of a claim, for names that nothing else pins down."""
        a, b = self.shape(left), self.shape(right)
        if a is None and b is not None:
            self._assume(left, b)
        elif b is None and a is not None:
            self._assume(right, a)
        elif a and b and len(a) == len(b):
            for x, y in zip(a, b, strict=True):
                self._join(x, y)

    # --- nodes

    def shape(self, node: Node) -> Shape:  # noqa: C901  (one case for each kind of node)
        """The axes of a node's value: () for a number, None where nothing says it."""
        match node:
            case Number():
                return ()
            case Symbol() | Word() | Accent() | Styled():
                return self._name(node)
            case Script():
                return self._script(node)
            case Group(open="|" | "||" | "lfloor" | "lceil"):
                self.shape(node.body)
                return ()
            case Group(body=body) | Decorated(body=body) | Annotated(body=body) | Evaluated(body=body):
                return self.shape(body)
            case Unary(body=body):
                return self.shape(body)
            case Add(terms=terms):
                return self._sum(terms)
            case Product(factors=factors, operators=operators):
                return self._product(factors, operators)
            case Juxtapose(parts=parts):
                return self._product(parts, ())
            case Fraction(numerator=top, denominator=bottom):
                self.shape(bottom)
                return self.shape(top)
            case Root(radicand=body):
                return self.shape(body)
            case Attribute(base=base, name="T"):
                return _reversed(self.shape(base))
            case CallOrProduct(head=head, group=group):
                return self._call_or_product(node, head, group)
            case Call(function=function, argument=argument):
                return self._call(function, argument)
            case BigOperator(body=Node() as body, name="sum" | "prod"):
                return self.shape(body)
            case Derivative(of=of, wrt=(wrt,)) if of is not None:
                return self._derivative(of, wrt)
            case Gradient(wrt=Node() as wrt):
                return self.shape(wrt)
            case Matrix(rows=rows):
                for row in rows:
                    for item in row:
                        self.shape(item)
                return self._literal(len(rows), len(rows[0]) if rows else 0)
            case Cases(branches=branches):
                shapes = [self.shape(branch.value) for branch in branches]
                return next((s for s in shapes if s), ())
        for child in children(node):
            self.shape(child)
        return None

    def _literal(self, rows: int, columns: int) -> Shape:
        made: list[Axis] = []
        for size in (rows, columns):
            if size == 1:
                made.append(ONE)
            else:
                axis = ("literal", size)
                self.axes.fix(axis, size)
                made.append(axis)
        return tuple(made)

    def _name(self, node: Node) -> Shape:
        name = letter(node)
        if name is not None and name in self.env:
            return ()
        ref = read_name(node, self.world.facts.habits)
        return None if ref is None else self._ref(ref)

    def _ref(self, ref: Ref) -> Shape:
        family = self.world.family(replace(ref, member=None), self.env)
        if family is None:
            return None
        if ref.member is not None:
            self.count(family, ref.member)
        if ref.indices is not None:
            return self._entry(family, ref.indices)
        if self.world.is_size(family.key):
            return ()
        if self.world.kinds.get(family.key) is None:
            return None
        axes = self.world.axes_of(family)
        shape = tuple(ONE if self.axes.fixed.get(self.axes.find(axis)) == 1 else axis for axis in axes)
        return _reversed(shape) if ref.transposed else shape

    def count(self, family: Family, member: Node) -> None:
        """Tie the letter t of h_t to the axis that counts the tensors h."""
        name = letter(member)
        if name is not None and not self.world.is_size(name) and name not in self.world.definitions:
            axis = self.world.entry_axis(family, COUNTER)
            self.axes.same(axis, ("letter", self.scope, name))
            self.world.letter_axes.setdefault((self.scope, name), axis)
            if axis not in self.axes.counters:
                self.axes.counters.append(axis)

    def _entry(self, family: Family, indices: tuple[Node, ...]) -> Shape:
        """An entry read: a plain letter ties its axis to the letter, anything else is looked at later."""
        key = family.key
        if self.world.kinds.get(key) is None:
            self.world.settle(key, {1: "V", 2: "M"}.get(len(indices), f"T{len(indices)}"))
        rank = self.world.rank(key)
        if rank != len(indices):
            return () if rank == 0 or len(indices) > rank else None
        for position, index in enumerate(indices):
            name = letter(index)
            axis = self.world.entry_axis(family, position)
            if name is None or name.isdigit():
                self.world.reach(family, position, index, self.scope)
            else:
                self.axes.same(axis, ("letter", self.scope, name))
                self.world.letter_axes.setdefault((self.scope, name), axis)
        return ()

    def _script(self, node: Script) -> Shape:
        ref = read_name(node, self.world.facts.habits)
        if ref is not None:
            if ref.power is not None:
                self.shape(ref.power)
            return self._ref(ref)
        base = self.shape(node.base)
        if isinstance(node.base, Matrix):
            return base
        if node.sub is not None and len(subscript_items(node.sub)) in (1, 2):
            return ()
        if _is_transpose(node.sup):
            return _reversed(base)
        return base

    def _sum(self, terms: tuple[Node, ...]) -> Shape:
        shapes = [self.shape(term) for term in terms]
        known = [s for s in shapes if s]
        if not known:
            return () if all(s == () for s in shapes) else None
        widest = max(known, key=lambda s: sum(a != ONE for a in s))
        for term, shape in zip(terms, shapes, strict=True):
            if shape is None:
                self._assume(term, widest)
            elif len(shape) == len(widest):
                for a, b in zip(shape, widest, strict=True):
                    if ONE not in (a, b):
                        self._join(a, b)
        return widest

    def _product(self, factors: tuple[Node, ...], operators: tuple[Operator, ...]) -> Shape:
        names = [op.name for op in operators] or [""] * (len(factors) - 1)
        result: Shape = self.shape(factors[0])
        previous = factors[0]
        for name, factor in zip(names, factors[1:], strict=True):
            shape = self.shape(factor)
            if name == "/":
                continue
            if name in ENTRYWISE:
                result = self._entrywise(previous, result, factor, shape)
            elif name in ("otimes", "ast", "star"):
                result = self._convolved(name, result, shape)
            else:
                result = self._multiplied(previous, result, factor, shape)
            previous = factor
        return result

    def _entrywise(self, left: Node, a: Shape, right: Node, b: Shape) -> Shape:
        if a is None and b:
            self._assume(left, b)
            return b
        if b is None and a:
            self._assume(right, a)
            return a
        if a and b and len(a) == len(b):
            for x, y in zip(a, b, strict=True):
                if ONE not in (x, y):
                    self._join(x, y)
        return a or b

    def _convolved(self, name: str, a: Shape, b: Shape) -> Shape:
        return None

    def _multiplied(self, left: Node, a: Shape, right: Node, b: Shape) -> Shape:
        if a is None and self._is_row(left) and (b is None or len(b) == 2) and not _capital(right):
            inner = b[0] if b else self.fresh(right)
            a = self._assume(left, (ONE, inner))
            b = b or self._assume(right, (inner, ONE))
        if a is None and isinstance(b, tuple) and len(b) == 2 and _capital(left):
            self._assume(left, (self.fresh(left), b[0]))
            a = self.shape(left)
        if b is None and isinstance(a, tuple) and len(a) == 2 and a[1] != ONE:
            b = self._assume(right, (a[1], ONE) if not _capital(right) else (a[1], self.fresh(right)))
        if a is None and b is None and _capital(left):
            inner = self.fresh(right)
            a = self._assume(left, (self.fresh(left), inner))
            b = self._assume(right, (inner, ONE) if not _capital(right) else (inner, ("free", right.span)))
        if a is None or b is None:
            return None
        if not a or not b:
            return a or b
        if len(a) == len(b) == 2:
            find = self.axes.find
            if (ONE in a or ONE in b) and find(a[1]) != find(b[0]) and find(a[0]) == find(b[0]):
                return a
            if a == (ONE, ONE):
                return b
            if b == (ONE, ONE):
                return a
            self._join(a[1], b[0])
            return (a[0], b[1])
        return None

    def _is_row(self, node: Node) -> bool:
        """Whether a small letter is written transposed, as in v^T f: then it is a vector."""
        ref = read_name(node, self.world.facts.habits) if isinstance(node, Script) else None
        return ref is not None and ref.transposed and ref.indices is None and not _capital(node)

    def fresh(self, node: Node) -> Axis:
        return ("free", self.scope, node.span.start, node.span.end)

    def _join(self, a: Axis, b: Axis) -> None:
        """Note that two axes are one; a claim, which may be false, says so only of axes that nothing else sizes."""
        known = self.scope == CLAIM and self.world.pinned(a) and self.world.pinned(b)
        if ONE not in (a, b) and not known:
            self.axes.same(a, b)

    def _assume(self, node: Node, shape: Shape) -> Shape:
        """Give a name that nothing else pins down the shape that its place asks for."""
        if not shape:
            return shape
        match node:
            case Unary(body=body) | Group(body=body):
                return self._assume(body, shape)
            case Script(base=Group() as base, sup=sup) if _is_transpose(sup):
                return self._assume(base, _reversed(shape))
        ref = read_name(node, self.world.facts.habits)
        if ref is None or ref.indices is not None:
            return shape
        if ref.transposed:
            shape = tuple(reversed(shape))
        family = self.world.family(replace(ref, member=None), self.env)
        if family is None or self.world.kinds.get(family.key) is not None:
            return shape
        if family.key in self.world.functions or family.key in UNSIZED:
            return shape
        self.world.settle(family.key, kind_of(shape))
        for mine, theirs in zip(self.world.axes_of(family), shape, strict=True):
            self._join(mine, theirs)
        return tuple(reversed(shape)) if ref.transposed else shape

    def _call_or_product(self, node: Node, head: Node, group: Node) -> Shape:
        if self.world.is_function(head):
            arguments = _arguments(group)
            rule = self.world.functions.get(base_name(head) or "")
            if rule is not None and len(rule.parameters) == 1:
                made = self.shape(rule.body)
                if made and letter(arguments[0]) == rule.parameters[0]:
                    return made
            return self.shape(arguments[0]) if arguments else None
        if self.world.is_entry_call(head):
            ref = read_name(head, self.world.facts.habits)
            family = self.world.family(ref, self.env) if ref else None
            return self._entry(family, tuple(_arguments(group))) if family else ()
        return self._product((head, group), ())

    def _call(self, function: Node, argument: Node) -> Shape:
        arguments = _arguments(argument)
        shapes = [self.shape(item) for item in arguments]
        name = operation_name(_function_name(function))
        first = shapes[0] if shapes else None
        match name:
            case "sum" | "mean" | "trace" | "tr" | "det" | "avg":
                return () if len(arguments) == 1 else None
            case "conv" | "crosscorrelation" | "correlate" | "convolution" | "conv2d" | "xcorr":
                return self._conv(arguments, shapes)
            case "dotproduct" | "dot":
                return self._dot(arguments, shapes)
            case "diag":
                return (first[0], first[0]) if first and len(first) == 2 else None
            case "softmax":
                return first
            case "max" | "min":
                return next((s for s in shapes if s), ())
        if known_function(name) and name not in (
            "flatten",
            "vec",
            "maxpool",
            "maxpooling",
            "pool",
            "avgpool",
        ):
            return first
        if name in ("maxpool", "maxpooling", "pool", "avgpool", "flatten", "vec"):
            self._as_matrix(arguments[0], first)
        if name in ("flatten", "vec") and first is not None and len(first) == 2 and ONE not in first:
            rows, columns = first
            entries = self.fresh(argument)
            self.axes.derive(entries, lambda: self.axes.size(rows) * self.axes.size(columns))
            return (entries, ONE)
        return None

    def _as_matrix(self, node: Node, shape: Shape) -> None:
        if shape is None:
            self._assume(node, (self.fresh(node), ("free", "columns", *self.fresh(node)[1:])))  # type: ignore[index]

    def _conv(self, arguments: list[Node], shapes: list[Shape]) -> Shape:
        if len(arguments) != 2:
            return None
        for node, shape in zip(arguments, shapes, strict=True):
            self._as_matrix(node, shape)
        x, w = (self.shape(node) for node in arguments)
        if x and w and len(x) == len(w) == 2:
            for position, (image, filter_) in enumerate(zip(x, w, strict=True)):
                extra = 3 + (2 * self.world.variant if position and not self.world.stated_numbers() else 0)
                self.axes.derive(image, _plus(self.axes.size, filter_, extra))
        return None

    def _dot(self, arguments: list[Node], shapes: list[Shape]) -> Shape:
        if len(arguments) != 2:
            return None
        a, b = shapes
        if a is None and b is None:
            a = self._assume(arguments[0], (self.fresh(arguments[0]), ONE))
        if b is None:
            b = self._assume(arguments[1], a)
        if a is None:
            a = self._assume(arguments[0], b)
        if a and b and len(a) == len(b) == 2 and a[1] == ONE == b[1]:
            self._join(a[0], b[0])
            return (ONE, ONE)
        return None

    def _derivative(self, of: Node, wrt: Node) -> Shape:
        top, bottom = self.shape(of), self.shape(wrt)
        if top is None and self.world.is_loss(of):
            top = ()
        if top == ():
            return bottom
        if bottom == ():
            return top
        return None


def _plus(size: Callable[[Axis], int], axis: Axis, extra: int) -> Callable[[], int]:
    return lambda: size(axis) + extra


def kind_of(shape: tuple[Axis, ...]) -> str:
    """S, V (column), R (row), M or T with the number of axes."""
    match shape:
        case ():
            return "S"
        case (a, b):
            if a == ONE and b == ONE:
                return "O"
            return "V" if b == ONE else "R" if a == ONE else "M"
    return f"T{len(shape)}"


def _reversed(shape: Shape) -> Shape:
    return tuple(reversed(shape)) if shape else shape


def _is_transpose(sup: Node | None) -> bool:
    from symcnn.notes.name_parts import TRANSPOSES

    match sup:
        case Symbol(name=name):
            return name in TRANSPOSES
        case Word(text=text):
            return text in TRANSPOSES
    return False


def _capital(node: Node) -> bool:
    match node:
        case Symbol(name=name):
            return len(name) == 1 and name.isupper()
        case Script(base=base) | Accent(body=base) | Styled(body=base):
            return _capital(base)
        case Group(body=body):
            return _capital(body)
    return False


def _arguments(group: Node) -> list[Node]:
    """The arguments between the brackets of a call."""
    body = group
    while isinstance(body, Script) and isinstance(body.base, Group):
        body = body.base
    if isinstance(body, Group):
        body = body.body
    if isinstance(body, Sequence):
        return list(body.items)
    return [body]


def _function_name(node: Node) -> str:
    match node:
        case Word(text=text):
            return text
        case Symbol(name=name):
            return name
        case Script(base=base):
            return _function_name(base)
        case Attribute(name=name):
            return name
    return ""


arguments_of = _arguments
function_name = _function_name
is_transpose = _is_transpose
__all__ = ["ONE", "Chain", "Shaper", "arguments_of", "function_name", "is_transpose", "kind_of"]
