"""How a written name is read: base, label, layer, sample, entry indices, transpose and power."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from symcnn.notes.limits import spend
from symcnn.notes.tree import (
    NOWHERE,
    Accent,
    Add,
    Annotated,
    BigOperator,
    Chain,
    Decorated,
    Derivative,
    Ellipsis,
    Group,
    Juxtapose,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Styled,
    Symbol,
    Text,
    Unary,
    Word,
    children,
    keep,
    walk,
)

INDEX_LETTERS = frozenset("abcdhijklmnopqrstuvw") | {"alpha", "beta", "mu", "nu"}
"""Letters that are read as indices where they stand under a name."""

LOSS_NAMES = frozenset(
    {
        "L",
        "E",
        "J",
        "C",
        "ell",
        "loss",
        "Loss",
        "cost",
        "Cost",
        "mathcal L",
        "cal L",
        "cal E",
        "cal J",
        "cal C",
    }
)
LATIN_INDEX = frozenset("abcdhijklmnopqrstuvw")
TRANSPOSES = frozenset({"T", "top", "intercal", "mathsf T", "t", "tr"})
LAYER_LETTERS = frozenset({"l", "L", "ell"})
PLAIN_FONTS = frozenset({"", "rm", "it", "sf", "tt", "bm"})


@dataclass(frozen=True, slots=True)
class Ref:
    """A name as it stands in a formula.

    `key` is base and label (`W_2`, `hat x`); layer and sample come from superscripts; `indices` are the entry
    asked for, None where the whole tensor is meant. `member` is the t of h_t, where h_t is a whole tensor.
    """

    key: str
    layer: Node | None = None
    sample: Node | None = None
    indices: tuple[Node, ...] | None = None
    transposed: bool = False
    power: Node | None = None
    primes: int = 0
    member: Node | None = None


@dataclass(slots=True)
class Habits:
    """How the notes write names: found in a first pass over all formulas."""

    named_t: bool = False
    """Whether t is a name on the page, so that it is no transpose either."""
    layered: set[str] = field(default_factory=set)
    """Bases that carry a layer as a bare superscript, as in `a^{l-1}`."""
    ranks: dict[str, set[int]] = field(default_factory=dict)
    """For each base the numbers of letter indices that it was seen with."""
    labelled: set[str] = field(default_factory=set)
    """Keys `base_letter` whose subscript is a part of the name though it is a letter."""
    classes: set[str] = field(default_factory=set)
    """Names that are used as an index themselves, as the class y_i in s_{y_i}."""
    squared: set[str] = field(default_factory=set)
    """Keys that are named by their square, as the variance σ²."""
    numbers: dict[str, set[int]] = field(default_factory=dict)
    """For each base the lengths of the digit strings under it."""
    letters: set[str] = field(default_factory=lambda: set(INDEX_LETTERS))
    """Letters that are read as indices; those that a sum runs over are."""
    members: dict[str, str] = field(default_factory=dict)
    """Bases whose index counts whole tensors, as in the state h_t, with the letter that mostly counts them."""
    implicit: dict[str, str] = field(default_factory=dict)
    """Names without such an index that are computed from ones that have it: s = W x_i belongs to i."""
    slices: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Bases whose index takes a row or column of a matrix: w_j is row j of W."""

    sizes: set[str] = field(default_factory=set)
    """Names of sizes: written without an index they count nothing."""

    @property
    def learned(self) -> int:
        """How much was added while the notes are gathered."""
        return len(self.labelled) + len(self.members) + len(self.implicit) + len(self.slices)

    def counter(self, name: str) -> str | None:
        """The letter that counts the tensors of a name, None for a name of one tensor."""
        return self.members.get(name) or self.implicit.get(name)


def base_name(node: Node) -> str | None:
    """The name of a symbol with its accents and font, None where `node` is no single name."""
    match node:
        case Symbol(name=name, font=font):
            return name if font in PLAIN_FONTS else f"{font} {name}"
        case Word(text=text):
            return text
        case Accent(kind=kind, body=body):
            inner = base_name(body)
            return None if inner is None else f"{kind} {inner}"
        case Styled(font=font, body=body):
            inner = base_name(body)
            return None if inner is None else (inner if font in PLAIN_FONTS else f"{font} {inner}")
        case Decorated(body=body) | Annotated(body=body):
            return base_name(body)
        case Group(open="", close="", body=body):
            return base_name(body)
    return None


