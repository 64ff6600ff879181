"""How a written name is read: base, label, layer, sample, entry indices, transpose and power."""

from __future__ import annotations

from dataclasses import dataclass, field

from symcnn.notes.limits import spend
from symcnn.notes.marks import NOWHERE
from symcnn.notes.name_parts import (
    INDEX_LETTERS,
    TRANSPOSES,
    base_name,
    counts_layers,
    index_like,
    is_numbered,
    label_text,
    letters_of,
    names_layer,
    subscript_items,
    superscript_items,
)
from symcnn.notes.superscripts import bracketed_items
from symcnn.notes.tree import (
    Annotated,
    Chain,
    Decorated,
    Ellipsis,
    Group,
    Node,
    Number,
    Script,
    Sequence,
    Symbol,
    Text,
    Word,
)
from symcnn.notes.walking import keep

LOSS_NAMES = frozenset(
    (
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
    )
)


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
    bracketed_layers: set[str] = field(default_factory=set)
    """Bases that carry a layer in brackets, as in `W^{(l)}`: the number in `W^{(1)}` is one too."""
    sampled: set[str] = field(default_factory=set)
    """Bases whose example is only written in brackets above, so that an index below is that of an entry."""
    numbered_layers: bool = False
    """Whether a number in brackets above a name is a label, as that below it: `W^{(2)}_{ij}` is an entry of `W_2`."""
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
    indexing: set[str] = field(default_factory=set)
    """Letters that stand as an index somewhere, and not only before a number as the h of `net_{h1}`."""
    members: dict[str, str] = field(default_factory=dict)
    """Bases whose index counts whole tensors, as in the state h_t, with the letter that mostly counts them."""
    implicit: dict[str, str] = field(default_factory=dict)
    """Names without such an index that are computed from ones that have it: s = W x_i belongs to i."""
    above: frozenset[str] = frozenset()
    """Names with indices in round brackets above them, as in `K^{(o,c)}_{u,v}`."""
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
        case Script(base=Group(open="(", body=inner), sub=Node() as sub, sup=sup, primes=0):
            return _entry_of_name(inner, sub, sup, habits)
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
    if name in habits.members and name in habits.sampled and not mine:
        return _counted(name, habits), sub
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


def _entry_of_name(inner: Node, sub: Node, sup: Node | None, habits: Habits) -> Ref | None:
    """An entry of a name that is written in brackets: `(W_1)_{dh}`, and `(W^T)_{ij}` with its indices turned."""
    ref = read_name(inner, habits)
    items = subscript_items(sub)
    if ref is None or ref.indices is not None or ref.power is not None or ref.primes:
        return None
    if not all(index_like(item, habits.letters) for item in items):
        return None
    indices = items[::-1] if ref.transposed else items
    return Ref(ref.key, ref.layer, ref.sample, indices, False, sup, 0, ref.member)


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
    label, indices = read_subscript(name, sub, habits)
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
            case Group(open="(") if name in habits.above:
                indices = (*bracketed_items(part), *(indices or ()))
            case Group(open="["):
                layer = part.body
            case Group(open="("):
                if habits.numbered_layers and isinstance(part.body, Number):
                    label = part.body.text if not label else f"{part.body.text},{label}"
                elif counts_layers(part.body) or (
                    isinstance(part.body, Number) and name in habits.bracketed_layers
                ):
                    layer = part.body
                elif name in habits.members:
                    member = part.body
                else:
                    sample = part.body
            case Symbol(name="prime"):
                primes += 1
            case Script(base=Symbol(name="prime")) | Symbol(name="'"):
                primes += 1
            case _ if (mark := _mark(part, name, habits)) is not None:
                label = f"{label}^{mark}"
            case Number(text="2") if (f"{name}_{label}" if label else name) in habits.squared:
                label = f"{label}^2"
            case _ if name in habits.layered and names_layer(part):
                layer = part
            case _:
                power = part
    key = f"{name}_{label}" if label else name
    return Ref(key, layer, sample, indices, transposed, power, primes, member)


def _mark(part: Node, name: str, habits: Habits) -> str | None:
    """What a superscript adds to a name that it only tells apart: a word, a star, the f of a^f_t."""
    match part:
        case Word(text=text) | Text(text=text) | Symbol(name="*" | "ast" | "star" | "+" | "-" as text):
            return text
        case Symbol(name=text) if f"{name}^{text}" in habits.labelled:
            return text
    return None


def read_subscript(name: str, sub: Node | None, habits: Habits) -> tuple[str, tuple[Node, ...] | None]:
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
    if is_numbered(sub) and not set(letters_of(sub)) & habits.indexing:
        return label_text(sub), None
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
