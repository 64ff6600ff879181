"""Which names are losses, layers and functions, by the places where they stand in formulas."""

from __future__ import annotations

from symcnn.notes.arguments import arguments_of
from symcnn.notes.claims import Piece
from symcnn.notes.facts import Facts
from symcnn.notes.name_parts import base_name, index_like, letters_of, superscript_items
from symcnn.notes.names import LOSS_NAMES, read_name
from symcnn.notes.operations import known_function
from symcnn.notes.tree import CallOrProduct, Derivative, Gradient, Group, Node, Number, Script, Symbol
from symcnn.notes.walking import children, walk


def find_losses(facts: Facts, trees: list[Node]) -> None:
    """Names of which derivatives are taken and that look like a loss, or that occur nowhere else."""
    tops: list[str] = []
    elsewhere: set[str] = set()
    for tree in trees:
        for node in walk(tree):
            of = node.of if isinstance(node, Derivative | Gradient) else None
            if of is None:
                continue
            base = of.base if isinstance(of, Script) else of
            name = base_name(base)
            if name is None:
                continue
            if name in LOSS_NAMES and isinstance(of, Script) and of.sub is not None:
                letters = letters_of(of.sub)
                if len(letters) == 1 and name not in facts.habits.members:
                    facts.habits.labelled.add(f"{name}_{letters[0]}")
            ref = read_name(of, facts.habits)
            if ref is not None and ref.key not in tops and ref.indices is None and ref.layer is None:
                tops.append(ref.key)
    for tree in trees:
        elsewhere |= _plain_names(tree, facts)
    for key in tops:
        if key.split("_")[0] in LOSS_NAMES or key not in elsewhere:
            facts.losses.append(key)


def _plain_names(tree: Node, facts: Facts) -> set[str]:
    """Names that stand in a tree other than on top of a derivative."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        ref = read_name(node, facts.habits) if isinstance(node, Symbol | Script) else None
        if ref is not None:
            found.add(ref.key)
        if isinstance(node, Derivative) and node.of is not None:
            waiting.extend(child for child in children(node) if child is not node.of)
            continue
        waiting.extend(children(node))
    return found


def find_layers(facts: Facts, trees: list[Node]) -> None:
    numbers: set[int] = set()
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, Script) and node.sup is not None:
                for part in superscript_items(node.sup):
                    if not isinstance(part, Group) or not isinstance(part.body, Number):
                        continue
                    if part.open == "[":
                        numbers.add(int(part.body.text))
                    elif base_name(node.base) in facts.habits.bracketed_layers and part.body.text.isdigit():
                        facts.first_layers |= {int(part.body.text)} - {0}
    facts.layers = tuple(sorted(numbers))


def find_functions(facts: Facts, trees: list[Node], found: list[Piece]) -> None:
    """Names that are functions: they are applied with a prime, or defined by `f(z) = ...`."""
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, CallOrProduct):
                head = node.head
                name = base_name(head.base if isinstance(head, Script) else head)
                if name is None:
                    continue
                primed = isinstance(head, Script) and (head.primes > 0 or _has_prime(head.sup))
                entry = isinstance(head, Script) and head.sub is not None and name in ("f", "g")
                if (
                    primed
                    or (name in ("sigma", "phi", "varphi", "f", "g", "psi") and not entry)
                    or known_function(name)
                ) and (not _index_arguments(node) or primed):
                    facts.applied.add(name)
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, CallOrProduct) and _index_arguments(node):
                name = base_name(node.head)
                arguments = arguments_of(node.group)
                if name is not None and name not in facts.applied and len(arguments) >= 2:
                    facts.called_entries.add(name)


def _has_prime(sup: Node | None) -> bool:
    return sup is not None and any(isinstance(n, Symbol) and n.name == "prime" for n in walk(sup))


def _index_arguments(node: CallOrProduct) -> bool:
    arguments = arguments_of(node.group)
    return len(arguments) >= 2 and all(index_like(argument) for argument in arguments)


def factors_among_functions(facts: Facts, trees: list[Node]) -> set[str]:
    """Names before a bracket that are factors all the same: sizes, and tensors whose entries are differentiated by."""
    found = {name for name in facts.applied if name in facts.sizes and not known_function(name)}
    for tree in trees:
        for node in walk(tree):
            for wrt in node.wrt if isinstance(node, Derivative) else ():
                ref = read_name(wrt, facts.habits)
                if ref is not None and ref.indices is not None and ref.key in facts.applied:
                    found.add(ref.key)
    return found - set(facts.functions)
