"""Sums, products and quotients of values: the shapes decide what a sign between two of them means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.notes import operations as ops
from symcnn.notes.arguments import arguments_of
from symcnn.notes.facts import FunctionRule
from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.flexible import Flexible
from symcnn.notes.jacobian import Jacobian, contract
from symcnn.notes.name_parts import base_name, letter
from symcnn.notes.names import Habits, read_name
from symcnn.notes.operations import Array, array
from symcnn.notes.tree import Add, BigOperator, CallOrProduct, Chain, Node
from symcnn.notes.values import Lazy, Value, shape_text
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator


def added(evaluator: Evaluator, a: Array, b: Array, node: Node) -> Array:
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


def sum_of(evaluator: Evaluator, terms: tuple[Node, ...]) -> Array:
    values = [(term, evaluator.factor(term)) for term in terms]
    known = [(term, evaluator.settled(v, term)) for term, v in values if not isinstance(v, Flexible)]
    if not known:
        raise Unreadable("nothing says the size of the identity or of the ones")
    total = known[0][1]
    for term, more in known[1:]:
        total = added(evaluator, total, more, term)
    for term, value in values:
        if isinstance(value, Flexible):
            total = added(evaluator, total, value.like(total), term)
    return total


def quotient(evaluator: Evaluator, top: Array, bottom: Array, node: Node) -> Array:
    if bottom.size == 1:
        return array(top / bottom.flat[0])
    if top.shape == bottom.shape or top.size == 1:
        return array((top.flat[0] if top.size == 1 else top) / bottom)
    raise Mismatch(f"a quotient of {shape_text(top)} and {shape_text(bottom)}", node)


def product_of(evaluator: Evaluator, factors: tuple[Node, ...], names: list[str], node: Node) -> Value:
    values = [evaluator.factor(factors[0])]
    for name, factor in zip(names, factors[1:], strict=True):
        value, last = evaluator.factor(factor), values[-1]
        if name in ("", "cdot") and isinstance(value, Flexible) and isinstance(last, Flexible):
            values[-1] = last.spread(value)
        elif name == "" and len(values) == 1 and isinstance(value, Flexible) and not value.row:
            values.append(value)  # a row of ones may follow, and the two have one size
        else:
            values = [multiplied(evaluator, _pending(evaluator, values, node), value, name, factor)]
    return _pending(evaluator, values, node)


def _pending(evaluator: Evaluator, values: list[Value], node: Node) -> Value:
    """The product of what stands before, and of the ones or the identity after it."""
    if len(values) == 1:
        return values[0]
    return multiplied(evaluator, values[0], values[1], "", node)


def inner_product(evaluator: Evaluator, left: Node, right: Node) -> Array:
    """⟨A, B⟩, the sum of the products of entries at the same place."""
    a, b = evaluator.value(left), evaluator.value(right)
    if a.shape != b.shape:
        raise Mismatch(f"a scalar product of {shape_text(a)} and {shape_text(b)}", right)
    return array(sp.Add(*array(a * b).flat))


CONVOLUTIONS = frozenset({"ast", "star", "circledast"})
"""Signs that mean a convolution, where `*` may be a product of numbers."""


def multiplied(evaluator: Evaluator, a: Value, b: Value, name: str, node: Node) -> Value:
    """a (sign) b, where shapes and the kinds of the factors decide what the sign means."""
    if name == "bmod":
        return array(sp.Mod(evaluator.scalar_of(a, node), evaluator.scalar_of(b, node)))
    if name == "/":
        return quotient(evaluator, evaluator.settled(a, node), evaluator.settled(b, node), node)
    if isinstance(a, Jacobian) and isinstance(b, Jacobian):
        joined = contract(a, b, evaluator.world.reading)
        if joined is not None:
            return joined
    if isinstance(a, Flexible) or isinstance(b, Flexible):
        return _flexible(evaluator, a, b, name, node)
    x, y = evaluator.settled(a, node), evaluator.settled(b, node)
    if (x.size == 1 and x.ndim == 0) or (y.size == 1 and y.ndim == 0):
        if name in CONVOLUTIONS and not any(side.ndim == 0 and side.item().is_number for side in (x, y)):
            raise Unreadable("what is convolved is read as a number, and nothing says its size")
        return array(x * y)
    if name in ("odot", "circ"):
        return _entrywise(evaluator, x, y, node)
    if name in ("otimes", "ast", "star", "*", "circledast"):
        return _starred(evaluator, x, y, name, node)
    return _matrix_product(evaluator, x, y, name, node)


def _matrix_product(evaluator: Evaluator, x: Array, y: Array, name: str, node: Node) -> Array:
    if (x.shape == (1, 1) or y.shape == (1, 1)) and x.ndim == y.ndim == 2 and x.shape[1] != y.shape[0]:
        return array((x.flat[0] * y) if x.size == 1 else (x * y.flat[0]))
    if (
        x.ndim == y.ndim == 2
        and x.shape[1] == y.shape[0]
        and not (evaluator.world.reading.entrywise and x.shape == y.shape)
    ):
        return ops.matmul(x, y)
    if evaluator.world.reading.entrywise and x.shape == y.shape:
        return array(x * y)
    raise Mismatch(f"a product of {shape_text(x)} and {shape_text(y)} does not conform", node)


def _entrywise(evaluator: Evaluator, x: Array, y: Array, node: Node) -> Array:
    if x.shape == y.shape:
        return array(x * y)
    raise Mismatch(f"an entrywise product of {shape_text(x)} and {shape_text(y)}", node)


def _starred(evaluator: Evaluator, x: Array, y: Array, name: str, node: Node) -> Array | Lazy:
    for rule in evaluator.world.facts.operators.get(name, ()):
        return _by_rule(evaluator, rule, x, y)
    if name == "otimes":
        return ops.kronecker(x, y)
    if name == "*" and (evaluator.world.facts.cues.star_is_entrywise or x.shape == y.shape):
        return _entrywise(evaluator, x, y, node)
    flip = evaluator.world.reading.flipped and name != "star"
    if name != "star":
        evaluator.world.conventions.add("flipped")
    try:
        return (ops.convolution if flip else ops.cross_correlation)(x, y)
    except ShapeError as error:
        raise Mismatch(str(error), node) from error


def _by_rule(evaluator: Evaluator, rule: FunctionRule, x: Array, y: Array) -> Lazy:
    """An operator that the notes define entry by entry, between two arrays."""
    sizes = rule_sizes(rule, y)

    def entry(indices: tuple[int, ...]) -> sp.Expr:
        names = [letter(index) for index in rule.indices or ()]
        bound = {name: index for name, index in zip(names, indices, strict=True) if name is not None}
        operands = dict(zip(rule.parameters, (x, y), strict=True))
        return evaluator.afresh(bound | sizes | operands).scalar(rule.body)

    return Lazy(entry)


def _flexible(evaluator: Evaluator, a: Value, b: Value, name: str, node: Node) -> Value:
    if isinstance(a, Flexible) and isinstance(b, Flexible):
        raise Unreadable("nothing says the size of the identity or of the ones")
    known = evaluator.settled(b if isinstance(a, Flexible) else a, node)
    flexible = a if isinstance(a, Flexible) else b
    assert isinstance(flexible, Flexible)
    if name == "otimes":
        return flexible.kronecker(known, first=isinstance(b, Flexible))
    if known.ndim == 0:
        return flexible.scaled(sp.sympify(known.flat[0], strict=True))
    return flexible.times(known) if isinstance(a, Flexible) else flexible.after_product(known)


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
                    size = _size_name(upper.terms[0])
                    if size is not None:
                        found[size] = y.shape[position]
    return found


def _size_name(node: Node) -> str | None:
    """The key of a size's name, `k_1`."""
    ref = read_name(node, Habits())
    return None if ref is None else ref.key
