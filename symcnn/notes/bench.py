"""Worlds for each place of the notes: which definitions are in force there, and what names stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from symcnn.notes.claims import Piece
from symcnn.notes.facts import Definition, Facts
from symcnn.notes.families import Reading
from symcnn.notes.measuring import loose_bounds, tie_bounds
from symcnn.notes.name_parts import INDEX_LETTERS, TRANSPOSES, letters_of, names_in
from symcnn.notes.names import read_name
from symcnn.notes.operations import operation_name
from symcnn.notes.shaper import CLAIM, Shaper
from symcnn.notes.tree import Node, Number, Script, Symbol, Word
from symcnn.notes.walking import walk
from symcnn.notes.world import World

MOST_WORLDS = 24
"""How many worlds are kept at a time."""

LOOK_AHEAD = 6
"""How many pieces later a name may be defined that is used here."""


@dataclass(slots=True)
class Bench:
    """Builds and keeps worlds; `accepted` are the definitions judged good so far."""

    facts: Facts
    keys: frozenset[str]
    sections: list[int]
    accepted: list[Definition] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    good_chains: list[Piece] = field(default_factory=list)
    _worlds: dict[object, World] = field(default_factory=dict)

    @property
    def made(self) -> set[str]:
        """The names that the notes define as whole tensors, anywhere: two of them are two things."""
        whole = [d for d in self.facts.definitions if d.indices is None and d.layer is None and not d.display]
        return {d.key for d in whole}

    def active(self, order: int, *, ahead: bool = True) -> tuple[Definition, ...]:
        """The definitions in force for the piece with that number, in the order of the notes.

        `ahead` takes in those that follow soon, for names that are used before they are defined.
        """
        chosen: dict[object, Definition] = {}
        for definition in self.accepted:
            if definition.order < order:
                if self._past_example(definition, order) or self._was_other(definition, order):
                    continue
                chosen[slot_of(definition)] = definition
                if definition.indices is None and definition.layer is None:
                    self._forget_entries(chosen, definition)
                elif definition.indices is not None:
                    self._forget_others(chosen, definition)
        known = {definition.key for definition in chosen.values()}
        for definition in self.facts.definitions if ahead else ():
            soon = definition.order >= order and self._near(order, definition.order)
            if soon and definition.key not in known and definition.order not in self.dropped:
                if self._given_before(definition):
                    continue
                if not any(_swapped(definition.key) == key for key in known | set(self.facts.shapes)):
                    chosen.setdefault(slot_of(definition), definition)
        return tuple(sorted(chosen.values(), key=lambda d: d.order))

    def _given_before(self, definition: Definition) -> bool:
        """Whether the notes have used a name as given long before they define it."""
        for other in self.accepted:
            if other.order < definition.order - LOOK_AHEAD:
                for node in names_in(other.body):
                    ref = read_name(node, self.facts.habits)
                    if ref is not None and ref.key == definition.key:
                        return True
        return False

    def _near(self, here: int, there: int) -> bool:
        return self.sections[here] == self.sections[there] and there - here <= LOOK_AHEAD

    def _forget_entries(self, chosen: dict[object, Definition], latest: Definition) -> None:
        """A new definition of a whole tensor replaces rules for its entries that are older."""
        for slot, other in list(chosen.items()):
            same = other.key == latest.key and (other.member is None) == (latest.member is None)
            if same and other.order < latest.order and other.layer is None and other.indices is not None:
                del chosen[slot]

    def _past_example(self, definition: Definition, order: int) -> bool:
        """Whether a definition gives numbers to a name in an earlier section, and the name has several ranks."""
        if (
            len(self.facts.habits.ranks.get(definition.key, ())) < 2
            or isinstance(definition.body, Number)
            or names_in(definition.body)
        ):
            return False
        return self.sections[definition.order] != self.sections[order]

    def _was_other(self, definition: Definition, order: int) -> bool:
        """Whether the notes have since taken the name of entries for a scalar."""
        later = [s for s in self.facts.shapes.get(definition.key, ()) if definition.order < s.order <= order]
        return definition.indices is not None and bool(later) and not later[-1].sizes

    def _forget_others(self, chosen: dict[object, Definition], latest: Definition) -> None:
        """A rule for entries in another section replaces older ones of the name with another number of axes."""
        for slot, other in list(chosen.items()):
            if (
                other.key == latest.key
                and (other.member is None) == (latest.member is None)
                and self.sections[other.order] != self.sections[latest.order]
                and (other.indices is None or len(other.indices) != len(latest.indices or ()))
                and not (other.display or other.layer is not None)
            ):
                del chosen[slot]

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
        shapes = {k: [s for s in v if s.order <= order] or v[:1] for k, v in self.facts.shapes.items()}
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
        return frozenset(d.key for d in active if d.order > order or self.sections[d.order] != here)

    def _read(self, active: tuple[Definition, ...]) -> set[str]:
        """The names that definitions read, without index letters and sizes."""
        found: set[str] = set()
        for definition in active:
            for node in names_in(definition.body):
                ref = read_name(node, self.facts.habits)
                if (
                    ref is not None
                    and ref.key not in self.facts.sizes
                    and ref.sample is None
                    and (isinstance(node, Script) or ref.key not in INDEX_LETTERS)
                ):
                    found.add(ref.key)
        return found

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
        for key in sorted(self.keys):
            bold = key[3:] if key.startswith("bf ") else f"bf {key}"
            if (
                bold in known | read
                and key not in known | read | self.facts.sizes
                and key not in self.facts.losses
            ):
                aliases.setdefault(key, bold)
        for key in sorted(self.keys):
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


def slot_of(definition: Definition) -> object:
    def text(nodes: tuple[Node, ...]) -> str:
        return ",".join("*" if letters_of(n) else str(getattr(n, "text", "?")) for n in nodes)

    layer = None
    if definition.layer is not None:
        layer = " ".join(letters_of(definition.layer)) or text((definition.layer,))
    return (
        definition.key,
        layer,
        definition.sample is not None,
        None if definition.member is None else text((definition.member,)),
        None if definition.indices is None else text(definition.indices),
    )


def _swapped(key: str) -> str | None:
    """The same name with the case of its letter changed."""
    base, _, label = key.partition("_")
    font, _, name = base.rpartition(" ")
    if len(name) != 1 or not name.isalpha():
        return None
    swapped = name.swapcase()
    return (f"{font} " if font else "") + swapped + (f"_{label}" if label else "")
