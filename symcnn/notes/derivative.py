"""Derivatives as they are written: of tensors by tensors, gradients, differentials, products of Jacobians."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from symcnn.notes.defined_values import defined_value
from symcnn.notes.families import ALONE, Family, Mismatch, Unreadable
from symcnn.notes.jacobian import Jacobian, scalar_link
from symcnn.notes.marks import NOWHERE
from symcnn.notes.name_parts import base_name, is_transpose, letters_of
from symcnn.notes.named_values import layered, named
from symcnn.notes.names import read_name
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
    Script,
    Symbol,
)
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator


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
        and evaluator.world.facts.cues.zero_outside
        and (variable.flat[0] == 0 or _is_beyond(evaluator, variable.flat[0]))
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
        return scalar_link(made)
    return made


def _is_beyond(evaluator: Evaluator, entry: sp.Expr) -> bool:
    """Whether an entry lies outside of a tensor of which the notes define each entry of a whole grid."""
    family, indices = evaluator.world.origin.get(entry, (None, ()))
    definitions = evaluator.world.definitions.get(family.key, ()) if family is not None else ()
    places = [d.indices for d in definitions if d.indices is not None and len(d.indices) == len(indices)]
    by_letters = any(letters_of(index) for place in places for index in place)
    if not indices or not places or len(places) != len(definitions) or by_letters:
        return False
    defined = {tuple(evaluator.world.integer(index, {}) for index in place) for place in places}
    spans = [range(min(axis), max(axis) + 1) for axis in zip(*defined, strict=True)]
    whole = prod(map(len, spans)) == len(defined) and all(len(span) > 1 for span in spans)
    return whole and indices not in defined


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
        value = named(evaluator, layered(evaluator, bare), wrt)
        return evaluator.settled(value, wrt), ref.transposed
    return evaluator.value(wrt), False


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
    if node.kind == "partial" or ref is None:
        raise Unreadable("a differential of something that is no name")
    value = evaluator.settled(named(evaluator, replace(ref, transposed=False, power=None), node.body), node)
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
    return isinstance(first, sp.Symbol) and defined_value(evaluator.world, first) is not None


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
