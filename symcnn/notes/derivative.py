"""Derivatives as they are written: of tensors by tensors, gradients, differentials, products of Jacobians."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from symcnn.notes.marks import NOWHERE
from symcnn.notes.name_parts import base_name, is_transpose
from symcnn.notes.names import Ref, read_name
from symcnn.notes.operations import Array, array
from symcnn.notes.tree import (
    BigOperator,
    CallOrProduct,
    Decorated,
    Derivative,
    Differential,
    Gradient,
    Group,
    Node,
    Number,
    Script,
    Symbol,
)
from symcnn.notes.walking import walk
from symcnn.notes.world import ALONE, Family, Mismatch, Reading, Unreadable

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator


@dataclass(frozen=True, slots=True)
class Jacobian:
    """∂of/∂wrt entry by entry: the first axes are those of `of`, the others those of `wrt`."""

    entries: Array
    of_shape: tuple[int, ...]
    wrt_shape: tuple[int, ...]
    of: tuple[sp.Expr, ...]
    wrt: tuple[sp.Expr, ...]
    of_loss: bool = False
    by_row: bool = False


def derivative(evaluator: Evaluator, node: Derivative) -> Array | Jacobian:
    """The value of ∂of/∂wrt."""
    if node.of is None:
        raise Unreadable("a derivative of nothing")
    if len(node.wrt) != 1 or node.order is not None or any(order is not None for order in node.orders):
        raise Unreadable("derivatives of higher order are beyond this version")
    return jacobian(evaluator, node.of, node.wrt[0])


def jacobian(evaluator: Evaluator, of: Node, wrt: Node) -> Array | Jacobian:
    """∂of/∂wrt as entries. Raises Unreadable where `wrt` is no name."""
    variable, by_row = _variable(evaluator, wrt)
    loss = loss_symbol(evaluator, of)
    if (
        loss is not None
        and variable.size == 1
        and variable.flat[0] == 0
        and evaluator.world.facts.cues.zero_outside
    ):
        return array(sp.Integer(0))  # what stands outside of a tensor moves no loss
    for x in variable.flat:
        if not isinstance(x, sp.Symbol):
            raise Unreadable("a derivative by something that is no name")
    cotangents = evaluator.world.cotangents
    if loss is not None:
        value = array([loss]).reshape(())
        entries = [cotangents.cotangent(loss, x) if x != loss else sp.Integer(1) for x in variable.flat]
    else:
        name = base_name(of)
        world = evaluator.world
        if name in world.facts.applied and name not in world.functions and name not in world.definitions:
            raise Unreadable(f"the notes do not define the function {name}")
        value = evaluator.value(of)
        entries = [
            cotangents.derivative(sp.sympify(y, strict=True), x) for y in value.flat for x in variable.flat
        ]
    grid = np.empty(value.size * variable.size, dtype=object)
    grid[:] = entries
    shaped = grid.reshape(value.shape + variable.shape)
    made = Jacobian(
        shaped,
        value.shape,
        variable.shape,
        tuple(value.flat),
        tuple(variable.flat),
        loss is not None,
        by_row,
    )
    if value.ndim == 0 and variable.ndim == 0:
        return _scalar_link(made)
    return made


def _scalar_link(made: Jacobian) -> Jacobian:
    return made


def _variable(evaluator: Evaluator, wrt: Node) -> tuple[Array, bool]:
    """What is differentiated by, and whether it is written as a row."""
    match wrt:
        case Script(base=base, sup=sup, sub=None) if is_transpose(sup):
            ref = read_name(wrt, evaluator.world.facts.habits)
            if ref is None or not ref.transposed:
                inner, _ = _variable(evaluator, base)
                return inner, True
        case Group(body=body) | Decorated(body=body):
            return _variable(evaluator, body)
        case CallOrProduct(head=head) if not evaluator.world.is_function(head):
            return evaluator.value(wrt), False
    ref = read_name(wrt, evaluator.world.facts.habits)
    if ref is not None:
        bare = replace(ref, transposed=False, power=None)
        if ref.power is not None:
            raise Unreadable("a derivative by a power")
        value = evaluator.named(layered(evaluator, bare), wrt)
        return evaluator.settled(value, wrt), ref.transposed
    return evaluator.value(wrt), False


def layered(evaluator: Evaluator, ref: Ref) -> Ref:
    """A name of which the notes know only layers, without one: the last layer is meant."""
    world = evaluator.world
    key = world.facts.resolve(ref.key)
    known = world.definitions.get(key, [])
    if ref.layer is None and known and all(d.layer is not None for d in known):
        last = world.layer_env()["L"]
        return replace(ref, layer=Number(NOWHERE, str(last)))
    return ref


def loss_symbol(evaluator: Evaluator, of: Node) -> sp.Symbol | None:
    """The loss that a name stands for, None for what is no loss."""
    ref = read_name(of, evaluator.world.facts.habits)
    if ref is None or ref.transposed or ref.power is not None:
        return None
    key = evaluator.world.facts.resolve(ref.key)
    if key not in evaluator.world.facts.losses or ref.layer is not None:
        return None
    if ref.indices is not None or ref.sample is not None:
        return None
    member = ALONE if ref.member is None else evaluator.world.member(ref.member, evaluator.env)
    return evaluator.world.symbol(Family(key, member=member), ())


def contract(a: Jacobian, b: Jacobian, reading: Reading) -> Jacobian | None:
    """The product of two links of a chain: ∂y/∂u · ∂u/∂x summed over u; None where they are no links.

    Raises Mismatch where the order is against the stated layout.
    """
    if a.wrt == b.of and a.wrt_shape == b.of_shape:
        first, second = a, b
    elif b.wrt == a.of and b.wrt_shape == a.of_shape:
        if reading.layout == "numerator" and max(len(a.of), len(a.wrt), len(b.wrt), len(b.of)) > 1:
            return None
        first, second = b, a
    else:
        return None
    axes = len(first.wrt_shape)
    entries = (
        np.tensordot(first.entries, second.entries, axes=axes) if axes else first.entries * second.entries
    )
    return Jacobian(
        array(entries), first.of_shape, second.wrt_shape, first.of, second.wrt, first.of_loss, second.by_row
    )


def flat(made: Jacobian, reading: Reading) -> Array:
    """A Jacobian as the scalar, vector or matrix that a formula means by it."""
    of_size, wrt_size = len(made.of), len(made.wrt)
    if of_size == 1 and (made.of_shape in ((), (1, 1))):
        value = made.entries.reshape(made.wrt_shape)
        if value.ndim == 2 and 1 in value.shape and wrt_size > 1:
            row = reading.layout == "numerator"
            return value.T if row or made.by_row else value
        return value
    if wrt_size == 1:
        value = made.entries.reshape(made.of_shape)
        return value.T if reading.layout == "denominator" and value.ndim == 2 else value
    if reading.entrywise and made.of_shape == made.wrt_shape:
        square = made.entries.reshape(of_size, wrt_size)
        if all(square[i, j] == 0 for i in range(of_size) for j in range(wrt_size) if i != j):
            return array([square[k, k] for k in range(of_size)]).reshape(made.of_shape)
    if _is_vector(made.of_shape) and _is_vector(made.wrt_shape):
        matrix = made.entries.reshape(of_size, wrt_size)
        return matrix.T if reading.layout == "denominator" else matrix
    raise Unreadable(
        "a derivative of a matrix by a matrix has four axes, and nothing says how it is laid out"
    )


def _is_vector(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and 1 in shape


def gradient(evaluator: Evaluator, node: Gradient) -> Array:
    """∇_wrt of, in the shape of wrt."""
    if node.of is None or node.wrt is None or node.order is not None:
        raise Unreadable("a gradient that does not say of what, or by what")
    made = jacobian(evaluator, node.of, node.wrt)
    if isinstance(made, Jacobian):
        if len(made.of) != 1:
            raise Mismatch("a gradient is of a number", node)
        return made.entries.reshape(made.wrt_shape)
    return made


def differential(evaluator: Evaluator, node: Differential) -> Array:
    """dW as the name of the loss's derivative by W."""
    ref = read_name(node.body, evaluator.world.facts.habits)
    if node.kind not in ("d", "bar") or ref is None:
        raise Unreadable("a differential of something that is no name")
    value = evaluator.settled(evaluator.named(replace(ref, transposed=False, power=None), node.body), node)
    world = evaluator.world
    loss = _loss_of(evaluator, value, _letter_of(node.body))
    scaled = world.reading.scaled and _is_computed(evaluator, value) and _over_examples(evaluator, loss)
    scale = world.batch_size() if scaled else sp.Integer(1)
    entries = np.empty(value.shape, dtype=object)
    for place in np.ndindex(*value.shape):
        if not isinstance(value[place], sp.Symbol):
            raise Unreadable("a differential of something that is no name")
        entries[place] = scale * world.cotangents.cotangent(loss, value[place])
    return entries.T if ref.transposed else entries


