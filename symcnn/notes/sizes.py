"""Small pairwise distinct sizes for the axes of tensors, from what the formulas say about them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from symcnn.notes.families import Unreadable

PREFERRED = {
    "H": (5, 6),
    "W": (6, 5),
    "R": (2, 3),
    "S": (3, 2),
    "k_1": (2, 3),
    "k_2": (3, 2),
    "k": (2, 3),
    "s": (2, 3),
    "p": (1, 2),
    "u": (2, 3),
    "d": (2, 3),
    "N": (2, 3),
    "C": (2, 3),
    "M": (3, 2),
    "m": (3, 4),
}
"""Sizes for names that mostly stand for an image's sides, a kernel's sides, stride, padding or a batch."""

STEPS = frozenset({"s", "p", "u"})
"""Names that mostly stand for strides and paddings, which need not differ from other sizes."""

POOL = (2, 3, 4, 5, 6, 7)


T = TypeVar("T")


def _move(table: dict[Hashable, T], old: Hashable, new: Hashable) -> None:
    """What is known of one class goes over to the one that it is joined with."""
    moved = table.pop(old, None)
    if moved is not None:
        table.setdefault(new, moved)


@dataclass(slots=True)
class Axes:
    """Classes of axes that must have the same size; a class may be fixed, or computed from others."""

    variant: int = 0
    parent: dict[Hashable, Hashable] = field(default_factory=dict)
    fixed: dict[Hashable, int] = field(default_factory=dict)
    derived: dict[Hashable, Callable[[], int]] = field(default_factory=dict)
    named: dict[Hashable, str] = field(default_factory=dict)
    taken: dict[Hashable, int] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    larger: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counters: list[Hashable] = field(default_factory=list)
    """Axes that count whole tensors, such as times; a few are enough."""
    steps: tuple[str, ...] = ()
    """Names of strides, paddings and the like, which are best small."""
    _busy: set[Hashable] = field(default_factory=set)

    def find(self, axis: Hashable) -> Hashable:
        """The representative of an axis's class."""
        root = axis
        while self.parent.get(root, root) != root:
            root = self.parent[root]
        while self.parent.get(axis, axis) != root:
            self.parent[axis], axis = root, self.parent[axis]
        return root

    def same(self, a: Hashable, b: Hashable) -> None:
        """Note that two axes have one size; a clash of fixed sizes is kept in `conflicts`."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return
        if a in self.fixed and b in self.fixed and self.fixed[a] != self.fixed[b]:
            self.conflicts.append(f"sizes {self.fixed[a]} and {self.fixed[b]}")
            return
        if self.named.get(a, "") != self.named.get(b, self.named.get(a, "")) and a in self.named:
            self.conflicts.append(f"sizes {self.named[a]} and {self.named[b]}")
            return
        self.parent[b] = a
        _move(self.fixed, b, a)
        _move(self.derived, b, a)
        _move(self.named, b, a)

    def fix(self, axis: Hashable, size: int) -> None:
        root = self.find(axis)
        known = self.fixed.setdefault(root, size)
        if known != size:
            self.conflicts.append(f"sizes {known} and {size}")

    def derive(self, axis: Hashable, size: Callable[[], int]) -> None:
        """Note how the size of an axis follows from others."""
        root = self.find(axis)
        if root not in self.fixed:
            self.derived.setdefault(root, size)

    def name(self, axis: Hashable, name: str) -> None:
        """Note the name that the notes give to a size."""
        self.named.setdefault(self.find(("size", name)), name)
        self.same(("size", name), axis)

    def size(self, axis: Hashable) -> int:
        """The size of an axis, chosen now where nothing says it. Raises Unreadable on a size below 1."""
        root = self.find(axis)
        if root in self.fixed:
            return self.fixed[root]
        if root in self.taken:
            return self.taken[root]
        if root in self.derived and root not in self._busy:
            self._busy.add(root)
            try:
                size = self.derived[root]()
            finally:
                self._busy.discard(root)
            if size < 1:
                raise Unreadable(f"a size of at least 1 is needed, came {size}")
            return self.taken.setdefault(root, size)
        if root not in self.taken:
            own = root[1] if isinstance(root, tuple) and root[0] == "size" else ""
            counts = any(self.find(axis) == root for axis in self.counters)
            self.taken[root] = 3 - self.variant % 2 if counts else self._fresh(self.named.get(root, own))
        return self.taken[root]

    def _floor(self, name: str) -> int:
        """The largest of the sizes that the notes take away from this one."""
        if ("floor", name) in self._busy:
            return 0
        self._busy.add(("floor", name))
        try:
            return max((self.size(("size", other)) for other in self.larger.get(name, ())), default=0)
        finally:
            self._busy.discard(("floor", name))

    def _fresh(self, name: str) -> int:
        used = set(self.taken.values()) | set(self.fixed.values())
        wishes: tuple[int, ...] = PREFERRED.get(name, ())
        if name in self.steps and not wishes:
            return 1 + (self.steps.index(name) + self.variant) % 2
        floor = self._floor(name)
        if any(name in smaller for smaller in self.larger.values()):
            wishes = tuple(max(wish, 2) for wish in wishes)
        wish = wishes[min(self.variant, len(wishes) - 1)] if wishes else 0
        if wish > floor and not (wish in used and name.islower() and name not in STEPS):
            return wish
        if floor:
            return floor + 1 + self.variant
        pool = POOL[self.variant :] + POOL[: self.variant]
        for size in pool:
            if size not in used:
                return size
        return pool[len(self.taken) % 3]
