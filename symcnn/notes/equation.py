"""The verdict on an equation: its two sides compared in small worlds, under the readings that can be defended."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from symcnn.core.errors import SymcnnError
from symcnn.notes import example_numbers
from symcnn.notes.attempts import (
    QUESTIONS,
    Attempt,
    assumption_of,
    assumption_text,
    attempts,
    batch_size_name,
    decided,
    turned,
)
from symcnn.notes.bench import Bench
from symcnn.notes.biases import under_another_bias
from symcnn.notes.claims import Piece
from symcnn.notes.compare import Outcome, compare
from symcnn.notes.extract import Document
from symcnn.notes.families import Mismatch
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import read_name
from symcnn.notes.operations import Array
from symcnn.notes.surroundings import Surroundings
from symcnn.notes.tree import Matrix, Node
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.world import World
from symcnn.notes.zero import Zero


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attempt; an error message where the claim could not be evaluated."""

    attempt: Attempt
    outcome: Outcome | None
    error: str | None = None
    mismatch: bool = False
    node: Node | None = None
    world: World | None = None
    conventions: frozenset[str] = frozenset()
    """The conventions on which the values depend, of those that the notes may leave open."""

    @property
    def proved(self) -> bool:
        return self.outcome is not None and self.outcome.zero is Zero.PROVED

    @property
    def refuted(self) -> bool:
        return self.outcome is not None and self.outcome.zero is Zero.REFUTED