def _is_computed(evaluator: Evaluator, value: Array) -> bool:
    first = value.flat[0]
    return isinstance(first, sp.Symbol) and evaluator.world.value(first) is not None


def _letter_of(node: Node) -> Node:
    while isinstance(node, Script):
        node = node.base
    return node


def _over_examples(evaluator: Evaluator, loss: sp.Symbol) -> bool:
    """Whether a loss is defined by a sum, over the examples of a batch."""
    definitions = evaluator.world.definitions.get(str(loss), [])
    return any(isinstance(part, BigOperator) for d in definitions for part in walk(d.body))


def _losses(evaluator: Evaluator) -> list[Family]:
    """The losses that a differential may be of, where the notes have one for each example that one too."""
    world = evaluator.world
    found: list[Family] = []
    for key in world.facts.losses:
        counter = world.facts.habits.counter(key)
        whole = counter is None or any(d.member is None for d in world.definitions.get(key, ()))
        if whole and not (counter is not None and world.reading.each):
            found.append(Family(key))
        if counter is not None:
            found.append(Family(key, member=world.member(Symbol(NOWHERE, counter), evaluator.env)))
    return found


def _loss_of(evaluator: Evaluator, value: Array, node: Node) -> sp.Symbol:
    """The loss that dX is a derivative of: the first one that is computed from X."""
    world = evaluator.world
    symbols = [world.symbol(family, ()) for family in _losses(evaluator)]
    stacked = isinstance(node, Symbol) and node.name.isupper()
    symbols.sort(key=lambda loss: _over_examples(evaluator, loss) != stacked)
    for loss in symbols:
        if any(x in world.cotangents.upstream(loss) for x in value.flat):
            return loss
    if symbols:
        return symbols[0]
    return world.symbol(Family("the loss"), ())
