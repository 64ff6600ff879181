"""Claims about shapes: mentions such as (2 x 1) x (2 x 4), declarations, memberships in R^{m x n}."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes.claims import Piece
from symcnn.notes.declared_shapes import BETWEEN, listed, real_space, shape_of, with_sizes
from symcnn.notes.families import Family, Mismatch, Unreadable
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import is_transpose
from symcnn.notes.names import read_name
from symcnn.notes.shape_axes import ONE
from symcnn.notes.tree import (
    Derivative,
    Gradient,
    Group,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Stack,
    Symbol,
    Text,
    Word,
)
from symcnn.notes.unparse import unparse
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import walk
from symcnn.notes.world import World

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations

Sizes = tuple[str, ...]


def mention(piece: Piece, equations: Equations) -> Verdict:
    """The verdict on a piece without a relation: a shape, a product of shapes, or a mention."""
    node = piece.left
    assert node is not None
    pair = with_sizes(node)
    if pair is not None:
        return _stated(piece, pair[0], pair[1], equations)
    rows = _stacks(node)
    if rows:
        return _placed(_stacked(rows), piece)
    claimed = _of_gradient(piece, equations)
    if claimed is not None:
        return claimed
    sizes = product_of_shapes(node)
    if sizes is None:
        return Verdict(Kind.NOT_A_CLAIM, reason="a mention, with no relation")
    return _placed(sizes, piece)


def _of_gradient(piece: Piece, equations: Equations) -> Verdict | None:
    """The verdict on the shape that words give to a gradient: `the gradient $dE/dW$ has shape $(K, D)$`."""
    assert piece.left is not None
    sizes = shape_of(piece.left) or listed(piece.left)
    before = equations.pieces[piece.order - 1] if piece.order else None
    if sizes is None or before is None or before.right is not None or before.formula is piece.formula:
        return None
    text = equations.document.text[before.formula.outer.end : piece.formula.outer.start]
    if not isinstance(before.left, Derivative | Gradient) or not BETWEEN.match(text):
        return None
    try:
        verdict = _compared(before.left, piece.order, sizes, equations)
    except (Unreadable, Mismatch):
        return None
    if verdict.kind is not Kind.SHAPE_WRONG or len(sizes) != 2:
        return verdict
    turned = _compared(before.left, piece.order, sizes[::-1], equations)
    if turned.kind is Kind.SHAPE_WRONG:
        return verdict
    first, second = (size.span.shifted(-piece.span.start) for size in sizes)
    latex = piece.latex
    one, two = latex[first.start : first.end], latex[second.start : second.end]
    shown = latex[: first.start] + two + latex[first.end : second.start] + one + latex[second.end :]
    return replace(verdict, correction=shown, wrong_terms=(first, second), diagnosis="transposed")


def _placed(verdict: Verdict, piece: Piece) -> Verdict:
    """A verdict whose wrong terms are places in the LaTeX of a piece."""
    return replace(
        verdict, wrong_terms=tuple(span.shifted(-piece.span.start) for span in verdict.wrong_terms)
    )


def _stacks(node: Node) -> list[Node]:
    for found in walk(node):
        if isinstance(found, Stack):
            return list(found.rows)
    return []


def _stacked(rows: list[Node]) -> Verdict:
    """Shapes under each other: a product of shapes and what it comes to."""
    shapes = [literal(row) for row in rows]
    first = product_of_shapes(rows[0])
    if first is not None and first.kind is Kind.SHAPE_WRONG:
        return first
    if all(shape is not None for shape in shapes) and len({*shapes}) == 1:
        return Verdict(Kind.NOT_A_CLAIM, reason="the same shape twice, and nothing says of what")
    if all(shape is not None for shape in shapes):
        return Verdict(Kind.NOT_A_CLAIM, reason="two shapes, and nothing says how they belong together")
    return Verdict(Kind.NOT_A_CLAIM, reason="shapes beside a formula")


def literal(node: Node) -> Sizes | None:
    """(4 x 2)^T as ("2", "4"), (n, m) as ("n", "m"); None where that is no shape."""
    if isinstance(node, Script) and is_transpose(node.sup):
        inner = literal(node.base)
        return tuple(reversed(inner)) if inner else None
    sizes = shape_of(node) or listed(node)
    if sizes is None:
        return None
    return tuple(unparse(size) for size in sizes)


def product_of_shapes(node: Node) -> Verdict | None:
    """The verdict on (a x b) x (b x c): whether the inner sizes agree. None where that is no product of shapes."""
    if isinstance(node, Sequence | Text | Word):
        return None
    if isinstance(node, Product) and all(op.name in ("times", "cdot") for op in node.operators):
        parts = [literal(factor) for factor in node.factors]
        if all(part is not None and len(part) == 2 for part in parts):
            known = [part for part in parts if part is not None]
            for a, b in itertools.pairwise(known):
                if a[1] != b[0]:
                    wrong, correction = _conforming(node.factors, known)
                    return Verdict(
                        Kind.SHAPE_WRONG,
                        reason=f"the inner sizes {a[1]} and {b[0]} differ",
                        diagnosis="product does not conform",
                        correction=correction,
                        wrong_terms=wrong,
                    )
            return Verdict(Kind.SHAPE_RIGHT, proof="the inner sizes agree")
    if literal(node) is not None or shape_of(node) is not None:
        return Verdict(Kind.NOT_A_CLAIM, reason="states a shape")
    return None


def _conforming(factors: tuple[Node, ...], shapes: list[Sizes]) -> tuple[tuple[Span, ...], str | None]:
    """The factor of a product of two shapes whose sizes stand the wrong way round, and the product with its result.

    Nothing where neither turning one nor turning the other makes it conform, or both do.
    """
    if len(shapes) != 2:
        return (), None
    (a, b), (c, d) = shapes
    turned = [(0, (b, a), (c, d))] if a == c else []
    turned += [(1, (a, b), (d, c))] if b == d else []
    if len(turned) != 1:
        return (), None
    ((place, first, second),) = turned
    shown = (rf"({rows} \times {columns})" for rows, columns in (first, second, (first[0], second[1])))
    return (factors[place].span,), r"{} \times {} = {}".format(*shown)


def declared(piece: Piece, equations: Equations) -> Verdict | None:
    """`W = (3 x 3)` declares a shape, or is compared with the one declared before."""
    assert piece.right is not None
    assert piece.left is not None
    product = product_of_shapes(piece.left)
    if product is not None and isinstance(piece.left, Product) and literal(piece.right) is not None:
        return _result_of_product(piece, product)
    if product is not None and product.kind is Kind.SHAPE_WRONG:
        return _placed(replace(product, correction=None), piece)
    sizes = shape_of(piece.right)
    ref = read_name(piece.left, equations.bench.facts.habits)
    if sizes is None or ref is None:
        return None
    if not all(isinstance(size, Number | Symbol) for size in sizes):
        return None
    return Verdict(Kind.DEFINITION, reason="declares a shape")


def _result_of_product(piece: Piece, product: Verdict) -> Verdict:
    if product.kind is Kind.SHAPE_WRONG:
        return _placed(product, piece)
    assert isinstance(piece.left, Product)
    assert piece.right is not None
    parts = [literal(factor) for factor in piece.left.factors]
    right = literal(piece.right)
    if right is None or any(part is None for part in parts):
        return Verdict(Kind.CANNOT_CHECK, reason="shapes with names in them")
    known = [part for part in parts if part is not None]
    result = (known[0][0], known[-1][1])
    if result == right:
        return Verdict(Kind.SHAPE_RIGHT, proof="the product has this shape")
    return Verdict(Kind.SHAPE_WRONG, reason=f"the product has the shape {result[0]} x {result[1]}")


def membership(piece: Piece, equations: Equations) -> Verdict:
    """X ∈ R^{m x n}: a declaration, or compared with what the definitions give."""
    assert piece.left is not None
    assert piece.right is not None
    sizes = real_space(piece.right)
    if sizes is None:
        return Verdict(Kind.DEFINITION, reason="states what a name ranges over")
    return _stated(piece, piece.left, sizes, equations)


def _stated(piece: Piece, name: Node, sizes: tuple[Node, ...], equations: Equations) -> Verdict:
    """The verdict on sizes that are stated of a name."""
    ref = read_name(name, equations.bench.facts.habits)
    if ref is None:
        return Verdict(Kind.DEFINITION, reason="states what a name ranges over")
    if equations.bench.facts.resolve(ref.key) not in equations.bench.in_force.by_key:
        return _against_use(piece, ref.key, sizes, equations)
    return _against_definition(piece, name, ref.key, sizes, equations)


def _against_definition(
    piece: Piece, name: Node, key: str, sizes: tuple[Node, ...], equations: Equations
) -> Verdict:
    """The verdict on a shape that the definition of a name determines; a wrong one is not in force after it."""
    shapes = equations.bench.facts.shapes
    kept = shapes.pop(key, [])
    others = [shape for shape in kept if shape.order != piece.order]
    if others:
        shapes[key] = others
    wrong = None
    try:
        verdict = _compared(name, piece.order, sizes, equations)
        if verdict.kind is Kind.SHAPE_WRONG:
            wrong = _other_names(equations.bench.world(piece.order), key, sizes)
    except (Unreadable, Mismatch):
        verdict = Verdict(Kind.DEFINITION, reason="declares a shape")
    if verdict.kind is not Kind.SHAPE_WRONG and kept:
        shapes[key] = kept
    if wrong is None:
        return verdict
    size, right = wrong
    at = size.span.shifted(-piece.span.start)
    shown = piece.latex[: at.start] + right + piece.latex[at.end :]
    return replace(verdict, correction=shown, wrong_terms=(at,), diagnosis="wrong size")


def _against_use(piece: Piece, key: str, sizes: tuple[Node, ...], equations: Equations) -> Verdict:
    """A declaration that comes after formulas which pin down the shape already is compared with them."""
    facts = equations.bench.facts
    kept = facts.shapes.get(key, [])
    if any(shape.order < piece.order for shape in kept):
        return Verdict(Kind.DEFINITION, reason="declares a shape anew")
    facts.shapes[key] = [shape for shape in kept if shape.order < piece.order]
    if not facts.shapes[key]:
        del facts.shapes[key]
    good = Verdict(Kind.DEFINITION, reason="declares a shape")
    try:
        world = equations.bench.world(piece.order, ahead=False)
        wrong = _other_names(world, key, sizes)
    except (Unreadable, Mismatch):
        wrong = None
    facts.shapes[key] = kept
    if wrong is None:
        return good
    facts.shapes[key] = [shape for shape in kept if shape.order != piece.order]
    if not facts.shapes[key]:
        del facts.shapes[key]
    size, name = wrong
    at = Span(size.span.start - piece.span.start, size.span.end - piece.span.start)
    correction = piece.latex[: at.start] + name + piece.latex[at.end :]
    return Verdict(
        Kind.SHAPE_WRONG,
        reason=f"the formulas before need the size {name} here",
        correction=correction,
        wrong_terms=(at,),
        diagnosis="wrong size",
    )


def _other_names(world: World, key: str, sizes: tuple[Node, ...]) -> tuple[Node, str] | None:
    """The first stated size that differs from the name of the size which the formulas need."""
    key = world.facts.resolve(key)
    if key not in world.kinds:
        return None
    axes = [axis for axis in world.axes_of(Family(key)) if axis != ONE]
    stated = [size for size in sizes if not (isinstance(size, Number) and size.text == "1")]
    if len(axes) != len(stated):
        return None
    for axis, size in zip(axes, stated, strict=True):
        name = world.axes.named.get(world.axes.find(axis))
        ref = read_name(size, world.facts.habits)
        if name is not None and ref is not None and ref.key != name:
            return size, name
    return None


def _compared(name: Node, order: int, sizes: tuple[Node, ...], equations: Equations) -> Verdict:
    world = equations.bench.world(order)
    from symcnn.notes.evaluate import Evaluator

    evaluator = Evaluator(world, world.layer_env())
    shape = evaluator.value(name).shape
    stated = tuple(world.integer(size, world.layer_env()) for size in sizes)
    if shape == stated or (len(shape) == 2 and shape == (*stated, 1)):
        return Verdict(Kind.SHAPE_RIGHT, proof="the shape that follows from the definitions, at fixed sizes")
    return Verdict(
        Kind.SHAPE_WRONG,
        reason=f"at small sizes the definitions give {' x '.join(map(str, shape))}, "
        f"stated is {' x '.join(map(str, stated))}",
    )


__all__ = ["Group", "declared", "membership", "mention"]
