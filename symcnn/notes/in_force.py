"""Which definitions are in force at a place of the notes: of each name the latest one, kept up to date piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field

from symcnn.notes.facts import Definition, Facts
from symcnn.notes.name_parts import letters_of, names_in
from symcnn.notes.names import read_name
from symcnn.notes.tree import Node, Number

Slot = tuple[object, ...]
"""What a definition is for: definitions of one slot replace each other."""


@dataclass(slots=True)
class _Chosen:
    """The latest definition of each slot, by name."""

    by_key: dict[str, dict[Slot, Definition]] = field(default_factory=dict)

    def copy(self) -> _Chosen:
        return _Chosen({key: dict(slots) for key, slots in self.by_key.items()})

    def add(self, latest: Definition, sections: list[int]) -> None:
        slots = self.by_key.setdefault(latest.key, {})
        slots[slot_of(latest)] = latest
        if latest.indices is None and latest.layer is None:
            gone = [slot for slot, other in slots.items() if _is_older_entry(other, latest)]
        elif latest.indices is not None:
            gone = [slot for slot, other in slots.items() if _is_other_rule(other, latest, sections)]
        else:
            gone = []
        for slot in gone:
            del slots[slot]

    def all(self) -> list[Definition]:
        return [definition for slots in self.by_key.values() for definition in slots.values()]


class InForce:
    """The definitions that were judged good, in the order of the notes."""

    def __init__(self, facts: Facts, sections: list[int], accepted: tuple[Definition, ...] = ()) -> None:
        self.facts = facts
        self.sections = sections
        self.accepted: list[Definition] = []
        self.latest: dict[Slot, Definition] = {}
        self.readers: dict[str, int] = {}
        """For each name the number of the first piece whose definition reads it."""
        self.by_key: dict[str, list[Definition]] = {}
        self._earlier = _Chosen()
        self._taken = 0
        """How many definitions `_earlier` has: those of the sections before `_section`."""
        self._section = -1
        for definition in accepted:
            self.add(definition)

    def add(self, definition: Definition) -> None:
        """Take in a definition that follows the others."""
        self.accepted.append(definition)
        self.latest[slot_of(definition)] = definition
        self.by_key.setdefault(definition.key, []).append(definition)
        for node in names_in(definition.body):
            ref = read_name(node, self.facts.habits)
            if ref is not None:
                self.readers.setdefault(ref.key, definition.order)

    def of_key(self, key: str) -> list[Definition]:
        """The definitions of a name, in order."""
        return self.by_key.get(key, [])

    def replaced(self, old: Definition, new: Definition) -> InForce:
        """The same with another definition in the place of one."""
        return InForce(self.facts, self.sections, tuple(new if d is old else d for d in self.accepted))

    def before(self, order: int, examples: tuple[Definition, ...] = ()) -> list[Definition]:
        """Of each slot the latest definition before the piece with that number; `examples` come last."""
        section = self.sections[order]
        if section < self._section:
            self._earlier, self._taken = _Chosen(), 0
        self._section = section
        while self._taken < len(self.accepted):
            definition = self.accepted[self._taken]
            if self.sections[definition.order] >= section:
                break
            if not self._is_example(definition):
                self._earlier.add(definition, self.sections)
            self._taken += 1
        chosen = self._earlier.copy()
        for definition in (*self.accepted[self._taken :], *examples):
            past = self.sections[definition.order] != section and self._is_example(definition)
            if definition.order < order and not past:
                chosen.add(definition, self.sections)
        return chosen.all()

    def _is_example(self, definition: Definition) -> bool:
        """Whether a definition gives numbers to a name of several ranks: it is in force in its own section only."""
        if len(self.facts.habits.ranks.get(definition.key, ())) < 2:
            return False
        return not isinstance(definition.body, Number) and not names_in(definition.body)


def _is_older_entry(other: Definition, latest: Definition) -> bool:
    """A new definition of a whole tensor replaces rules for its entries that are older."""
    same = (other.member is None) == (latest.member is None)
    return same and other.order < latest.order and other.layer is None and other.indices is not None


def _is_other_rule(other: Definition, latest: Definition, sections: list[int]) -> bool:
    """A rule for entries in another section replaces older ones of the name with another number of axes."""
    return (
        (other.member is None) == (latest.member is None)
        and sections[other.order] != sections[latest.order]
        and (other.indices is None or len(other.indices) != len(latest.indices or ()))
        and not (other.display or other.layer is not None)
    )


def slot_of(definition: Definition) -> Slot:
    """What a definition is for: a name, with the kind of its layer, sample, member and indices."""

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
