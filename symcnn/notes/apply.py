"""Functions applied to arrays: elementary ones entry by entry, operations of layers, functions of the notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.notes import operations as ops
from symcnn.notes.arguments import arguments_of, function_name
from symcnn.notes.facts import FunctionRule
from symcnn.notes.families import Mismatch, Unreadable
from symcnn.notes.name_parts import base_name, letter, names_in
from symcnn.notes.names import read_name
from symcnn.notes.opaque import elementary, maximum, sigmoid, unknown
from symcnn.notes.operations import Array, array
from symcnn.notes.tree import Attribute, Chain, Derivative, Group, Node, Number, Script, Symbol, Word
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator

T = sp.Symbol("t", real=True)


def call(evaluator: Evaluator, function: Node, argument: Node, node: Node) -> Array:
    """A named function with its arguments."""
    name = function_name(function)
    if isinstance(function, Attribute):
        name = function.name
    power = function.sup if isinstance(function, Script) else None
    primes = function.primes if isinstance(function, Script) else 0
    arguments = [a for a in arguments_of(argument) if not isinstance(a, Chain)]
    options = {
        letter(a.sides[0]) or _word(a.sides[0]): a.sides[1]
        for a in arguments_of(argument)
        if isinstance(a, Chain) and len(a.sides) == 2
    }
    bare = ops.operation_name(name)
    if name in evaluator.world.functions:
        value = _by_rule(evaluator, name, primes, evaluator.value(arguments[0]))
    elif bare in ("max", "min") and not options:
        value = _extreme(evaluator, arguments, bare)
    elif bare == "sum" and options:
        value = _sum_along(evaluator, arguments[0], options)
    elif bare in ("sum", "mean", "avg") and len(arguments) == 1:
        value = _over_free_letters(evaluator, arguments[0], bare)
    elif bare in ops.BINARY and len(arguments) == 2:
        value = _binary(evaluator, bare, arguments, node)
    elif bare in ops.UNARY and len(arguments) == 1:
        operation = _softmax(evaluator) if bare == "softmax" else ops.UNARY[bare]
        try:
            value = operation(evaluator.value(arguments[0]))
        except ShapeError as error:
            raise Mismatch(str(error), node) from error
    elif len(arguments) >= 1 and (
        primes or elementary(bare) is not None or name in evaluator.world.facts.functions
    ):
        value = apply_named(evaluator, name, primes, evaluator.value(arguments[0]))
    else:
        raise Unreadable(f"the function {name} is not known")
    if power is not None and not _is_mark(power):
        exponent = evaluator.scalar(power)
        return ops.entrywise(lambda x: x**exponent, value)
    return value


def _softmax(evaluator: Evaluator) -> Callable[[Array], Array]:
    """The softmax down the columns of a matrix, or along its rows where it is read so."""

    def along(z: Array) -> Array:
        if z.ndim == 2 and min(z.shape) > 1:
            evaluator.world.conventions.add("across")
            return ops.softmax(z.T).T if evaluator.world.reading.across else ops.softmax(z)
        return ops.softmax(z)

    return along


def _word(node: Node) -> str:
    return node.text if isinstance(node, Word) else ""


def _is_mark(power: Node) -> bool:
    return isinstance(power, Symbol) and power.name in ("prime", "circ")


def _binary(evaluator: Evaluator, bare: str, arguments: list[Node], node: Node) -> Array:
    a, b = (evaluator.value(item) for item in arguments)
    operation = ops.BINARY[bare]
    if bare in ("conv", "conv2d", "convolution"):
        evaluator.world.conventions.add("flipped")
        operation = ops.convolution if evaluator.world.reading.flipped else operation
    try:
        return operation(a, b)
    except ShapeError as error:
        raise Mismatch(str(error), node) from error


def _extreme(evaluator: Evaluator, arguments: list[Node], bare: str) -> Array:
    values = [evaluator.value(item) for item in arguments]
    sign = 1 if bare == "max" else -1
    widest = max(values, key=lambda v: v.size)
    if len(values) == 1:
        return array(sign * maximum([sign * sp.sympify(x, strict=True) for x in values[0].flat]))

    def at(place: tuple[int, ...]) -> Any:
        entries = [
            sp.sympify(v[place] if v.shape == widest.shape else v.flat[0], strict=True) for v in values
        ]
        entries.sort(key=lambda e: e.is_number)
        return sign * maximum([sign * e for e in entries])

    out = widest.copy()
    for place in _places(widest):
        out[place] = at(place)
    return out


def _places(x: Array) -> list[tuple[int, ...]]:
    import numpy as np

    return list(np.ndindex(*x.shape))


def _sum_along(evaluator: Evaluator, argument: Node, options: dict[str, Node]) -> Array:
    value = evaluator.value(argument)
    axis = options.get("axis")
    if axis is None:
        return ops.total(value)
    along = int(evaluator.scalar(axis))
    if along >= value.ndim:
        raise Mismatch(f"axis {along} of {value.ndim} axes", argument)
    return array(value.sum(axis=along, keepdims=True))


def sum_over(evaluator: Evaluator, argument: Node, letters: list[str]) -> Array:
    """sum_{n,i}(T) adds over the axes that the letters stand for in the definition of T."""
    world = evaluator.world
    inner = argument.body if isinstance(argument, Group) else argument
    name = inner.wrt[0] if isinstance(inner, Derivative) and len(inner.wrt) == 1 else inner
    ref = read_name(name, world.facts.habits)
    for definition in world.definitions.get(world.facts.resolve(ref.key), ()) if ref is not None else ():
        axes = [letter(index) for index in definition.indices or ()]
        if letters and set(letters) <= set(axes):
            value = evaluator.value(argument)
            along = tuple(axis for axis, one in enumerate(axes) if one in letters)
            if value.ndim != len(axes):
                raise Unreadable("a sum over axes that the array does not have")
            kept = np.asarray(value.sum(axis=along), dtype=object)
            return array(kept.reshape(-1, 1) if kept.ndim == 1 else kept)
    raise Unreadable("nothing says which axes a sum runs over")


def _over_free_letters(evaluator: Evaluator, argument: Node, bare: str) -> Array:
    """sum(x_{ij}) adds over the letters that nothing else binds, sum(X) over all entries."""
    from symcnn.notes.free import free_letters
    from symcnn.notes.sums import letter_range

    names = list(free_letters(argument, evaluator.world, evaluator.env))
    if not names:
        value = evaluator.value(argument)
        return ops.total(value) if bare == "sum" else ops.mean(value)
    from itertools import product as grid

    ranges = [letter_range(evaluator, name, argument) for name in names]
    terms = [evaluator.within(dict(zip(names, at, strict=True))).scalar(argument) for at in grid(*ranges)]
    return array(sp.Add(*terms) if bare == "sum" else sp.Add(*terms) / len(terms))


def head_name(head: Node) -> str:
    """The name of a function with the number of its layer: g^{[1]} is another one than g^{[2]}."""
    name = base_name(head.base if isinstance(head, Script) else head) or ""
    if isinstance(head, Script) and head.sup is not None:
        name += "".join(n.text for n in walk(head.sup) if isinstance(n, Number))
    if isinstance(head, Script) and head.sub is not None:
        name += "_" + "".join(getattr(n, "text", getattr(n, "name", "")) for n in walk(head.sub))
    return name


def apply_function(evaluator: Evaluator, head: Node, group: Node, node: Node) -> Array:
    """f(x), f'(x), f^{[1]}(x) for a name that is a function here."""
    name = head_name(head)
    primes = head.primes if isinstance(head, Script) else 0
    if isinstance(head, Script) and head.sup is not None:
        primes += len([n for n in walk(head.sup) if isinstance(n, Symbol) and n.name == "prime"])
    power = None
    if isinstance(group, Script):
        power, group = group.sup, group.base
    arguments = arguments_of(group)
    bare = ops.operation_name(name)
    if bare in ops.UNARY or bare in ops.BINARY:
        return call(evaluator, Word(head.span, name, "raw"), group, node)
    value = evaluator.value(arguments[0])
    result = _by_rule(evaluator, name, primes, value)
    if power is not None:
        exponent = evaluator.scalar(power)
        result = ops.entrywise(lambda x: x**exponent, result)
    return result


