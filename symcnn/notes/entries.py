"""Where the entries of a tensor stand, and the indices and names under which the notes speak of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symcnn.notes.definitions import displayed
from symcnn.notes.families import Family
from symcnn.notes.names import read_name
from symcnn.notes.operations import Array

if TYPE_CHECKING:
    from symcnn.notes.world import World


def named_entries(world: World, family: Family, out: Array) -> Array:
    """Where the notes display a tensor as a matrix of names, its entries are those names."""
    for definition in world.definitions.get(family.key, ()):
        matrix = displayed(world.facts, definition.body) if definition.display else None
        if matrix is not None and family.layer < 0:
            for place in np.ndindex(*out.shape):
                ref = read_name(matrix.rows[place[0]][place[1]], world.facts.habits)
                assert ref is not None
                inner = Family(world.facts.resolve(ref.key))
                out[place] = world.symbol(inner, tuple(world.integer(i, {}) for i in ref.indices or ()))
    return out


def written_indices(
    world: World, family: Family, place: tuple[int, ...], lows: tuple[int, ...]
) -> tuple[int, ...]:
    """The indices under which the notes speak of an entry."""
    match world.kinds.get(family.key):
        case "V":
            place = place[:1]
        case "R":
            place = place[1:]
    lows = lows if len(lows) == len(place) else tuple(1 for _ in place)
    return tuple(p + low for p, low in zip(place, lows, strict=True))


def lows_of(world: World, family: Family) -> tuple[int, ...]:
    if family not in world.first_indices:
        world.first_indices[family] = tuple(
            world.low(world.entry_axis(family, p)) for p in range(world.rank(family.key))
        )
    return world.first_indices[family]


def is_elastic(world: World, family: Family) -> bool:
    """Whether the notes only show single entries of a tensor, so that it may have more."""
    axes = [world.entry_axis(family, p) for p in range(world.rank(family.key))]
    return any(axis in world.elastic for axis in axes)


def array_place(world: World, family: Family, place: tuple[int, ...]) -> tuple[int, ...]:
    match world.kinds.get(family.key):
        case "V":
            return (*place, 0)
        case "R":
            return (0, *place)
    return place
