"""What an equation introduces: a name, an entry, a function or an operator; and what is no definition."""

from __future__ import annotations

from dataclasses import replace

from symcnn.notes.arguments import arguments_of, function_name
from symcnn.notes.claims import Piece
from symcnn.notes.facts import Definition, Facts, FunctionRule
from symcnn.notes.name_parts import base_name, letter, subscript_items
from symcnn.notes.names import Habits, Ref, read_name
from symcnn.notes.tree import (
    Add,
    Annotated,
    Call,
    CallOrProduct,
    Decorated,
    Derivative,
    Differential,
    Group,
    Matrix,
    Node,
    Number,
    Product,
    Root,
    Script,
    Text,
    Unary,
    Word,
)
from symcnn.notes.walking import same


def definition_of(facts: Facts, piece: Piece, line: int) -> Definition | None:
    """The definition that a piece may be: a name or an entry on the left, no derivative in place of it."""
    if not piece.first or piece.left is None or piece.right is None:
        return None
    left = piece.left
    while isinstance(left, Decorated | Annotated):
        left = left.body
    left = _called(facts, left)
    ref = read_name(left, facts.habits)
    if is_signature(piece.right):
        return None
    if ref is None or ref.transposed or ref.power is not None or isinstance(left, Derivative | Differential):
        return None
    if letter(left) in facts.bound and ref.indices is None:
        return None
    if isinstance(piece.right, Text) or contains_text_only(piece.right):
        return None
    if is_update(left, piece.right, facts) or is_either(piece.right):
        return None
    key = ref.key + "'" * ref.primes
    return Definition(
        facts.resolve(key),
        ref.layer,
        ref.sample,
        ref.indices,
        piece.right,
        line,
        piece.order,
        piece.latex,
        display=displayed(facts, piece.right) is not None,
        head=piece.left,
        member=ref.member,
    )


def root_of(definition: Definition) -> Definition | None:
    """For a name that is defined by its square, as the variance σ², what the name alone is: the positive root."""
    name = definition.key.removesuffix("^2").removesuffix("_")
    if not definition.key.endswith("^2") or definition.head is None:
        return None
    return replace(definition, key=name, body=Root(definition.head.span, definition.head), head=None)


def is_signature(node: Node) -> bool:
    """f(x; W, b): a function with several arguments, which only says what it depends on."""
    if not isinstance(node, CallOrProduct) or base_name(node.head) is None:
        return False
    arguments = arguments_of(node.group)
    return len(arguments) >= 2 and all(read_name(a, Habits()) is not None for a in arguments)


def displayed(facts: Facts, body: Node) -> Matrix | None:
    """The matrix of a body that only names entries, `[x_{11} x_{12}; ...]`."""
    while isinstance(body, Script | Decorated | Annotated):
        body = body.base if isinstance(body, Script) else body.body
    if not isinstance(body, Matrix):
        return None
    for row in body.rows:
        for entry in row:
            ref = read_name(entry, facts.habits)
            if ref is None or not ref.indices or not all(isinstance(i, Number) for i in ref.indices):
                return None
    return body


def _called(facts: Facts, left: Node) -> Node:
    """`A / B = ...` says that A is also called B."""
    if isinstance(left, Product) and all(op.name == "/" for op in left.operators):
        refs = [read_name(factor, facts.habits) for factor in left.factors]
        if all(ref is not None and ref.indices is None for ref in refs):
            first = refs[0]
            for other in refs[1:]:
                if first is not None and other is not None and other.key != first.key:
                    facts.aliases.setdefault(other.key, first.key)
            return left.factors[0]
    return left


def contains_text_only(node: Node) -> bool:
    return isinstance(node, Text) or (isinstance(node, Word) and " " in node.text.strip())


def is_update(left: Node, right: Node, facts: Facts) -> bool:
    """W = W - ... : the name on the left stands as a term on the right."""
    ref = read_name(left, facts.habits)
    terms = right.terms if isinstance(right, Add) else (right,)
    if ref is None or len(terms) == 1:
        return False
    others = (read_name(term, facts.habits) for term in terms)
    return any(other is not None and _same_tensor(ref, other) for other in others)


def is_either(node: Node) -> bool:
    """Whether a side is ±1: one of two numbers, which one is left open."""
    return isinstance(node, Unary) and node.name in ("pm", "mp") and isinstance(node.body, Number)


def _same_tensor(one: Ref, other: Ref) -> bool:
    if other.key.lower() != one.key.lower() or other.indices is not None or one.indices is not None:
        return False
    return same(one.layer, other.layer)


def note_function(facts: Facts, piece: Piece, line: int) -> None:
    """f(z) = body, L(a, y) = body, (I * K)_{ij} = body."""
    left, right = piece.left, piece.right
    assert left is not None
    assert right is not None
    if not piece.first:
        return
    match left:
        case CallOrProduct(head=head, group=group):
            name = base_name(head)
            parameters = [letter(a) for a in arguments_of(group)]
            _rule(facts, name, parameters, right, line, piece.order)
        case Call(function=function, argument=argument) if not isinstance(function, Script):
            parameters = [letter(a) for a in arguments_of(argument)]
            _rule(facts, function_name(function), parameters, right, line, piece.order)
        case Script(base=Group(body=Product(operators=(operator,), factors=factors)), sub=Node() as sub):
            names = tuple(base_name(f) or "" for f in factors)
            rule = FunctionRule(operator.name, names, subscript_items(sub), right, line, piece.order)
            facts.operators.setdefault(operator.name, []).append(rule)


def _rule(
    facts: Facts, name: str | None, parameters: list[str | None], body: Node, line: int, order: int
) -> None:
    if name is None or not parameters or any(p is None for p in parameters):
        return
    names = tuple(p for p in parameters if p is not None)
    if name in facts.called_entries:
        return
    if name in facts.losses:
        facts.definitions.append(Definition(name, None, None, None, body, line, order))
        return
    rule = FunctionRule(name, names, None, body, line, order)
    facts.functions.setdefault(name, []).append(rule)
    facts.applied.add(name)
