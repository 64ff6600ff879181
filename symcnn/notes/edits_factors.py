"""Changes of products: transposes, order, factors too many or moved, powers, signs of products, functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from symcnn.notes.edit import Edit, Vocabulary
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import base_name, is_transpose, letter
from symcnn.notes.tree import (
    Add,
    CallOrProduct,
    Derivative,
    Fraction,
    Gradient,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Number,
    Product,
    Root,
    Script,
    Symbol,
    Unary,
)

CONVOLVING = frozenset({"otimes", "ast", "star", "*", "circledast", "odot", "circ"})


def of_factors(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """All changes of a product, of a power and of one factor."""
    yield from _transposes(latex, node, words)
    yield from _symmetric(latex, node, words)
    yield from _factors(latex, node)
    yield from _moved(latex, node)
    yield from _order(latex, node)
    yield from _operators(latex, node, words)
    yield from _powers(latex, node)
    yield from _functions(latex, node)
    yield from _entries(latex, node)


def _transposes(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    mark = words.transpose
    match node:
        case Script(base=base, sup=sup) if is_transpose(sup):
            cut = Span(base.span.end, node.span.end)
            if "_" not in cut.of(latex):
                yield Edit(cut, "", "transpose too many", 1, node.span)
        case Script(sup=Juxtapose(parts=parts), base=base) if any(is_transpose(p) for p in parts):
            for part in parts:
                if is_transpose(part):
                    yield Edit(part.span, "", "transpose too many", 1, node.span)
        case Script(sup=Group(open="[") as sup):
            end = node.span.end
            inside = latex[end - 1] == "}"
            at = end - 1 if inside else end
            yield Edit(Span(at, at), "T" if "T" in mark else mark, "transpose missing", 1, node.span)
            del sup
        case Script(sup=None) | Symbol():
            if base_name(node.base if isinstance(node, Script) else node) is not None:
                yield Edit(node.span, f"{node.span.of(latex)}^{mark}", "transpose missing", 1, node.span)
        case Script(sup=Node() as sup):
            if letter(sup) in ("l", "L") or isinstance(node.sup, Add):
                yield Edit(node.span, f"({node.span.of(latex)})^{mark}", "transpose missing", 1, node.span)
        case Group(open="(" | "["):
            yield Edit(node.span, f"{node.span.of(latex)}^{mark}", "transpose missing", 2, node.span)
        case Derivative() | Gradient():
            text = node.span.of(latex)
            yield Edit(node.span, f"\\left({text}\\right)^{mark}", "transpose missing", 2, node.span)


def _symmetric(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """2A where A + Aᵀ is meant: A was taken to be symmetric."""
    parts = node.parts if isinstance(node, Juxtapose) else node.factors if isinstance(node, Product) else ()
    if not parts or not (isinstance(parts[0], Number) and parts[0].text == "2"):
        return
    for part in parts[1:]:
        if base_name(part) is not None:
            text = part.span.of(latex)
            both = f"({text} + {text}^{words.transpose})"
            body = latex[parts[1].span.start : part.span.start] + both + latex[part.span.end : node.span.end]
            yield Edit(node.span, body, "a matrix taken to be symmetric", 2, node.span)


def _factors(latex: str, node: Node) -> Iterator[Edit]:
    """A factor too many, or a fraction whose denominator is wrong."""
    match node:
        case Product(factors=factors) | Juxtapose(parts=factors):
            for place, factor in enumerate(factors):
                start = factors[place - 1].span.end if place else factor.span.start
                end = factor.span.end if place else factors[1].span.start
                yield Edit(Span(start, end), "", "factor too many", 3, factor.span)
        case Fraction(denominator=bottom, numerator=top):
            yield Edit(node.span, top.span.of(latex), "factor too many", 4, node.span)
            yield Edit(bottom.span, f"\\sqrt{{{bottom.span.of(latex)}}}", "root missing", 3, node.span)
            yield Edit(bottom.span, f"{bottom.span.of(latex)}^2", "square missing", 4, node.span)
        case Root(radicand=body):
            yield Edit(node.span, body.span.of(latex), "root too many", 3, node.span)


def _moved(latex: str, node: Node) -> Iterator[Edit]:
    """A factor that stands in another term of the sum than it should."""
    if not isinstance(node, Add) or len(node.terms) > 3:
        return
    bodies = [term.body if isinstance(term, Unary) else term for term in node.terms]
    for here, there in itertools.permutations(bodies, 2):
        parts = (
            here.factors if isinstance(here, Product) else here.parts if isinstance(here, Juxtapose) else ()
        )
        if len(parts) > 1 and not isinstance(there, Juxtapose | Product):
            factor, rest = parts[0].span.of(latex), latex[parts[1].span.start : here.span.end]
            text = {id(here): rest, id(there): f"{factor} {there.span.of(latex)}"}
            first, last = sorted((here, there), key=lambda n: n.span.start)
            between = latex[first.span.end : last.span.start]
            whole = Span(first.span.start, last.span.end)
            yield Edit(
                whole, text[id(first)] + between + text[id(last)], "factor at the wrong term", 4, whole
            )


def _operators(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """Another sign of a product that the notes use: a convolution for a cross-correlation."""
    if isinstance(node, Product):
        for operator in node.operators:
            text = operator.span.of(latex)
            for other in words.operators if operator.name in CONVOLVING else ():
                if other != text:
                    yield Edit(operator.span, other, f"{other} and not {text}", 2, node.span)


def _entries(latex: str, node: Node) -> Iterator[Edit]:
    """Two neighbours in a matrix exchanged."""
    if isinstance(node, Matrix) and sum(len(row) for row in node.rows) <= 25:
        across = [pair for row in node.rows for pair in itertools.pairwise(row)]
        down = [pair for column in zip(*node.rows, strict=False) for pair in itertools.pairwise(column)]
        for a, b in (*across, *down):
            one, other = a.span.of(latex), b.span.of(latex)
            if one != other:
                text = other + latex[a.span.end : b.span.start] + one
                yield Edit(Span(a.span.start, b.span.end), text, "entry at the wrong place", 4, node.span)


def _order(latex: str, node: Node) -> Iterator[Edit]:
    parts: tuple[Node, ...] = ()
    match node:
        case Product(factors=factors):
            parts = factors
        case Juxtapose(parts=inner):
            parts = inner
    for a, b in itertools.pairwise(parts):
        between = latex[a.span.end : b.span.start]
        glue = between if between.strip() else " "
        yield Edit(
            Span(a.span.start, b.span.end),
            b.span.of(latex) + glue + a.span.of(latex),
            "wrong order",
            2,
            node.span,
        )
        mine, other = _untransposed(latex, a), _untransposed(latex, b)
        if other is not None and mine is None:
            mark = latex[_base_end(b) : b.span.end]
            text = f"{other}{glue}{a.span.of(latex)}{mark}"
            yield Edit(Span(a.span.start, b.span.end), text, "wrong order", 2, node.span)
    for a, b in zip(parts, parts[2:], strict=False):
        text = b.span.of(latex) + latex[a.span.end : b.span.start] + a.span.of(latex)
        yield Edit(Span(a.span.start, b.span.end), text, "wrong order", 3, node.span)
    if len(parts) > 2 and all(
        latex[a.span.end : b.span.start].strip() == latex[parts[0].span.end : parts[1].span.start].strip()
        for a, b in itertools.pairwise(parts)
    ):
        glue = latex[parts[0].span.end : parts[1].span.start] or " "
        text = glue.join(part.span.of(latex) for part in reversed(parts))
        yield Edit(Span(parts[0].span.start, parts[-1].span.end), text, "wrong order", 3, node.span)


def _untransposed(latex: str, node: Node) -> str | None:
    if isinstance(node, Script) and is_transpose(node.sup):
        return node.base.span.of(latex)
    return None


def _base_end(node: Node) -> int:
    return node.base.span.end if isinstance(node, Script) else node.span.end


def _powers(latex: str, node: Node) -> Iterator[Edit]:
    match node:
        case Script(base=base, sup=Number(text="2")) if node.sub is None:
            yield Edit(Span(base.span.end, node.span.end), "", "square too many", 2, node.span)
        case Script(sup=None, sub=Node()) | Symbol():
            yield Edit(node.span, f"{node.span.of(latex)}^2", "square missing", 4, node.span)
        case Script(sup=Group() | Number() | Symbol() | Fraction() | Unary() as sup):
            text = sup.span.of(latex)
            if "/2" in text or isinstance(sup, Fraction):
                for other in ("-1/2", "-3/2", "1/2", "3/2"):
                    yield Edit(sup.span, other, "wrong exponent", 3, node.span)
            elif isinstance(sup, Number):
                yield Edit(sup.span, str(int(float(sup.text)) + 1), "wrong exponent", 3, node.span)
        case Group(open="("):
            yield Edit(node.span, f"{node.span.of(latex)}^2", "square missing", 4, node.span)


def _functions(latex: str, node: Node) -> Iterator[Edit]:
    match node:
        case CallOrProduct(head=Symbol() as head):
            yield Edit(
                Span(head.span.end, head.span.end), "'", "derivative of the function missing", 3, node.span
            )
        case CallOrProduct(head=Script(primes=primes) as head) if primes:
            yield Edit(head.span, head.base.span.of(latex), "derivative too many", 3, node.span)
