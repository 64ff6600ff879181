"""One small exact instance of the notes: sizes for all axes, a symbol for every entry, definitions as values."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from symcnn.notes.defined_values import expanded, whole_definition, whole_value
from symcnn.notes.entries import array_place, is_elastic, lows_of, named_entries, written_indices
from symcnn.notes.facts import Definition, Facts
from symcnn.notes.families import ALONE, Family, Reading, Unreadable
from symcnn.notes.measuring import declare, infer, infer_functions, measure
from symcnn.notes.name_parts import base_name, counts_layers, letter, letters_of
from symcnn.notes.names import Ref, read_name
from symcnn.notes.operations import Array, known_function
from symcnn.notes.shape_axes import COUNTER, ONE
from symcnn.notes.sizes import Axes
from symcnn.notes.total import Differentials
from symcnn.notes.tree import Node, Number, Script

LAST_LAYER = 9
MIDDLE_LAYER = 4
LARGEST_ARRAY = 800


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
        self.conventions: set[str] = set()
        """The conventions, of those that notes may leave open, on which what was evaluated depends."""
        """Whether a convolution was met of which the notes do not say whether it flips the filter."""
        self.kinds: dict[str, str] = {}
        self.open_biases: set[str] = set()
        """The names whose shape only a sum with a product tells."""
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
        self.first_indices: dict[Family, tuple[int, ...]] = {}
        self._tensors: dict[Family, Array] = {}
        self.wholes: dict[tuple[object, ...], Array] = {}
        self.known_values: dict[sp.Symbol, sp.Expr | None] = {}
        self.busy: set[Hashable] = set()
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
        self.labels: dict[sp.Symbol, set[int]] = {}
        """Entries that are compared with an index, as the class in `1[y = k]`, with numbers that they may be."""
        self.numbers: dict[int, dict[sp.Symbol, Any]] = {}
        self.evaluator = Evaluator
        self.cotangents = Cotangents(self)
        self.differentials = Differentials(self)
        declare(self)
        for _ in range(3):
            infer(self)
            infer_functions(self)
        measure(self)

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

    def layer_size(self, node: Node, env: Mapping[str, Any]) -> str | None:
        """The name of the size of one layer, `n_4` for n_l where l is 4; None for anything else."""
        if not isinstance(node, Script) or node.sub is None or node.sup is not None or node.primes:
            return None
        base = base_name(node.base)
        numbered = isinstance(node.sub, Number) or counts_layers(node.sub)
        if base not in self.facts.layer_sizes or not numbered:
            return None
        return f"{base}_{self.integer(node.sub, env)}"

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
            value = expanded(self, value)
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
        return tuple(sorted({3, 4, 5, 6, LAST_LAYER - 1, LAST_LAYER} | self.facts.first_layers))

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

    def layer_instances(self, definition: Definition) -> list[dict[str, int]]:
        """The environments, one a layer, for which a definition speaks."""
        if definition.layer is None or not letters_of(definition.layer):
            return [self.layer_env()]
        names = letters_of(definition.layer)
        if "L" in names:
            return [self.layer_env()]
        return [self.layer_env() | {names[0]: layer} for layer in self.all_layers()]

    def target(self, definition: Definition, env: dict[str, int]) -> Family | None:
        return self.family(
            Ref(definition.key, definition.layer, definition.sample, member=definition.member), env
        )

    def pinned(self, axis: Hashable) -> bool:
        root = self.axes.find(axis)
        return root in self.axes.fixed or root in self.axes.named or root in self.axes.derived

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
            whole = whole_definition(self, family)
            if whole is not None:
                self._shapes[family] = whole_value(self, *whole).shape
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
            lows = lows_of(self, family)
            out = np.empty(shape, dtype=object)
            for place in np.ndindex(*shape):
                out[place] = self.symbol(family, written_indices(self, family, place, lows))
            self._tensors[family] = named_entries(self, family, out)
        return self._tensors[family]

    def symbol(self, family: Family, indices: tuple[int, ...]) -> sp.Symbol:
        name = f"{family}[{','.join(map(str, indices))}]" if indices else str(family)
        made = sp.Symbol(name)
        self.origin.setdefault(made, (family, indices))
        return made

    def entry(self, family: Family, indices: tuple[int, ...]) -> sp.Expr:
        """One entry by the indices that the notes use; zero outside of the tensor."""
        if len(indices) != self.rank(family.key):
            raise Unreadable(f"{family} is read with {len(indices)} indices")
        lows = lows_of(self, family)
        shape = self.shape(family)
        sizes = {"V": shape[:1], "R": shape[1:]}.get(self.kinds.get(family.key, ""), shape)
        place = tuple(i - low for i, low in zip(indices, lows, strict=True))
        if any(p < 0 or p >= size for p, size in zip(place, sizes, strict=True)):
            if is_elastic(self, family):
                return self.symbol(family, indices)
            self.outside += 1
            return sp.Integer(0)
        return self.tensor(family)[array_place(self, family, place)]

    # --- values

    def beyond_range(self, family: Family) -> bool:
        """Whether the notes give a rule for tensors of this kind, and this one is after the last of them."""
        known = self.definitions.get(family.key, [])
        return bool(known) and family.member != ALONE and family.member > self.members(family)[-1]

    def batch_size(self) -> sp.Integer:
        """The number of examples."""
        return sp.Integer(self.axes.size(("size", "m")))


def _is_rule(definition: Definition) -> bool:
    """Whether a definition is for many tensors; the ones for a single member of them come first."""
    return definition.member is not None and bool(letters_of(definition.member))
