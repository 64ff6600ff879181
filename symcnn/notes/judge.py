"""The verdict on each piece of the notes, in order: what it is, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from symcnn.core.errors import SymcnnError
from symcnn.notes import chains, examples, rounding, shapes
from symcnn.notes import size_claims as sizes
from symcnn.notes.bench import Bench
from symcnn.notes.claims import Piece
from symcnn.notes.definitions import contains_text_only, definition_of, is_signature, is_update
from symcnn.notes.equation import Equations
from symcnn.notes.extract import Document
from symcnn.notes.facts import Definition, Facts
from symcnn.notes.given_values import known_value
from symcnn.notes.guard import Guard
from symcnn.notes.limits import Timeout, limited
from symcnn.notes.name_parts import letter, names_in
from symcnn.notes.names import read_name
from symcnn.notes.relabel import skeleton
from symcnn.notes.tree import (
    Add,
    Annotated,
    Call,
    CallOrProduct,
    Decorated,
    Derivative,
    Differential,
    Ellipsis,
    Empty,
    Gradient,
    Group,
    Matrix,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Text,
    Word,
)
from symcnn.notes.verdict import FALSE_KINDS, Claim, Kind, Verdict
from symcnn.notes.walking import same, walk

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
        self.bench = Bench(facts, frozenset(keys), [self._section(piece) for piece in found])
        self.lines = [self._line(piece) for piece in found]
        self.equations = Equations(self.bench, document, found, self.lines)
        self.guard = Guard(self.equations)
        facts.differentials = self.guard.true_differentials
        self._definitions = {d.order: d for d in facts.definitions}
        self._rivals: list[tuple[Definition, Definition]] = []
        """Definitions that contradict an earlier one, with that one."""

    def _section(self, piece: Piece) -> int:
        start = piece.formula.span.start
        return sum(1 for b in self.document.prose if b.kind == "heading" and b.span.start < start)

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
                    return self._by_rival(piece) or verdict
                return verdict
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

    def _by_rival(self, piece: Piece) -> Verdict | None:
        """What is not false under another definition that the notes give of its name contradicts the one in force."""
        keys = {
            self.facts.resolve(ref.key)
            for side in (piece.left, piece.right)
            for node in (names_in(side) if side is not None else ())
            if (ref := read_name(node, self.facts.habits)) is not None
        }
        undecided: Verdict | None = None
        for rival, earlier in self._rivals:
            accepted = self.bench.accepted
            if self.facts.resolve(rival.key) not in keys or earlier not in accepted:
                continue
            self.bench.accepted = [rival if d is earlier else d for d in accepted]
            try:
                other = self.equations.judge(piece, quick=True)
            finally:
                self.bench.accepted = accepted
            if other.kind is Kind.FAILS:
                continue
            kind = Kind.CANNOT_CHECK if other.kind is Kind.CANNOT_CHECK else Kind.INCONSISTENT
            reason = f"the notes define {rival.key} in two ways, in lines {earlier.line} and {rival.line}"
            found = Verdict(kind, reason=reason, related_lines=(earlier.line, rival.line))
            if kind is Kind.INCONSISTENT:
                return found
            undecided = undecided or found
        return undecided

    def _verdict(self, piece: Piece) -> Verdict:  # noqa: C901  (one case for each kind of piece)
        if piece.right is None or piece.relation is None:
            return shapes.mention(piece)
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
        if piece.order in self._definitions or (piece.first and self._is_function(piece)):
            return self._definition(piece)
        naming = self._naming(piece)
        if naming is not None:
            return naming
        path = chains.judge(piece, self.bench, self.equations)
        if path is not None:
            return path
        return self.equations.judge(piece)

    def _inequality(self, piece: Piece) -> Verdict:
        return Verdict(Kind.NOT_A_CLAIM, reason="a range or a condition")

    # --- definitions

    def _is_function(self, piece: Piece) -> bool:
        for rules in (*self.facts.functions.values(), *self.facts.operators.values()):
            if any(rule.order == piece.order for rule in rules):
                return True
        return any(d.order == piece.order for d in self.facts.definitions)

    def _definition(self, piece: Piece) -> Verdict:
        definition = self._definitions.get(piece.order)
        if definition is None:
            return Verdict(Kind.DEFINITION, reason="introduces a function")
        earlier = self._earlier(definition)
        if not names_in(definition.body) and self._is_used(definition):
            self.bench.dropped.add(definition.order)
            return Verdict(Kind.DEFINITION, reason="numbers for an example")
        if earlier is None:
            again = known_value(self.equations, piece)
            if again is not None:
                return again
            return self._accept(definition, piece)
        if definition.display:
            return self._accept(definition, piece)
        return self._again(definition, earlier, piece)

    def _is_used(self, definition: Definition) -> bool:
        """Whether a name has a meaning already: it is defined, or read by a definition."""
        if isinstance(_bare(definition.body), Number) and definition.key in self.facts.losses:
            return False
        if definition.key in self.facts.losses or isinstance(definition.body, Add):
            return False
        for other in self.bench.accepted:
            keys = [read_name(node, self.facts.habits) for node in names_in(other.body)]
            if other.key == definition.key or any(
                ref is not None and ref.key == definition.key for ref in keys
            ):
                return True
        return False

    def _accept(self, definition: Definition, piece: Piece) -> Verdict:
        wrong = chains.circle(definition, self.bench, piece)
        if wrong is not None:
            self.bench.dropped.add(definition.order)
            return wrong
        self.bench.accepted.append(definition)
        return Verdict(Kind.DEFINITION, reason="introduces a name")

    def _earlier(self, definition: Definition) -> Definition | None:
        from symcnn.notes.bench import _slot

        slot = _slot(definition)
        for other in reversed(self.bench.accepted):
            if _slot(other) == slot:
                return other
        return None

    def _again(self, definition: Definition, earlier: Definition, piece: Piece) -> Verdict:
        """A name that was defined before: a restatement, a new definition, or a contradiction."""
        if isinstance(earlier.body, Derivative | Gradient):
            return self.equations.judge(piece)
        if isinstance(definition.body, Number) and isinstance(earlier.body, Number):
            return self._accept(definition, piece)
        outcome = self.equations.judge(piece, quick=True)
        if outcome.kind is not Kind.HOLDS and not names_in(definition.body):
            return Verdict(
                Kind.CANNOT_CHECK, reason="a number of an example, whose values are not tied to the names"
            )
        if outcome.kind in (Kind.HOLDS, Kind.HOLDS_IF) and not self._same_form(definition, earlier):
            return replace(outcome, related_lines=(earlier.line,))
        if outcome.kind in (Kind.HOLDS, Kind.HOLDS_IF):
            return Verdict(
                Kind.DEFINITION,
                proof=outcome.proof,
                reason="restates a definition",
                related_lines=(earlier.line,),
            )
        wrong = chains.circle(definition, self.bench, piece)
        if wrong is None and (self._announced(piece) or self._elsewhere(definition, earlier)):
            self.bench.accepted.append(definition)
            return Verdict(
                Kind.DEFINITION, reason="defines the name anew from here on", related_lines=(earlier.line,)
            )
        from symcnn.notes.repair import against_definition

        if outcome.kind is Kind.CANNOT_CHECK and self._leaves(definition) == self._leaves(earlier):
            return replace(outcome, related_lines=(earlier.line,))
        self.bench.dropped.add(definition.order)
        self._rivals.append((definition, earlier))
        return against_definition(definition, earlier, piece, self.equations, outcome)

    def _leaves(self, definition: Definition) -> frozenset[str]:
        """The names that a definition comes down to when those that are defined are put in."""
        known = {d.key: d for d in self.bench.accepted if d.key != definition.key}
        found: set[str] = set()
        waiting, seen = [definition.body], {definition.key}
        while waiting:
            for node in names_in(waiting.pop()):
                ref = read_name(node, self.facts.habits)
                key = self.facts.resolve(ref.key) if ref is not None else ""
                if key in known and key not in seen:
                    waiting.append(known[key].body)
                elif key not in known:
                    found.add(key)
                seen.add(key)
        return frozenset(found - self.facts.bound - self.facts.sizes)

    def _same_form(self, definition: Definition, earlier: Definition) -> bool:
        """Whether two definitions are the same but for labels and capitals."""
        first, second = self.pieces[definition.order], self.pieces[earlier.order]
        return same(definition.body, earlier.body) or skeleton(first) == skeleton(second)

    def _announced(self, piece: Piece) -> bool:
        """Whether words before a formula announce another definition."""
        words = self.equations.around.words_before(piece).lower()
        marks = (
            "instead",
            "in place of",
            " now ",
            "alternativ",
            "for example",
            "suppose",
            " let ",
            "if we",
            "variant",
            "general",
        )
        return any(mark in f" {words} " for mark in marks) or words.startswith("with ")

    def _elsewhere(self, definition: Definition, earlier: Definition) -> bool:
        """Whether a definition begins a section of its own in which the older one is not used again."""
        sections = self.bench.sections
        if sections[definition.order] == sections[earlier.order]:
            return False
        from symcnn.notes.bench import _slot

        slot = _slot(definition)
        for later in self.facts.definitions:
            if later.order > definition.order and _slot(later) == slot and same(later.body, earlier.body):
                return False
        return True

    def _naming(self, piece: Piece) -> Verdict | None:
        """∂L/∂P = [x1 x2; x3 x4] names the entries of an array, where the names are new."""
        if not piece.first or not isinstance(_bare(piece.right), Matrix):
            return None
        if not isinstance(piece.left, Derivative | Differential):
            return None
        matrix = _bare(piece.right)
        assert isinstance(matrix, Matrix)
        entries = [entry for row in matrix.rows for entry in row]
        refs = [read_name(entry, self.facts.habits) for entry in entries]
        if all(ref is not None for ref in refs) and not any(isinstance(e, Number) for e in entries):
            self.equations.named_cotangents.append((piece, matrix))
            return Verdict(Kind.DEFINITION, reason="names the entries of the array")
        return None


def _bare(node: Node | None) -> Node | None:
    while isinstance(node, Script | Decorated | Annotated | Group):
        node = node.base if isinstance(node, Script) else node.body
    return node


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


__all__ = ["Call", "CallOrProduct", "Judge", "Mapping", "Product", "definition_of"]
