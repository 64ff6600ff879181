"""Which names are sizes, and what the index letters of the notes run through."""

from __future__ import annotations

import re
from dataclasses import replace

from symcnn.notes.claims import Piece
from symcnn.notes.facts import Facts
from symcnn.notes.free import means
from symcnn.notes.marks import NOWHERE
from symcnn.notes.name_parts import base_name, counts_layers, letter, letters_of, subscript_items
from symcnn.notes.names import read_name
from symcnn.notes.tree import Add, BigOperator, Chain, Group, Node, Number, Script, Sequence, Symbol, Unary
from symcnn.notes.walking import children, walk


def find_sizes(facts: Facts, trees: list[Node]) -> None:
    """Names in the bounds of sums and in declared shapes are sizes."""
    for tree in trees:
        for node in walk(tree):
            match node:
                case BigOperator(lower=Node() as lower, upper=None):
                    facts.bound |= set(letters_of(lower))
                case BigOperator(lower=lower, upper=upper) if upper is not None:
                    if isinstance(lower, Chain):
                        facts.bound |= set(letters_of(lower.sides[0]))
                    mark_sizes(facts, upper)
                    if isinstance(lower, Chain):
                        for side in lower.sides[1:]:
                            mark_sizes(facts, side)
        for size, _ in means(tree):
            mark_sizes(facts, size)
    facts.sizes -= _running(facts, trees)
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, Script) and base_name(node.base) == "bb R" and node.sup is not None:
                mark_sizes(facts, node.sup)


RANGE = re.compile(r"\$\s*(\w)\s*=\s*(\d)\s*,\s*(?:\d\s*,\s*)?\\[lc]?dots\s*,\s*(\w)\s*\$")
"""For $t = 1, \\dots, T$."""


def find_ranges(facts: Facts, trees: list[Node], text: str) -> None:
    """The range of a letter that counts tensors: stated in the text, or given by a sum over it; of an index, stated."""
    counters = {*facts.habits.members.values(), *facts.habits.implicit.values()}
    stated = [(match[1], match[3]) for match in RANGE.finditer(text)]
    for match in RANGE.finditer(text):
        once = (
            match[1] in facts.habits.indexing and len({end for name, end in stated if name == match[1]}) == 1
        )
        if (match[1] in counters or once) and match[3].isupper():
            facts.sizes.add(match[3])
            facts.ranges.setdefault(match[1], (int(match[2]), Symbol(NOWHERE, match[3])))
            facts.bound.add(match[1])
    for tree in trees:
        for node in walk(tree):
            match node:
                case BigOperator(
                    name="sum", lower=Chain(sides=(first, Number(text=low))), upper=Symbol() as high
                ):
                    name = letter(first)
                    if name in counters and low.isdigit() and high.name in facts.sizes:
                        facts.ranges.setdefault(name or "", (int(low), high))


def _running(facts: Facts, trees: list[Node]) -> set[str]:
    """Small letters in the bounds of a sum that are indices themselves: the t and s of a sum from s + 1 to t."""
    ends: set[str] = set()
    under: set[str] = set()
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
                if letters_of(node.lower.sides[-1]):
                    ends |= {*letters_of(node.lower.sides[-1]), *letters_of(node.upper)}
            elif isinstance(node, Script) and node.sub is not None:
                under |= {name for item in subscript_items(node.sub) if (name := letter(item)) is not None}
    return {name for name in (ends & under) | facts.bound if name.islower()}


def mark_sizes(facts: Facts, node: Node) -> None:
    if isinstance(node, Number):
        return
    for part in _names_in(node):
        if isinstance(part, Script) and part.sup is None and counts_layers(part.sub):
            facts.layer_sizes.add(base_name(part.base) or "")
            continue
        ref = read_name(part, facts.habits)
        if (
            ref is not None
            and ref.indices is None
            and ref.layer is None
            and ref.key not in ("infty", "L", "l")
        ):
            facts.sizes.add(ref.key + "'" * ref.primes)


