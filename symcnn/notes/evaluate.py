"""From a notation tree to an array of exact expressions, in one world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, SymcnnError
from symcnn.notes import operations as ops
from symcnn.notes.apply import apply_function, call, sum_over
from symcnn.notes.arguments import arguments_of
from symcnn.notes.derivative import (
    Jacobian,
    contract,
    derivative,
    differential,
    flat,
    gradient,
    layered,
    loss_symbol,
)
from symcnn.notes.facts import FunctionRule
from symcnn.notes.flexible import Flexible
from symcnn.notes.marks import Operator
from symcnn.notes.name_parts import base_name, is_transpose, letter, letters_of, subscript_items
from symcnn.notes.names import Habits, Ref, read_name
from symcnn.notes.opaque import equal, maximum, positive, taken
from symcnn.notes.operations import Array, array
from symcnn.notes.sums import assignments
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
    Text,
    Unary,
    Word,
)
from symcnn.notes.walking import walk
from symcnn.notes.world import Family, Mismatch, Unreadable, World

LARGEST_EXPONENT = 12
LARGEST_INVERSE = 3
CLASS = 2
"""The number that a class label stands for in a small world: the second class."""


@dataclass(frozen=True, slots=True)
class Lazy:
    """An array that a rule gives entry by entry, without saying how large it is."""

    entry: Callable[[tuple[int, ...]], sp.Expr]


Value = Array | Jacobian | Flexible | Lazy


class Evaluator:
    """Evaluates nodes; `env` gives the numbers of index letters and the values of a function's arguments."""

    def __init__(self, world: World, env: Mapping[str, Any]) -> None:
        self.world = world
        self.env = dict(env)

    def within(self, more: Mapping[str, Any]) -> Evaluator:
        return Evaluator(self.world, self.env | dict(more))

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
        value = self.value(node)
        if value.size != 1:
            raise Mismatch(f"a number is expected, came {shape_text(value)}", node)
        return sp.sympify(value.flat[0], strict=True)

    def scalar_of(self, value: Value, node: Node) -> sp.Expr:
        """The one number that a value is."""
        known = self.settled(value, node)
        if known.size != 1:
            raise Mismatch(f"a number is expected, came {shape_text(known)}", node)
        return sp.sympify(known.flat[0], strict=True)

    # --- nodes

    def factor(self, node: Node) -> Value:  # noqa: C901  (one case for each kind of node)
        match node:
            case Number(text=text):
                return array(sp.Rational(text))
            case Symbol() | Word() | Accent() | Styled():
                return self._name(node)
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
                return self._sum(terms)
            case Product(factors=factors, operators=operators):
                return self._product(factors, [op.name for op in operators], node)
            case Juxtapose(parts=parts):
                return self._product(parts, [""] * (len(parts) - 1), node)
            case Fraction(numerator=top, denominator=bottom, form="frac"):
                return self._quotient(self.value(top), self.value(bottom), node)
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
                return self._big(node)
            case Matrix(rows=rows):
                return self._matrix(rows)
            case Cases():
                return self._cases(node)
            case Evaluated(body=body, lower=lower):
                return self._evaluated(body, lower)
        raise Unreadable(f"a {type(node).__name__.lower()} has no value here")

    def _name(self, node: Node) -> Value:
        name = letter(node)
        if name is not None and name in self.env:
            return as_array(self.env[name])
        if isinstance(node, Symbol) and node.name in ("1",):
            return Flexible("ones")
        ref = read_name(node, self.world.facts.habits)
        if ref is None:
            raise Unreadable("a name that cannot be read")
        return self.named(ref, node)

    def named(self, ref: Ref, node: Node) -> Value:
        """The value of a name, with its entry, transpose and power."""
        key = self.world.facts.resolve(ref.key + "'" * ref.primes)
        if ref.indices is None and ref.layer is None and not self._is_tensor(key):
            constant = self._constant(self.world.facts.resolve(ref.key), ref)
            if constant is not None:
                return self._powered(constant, ref.power)
        rule = self.world.functions.get(key) if ref.indices is None and not self._is_tensor(key) else None
        if rule is not None and not ref.primes:
            return self.value(rule.body)
        value = self._tensor_value(ref, key, node)
        if ref.transposed and isinstance(value, np.ndarray):
            value = value.T
        return self._powered(value, ref.power)

    def _is_tensor(self, key: str) -> bool:
        return key in self.world.kinds or key in self.world.definitions

    def _constant(self, key: str, ref: Ref) -> Array | Flexible | None:
        size = key + "'" * ref.primes
        if size in self.env:
            return as_array(self.env[size])
        if size in self.world.settings:
            return array(sp.Integer(self.world.settings[size]))
        if self.world.is_size(size):
            return array(sp.Integer(self.world.axes.size(("size", size))))
        match key:
            case "e" if ref.power is not None:
                return array(sp.E)
            case "pi":
                return array(sp.pi)
            case "infty":
                return array(sp.oo)
            case "I" | "bf I" | "bb I":
                return Flexible("identity")
            case "bf 1" | "bb 1":
                return Flexible("ones")
            case "bf 0":
                return array(sp.Integer(0))
        return None

    def _tensor_value(self, ref: Ref, key: str, node: Node) -> Value:
        if ref.indices is not None and key in ("delta", "I") and key not in self.world.definitions:
            return self._kronecker_delta(ref)
        if ref.key in self.world.facts.habits.classes and ref.indices is not None:
            return array(sp.Integer(self._class(ref.indices[0])))
        if ref.key in self.world.facts.habits.slices and ref.indices is not None and len(ref.indices) == 1:
            return self._slice(ref)
        family = self.world.family(layered(self, ref) if key != ref.key else ref, self.env)
        if family is None:
            raise Unreadable("nothing says which layer or sample is meant")
        if self.world.beyond_range(family):
            self.world.beyond += 1
        if family.sample >= 0:
            return self._sample(family, node)
        if ref.indices is None:
            return self.world.tensor(family)
        if self.world.facts.cues.whole_only and not all(self._is_whole(index) for index in ref.indices):
            return array(sp.Integer(0))
        return array(self.world.entry(family, tuple(self.index(index) for index in ref.indices)))

    def _is_whole(self, index: Node) -> bool:
        """Whether an index is a whole number, here where it may be a fraction."""
        if not any(isinstance(part, Fraction) or _divides(part) for part in walk(index)):
            return True
        value = self.scalar(index)
        return bool(value.is_Integer or not value.is_Rational)

    def _class(self, example: Node) -> int:
        """The number that the class of an example stands for; neighbours are of different classes."""
        try:
            return CLASS - (self.index(example) + 1) % 2
        except SymcnnError:
            return CLASS

    def _slice(self, ref: Ref) -> Array:
        """w_j, the row or column j of a matrix W, as a column."""
        name, kind = self.world.facts.habits.slices[ref.key]
        matrix = self.world.tensor(Family(self.world.facts.resolve(name)))
        place = self.index((ref.indices or ())[0]) - (0 if self.world.facts.cues.zero_based else 1)
        if matrix.ndim != 2 or not 0 <= place < matrix.shape[kind == "column"]:
            raise Unreadable(f"{ref.key} is not a {kind} of {name}")
        return array((matrix[place, :] if kind == "row" else matrix[:, place]).reshape(-1, 1))

    def _sample(self, family: Family, node: Node) -> Array:
        """An example's column of the tensor that stacks all of them: a^{(i)} is column i of A."""
        name = family.key
        for key in (name.upper() if len(name) == 1 else name, name, self.world.facts.resolve(name)):
            stacked = Family(key, family.layer)
            if self._is_tensor(key):
                value = self.world.tensor(stacked)
                column = family.sample - 1
                if value.ndim == 2 and 0 <= column < value.shape[1]:
                    return array(value[:, [column]])
        raise Unreadable(f"nothing says how {name} of one example belongs to the others")

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

    def _kronecker_delta(self, ref: Ref) -> Value:
        indices = [self.scalar(index) for index in ref.indices or ()]
        if len(indices) == 2:
            return array(equal(*indices))
        if len(indices) == 1 and indices[0].is_Integer:
            return array(sp.eye(int(indices[0])).tolist())
        raise Unreadable("an identity or a Kronecker delta needs one or two indices")

    def _powered(self, value: Value, power: Node | None) -> Value:
        if power is None:
            return value
        if not isinstance(value, np.ndarray):
            raise Unreadable("a power of something that has no size")
        if isinstance(power, Juxtapose | Sequence) or (
            isinstance(power, Symbol) and power.name not in self.env
        ):
            return self._strange_power(value, power)
        exponent = self.scalar(power)
        if exponent.is_number and abs(exponent) > LARGEST_EXPONENT:
            raise Unreadable(f"an exponent of {exponent} is above the limit of {LARGEST_EXPONENT}")
        if value.ndim == 2 and value.shape != (1, 1) and exponent.is_Integer and exponent < 0:
            return self._inverse(value, -int(exponent))
        return ops.entrywise(lambda x: sp.Pow(x, exponent), value)

    def _inverse(self, value: Array, times: int) -> Array:
        """The inverse of a small square matrix, `times` times."""
        if value.shape[0] != value.shape[1] or value.shape[0] > LARGEST_INVERSE:
            raise Unreadable("only the inverse of a small square matrix is taken")
        matrix = sp.Matrix(value.tolist())
        inverse = array((matrix.adjugate() / matrix.det(method="berkowitz")).tolist())
        result = inverse
        for _ in range(times - 1):
            result = ops.matmul(result, inverse)
        return result

    def _strange_power(self, value: Value, power: Node) -> Value:
        if isinstance(value, np.ndarray) and value.size == 1 and value.flat[0] == sp.E:
            return ops.entrywise(sp.exp, self.value(power))
        exponent = self.scalar(power)
        return ops.entrywise(lambda x: sp.Pow(x, exponent), value)  # type: ignore[arg-type]

    def _script(self, node: Script) -> Value:
        ref = read_name(node, self.world.facts.habits)
        name = letter(node)
        if name is not None and name in self.env:
            return as_array(self.env[name])
        given = self.env.get(base_name(node.base) or "")
        if isinstance(given, np.ndarray) and node.sub is not None:
            indices = tuple(int(self.scalar(item)) for item in subscript_items(node.sub))
            return self._powered(array(self._entry_of(given, indices, node)), node.sup)
        if ref is not None:
            return self.named(ref, node)
        if isinstance(node.base, Group) and node.base.open in ("|", "||"):
            return self._norm(node.base, node.sup)
        if node.sub is not None and not isinstance(node.base, Matrix):
            indices = tuple(int(self.scalar(item)) for item in subscript_items(node.sub))
            made = self.factor(node.base)
            if isinstance(made, Lazy):
                return self._powered(array(made.entry(indices)), node.sup)
            base = self.settled(made, node.base)
            entry = array(self._entry_of(base, indices, node.base))
            return self._powered(entry, node.sup)
        base_value = self.factor(node.base)
        if node.sup is None or isinstance(node.sup, Empty):
            return base_value
        if is_transpose(node.sup):
            if isinstance(base_value, Flexible):
                return base_value.transposed
            return array(self.settled(base_value, node).T)
        return self._powered(self.settled(base_value, node), node.sup)

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
                return self._norm(node, None)
            case "|":
                return ops.entrywise(sp.Abs, self.value(node.body))
            case "[" if isinstance(node.body, Chain):
                return array(self.condition(node.body))
            case "[" | "(" if isinstance(node.body, Sequence) and len(node.body.items) > 1:
                entries = [self.scalar(item) for item in node.body.items]
                return array([[entry] for entry in entries])
        return self.factor(node.body)

    def _norm(self, group: Group, power: Node | None) -> Array:
        value = self.value(group.body)
        squares = sp.Add(*(sp.sympify(x, strict=True) ** 2 for x in value.flat))
        if power is not None and self.scalar(power) == 2:
            return array(squares)
        return array(sp.sqrt(squares))

    def _matrix(self, rows: tuple[tuple[Node, ...], ...]) -> Array:
        if len({len(row) for row in rows}) != 1:
            raise Unreadable("a matrix with rows of different length")
        return array([[self.scalar(item) for item in row] for row in rows])

    # --- sums and products

    def _sum(self, terms: tuple[Node, ...]) -> Array:
        values = [(term, self.factor(term)) for term in terms]
        known = [(term, self.settled(v, term)) for term, v in values if not isinstance(v, Flexible)]
        if not known:
            raise Unreadable("nothing says the size of the identity or of the ones")
        total = known[0][1]
        for term, more in known[1:]:
            total = self.added(total, more, term)
        for term, value in values:
            if isinstance(value, Flexible):
                total = self.added(total, value.like(total), term)
        return total

    def added(self, a: Array, b: Array, node: Node) -> Array:
        """a + b; a bias may be added to every column or row, a number to every entry."""
        if a.shape == b.shape:
            return array(a + b)
        if a.size == 1 and b.size == 1:
            return array(sp.sympify(a.flat[0], strict=True) + sp.sympify(b.flat[0], strict=True))
        if a.ndim == 0 or b.ndim == 0 or a.shape == (1, 1) or b.shape == (1, 1):
            a = a.reshape(()) if a.size == 1 else a
            b = b.reshape(()) if b.size == 1 else b
            return array(a + b)
        if a.ndim == b.ndim == 2:
            for x, y in ((a, b), (b, a)):
                if y.shape in ((x.shape[0], 1), (1, x.shape[1])):
                    return array(x + y)
        raise Mismatch(f"a sum of {shape_text(a)} and {shape_text(b)}", node)

    def _quotient(self, top: Array, bottom: Array, node: Node) -> Array:
        if bottom.size == 1:
            return array(top / bottom.flat[0])
        if top.shape == bottom.shape or top.size == 1:
            return array((top.flat[0] if top.size == 1 else top) / bottom)
        raise Mismatch(f"a quotient of {shape_text(top)} and {shape_text(bottom)}", node)

    def _product(self, factors: tuple[Node, ...], names: list[str], node: Node) -> Value:
        result = self.factor(factors[0])
        for name, factor in zip(names, factors[1:], strict=True):
            result = self.multiplied(result, self.factor(factor), name, factor)
        return result

    def multiplied(self, a: Value, b: Value, name: str, node: Node) -> Value:
        """a (sign) b, where shapes and the kinds of the factors decide what the sign means."""
        if name == "bmod":
            return array(sp.Mod(self.scalar_of(a, node), self.scalar_of(b, node)))
        if name == "/":
            return self._quotient(self.settled(a, node), self.settled(b, node), node)
        if isinstance(a, Jacobian) and isinstance(b, Jacobian):
            joined = contract(a, b, self.world.reading)
            if joined is not None:
                return joined
        if isinstance(a, Flexible) or isinstance(b, Flexible):
            return self._flexible(a, b, name, node)
        x, y = self.settled(a, node), self.settled(b, node)
        if (x.size == 1 and x.ndim == 0) or (y.size == 1 and y.ndim == 0):
            return array(x * y)
        if name in ("odot", "circ"):
            return self._entrywise(x, y, node)
        if name in ("otimes", "ast", "star", "*", "circledast"):
            return self._starred(x, y, name, node)
        return self._matrix_product(x, y, name, node)

    def _matrix_product(self, x: Array, y: Array, name: str, node: Node) -> Array:
        if (x.shape == (1, 1) or y.shape == (1, 1)) and x.ndim == y.ndim == 2 and x.shape[1] != y.shape[0]:
            return array((x.flat[0] * y) if x.size == 1 else (x * y.flat[0]))
        if (
            x.ndim == y.ndim == 2
            and x.shape[1] == y.shape[0]
            and not (self.world.reading.entrywise and x.shape == y.shape)
        ):
            return ops.matmul(x, y)
        if self.world.reading.entrywise and x.shape == y.shape:
            return array(x * y)
        raise Mismatch(f"a product of {shape_text(x)} and {shape_text(y)} does not conform", node)

    def _entrywise(self, x: Array, y: Array, node: Node) -> Array:
        if x.shape == y.shape:
            return array(x * y)
        raise Mismatch(f"an entrywise product of {shape_text(x)} and {shape_text(y)}", node)

    def _starred(self, x: Array, y: Array, name: str, node: Node) -> Array | Lazy:
        for rule in self.world.facts.operators.get(name, ()):
            return self._by_rule(rule, x, y)
        if name == "otimes":
            return ops.kronecker(x, y)
        if name == "*" and (self.world.facts.cues.star_is_entrywise or x.shape == y.shape):
            return self._entrywise(x, y, node)
        flip = self.world.reading.flipped and name != "star"
        self.world.convolved = self.world.convolved or name != "star"
        try:
            return (ops.convolution if flip else ops.cross_correlation)(x, y)
        except ShapeError as error:
            raise Mismatch(str(error), node) from error

    def _by_rule(self, rule: FunctionRule, x: Array, y: Array) -> Lazy:
        """An operator that the notes define entry by entry, between two arrays."""
        sizes = rule_sizes(rule, y)

        def entry(indices: tuple[int, ...]) -> sp.Expr:
            names = [letter(index) for index in rule.indices or ()]
            bound = {name: index for name, index in zip(names, indices, strict=True) if name is not None}
            operands = dict(zip(rule.parameters, (x, y), strict=True))
            return Evaluator(self.world, bound | sizes | operands).scalar(rule.body)

        return Lazy(entry)

    def _flexible(self, a: Value, b: Value, name: str, node: Node) -> Value:
        if isinstance(a, Flexible) and isinstance(b, Flexible):
            raise Unreadable("nothing says the size of the identity or of the ones")
        known = self.settled(b if isinstance(a, Flexible) else a, node)
        flexible = a if isinstance(a, Flexible) else b
        assert isinstance(flexible, Flexible)
        if name == "otimes":
            return flexible.kronecker(known, first=isinstance(b, Flexible))
        if known.ndim == 0:
            return flexible.scaled(sp.sympify(known.flat[0], strict=True))
        return flexible.times(known) if isinstance(a, Flexible) else flexible.after_product(known)

    # --- calls, big operators, cases

    def _call_or_product(self, head: Node, group: Node, node: Node) -> Value:
        if _is_indicator(head):
            return self._indicator(arguments_of(group)[0])
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
                return self.named(entry, node)
        return self._product((head, group), [""], node)

    def _big(self, node: BigOperator) -> Value:
        if node.body is None:
            raise Unreadable(f"a {node.name} without a body")
        if node.name == "sum" and node.upper is None and node.lower is not None:
            under = letters_of(node.lower)
            if not set(under) & set(letters_of(node.body)):
                return sum_over(self, node.body, under)
        if node.name == "prod":
            return self._chained(node)
        values = [self.within(env).value(node.body) for env in assignments(self, node)]
        if node.name == "sum":
            if not values:
                return array(sp.Integer(0))
            total = values[0]
            for value in values[1:]:
                total = self.added(total, value, node)
            return total
        if node.name == "max" and values:
            return array(maximum([sp.sympify(value.flat[0], strict=True) for value in values]))
        raise Unreadable(f"{node.name} is beyond this version")

    def _indicator(self, condition: Node) -> Array:
        """1 where a condition holds; entry by entry where it compares arrays."""
        match condition:
            case Chain(sides=(a, b), relations=(relation,)):
                x, y = self.value(a), self.value(b)
                if x.size > 1 or y.size > 1:
                    shape = x.shape if x.size > 1 else y.shape
                    if 1 < x.size != y.size > 1:
                        raise Mismatch(f"a comparison of {shape_text(x)} and {shape_text(y)}", condition)
                    pairs = zip(np.broadcast_to(x, shape).flat, np.broadcast_to(y, shape).flat, strict=True)
                    signs = [
                        self._relation(sp.sympify(p, strict=True), relation.name, sp.sympify(q, strict=True))
                        for p, q in pairs
                    ]
                    return array(signs).reshape(shape)
        return array(self.condition(condition))

    def _chained(self, node: BigOperator) -> Value:
        """A product over an index: of numbers, of links of a chain, or of matrices, whose order matters."""
        assert node.body is not None
        factors = [self.within(env).factor(node.body) for env in assignments(self, node)]
        if not factors:
            self.world.vacant += 1
            return array(sp.Integer(1))
        forward = self._folded(factors, node)
        if len(factors) == 1 or isinstance(forward, Jacobian):
            return forward
        backward = self._folded(factors[::-1], node)
        if self.world.facts.cues.latest_first:
            return backward
        a, b = self.settled(forward, node), self.settled(backward, node)
        if a.shape != b.shape or any(sp.expand(entry) != 0 for entry in array(a - b).flat):
            raise Unreadable("nothing says in which order the matrices of a product stand")
        return forward

    def _folded(self, factors: list[Value], node: BigOperator) -> Value:
        result = factors[0]
        for factor in factors[1:]:
            result = self.multiplied(result, factor, "", node)
        return result

    def _cases(self, node: Cases) -> Array:
        """Each value times the indicator of its condition; `otherwise` is what the others leave."""
        total: Array | None = None
        left: sp.Expr = sp.Integer(1)
        for value_node, conditions in _branches(node):
            value = self.value(value_node)
            holds = sp.Mul(*(self._branch_condition(condition, left) for condition in conditions))
            left = left - holds
            part = array(value * holds)
            total = part if total is None else self.added(total, part, node)
        if total is None:
            raise Unreadable("cases without a case")
        return total

    def _branch_condition(self, condition: Node | None, left: sp.Expr) -> sp.Expr:
        if condition is None:
            return left
        words = " ".join(n.text for n in walk(condition) if isinstance(n, Text | Word)).lower()
        chains = [n for n in walk(condition) if isinstance(n, Chain)]
        if not chains and any(word in words for word in ("otherwise", "else", "sonst", "not")):
            return left
        if not chains:
            raise Unreadable("a condition in words")
        return self.condition(chains[0])

    def condition(self, node: Node) -> sp.Expr:
        """The indicator of a chain of relations between numbers."""
        match node:
            case Group(body=body):
                return self.condition(body)
            case Sequence():
                return self._all(node)
            case Chain(sides=sides, relations=relations):
                result: sp.Expr = sp.Integer(1)
                for a, relation, b in zip(sides, relations, sides[1:], strict=False):
                    if isinstance(b, BigOperator) and b.name == "argmax" and relation.name == "=":
                        result *= self._taken(a, b)
                        continue
                    if isinstance(a, Empty) and relation.name in ("->", "implies"):
                        continue
                    result *= self._relation(self._compared(a), relation.name, self._compared(b))
                return result
        raise Unreadable("a condition that is no relation")

    def _compared(self, node: Node) -> sp.Expr:
        """A side of a condition. Raises Unreadable for one that is no number."""
        try:
            return self.scalar(node)
        except Mismatch as error:
            raise Unreadable(str(error)) from error

    def _all(self, node: Sequence) -> sp.Expr:
        """The indicator of several conditions; `u | v` says that u divides v."""
        result: sp.Expr = sp.Integer(1)
        items = list(node.items)
        marks = [separator.name for separator in node.separators] + [""]
        while items:
            item, mark = items.pop(0), marks.pop(0)
            if mark == "|" and items:
                quotient = self.scalar(items.pop(0)) / self.scalar(item)
                marks.pop(0)
                if not quotient.is_Rational:
                    raise Unreadable("a condition on what divides what")
                result *= sp.Integer(int(quotient.is_Integer))
            elif isinstance(item, Chain):
                result *= self.condition(item)
            elif not isinstance(item, Text | Empty):
                raise Unreadable("a condition that is no relation")
        return result

    def _taken(self, place: Node, best: BigOperator) -> sp.Expr:
        """The indicator that the maximum over some letters is taken at one place, `(r, s) = argmax_{r', s'} x`."""
        inner = place.body if isinstance(place, Group) else place
        items = inner.items if isinstance(inner, Sequence) else (inner,)
        wanted = tuple(self.world.integer(item, self.env) for item in items)
        runs = list(assignments(self, best))
        if best.body is None or any(len(run) != len(wanted) for run in runs):
            raise Unreadable("a place of the maximum that does not fit to what it runs over")
        values = [self.within(run).scalar(best.body) for run in runs]
        at = [tuple(run.values()) for run in runs]
        return taken(at.index(wanted), values) if wanted in at else sp.Integer(0)

    def _relation(self, a: sp.Expr, name: str, b: sp.Expr) -> sp.Expr:
        if a.is_number and b.is_number:
            truth = {"=": a == b, "!=": a != b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}
            if name not in truth:
                raise Unreadable(f"a condition with {name}")
            return sp.Integer(1) if truth[name] else sp.Integer(0)
        match name:
            case ">" | ">=":
                return positive(sp.expand(a - b))
            case "<" | "<=":
                return positive(sp.expand(b - a))
            case "=":
                return equal(a, b)
            case "!=":
                return 1 - equal(a, b)
        raise Unreadable(f"a condition with {name}")

    def _evaluated(self, body: Node, lower: Node | None) -> Value:
        if isinstance(lower, Chain) and len(lower.sides) == 2:
            value = self.value(body)
            at, to = self.value(lower.sides[0]), self.value(lower.sides[1])
            table = dict(zip(at.flat, np.broadcast_to(to, at.shape).flat, strict=True))
            return ops.entrywise(lambda x: x.subs(table), value)
        raise Unreadable("an evaluation at a place that is not given")