def subscript_items(node: Node) -> tuple[Node, ...]:
    """The parts of a subscript: `i, j`, `ij` and `i+1, j` give two each."""
    match node:
        case Group(open="" | "(", body=body):
            return subscript_items(body)
        case Sequence(items=items):
            return tuple(part for item in items for part in subscript_items(item))
        case Juxtapose(parts=parts) if all(_is_letter(part) or isinstance(part, Number) for part in parts):
            return tuple(p for part in parts for p in _digits(part))
        case Number():
            return _digits(node)
    return (node,)


def _digits(node: Node) -> tuple[Node, ...]:
    """The digits of an entry's number `11`, kept whole where it is no plain number."""
    if isinstance(node, Number) and node.text.isdigit() and len(node.text) > 1:
        span = node.span
        apart = span.end - span.start == len(node.text)
        return tuple(
            Number(type(span)(span.start + k, span.start + k + 1) if apart else span, digit)
            for k, digit in enumerate(node.text)
        )
    return (node,)


def _is_letter(node: Node) -> bool:
    match node:
        case Symbol():
            return True
        case Script(base=Symbol(), sub=None, sup=None):
            return True
    return False


def index_like(node: Node, letters: Iterable[str] = INDEX_LETTERS) -> bool:
    """Whether a part of a subscript can be an index: a letter, a number, or sums and multiples of them."""
    match node:
        case Symbol(name=name, font=""):
            return name in letters
        case Number(text=text):
            return text.isdigit()
        case Script(base=base, sub=sub, sup=None):
            return base_name(base) is not None and (sub is not None or index_like(base, letters))
        case Add() | Product() | Juxtapose() | Unary() | Group():
            return all(
                isinstance(part, Symbol | Number | Add | Product | Juxtapose | Unary | Group | Script)
                for part in walk(node)
            ) and any(index_like(part, letters) for part in walk(node) if isinstance(part, Symbol))
    return False


def _names_t(tree: Node) -> bool:
    """Whether t is the name of something, and not only the sign of a transpose."""
    if isinstance(tree, Script):
        parts = (tree.base, *(part for part in (tree.sub,) if part is not None))
        over = tree.sup if not isinstance(tree.sup, Symbol) else None
        return any(_names_t(part) for part in (*parts, *((over,) if over is not None else ())))
    return (isinstance(tree, Symbol) and tree.name == "t") or any(_names_t(child) for child in children(tree))


def _observe_letters(habits: Habits, trees: list[Node]) -> None:
    """Letters under sums, and whether t is a name."""
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, BigOperator) and node.name in ("sum", "prod") and node.lower is not None:
                lower = node.lower.sides[0] if isinstance(node.lower, Chain) else node.lower
                habits.letters |= set(letters_of(lower))
    habits.named_t = any(_names_t(tree) for tree in trees)


def observe(trees: Iterable[Node]) -> Habits:
    """The habits of the notes, from all formulas."""
    habits = Habits()
    trees = list(trees)
    _observe_letters(habits, trees)
    for tree in trees:
        for node in walk(tree):
            if not isinstance(node, Script):
                continue
            base = base_name(node.base)
            if base is None:
                continue
            if node.sup is not None and any(_names_layer(part) for part in superscript_items(node.sup)):
                habits.layered.add(base)
            if node.sub is not None:
                items = subscript_items(node.sub)
                if all(isinstance(item, Number) for item in items):
                    habits.numbers.setdefault(base, set()).add(len(items))
                elif all(index_like(item, habits.letters) for item in items) and not isinstance(
                    node.sub, Word
                ):
                    habits.ranks.setdefault(base, set()).add(len(items))
    for tree in trees:
        for node in walk(tree):
            _squares(node, habits)
            if isinstance(node, Script) and isinstance(node.sub, Script) and node.sub.sub is not None:
                name = base_name(node.sub.base)
                if name is not None:
                    habits.classes.add(name)
    return habits


def _squares(node: Node, habits: Habits) -> None:
    """σ² is a name where it is defined, or where something is differentiated by it."""
    sides: tuple[Node, ...] = ()
    match node:
        case Chain(sides=chain):
            sides = chain[:1]
        case Derivative(wrt=wrt):
            sides = wrt
    for side in sides:
        match side:
            case Script(base=base, sup=Number(text="2"), sub=sub) if base_name(base) is not None:
                name = base_name(base) or ""
                if isinstance(node, Derivative) or name in ("sigma", "s"):
                    label, indices = _read_subscript(name, sub, habits)
                    if indices is None:
                        habits.squared.add(f"{name}_{label}" if label else name)


