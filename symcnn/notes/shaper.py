"""Which names are scalars, vectors, matrices or tensors, and which of their axes have the same size.

An abstract reading of the formulas: every axis is a class in `Axes`; a product joins the inner axes, a sum all.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes.biases import bias_shape, open_biases
from symcnn.notes.marks import Operator
from symcnn.notes.name_parts import is_capital, is_inverse, is_list, is_transpose, letter, subscript_items
from symcnn.notes.names import Ref, read_name
from symcnn.notes.shape_axes import COUNTER, ONE, Axis, Shape, kind_of, transposed
from symcnn.notes.shaper_calls import call_or_product_shape, call_shape
from symcnn.notes.shaper_products import product_shape
from symcnn.notes.tree import (
    Accent,
    Add,
    Annotated,
    Attribute,
    BigOperator,
    Call,
    CallOrProduct,
    Cases,
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
    from symcnn.notes.families import Family
    from symcnn.notes.world import World

CLAIM = "claim"
"""The scope of formulas that are judged."""
UNSIZED = frozenset({"I", "bf I", "bb I", "bf 1", "bb 1", "bf 0"})
"""Identities, ones and zeros, whose size is that of their place."""


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
            self.entry(family, indices)
            return
        known = self.world.kinds.get(family.key)
        if shape is None:
            return
        if known is None:
            known = self.world.settle(family.key, kind_of(shape))
        if kind_of(shape) == known:
            for mine, theirs in zip(self.world.axes_of(family), shape, strict=True):
                self.join(mine, theirs)

    def equate(self, left: Node, right: Node) -> None:
        """Join the shapes of the two sides of a claim, for names that nothing else pins down."""
        a, b = self.shape(left), self.shape(right)
        if a is None and b is not None:
            self.assume(left, b)
        elif b is None and a is not None:
            self.assume(right, a)
        elif a and b and len(a) == len(b):
            for x, y in zip(a, b, strict=True):
                self.join(x, y)

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
            case Group(open="langle", body=Sequence(items=(Node() as a, Node() as b))):
                product_shape(self, (a, b), (Operator(node.span, "odot"),))
                return ()
            case Group(open="|" | "||" | "lfloor" | "lceil"):
                self.shape(node.body)
                return ()
            case Group(body=Sequence(items=items)) if is_list(node):
                return self._literal(len(items), 1)
            case Group(body=body) | Decorated(body=body) | Annotated(body=body) | Evaluated(body=body):
                return self.shape(body)
            case Unary(body=body):
                return self.shape(body)
            case Add(terms=terms):
                return self._sum(terms)
            case Product(factors=factors, operators=operators):
                return product_shape(self, factors, operators)
            case Juxtapose(parts=parts):
                return product_shape(self, parts, ())
            case Fraction(numerator=top, denominator=bottom):
                self.shape(bottom)
                return self.shape(top)
            case Root(radicand=body):
                return self.shape(body)
            case Attribute(base=base, name="T"):
                return transposed(self.shape(base))
            case CallOrProduct(head=head, group=group):
                return call_or_product_shape(self, node, head, group)
            case Call(function=function, argument=argument):
                return call_shape(self, function, argument)
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
        if ref.indices is not None and ref.key in ("delta", "I") and ref.key not in self.world.definitions:
            return ()  # the axes of one Kronecker delta say nothing of those of another
        if ref.indices is not None:
            return self.entry(family, ref.indices)
        if self.world.is_size(family.key):
            return ()
        if self.world.kinds.get(family.key) is None:
            return None
        axes = self.world.axes_of(family)
        shape = tuple(ONE if self.axes.fixed.get(self.axes.find(axis)) == 1 else axis for axis in axes)
        return transposed(shape) if ref.transposed else shape

    def count(self, family: Family, member: Node) -> None:
        """Tie the letter t of h_t to the axis that counts the tensors h."""
        name = letter(member)
        if name is not None and not self.world.is_size(name) and name not in self.world.definitions:
            axis = self.world.entry_axis(family, COUNTER)
            self.axes.same(axis, ("letter", self.scope, name))
            self.world.letter_axes.setdefault((self.scope, name), axis)
            if axis not in self.axes.counters:
                self.axes.counters.append(axis)

    def entry(self, family: Family, indices: tuple[Node, ...]) -> Shape:
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
            if is_inverse(ref.power) and is_capital(node.base):
                return self.square(node)
            return self._ref(ref)
        base = self.shape(node.base)
        if isinstance(node.base, Matrix) and not is_transpose(node.sup):
            return base
        if is_list(node.base):
            return base
        if node.sub is not None and len(subscript_items(node.sub)) in (1, 2):
            self._tie(base, subscript_items(node.sub))
            return ()
        if is_transpose(node.sup):
            return transposed(base)
        return self.square(node.base) if is_inverse(node.sup) and base != () else base

    def square(self, node: Node) -> Shape:
        """The shape of a matrix that can only be square: under an inverse, a trace, a determinant."""
        known = (
            self.shape(node) if not isinstance(node, Script) or node.sup is None else self.shape(node.base)
        )
        if known is None:
            axis = self.fresh(node)
            known = self.assume(node, (axis, axis))
        if known is not None and len(known) == 2:
            self.join(*known)
        return known

    def _tie(self, shape: Shape, indices: tuple[Node, ...]) -> None:
        """The letters of an entry that is read of something computed run through its axes."""
        if not shape or len(shape) != len(indices):
            return
        for axis, index in zip(shape, indices, strict=True):
            name = letter(index)
            if name is not None and axis != ONE:
                self.axes.same(axis, ("letter", self.scope, name))
                self.world.letter_axes.setdefault((self.scope, name), axis)

    def _sum(self, terms: tuple[Node, ...]) -> Shape:
        shapes = [self.shape(term) for term in terms]
        known = [s for s in shapes if s]
        if not known:
            return () if all(s == () for s in shapes) else None
        widest = max(known, key=lambda s: sum(a != ONE for a in s))
        biases = dict(open_biases(terms, self.world))
        for term, shape in zip(terms, shapes, strict=True):
            if shape is None and term in biases:
                self._bias(term, biases[term], widest)
            elif shape is None:
                self.assume(term, widest)
            elif len(shape) == len(widest):
                for a, b in zip(shape, widest, strict=True):
                    if ONE not in (a, b):
                        self.join(a, b)
        return widest

    def _bias(self, term: Node, key: str, widest: tuple[Axis, ...]) -> None:
        """A name of which nothing but a sum with a product tells the shape: the layout and the reading decide."""
        self.world.open_biases.add(key)
        shape = bias_shape(self.world, widest)
        if shape:
            self.assume(term, shape)
        elif key not in self.world.definitions:
            self.world.settle(key, "S")

    def fresh(self, node: Node) -> Axis:
        return ("free", self.scope, node.span.start, node.span.end)

    def join(self, a: Axis, b: Axis) -> None:
        """Note that two axes are one; a claim, which may be false, says so only of axes that nothing else sizes."""
        known = self.scope == CLAIM and self.world.pinned(a) and self.world.pinned(b)
        if ONE not in (a, b) and not known:
            self.axes.same(a, b)

    def assume(self, node: Node, shape: Shape) -> Shape:
        """Give a name that nothing else pins down the shape that its place asks for."""
        if not shape:
            return shape
        match node:
            case Unary(body=body) | Group(body=body):
                return self.assume(body, shape)
            case Script(base=Group() as base, sup=sup) if is_transpose(sup):
                return self.assume(base, transposed(shape))
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
        shape = self._like_unlabelled(family.key, shape)
        self.world.settle(family.key, kind_of(shape))
        for mine, theirs in zip(self.world.axes_of(family), shape, strict=True):
            self.join(mine, theirs)
        return tuple(reversed(shape)) if ref.transposed else shape

    def _like_unlabelled(self, key: str, shape: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """A row or column in place of a matrix, where the notes declare the name without its label to be one."""
        base = key.split("_")[0]
        declared = self.world.kinds.get(base) if base != key and base in self.world.facts.shapes else None
        if len(shape) != 2:
            return shape
        return {"R": (ONE, shape[1]), "V": (shape[0], ONE)}.get(declared or "", shape)

    def _derivative(self, of: Node, wrt: Node) -> Shape:
        top, bottom = self.shape(of), self.shape(wrt)
        if top is None and self.world.is_loss(of):
            top = ()
        if top == ():
            return bottom
        if bottom == ():
            return top
        return None
