"""Scripts on the left: the transpose ᵗA, written `{}^{t}A`, as what it is."""

from __future__ import annotations

from symcnn.notes.marks import Span
from symcnn.notes.name_parts import TRANSPOSES
from symcnn.notes.tree import Empty, Group, Node, Script, Symbol, Word


def with_left_scripts(parts: list[Node]) -> list[Node]:
    """Factors side by side, where one after a raised t on nothing is transposed."""
    joined: list[Node] = []
    for part in parts:
        mark = _left_mark(joined[-1]) if joined else None
        if mark is None or isinstance(part, Empty):
            joined.append(part)
        else:
            joined[-1] = _transposed(part, mark, joined[-1].span.start)
    return joined


def _left_mark(node: Node) -> Node | None:
    """The t of `{}^t`."""
    match node:
        case Script(base=base, sub=None, sup=Node() as sup, primes=0) if _is_nothing(base):
            turned = isinstance(sup, Symbol) and sup.name in TRANSPOSES
            return sup if turned or (isinstance(sup, Word) and sup.text in TRANSPOSES) else None
    return None


def _is_nothing(base: Node) -> bool:
    return isinstance(base, Empty) or (isinstance(base, Group) and isinstance(base.body, Empty))


def _transposed(node: Node, mark: Node, start: int) -> Node:
    span = Span(start, node.span.end)
    match node:
        case Script(base=base, sub=sub, sup=None, primes=0):
            return Script(span, base, sub, mark)
        case Script():
            return Script(span, Group(node.span, "(", ")", node), None, mark)
    return Script(span, node, None, mark)
