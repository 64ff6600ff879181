"""Whether a formula gives a number, a vector, a row or a matrix, judged by how names are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcnn.notes.indexed_names import is_turned
from symcnn.notes.name_parts import base_name, superscript_items
from symcnn.notes.names import LOSS_NAMES
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
    Symbol,
    Unary,
)

if TYPE_CHECKING:
    from symcnn.notes.members import Finder


def tensor_kind(finder: Finder, node: Node) -> str | None:
    """v for a vector, r for a row, m for a matrix, s for a number, None where nothing says it."""
    match node:
        case Symbol() | Script():
            return _kind_of_name(finder, node)
        case Group(open="||" | "|"):
            return "s"
        case Group(body=body) | Decorated(body=body) | Unary(body=body) | BigOperator(body=Node() as body):
            return tensor_kind(finder, body)
        case Add(terms=terms):
            kinds = [
                kind for kind in [tensor_kind(finder, term) for term in terms] if kind not in (None, "s")
            ]
            return kinds[0] if kinds else None
        case Product(factors=factors, operators=operators):
            if any(op.name == "odot" for op in operators):
                return next(
                    (
                        kind
                        for kind in [tensor_kind(finder, factor) for factor in factors]
                        if kind in ("v", "m")
                    ),
                    None,
                )
            if any(op.name not in ("", "cdot", "times") for op in operators):
                return None
            return _kind_of_product(finder, factors)
        case Juxtapose(parts=parts):
            return _kind_of_product(finder, parts)
        case Fraction(numerator=top):
            return tensor_kind(finder, top)
        case Gradient(wrt=Node() as wrt):
            return tensor_kind(finder, wrt)
        case Derivative(wrt=(wrt,), of=Node() as of) if base_name(of) in LOSS_NAMES:
            return tensor_kind(finder, wrt)
        case Call(argument=argument):
            return tensor_kind(finder, argument)
        case CallOrProduct(group=group, head=head):
            inner = tensor_kind(finder, group)
            return inner if base_name(head) is not None else _kind_of_product(finder, (head, group))
    return None


def _kind_of_name(finder: Finder, node: Node) -> str | None:
    base = base_name(node.base) if isinstance(node, Script) else base_name(node)
    if base is None:
        return tensor_kind(finder, node.base) if isinstance(node, Script) else None
    turned = (
        isinstance(node, Script)
        and node.sup is not None
        and any(is_turned(part) for part in superscript_items(node.sup))
    )
    kind = finder.kinds.get(base)
    if kind is None and is_matrix(finder, node.base if isinstance(node, Script) else node):
        kind = "m"
    if isinstance(node, Script) and node.sub is not None and base not in finder.habits.members:
        kind = None if kind == "v" else kind
    return "r" if turned and kind == "v" else kind


def _kind_of_product(finder: Finder, factors: tuple[Node, ...]) -> str | None:
    kinds = [tensor_kind(finder, factor) for factor in factors]
    if kinds and kinds[-1] == "r":
        return "m"
    if "r" in kinds:
        return "s"
    if kinds and kinds[-1] == "v":
        return "v"
    return "m" if kinds and all(kind == "m" for kind in kinds) else None


def is_matrix(finder: Finder, node: Node) -> bool:
    """Whether a name is known as a matrix, or is a capital that is nothing else."""
    name = base_name(node)
    if name is None:
        return False
    if finder.kinds.get(name) == "m":
        return True
    plain = name.split()[-1]
    known = name in finder.sizes or name in LOSS_NAMES or name in finder.kinds
    return len(plain) == 1 and plain.isupper() and not known and name not in finder.habits.numbers
