"""Whether a claim is read with certainty: a verdict that rests on a guess is not given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symcnn.notes.arguments import arguments_of, function_name
from symcnn.notes.claims import Piece
from symcnn.notes.name_parts import base_name, letter, names_in
from symcnn.notes.names import read_name
from symcnn.notes.operations import known_function, operation_name
from symcnn.notes.tree import (
    Accent,
    Call,
    CallOrProduct,
    Differential,
    Group,
    Node,
    Script,
    Sequence,
    Symbol,
    Word,
)
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations

MARK = re.compile(r"\$\\([a-z]+)\b[^$]*\$,?\s+(?:is|are|stands?|means?|denotes?|for)\b[^$.]*\$[^$]*\\partial")
"""Words that make an accent the mark of a derivative: `$\\check{x}$ is short for $\\partial E / \\partial x$`."""

INNER = re.compile(
    r"\b(?:inner|scalar|dot|Frobenius)[ -]product|\\langle[^$=]*,[^$=]*\\rangle\s*:?="
    r"\s*(?:\\(?:operatorname|mathrm|text)\{tr\}|\\sum|\w\^\{?\\?(?:T|top|mathsf))",
    re.I,
)
"""Words or a formula that make ⟨A, B⟩ the scalar product."""

TRACES = frozenset({"tr", "trace", "Tr"})


class Guard:
    """What on the page makes readings uncertain, found in one pass; `doubt` asks it of one claim."""

    def __init__(self, equations: Equations) -> None:
        self.equations = equations
        self.true_differentials = any(_is_true_differential(piece, equations) for piece in equations.pieces)
        sides = [side for piece in equations.pieces for side in (piece.left, piece.right) if side is not None]
        self.varied = frozenset(key for side in sides for key in _differentials(side, equations))
        self.tensors_by_index = self._tensors_by_index()
        self.primed = self._primed()
        self.inner = INNER.search(equations.document.text) is not None
        self.marks = frozenset(MARK.findall(equations.document.text))

    def doubt(self, piece: Piece) -> str | None:
        """Why the reading of a claim is a guess; None where every part of it has a meaning in the notes."""
        for side in (piece.head, piece.left, piece.right):
            for node in walk(side) if side is not None else ():
                found = self._of_node(node)
                if found is not None:
                    return found
        return None

    def _of_node(self, node: Node) -> str | None:
        match node:
            case CallOrProduct(head=Symbol(name="d"), group=Group(open="(")) if self.true_differentials:
                return None
            case Accent(kind=kind) if kind in self.marks:
                return f"the accent {kind} is said to mark a derivative, and is not read as one"
            case CallOrProduct(head=head, group=group):
                return self._of_call(head, group)
            case Call(function=function):
                return self._of_function(function)
            case Script() | Symbol():
                return self._of_name(node)
            case Group(open="langle" | "<") if not self.inner:
                return "a bracket that may be a scalar product or a mean"
        return None

    def _of_name(self, node: Node) -> str | None:
        facts = self.equations.bench.facts
        ref = read_name(node, facts.habits)
        if ref is None:
            return None
        if ref.indices is not None and ref.key in self.tensors_by_index:
            return f"{ref.key} with an index is a whole vector on this page, and not an entry"
        return None

    def _of_call(self, head: Node, group: Node) -> str | None:
        facts = self.equations.bench.facts
        name = base_name(head.base if isinstance(head, Script) else head)
        if name is None:
            return None
        if name.startswith("bb ") and name not in ("bb 1", "bb I"):
            return f"{name[3:]} before a bracket may be an expectation or a probability"
        if isinstance(head, Word) and not known_function(name) and name not in facts.functions:
            return f"the operator {name} is not known"
        if (
            name in facts.applied
            and name not in facts.functions
            and name not in self.primed
            and not known_function(name)
            and len(arguments_of(group)) >= 1
        ):
            return f"the notes do not define the function {name}"
        return None

    def _of_function(self, function: Node) -> str | None:
        name = function_name(function)
        bare = operation_name(name)
        if name in self.equations.bench.facts.functions or known_function(bare):
            return None
        if bare in ("max", "min", "argmax", "exp", "log", "ln", "det"):
            return None
        return f"the operator {name} is not known"

    # --- the page

    def _tensors_by_index(self) -> frozenset[str]:
        """Names whose indexed form is declared to be a vector or a matrix: x_t in R^d is a vector for each t."""
        from symcnn.notes.declared_shapes import real_space

        facts = self.equations.bench.facts
        found: set[str] = set()
        for piece in self.equations.pieces:
            if piece.sign != "in" or piece.left is None or piece.right is None:
                continue
            if real_space(piece.right) is None:
                continue
            sides = piece.left.items if isinstance(piece.left, Sequence) else (piece.left,)
            for side in sides:
                ref = read_name(side, facts.habits)
                if ref is not None and ref.indices is not None and any(letter(i) for i in ref.indices):
                    found.add(ref.key)
        return self._spread(found)

    def _spread(self, found: set[str]) -> frozenset[str]:
        """With them the names that have their letters as indices in definitions from them."""
        facts = self.equations.bench.facts
        for _ in range(4 if found else 0):
            for piece in self.equations.pieces:
                refs = [
                    ref
                    for side in (piece.left, piece.right)
                    for node in (walk(side) if side is not None else ())
                    if (ref := read_name(node, facts.habits)) is not None and ref.indices is not None
                ]
                if any(ref.key in found for ref in refs):
                    found |= {ref.key for ref in refs if len(ref.indices or ()) == 1}
        return frozenset(found)

    def _primed(self) -> frozenset[str]:
        """Functions that the notes differentiate or use in definitions, so that any function is meant."""
        found: set[str] = {"sigma", "phi", "varphi", "psi"}
        for piece in self.equations.pieces:
            for side in (piece.left, piece.right):
                for node in walk(side) if side is not None else ():
                    if isinstance(node, CallOrProduct) and isinstance(node.head, Script):
                        found.add(base_name(node.head.base) or "")
        for definition in self.equations.bench.facts.definitions:
            for node in walk(definition.body):
                if isinstance(node, CallOrProduct):
                    found.add(base_name(node.head) or "")
        return frozenset(found)


def _upper(key: str) -> bool:
    base = key.split("_")[0].split()[-1]
    return len(base) == 1 and base.isupper()


NAMES_GRADIENT = re.compile(
    r"[`$]\s*d\\?[A-Za-z]\w{0,7}\s*[`$]\s*\(?\s*(?:is|for|means|denotes|stands for|the)\b[^.$`]{0,30}\bgradient"
)
"""Words that make dy the name of a gradient: `dy` (the gradient of the loss on `y`)."""


def _differentials(side: Node, equations: Equations) -> set[str]:
    """The names whose differentials stand in a formula."""
    bodies = [node.body for node in walk(side) if isinstance(node, Differential)]
    refs = [read_name(node, equations.bench.facts.habits) for body in bodies for node in names_in(body)]
    return {equations.bench.facts.resolve(ref.key) for ref in refs if ref is not None}


def _follows_the_computation(piece: Piece, equations: Equations) -> bool:
    """Whether df is given by the dx of what f is computed from; gradients go the other way."""
    habits = equations.bench.facts.habits
    whole, parts = (_differentials(side, equations) if side else set() for side in (piece.left, piece.right))
    if len(whole) != 1 or not parts:
        return False
    bodies = [d.body for d in equations.bench.facts.definitions if d.key in whole and d.layer is None]
    read = {ref.key for body in bodies for n in names_in(body) if (ref := read_name(n, habits)) is not None}
    return bool(read) and parts <= read and not parts & whole


def _is_true_differential(piece: Piece, equations: Equations) -> bool:
    """Whether a formula differentiates: d of an expression, of the loss, inside of a trace, or of what it computes."""
    losses = equations.bench.facts.losses
    if NAMES_GRADIENT.search(equations.document.text):
        return False
    if _follows_the_computation(piece, equations):
        return True
    for side in (piece.left, piece.right):
        for node in walk(side) if side is not None else ():
            match node:
                case Differential(kind="d", body=body):
                    ref = read_name(body, equations.bench.facts.habits)
                    if ref is None or ref.key in losses or ref.power is not None or ref.transposed:
                        return True
                case CallOrProduct(head=Symbol(name="d", font=""), group=Group(open="(")):
                    return True
                case Call(function=function, argument=argument) if function_name(function) in TRACES:
                    if any(isinstance(n, Differential) for n in walk(argument)):
                        return True
    return False
