"""The verdict on an equation: its two sides compared in small worlds, under the readings that can be defended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes import prose as talk
from symcnn.notes.apply import head_name
from symcnn.notes.arguments import function_name
from symcnn.notes.bench import Bench
from symcnn.notes.claims import Piece
from symcnn.notes.compare import Outcome, compare
from symcnn.notes.defined_values import defined_value
from symcnn.notes.extract import Document
from symcnn.notes.families import Mismatch, Reading, Unreadable
from symcnn.notes.name_parts import letter, names_in
from symcnn.notes.names import read_name
from symcnn.notes.opaque import elementary
from symcnn.notes.operations import Array
from symcnn.notes.tree import Call, CallOrProduct, Chain, Differential, Matrix, Node, Number
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import walk
from symcnn.notes.world import World
from symcnn.notes.zero import Zero

EACH = re.compile(r"(?:gradients?|derivatives?) of (?:the loss )?\$\\?\w+_\{?\w\}?\$")
"""Words that say of which loss differentials such as dW are derivatives: the gradients of $L_i$."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reading of a claim: conventions, settings, and what must be assumed for it (None: nothing)."""

    reading: Reading
    settings: Mapping[str, int]
    functions: frozenset[tuple[str, int]] = frozenset()
    assumption: str | None = None
    renamed: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attempt; an error message where the claim could not be evaluated."""

    attempt: Attempt
    outcome: Outcome | None
    error: str | None = None
    mismatch: bool = False
    node: Node | None = None
    world: World | None = None
    convolved: bool = False

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
        self.settings = [self._settings(piece) for piece in found]
        self.single = self._single()

    # --- the words around a formula

    def words_before(self, piece: Piece) -> str:
        """The running text between the last display before a piece and the piece."""
        start = piece.formula.span.start
        begin = 0
        for other in self.document.formulas:
            if other.outer.end <= start and other.display and other.outer.start < piece.formula.outer.start:
                begin = max(begin, other.outer.end)
        for block in self.document.prose:
            if block.kind == "heading" and block.span.end <= start:
                begin = max(begin, block.span.end)
        return self.document.text[begin:start]

    def _settings(self, piece: Piece) -> dict[str, int]:
        """Sizes that the words before a formula set: stride 1, no padding, (s = 1)."""
        facts = self.bench.facts
        words = self.words_before(piece)
        found: dict[str, int] = {}
        stride, padding = self._named("stride"), self._named("padding")
        match = re.search(r"stride\s+(?:is\s+)?(one|two|three|[123])\b", words)
        if match and stride in facts.sizes:
            found[stride] = {"one": 1, "two": 2, "three": 3}.get(match[1]) or int(match[1])
        if re.search(r"(no|without|zero)\s+padding", words) and padding in facts.sizes:
            found[padding] = 0
        for other in self.pieces:
            near = other.formula is piece.formula or (
                not other.formula.display
                and other.formula.span.end <= piece.formula.span.start
                and self.document.text.find(words) <= other.formula.span.start
            )
            if near and other is not piece and other.sign == "=" and isinstance(other.right, Number):
                ref = read_name(other.left, facts.habits) if other.left is not None else None
                if (
                    ref is not None
                    and ref.key in facts.sizes
                    and other.right.text.isdigit()
                    and ref.indices is None
                    and int(other.right.text) <= 3
                ):
                    found[ref.key] = int(other.right.text)
        for node in piece.beside:
            for chain in (n for n in walk(node) if isinstance(n, Chain)):
                name = letter(chain.sides[0])
                if name in facts.sizes and isinstance(chain.sides[1], Number):
                    found[name or ""] = int(chain.sides[1].text)
        return found

    def _named(self, word: str) -> str:
        match = re.search(word + r"\s+\$([a-zA-Z])\$", self.document.text)
        return match[1] if match else word[0]

    def _single(self) -> list[bool]:
        """For each piece whether the words before it have turned to a single example."""
        state, result, at = False, [], 0
        for piece in self.pieces:
            words = self.document.text[at : piece.formula.span.start]
            if talk.says_single(words):
                state = True
            elif talk.says_batch(words) or re.search(r"^#", words, re.M):
                state = False
            at = piece.formula.span.end
            result.append(state)
        return result

    def conditions(self, piece: Piece) -> list[Node]:
        """Conditions on the indices of a claim, written after it: `for m' \\neq m`."""
        found: list[Node] = [part for node in piece.beside for part in walk(node) if isinstance(part, Chain)]
        found += self._conditions_before(piece)
        for other in self.pieces[piece.order + 1 : piece.order + 2]:
            if other.formula is piece.formula or other.sign not in ("!=", "<", ">", "<=", ">="):
                continue
            between = self.document.text[piece.formula.outer.end : other.formula.outer.start]
            if re.match(r"^[\s,]*(for|if|when|where|with)\s*$", between) and other.left and other.right:
                assert other.relation is not None
                found.append(Chain(other.span, (other.left, other.right), (other.relation,)))
        return found

    def _conditions_before(self, piece: Piece) -> list[Node]:
        """Conditions in the sentence before a display: `for the wrong classes, j \\neq y_i, ...`."""
        words = self.words_before(piece)
        begin = piece.formula.span.start - len(words)
        words = words.rstrip().rstrip("$[\\").rstrip()
        begin += max(words.rfind(". "), words.rfind("\n\n"), -1) + 1
        found: list[Node] = []
        for other in self.pieces[max(0, piece.order - 4) : piece.order]:
            if other.formula.display or other.sign not in ("!=", "<", ">", "<=", ">="):
                continue
            inside = other.formula.span.start >= begin and piece.formula.display
            if inside and other.left is not None and other.right is not None and other.relation is not None:
                found.append(Chain(other.span, (other.left, other.right), (other.relation,)))
        return found

    # --- attempts

    def attempts(self, piece: Piece, left: Node, right: Node) -> list[Attempt]:
        """The readings of a claim, the one that the notes state first."""
        facts = self.bench.facts
        cues = facts.cues
        layout = (
            "numerator" if cues.numerator_layout else "denominator" if cues.denominator_layout else "gradient"
        )
        if cues.shaped and layout == "numerator":
            layout = "gradient"
        each = EACH.search(self.document.text) is not None
        base = Reading(layout=layout, scaled=cues.per_example, flipped=cues.flipped, each=each)
        settings = dict(self.settings[piece.order])
        batch = self._batch()
        if batch and self.single[piece.order]:
            settings[batch] = 1
        functions = frozenset(
            (name, max(r.order for r in rules if r.order < piece.order))
            for name, rules in facts.functions.items()
            if any(r.order < piece.order for r in rules)
        )
        found = [Attempt(base, settings)]
        if functions:
            found.append(Attempt(base, settings, functions))
        for pair in self._activations(piece, left, right):
            found.append(
                Attempt(replace(base, activation=pair), settings, functions, f"{pair[0]} is {pair[1]}")
            )
        every = found[: 2 if functions else 1]
        for attempt in every:
            if not facts.differentials:
                entrywise = replace(base, entrywise=True)
                found.append(replace(attempt, reading=entrywise, assumption="entrywise"))
            if batch and batch not in settings:
                more = {**settings, batch: 1}
                found.append(replace(attempt, settings=more, assumption=f"one example ({batch} = 1)"))
            if layout == "gradient":
                for other in ("numerator", "denominator"):
                    found.append(
                        replace(attempt, reading=replace(base, layout=other), assumption=f"{other} layout")
                    )
            if (
                any(isinstance(n, Differential) for side in (left, right) for n in walk(side))
                and not cues.per_example
            ):
                found.append(
                    replace(
                        attempt,
                        reading=replace(base, scaled=True),
                        assumption="dZ is the derivative of the loss of each example, without the factor 1/m",
                    )
                )
        return found

    def _activations(self, piece: Piece, left: Node, right: Node) -> list[tuple[str, str]]:
        """A function that the notes do not define, and those that their definitions apply."""
        facts = self.bench.facts
        written = {ops_name for side in (left, right) for ops_name in applied_names(side)}
        world = self.bench.world(piece.order)
        bodies = [d.body for ds in world.definitions.values() for d in ds]
        used = {name for body in bodies for name in applied_names(body)}
        missing = sorted(n for n in written - used if elementary(n) is None and n not in facts.functions)
        known = sorted(n for n in used if elementary(n) is not None)
        return [(a, b) for a in missing[:2] for b in known[:3]]

    def _batch(self) -> str | None:
        """The name of the number of examples: the m of a mean in the loss."""
        return "m" if "m" in self.bench.facts.sizes and not self._is_kernel("m") else None

    def batch_text(self) -> str | None:
        """The number of examples as corrections write it."""
        return self._batch()

    def _is_kernel(self, name: str) -> bool:
        return not any(d.key in self.bench.facts.losses for d in self.bench.facts.definitions)

    def run(
        self, piece: Piece, left: Node, right: Node, attempt: Attempt, *, definition: bool = True
    ) -> Result:
        """Compare the sides of a claim under one reading, in worlds of two different sizes."""
        result: Result | None = None
        world: World | None = None
        for variant in (0, 1):
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
                outcome = compare(world, left, right, self.conditions(piece))
            except Mismatch as error:
                if world is None:
                    return Result(attempt, None, str(error), True, error.node)
                if result is not None and result.proved and variant == 1 and world.axes.conflicts:
                    return result
                return Result(attempt, None, str(error), True, error.node, convolved=world.convolved)
            except SymcnnError as error:
                return Result(attempt, None, str(error))
            finally:
                self.bench.renamed = renamed
            if result is not None and outcome.zero != result.outcome.zero:  # type: ignore[union-attr]
                if outcome.zero is Zero.REFUTED:
                    return Result(attempt, outcome, world=world, convolved=world.convolved)
                return result
            result = Result(attempt, outcome, world=world, convolved=world.convolved)
            if outcome.zero is not Zero.PROVED:
                return result
        assert result is not None
        return result

    # --- verdicts

    def judge(self, piece: Piece, *, quick: bool = False) -> Verdict:
        """The verdict on `left = right`; a continuation is judged against the head of its chain too."""
        assert piece.left is not None
        assert piece.right is not None
        lefts = [piece.left]
        if not piece.first and piece.head is not None and piece.head is not piece.left:
            lefts.insert(0, piece.head)
        results: list[Result] = []
        for left in lefts:
            for attempt in self.attempts(piece, left, piece.right):
                result = self.run(piece, left, piece.right, attempt)
                if result.proved:
                    return self._under_both(piece, left, piece.right, result)
                results.append(result)
        turned = self._turned(piece, lefts, results)
        if turned is not None:
            return turned
        if quick:
            return self._unproved(results)
        sized = any(r.mismatch for r in results) and not any(r.refuted for r in results)
        if sized and not names_in(piece.right):
            return Verdict(Kind.CANNOT_CHECK, reason="numbers of an example with sizes of its own")
        if re.search(r"\b[Ff]or (?:a )?(?:negative|positive)\b", self.words_before(piece)[-80:]):
            return Verdict(Kind.CANNOT_CHECK, reason="the words before restrict it to a part of the numbers")
        from symcnn.notes.repair import repaired

        return repaired(piece, lefts, results, self)

    def _under_both(self, piece: Piece, left: Node, right: Node, result: Result) -> Verdict:
        """The verdict on a proved claim: without an assumption only if a flip of the filter changes nothing."""
        attempt = result.attempt
        if attempt.assumption is None and self._flip_is_open(result):
            other = replace(attempt, reading=replace(attempt.reading, flipped=True))
            if not self.run(piece, left, right, other).proved:
                return self._proved(replace(result, attempt=replace(attempt, assumption="unflipped")))
        batch = self._batch()
        if attempt.assumption is None and batch and self.single[piece.order] and self._of_batch(left, right):
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
        """The verdict with the flipped filter, where the notes leave that open and it is not false too."""
        chosen = next((r for r in results if r.refuted), None) or next(
            (r for r in results if r.mismatch), None
        )
        if chosen is None or not self._flip_is_open(chosen) or piece.right is None:
            return None
        for left in lefts:
            attempt = replace(
                chosen.attempt, reading=replace(chosen.attempt.reading, flipped=True), assumption="flipped"
            )
            result = self.run(piece, left, piece.right, attempt)
            if result.proved:
                return self._proved(result)
            if not result.refuted and not result.mismatch:
                return Verdict(
                    Kind.CANNOT_CHECK,
                    reason="the notes do not say whether the convolution flips the filter, on which this depends",
                )
        return None

    def _flip_is_open(self, result: Result) -> bool:
        cues = self.bench.facts.cues
        return result.convolved and not (cues.flipped or cues.unflipped)

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

    def approximate(self, piece: Piece) -> Verdict:
        """The verdict on a rounded number: right to the printed digits, or not."""
        from symcnn.notes.evaluate import Evaluator

        assert piece.left is not None
        if not isinstance(piece.right, Number):
            return Verdict(Kind.CANNOT_CHECK, reason="an approximation that is not given as a number")
        world = self.bench.world(piece.order)
        value = sp.N(Evaluator(world, {}).scalar(piece.left), 30)
        if not value.is_comparable:
            return Verdict(Kind.CANNOT_CHECK, reason="the left side is no number")
        digits = len(piece.right.text.partition(".")[2])
        if abs(value - sp.Rational(piece.right.text)) <= sp.Rational(51, 100) * sp.Rational(1, 10**digits):
            return Verdict(Kind.HOLDS, proof=f"to the {digits} printed decimals")
        shown = f"{float(value):.{digits}f}"
        span = piece.right.span.shifted(-piece.span.start)
        return Verdict(
            Kind.FAILS,
            reason=f"the value is {shown}",
            correction=piece.latex[: span.start] + shown + piece.latex[span.end :],
            wrong_terms=(span,),
            diagnosis="wrong number",
        )

    def known_value(self, piece: Piece) -> Verdict | None:
        """For a name on the left that the notes give a value already: the verdict; None for a new name."""
        from symcnn.notes.evaluate import Evaluator

        assert piece.left is not None
        ref = read_name(piece.left, self.bench.facts.habits)
        if ref is None:
            return None
        world = self.bench.world(piece.order, without=piece.order)
        key = world.facts.resolve(ref.key)
        known = [d for d in world.definitions.get(key, []) if (d.member is None) == (ref.member is None)]
        if key != ref.key and ref.layer is None and all(d.layer is not None for d in known):
            return None
        if not any(d.order < piece.order for d in known):
            return None
        sections = self.bench.sections
        if ref.indices is not None and all(
            sections[d.order] != sections[piece.order] and len(d.indices or ()) != len(ref.indices)
            for d in known
        ):
            return None
        try:
            env = world.layer_env()
            places = [env]
            if ref.indices is not None:
                from symcnn.notes.places import places as all_places

                places = [env | place for place in all_places(world, piece.left, piece.left)]
            value = Evaluator(world, places[0]).value(piece.left)
            if all(getattr(x, "is_Symbol", False) and defined_value(world, x) is None for x in value.flat):
                return None
        except (Unreadable, Mismatch, SymcnnError, IndexError):
            return None
        return self.judge(piece)


def applied_names(node: Node) -> list[str]:
    """The functions that a formula applies, with the numbers of their layers."""
    found: list[str] = []
    for part in walk(node):
        if isinstance(part, CallOrProduct):
            name = head_name(part.head)
        elif isinstance(part, Call):
            name = function_name(part.function)
        else:
            continue
        if name:
            found.append(name)
    return found


def assumption_text(name: str) -> str:
    """An assumption in words."""
    return {
        "entrywise": "derivatives and products are taken entry by entry",
        "numerator layout": "Jacobians are in numerator layout (the gradient of a number is a row)",
        "denominator layout": "Jacobians are in denominator layout",
        "unflipped": "the convolution does not flip the filter (it is a cross-correlation)",
        "flipped": "the convolution flips the filter",
    }.get(name, name)
