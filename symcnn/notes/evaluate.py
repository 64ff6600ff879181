"""From a notation tree to an array of exact expressions, in one world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from symcnn.notes import operations as ops
from symcnn.notes.apply import apply_function, call
from symcnn.notes.arguments import arguments_of
from symcnn.notes.big_operators import big_value
from symcnn.notes.conditions import case_value, indicates_zero, indicator, is_indicator, truth
from symcnn.notes.derivative import derivative, differential, gradient, loss_symbol
from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.flexible import Flexible
from symcnn.notes.jacobian import Jacobian, flat
from symcnn.notes.name_parts import base_name, is_list, is_transpose, letter, subscript_items
from symcnn.notes.named_values import name_value, named
from symcnn.notes.names import Ref, read_name
from symcnn.notes.operations import Array, array
from symcnn.notes.powers import norm, powered
from symcnn.notes.products import inner_product, product_of, quotient, sum_of
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
    Differential,
    Empty,
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
from symcnn.notes.values import Lazy, Value, as_array, shape_text
from symcnn.notes.world import World


class Evaluator:
    """Evaluates nodes; `env` gives the numbers of index letters and the values of a function's arguments."""

    def __init__(self, world: World, env: Mapping[str, Any]) -> None:
        self.world = world
        self.env = dict(env)

    def within(self, more: Mapping[str, Any]) -> Evaluator:
        return Evaluator(self.world, self.env | dict(more))

    def afresh(self, env: Mapping[str, Any]) -> Evaluator:
        """An evaluator in the same world that knows nothing but `env`."""
        return Evaluator(self.world, env)

    @property
    def _differentiates(self) -> bool:
        return self.world.facts.differentials

    # --- results

    def value(self, node: Node) -> Array:
        """The value as an array. Raises Mismatch, Unreadable or ShapeError."""
        return self.settled(self.factor(node), node)

    def settled(self, value: Value, node: Node) -> Array:
        match value:
            case Jacobian():
                return flat(value, self.world.reading)
            case Flexible():
                raise Unreadable("nothing says the size of the identity or of the ones")
            case Lazy():
                raise Unreadable("nothing says the size of what a rule for entries gives")
        return value

    def scalar(self, node: Node) -> sp.Expr:
        """The value of a node that is one number."""
        return self.scalar_of(self.factor(node), node)

    def scalar_of(self, value: Value, node: Node) -> sp.Expr:
        """The one number that a value is."""
        known = self.settled(value, node)
        if known.size != 1:
            raise Mismatch(f"a number is expected, came {shape_text(known)}", node)
        return sp.sympify(known.flat[0], strict=True)

    def truth(self, condition: Node) -> sp.Expr:
        """The indicator of a condition."""
        return truth(self, condition)

    # --- nodes

    def factor(self, node: Node) -> Value:  # noqa: C901  (one case for each kind of node)
        match node:
            case Number(text=text):
                return array(sp.Rational(text))
            case Symbol() | Word() | Accent() | Styled():
                return name_value(self, node)
            case Script():
                return self._script(node)
            case Group():
                return self._group(node)
            case Decorated(body=body) | Annotated(body=body):
                return self.factor(body)
            case Unary(name=sign, body=body):
                if sign not in ("-", "+"):
                    raise Unreadable(f"a sign {sign} says two things at once")
                made = self.factor(body)
                if isinstance(made, Flexible):
                    return made.scaled(sp.Integer(-1 if sign == "-" else 1))
                value = self.settled(made, body)
                return array(-value) if sign == "-" else value
            case Add(terms=terms):
                return sum_of(self, terms)
            case Product(factors=parts) | Juxtapose(parts=parts) if indicates_zero(self, parts):
                return array(sp.Integer(0))
            case Product(factors=factors, operators=operators):
                return product_of(self, factors, [op.name for op in operators], node)
            case Juxtapose(parts=parts):
                return product_of(self, parts, [""] * (len(parts) - 1), node)
            case Fraction(numerator=top, denominator=bottom, form="frac"):
                return quotient(self, self.value(top), self.value(bottom), node)
            case Root(radicand=body, degree=degree):
                exponent = sp.Rational(1, 2) if degree is None else 1 / self.scalar(degree)
                return ops.entrywise(lambda x: x**exponent, self.value(body))
            case CallOrProduct(head=Symbol(name="d", font=""), group=Group() as group) if (
                self._differentiates
            ):
                return self.world.differentials.array(self.value(group.body))
            case CallOrProduct(head=head, group=group):
                return self._call_or_product(head, group, node)
            case Call(function=function, argument=argument):
                return call(self, function, argument, node)
            case Attribute(base=base, name="T"):
                return array(self.value(base).T)
            case Derivative():
                return derivative(self, node)
            case Gradient():
                return gradient(self, node)
            case Differential(kind="d", body=body) if self._differentiates:
                loss = loss_symbol(self, body)
                value = self.value(body) if loss is None else array(loss).reshape(())
                return self.world.differentials.array(value)
            case Differential():
                return differential(self, node)
            case BigOperator():
                return big_value(self, node)
            case Matrix(rows=rows):
                return self._matrix(rows)
            case Cases():
                return case_value(self, node)
            case Evaluated(body=body, lower=lower):
                return self._evaluated(body, lower)
        raise Unreadable(f"a {type(node).__name__.lower()} has no value here")

    def index(self, node: Node) -> int:
        """The number of an index; letters, sums and multiples without a detour through expressions."""
        match node:
            case Number(text=text) if text.isdigit():
                return int(text)
            case Add(terms=terms):
                return sum(self.index(term) for term in terms)
            case Unary(name="-", body=body):
                return -self.index(body)
            case Juxtapose(parts=parts):
                product = 1
                for part in parts:
                    product *= self.index(part)
                return product
        name = letter(node)
        known = self.env.get(name) if name is not None else None
        if isinstance(known, int):
            return known
        return self.world.integer(node, self.env)

    def _script(self, node: Script) -> Value:
        ref = read_name(node, self.world.facts.habits)
        name = letter(node)
        if name is not None and name in self.env:
            return as_array(self.env[name])
        given = self.env.get(base_name(node.base) or "")
        if isinstance(given, np.ndarray) and node.sub is not None:
            indices = tuple(int(self.scalar(item)) for item in subscript_items(node.sub))
            return powered(self, array(self._entry_of(given, indices, node)), node.sup)
        if ref is not None:
            return named(self, ref, node)
        if isinstance(node.base, Group) and node.base.open in ("|", "||"):
            return norm(self, node.base, node.sup)
        if node.sub is not None and not isinstance(node.base, Matrix):
            indices = tuple(int(self.scalar(item)) for item in subscript_items(node.sub))
            made = self.factor(node.base)
            if isinstance(made, Lazy):
                return powered(self, array(made.entry(indices)), node.sup)
            base = self.settled(made, node.base)
            entry = array(self._entry_of(base, indices, node.base))
            return powered(self, entry, node.sup)
        base_value = self.factor(node.base)
        if node.sup is None or isinstance(node.sup, Empty):
            return base_value
        if is_transpose(node.sup):
            if isinstance(base_value, Flexible):
                return base_value.transposed
            if is_list(node.base):
                return base_value
            return array(self.settled(base_value, node).T)
        return powered(self, self.settled(base_value, node), node.sup)

    def _entry_of(self, base: Array, indices: tuple[int, ...], node: Node) -> Any:
        """An entry of a computed array; counts from where the notes count."""
        low = 0 if self.world.facts.cues.zero_based else 1
        place = tuple(i - low for i in indices)
        if len(place) == 1 and base.ndim == 2 and 1 in base.shape:
            place = (place[0], 0) if base.shape[1] == 1 else (0, place[0])
        if len(place) != base.ndim:
            raise Unreadable("an entry with another number of indices than the array has axes")
        if any(p < 0 or p >= size for p, size in zip(place, base.shape, strict=True)):
            return sp.Integer(0)
        return base[place]

    def _group(self, node: Group) -> Value:
        match node.open:
            case "lfloor":
                return ops.entrywise(sp.floor, self.value(node.body))
            case "lceil":
                return ops.entrywise(sp.ceiling, self.value(node.body))
            case "||":
                return norm(self, node, None)
            case "|":
                return ops.entrywise(sp.Abs, self.value(node.body))
            case "langle" if isinstance(node.body, Sequence) and len(node.body.items) == 2:
                return inner_product(self, *node.body.items)
            case "[" | "(" if isinstance(node.body, Chain):
                return indicator(self, node.body)
            case "[" | "(" if isinstance(node.body, Sequence) and is_list(node):
                entries = [self.scalar(item) for item in node.body.items]
                return array([[entry] for entry in entries])
        return self.factor(node.body)

    def _matrix(self, rows: tuple[tuple[Node, ...], ...]) -> Array:
        if len({len(row) for row in rows}) != 1:
            raise Unreadable("a matrix with rows of different length")
        return array([[self.scalar(item) for item in row] for row in rows])

    def _call_or_product(self, head: Node, group: Node, node: Node) -> Value:
        if is_indicator(head):
            conditions = arguments_of(group)
            if len(conditions) > 1 and isinstance(group, Group):
                return indicator(self, group.body)
            return indicator(self, conditions[0])
        if self.world.is_function(head):
            return apply_function(self, head, group, node)
        called = base_name(head)
        if called is not None and isinstance(self.env.get(called), np.ndarray):
            indices = tuple(int(self.scalar(argument)) for argument in arguments_of(group))
            return array(self._entry_of(self.env[called], indices, node))
        if self.world.is_entry_call(head):
            ref = read_name(head, self.world.facts.habits)
            if ref is not None:
                entry = Ref(ref.key, ref.layer, ref.sample, tuple(arguments_of(group)))
                return named(self, entry, node)
        return product_of(self, (head, group), [""], node)

    def _evaluated(self, body: Node, lower: Node | None) -> Value:
        if isinstance(lower, Chain) and len(lower.sides) == 2:
            value = self.value(body)
            at, to = self.value(lower.sides[0]), self.value(lower.sides[1])
            table = dict(zip(at.flat, np.broadcast_to(to, at.shape).flat, strict=True))
            return ops.entrywise(lambda x: x.subs(table), value)
        raise Unreadable("an evaluation at a place that is not given")
