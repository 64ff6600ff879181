"""Shapes that the notes declare: in a space, as a product of sizes, or in the words between two formulas."""

from __future__ import annotations

import itertools
import re

from symcnn.notes.claims import Piece
from symcnn.notes.extract import Document
from symcnn.notes.facts import Facts, Shape
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import letter, subscript_items
from symcnn.notes.names import Ref, read_name
from symcnn.notes.ranges import mark_sizes
from symcnn.notes.tree import (
    CallOrProduct,
    Derivative,
    Group,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Symbol,
)
from symcnn.notes.walking import walk

BETWEEN = re.compile(
    r"^\s*(?:(?:is |are |be )?(?:a |an )?(?:of|has|have|with|in)?\s*(?:the |a )?(?:size|shape|dimensions?)"
    r"|has|is|is an?|of)\s*$|^\s*\|[^|\n]*\|\s*$"
)

AHEAD = re.compile(
    r"^\s*(?:[a-z-]+ )?(?:filter|kernel|matrix|array|image|input|map|mask|picture|grid|weights)\s*$"
)
"""Words between a shape and the name of what has it."""

SCALARS = re.compile(r"\b(?:scalars?|real numbers?)\s+((?:\$[^$]{1,20}\$(?:\s*,\s*|\s+and\s+)?)+)")
_SIZES = r"[`$]?`?[\[(]\s*(?P<sizes>\w+(?:\s*(?:\bx\b|×|,)\s*\w+)*)\s*[\])]`"
NAMED = re.compile(
    r"[`$]\\?(?P<name>\w{1,12})[`$]\s*(?:(?:is|are|has|have|with|of|a|an|the|shape|size|array|matrix)\s+){0,5}"
    + _SIZES
)
"""`x` is `[N x D]`, $W$ of size `[2 x 3]`: a shape typed as in code."""
NAMED_AFTER = re.compile(_SIZES + r"\s+(?:table|matrix|array|tensor)\s+[`$]\\?(?P<name>\w{1,12})[`$]")


def find_stated_shapes(facts: Facts, found: list[Piece], document: Document) -> None:
    """Shapes that the prose gives: `$W$ has shape $(m, n)$`, `a kernel $w$ of size $k \\times l$`."""
    for piece in found:
        pair = with_sizes(piece.left) if piece.right is None else None
        ref = read_name(pair[0], facts.habits) if pair is not None else None
        if pair is not None and ref is not None and ref.indices is None:
            for size in pair[1]:
                mark_sizes(facts, size)
            line = document.place(piece.formula.span.start)[0]
            facts.shapes.setdefault(_shape_key(ref), []).append(Shape(pair[1], line, piece.order, ref.layer))
    for first, second in itertools.pairwise(found):
        name, sizes = _side_by_side(first, second, document)
        ref = read_name(name, facts.habits) if name is not None else None
        if (
            ref is None
            or sizes is None
            or ref.indices is not None
            or ref.transposed
            or ref.sample is not None
        ):
            continue
        if name is second.left and any(
            d.key.lower() == ref.key.lower() and (d.display or d.indices is not None)
            for d in facts.definitions
        ):
            continue  # the formulas of its entries, o_{ij} for O, say the shape
        for size in sizes:
            mark_sizes(facts, size)
        line = document.place(second.formula.span.start)[0]
        facts.shapes.setdefault(_shape_key(ref), []).append(Shape(sizes, line, second.order, ref.layer))
    for pattern in (NAMED, NAMED_AFTER):
        for match in pattern.finditer(document.text):
            if any(block.span.start <= match.start() < block.span.end for block in document.prose):
                _note_typed(facts, match["name"], match["sizes"], document.place(match.start())[0])


def _note_typed(facts: Facts, name: str, sizes: str, line: int) -> None:
    """A shape typed as in code, `[N x D]`; one size alone is that of a row, which is added to every row."""
    span = Span(0, 0)
    parts = [part for part in re.split(r"\s*(?:x|×|,|\\times)\s*|\s+", sizes.strip()) if part]
    facts.sizes |= {part for part in parts if not part.isdigit()}
    made = tuple(Number(span, part) if part.isdigit() else Symbol(span, part) for part in parts)
    shape = made if len(made) > 1 else (Number(span, "1"), *made)
    facts.shapes.setdefault(name.strip(), []).append(Shape(shape, line, 0))


