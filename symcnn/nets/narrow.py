"""Narrow forms of large networks: the same layers on the same images, every number of channels divided.

What is computed with a narrow network tells of the wide one as far as both are one list of equations but for sizes,
which ``same_form`` decides. Windows, strides, paddings, images and connections stay as they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from math import gcd, prod

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.core.plan import Action, Call, Plan
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.spec import Block, Spec
from symcnn.nets.spec.base import Size

DIVISORS = (32, 16, 8, 4, 2)
LEAST = 2  # channels that are left of any number above 1


def narrowed(net: Network) -> Iterator[tuple[int, Network]]:
    """Narrow forms of a network with the number that divides its channels, the narrowest first; at last itself.

    Forms in which layers do not fit, or become layers of another kind, are left out.
    """
    kinds = [node.kind for node in net.nodes]
    for divisor in DIVISORS:
        places = iter(replace(net, training=True).nodes)  # where each specification has its layer
        layers = [_narrow(layer, places, divisor) for layer in net.specs]
        try:
            found = replace(net, specs=layers)
        except SymcnnError:
            continue
        if [node.kind for node in found.nodes] == kinds:
            yield divisor, found
    yield 1, net


def _narrow(layer: Spec | Block, places: Iterator[Node], divisor: int) -> Spec | Block:
    if isinstance(layer, Block):
        return replace(layer, layers=tuple(_narrow(own, places, divisor) for own in layer.layers))
    sizes = _narrow_sizes(next(places).kind, dict(layer.sizes), divisor)
    return replace(layer, expects=(), sizes=tuple(sizes.items()))


def _narrow_sizes(kind: LayerKind, given: dict[str, Size], divisor: int) -> dict[str, Size]:
    """The given sizes with fewer channels; what the data have is left to them.

    Channels are the axes of data and output whose sizes the trained tensors share; G*K are those of G groups.
    """
    system = kind.system()
    trained = {s.name for name in kind.trained for s in _symbols(kind.tensor(name).shape)}
    read = {tuple(names) for name in kind.data for names in _axes(kind.tensor(name).shape)}
    made = {tuple(names) for names in _axes(system.output.shape)}
    axes = sorted(axis for axis in read | made if trained.issuperset(axis) and given.keys() >= set(axis))
    found = dict(given)
    for axis in (axis for axis in axes if len(axis) == 1):
        if axis in read:
            del found[axis[0]]
        else:
            found[axis[0]] = _fewer(int(given[axis[0]]), divisor)
    several = {
        axis: _fewer(prod(int(given[name]) for name in axis), divisor) for axis in axes if len(axis) == 2
    }
    for group in sorted(set.intersection(*map(set, several))) if several else ():
        groups = gcd(int(given[group]), *several.values())
        found[group] = groups
        found |= {name: count // groups for axis, count in several.items() for name in axis if name != group}
        break
    return found


def _fewer(count: int, divisor: int) -> int:
    return min(count, max(LEAST, -(-count // divisor)))


def _axes(shape: tuple[sp.Expr, ...]) -> Iterator[list[str]]:
    """The names of the sizes whose product an axis is, one list for each axis that is one."""
    for extent in shape:
        factors = sp.Mul.make_args(extent)
        if all(factor.is_Symbol for factor in factors):
            yield sorted(str(factor) for factor in factors)


def _symbols(shape: tuple[sp.Expr, ...]) -> set[sp.Symbol]:
    return {symbol for extent in shape for symbol in extent.free_symbols}


def same_form(one: Plan, other: Plan) -> tuple[int, str]:
    """How many steps two plans share but for numbers, and the first that they do not share, if there is one."""
    parts = [(one.forward, other.forward), (one.loss, other.loss), (one.backward, other.backward)]
    for own, others in zip(one.procedures, other.procedures, strict=False):
        parts += [(own.forward, others.forward), (own.backward, others.backward)]
    count = 0
    for left, right in parts:
        for a, b in zip(left, right, strict=False):
            if _form(a) != _form(b):
                return count, _named(a)
            count += 1
        if len(left) != len(right):
            return count, _named((*left, *right)[-1])
    return count, "" if len(one.procedures) == len(other.procedures) else "a block"


def _named(action: Action) -> str:
    return f"the call of {action.name}" if isinstance(action, Call) else str(action.equation.target)


def _form(action: Action) -> Hashable:
    """What is left of a step where numbers are not told apart, but for their signs."""
    if isinstance(action, Call):
        values = tuple(
            None if value is None else _shape(value) for value in (*action.arguments, *action.results)
        )
        return action.procedure, action.name, action.backward, values
    own = action.equation
    return _shape(own.target), _shape(own.body), tuple(str(index.symbol) for index in own.free)


def _shape(expr: sp.Basic) -> Hashable:
    if isinstance(expr, sp.Number):
        return "minus" if expr.is_negative else "number"
    if not expr.args:
        return str(expr)
    parts = [_shape(arg) for arg in expr.args]
    if isinstance(expr, sp.Add | sp.Mul):
        parts = sorted((part for part in parts if part != "number"), key=repr)
    return expr.func.__name__, *parts