def superscript_items(node: Node) -> tuple[Node, ...]:
    """The parts of a superscript: `[1]T`, `[2](i)`, `l`."""
    match node:
        case Group(open="", body=body):
            return superscript_items(body)
        case Juxtapose(parts=parts) if any(isinstance(p, Group) for p in parts):
            return tuple(part for p in parts for part in superscript_items(p))
        case Sequence(items=items):
            return tuple(part for item in items for part in superscript_items(item))
    return (node,)


def _names_layer(node: Node) -> bool:
    """Whether a bare superscript is `l`, `L`, `l-1`: sums of a layer letter and numbers."""
    match node:
        case Symbol(name=name):
            return name in LAYER_LETTERS
        case Add(terms=terms):
            rest = [t for t in terms if not _names_layer(t)]
            return len(rest) < len(terms) and all(isinstance(t, Number | Unary) for t in rest)
    return False


def read_name(node: Node, habits: Habits) -> Ref | None:
    """The name that `node` is, None where it is none (a sum, a bracket, a call)."""
    spend(1)
    known = habits.learned  # grows while the notes are gathered
    try:
        seen, size, reading = node._reading
        if seen is habits and size == known:
            return reading  # type: ignore[return-value]
    except AttributeError:  # asked for the first time
        pass
    return keep(node, "_reading", (habits, known, _read_name(node, habits)))[2]


def _read_name(node: Node, habits: Habits) -> Ref | None:
    match node:
        case Decorated(body=body) | Annotated(body=body):
            return read_name(body, habits)
        case Group(open="", close="", body=body):
            return read_name(body, habits)
        case Script(base=Script() as inner, sub=sub, sup=sup, primes=primes):
            return _outer_script(inner, sub, sup, primes, habits)
        case Script(base=base, sub=sub, sup=sup, primes=primes):
            name = base_name(base)
            return None if name is None else _scripted(name, sub, sup, primes, habits)
    name = base_name(node)
    return None if name is None else Ref(name, member=_counted(name, habits))


def _counted(name: str, habits: Habits) -> Node | None:
    """Where a name of many tensors is written without its index: the letter that counts them."""
    whole = name in habits.sizes or name in LOSS_NAMES
    counter = None if whole else habits.counter(name)
    return None if counter is None else Symbol(NOWHERE, counter)


def _split_member(name: str, sub: Node | None, habits: Habits) -> tuple[Node | None, Node | None]:
    """The index of a name that counts tensors, and what is left of its subscript."""
    counter = habits.counter(name)
    if counter is None:
        return None, sub
    if sub is None or isinstance(sub, Word | Text):
        return _counted(name, habits), sub
    items = (sub,) if isinstance(sub, Number) else subscript_items(sub)
    if not all(index_like(item) or isinstance(item, Symbol | Number) for item in items):
        return _counted(name, habits), sub
    mine = [item for item in items if counter in letters_of(item)]
    if name in habits.members:
        chosen = (mine or [items[0]])[0]
    elif mine and len(items) > min(habits.ranks.get(name, {0})):
        chosen = mine[0]
    else:
        return _counted(name, habits), sub
    rest = tuple(item for item in items if item is not chosen)
    if not rest:
        return chosen, None
    return chosen, rest[0] if len(rest) == 1 else Sequence(sub.span, rest, ())


def _outer_script(
    inner: Script, sub: Node | None, sup: Node | None, primes: int, habits: Habits
) -> Ref | None:
    """Scripts over a name that has scripts already, `{w_j}^T`."""
    ref = read_name(inner, habits)
    if ref is None or sub is not None:
        return None
    more = _scripted("?", None, sup, primes, habits)
    return Ref(
        ref.key,
        ref.layer or more.layer,
        ref.sample or more.sample,
        ref.indices,
        ref.transposed != more.transposed,
        ref.power or more.power,
        ref.primes + more.primes,
        ref.member,
    )


