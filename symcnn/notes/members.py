"""Names whose index counts whole tensors: the state h_t at a time, the image x_i, the layer W_l.

An index under a name mostly asks for an entry. It counts tensors where the notes say so, or where the name stands
where only a tensor can stand: transposed, beside a matrix, in a norm, in an entrywise product.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from symcnn.notes.claims import Piece
from symcnn.notes.free import bound_letters
from symcnn.notes.name_parts import (
    LAYER_LETTERS,
    base_name,
    index_like,
    letter,
    letters_of,
    subscript_items,
    superscript_items,
)
from symcnn.notes.names import LOSS_NAMES, Habits
from symcnn.notes.tree import (
    Add,
    BigOperator,
    Call,
    CallOrProduct,
    Decorated,
    Derivative,
    Fraction,
    Gradient,
    Group,
    Juxtapose,
    Node,
    Product,
    Script,
    Sequence,
    Symbol,
    Unary,
)
from symcnn.notes.walking import children, walk

ROUNDS = 6
PARAMETERS = frozenset(
    {"W", "U", "V", "R", "A", "B", "C", "M", "b", "c", "w", "u", "v", "bf W", "bf b", "bf U"}
)
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
    finder = _Finder(habits, list(trees), found, sizes)
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
    finder.labels()


class _Finder:
    """Looks at all formulas of the notes; `kinds` tells of a name whether it is a vector or a matrix."""

    def __init__(self, habits: Habits, trees: list[Node], found: list[Piece], sizes: set[str]) -> None:
        self.habits = habits
        habits.sizes = sizes
        self.trees = trees
        self.found = found
        self.sizes = sizes
        self.kinds: dict[str, str] = {}
        self.letters: dict[str, list[str]] = {}
        self.bound = {name for tree in trees for node in walk(tree) for name in _bound(node)}
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
        self._declared()

    def _counting(self, index: Node) -> list[str]:
        """The letters of an index that count; sizes do not."""
        return [name for name in letters_of(index) if name not in self.sizes]

    def _declared(self) -> None:
        for piece in self.found:
            space = _space(piece)
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
                name, index = _sample(node)
                if name is None or index is None or name.upper() in bases or not self._counting(index):
                    continue
                if name.isupper() and name not in LOSS_NAMES:
                    continue
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
            case Script(sup=Node() as sup) if any(_is_transpose(part) for part in superscript_items(sup)):
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
            if self._is_matrix(left) and isinstance(right, Script) and not _capital(right):
                yield right

    def _is_matrix(self, node: Node) -> bool:
        name = base_name(node)
        if name is None:
            return False
        if self.kinds.get(name) == "m":
            return True
        plain = name.split()[-1]
        known = name in self.sizes or name in LOSS_NAMES or name in self.kinds
        return len(plain) == 1 and plain.isupper() and not known and name not in self.habits.numbers

    # --- what follows for other names

    def spread(self) -> None:
        """A name that is set equal to a vector for every t is one; a name computed from x_i belongs to i."""
        for piece in self.found:
            if piece.sign not in ("=", ":=", "equiv") or piece.left is None or piece.right is None:
                continue
            name, index = indexed(piece.left)
            kind = self.kind(piece.right)
            counted = set(self._members_letters(piece.right)) - set(self._bound_in(piece.right))
            if name is not None and index is not None:
                if kind in ("v", "m") and counted & set(letters_of(index)):
                    self._add(name, index, kind)
                elif name in LOSS_NAMES and counted & set(letters_of(index)):
                    self._add(name, index, None)
            bare = piece.left
            if piece.first and counted:
                self._implied(bare, counted)
        for tree in self.trees:
            for node in walk(tree):
                parts = node.parts if isinstance(node, Juxtapose) else getattr(node, "factors", ())
                for left, right in itertools.pairwise(parts):
                    name, index = indexed(left)
                    if name is None or index is None or not _capital(left) or not self._counting(index):
                        continue
                    counted = set(self._members_letters(right))
                    if self.kind(right) == "v" and counted & set(letters_of(index)):
                        self._add(name, index, "m")

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
        for part in _names(node):
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
        return [name for part in walk(node) for name in _bound(part)]

    def kind(self, node: Node) -> str | None:
        """v for a vector, r for a row, m for a matrix, s for a number, None where nothing says it."""
        match node:
            case Symbol() | Script():
                return self._kind_of_name(node)
            case Group(open="||" | "|"):
                return "s"
            case (
                Group(body=body) | Decorated(body=body) | Unary(body=body) | BigOperator(body=Node() as body)
            ):
                return self.kind(body)
            case Add(terms=terms):
                kinds = [kind for kind in map(self.kind, terms) if kind not in (None, "s")]
                return kinds[0] if kinds else None
            case Product(factors=factors, operators=operators):
                if any(op.name == "odot" for op in operators):
                    return next((kind for kind in map(self.kind, factors) if kind in ("v", "m")), None)
                if any(op.name not in ("", "cdot", "times") for op in operators):
                    return None
                return self._product(factors)
            case Juxtapose(parts=parts):
                return self._product(parts)
            case Fraction(numerator=top):
                return self.kind(top)
            case Gradient(wrt=Node() as wrt):
                return self.kind(wrt)
            case Derivative(wrt=(wrt,), of=Node() as of) if base_name(of) in LOSS_NAMES:
                return self.kind(wrt)
            case Call(argument=argument):
                return self.kind(argument)
            case CallOrProduct(group=group, head=head):
                inner = self.kind(group)
                return inner if base_name(head) is not None else self._product((head, group))
        return None

    def _kind_of_name(self, node: Node) -> str | None:
        base = base_name(node.base) if isinstance(node, Script) else base_name(node)
        if base is None:
            return self.kind(node.base) if isinstance(node, Script) else None
        turned = (
            isinstance(node, Script)
            and node.sup is not None
            and any(_is_transpose(part) for part in superscript_items(node.sup))
        )
        kind = self.kinds.get(base)
        if kind is None and self._is_matrix(node.base if isinstance(node, Script) else node):
            kind = "m"
        if isinstance(node, Script) and node.sub is not None and base not in self.habits.members:
            kind = None if kind == "v" else kind
        return "r" if turned and kind == "v" else kind

    def _product(self, factors: tuple[Node, ...]) -> str | None:
        kinds = [self.kind(factor) for factor in factors]
        if kinds and kinds[-1] == "r":
            return "m"
        if "r" in kinds:
            return "s"
        if kinds and kinds[-1] == "v":
            return "v"
        return "m" if kinds and all(kind == "m" for kind in kinds) else None

    # --- letters that are labels

    def labels(self) -> None:
        """W_h, W_{xh}, b_y: where h_t, x_t and y_t are tensors, such letters under a weight only name it."""
        counting = set(self.habits.members.values())
        if not counting:
            return
        bases = {*self.habits.members, *self.habits.implicit}
        under: dict[str, set[str]] = {}
        for tree in self.trees:
            for node in walk(tree):
                if isinstance(node, Script) and node.sub is not None and base_name(node.base) is not None:
                    items = subscript_items(node.sub)
                    if all(isinstance(item, Symbol) for item in items):
                        for name in letters_of(node.sub):
                            under.setdefault(name, set()).add(base_name(node.base) or "")
                elif isinstance(node, Script) and node.sub is not None:
                    for name in letters_of(node.sub):
                        under.setdefault(name, set()).add("")
        names = {
            name
            for name, owners in under.items()
            if name not in counting | self.bound | self.sizes and owners <= PARAMETERS
        }
        for tree in self.trees:
            for node in walk(tree):
                if isinstance(node, Script) and node.sub is not None:
                    spelled = [letter(item) or "" for item in subscript_items(node.sub)]
                    named = any(item in bases for item in spelled) and all(item in names for item in spelled)
                    if named and base_name(node.base) in PARAMETERS:
                        self.habits.labelled.add(f"{base_name(node.base)}_{''.join(spelled)}")


def indexed(node: Node) -> tuple[str | None, Node | None]:
    """The base and the index of a name with one index that is not a plain number."""
    if not isinstance(node, Script) or node.sub is None:
        return None, None
    name = base_name(node.base)
    items = subscript_items(node.sub)
    if name is None or len(items) != 1 or not letters_of(items[0]) or isinstance(items[0], Script):
        return None, None
    if not index_like(items[0]) and not isinstance(items[0], Symbol):
        return None, None
    return name, items[0]


def _names(node: Node) -> Iterator[Node]:
    """The names in a formula with their scripts, and those in exponents; of a derivative only the variables."""
    if isinstance(node, Derivative | Gradient):
        wrt = node.wrt if isinstance(node, Derivative) else (node.wrt,)
        for variable in wrt:
            if isinstance(variable, Script):
                yield variable
        return
    if isinstance(node, Symbol) or (isinstance(node, Script) and base_name(node.base) is not None):
        yield node
        if isinstance(node, Script) and node.sup is not None:
            yield from _names(node.sup)
        return
    for child in children(node):
        yield from _names(child)


def _sample(node: Node) -> tuple[str | None, Node | None]:
    """The base and the i of x^{(i)}."""
    if not isinstance(node, Script) or node.sup is None:
        return None, None
    for part in superscript_items(node.sup):
        if isinstance(part, Group) and part.open == "(" and not set(letters_of(part)) & LAYER_LETTERS:
            return base_name(node.base), part.body
    return None, None


def _space(piece: Piece) -> int | None:
    """How many sizes the space has in which a piece declares a name to be."""
    if piece.sign != "in":
        return None
    match piece.right:
        case Script(base=Symbol(name="R", font="bb"), sup=Node() as sup):
            inner = sup.body if isinstance(sup, Group) else sup
            sizes = inner.factors if isinstance(inner, Product) else (inner,)
            return 1 if any(getattr(size, "text", "") == "1" for size in sizes) else len(sizes)
    return None


def _bound(node: Node) -> list[str]:
    return bound_letters(node) if isinstance(node, BigOperator) else []


def _is_transpose(node: Node) -> bool:
    return isinstance(node, Symbol) and node.name in ("T", "top", "intercal")


def _capital(node: Node) -> bool:
    name = base_name(node.base) if isinstance(node, Script) else base_name(node)
    return name is not None and len(name.split()[-1]) == 1 and name.split()[-1].isupper()
