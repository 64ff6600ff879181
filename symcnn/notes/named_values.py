"""The value of a name with its entry, layer, sample, transpose and power."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.entries import lows_of
from symcnn.notes.families import Family, Unreadable
from symcnn.notes.flexible import Flexible
from symcnn.notes.marks import NOWHERE
from symcnn.notes.name_parts import letter
from symcnn.notes.names import Ref, read_name
from symcnn.notes.opaque import equal
from symcnn.notes.operations import Array, array
from symcnn.notes.powers import powered
from symcnn.notes.tree import Fraction, Node, Number, Product, Symbol
from symcnn.notes.values import Value, as_array
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.evaluate import Evaluator

ONES = frozenset({"bf 1", "bb 1"})
"""The names of vectors of ones."""

CLASS = 2
"""The number that a class label stands for in a small world: the second class."""


def _divides(node: Node) -> bool:
    return isinstance(node, Product) and any(operator.name == "/" for operator in node.operators)


def layered(evaluator: Evaluator, ref: Ref) -> Ref:
    """A name of which the notes know only layers, without one: the last layer is meant."""
    world = evaluator.world
    key = world.facts.resolve(ref.key)
    known = world.definitions.get(key, [])
    if ref.layer is None and known and all(d.layer is not None for d in known):
        last = world.layer_env()["L"]
        return replace(ref, layer=Number(NOWHERE, str(last)))
    return ref


def name_value(evaluator: Evaluator, node: Node) -> Value:
    name = letter(node)
    if name is not None and name in evaluator.env:
        return as_array(evaluator.env[name])
    if isinstance(node, Symbol) and node.name in ("1",):
        return Flexible("ones")
    ref = read_name(node, evaluator.world.facts.habits)
    if ref is None:
        raise Unreadable("a name that cannot be read")
    return named(evaluator, ref, node)


def named(evaluator: Evaluator, ref: Ref, node: Node) -> Value:
    """The value of a name, with its entry, transpose and power."""
    size = evaluator.world.layer_size(node, evaluator.env)
    if size is not None:
        return array(sp.Integer(evaluator.world.axes.size(("size", size))))
    key = evaluator.world.facts.resolve(ref.key + "'" * ref.primes)
    if key in ONES and key not in evaluator.world.definitions and _counts_ones(evaluator, ref):
        return Flexible("ones", row=ref.transposed, length=_length(evaluator, key, ref))
    if ref.indices is None and ref.layer is None and not _is_tensor(evaluator, key):
        constant = _constant(evaluator, evaluator.world.facts.resolve(ref.key), ref)
        if constant is not None:
            return powered(evaluator, constant, ref.power)
    rule = (
        evaluator.world.functions.get(key) if ref.indices is None and not _is_tensor(evaluator, key) else None
    )
    if rule is not None and not ref.primes:
        return evaluator.value(rule.body)
    value = _tensor_value(evaluator, ref, key, node)
    if ref.transposed and isinstance(value, np.ndarray):
        value = value.T
    return powered(evaluator, value, ref.power)


def _counts_ones(evaluator: Evaluator, ref: Ref) -> bool:
    """Whether a bold one is a vector of ones, of the length that may stand under it; not the entry of something."""
    indices = ref.indices or ()
    return ref.power is None and (
        not indices or (len(indices) == 1 and evaluator.world.is_size(letter(indices[0]) or ""))
    )


def _length(evaluator: Evaluator, key: str, ref: Ref) -> int | None:
    """The number of ones that stands under the name, or that the notes declare."""
    declared = evaluator.world.facts.shapes.get(key)
    sizes = ref.indices or (declared[-1].sizes if declared else ())
    try:
        counts = [evaluator.index(size) for size in sizes]
    except SymcnnError:
        return None
    return max(counts, default=None)


def _is_tensor(evaluator: Evaluator, key: str) -> bool:
    return key in evaluator.world.kinds or key in evaluator.world.definitions


def _constant(evaluator: Evaluator, key: str, ref: Ref) -> Array | Flexible | None:
    size = key + "'" * ref.primes
    if size in evaluator.env:
        return as_array(evaluator.env[size])
    if size in evaluator.world.settings:
        return array(sp.Integer(evaluator.world.settings[size]))
    if evaluator.world.is_size(size):
        return array(sp.Integer(evaluator.world.axes.size(("size", size))))
    match key:
        case "e" if ref.power is not None:
            return array(sp.E)
        case "pi":
            return array(sp.pi)
        case "infty":
            return array(sp.oo)
        case "I" | "bf I" | "bb I":
            return Flexible("identity")
        case "bf 0":
            return array(sp.Integer(0))
    return None


def _tensor_value(evaluator: Evaluator, ref: Ref, key: str, node: Node) -> Value:
    if ref.indices is not None and key in ("delta", "I") and key not in evaluator.world.definitions:
        return _kronecker_delta(evaluator, ref)
    if ref.key in evaluator.world.facts.habits.classes and ref.indices is not None:
        return array(sp.Integer(_class_number(evaluator, ref.indices[0])))
    if ref.key in evaluator.world.facts.habits.slices and ref.indices is not None and len(ref.indices) == 1:
        return _slice(evaluator, ref)
    family = evaluator.world.family(layered(evaluator, ref) if key != ref.key else ref, evaluator.env)
    if family is None:
        raise Unreadable("nothing says which layer or sample is meant")
    if evaluator.world.beyond_range(family):
        evaluator.world.beyond += 1
    if family.sample >= 0:
        return _sample(evaluator, family, node)
    if ref.indices is None:
        return evaluator.world.tensor(family)
    if evaluator.world.facts.cues.whole_only and not all(
        _is_whole(evaluator, index) for index in ref.indices
    ):
        return array(sp.Integer(0))
    indices = tuple(evaluator.index(index) for index in ref.indices)
    if len(indices) < evaluator.world.rank(family.key):
        if ref.key in evaluator.world.facts.habits.above:
            return _part(evaluator, family, indices)
        if (
            evaluator.world.facts.cues.picks_rows
            and evaluator.world.rank(family.key) == len(indices) + 1 == 2
        ):
            return array(_part(evaluator, family, indices).reshape(1, -1))
    return array(evaluator.world.entry(family, indices))


def _part(evaluator: Evaluator, family: Family, indices: tuple[int, ...]) -> Array:
    """X^{(c)}, the map of one channel; a single number where the other axes have size one."""
    lows = lows_of(evaluator.world, family)[: len(indices)]
    place = tuple(i - low for i, low in zip(indices, lows, strict=True))
    whole = evaluator.world.tensor(family)
    if any(p < 0 or p >= size for p, size in zip(place, whole.shape, strict=False)):
        raise Unreadable(f"{family} has no part with this number")
    part = array(whole[place])
    return array(part.flat[0]) if part.size == 1 else part


def _is_whole(evaluator: Evaluator, index: Node) -> bool:
    """Whether an index is a whole number, here where it may be a fraction."""
    if not any(isinstance(part, Fraction) or _divides(part) for part in walk(index)):
        return True
    value = evaluator.scalar(index)
    return bool(value.is_Integer or not value.is_Rational)


def _class_number(evaluator: Evaluator, example: Node) -> int:
    """The number that the class of an example stands for; neighbours are of different classes."""
    try:
        return CLASS - (evaluator.index(example) + 1) % 2
    except SymcnnError:
        return CLASS


def _slice(evaluator: Evaluator, ref: Ref) -> Array:
    """w_j, the row or column j of a matrix W, as a column."""
    name, kind = evaluator.world.facts.habits.slices[ref.key]
    matrix = evaluator.world.tensor(Family(evaluator.world.facts.resolve(name)))
    place = evaluator.index((ref.indices or ())[0]) - (0 if evaluator.world.facts.cues.zero_based else 1)
    if matrix.ndim != 2 or not 0 <= place < matrix.shape[kind == "column"]:
        raise Unreadable(f"{ref.key} is not a {kind} of {name}")
    return array((matrix[place, :] if kind == "row" else matrix[:, place]).reshape(-1, 1))


def _sample(evaluator: Evaluator, family: Family, node: Node) -> Array:
    """An example's column of the tensor that stacks all of them: a^{(i)} is column i of A."""
    name = family.key
    for key in (name.upper() if len(name) == 1 else name, name, evaluator.world.facts.resolve(name)):
        stacked = Family(key, family.layer)
        if _is_tensor(evaluator, key):
            value = evaluator.world.tensor(stacked)
            column = family.sample - 1
            if value.ndim == 2 and 0 <= column < value.shape[1]:
                return array(value[:, [column]])
    raise Unreadable(f"nothing says how {name} of one example belongs to the others")


def _kronecker_delta(evaluator: Evaluator, ref: Ref) -> Value:
    indices = [evaluator.scalar(index) for index in ref.indices or ()]
    if len(indices) == 2:
        return array(equal(*indices))
    if len(indices) == 1 and indices[0].is_Integer:
        return array(sp.eye(int(indices[0])).tolist())
    raise Unreadable("an identity or a Kronecker delta needs one or two indices")
