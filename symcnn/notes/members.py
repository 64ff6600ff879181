"""Names whose index counts whole tensors: the state h_t at a time, the image x_i, the layer W_l.

An index under a name mostly asks for an entry. It counts tensors where the notes say so, or where the name stands
where only a tensor can stand: transposed, beside a matrix, in a norm, in an entrywise product.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from symcnn.notes.claims import Piece
from symcnn.notes.indexed_names import (
    bound_in,
    counted_example,
    indexed,
    is_turned,
    names_with_scripts,
    space_size,
)
from symcnn.notes.name_labels import PARAMETERS, find_labels
from symcnn.notes.name_parts import (
    base_name,
    letter,
    letters_of,
    names_in,
    subscript_items,
    superscript_items,
)
from symcnn.notes.names import LOSS_NAMES, Habits
from symcnn.notes.tensor_kinds import is_matrix, tensor_kind
from symcnn.notes.tree import (
    Add,
    Derivative,
    Gradient,
    Group,
    Juxtapose,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Symbol,
)
from symcnn.notes.walking import walk

ROUNDS = 6
CALLED = re.compile(r"\b(column|vector|matrix|matrices|state)s?\s+\$(\w)_(\w)\$")
SLICE = re.compile(
    r"\$(\w)_(\w)\$\s+(?:is|be|are|for|denotes?|means)\s+(?:the\s+)?(?:\$?\2\$?-?(?:th\s+)?)?(row|column)s?\s+"
    r"(?:(?:number\s+)?\$\2\$\s+)?of\s+(?:the\s+matrix\s+)?\$(\w)\$"
)


def find_members(
    habits: Habits, trees: Iterable[Node], found: list[Piece], sizes: set[str], text: str
) -> None:
    """Fill `habits.members`, `habits.implicit` and `habits.slices`."""
    for match in SLICE.finditer(text):
        habits.slices[match[1]] = (match[4], match[3])
    finder = Finder(habits, list(trees), found, sizes)
    for match in CALLED.finditer(text):
        finder.called(match[2], match[3], "m" if match[1].startswith("matri") else "v")
    finder.samples()
    finder.evidence()
    for _ in range(ROUNDS):
        before = len(habits.members) + len(habits.implicit)
        finder.spread()
        if len(habits.members) + len(habits.implicit) == before:
            break
    finder.losses()
    find_labels(finder)


class Finder:
    """Looks at all formulas of the notes; `kinds` tells of a name whether it is a vector or a matrix."""

    def __init__(self, habits: Habits, trees: list[Node], found: list[Piece], sizes: set[str]) -> None:
        self.habits = habits
        habits.sizes = sizes
        self.trees = trees
        self.found = found
        self.sizes = sizes
        self.kinds: dict[str, str] = {}
        self.letters: dict[str, list[str]] = {}
        self.bound = {name for tree in trees for node in walk(tree) for name in bound_in(node)}
        self.entries = {
            name
            for name, ranks in habits.ranks.items()
            if max(ranks) > 1 and not any(max(r) > 1 for n, r in habits.ranks.items() if n.lower() != name)
        }
        for tree in trees:
            for node in walk(tree):
                name, index = indexed(node)
                if name is not None and index is not None:
                    self.letters.setdefault(name, []).extend(self._counting(index))
        self.tensors = {
            name
            for tree in trees
            for node in names_in(tree)
            if (name := indexed(node)[0]) is not None and name in self.letters
        }
        self.tensors |= set(self._arrays())
        """Names that are indexed themselves, as i_t, or arrays: under a weight, W_i, such a letter is a label."""
        self._declared()

    def _arrays(self) -> Iterator[str]:
        """Bare names that the notes introduce as arrays: put into a space, or capitals that a formula defines."""
        for piece in self.found:
            if isinstance(piece.left, Symbol) and piece.right is not None:
                name = base_name(piece.left) or ""
                computed = piece.first and piece.sign in ("=", ":=", "equiv") and name.isupper()
                if space_size(piece) or (computed and not isinstance(piece.right, Number)):
                    yield name

    def _counting(self, index: Node) -> list[str]:
        """The letters of an index that count; sizes do not."""
        return [name for name in letters_of(index) if name not in self.sizes]

    def _declared(self) -> None:
        for piece in self.found:
            space = space_size(piece)
            if space is None or piece.left is None:
                continue
            kind = "m" if space > 1 else "v"
            for side in piece.left.items if isinstance(piece.left, Sequence) else (piece.left,):
                name, index = indexed(side)
                if name is not None and index is not None and self._counting(index):
                    self._add(name, index, kind)
                elif base_name(side) is not None:
                    self.kinds.setdefault(base_name(side) or "", kind)

    def _add(self, name: str, index: Node, kind: str | None) -> None:
        """Note a name whose index counts tensors."""
        if name in self.habits.slices or name in self.habits.classes:
            return
        if name in PARAMETERS and set(self._counting(index)) <= self.tensors:
            return
        if kind is not None:
            self.kinds.setdefault(name, kind)
        if name not in self.habits.members:
            letters = self._counting(index) or self.letters.get(name, [])
            if letters:
                self.habits.members[name] = max(sorted(set(letters)), key=letters.count)

    # --- where a name must be a tensor

    def samples(self) -> None:
        """x^{(i)} counts examples where no capital letter stands for all of them together."""
        bases = {base_name(n) for tree in self.trees for n in walk(tree) if isinstance(n, Symbol)}
        for tree in self.trees:
            for node in walk(tree):
                name, index = counted_example(node)
                if name is None or index is None or name.upper() in bases or not self._counting(index):
                    continue
                if name.isupper() and name not in LOSS_NAMES:
                    continue
                if name not in self.habits.members and not set(letters_of(index)) & set(
                    self.letters.get(name, ())
                ):
                    self.habits.sampled.add(name)
                self._add(name, index, None)

    def called(self, name: str, index: str, kind: str) -> None:
        """The prose calls x_i a column."""
        if index in self.letters.get(name, ()) and name not in self.habits.slices:
            self.kinds.setdefault(name, kind)
            self.habits.members.setdefault(name, index)

    def evidence(self) -> None:
        for tree in self.trees:
            for node in walk(tree):
                for item in self._tensors_in(node):
                    name, index = indexed(item)
                    if name is not None and index is not None and self._counting(index):
                        self._add(name, index, "v")

    def _tensors_in(self, node: Node) -> Iterator[Node]:
        """The names under a node that stand where only a tensor can."""
        match node:
            case Script(sup=Node() as sup) if any(is_turned(part) for part in superscript_items(sup)):
                yield node
            case Group(open="||", body=body):
                yield from body.terms if isinstance(body, Add) else (body,)
            case Product(factors=factors, operators=operators):
                for place, operator in enumerate(operators):
                    if operator.name == "odot":
                        yield factors[place]
                        yield factors[place + 1]
                yield from self._beside(factors)
            case Juxtapose(parts=parts):
                yield from self._beside(parts)

    def _beside(self, factors: tuple[Node, ...]) -> Iterator[Node]:
        for left, right in itertools.pairwise(factors):
            if is_matrix(self, left) and isinstance(right, Script) and not _capital(right):
                yield right

    # --- what follows for other names

    def spread(self) -> None:
        """A name that is set equal to a vector for every t is one; a name computed from x_i belongs to i."""
        for piece in self.found:
            if piece.sign not in ("=", ":=", "equiv") or piece.left is None or piece.right is None:
                continue
            name, index = indexed(piece.left)
            kind = tensor_kind(self, piece.right)
            counted = set(self._members_letters(piece.right)) - set(self._bound_in(piece.right))
            if name is not None and index is not None:
                if kind in ("v", "m") and counted & set(letters_of(index)):
                    self._add(name, index, kind)
                elif name in LOSS_NAMES and counted & set(letters_of(index)):
                    self._add(name, index, None)
            bare = piece.left
            if piece.first and counted:
                self._implied(bare, counted)
        self._of_entries()
        for tree in self.trees:
            for node in walk(tree):
                parts = node.parts if isinstance(node, Juxtapose) else getattr(node, "factors", ())
                for left, right in itertools.pairwise(parts):
                    name, index = indexed(left)
                    if name is None or index is None or not _capital(left) or not self._counting(index):
                        continue
                    counted = set(self._members_letters(right))
                    if tensor_kind(self, right) == "v" and counted & set(letters_of(index)):
                        self._add(name, index, "m")

    def _of_entries(self) -> None:
        """q_t beside q_{t,k}: a name with a letter that counts tensors, and elsewhere with the index of an entry too."""
        counting = set(self.habits.members.values())
        nodes = [node for tree in self.trees for node in walk(tree) if isinstance(node, Script)]
        for node in nodes:
            name = base_name(node.base)
            if name is None or name in self.habits.members or _capital(node) or node.sub is None:
                continue
            first, *rest = (letter(item) for item in subscript_items(node.sub))
            counted = first in counting and first in self.letters.get(name, ())
            if counted and len(rest) == 1 and rest[0] is not None and rest[0] not in counting:
                self.habits.members[name] = str(first)
                self.kinds.setdefault(name, "v")

    def losses(self) -> None:
        """A loss with a letter that counts examples or times is one of many losses."""
        counting = {*self.habits.members.values(), *self.habits.implicit.values()}
        for name in sorted(LOSS_NAMES & set(self.letters)):
            found = [one for one in self.letters[name] if one in counting]
            if found:
                self.habits.members.setdefault(name, found[0])

    def _implied(self, left: Node, counted: set[str]) -> None:
        """The left side does not name the t of the right side: it belongs to any one of them."""
        name = base_name(left.base) if isinstance(left, Script) else base_name(left)
        if name is None or name in self.habits.members or counted & set(letters_of(left)):
            return
        plain = isinstance(left, Script) and left.sub is not None
        if isinstance(left, Derivative | Gradient) or name in self.sizes or name in self.habits.classes:
            return
        if plain and isinstance(left, Script) and left.sup is not None:
            return
        self.habits.implicit.setdefault(name, min(counted))

    def _members_letters(self, node: Node) -> list[str]:
        found: list[str] = []
        for part in names_with_scripts(node):
            name, index = indexed(part)
            if name in self.habits.members and index is not None:
                found += self._counting(index)
                continue
            name = base_name(part.base) if isinstance(part, Script) else base_name(part)
            entry = isinstance(part, Script) and part.sub is not None
            if name is not None and name not in self.sizes | LOSS_NAMES:
                counter = self.habits.implicit.get(name) or (None if entry else self.habits.members.get(name))
                found += [counter] if counter is not None else []
        return found

    def _bound_in(self, node: Node) -> list[str]:
        return [name for part in walk(node) for name in bound_in(part)]


def _capital(node: Node) -> bool:
    name = base_name(node.base) if isinstance(node, Script) else base_name(node)
    return name is not None and len(name.split()[-1]) == 1 and name.split()[-1].isupper()
