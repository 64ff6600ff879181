"""Fractions of differentials: ∂L/∂w read as a derivative."""

from __future__ import annotations

import itertools

from symcnn.notes.marks import Span
from symcnn.notes.tree import (
    Add,
    CallOrProduct,
    Derivative,
    Differential,
    Juxtapose,
    Node,
    Product,
    Script,
    Symbol,
    Unary,
)
from symcnn.notes.walking import same, walk

_MARKS = {"partial": "partial", "d": "d", "delta": "delta"}


def as_derivative(numerator: Node, denominator: Node, form: str, span: Span) -> Derivative | None:
    """The derivative that a fraction writes, or None for another fraction."""
    kind, variables = _variables(denominator)
    if not variables:
        return None
    found = _differentiated(numerator, kind)
    if found is None:
        return None
    of, order = found
    split = [_split_order(variable, order, len(variables)) for variable in variables]
    wrt = tuple(variable for variable, _ in split)
    orders = tuple(power for _, power in split)
    return Derivative(span, kind, of, wrt, orders, order, form, of is None)


def without_differentials(numerator: Node, denominator: Node) -> Node:
    """The denominator of a fraction that is no derivative: dσ below x - μ is d times σ, as nothing divides by dσ."""
    if any(isinstance(part, Differential) or _mark(part, "d") for part in walk(numerator)):
        return denominator
    match denominator:
        case Differential(kind="d", body=body):
            letter = Symbol(Span(denominator.span.start, denominator.span.start + 1), "d")
            return Juxtapose(denominator.span, (letter, body))
        case Juxtapose(parts=parts) if any(isinstance(part, Differential) for part in parts):
            split = (without_differentials(numerator, part) for part in parts)
            flat = (item.parts if isinstance(item, Juxtapose) else (item,) for item in split)
            return Juxtapose(denominator.span, tuple(itertools.chain.from_iterable(flat)))
    return denominator


def _variables(denominator: Node) -> tuple[str, tuple[Node, ...]]:
    """The kind of differential and the variables of a denominator, empty where it is something else."""
    match denominator:
        case Differential(kind=kind, body=body):
            return kind, (body,)
        case Juxtapose(parts=parts) if all(isinstance(part, Differential) for part in parts):
            differentials = [part for part in parts if isinstance(part, Differential)]
            return differentials[0].kind, tuple(part.body for part in differentials)
        case Juxtapose(parts=(Symbol(name="delta"), variable)):
            return "delta", (variable,)
    return "", ()


def _differentiated(numerator: Node, kind: str) -> tuple[Node | None, Node | None] | None:
    """What is differentiated (None: it stands after the fraction) and the order; None for no differential."""
    if _mark(numerator, kind):
        return None, None
    match numerator:
        case Script(base=base, sub=None, sup=order, primes=0) if _mark(base, kind):
            return None, order
        case Differential(body=body) if kind != "delta":
            return body, None
        case CallOrProduct(head=head, group=group) if _mark(head, kind):
            return group, None
        case Juxtapose(parts=parts):
            return _differentiated_parts(parts, kind, numerator.span)
        case Product(factors=factors, operators=operators) if not _more_differentials(factors):
            first = _differentiated(factors[0], kind)
            if first is not None and first[0] is not None:
                of = Product(
                    Span(first[0].span.start, numerator.span.end), (first[0], *factors[1:]), operators
                )
                return of, first[1]
        case Add(terms=(first_term, *others)) if _mark(first_term, kind) and isinstance(others[0], Unary):
            if len(others) == 1:
                return others[0], None
            return Add(Span(others[0].span.start, numerator.span.end), tuple(others)), None
    return None


def _differentiated_parts(
    parts: tuple[Node, ...], kind: str, span: Span
) -> tuple[Node | None, Node | None] | None:
    first, rest = parts[0], parts[1:]
    if _more_differentials(parts):
        return None
    order: Node | None = None
    match first:
        case Differential(body=body) if kind != "delta":
            rest = (body, *rest)
        case Script(base=base, sub=None, sup=order, primes=0) if _mark(base, kind):
            pass
        case CallOrProduct(head=head, group=group) if _mark(head, kind):
            rest = (group, *rest)
        case _ if not _mark(first, kind):
            return None
    if len(rest) == 1:
        return rest[0], order
    return Juxtapose(Span(rest[0].span.start, span.end), rest), order


def _more_differentials(nodes: tuple[Node, ...]) -> bool:
    return any(isinstance(part, Differential) for node in nodes[1:] for part in walk(node))


def _mark(node: Node, kind: str) -> bool:
    """Whether a node is a bare ∂ or d (in any font), whichever the denominator has, or δ over δ."""
    if not isinstance(node, Symbol):
        return False
    return node.name == "delta" if kind == "delta" else node.name in ("partial", "d")


def _split_order(variable: Node, order: Node | None, count: int) -> tuple[Node, Node | None]:
    """∂x² below a ∂² is x to second order; below a plain ∂ it is the variable x²."""
    if order is None or not isinstance(variable, Script) or variable.sup is None or variable.primes:
        return variable, None
    if count == 1 and not same(variable.sup, order):
        return variable, None
    if variable.sub is None:
        return variable.base, variable.sup
    span = Span(variable.span.start, max(variable.base.span.end, variable.sub.span.end))
    return Script(span, variable.base, variable.sub), variable.sup
