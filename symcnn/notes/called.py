r"""Operations that the notes define entry by entry: `\operatorname{conv}(x, g)_{o,c,r} = \sum ...` names an array.

From there on `\operatorname{conv}(x, g)` is the array with these entries. Operations that have a meaning of their own
keep it: a formula for the entries of a softmax is a claim. What a convolution of more than two axes sums over is for
the notes to say.

The reverse: a word that the notes give entry by entry, `\mathrm{act}_i = \ldots`, is no function, so that
`\mathrm{act}_i (1 - \mathrm{act}_i)` is a product.
"""

from __future__ import annotations

from collections.abc import Iterable

from symcnn.notes.brackets import is_index
from symcnn.notes.extract import Formula
from symcnn.notes.name_parts import subscript_items
from symcnn.notes.operations import BINARY, known_function, operation_name
from symcnn.notes.tree import Add, Call, CallOrProduct, Chain, Group, Juxtapose, Node, Script, Symbol, Word
from symcnn.notes.walking import replace, same, walk

MATRIX_AXES = 2


Calls = tuple[tuple[Call, str], ...]
"""Calls, each with its LaTeX, which is the name of the array."""


def defined_calls(read: Iterable[tuple[Formula, Node]]) -> Calls:
    """The calls whose entries are a left side of the notes."""
    found: list[tuple[Call, str]] = []
    for formula, tree in read:
        for node in walk(tree):
            if not isinstance(node, Chain) or not isinstance(left := node.sides[0], Script):
                continue
            call = left.base
            if (
                not isinstance(call, Call)
                or left.sub is None
                or not _open(call, len(subscript_items(left.sub)))
            ):
                continue
            if not any(same(call, other) for other, _ in found):
                found.append((call, call.span.of(formula.latex)))
    return tuple(found)


def as_arrays(tree: Node, calls: Calls) -> Node:
    """A tree in which the calls have become names of arrays."""
    for call in [node for node in walk(tree) if isinstance(node, Call)] if calls else ():
        name = next((text for other, text in calls if same(call, other)), None)
        if name is not None:
            tree = replace(tree, call, Word(call.span, name, "raw"))
    return tree


def entry_words(trees: Iterable[Node]) -> frozenset[str]:
    """The words, alone or with letters as indices, that are a left side of the notes and take no plain argument."""
    nodes = [node for tree in trees for node in walk(tree)]
    defined = {_word_of_entry(node.sides[0]) for node in nodes if isinstance(node, Chain)}
    applied = {
        _word(node.function) for node in nodes if isinstance(node, Call) and not _is_sum(node.argument)
    }
    applied |= {
        _word(node.sides[0].function)
        for node in nodes
        if isinstance(node, Chain) and isinstance(node.sides[0], Call)
    }
    return frozenset(word for word in defined - applied if word is not None and not known_function(word))


def as_factors(tree: Node, words: frozenset[str]) -> Node:
    """A tree in which such a word multiplies the sum in the brackets after it, with what stands above them."""
    for node in [one for one in walk(tree) if isinstance(one, Call)] if words else ():
        if _multiplies(node, words):
            tree = _multiplied(tree, words)
            break
    return tree


def _multiplied(tree: Node, words: frozenset[str]) -> Node:
    """The tree with the first such product put right, and all that are left in it."""
    for node in walk(tree):
        match node:
            case Script(base=Call(function=function, argument=group) as call) if _multiplies(call, words):
                group = Script(node.span, group, node.sub, node.sup, node.primes)
            case Call(function=function, argument=group) if _multiplies(node, words):
                pass
            case _:
                continue
        product = (
            Juxtapose(node.span, (function, group))
            if isinstance(function, Word)
            else CallOrProduct(node.span, function, group)
        )
        return as_factors(replace(tree, node, product), words)
    return tree


def _word(function: Node) -> str | None:
    """The word of a function, also of one with scripts."""
    base = function.base if isinstance(function, Script) else function
    return base.text if isinstance(base, Word) else None


def _word_of_entry(node: Node) -> str | None:
    r"""The word of `\mathrm{act}_i`: under it stand letters only, or nothing."""
    match node:
        case Word(text=text):
            return text
        case Script(base=Word(text=text), sub=Node() as sub, sup=None, primes=0):
            return text if all(isinstance(item, Symbol) for item in subscript_items(sub)) else None
    return None


def _multiplies(call: Call, words: frozenset[str]) -> bool:
    """Whether what is written as a call is an entry, or a word that is also a term inside, before a bracketed sum."""
    function, word = call.function, _word(call.function)
    if word not in words or not _is_sum(call.argument):
        return False
    if isinstance(function, Script):
        return function.sub is not None and not function.primes
    inside = list(walk(call.argument))
    written = sum(isinstance(node, Word) and node.text == word for node in inside)
    return written > sum(isinstance(node, Call) and _word(node.function) == word for node in inside)


def _is_sum(group: Node) -> bool:
    """Whether brackets hold a sum that is no index: in round ones, or in square ones with more than letters in it."""
    return (
        isinstance(group, Group)
        and group.open in ("(", "[")
        and isinstance(group.body, Add)
        and not (group.open == "[" and is_index(group))
    )


def _open(call: Call, axes: int) -> bool:
    """Whether nothing but the notes says what an operation gives."""
    function = call.function.base if isinstance(call.function, Script) else call.function
    if not isinstance(function, Word):
        return False
    name = operation_name(function.text)
    return not known_function(name) or (name in BINARY and "conv" in name and axes > MATRIX_AXES)
