"""One small exact instance of the notes: sizes for all axes, a symbol for every entry, definitions as values."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product as grid
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, SymcnnError
from symcnn.notes.definitions import displayed
from symcnn.notes.facts import Definition, Facts, Shape
from symcnn.notes.free import means
from symcnn.notes.name_parts import base_name, letter, letters_of
from symcnn.notes.names import Ref, read_name
from symcnn.notes.operations import Array, known_function
from symcnn.notes.shape_axes import COUNTER, ONE
from symcnn.notes.shaper import Shaper
from symcnn.notes.sizes import Axes
from symcnn.notes.total import Differentials
from symcnn.notes.tree import BigOperator, Chain, Node, Number, Script, Symbol, Unary
from symcnn.notes.walking import walk

LAST_LAYER = 9
MIDDLE_LAYER = 4
LARGEST_ARRAY = 800
ALONE = -999
"""The member number of a tensor that is not one of many."""


class Unreadable(SymcnnError):
    """A formula whose meaning the notes do not pin down."""


class Mismatch(SymcnnError):
    """Shapes that do not conform in a formula; `node` is the place."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        self.node = node
        super().__init__(message)


@dataclass(frozen=True, slots=True, order=True)
class Family:
    """A tensor: its key with the number of its layer and of its sample; `member` is the t of h_t."""

    key: str
    layer: int = -1
    sample: int = -1
    member: int = ALONE

    def __str__(self) -> str:
        layer = f"^{self.layer}" if self.layer >= 0 else ""
        member = f"@{self.member}" if self.member != ALONE else ""
        return f"{self.key}{layer}" + (f"({self.sample})" if self.sample >= 0 else "") + member


@dataclass(frozen=True, slots=True)
class Reading:
    """The conventions under which formulas are read."""

    layout: str = "gradient"
    entrywise: bool = False
    single: bool = False
    scaled: bool = False
    flipped: bool = False
    each: bool = False
    """Whether dX is a derivative of the loss of one example, where there is one for each and one for all."""
    activation: tuple[str, str] | None = None
    """A function that the notes do not define, and the one that it is taken to be."""


