r"""Functions that name one value, `J(\theta)` and `h_\theta(x)`: their arguments only say what the value depends on.

A function that is differentiated, or defined, with the same arguments wherever it stands is read as the name without
them. Where the notes also put in an example, `J(\theta; x^{(i)}, y^{(i)})`, that is the value of this example.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as with_fields

from symcnn.notes.arguments import arguments_of
from symcnn.notes.marks import NOWHERE
from symcnn.notes.name_parts import (
    base_name,
    index_like,
    label_text,
    letter,
    letters_of,
    names_in,
    superscript_items,
)
from symcnn.notes.names import LOSS_NAMES
from symcnn.notes.operations import known_function
from symcnn.notes.tree import (
    CallOrProduct,
    Chain,
    Derivative,
    Gradient,
    Group,
    Node,
    Number,
    Script,
    Symbol,
    Word,
)
from symcnn.notes.walking import replace, same, walk


@dataclass(frozen=True, slots=True)
class Stated:
    """A function that names a value; `examples` are its longer lists of arguments, for one example each."""

    head: Node
    plain: int
    examples: frozenset[int] = frozenset()
    counter: str = "i"


def stated(trees: Iterable[Node]) -> tuple[Stated, ...]:
    """The functions of the notes whose arguments say nothing but what they depend on."""
    trees = list(trees)
    every = [node for tree in trees for node in walk(tree) if isinstance(node, CallOrProduct)]
    calls = [call for call in every if _may_be_stated(call)]
    varied = {_base(call) for call in every if not _may_be_stated(call)} - LOSS_NAMES
    found: list[Stated] = []
    for call in calls:
        if _base(call) in varied or any(same(call.head, one.head) for one in found):
            continue
        mine = [other for other in calls if same(other.head, call.head)]
        made = _stated(call.head, mine, trees)
        if made is not None:
            found.append(made)
    return tuple(found)


def without_arguments(tree: Node, found: tuple[Stated, ...]) -> Node:
    """A tree in which these functions stand without their arguments."""
    for call in [node for node in walk(tree) if isinstance(node, CallOrProduct)] if found else ():
        one = next((one for one in found if same(one.head, call.head)), None)
        if one is not None and _may_be_stated(call):
            tree = replace(tree, call, _named(call, one))
    return tree


def _may_be_stated(call: CallOrProduct) -> bool:
    """Whether the arguments are plain names, as of a function that is only named."""
    name = _base(call)
    if name is None or known_function(name) or not isinstance(call.group, Group) or call.group.open != "(":
        return False
    if isinstance(call.head, Script) and (call.head.primes or call.head.sup is not None):
        return False
    return all(_plain(argument) is not None for argument in arguments_of(call.group))


def _base(call: CallOrProduct) -> str | None:
    return base_name(call.head.base if isinstance(call.head, Script) else call.head)


def _plain(argument: Node) -> str | None:
    """The name that an argument is, without the number of its example; None for anything else."""
    match argument:
        case Script(base=base, sup=None, sub=Node() as sub) if index_like(sub):
            return base_name(base)
        case Script(base=base, sup=Node() as sup, sub=None) if _example(sup) is not None:
            return base_name(base)
        case Script(base=base):
            return base_name(base)
    return base_name(argument)


def _example(sup: Node) -> Node | None:
    """The i of a superscript (i)."""
    for part in superscript_items(sup):
        if isinstance(part, Group) and part.open == "(" and letter(part.body) not in (None, "l", "L"):
            return part.body
    return None


def _stated(head: Node, calls: list[CallOrProduct], trees: list[Node]) -> Stated | None:
    """What a head that stands before these arguments is, where it names a value."""
    lists = {tuple(_plain(a) or "" for a in arguments_of(call.group)) for call in calls}
    by_length: dict[int, set[tuple[str, ...]]] = {}
    for names in lists:
        by_length.setdefault(len(names), set()).add(names)
    if any(len(names) > 1 for names in by_length.values()):
        return None
    plain = min(by_length)
    loss = base_name(head) in LOSS_NAMES
    if len(by_length) > 1 and not loss:
        return None
    if not (_is_differentiated(head, trees) if loss else _says_nothing(head, trees)):
        return None
    counters = [
        name for call in calls for argument in arguments_of(call.group) for name in _counters(argument)
    ]
    return Stated(head, plain, frozenset(by_length) - {plain}, counters[0] if counters else "i")


def _counters(argument: Node) -> list[str]:
    match argument:
        case Script(sup=Node() as sup) if _example(sup) is not None:
            return letters_of(_example(sup) or sup)
        case Script(sub=Node() as sub, sup=None):
            return letters_of(sub)
    return []


def _is_differentiated(head: Node, trees: list[Node]) -> bool:
    """Whether the notes take derivatives of the function with its arguments."""
    for tree in trees:
        for node in walk(tree):
            of = node.of if isinstance(node, Derivative | Gradient) else None
            if isinstance(of, CallOrProduct) and same(of.head, head):
                return True
    return False


def _says_nothing(head: Node, trees: list[Node]) -> bool:
    """Whether the notes define the function by something in which its arguments do not occur, or it is h_θ(x)."""
    for tree in trees:
        for node in walk(tree):
            if not isinstance(node, Chain) or not isinstance(node.sides[0], CallOrProduct):
                continue
            left = node.sides[0]
            if not same(left.head, head) or node.relations[0].name not in ("=", ":=", "equiv"):
                continue
            names = {_plain(argument) for argument in arguments_of(left.group)}
            inside = {base_name(n.base if isinstance(n, Script) else n) for n in names_in(node.sides[1])}
            if not names & inside or (isinstance(head, Script) and not index_like(head.sub or head)):
                return True
    return False


def _named(call: CallOrProduct, one: Stated) -> Node:
    """The name alone; with the number of its example where one is put in."""
    arguments = arguments_of(call.group)
    head = _labelled(call.head)
    number = next((n for a in arguments if (n := _number(a)) is not None), None)
    if number is None and len(arguments) in one.examples:
        number = Symbol(NOWHERE, one.counter)
    if number is None:
        return head
    if base_name(call.head) in LOSS_NAMES:
        return Script(call.span, head, number, None, 0)
    base, sub = (head.base, head.sub) if isinstance(head, Script) else (head, None)
    return Script(call.span, base, sub, Group(NOWHERE, "(", ")", number), 0)


def _labelled(head: Node) -> Node:
    """The head with its script, a letter such as θ, as a part of the name."""
    if isinstance(head, Script) and head.sub is not None and not isinstance(head.sub, Number):
        return with_fields(head, sub=Word(head.sub.span, label_text(head.sub), "raw"))
    return head


def _number(argument: Node) -> Node | None:
    """The i of x^{(i)}, or of x_i."""
    match argument:
        case Script(sup=Node() as sup, sub=None) if _example(sup) is not None:
            return _example(sup)
        case Script(sub=Node() as sub, sup=None) if letter(sub) is not None:
            return sub
    return None
