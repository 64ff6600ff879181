"""The verdict on each piece of the notes, in order: what it is, and whether it holds."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from symcnn.core.errors import SymcnnError
from symcnn.notes import chains, examples, rounding, shapes
from symcnn.notes import size_claims as sizes
from symcnn.notes.bench import Bench
from symcnn.notes.claims import Piece
from symcnn.notes.definitions import contains_text_only, is_either, is_signature, is_update
from symcnn.notes.equation import Equations
from symcnn.notes.extract import Document
from symcnn.notes.facts import Definition, Facts
from symcnn.notes.guard import Guard
from symcnn.notes.in_force import Slot, slot_of
from symcnn.notes.judged_definitions import (
    bare,
    by_rival,
    definition_verdict,
    set_equal_verdict,
    set_together_verdict,
)
from symcnn.notes.limits import Timeout, limited
from symcnn.notes.name_parts import letter, names_in
from symcnn.notes.names import read_name
from symcnn.notes.tree import (
    Derivative,
    Differential,
    Ellipsis,
    Empty,
    Gradient,
    Group,
    Matrix,
    Node,
    Number,
    Sequence,
    Text,
    Word,
)
from symcnn.notes.verdict import FALSE_KINDS, Claim, Kind, Verdict
from symcnn.notes.walking import walk

DEFINING = frozenset({"=", ":=", "equiv"})
SECONDS = 4.0


class Judge:
    """Judges the pieces one after another; definitions that are found good are in force from there on."""

    def __init__(self, document: Document, facts: Facts, found: list[Piece]) -> None:
        self.document = document
        self.facts = facts
        self.pieces = found
        keys = set()
        for piece in found:
            for side in (piece.left, piece.right):
                for node in names_in(side) if side is not None else ():
                    ref = read_name(node, facts.habits)
                    if ref is not None:
                        keys.add(facts.resolve(ref.key))
        self._headings = sorted(b.span.start for b in document.prose if b.kind == "heading")
        self.bench = Bench(facts, frozenset(keys), [self._section(piece) for piece in found])
        self.lines = [self._line(piece) for piece in found]
        self.equations = Equations(self.bench, document, found, self.lines)
        self.guard = Guard(self.equations)
        facts.differentials = self.guard.true_differentials
        facts.varied = self.guard.varied
        self.definitions = {d.order: d for d in facts.definitions}
        self.by_slot: dict[Slot, list[Definition]] = {}
        for definition in facts.definitions:
            self.by_slot.setdefault(slot_of(definition), []).append(definition)
        rules = (*facts.functions.values(), *facts.operators.values())
        self._rules = frozenset(rule.order for several in rules for rule in several)
        self.rivals: list[tuple[Definition, Definition]] = []
        """Definitions that contradict an earlier one, with that one."""

    def _section(self, piece: Piece) -> int:
        return bisect_left(self._headings, piece.formula.span.start)

    def _line(self, piece: Piece) -> int:
        return self.document.place(piece.formula.span.start + piece.span.start)[0]

    def prose_claims(self) -> list[Claim]:
        """Verdicts on sentences about numbers."""
        from symcnn.notes.prose_numbers import claims

        return claims(self.document, self.pieces, self.facts, self.lines)

    def verdict(self, piece: Piece) -> Verdict:
        """The verdict on one piece; an error inside becomes `cannot-check` with its reason."""
        try:
            with limited(SECONDS):
                verdict = self._certain(piece, self._verdict(piece))
                if verdict.kind is Kind.FAILS and verdict.correction is None:
                    verdict = by_rival(self, piece) or verdict
                return _pointed(verdict, piece)
        except Timeout:
            self.bench.forget()
            return Verdict(Kind.CANNOT_CHECK, reason="time: the check took too much work")
        except SymcnnError as error:
            return Verdict(Kind.CANNOT_CHECK, reason=str(error))
        except RecursionError:
            return Verdict(Kind.CANNOT_CHECK, reason="too large: nested too deep")
        except (ArithmeticError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            # SymPy and NumPy raise these on values that no reading of the notes gives a meaning to.
            return Verdict(Kind.CANNOT_CHECK, reason=f"no value: {type(error).__name__}: {error}")

    def _certain(self, piece: Piece, verdict: Verdict) -> Verdict:
        """The verdict, unless it says more than a reading that is partly a guess can carry."""
        if verdict.kind not in (*FALSE_KINDS, Kind.HOLDS):
            return verdict
        unfounded = verdict.counterexample is None and verdict.correction is None
        if self.facts.differentials and verdict.kind in FALSE_KINDS and unfounded:
            return Verdict(
                Kind.CANNOT_CHECK, reason="no numbers speak against it, and shapes are inferred here"
            )
        doubt = self.guard.doubt(piece)
        if doubt is None:
            return verdict
        return Verdict(Kind.CANNOT_CHECK, reason=doubt, related_lines=verdict.related_lines)

    def _verdict(self, piece: Piece) -> Verdict:  # noqa: C901  (one case for each kind of piece)
        if piece.order in self.facts.spoken:
            for definition in self.facts.spoken[piece.order]:
                self.bench.in_force.add(definition)
            return Verdict(Kind.DEFINITION, reason="introduced in words")
        if piece.right is None or piece.relation is None:
            return shapes.mention(piece, self.equations)
        if piece.left is None or isinstance(piece.right, Empty):
            return Verdict(Kind.NOT_A_CLAIM, reason="a relation without a side")
        if piece.sign in ("->", "mapsto", "leadsto"):
            return examples.arrow(piece, self.equations)
        if piece.sign in ("in", "subset", "subseteq", "ni"):
            return shapes.membership(piece, self.equations)
        if contains_text_only(piece.right) or _is_prose(piece.right):
            return Verdict(Kind.NOT_A_CLAIM, reason="the right side is prose")
        if piece.sign in ("<-", "+=", "-=", "sim", "propto", "mapsto", "notin"):
            return Verdict(Kind.NOT_A_CLAIM, reason="an assignment or a relation of order")
        if piece.sign in ("<", ">", "<=", ">=", "!=", "ll", "gg"):
            return self._inequality(piece)
        if piece.sign not in (*DEFINING, "approx"):
            return Verdict(Kind.NOT_A_CLAIM, reason=f"no equation: {piece.sign}")
        if piece.order not in self.definitions and self.equations.around.is_condition(piece):
            return Verdict(Kind.NOT_A_CLAIM, reason="a condition")
        if piece.first and is_either(piece.right):
            return Verdict(Kind.DEFINITION, reason="one of two numbers")
        if piece.order in self.facts.together:
            return set_together_verdict(self, piece)
        worked = rounding.judge(piece, self.equations)
        if worked is not None:
            return worked
        if piece.sign == "approx":
            return Verdict(Kind.CANNOT_CHECK, reason="an approximation that is not given as a number")
        if piece.first and is_update(piece.left, piece.right, self.facts):
            return Verdict(Kind.NOT_A_CLAIM, reason="an update, not an equation")
        if any(isinstance(n, Ellipsis) for n in walk(piece.right)) and not _display(piece.right):
            return Verdict(Kind.CANNOT_CHECK, reason="dots leave open what is meant")
        if piece.first and letter(piece.left) in self.facts.bound:
            return Verdict(Kind.DEFINITION, reason="a condition on an index")
        size = sizes.stated(piece, self.equations)
        if size is not None:
            return size
        shape = shapes.declared(piece, self.equations)
        if shape is not None:
            return shape
        if piece.first and is_signature(piece.right):
            return Verdict(Kind.DEFINITION, reason="names what a function is given")
        if piece.order in self.definitions or (piece.first and piece.order in self._rules):
            return definition_verdict(self, piece)
        naming = self._naming(piece) or set_equal_verdict(self, piece)
        if naming is not None:
            return naming
        path = chains.judge(piece, self.bench, self.equations)
        if path is not None:
            return path
        return self.equations.judge(piece)

    def _inequality(self, piece: Piece) -> Verdict:
        """A range or a condition, but for a bound of one computed thing by another."""
        assert piece.left is not None
        assert piece.right is not None
        bounded = _is_computed(piece.left) and _is_computed(piece.right)
        if bounded and not self.equations.around.is_condition(piece):
            return Verdict(Kind.CANNOT_CHECK, reason="a bound, of which no proof is sought")
        return Verdict(Kind.NOT_A_CLAIM, reason="a range or a condition")

    # --- definitions

    def _naming(self, piece: Piece) -> Verdict | None:
        """∂L/∂P = [x1 x2; x3 x4] names the entries of an array, where the names are new."""
        if not piece.first or not isinstance(bare(piece.right), Matrix):
            return None
        if not isinstance(piece.left, Derivative | Differential):
            return None
        matrix = bare(piece.right)
        assert isinstance(matrix, Matrix)
        entries = [entry for row in matrix.rows for entry in row]
        refs = [read_name(entry, self.facts.habits) for entry in entries]
        if all(ref is not None for ref in refs) and not any(isinstance(e, Number) for e in entries):
            self.equations.named_cotangents.append((piece, matrix))
            return Verdict(Kind.DEFINITION, reason="names the entries of the array")
        return None


def _is_computed(node: Node) -> bool:
    """Whether a side of an inequality is a norm or a derivative, and so no index, no size and no constant."""
    return any(
        isinstance(n, Derivative | Gradient) or (isinstance(n, Group) and n.open == "||") for n in walk(node)
    )


def _display(node: Node) -> bool:
    return isinstance(node, Sequence)


def _is_prose(node: Node) -> bool:
    """Whether a side is words rather than a formula."""
    if isinstance(node, Text):
        return True
    if isinstance(node, Word):
        return " " in node.text.strip()
    if isinstance(node, Sequence):
        return any(isinstance(item, Text) for item in node.items[:1])
    return False


def _pointed(verdict: Verdict, piece: Piece) -> Verdict:
    """A verdict against a claim points at something: a name defined anew, else the side that does not fit."""
    if verdict.kind not in FALSE_KINDS or verdict.wrong_terms or piece.right is None:
        return verdict
    named = verdict.kind is Kind.INCONSISTENT and piece.first and not isinstance(piece.left, Derivative)
    side = piece.left if named and piece.left is not None else piece.right
    return replace(verdict, wrong_terms=(side.span.shifted(-piece.span.start),))
