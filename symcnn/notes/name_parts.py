"""The parts of a written name: its base, the items of its scripts, its letters."""

from __future__ import annotations

from collections.abc import Iterable

from symcnn.notes.tree import (
    Accent,
    Add,
    Annotated,
    Decorated,
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
)
from symcnn.notes.walking import children, keep, walk

INDEX_LETTERS = frozenset("abcdhijklmnopqrstuvw") | {"alpha", "beta", "mu", "nu"}
"""Letters that are read as indices where they stand under a name."""


TRANSPOSES = frozenset({"T", "top", "intercal", "mathsf T", "t", "tr"})


LAYER_LETTERS = frozenset({"l", "L", "ell"})


PLAIN_FONTS = frozenset({"", "rm", "it", "sf", "tt", "bm"})


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


def counts_layers(script: Node | None) -> bool:
    """Whether a script is the number of a layer: `l`, `l-1`, `L`."""
    letters = letters_of(script) if script is not None else []
    return bool(letters) and set(letters) <= LAYER_LETTERS


def is_numbered(sub: Node) -> bool:
    """Whether a subscript is a letter with a number directly after it or under it: `h1`, `h_1`."""
    if isinstance(sub, Script):
        numbered = isinstance(sub.base, Symbol) and isinstance(sub.sub, Number)
        return numbered and sub.sup is None and not sub.primes
    return (
        isinstance(sub, Juxtapose)
        and isinstance(sub.parts[0], Symbol)
        and all(isinstance(part, Number) and part.text.isdigit() for part in sub.parts[1:])
    )


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


def is_list(node: Node) -> bool:
    """Whether a node is (a, b, c): a column, with and without the sign of a transpose."""
    return (
        isinstance(node, Group)
        and node.open in ("(", "[")
        and isinstance(node.body, Sequence)
        and len(node.body.items) > 1
    )


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


def names_layer(node: Node) -> bool:
    """Whether a bare superscript is `l`, `L`, `l-1`: sums of a layer letter and numbers."""
    match node:
        case Symbol(name=name):
            return name in LAYER_LETTERS
        case Add(terms=terms):
            rest = [t for t in terms if not names_layer(t)]
            return len(rest) < len(terms) and all(isinstance(t, Number | Unary) for t in rest)
    return False


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


def label_text(node: Node) -> str:
    """A subscript that is a part of the name, spelled out."""
    parts: list[str] = []
    for part in walk(node):
        match part:
            case Symbol(name=text) | Word(text=text) | Number(text=text) | Text(text=text):
                parts.append(text.strip())
    return "".join(parts) or "?"


def is_transpose(sup: Node | None) -> bool:
    match sup:
        case Symbol(name=name):
            return name in TRANSPOSES
        case Word(text=text):
            return text in TRANSPOSES
    return False


def is_inverse(sup: Node | None) -> bool:
    return (
        isinstance(sup, Unary) and sup.name == "-" and isinstance(sup.body, Number) and sup.body.text == "1"
    )


def is_capital(node: Node) -> bool:
    match node:
        case Symbol(name=name):
            return len(name) == 1 and name.isupper()
        case Script(base=base) | Accent(body=base) | Styled(body=base):
            return is_capital(base)
        case Group(body=body):
            return is_capital(body)
    return False
