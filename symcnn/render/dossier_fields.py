"""Receptive fields: which part of an input one entry of a value depends on, from the affine reads of the equations.

Entry ``i`` along an axis depends on the places ``jump·i + low … jump·i + high`` of an axis of the input. Reading at
``a·i + c·r + k`` multiplies jumps by ``a`` and widens the field by what the bound indices reach; fields of several reads
are joined. Where an axis is merged with others the place is lost and the width stays; where reads depend on a condition
on the place, only the part of the input that all entries together depend on is known. Statistics of the batch count as
the given numbers that they are in evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, Selected, Where
from symcnn.core.functions import KinkPolicy
from symcnn.nets.body import Body, Placed
from symcnn.nets.kind import LayerKind
from symcnn.nets.node import Node

Sizes = tuple[tuple[sp.Symbol, sp.Expr], ...]
Axis = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Field:
    """The field of a value in one axis of an input.

    ``along`` is the axis of the value that moves the field, None where every entry has the same one. ``jump`` is None
    where the place is lost, ``width`` None where the width is not known either. ``least`` and ``most`` bound what all
    entries together depend on.
    """

    along: int | None
    jump: sp.Rational | None
    low: sp.Integer
    width: sp.Integer | None
    least: sp.Integer
    most: sp.Integer


Fields = Mapping[Axis, Field]


def body_fields(body: Body) -> dict[str, dict[Axis, Field]]:
    """The fields of every value of a body, by its tensor's name, in the axes of the body's inputs."""
    found: dict[str, dict[Axis, Field]] = {
        t.name: {(t.name, k): _own(k, sp.Integer(extent)) for k, extent in enumerate(t.shape) if k}
        for t in body.inputs
    }
    for item in body.items:
        found[item.output.name] = _through(item_fields(item), found, item)
    return found


@cache
def output_fields(body: Body) -> dict[Axis, Field]:
    """The fields of a body's output in the axes of its inputs."""
    return body_fields(body)[body.output.name]


def item_fields(item: Node | Placed) -> dict[Axis, Field]:
    """The fields of a layer's or block's output in the axes of what it reads, named as inside it."""
    if isinstance(item, Placed):
        return output_fields(item.body)
    return layer_fields(item.kind, item.policy, item.sizes, frozenset(name for name, _ in item.running))


def _through(own: Fields, known: Mapping[str, Fields], item: Node | Placed) -> dict[Axis, Field]:
    names = [t.name for t in item.body.inputs] if isinstance(item, Placed) else list(item.kind.data)
    outer = dict(zip(names, (t.name for t in item.inputs), strict=True))
    return _joined(
        (source, composed(step, field, axis))
        for (name, axis), step in own.items()
        for source, field in known[outer[name]].items()
        if field.along in (axis, None)
    )


def _own(axis: int, extent: sp.Integer) -> Field:
    return Field(axis, sp.S.One, sp.S.Zero, sp.S.One, sp.S.Zero, extent - 1)


# -- one layer -----------------------------------------------------------------------------------------------


@cache
def layer_fields(
    kind: LayerKind, policy: KinkPolicy, sizes: Sizes, held: frozenset[str]
) -> dict[Axis, Field]:
    """The fields of a layer's output in the axes of its data, the batch left out; ``held`` are given numbers."""
    values = dict(sizes)
    known: dict[str, dict[Axis, Field]] = {}
    for name in kind.data:
        shape = [extent.xreplace(values) for extent in kind.tensor(name).shape]
        known[name] = {(name, k): _own(k, sp.Integer(e)) for k, e in enumerate(shape) if e.is_Integer and k}
    for equation in kind.system(policy).equations:
        own = {} if equation.tensor.name in held else _of_equation(equation, known, values)
        known[equation.tensor.name] = own
    return known[equation.tensor.name]


def _of_equation(
    equation: Equation, known: Mapping[str, Fields], values: Mapping[sp.Symbol, sp.Expr]
) -> dict[Axis, Field]:
    extents = {k: e.xreplace(dict(values)) for k, e in equation.extents.items()}
    found: list[tuple[Axis, Field]] = []
    for read, conditional in _reads(equation.body, frozenset()):
        for source, field in known.get(read.tensor.name, {}).items():
            if field.along is None:
                found.append((source, field))
            else:
                position = read.at[field.along].xreplace(dict(values))
                step = _step(position, field.along, equation, extents, conditional)
                found.append((source, composed(step, field, field.along)))
    return _joined(found)


def _reads(expr: sp.Basic, conditional: frozenset[sp.Symbol]) -> Iterable[tuple[Read, frozenset[sp.Symbol]]]:
    """Every read with the indices on which conditions around it depend."""
    if isinstance(expr, Read):
        yield expr, conditional
        return
    if isinstance(expr, Where):
        conditional |= frozenset(s for s in expr.condition.free_symbols if isinstance(s, sp.Symbol))
    parts = (expr.body,) if isinstance(expr, Reduce | Selected) else expr.args
    for part in parts:
        yield from _reads(part, conditional)