def _divides(node: Node) -> bool:
    return isinstance(node, Product) and any(operator.name == "/" for operator in node.operators)


def _branches(node: Cases) -> list[tuple[Node, list[Node | None]]]:
    """Each value with its conditions; a line without a value goes on with the conditions of the one above."""
    found: list[tuple[Node, list[Node | None]]] = []
    for branch in node.branches:
        if isinstance(branch.value, Empty) and found:
            found[-1][1].append(branch.condition)
        else:
            found.append((branch.value, [branch.condition]))
    return found


def rule_sizes(rule: FunctionRule, y: Array) -> dict[str, int]:
    """Names of sizes in a rule's sums, `k_1 - 1`, from the sizes of the second operand."""
    found: dict[str, int] = {}
    letters: dict[str, Node] = {}
    for node in walk(rule.body):
        if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
            name = letter(node.lower.sides[0])
            if name is not None:
                letters[name] = node.upper
    for node in walk(rule.body):
        if isinstance(node, CallOrProduct) and base_name(node.head) == rule.parameters[-1]:
            for position, argument in enumerate(arguments_of(node.group)):
                upper = letters.get(letter(argument) or "")
                if isinstance(upper, Add) and position < y.ndim:
                    size = base_label(upper.terms[0])
                    if size is not None:
                        found[size] = y.shape[position]
    return found


def base_label(node: Node) -> str | None:
    """The key of a size's name, `k_1`."""
    ref = read_name(node, Habits())
    return None if ref is None else ref.key


def as_array(value: Any) -> Array:
    return value if isinstance(value, np.ndarray) else array(sp.sympify(value, strict=True))


def shape_text(value: Array) -> str:
    return " x ".join(map(str, value.shape)) or "a number"


def _is_indicator(head: Node) -> bool:
    match head:
        case Symbol(name="1", font="bb" | "bf"):
            return True
        case Symbol(name="I" | "1", font="bb"):
            return True
        case Styled(font="bb" | "bf", body=Number(text="1")):
            return True
    return False


__all__ = ["Evaluator", "Flexible", "Operator", "Value", "as_array", "shape_text"]