def _names_in(node: Node) -> list[Node]:
    if isinstance(node, Symbol | Script):
        return [node]
    return [name for child in children(node) for name in _names_in(child)]


def find_first_index(facts: Facts, trees: list[Node]) -> None:
    if facts.cues.zero_based:
        return
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
                low = node.lower.sides[-1]
                if isinstance(low, Number) and low.text == "0":
                    facts.cues = replace(facts.cues, zero_based=True)
                    return


def find_larger(facts: Facts, trees: list[Node]) -> None:
    """Sums up to n - k, and ranges up to n - k, say that the size n is not below the size k."""
    bounds = [high for _, high in facts.ranges.values() if isinstance(high, Node)]
    for tree in trees:
        bounds += [n.upper for n in walk(tree) if isinstance(n, BigOperator) and n.upper is not None]
    for bound in bounds:
        if not isinstance(bound, Add):
            continue
        terms = _terms(bound)
        names = [letter(term) for term in terms]
        less = [letter(t.body) for t in terms if isinstance(t, Unary) and t.name == "-"]
        smaller = tuple(name for name in less if name in facts.sizes)
        if names[0] in facts.sizes and smaller and names[0] is not None:
            known = facts.larger.get(names[0], ())
            facts.larger[names[0]] = (*known, *(n for n in smaller if n not in known))


def _terms(node: Node) -> list[Node]:
    """The terms of a sum, of sums in it too."""
    return [t for term in node.terms for t in _terms(term)] if isinstance(node, Add) else [node]


def note_between(facts: Facts, node: Node) -> None:
    """A remark such as (0 <= i <= n - k) gives a range."""
    inner = node.body if isinstance(node, Group) else node
    match inner:
        case Chain(sides=(Number(text=low), middle, high), relations=(first, second)):
            if first.name in ("<", "<=") and second.name in ("<", "<="):
                for name in (
                    letter(part) for part in (middle.items if isinstance(middle, Sequence) else (middle,))
                ):
                    if name is not None:
                        one = Unary(high.span, "-", Number(high.span, "1"))
                        last = Add(high.span, (high, one)) if second.name == "<" else high
                        facts.ranges.setdefault(name, (int(low) + (first.name == "<"), last))


def note_bounds(facts: Facts, piece: Piece) -> None:
    """0 <= i < H gives a range."""
    if piece.head is None or piece.first or piece.left is None or piece.right is None:
        return
    names = piece.left.items if isinstance(piece.left, Sequence) else (piece.left,)
    for name in names:
        index = letter(name)
        if index is not None and isinstance(piece.head, Number):
            high: Node = piece.right
            if piece.sign == "<":
                _mark_bound(facts, piece.right)
                one = Number(high.span, "1")
                high = Add(high.span, (high, Unary(high.span, "-", one)))
            facts.ranges.setdefault(index, (int(piece.head.text), high))


def _mark_bound(facts: Facts, node: Node) -> None:
    """A capital that an index stays below is a size; primed ones too."""
    name = letter(node)
    if name is not None and name.rstrip("'").isupper() and name not in facts.losses:
        facts.sizes.add(name)


def find_steps(facts: Facts) -> None:
    """In a definition, a letter inside an index that nothing binds is a parameter: a stride, a padding."""
    for definition in facts.definitions:
        if definition.indices is None:
            continue
        bound = {name for index in definition.indices for name in letters_of(index)}
        for node in walk(definition.body):
            if isinstance(node, BigOperator) and node.lower is not None:
                bound |= set(letters_of(node.lower))
        for node in walk(definition.body):
            ref = read_name(node, facts.habits) if isinstance(node, Script) else None
            for index in ref.indices or () if ref is not None else ():
                if letter(index) is None:
                    given = {name for name in letters_of(index) if name not in bound}
                    facts.steps |= {name for name in given - facts.sizes if name.islower()}
                    facts.sizes |= given