class World:
    """The notes at small sizes, with the definitions that are in force at one place.

    `active` are the definitions, one for each name (several where entries are defined one by one).
    """

    def __init__(
        self,
        facts: Facts,
        active: tuple[Definition, ...],
        variant: int = 0,
        settings: Mapping[str, int] | None = None,
        reading: Reading | None = None,
        functions: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        from symcnn.notes.cotangent import Cotangents
        from symcnn.notes.evaluate import Evaluator

        self.facts = facts
        self.reading = reading or Reading()
        self.variant = variant
        self.settings = dict(settings or {})
        self.axes = Axes(variant, larger=facts.larger, steps=tuple(sorted(facts.steps)))
        self.convolved = False
        """Whether a convolution was met of which the notes do not say whether it flips the filter."""
        self.kinds: dict[str, str] = {}
        self.functions = {
            name: rule for name, order in functions for rule in facts.functions[name] if rule.order == order
        }
        self.letter_axes: dict[tuple[Hashable, str], Hashable] = {}
        self.lows: list[tuple[Hashable, int]] = []
        self.reaches: list[tuple[Family, int, Node, Hashable]] = []
        self.origin: dict[sp.Symbol, tuple[Family, tuple[int, ...]]] = {}
        self.definitions: dict[str, list[Definition]] = {}
        for definition in sorted(active, key=_is_rule):
            self.definitions.setdefault(definition.key, []).append(definition)
        self._shapes: dict[Family, tuple[int, ...]] = {}
        self._rows: dict[Family, tuple[int, ...]] = {}
        self._tensors: dict[Family, Array] = {}
        self._whole: dict[tuple[int, ...], Array] = {}
        self._values: dict[sp.Symbol, sp.Expr | None] = {}
        self._busy: set[Hashable] = set()
        self.opaque: set[sp.Symbol] = set()
        self.aside: frozenset[str] = frozenset()
        """Names that are defined elsewhere in the notes than at the place looked at."""
        self.free_ranges: dict[str, range] = {}
        """What the free letters of the claim looked at run through."""
        self.outside = 0
        self.vacant = 0
        """How often a product over an empty range was met."""
        self.beyond = 0
        """How often a tensor was read that lies outside of the range of its rule, such as h_{T+1}."""
        self.elastic: set[Hashable] = set()
        self.numbers: dict[int, dict[sp.Symbol, Any]] = {}
        self.evaluator = Evaluator
        self.cotangents = Cotangents(self)
        self.differentials = Differentials(self)
        self._declare()
        for _ in range(3):
            self._infer()
            self._rules()
        self._measure()

    # --- what the notes say about kinds and sizes

    def stated_numbers(self) -> bool:
        """Whether the notes fix sizes by numbers."""
        return any(
            isinstance(size, Number) and size.text != "1"
            for shapes in self.facts.shapes.values()
            for shape in shapes
            for size in shape.sizes
        )

    def is_size(self, key: str) -> bool:
        if key not in self.facts.sizes and key not in self.settings:
            return False
        return all(d.indices is not None or d.member is not None for d in self.definitions.get(key, ()))

    def is_loss(self, node: Node) -> bool:
        ref = read_name(node, self.facts.habits)
        return ref is not None and self.facts.resolve(ref.key) in self.facts.losses

    def is_function(self, head: Node) -> bool:
        """Whether a name before a bracket is applied to what is in the bracket."""
        name = base_name(head.base) if isinstance(head, Script) else base_name(head)
        if name is None:
            return False
        if isinstance(head, Script) and head.primes:
            return True
        return name in self.facts.applied or name in self.facts.functions or known_function(name)

    def is_entry_call(self, head: Node) -> bool:
        name = base_name(head)
        return name is not None and name in self.facts.called_entries

    def family(self, ref: Ref, env: Mapping[str, int]) -> Family | None:
        """The tensor that a name stands for; None where its layer is no number."""
        layer = sample = -1
        member = ALONE
        try:
            if ref.layer is not None:
                layer = self.integer(ref.layer, env)
            if ref.sample is not None:
                sample = self.integer(ref.sample, env)
            if ref.member is not None:
                member = self.member(ref.member, env)
        except Unreadable:
            return None
        return Family(self.facts.resolve(ref.key + "'" * ref.primes), layer, sample, member)

    def member(self, node: Node, env: Mapping[str, Any]) -> int:
        """Which of many tensors is meant; the first one where the letter that counts them is left open."""
        name = letter(node)
        if name is not None and name not in env and not self.is_size(name) and name not in self.definitions:
            return self._first_member(name)
        if name is not None and isinstance(env.get(name), int):
            return int(env[name])
        return self.integer(node, env)

    def _first_member(self, name: str) -> int:
        return 0 if self.facts.cues.zero_based and name not in self.facts.ranges else 1

    def members(self, family: Family) -> range:
        """The numbers that the members of a tensor's kind run through."""
        axis = self.entry_axis(family, COUNTER)
        low = self.low(axis)
        return range(low, low + self.axes.size(axis))

    def integer(self, node: Node, env: Mapping[str, int]) -> int:
        """The value of an index or size. Raises Unreadable where it is no whole number."""
        value = self.evaluator(self, env).scalar(node)
        if not value.is_Integer and value.free_symbols:
            value = self.expand(value)
        if not value.is_Integer:
            raise Unreadable(f"a whole number is needed, came {value}")
        return int(value)

    def layer_env(self, layers: Iterator[int] | None = None) -> dict[str, int]:
        """Numbers for the letters that stand for layers; not for one that the notes define as a value."""
        middle = self.facts.layers[0] if self.facts.layers else MIDDLE_LAYER
        last = max(self.facts.layers) if self.facts.layers else LAST_LAYER
        letters = {"l": middle, "ell": middle, "L": last}
        return {letter: number for letter, number in letters.items() if not self._is_value(letter)}

    def _is_value(self, letter: str) -> bool:
        """Whether the notes define this letter, other than by a number of layers."""
        return any(not isinstance(d.body, Number) for d in self.definitions.get(letter, []))

    def all_layers(self) -> tuple[int, ...]:
        if self.facts.layers:
            return self.facts.layers
        return (3, 4, 5, 6, LAST_LAYER - 1, LAST_LAYER)

    def settle(self, key: str, kind: str) -> str:
        return self.kinds.setdefault(key, kind)

    def rank(self, key: str) -> int:
        kind = self.kinds.get(key, "S")
        return {"S": 0, "V": 1, "R": 1, "M": 2, "O": 2}.get(kind) or (
            int(kind[1:]) if kind.startswith("T") else 0
        )

    def axes_of(self, family: Family) -> tuple[Hashable, ...]:
        kind = self.kinds.get(family.key, "S")
        axes = tuple(self.entry_axis(family, position) for position in range(self.rank(family.key)))
        match kind:
            case "V":
                return (axes[0], ONE)
            case "R":
                return (ONE, axes[0])
            case "O":
                return (ONE, ONE)
        return axes

    def entry_axis(self, family: Family, position: int) -> Hashable:
        return ("axis", family.key, family.layer, position)

    def reach(self, family: Family, position: int, index: Node, scope: Hashable) -> None:
        self.reaches.append((family, position, index, scope))

    def _declare(self) -> None:
        for letter_, (low, _high) in sorted(self.facts.ranges.items(), key=lambda item: item[0]):
            axis = ("range", letter_)
            if isinstance(low, int):
                self.lows.append((axis, low))
        self._declare_displays()
        for key, shapes in sorted(self.facts.shapes.items()):
            sizes = shapes[-1].sizes
            name, _, layer = key.partition("@")
            if sizes and (name not in self.kinds or layer):
                self._declare_shape(name, sizes, self._layers_of(shapes[-1], layer))

    def _declare_displays(self) -> None:
        """A matrix of names fixes the sizes of the tensor and of the one whose entries it shows."""
        for key in sorted(self.definitions):
            for definition in self.definitions[key]:
                matrix = displayed(self.facts, definition.body) if definition.display else None
                if matrix is None:
                    continue
                corner = read_name(matrix.rows[0][0], self.facts.habits)
                assert corner is not None
                sizes = (len(matrix.rows), len(matrix.rows[0]))
                first = [self.integer(i, {}) for i in corner.indices or ()]
                for owner in sorted({key, self.facts.resolve(corner.key)}):
                    self._fix_display(owner, sizes, first)

    def _fix_display(self, key: str, sizes: tuple[int, int], first: list[int]) -> None:
        if len(first) == 1:
            sizes_used: tuple[int, ...] = (max(sizes),)
            kind = "V" if sizes[1] == 1 else "R"
        else:
            sizes_used, kind = sizes, "M"
        self.kinds[key] = kind
        for position, (size, low) in enumerate(zip(sizes_used, first, strict=False)):
            self.axes.fix(("axis", key, -1, position), size)
            self.lows.append((("axis", key, -1, position), low))

    def _layers_of(self, shape: Shape, number: str) -> tuple[int, ...]:
        """The layers that a declared shape speaks of."""
        if number:
            return (int(number),)
        if shape.layer is None or letter(shape.layer) is not None:
            return (-1, *self.all_layers())
        return (self.integer(shape.layer, self.layer_env()),)

    def _declare_shape(self, key: str, sizes: tuple[Node, ...], layers: tuple[int, ...]) -> None:
        ones = [isinstance(size, Number) and size.text == "1" for size in sizes]
        if len(sizes) == 1:
            kind = "V"
        elif len(sizes) == 2 and layers != (-1, *self.all_layers()):
            kind = "M"
        elif len(sizes) == 2:
            kind = "O" if all(ones) else "V" if ones[1] else "R" if ones[0] else "M"
        else:
            kind = f"T{len(sizes)}"
        self.kinds[key] = kind
        keep = [size for size, one in zip(sizes, ones, strict=True) if not (one and kind in "VRO")]
        if kind == "O":
            return
        for layer in layers:
            for position, size in enumerate(keep):
                self._size_axis(("axis", key, layer, position), size, self.layer_env() | {"l": layer})

    def _size_axis(self, axis: Hashable, size: Node, env: dict[str, int]) -> None:
        """Give an axis the size that a formula states."""
        match size:
            case Number(text=text) if text.isdigit():
                self.axes.fix(axis, int(text))
                return
            case Symbol(name=name):
                if name not in self.settings and (name not in self.definitions or self.is_size(name)):
                    self.axes.name(axis, name)
                    return
        ref = read_name(size, self.facts.habits)
        if (
            ref is not None
            and ref.layer is None
            and ref.key not in self.definitions
            and ref.key not in self.settings
        ):
            self.axes.name(axis, ref.key + "'" * ref.primes)
            return
        self.axes.derive(axis, lambda: self.integer(size, env))

    def _infer(self) -> None:
        """Read the shapes off all definitions, at every layer that a rule is for."""
        for key in sorted(self.definitions):
            for number, definition in enumerate(self.definitions[key]):
                if definition.display:
                    continue
                for env in self.layer_instances(definition):
                    scope = (key, number, tuple(sorted(env.items())))
                    self._bounds(definition.body, scope, env)
                    shaper = Shaper(self, scope, env)
                    family = self._target(definition, env)
                    if family is not None:
                        if definition.member is not None:
                            shaper.count(family, definition.member)
                        shaper.define(family, definition.indices, definition.body)
                        self._free_letters(definition, scope)

    def _free_letters(self, definition: Definition, scope: Hashable) -> None:
        """Ranges that the notes give to an index letter hold in every definition."""
        counters = (definition.member,) if definition.member is not None else ()
        for index in (*counters, *(definition.indices or ())):
            for name in letters_of(index):
                if name in self.facts.ranges:
                    self._range(("letter", scope, name), *self.facts.ranges[name], {})

    def _range(self, axis: Hashable, low: Node | int, high: Node | int, env: dict[str, int]) -> None:
        low_number = low if isinstance(low, int) else int(low.text) if isinstance(low, Number) else None
        if low_number is not None:
            self.lows.append((axis, low_number))
        if isinstance(high, int):
            self.axes.derive(axis, lambda: high - (low_number or 0) + 1)
        elif low_number == 1 and isinstance(high, Symbol | Number | Script):
            self._size_axis(axis, high, env)
        else:
            self.axes.derive(axis, lambda: self.integer(high, env) - (low_number or 0) + 1)

    def _bounds(self, body: Node, scope: Hashable, env: dict[str, int]) -> None:
        """The ranges that sums give to their letters."""
        for size, counter in means(body):
            self._size_axis(("letter", scope, counter), size, env)
        for node in walk(body):
            if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
                name = letter(node.lower.sides[0])
                if name is not None and node.lower.relations[0].name == "=":
                    self._range(("letter", scope, name), node.lower.sides[1], node.upper, env)

    def layer_instances(self, definition: Definition) -> list[dict[str, int]]:
        """The environments, one a layer, for which a definition speaks."""
        if definition.layer is None or not letters_of(definition.layer):
            return [self.layer_env()]
        names = letters_of(definition.layer)
        if "L" in names:
            return [self.layer_env()]
        return [self.layer_env() | {names[0]: layer} for layer in self.all_layers()]

    def _rules(self) -> None:
        """Functions that the notes give a rule for read tensors too."""
        for name in sorted(self.functions):
            rule = self.functions[name]
            if len(rule.parameters) == 1:
                Shaper(self, ("function", name), self.layer_env()).shape(rule.body)

    def _target(self, definition: Definition, env: dict[str, int]) -> Family | None:
        return self.family(
            Ref(definition.key, definition.layer, definition.sample, member=definition.member), env
        )

    def _measure(self) -> None:
        """Sizes for axes that are read at sums of indices, such as x[i + m]."""
        for family, position, index, scope in self.reaches:
            axis = self.entry_axis(family, position)
            letters = [
                ("letter", scope, name) for name in letters_of(index) if (scope, name) in self.letter_axes
            ]
            unknown = [a for a in letters if not self.pinned(a)]
            if self.pinned(axis) and unknown:
                self.axes.derive(unknown[0], self._fitting(family, position, index, scope, unknown[0]))
            elif not self.pinned(axis):
                if all(
                    isinstance(other[2], Number) for other in self.reaches if other[:2] == (family, position)
                ):
                    self.elastic.add(axis)
                self.axes.derive(axis, self._reaching(family, position, index, scope))

    def pinned(self, axis: Hashable) -> bool:
        root = self.axes.find(axis)
        return root in self.axes.fixed or root in self.axes.named or root in self.axes.derived

    def _corners(self, index: Node, scope: Hashable) -> Iterator[tuple[dict[str, int], int]]:
        skipped = self.facts.sizes | set(self.settings)
        inner = read_name(index, self.facts.habits) if isinstance(index, Script) else None
        if inner is not None and inner.key in self.facts.habits.classes:
            skipped = skipped | set(letters_of(index))
        names = [n for n in letters_of(index) if n not in skipped]
        spans = []
        for name in names:
            axis = ("letter", scope, name)
            low = self.low(axis)
            spans.append((low, low + self.axes.size(axis) - 1))
        for corner in grid(*spans):
            env = dict(zip(names, corner, strict=True))
            yield env, self.integer(index, env)

    def _reaching(self, family: Family, position: int, index: Node, scope: Hashable):  # type: ignore[no-untyped-def]
        def size() -> int:
            low = self.low(self.entry_axis(family, position))
            found = [
                value
                for other, at, node, where in self.reaches
                if (other, at) == (family, position)
                for _, value in self._corners(node, where)
            ]
            return max(found) - low + 1

        return size

    def _fitting(self, family: Family, position: int, index: Node, scope: Hashable, axis: Hashable):  # type: ignore[no-untyped-def]
        def size() -> int:
            axis_read = self.entry_axis(family, position)
            high = self.low(axis_read) + self.axes.size(axis_read) - 1
            low = self.low(axis)
            others = {}
            for name in letters_of(index):
                other = ("letter", scope, name)
                if other != axis and name not in self.facts.sizes and name not in self.settings:
                    others[name] = self.low(other) + self.axes.size(other) - 1
            mine = str(axis[2])  # type: ignore[index]
            count = 0
            while count < 12 and self.integer(index, others | {mine: low + count}) <= high:
                count += 1
            return count

        return size

    def low(self, axis: Hashable) -> int:
        """The number of the first entry along an axis."""
        root = self.axes.find(axis)
        for known, low in self.lows:
            if self.axes.find(known) == root:
                return low
        return 0 if self.facts.cues.zero_based else 1

    # --- symbols

    def shape(self, family: Family) -> tuple[int, ...]:
        """The sizes of a tensor. Raises Unreadable where they follow from themselves."""
        if family not in self._shapes:
            whole = self._whole_definition(family)
            if whole is not None:
                self._shapes[family] = self.whole(*whole).shape
            else:
                axes = self.axes_of(family)
                self._shapes[family] = tuple(1 if axis == ONE else self.axes.size(axis) for axis in axes)
        return self._shapes[family]

    def tensor(self, family: Family) -> Array:
        """The entries of a tensor as symbols, in the shape that matrix formulas see."""
        if family not in self._tensors:
            shape = self.shape(family)
            if int(np.prod(shape)) > LARGEST_ARRAY:
                raise Unreadable(f"{family} would have {int(np.prod(shape))} entries")
            lows = self._lows(family)
            out = np.empty(shape, dtype=object)
            for place in np.ndindex(*shape):
                out[place] = self.symbol(family, self._written(family, place, lows))
            self._tensors[family] = self._named_entries(family, out)
        return self._tensors[family]

    def _named_entries(self, family: Family, out: Array) -> Array:
        """Where the notes display a tensor as a matrix of names, its entries are those names."""
        for definition in self.definitions.get(family.key, ()):
            matrix = displayed(self.facts, definition.body) if definition.display else None
            if matrix is not None and family.layer < 0:
                for place in np.ndindex(*out.shape):
                    ref = read_name(matrix.rows[place[0]][place[1]], self.facts.habits)
                    assert ref is not None
                    inner = Family(self.facts.resolve(ref.key))
                    out[place] = self.symbol(inner, tuple(self.integer(i, {}) for i in ref.indices or ()))
        return out

    def _written(self, family: Family, place: tuple[int, ...], lows: tuple[int, ...]) -> tuple[int, ...]:
        """The indices under which the notes speak of an entry."""
        match self.kinds.get(family.key):
            case "V":
                place = place[:1]
            case "R":
                place = place[1:]
        lows = lows if len(lows) == len(place) else tuple(1 for _ in place)
        return tuple(p + low for p, low in zip(place, lows, strict=True))

    def _lows(self, family: Family) -> tuple[int, ...]:
        if family not in self._rows:
            self._rows[family] = tuple(
                self.low(self.entry_axis(family, p)) for p in range(self.rank(family.key))
            )
        return self._rows[family]

    def symbol(self, family: Family, indices: tuple[int, ...]) -> sp.Symbol:
        name = f"{family}[{','.join(map(str, indices))}]" if indices else str(family)
        made = sp.Symbol(name)
        self.origin.setdefault(made, (family, indices))
        return made

    def entry(self, family: Family, indices: tuple[int, ...]) -> sp.Expr:
        """One entry by the indices that the notes use; zero outside of the tensor."""
        if len(indices) != self.rank(family.key):
            raise Unreadable(f"{family} is read with {len(indices)} indices")
        lows = self._lows(family)
        shape = self.shape(family)
        sizes = {"V": shape[:1], "R": shape[1:]}.get(self.kinds.get(family.key, ""), shape)
        place = tuple(i - low for i, low in zip(indices, lows, strict=True))
        if any(p < 0 or p >= size for p, size in zip(place, sizes, strict=True)):
            if self._elastic(family):
                return self.symbol(family, indices)
            self.outside += 1
            return sp.Integer(0)
        return self.tensor(family)[self._place(family, place)]

    def _elastic(self, family: Family) -> bool:
        """Whether the notes only show single entries of a tensor, so that it may have more."""
        axes = [self.entry_axis(family, p) for p in range(self.rank(family.key))]
        return any(axis in self.elastic for axis in axes)

    def _place(self, family: Family, place: tuple[int, ...]) -> tuple[int, ...]:
        match self.kinds.get(family.key):
            case "V":
                return (*place, 0)
            case "R":
                return (0, *place)
        return place

    # --- values

    def _whole_definition(self, family: Family) -> tuple[Definition, dict[str, int]] | None:
        for definition in self.definitions.get(family.key, ()):
            if definition.indices is None and not definition.display:
                env = self.match_layer(definition, family)
                if env is not None:
                    return definition, env
        return None

    def match_layer(self, definition: Definition, family: Family) -> dict[str, int] | None:
        """The environment in which a definition speaks of a family, None where it does not."""
        for env in self.layer_instances(definition):
            if definition.sample is not None:
                names = letters_of(definition.sample)
                if names:
                    env = env | {names[0]: family.sample}
            for counted in self._counts(definition, family, env):
                if self._target(definition, env | counted) == family:
                    return env | counted
        return None

    def _counts(self, definition: Definition, family: Family, env: dict[str, int]) -> list[dict[str, int]]:
        """Numbers for the letter under a definition of many tensors that may give the family's own number."""
        names = [n for n in letters_of(definition.member) if not self.is_size(n)] if definition.member else []
        if not names or (definition.member is None) != (family.member == ALONE):
            return [{}]
        if letter(definition.member) == names[0]:  # type: ignore[arg-type]
            return [{names[0]: family.member}] if family.member in self.members(family) else []
        return [{names[0]: number} for number in self.members(family)]

    def beyond_range(self, family: Family) -> bool:
        """Whether the notes give a rule for tensors of this kind, and this one is after the last of them."""
        known = self.definitions.get(family.key, [])
        return bool(known) and family.member != ALONE and family.member > self.members(family)[-1]

    def whole(self, definition: Definition, env: dict[str, int]) -> Array:
        """The value of a definition of a whole tensor."""
        counted = letters_of(definition.member) if definition.member is not None else []
        key = (definition.order, env.get("l", -1), env.get("L", -1), *(env.get(n, ALONE) for n in counted))
        if key not in self._whole:
            if ("whole", key) in self._busy:
                raise Unreadable(f"{definition.key} is defined by itself")
            self._busy.add(("whole", key))
            try:
                self._whole[key] = self.evaluator(self, env).value(definition.body)
            except (Mismatch, ShapeError) as error:
                raise Unreadable(
                    f"the definition of {definition.key} in line {definition.line}: {error}"
                ) from error
            finally:
                self._busy.discard(("whole", key))
        return self._whole[key]

    def value(self, symbol: sp.Symbol) -> sp.Expr | None:
        """What an entry is defined as, in the symbols of other entries; None for one that is given."""
        if symbol not in self._values:
            self._values[symbol] = None
            if symbol in self.origin:
                try:
                    self._values[symbol] = self._defined(*self.origin[symbol])
                except SymcnnError:
                    self.opaque.add(symbol)
        return self._values[symbol]

    def _defined(self, family: Family, indices: tuple[int, ...]) -> sp.Expr | None:
        for definition in self.definitions.get(family.key, ()):
            if definition.display:
                continue
            env = self.match_layer(definition, family)
            if env is None:
                continue
            if definition.indices is None:
                whole = self.whole(definition, env)
                lows = self._lows(family)
                place = tuple(i - low for i, low in zip(indices, lows, strict=False))
                place = self._place(family, place)
                if whole.ndim == 0 or len(place) != whole.ndim:
                    return whole.flat[0] if whole.size == 1 else None
                value = whole[place]
                return None if value == self.symbol(family, indices) else value
            bound = self._bind(definition.indices, indices, env)
            if bound is not None:
                return self.evaluator(self, env | bound).scalar(definition.body)
        if family.key in self.facts.normalised and family.key not in self.definitions:
            return self._rest_of_one(family, indices)
        return None

    def _rest_of_one(self, family: Family, indices: tuple[int, ...]) -> sp.Expr | None:
        """The last entry of a vector whose entries add up to one: what the others leave."""
        if len(indices) != 1 or self.rank(family.key) != 1:
            return None
        low, size = self._lows(family)[0], max(self.shape(family))
        if indices[0] != low + size - 1:
            return None
        return sp.Integer(1) - sp.Add(*(self.symbol(family, (low + k,)) for k in range(size - 1)))

    def _bind(
        self, written: tuple[Node, ...], indices: tuple[int, ...], env: dict[str, int]
    ) -> dict[str, int] | None:
        """The values of the index letters for which a definition speaks of an entry."""
        if len(written) != len(indices):
            return None
        bound: dict[str, int] = {}
        for node, index in zip(written, indices, strict=True):
            name = letter(node)
            if name is not None and not self.is_size(name):
                if bound.setdefault(name, index) != index:
                    return None
            elif self.integer(node, env | bound) != index:
                return None
        return bound

    def batch_size(self) -> sp.Integer:
        """The number of examples."""
        return sp.Integer(self.axes.size(("size", "m")))

    def defined_families(self) -> Iterator[Family]:
        """Every tensor that a definition in force gives a value, at the layers looked at."""
        for key in sorted(self.definitions):
            seen: set[Family] = set()
            for definition in self.definitions[key]:
                if definition.display or definition.sample is not None:
                    continue
                for env in self.layer_instances(definition):
                    for counted in self._every_count(definition, env):
                        family = self._target(definition, env | counted)
                        if family is not None and family not in seen:
                            seen.add(family)
                            yield family

    def _every_count(self, definition: Definition, env: dict[str, int]) -> list[dict[str, int]]:
        """Numbers for the letter under a definition of many tensors, one dictionary for each tensor."""
        names = [n for n in letters_of(definition.member) if not self.is_size(n)] if definition.member else []
        family = self._target(definition, env)
        if not names or family is None:
            return [{}]
        return [{names[0]: number} for number in self.members(family)]

    def expand(self, expr: sp.Expr, stop: frozenset[sp.Symbol] = frozenset()) -> sp.Expr:
        """An expression with all definitions put in. Raises Unreadable on definitions that go round."""
        for _ in range(40):
            table = {}
            for symbol in expr.free_symbols:
                if symbol not in stop:
                    value = self.value(symbol)
                    if value is not None:
                        table[symbol] = value
            if not table:
                return expr
            expr = expr.xreplace(table)
            if expr.count_ops() > 40000:
                raise Unreadable("the expression with all definitions put in is too large")
        raise Unreadable("the definitions go round in a circle")


def _is_rule(definition: Definition) -> bool:
    """Whether a definition is for many tensors; the ones for a single member of them come first."""
    return definition.member is not None and bool(letters_of(definition.member))


def check_shape(value: Array, shape: tuple[int, ...]) -> Array:
    """`value` where it has that shape. Raises ShapeError."""
    if value.shape != shape:
        raise ShapeError(f"expected {shape}, came {value.shape}")
    return value


__all__ = ["Family", "Mismatch", "Reading", "Unary", "Unreadable", "World", "check_shape"]
