"""Sizes for the axes of a world: those that the notes declare, display or give by sums, and what definitions imply."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import product as grid
from typing import TYPE_CHECKING

from symcnn.notes.definitions import displayed
from symcnn.notes.facts import Definition, Shape
from symcnn.notes.families import Family
from symcnn.notes.free import means
from symcnn.notes.name_parts import letter, letters_of
from symcnn.notes.names import read_name
from symcnn.notes.shaper import UNSIZED, Shaper
from symcnn.notes.tree import Add, BigOperator, Chain, Node, Number, Script, Symbol, Unary
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.world import World


def declare(world: World) -> None:
    for letter_, (low, _high) in sorted(world.facts.ranges.items(), key=lambda item: item[0]):
        axis = ("range", letter_)
        if isinstance(low, int):
            world.lows.append((axis, low))
    _declare_displays(world)
    for key, shapes in sorted(world.facts.shapes.items()):
        sizes = shapes[-1].sizes
        name, _, layer = key.partition("@")
        if name in UNSIZED:
            continue
        if not sizes and name not in world.definitions:
            world.kinds.setdefault(name, "S")
        if sizes and (name not in world.kinds or layer):
            _declare_shape(world, name, sizes, _layers_of(world, shapes[-1], layer))


def _declare_displays(world: World) -> None:
    """A matrix of names fixes the sizes of the tensor and of the one whose entries it shows."""
    for key in sorted(world.definitions):
        for definition in world.definitions[key]:
            matrix = displayed(world.facts, definition.body) if definition.display else None
            if matrix is None:
                continue
            corner = read_name(matrix.rows[0][0], world.facts.habits)
            assert corner is not None
            sizes = (len(matrix.rows), len(matrix.rows[0]))
            first = [world.integer(i, {}) for i in corner.indices or ()]
            for owner in sorted({key, world.facts.resolve(corner.key)}):
                _fix_display(world, owner, sizes, first)


def _fix_display(world: World, key: str, sizes: tuple[int, int], first: list[int]) -> None:
    if len(first) == 1:
        sizes_used: tuple[int, ...] = (max(sizes),)
        kind = "V" if sizes[1] == 1 else "R"
    else:
        sizes_used, kind = sizes, "M"
    world.kinds[key] = kind
    for position, (size, low) in enumerate(zip(sizes_used, first, strict=False)):
        world.axes.fix(("axis", key, -1, position), size)
        world.lows.append((("axis", key, -1, position), low))


def _layers_of(world: World, shape: Shape, number: str) -> tuple[int, ...]:
    """The layers that a declared shape speaks of."""
    if number:
        return (int(number),)
    if shape.layer is None or letter(shape.layer) is not None:
        return (-1, *world.all_layers())
    return (world.integer(shape.layer, world.layer_env()),)


def _declare_shape(world: World, key: str, sizes: tuple[Node, ...], layers: tuple[int, ...]) -> None:
    ones = [isinstance(size, Number) and size.text == "1" for size in sizes]
    if len(sizes) == 1:
        kind = "V"
    elif len(sizes) == 2 and layers != (-1, *world.all_layers()):
        kind = "M"
    elif len(sizes) == 2:
        kind = "O" if all(ones) else "V" if ones[1] else "R" if ones[0] else "M"
    else:
        kind = f"T{len(sizes)}"
    world.kinds[key] = kind
    keep = [size for size, one in zip(sizes, ones, strict=True) if not (one and kind in "VRO")]
    if kind == "O":
        return
    for layer in layers:
        for position, size in enumerate(keep):
            size_axis(world, ("axis", key, layer, position), size, world.layer_env() | {"l": layer})


def size_axis(world: World, axis: Hashable, size: Node, env: dict[str, int]) -> None:
    """Give an axis the size that a formula states."""
    match size:
        case Number(text=text) if text.isdigit():
            world.axes.fix(axis, int(text))
            return
        case Symbol(name=name):
            if name not in world.settings and (name not in world.definitions or world.is_size(name)):
                world.axes.name(axis, name)
                return
    layer_size = world.layer_size(size, env)
    if layer_size is not None:
        world.axes.name(axis, layer_size)
        return
    ref = read_name(size, world.facts.habits)
    if (
        ref is not None
        and ref.layer is None
        and ref.key not in world.definitions
        and ref.key not in world.settings
    ):
        world.axes.name(axis, ref.key + "'" * ref.primes)
        return
    world.axes.derive(axis, lambda: world.integer(size, env))


def infer(world: World) -> None:
    """Read the shapes off all definitions, at every layer that a rule is for."""
    for key in sorted(world.definitions):
        for number, definition in enumerate(world.definitions[key]):
            if definition.display:
                continue
            for env in world.layer_instances(definition):
                scope = (key, number, tuple(sorted(env.items())))
                _bounds(world, definition.body, scope, env)
                shaper = Shaper(world, scope, env)
                family = world.target(definition, env)
                if family is not None:
                    if definition.member is not None:
                        shaper.count(family, definition.member)
                    shaper.define(family, definition.indices, definition.body)
                    _free_letters(world, definition, scope)


def _free_letters(world: World, definition: Definition, scope: Hashable) -> None:
    """Ranges that the notes give to an index letter hold in every definition."""
    counters = (definition.member,) if definition.member is not None else ()
    for index in (*counters, *(definition.indices or ())):
        for name in letters_of(index):
            if name in world.facts.ranges:
                _range(world, ("letter", scope, name), *world.facts.ranges[name], {})


def _range(world: World, axis: Hashable, low: Node | int, high: Node | int, env: dict[str, int]) -> None:
    low_number = low if isinstance(low, int) else int(low.text) if isinstance(low, Number) else None
    if low_number is not None:
        world.lows.append((axis, low_number))
    if isinstance(high, int):
        world.axes.derive(axis, lambda: high - (low_number or 0) + 1)
    elif low_number == 1 and isinstance(high, Symbol | Number | Script):
        size_axis(world, axis, high, env)
    else:
        world.axes.derive(axis, lambda: world.integer(high, env) - (low_number or 0) + 1)


def _bounds(world: World, body: Node, scope: Hashable, env: dict[str, int]) -> None:
    """The ranges that sums give to their letters."""
    for size, counter in means(body):
        size_axis(world, ("letter", scope, counter), size, env)
    for node in walk(body):
        if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
            name = letter(node.lower.sides[0])
            if name is not None and node.lower.relations[0].name == "=":
                _range(world, ("letter", scope, name), node.lower.sides[1], node.upper, env)
        elif isinstance(node, BigOperator) and node.lower is not None and node.upper is None:
            for name in letters_of(node.lower):
                if name in world.facts.ranges:
                    _range(world, ("letter", scope, name), *world.facts.ranges[name], {})


def loose_bounds(world: World, sides: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """Letters of sums of a claim with the size that they run to, where the notes speak of that size nowhere else.

    A size that they speak of stays what it is: a sum up to the wrong one is false.
    """
    for side in sides:
        for node in walk(side):
            if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
                name, size = letter(node.lower.sides[0]), _count(node.lower.sides[-1], node.upper)
                if name is not None and size is not None and not world.pinned(("size", size)):
                    yield name, size


def tie_bounds(world: World, sides: Iterable[Node], scope: Hashable) -> None:
    """The sizes that bounds of a claim introduce are those of the axes that their letters run over."""
    for name, size in loose_bounds(world, sides):
        axis = world.letter_axes.get((scope, name))
        if axis is not None:
            world.axes.same(axis, ("size", size))


def _count(low: Node, high: Node) -> str | None:
    """The size M of a sum from 1 to M or from 0 to M - 1."""
    match low, high:
        case Number(text="1"), Symbol(name=name):
            return name
        case Number(text="0"), Add(terms=(Symbol(name=name), Unary(name="-", body=Number(text="1")))):
            return name
    return None


def infer_functions(world: World) -> None:
    """Functions that the notes give a rule for read tensors too."""
    for name in sorted(world.functions):
        rule = world.functions[name]
        if len(rule.parameters) == 1:
            Shaper(world, ("function", name), world.layer_env()).shape(rule.body)


def measure(world: World) -> None:
    """Sizes for axes that are read at sums of indices, such as x[i + m]."""
    for family, position, index, scope in world.reaches:
        axis = world.entry_axis(family, position)
        letters = [
            ("letter", scope, name) for name in letters_of(index) if (scope, name) in world.letter_axes
        ]
        unknown = [a for a in letters if not world.pinned(a)]
        if world.pinned(axis) and unknown:
            world.axes.derive(unknown[0], _fitting(world, family, position, index, scope, unknown[0]))
        elif not world.pinned(axis):
            if all(
                isinstance(other[2], Number) for other in world.reaches if other[:2] == (family, position)
            ):
                world.elastic.add(axis)
            world.axes.derive(axis, _reaching(world, family, position, index, scope))


def _corners(world: World, index: Node, scope: Hashable) -> Iterator[tuple[dict[str, int], int]]:
    skipped = world.facts.sizes | set(world.settings)
    inner = read_name(index, world.facts.habits) if isinstance(index, Script) else None
    if inner is not None and inner.key in world.facts.habits.classes:
        skipped = skipped | set(letters_of(index))
    names = [n for n in letters_of(index) if n not in skipped]
    spans = []
    for name in names:
        axis = ("letter", scope, name)
        low = world.low(axis)
        spans.append((low, low + world.axes.size(axis) - 1))
    for corner in grid(*spans):
        env = dict(zip(names, corner, strict=True))
        yield env, world.integer(index, env)


def _reaching(world: World, family: Family, position: int, index: Node, scope: Hashable):  # type: ignore[no-untyped-def]
    def size() -> int:
        low = world.low(world.entry_axis(family, position))
        found = [
            value
            for other, at, node, where in world.reaches
            if (other, at) == (family, position)
            for _, value in _corners(world, node, where)
        ]
        return max(found) - low + 1

    return size


def _fitting(world: World, family: Family, position: int, index: Node, scope: Hashable, axis: Hashable):  # type: ignore[no-untyped-def]
    def size() -> int:
        axis_read = world.entry_axis(family, position)
        high = world.low(axis_read) + world.axes.size(axis_read) - 1
        low = world.low(axis)
        others = {}
        for name in letters_of(index):
            other = ("letter", scope, name)
            if other != axis and name not in world.facts.sizes and name not in world.settings:
                others[name] = world.low(other) + world.axes.size(other) - 1
        mine = str(axis[2])  # type: ignore[index]
        count = 0
        while count < 12 and world.integer(index, others | {mine: low + count}) <= high:
            count += 1
        return count

    return size
