"""Worlds for each place of the notes: which definitions are in force there, and what names stand for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from symcnn.notes.claims import Piece
from symcnn.notes.definitions import root_of
from symcnn.notes.facts import Definition, Facts
from symcnn.notes.families import Reading
from symcnn.notes.in_force import InForce, slot_of
from symcnn.notes.measuring import loose_bounds, tie_bounds
from symcnn.notes.name_parts import INDEX_LETTERS, TRANSPOSES, names_in
from symcnn.notes.names import read_name
from symcnn.notes.operations import operation_name
from symcnn.notes.shaper import CLAIM, Shaper
from symcnn.notes.tree import Node, Script, Symbol, Word
from symcnn.notes.walking import walk
from symcnn.notes.world import World

MOST_WORLDS = 24
"""How many worlds are kept at a time."""

LOOK_AHEAD = 6
"""How many pieces later a name may be defined that is used here."""


@dataclass(slots=True)
class Bench:
    """Builds and keeps worlds; `in_force` are the definitions judged good so far."""

    facts: Facts
    keys: frozenset[str]
    sections: list[int]
    in_force: InForce = field(init=False)
    examples: tuple[Definition, ...] = ()
    """Numbers for names that hold in one check only."""
    dropped: set[int] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    good_chains: list[Piece] = field(default_factory=list)
    made: frozenset[str] = field(init=False)
    """The names that the notes define as whole tensors, anywhere: two of them are two things."""
    _shaped: frozenset[str] = field(init=False)
    _sorted_keys: tuple[str, ...] = field(init=False)
    _reads: dict[tuple[int, str], frozenset[str]] = field(default_factory=dict)
    _worlds: dict[object, World] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.in_force = InForce(self.facts, self.sections)
        whole = [d for d in self.facts.definitions if d.indices is None and d.layer is None and not d.display]
        self.made = frozenset(d.key for d in whole)
        self._shaped = frozenset(self.facts.shapes)
        self._sorted_keys = tuple(sorted(self.keys))

    def active(self, order: int, *, ahead: bool = True) -> tuple[Definition, ...]:
        """The definitions in force for the piece with that number, in the order of the notes.

        `ahead` takes in those that follow soon, for names that are used before they are defined.
        """
        before = self.in_force.before(order, self.examples)
        chosen = {slot_of(d): d for d in before if not self._was_other(d, order)}
        if ahead:
            known = {definition.key for definition in chosen.values()}
            for definition in self._soon(order):
                if definition.key in known or definition.order in self.dropped:
                    continue
                if (
                    not self._given_before(definition)
                    and _swapped(definition.key) not in known | self._shaped
                ):
                    chosen.setdefault(slot_of(definition), definition)
        known = {definition.key for definition in chosen.values()}
        roots = [
            root
            for d in chosen.values()
            if (root := root_of(d)) is not None and root.key in self.keys - known
        ]
        return tuple(sorted((*chosen.values(), *roots), key=lambda d: d.order))

    def _soon(self, order: int) -> Iterator[Definition]:
        """The definitions that follow soon after a place in its section."""
        every = self.facts.definitions
        for number in range(bisect_left(every, order, key=lambda d: d.order), len(every)):
            if every[number].order - order > LOOK_AHEAD:
                return
            if self.sections[every[number].order] == self.sections[order]:
                yield every[number]

    def _given_before(self, definition: Definition) -> bool:
        """Whether the notes have used a name as given long before they define it."""
        first = self.in_force.readers.get(definition.key)
        return first is not None and first < definition.order - LOOK_AHEAD

    def _was_other(self, definition: Definition, order: int) -> bool:
        """Whether the notes have since taken the name of entries for a scalar."""
        later = [s for s in self.facts.shapes.get(definition.key, ()) if definition.order < s.order <= order]
        return definition.indices is not None and bool(later) and not later[-1].sizes

    def forget(self) -> None:
        """Drop all worlds: one in which a check was stopped half-way may hold half a value."""
        self._worlds.clear()

    def world(
        self,
        order: int,
        *,
        variant: int = 0,
        reading: Reading | None = None,
        settings: Mapping[str, int] | None = None,
        functions: frozenset[tuple[str, int]] = frozenset(),
        without: int | None = None,
        claim: tuple[Node, Node] | None = None,
        ahead: bool = True,
    ) -> World:
        """The world at a place; `claim` gives names that only it uses their shapes."""
        active = tuple(d for d in self.active(order, ahead=ahead) if d.order != without)
        shapes = {
            k: [s for s in v if s.order <= order] or (v[:1] if ahead else [])
            for k, v in self.facts.shapes.items()
        }
        shapes = {k: v for k, v in shapes.items() if v}
        aliases = dict(self.facts.aliases)
        self._twins(active, shapes, aliases)
        self._misnumbered(active, shapes, aliases)
        aliases.update(self.renamed)
        key = (
            tuple(d.order for d in active),
            tuple(sorted(aliases.items())),
            tuple((k, v[-1].order) for k, v in sorted(shapes.items())),
            variant,
            reading,
            tuple(sorted((settings or {}).items())),
            functions,
            aside := self._aside(active, order),
        )
        if claim is None and key in self._worlds:
            self._worlds[key] = self._worlds.pop(key)  # the latest used one last
            return self._worlds[key]
        facts = replace(self.facts, aliases=aliases, shapes={k: v[-1:] for k, v in shapes.items()})
        if claim is not None:
            known = self.world(
                order,
                variant=variant,
                reading=reading,
                settings=settings,
                functions=functions,
                without=without,
            )
            if not self._unknown(known, claim) and next(loose_bounds(known, claim), None) is None:
                return known
        active = _newest(tuple(replace(d, key=facts.resolve(d.key)) for d in active))
        world = World(facts, active, variant, settings, reading, functions)
        world.aside = aside
        if claim is not None:
            shaper = Shaper(world, CLAIM, world.layer_env())
            for _ in range(2):
                shaper.equate(*claim)
            tie_bounds(world, claim, CLAIM)
        else:
            self._worlds[key] = world
            if len(self._worlds) > MOST_WORLDS:
                del self._worlds[next(iter(self._worlds))]
        return world

    def _aside(self, active: tuple[Definition, ...], order: int) -> frozenset[str]:
        """The names that are defined in other sections or later than a place: what is said there may go without."""
        here = self.sections[order]
        elsewhere = {d.key for d in active if d.order > order or self.sections[d.order] != here}
        squared = {d.key: root_of(d) for d in active}
        roots = {root.key for root in squared.values() if root is not None and root.key in squared}
        return frozenset(elsewhere | (roots - self._read(active)))

    def _read(self, active: tuple[Definition, ...]) -> set[str]:
        """The names that definitions read, without index letters and sizes."""
        return set().union(*map(self._read_by, active))

    def _read_by(self, definition: Definition) -> frozenset[str]:
        place = definition.order, definition.key
        if place not in self._reads:
            refs = ((node, read_name(node, self.facts.habits)) for node in names_in(definition.body))
            self._reads[place] = frozenset(
                ref.key
                for node, ref in refs
                if ref is not None
                and ref.key not in self.facts.sizes
                and ref.sample is None
                and (isinstance(node, Script) or ref.key not in INDEX_LETTERS)
            )
        return self._reads[place]

    def _misnumbered(
        self, active: tuple[Definition, ...], shapes: Mapping[str, object], aliases: dict[str, str]
    ) -> None:
        """A name that is used but not defined stands for one that is defined but not used: P_1 and P_2."""
        made = {d.key for d in active if d.indices is None}
        read = {aliases.get(key, key) for key in self._read(active)}
        missing = [
            k for k in sorted(read) if "_" in k and k not in made and k not in shapes and k not in aliases
        ]
        for key in missing:
            base = key.split("_")[0]
            spare = [
                d for d in sorted(made) if d.split("_")[0] == base and "_" in d and d not in read and d != key
            ]
            if len(spare) == 1 and base.isalpha() and base.isupper():
                aliases[key] = spare[0]

    def _unknown(self, world: World, claim: tuple[Node, Node]) -> bool:
        """Whether a claim uses a name whose kind nothing else tells."""
        for side in claim:
            words = [node for node in walk(side) if isinstance(node, Word)]
            for node in (part for name in (*names_in(side), *words) for part in (name, *walk(name))):
                if isinstance(node, Symbol) and node.name in TRANSPOSES:
                    continue
                ref = read_name(node, self.facts.habits)
                if ref is None or (isinstance(node, Word) and operation_name(node.text) != node.text.lower()):
                    continue
                key = world.facts.resolve(ref.key)
                if key not in world.kinds and key not in world.definitions and not world.is_size(key):
                    if isinstance(node, Symbol) and key in INDEX_LETTERS and key not in self.keys:
                        continue
                    return True
        return False

    def _twins(
        self, active: tuple[Definition, ...], shapes: Mapping[str, object], aliases: dict[str, str]
    ) -> None:
        """Z and z with one label are one thing where only one of them is defined."""
        known = {d.key for d in active} | {key.partition("@")[0] for key in shapes}
        shown = {d.key: d.order for d in active if d.display}
        made = {d.key: d.order for d in active if d.indices is None}
        read = self._read(active)
        for key in self._sorted_keys:
            bold = key[3:] if key.startswith("bf ") else f"bf {key}"
            if (
                bold in known | read
                and key not in known | read | self.facts.sizes
                and key not in self.facts.losses
            ):
                aliases.setdefault(key, bold)
        for key in self._sorted_keys:
            other = _swapped(key)
            if other in read - known and key not in known | read | self.facts.sizes:
                aliases.setdefault(key, other or "")
            if other is None or other not in known or key in aliases or {key, other} <= self.made:
                continue
            if key in known and not (key in made and shown.get(other, -1) > made[key]):
                continue
            if key in self.facts.sizes or other in self.facts.sizes or key in self.facts.losses:
                continue
            if other in self.facts.losses or key.startswith("cal"):
                continue
            aliases[key] = other


def _newest(active: tuple[Definition, ...]) -> tuple[Definition, ...]:
    """Without the definitions of whole tensors that a later display of their entries replaces."""
    shown = {d.key: d.order for d in active if d.display}
    return tuple(d for d in active if d.display or d.indices is not None or d.order > shown.get(d.key, -1))


def _swapped(key: str) -> str | None:
    """The same name with the case of its letter changed."""
    base, _, label = key.partition("_")
    font, _, name = base.rpartition(" ")
    if len(name) != 1 or not name.isalpha():
        return None
    swapped = name.swapcase()
    return (f"{font} " if font else "") + swapped + (f"_{label}" if label else "")