def _side_by_side(
    first: Piece, second: Piece, document: Document
) -> tuple[Node | None, tuple[Node, ...] | None]:
    """A name and a shape in two formulas with words between: `$w$ of size $3 \\times 3$`, `$3 \\times 3$ filter $w$`."""
    if second.right is not None or second.left is None or first.formula is second.formula:
        return None, None
    between = document.text[first.formula.outer.end : second.formula.outer.start]
    after = document.text[second.formula.outer.end : second.formula.outer.end + 1]
    if first.right is None and first.left is not None and AHEAD.match(between):
        sizes = shape_of(first.left)
        return (second.left, sizes) if sizes is not None else (None, None)
    if (between.strip() == "(" and after == ")") or BETWEEN.match(between):
        name = first.left if first.right is None else first.right
        return name, shape_of(second.left) or listed(second.left)
    return None, None


def find_scalars(facts: Facts, found: list[Piece], document: Document) -> None:
    """Names that the prose calls scalars: `with a scalar $g$`, `scalars $a$ and $b$`."""
    for match in SCALARS.finditer(document.text):
        inside = [
            p for p in found if match.start(1) <= p.formula.span.start < match.end(1) and p.right is None
        ]
        for piece in inside:
            ref = read_name(piece.left, facts.habits) if piece.left is not None else None
            if ref is not None and ref.indices is None and not ref.transposed and ref.power is None:
                line = document.place(piece.formula.span.start)[0]
                facts.shapes.setdefault(_shape_key(ref), []).append(Shape((), line, piece.order, ref.layer))


def with_sizes(node: Node | None) -> tuple[Node, tuple[Node, ...]] | None:
    """The name and the sizes of `W: (H, K)`; None for anything else."""
    match node:
        case Sequence(items=(Symbol() | Script() as name, Group() as group)):
            sizes = shape_of(group) or listed(group)
            return None if sizes is None or len(sizes) < 2 else (name, sizes)
    return None


def _shape_key(ref: Ref) -> str:
    """A name; with the number of its layer where that is given."""
    if isinstance(ref.layer, Number):
        return f"{ref.key}@{ref.layer.text}"
    return ref.key


def listed(node: Node) -> tuple[Node, ...] | None:
    """The sizes in `(m, n)`."""
    if (
        isinstance(node, Group)
        and node.open == "("
        and isinstance(node.body, Sequence)
        and all(isinstance(item, Symbol | Script | Number) for item in node.body.items)
    ):
        return node.body.items
    return None


def note_membership(facts: Facts, left: Node, right: Node, line: int, order: int) -> None:
    """x ∈ R^{m×n} declares a shape, i ∈ {1, 2} a range."""
    names = list(left.items) if isinstance(left, Sequence) else [left]
    sizes = real_space(right)
    for name in names:
        if sizes is not None:
            ref = read_name(name, facts.habits)
            if ref is not None:
                facts.shapes.setdefault(ref.key, []).append(Shape(sizes, line, order))
        elif isinstance(right, Group) and right.open == "{" and isinstance(right.body, Sequence):
            items = right.body.items
            index = letter(name)
            if index and isinstance(items[0], Number) and isinstance(items[-1], Number | Symbol):
                high: Node | int = int(items[-1].text) if isinstance(items[-1], Number) else items[-1]
                facts.ranges.setdefault(index, (int(items[0].text), high))


def real_space(node: Node) -> tuple[Node, ...] | None:
    """The sizes in R^{m x n}, and in M_{m,n}(R), the matrices with m rows and n columns."""
    match node:
        case Script(base=Symbol(name="R", font="bb" | "bf"), sup=Node() as sup):
            return shape_of(sup) or (sup,)
        case CallOrProduct(
            head=Script(base=Symbol(name="M"), sub=Node() as sub, sup=None), group=Group(body=body)
        ):
            sizes = shape_of(sub) or tuple(subscript_items(sub))
            reals = isinstance(body, Symbol) and body.name in ("R", "K", "C")
            return None if not reals or len(sizes) > 2 else sizes * 2 if len(sizes) == 1 else sizes
    return None


def shape_of(node: Node) -> tuple[Node, ...] | None:
    """The sizes in (3 x 3), m x n, (n, m); None where that is no shape."""
    match node:
        case Group(open="(" | "[" | "", body=body):
            return shape_of(body)
        case Product(factors=factors, operators=operators) if all(op.name == "times" for op in operators):
            if all(_size_like(factor) for factor in factors):
                return factors
    return None


def _size_like(node: Node) -> bool:
    match node:
        case Number(text=text):
            return text.isdigit()
        case Symbol() | Script():
            return not any(isinstance(n, Derivative) for n in walk(node))
        case Group(body=body):
            return _size_like(body) or any(isinstance(n, Number | Symbol) for n in walk(body))
    return False