def _scripted(name: str, sub: Node | None, sup: Node | None, primes: int, habits: Habits) -> Ref:
    member, sub = _split_member(name, sub, habits)
    label, indices = _read_subscript(name, sub, habits)
    layer = sample = power = None
    transposed = False
    for part in superscript_items(sup) if sup is not None else ():
        match part:
            case Symbol(name=sign) if sign in TRANSPOSES and not (
                sign == "t" and (name in habits.layered or name == "e" or habits.named_t)
            ):
                transposed = True
            case Word(text="T" | "top" | "tr"):
                transposed = True
            case Group(open="["):
                layer = part.body
            case Group(open="("):
                if any(isinstance(n, Symbol) and n.name in LAYER_LETTERS for n in walk(part.body)):
                    layer = part.body
                elif name in habits.members:
                    member = part.body
                else:
                    sample = part.body
            case Symbol(name="prime"):
                primes += 1
            case Script(base=Symbol(name="prime")) | Symbol(name="'"):
                primes += 1
            case Word(text=word) | Text(text=word):
                label = f"{label}^{word}" if label else f"^{word}"
            case Symbol(name="*" | "ast" | "star" | "+" | "-" as sign):
                label = f"{label}^{sign}"
            case Number(text="2") if (f"{name}_{label}" if label else name) in habits.squared:
                label = f"{label}^2"
            case _ if name in habits.layered and _names_layer(part):
                layer = part
            case _:
                power = part
    key = f"{name}_{label}" if label else name
    return Ref(key, layer, sample, indices, transposed, power, primes, member)


def _read_subscript(name: str, sub: Node | None, habits: Habits) -> tuple[str, tuple[Node, ...] | None]:
    """A subscript's label and its indices."""
    if sub is None:
        return "", None
    if isinstance(sub, Word | Text):
        return sub.text, None
    items = subscript_items(sub)
    if any(isinstance(item, Ellipsis | Chain) for item in items):
        return "?", None
    if all(isinstance(item, Number) for item in items):
        digits = "".join(item.text for item in items if isinstance(item, Number))
        if len(items) == 1 and 1 not in habits.ranks.get(name, set()):
            return digits, None
        return "", items
    first = items[0]
    if (
        len(items) == 3
        and isinstance(first, Number)
        and 3 not in habits.ranks.get(name, set())
        and all(isinstance(item, Symbol) for item in items[1:])
    ):
        return first.text, items[1:]
    if all(index_like(item, habits.letters) for item in items):
        spelled = "".join(item.name for item in items if isinstance(item, Symbol))
        if f"{name}_{spelled}" in habits.labelled:
            return spelled, None
        if len(items) > 4:
            return spelled, None
        return "", items
    return label_text(sub), None


def names_in(node: Node) -> list[Node]:
    """The names in a tree, each whole with its scripts; names inside of scripts are left out."""
    try:
        return list(node._named)
    except AttributeError:  # asked for the first time
        return list(keep(node, "_named", tuple(_names_in(node))))


def _names_in(node: Node) -> list[Node]:
    match node:
        case Symbol():
            return [node]
        case Script(base=base) if base_name(base) is not None:
            return [node]
        case Script(base=base):
            return names_in(base)
    return [name for child in children(node) for name in names_in(child)]


def label_text(node: Node) -> str:
    """A subscript that is a part of the name, spelled out."""
    parts: list[str] = []
    for part in walk(node):
        match part:
            case Symbol(name=text) | Word(text=text) | Number(text=text) | Text(text=text):
                parts.append(text.strip())
    return "".join(parts) or "?"


def letters_of(node: Node) -> list[str]:
    """The letters under a node, in reading order, each once; a primed letter is a letter of its own."""
    try:
        return list(node._letters)
    except AttributeError:  # asked for the first time
        return list(keep(node, "_letters", tuple(_letters_of(node))))


def _letters_of(node: Node) -> list[str]:
    name = letter(node)
    if name is not None:
        return [name]
    found: list[str] = []
    for child in children(node):
        found.extend(name for name in letters_of(child) if name not in found)
    return found


def letter(node: Node) -> str | None:
    """The letter that a node is, with its primes: `m'` is another index than `m`."""
    match node:
        case Symbol(name=name):
            return name
        case Script(base=Symbol(name=name), sub=None, sup=None, primes=primes):
            return name + "'" * primes
        case Script(base=Symbol(name=name), sub=None, sup=Symbol(name="prime"), primes=0):
            return name + "'"
    return None