def _by_rule(evaluator: Evaluator, name: str, primes: int, value: Array) -> Array:
    """A function of the notes: of the whole array where its rule reads entries, else of each number."""
    rule = evaluator.world.functions.get(name)
    if rule is not None and not primes and _takes_arrays(evaluator, rule):
        return evaluator.within({rule.parameters[0]: value}).value(rule.body)
    return apply_named(evaluator, name, primes, value)


def _takes_arrays(evaluator: Evaluator, rule: FunctionRule) -> bool:
    """Whether the rule of a function reads entries of its argument, or tensors beside it: it is of no one number."""
    world = evaluator.world
    read = [node for node in names_in(rule.body) if isinstance(node, Script) and node.sub is not None]
    if len(rule.parameters) == 1 and any(base_name(node.base) == rule.parameters[0] for node in read):
        return True
    refs = [read_name(node, world.facts.habits) for node in names_in(rule.body)]
    keys = {world.facts.resolve(ref.key) for ref in refs if ref is not None} - set(rule.parameters)
    return len(rule.parameters) == 1 and any(world.kinds.get(key, "S") != "S" for key in keys)


def apply_named(evaluator: Evaluator, name: str, primes: int, value: Array) -> Array:
    """A function of one number at every entry; `primes` derivatives of it."""
    function = scalar_function(evaluator, name)
    if primes:
        body = function(T)
        for _ in range(primes):
            body = sp.diff(body, T)
        return ops.entrywise(lambda x: body.xreplace({T: x}) if body.has(T) else body, value)
    return ops.entrywise(function, value)


def scalar_function(evaluator: Evaluator, name: str) -> Any:
    """The function of one number that a name means: by the notes' own rule, a known one, or an unknown one."""
    world = evaluator.world
    if name in world.functions:
        rule = world.functions[name]
        if rule.parameters:
            return lambda x: evaluator.within({rule.parameters[0]: x}).scalar(rule.body)
    if world.reading.activation is not None and name == world.reading.activation[0]:
        return elementary(world.reading.activation[1])
    known = elementary(name)
    if known is not None:
        return known
    if name in ("sigma", "S") and world.facts.cues.logistic:
        return sigmoid
    return unknown(name)


__all__ = ["Group", "apply_function", "apply_named", "call", "scalar_function", "sum_over"]