class Equations:
    """Judges equations at their places in the notes."""

    def __init__(self, bench: Bench, document: Document, found: list[Piece], lines: list[int]) -> None:
        self.bench = bench
        self.document = document
        self.pieces = found
        self.lines = lines
        self.examples: list[tuple[Piece, Array, Array]] = []
        self.named_cotangents: list[tuple[Piece, Matrix]] = []
        self.false_pieces: set[int] = set()
        self.around = Surroundings(document, bench.facts, found)

    def run(
        self, piece: Piece, left: Node, right: Node, attempt: Attempt, *, definition: bool = True
    ) -> Result:
        """Compare the sides of a claim under one reading, in worlds of two different sizes.

        Every other variant has fewer steps: where the claim speaks of one that is not there, a third world decides.
        """
        result: Result | None = None
        world: World | None = None
        variants = [0, 1]
        for variant in variants:
            renamed = self.bench.renamed
            if attempt.renamed is not None:
                self.bench.renamed = {**renamed, **attempt.renamed}
            try:
                world = self.bench.world(
                    piece.order,
                    variant=variant,
                    reading=attempt.reading,
                    settings=attempt.settings,
                    functions=attempt.functions,
                    claim=(left, right),
                )
                outcome = compare(world, left, right, self.around.conditions(piece))
            except Mismatch as error:
                if world is None:
                    return Result(attempt, None, str(error), True, error.node)
                if result is not None and result.proved and variant == 1 and world.axes.conflicts:
                    return result
                return Result(
                    attempt, None, str(error), True, error.node, conventions=frozenset(world.conventions)
                )
            except SymcnnError as error:
                if variant == 1 and world is not None and world.beyond:
                    variants.append(2)
                    continue
                return Result(attempt, None, str(error))
            finally:
                self.bench.renamed = renamed
            if result is not None and outcome.zero != result.outcome.zero:  # type: ignore[union-attr]
                if outcome.zero is Zero.REFUTED:
                    return Result(attempt, outcome, world=world, conventions=frozenset(world.conventions))
                return result
            result = Result(attempt, outcome, world=world, conventions=frozenset(world.conventions))
            if outcome.zero is not Zero.PROVED:
                return result
        assert result is not None
        return result

    def judge(self, piece: Piece, *, quick: bool = False) -> Verdict:
        """The verdict on `left = right`; a continuation is judged against the head of its chain too."""
        assert piece.left is not None
        assert piece.right is not None
        lefts = [piece.left]
        if not piece.first and piece.head is not None and piece.head is not piece.left:
            lefts.insert(0, piece.head)
        results: list[Result] = []
        for left in lefts:
            for attempt in attempts(self, piece, left, piece.right):
                result = self.run(piece, left, piece.right, attempt)
                if result.proved:
                    return self._under_both(piece, left, piece.right, result)
                results.append(result)
        turned = self._turned(piece, lefts, results)
        if turned is not None:
            return turned
        biased = under_another_bias(piece, lefts, results, self)
        if biased is not None:
            return biased
        if quick:
            return self._unproved(results)
        sized = any(r.mismatch for r in results) and not any(r.refuted for r in results)
        if sized and not names_in(piece.right):
            return Verdict(Kind.CANNOT_CHECK, reason="numbers of an example with sizes of its own")
        worked = example_numbers.judge(piece, results, self)
        if worked is not None:
            return worked
        if re.search(r"\b[Ff]or (?:a )?(?:negative|positive)\b", self.around.words_before(piece)[-80:]):
            return Verdict(Kind.CANNOT_CHECK, reason="the words before restrict it to a part of the numbers")
        from symcnn.notes.repair import repaired

        return repaired(piece, lefts, results, self)

    def _under_both(self, piece: Piece, left: Node, right: Node, result: Result) -> Verdict:
        """The verdict on a proved claim: without an assumption only if no convention left open changes it."""
        attempt = result.attempt
        for convention in self._open(result) if attempt.assumption is None else ():
            if not self.run(piece, left, right, turned(attempt, convention)).proved:
                assumed = assumption_of(convention, attempt.reading)
                return self._proved(replace(result, attempt=replace(attempt, assumption=assumed)))
        batch = batch_size_name(self)
        if (
            attempt.assumption is None
            and batch
            and self.around.single[piece.order]
            and self._of_batch(left, right)
        ):
            settings = {name: size for name, size in attempt.settings.items() if name != batch}
            if not self.run(piece, left, right, replace(attempt, settings=settings)).proved:
                one = replace(attempt, assumption=f"one example ({batch} = 1)")
                return self._proved(replace(result, attempt=one))
        return self._proved(result)

    def _of_batch(self, *sides: Node) -> bool:
        """Whether a formula writes a capital where the notes also have the small letter for one example."""
        for side in sides:
            for node in names_in(side):
                ref = read_name(node, self.bench.facts.habits)
                base = ref.key.split("_")[0] if ref is not None else ""
                if ref is None or len(base) != 1 or not base.isupper():
                    continue
                if base.lower() + ref.key[1:] in self.bench.keys:
                    return True
        return False

    def _turned(self, piece: Piece, lefts: list[Node], results: list[Result]) -> Verdict | None:
        """The verdict under another convention, where the notes leave it open and the claim is not false too."""
        chosen = next((r for r in results if r.refuted), None) or next(
            (r for r in results if r.mismatch), None
        )
        if chosen is None or piece.right is None:
            return None
        for convention in self._open(chosen):
            for left in lefts:
                result = self.run(piece, left, piece.right, turned(chosen.attempt, convention))
                if result.proved:
                    return self._proved(result)
                if not result.refuted and not result.mismatch:
                    return Verdict(Kind.CANNOT_CHECK, reason=f"the notes do not say {QUESTIONS[convention]}")
        return None

    def _open(self, result: Result) -> list[str]:
        """The conventions on which a result depends and of which the notes say nothing."""
        return sorted(result.conventions - decided(self.bench.facts.cues))

    def _proved(self, result: Result) -> Verdict:
        proof = "symbolically, entry by entry at small sizes"
        if result.attempt.assumption is not None:
            return Verdict(Kind.HOLDS_IF, proof=proof, assumption=assumption_text(result.attempt.assumption))
        if result.outcome is not None and result.outcome.note is not None:
            return Verdict(Kind.HOLDS_IF, proof=proof, assumption=result.outcome.note)
        return Verdict(Kind.HOLDS, proof=proof)

    def _unproved(self, results: list[Result]) -> Verdict:
        for result in results:
            if result.refuted:
                return Verdict(Kind.FAILS, reason="the two sides differ")
        return Verdict(Kind.CANNOT_CHECK, reason=next((r.error for r in results if r.error), "open"))
