"""The words that corrections may use: how the notes near a formula write their names, factors, bounds and signs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symcnn.notes.attempts import batch_size_name
from symcnn.notes.claims import Piece
from symcnn.notes.edit import Vocabulary
from symcnn.notes.edits_factors import CONVOLVING
from symcnn.notes.name_parts import is_transpose, letters_of, names_in
from symcnn.notes.tree import (
    Add,
    BigOperator,
    CallOrProduct,
    Chain,
    Fraction,
    Group,
    Node,
    Number,
    Product,
    Script,
    Styled,
    Symbol,
)
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations

MOST_OF_A_KIND = 4


@dataclass(slots=True)
class _Signs:
    """Signs of products, fractions such as 1/m, masks, brackets and sum bounds, in the order in which they are met."""

    operators: list[str] = field(default_factory=list)
    fractions: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    limits: list[tuple[str, ...]] = field(default_factory=list)

    def note(self, side: Node, latex: str) -> None:
        """Take in one side of a formula."""
        uppers = []
        for node in walk(side):
            text = node.span.of(latex)
            match node:
                case Product(operators=operators):
                    self.operators += [op.span.of(latex) for op in operators if op.name in CONVOLVING]
                case Fraction(numerator=Number(text="1")):
                    self.fractions.append(text)
                case CallOrProduct(head=Symbol(name="1", font="bb" | "bf") | Styled(body=Number(text="1"))):
                    self.masks.append(text)
                case Group(open="(", body=Add(terms=(_, _))):
                    self.groups.append(text)
                case BigOperator(upper=Node() as upper):
                    uppers.append(upper.span.of(latex))
        if len(uppers) > 1:
            self.limits.append(tuple(uppers))

    def listed(
        self,
    ) -> tuple[
        tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...]
    ]:
        """Each kind without repetitions, the nearest first."""
        operators, fractions, masks, groups = (
            tuple(dict.fromkeys(found))[:MOST_OF_A_KIND]
            for found in (self.operators, self.fractions, self.masks, self.groups)
        )
        return operators, fractions, masks, groups, tuple(dict.fromkeys(self.limits))[:MOST_OF_A_KIND]


def vocabulary(piece: Piece, equations: Equations, undefined: frozenset[str]) -> Vocabulary:
    """The words that corrections may use: what stands in the formulas near the piece first."""
    near = sorted(equations.pieces, key=lambda other: abs(other.order - piece.order))
    names: list[str] = []
    factors: list[str] = []
    bounds: list[str] = []
    found = _Signs()
    transpose = ""
    mine = _patterns(piece.right, piece.formula.latex) if piece.right is not None else set()
    same_place: list[str] = []
    for other in near[:60]:
        for side in (other.left, other.right):
            if side is None:
                continue
            for node in names_in(side):
                if isinstance(node, Script):
                    text = node.span.of(other.formula.latex)
                    (same_place if _pattern(node, other.formula.latex) in mine else names).append(text)
            found.note(side, other.formula.latex)
            for node in walk(side):
                text = node.span.of(other.formula.latex)
                match node:
                    case CallOrProduct(head=Script(primes=primes)) if primes:
                        factors.append(text)
                    case BigOperator(upper=Node() as upper):
                        bounds.append(upper.span.of(other.formula.latex))
                    case Symbol(name="gamma" | "beta" | "alpha"):
                        factors.append(text)
                if isinstance(node, Script) and is_transpose(node.sup) and not transpose:
                    assert node.sup is not None
                    transpose = node.sup.span.of(other.formula.latex)
    return Vocabulary(
        tuple(dict.fromkeys(same_place + names))[:16],
        tuple(dict.fromkeys(factors))[:5],
        tuple(dict.fromkeys(bounds))[:6],
        batch_size_name(equations),
        transpose or "T",
        undefined,
        _kronecker(near, piece),
        *found.listed(),
    )


def _kronecker(near: list[Piece], piece: Piece) -> tuple[str, ...]:
    """The sign that is one where two indices are equal, as the notes write it, for the indices of the left side."""
    letters = []
    for node in names_in(piece.left) if piece.left is not None else ():
        ref = node.sub if isinstance(node, Script) else None
        letters += [n for n in (letters_of(ref) if ref is not None else ()) if n not in letters]
    if len(letters) < 2:
        return ()
    i, j = letters[:2]
    for other in near:
        if "\\mathbb{1}" in other.latex:
            return (f"\\mathbb{{1}}({i} = {j})",)
        if "[" in other.latex and any(
            isinstance(n, Group) and n.open == "[" and isinstance(n.body, Chain)
            for side in (other.left, other.right)
            if side is not None
            for n in walk(side)
        ):
            return (f"[{i} = {j}]",)
    return (f"\\delta_{{{i}{j}}}",)


def _patterns(node: Node, latex: str) -> set[str]:
    return {_pattern(name, latex) for name in names_in(node) if isinstance(name, Script)}


def _pattern(node: Script, latex: str) -> str:
    """The scripts of a name, without the name."""
    return latex[node.base.span.end : node.span.end].replace(" ", "")