def _step(
    position: sp.Expr,
    axis: int,
    equation: Equation,
    extents: Mapping[sp.Symbol, sp.Expr],
    conditional: frozenset[sp.Symbol],
) -> Field:
    """The field of the target in one axis of a tensor that is read at ``position``."""
    free = {index.symbol for index in equation.free}
    used = sorted((s for s in position.free_symbols if s in extents), key=lambda s: str(s.name))
    slopes = {s: sp.diff(position, s) for s in used}
    start = position.xreplace(dict.fromkeys(used, sp.S.Zero))
    unknown = Field(None, None, sp.S.Zero, None, *_reach(start, slopes, extents))
    if not all(slope.is_Integer for slope in slopes.values()) or not start.is_Integer:
        return unknown
    if any(s in conditional and s not in free for s in used):
        return unknown
    bound = {s: slope for s, slope in slopes.items() if s not in free}
    low, high = _reach(start, bound, extents)
    moving = [s for s in used if s in free]
    if not moving:
        return Field(None, sp.S.Zero, low, high - low + 1, low, high)
    places = [k for k, p in enumerate(equation.target.at) if p == moving[0]]
    if len(moving) == 1 and places:
        return Field(places[0], slopes[moving[0]], low, high - low + 1, unknown.least, unknown.most)
    mixed = next(k for k, p in enumerate(equation.target.at) if moving[0] in p.free_symbols)
    return Field(mixed, None, sp.S.Zero, high - low + 1, unknown.least, unknown.most)


def _reach(
    start: sp.Expr, slopes: Mapping[sp.Symbol, sp.Expr], extents: Mapping[sp.Symbol, sp.Expr]
) -> tuple[sp.Integer, sp.Integer]:
    """The least and the greatest value of an affine position."""
    if not start.is_Integer or not all(s.is_Integer and extents[k].is_Integer for k, s in slopes.items()):
        return sp.S.Zero, sp.S.Zero
    ends = [slope * (extents[k] - 1) for k, slope in slopes.items()]
    return start + sum(min(0, end) for end in ends), start + sum(max(0, end) for end in ends)


# -- two layers ----------------------------------------------------------------------------------------------


def composed(step: Field, field: Field, axis: int) -> Field:
    """The field of what is read from ``axis`` of a value by ``step``, in the input in which the value has ``field``."""
    if field.along is None or field.along != axis:
        return field
    if field.jump is None:
        if step.jump == 0:
            return _all(field)
        width = field.width if step.width == 1 else None
        return Field(step.along, None, sp.S.Zero, width, field.least, field.most)
    least = max(field.least, min(field.jump * step.least, field.jump * step.most) + field.low)
    most = max(field.jump * step.least, field.jump * step.most) + field.low + (field.width or 1) - 1
    bounds = (least, min(field.most, most))
    if step.width is None or field.width is None:
        return Field(step.along, None, sp.S.Zero, None, *bounds)
    width = abs(field.jump) * (step.width - 1) + field.width
    if step.jump is None:
        return Field(step.along, None, sp.S.Zero, width, *bounds)
    if step.along is None:
        return Field(None, sp.S.Zero, bounds[0], bounds[1] - bounds[0] + 1, *bounds)
    low = min(field.jump * step.low, field.jump * (step.low + step.width - 1)) + field.low
    return Field(step.along, field.jump * step.jump, low, width, *bounds)


def _all(field: Field) -> Field:
    """Every entry depends on all that some entry depends on."""
    return Field(None, sp.S.Zero, field.least, field.most - field.least + 1, field.least, field.most)


def _joined(found: Iterable[tuple[Axis, Field]]) -> dict[Axis, Field]:
    """The field of several reads together."""
    known: dict[Axis, Field] = {}
    for source, field in found:
        known[source] = _hull(known[source], field) if source in known else field
    return known


def _hull(one: Field, other: Field) -> Field:
    if one == other:
        return one
    least, most = min(one.least, other.least), max(one.most, other.most)
    for wide, narrow in ((one, other), (other, one)):
        if (
            wide.along is None
            and wide.width is not None
            and wide.least <= narrow.least
            and narrow.most <= wide.most
        ):
            return wide
    if (
        one.width is None
        or other.width is None
        or (one.along, one.jump) != (other.along, other.jump)
        or one.jump is None
    ):
        return Field(one.along, None, sp.S.Zero, None, least, most)
    low = min(one.low, other.low)
    high = max(one.low + one.width, other.low + other.width)
    return Field(one.along, one.jump, low, high - low, least, most)


# -- words ---------------------------------------------------------------------------------------------------


def field_text(fields: Fields, source: str, axes: Iterable[int]) -> tuple[str, str]:
    """Extent and stride of a field, such as 7×7 and 2; an en dash where they are not known or do not apply."""
    own = [fields.get((source, axis)) for axis in axes]
    if not own or any(field is None or field.width is None for field in own):
        return "–", "–"
    widths = "×".join(str(field.width) for field in own if field is not None)
    jumps = [field.jump for field in own if field is not None]
    if any(jump is None or jump == 0 for jump in jumps):
        return widths, "–"
    return widths, str(jumps[0]) if len(set(jumps)) == 1 else "×".join(map(str, jumps))
