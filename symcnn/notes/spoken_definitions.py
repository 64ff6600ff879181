"""Definitions in words: "call this column δ", "denote by a^f_t the arguments of σ in (1)"."""

from __future__ import annotations

import re
from dataclasses import replace

from symcnn.notes.claims import Piece
from symcnn.notes.extract import Document
from symcnn.notes.facts import Definition, Facts
from symcnn.notes.name_parts import base_name
from symcnn.notes.names import Ref, read_name
from symcnn.notes.tree import Call, CallOrProduct, Group, Node, Script

NAMED = re.compile(
    r"[\s.,;:)]*(?:(?:which|and|we|let us|here|also|now)\s+)*(?:call|denote|name|abbreviate|write|is called|is denoted)\s*"
    r"(?:(?:this|it|that|these|the|result|column|row|vector|matrix|array|number|gradient|derivative|error)\s*){0,4}"
    r"(?:by|as)?\s*$",
    re.I,
)
"""Words between a formula and the name that they give to it."""

ARGUMENTS = re.compile(
    r"\barguments? of\b|\bpre-?activations?\b|\bnet inputs?\b|\bweighted (?:sums?|inputs?)\b|\bwhat stands? inside\b"
    r"|\b(?:inputs? (?:of|to)|before) the (?:nonlinear|activation|sigmoid|gate|squashing)",
    re.I,
)
"""Words that make a list of names the arguments of the functions that give f_t, g_t, ..."""


def spoken(facts: Facts, found: list[Piece], piece: Piece, document: Document) -> tuple[Definition, ...]:
    """The definitions that the words around a name alone give; nothing for another piece."""
    if piece.right is not None or piece.left is None or piece.formula.display:
        return ()
    ref = read_name(piece.left, facts.habits)
    if ref is None or ref.transposed or ref.power is not None:
        return ()
    named = _named(facts, found, piece, ref, document)
    if named is not None:
        return (named,)
    return _argument(facts, piece, ref, document)


def _defined(ref: Ref, key: str, body: Node, piece: Piece, document: Document) -> Definition:
    line = document.place(piece.formula.span.start)[0]
    indices, member = ref.indices, ref.member
    return Definition(
        key,
        ref.layer,
        ref.sample,
        indices,
        body,
        line,
        piece.order,
        piece.latex,
        head=piece.left,
        member=member,
    )


def _named(facts: Facts, found: list[Piece], piece: Piece, ref: Ref, document: Document) -> Definition | None:
    """`... = p - y$. Call this column $\\delta$`: the name of what stands before."""
    before = found[piece.order - 1] if piece.order else piece
    between = document.text[before.formula.outer.end : piece.formula.outer.start]
    body = before.head if before.head is not None else before.left
    if before.sign != "=" or body is None or not NAMED.match(between):
        return None
    if any(d.key == ref.key for d in facts.definitions):
        return None
    return _defined(ref, facts.resolve(ref.key), body, piece, document)


def _argument(facts: Facts, piece: Piece, ref: Ref, document: Document) -> tuple[Definition, ...]:
    """a^f_t, where the sentence calls it the argument of the function in f_t = σ(...); and f_t = σ(a^f_t)."""
    text, start, end = document.text, piece.formula.outer.start, piece.formula.outer.end
    begin = max(text.rfind(". ", 0, start), text.rfind("\n\n", 0, start)) + 1
    stop = min((at for at in (text.find(". ", end), text.find("\n\n", end)) if at >= 0), default=len(text))
    target = re.split(r"[\^_ ]", ref.key)[-1]
    if target == ref.key or not ARGUMENTS.search(text[begin:stop]):
        return ()
    for known in reversed(facts.definitions):
        opened = (
            _opened(known.body, piece.left) if known.key == target and known.order < piece.order else None
        )
        if opened is None:
            continue
        ref = _counted(facts, piece, known) or ref
        if (known.member is None) == (ref.member is None):
            argument, outer = opened
            inner = _defined(ref, facts.resolve(ref.key), argument, piece, document)
            return inner, replace(known, body=outer)
    return ()


def _counted(facts: Facts, piece: Piece, known: Definition) -> Ref | None:
    """The name read as one that counts tensors, as the one that it is the argument for does."""
    name = base_name(piece.left.base) if isinstance(piece.left, Script) else None
    counter = facts.habits.counter(known.key)
    if name is None or counter is None or piece.left is None:
        return None
    facts.habits.members.setdefault(name, counter)
    return read_name(piece.left, facts.habits)


def _opened(body: Node, name: Node | None) -> tuple[Node, Node] | None:
    """The argument of a function of one thing, and the function of `name` instead."""
    match body:
        case CallOrProduct(group=Group(body=argument) as group) if name is not None:
            return argument, replace(body, group=replace(group, body=name))
        case Call(argument=Group(body=argument) as group) if name is not None:
            return argument, replace(body, argument=replace(group, body=name))
    return None
