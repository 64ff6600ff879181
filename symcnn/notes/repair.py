"""The smallest edit that makes a false claim provably true, and what went wrong in the field's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.brackets import as_entries
from symcnn.notes.claims import Piece, pieces
from symcnn.notes.coefficients import spellings, term_edits
from symcnn.notes.compare import Outcome, refuted, unfold
from symcnn.notes.context import shape_of
from symcnn.notes.counterexample import counterexample
from symcnn.notes.edits import Edit, Vocabulary, edits
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.facts import Definition
from symcnn.notes.limits import Timeout, limited
from symcnn.notes.names import letters_of, names_in, read_name
from symcnn.notes.operations import known_function
from symcnn.notes.parser import parse
from symcnn.notes.shaper import is_transpose
from symcnn.notes.tree import (
    BigOperator,
    CallOrProduct,
    Chain,
    Derivative,
    Group,
    Node,
    Script,
    Span,
    Symbol,
    walk,
)
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.world import World
from symcnn.notes.zero import Zero

if TYPE_CHECKING:
    from symcnn.notes.equation import Attempt, Equations, Result

GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
    ]
)
MOST_EDITS = 400
REPAIR_SECONDS = 1.5


def repaired(piece: Piece, lefts: list[Node], results: list[Result], equations: Equations) -> Verdict:
    """The verdict on a claim that was not proved: false with its correction, or not to be decided."""
    assert piece.right is not None
    chosen = next((r for r in results if r.refuted), None) or next((r for r in results if r.mismatch), None)
    if chosen is None:
        reason = next((r.error for r in results if r.error), None)
        return Verdict(Kind.CANNOT_CHECK, reason=reason or "survived numeric trials, which is no proof")
    renamed = _renamed(piece, lefts[0], chosen.attempt, equations)
    if renamed is not None:
        return renamed
    undefined = undefined_names(piece, lefts[0], equations)
    correction = None
    try:
        with limited(REPAIR_SECONDS):
            correction = correct(piece, lefts[0], chosen.attempt, equations, undefined, chosen.outcome)
    except Timeout:
        equations.bench.forget()
    example = None
    if chosen.refuted and chosen.world is not None and chosen.outcome is not None:
        example = counterexample(chosen.world, chosen.outcome)
    reason = "the two sides differ" if chosen.refuted else chosen.error
    if correction is not None:
        latex, wrong, what = correction
        return Verdict(
            Kind.FAILS,
            reason=f"{reason}: {what}",
            correction=latex,
            wrong_terms=wrong,
            diagnosis=what,
            counterexample=example,
        )
    if undefined and any(introduced(name, piece, equations) for name in undefined):
        names = ", ".join(sorted(undefined))
        return Verdict(
            Kind.CANNOT_CHECK, reason=f"{names}: the prose introduces it, and no formula defines it"
        )
    if undefined:
        return Verdict(
            Kind.INCONSISTENT,
            reason=f"{', '.join(sorted(undefined))}: not defined in the notes, and the claim is no identity",
            counterexample=example,
        )
    if chosen.mismatch and not chosen.refuted and not _shapes_known(piece, lefts[0], equations):
        return Verdict(Kind.CANNOT_CHECK, reason=chosen.error)
    return Verdict(Kind.FAILS, reason=reason, counterexample=example)


def introduced(name: str, piece: Piece, equations: Equations) -> bool:
    """Whether a name stands alone in the running text before a piece, or is a word, whose meaning is prose."""
    if len(name.split("_")[0].split()[-1]) > 2 and name.isascii() and name.split("_")[0].islower():
        return name.split("_")[0] not in GREEK
    for other in equations.pieces[: piece.order]:
        if other.right is None and other.left is not None and other.formula is not piece.formula:
            ref = read_name(other.left, equations.bench.facts.habits)
            if ref is not None and ref.key == name and ref.indices is None and not other.formula.display:
                return True
    return False


def _shapes_known(piece: Piece, left: Node, equations: Equations) -> bool:
    """Whether the notes pin down the shapes of all names of a claim, so that a mismatch refutes it."""
    assert piece.right is not None
    world = equations.bench.world(piece.order)
    for side in (left, piece.right):
        for node in walk(side):
            ref = read_name(node, world.facts.habits) if isinstance(node, Symbol | Script) else None
            if ref is None or ref.indices is not None:
                continue
            key = world.facts.resolve(ref.key)
            if len(key) == 1 and key.isupper() and key not in world.kinds and key not in world.definitions:
                return False
    return True


# --- names that are meant otherwise


def undefined_names(piece: Piece, left: Node, equations: Equations) -> frozenset[str]:
    """Names of a claim that no definition reads or makes, that have no shape and are no index or size."""
    assert piece.right is not None
    every = [(name, rule.order) for name, rules in equations.bench.facts.functions.items() for rule in rules]
    world = equations.bench.world(piece.order, functions=frozenset(f for f in every if f[1] < piece.order))
    known = _connected_names(world, equations, piece) | _index_names(left) | _index_names(piece.right)
    found: set[str] = set()
    sides = [{_key(n, world) for n in names_in(side)} for side in (left, piece.right)]
    known |= {key for key in sides[0] & sides[1] if key is not None}
    for side in (left, piece.right):
        for node in names_in(side):
            ref = read_name(node, world.facts.habits)
            if ref is None or ref.layer is not None or ref.indices is not None:
                continue
            key = world.facts.resolve(ref.key)
            if key in known or world.is_size(key) or key in world.facts.losses or key in world.settings:
                continue
            if key in (
                "e",
                "pi",
                "I",
                "alpha",
                "lambda",
                "eta",
                "epsilon",
                "infty",
                "T",
                "top",
                "bb 1",
                "bf 1",
                "bf 0",
            ):
                continue
            if known_function(key) or key in world.facts.applied or key in world.facts.functions:
                continue
            found.add(key)
    return frozenset(found)


def _key(node: Node, world: World) -> str | None:
    ref = read_name(node, world.facts.habits)
    return None if ref is None else world.facts.resolve(ref.key)


def _index_names(node: Node) -> set[str]:
    """Letters that stand in scripts or under sums."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, Script):
            for script in (part.sub, part.sup):
                found |= set(letters_of(script)) if script is not None else set()
        elif isinstance(part, BigOperator) and part.lower is not None:
            found |= set(letters_of(part.lower))
    return found


def _connected_names(world: World, equations: Equations, piece: Piece) -> set[str]:
    known = set(world.definitions) | set(world.facts.shapes) | set(world.kinds)
    for definitions in world.definitions.values():
        for definition in definitions:
            for node in names_in(definition.body):
                ref = read_name(node, world.facts.habits)
                if ref is not None:
                    known.add(world.facts.resolve(ref.key))
    for rule in world.functions.values():
        refs = [read_name(node, world.facts.habits) for node in names_in(rule.body)]
        known |= {world.facts.resolve(ref.key) for ref in refs if ref is not None}
    for name in ("l", "ell", "L"):
        if world.facts.habits.layered or world.facts.layers:
            known.add(name)
    return known


def _renamed(piece: Piece, left: Node, attempt: Attempt, equations: Equations) -> Verdict | None:
    """The claim with a name that plays no part read as its neighbour with another label."""
    from dataclasses import replace

    assert piece.right is not None
    world = equations.bench.world(piece.order, settings=attempt.settings, reading=attempt.reading)
    read = _read_names(world)
    names: list[str] = []
    for side in (left, piece.right):
        for node in names_in(side):
            ref = read_name(node, world.facts.habits)
            if ref is not None:
                key = world.facts.resolve(ref.key)
                if key not in names:
                    names.append(key)
    for key in names:
        if key in read or key in world.definitions or key in world.facts.losses or world.is_size(key):
            continue
        base = key.split("_")[0]
        others = [o for o in sorted(read | set(world.definitions)) if o.split("_")[0] == base and o != key]
        others = [o for o in others if "_" in o]
        good = []
        for other in others:
            result = equations.run(piece, left, piece.right, replace(attempt, renamed={key: other}))
            if result.proved:
                good.append(other)
        if len(good) == 1:
            return Verdict(
                Kind.HOLDS_IF,
                proof="symbolically, entry by entry at small sizes",
                assumption=f"{key} stands for {good[0]}",
            )
    return None


def _read_names(world: World) -> set[str]:
    found: set[str] = set()
    for definitions in world.definitions.values():
        for definition in definitions:
            for node in names_in(definition.body):
                ref = read_name(node, world.facts.habits)
                if ref is not None:
                    found.add(world.facts.resolve(ref.key))
    return found


# --- corrections


def correct(
    piece: Piece,
    left: Node,
    attempt: Attempt,
    equations: Equations,
    undefined: frozenset[str],
    outcome: Outcome | None = None,
) -> tuple[str, tuple[Span, ...], str] | None:
    """The corrected LaTeX of a piece, the wrong terms in it, and what was wrong; None where no edit helps."""
    assert piece.right is not None
    try:
        world = equations.bench.world(
            piece.order, settings=attempt.settings, reading=attempt.reading, functions=attempt.functions
        )
        spelled = spellings(equations.pieces, world, piece.order)
        several = term_edits(piece.formula.latex, left, piece.right, world, spelled)
    except SymcnnError:
        several = []
        spelled = {}
    if several:
        latex = _all_applied(piece, several)
        if _true(latex, piece, left, attempt, equations):
            wrong = tuple(_shifted(edit.wrong or edit.span, piece) for edit in several)
            return latex, wrong, "; ".join(dict.fromkeys(edit.what for edit in several))
    if not names_in(piece.right) and not undefined:
        found = _by_value(piece, left, attempt, equations, spelled)
        if found is not None:
            return found
    words = vocabulary(piece, equations, undefined)
    sieve = Sieve(piece, left, attempt, equations, outcome)
    for edit in edits(piece.formula.latex, piece.right, left, words)[:MOST_EDITS]:
        latex = _all_applied(piece, [edit])
        if sieve.passes(_right_side(latex, piece, equations)) and _true(
            latex, piece, left, attempt, equations
        ):
            return latex, (_shifted(edit.wrong or edit.span, piece),), edit.what
    return _by_value(piece, left, attempt, equations, spelled)


class Sieve:
    """A quick test by numbers at one place, which every right side that is true passes."""

    def __init__(
        self, piece: Piece, left: Node, attempt: Attempt, equations: Equations, outcome: Outcome | None
    ) -> None:
        self.world: World | None = None
        if outcome is None or outcome.zero is not Zero.REFUTED:
            return
        try:
            assert piece.right is not None
            world = equations.bench.world(
                piece.order,
                settings=attempt.settings,
                reading=attempt.reading,
                functions=attempt.functions,
                claim=(left, piece.right),
            )
            self.evaluator = Evaluator(world, world.layer_env() | outcome.place)
            self.wanted = self.evaluator.value(left)
            self.world = world
        except SymcnnError:
            return

    def passes(self, right: Node | None) -> bool:
        if right is None:
            return False
        if self.world is None:
            return True
        try:
            have = self.evaluator.value(right)
        except (SymcnnError, IndexError, ValueError, TypeError):
            return False
        if have.shape != self.wanted.shape and not (have.size == self.wanted.size == 1):
            return False
        for x, y in list(zip(self.wanted.flat, have.flat, strict=True))[:4]:
            if refuted(
                self.world, unfold(self.world, sp.sympify(x, strict=True) - sp.sympify(y, strict=True))
            ):
                return False
        return True


def _by_value(
    piece: Piece, left: Node, attempt: Attempt, equations: Equations, spelled: dict[sp.Symbol, str]
) -> tuple[str, tuple[Span, ...], str] | None:
    """A right side that is a number or a name is replaced by the true one."""
    assert piece.right is not None
    from symcnn.notes.compare import decide

    try:
        world = equations.bench.world(piece.order, settings=attempt.settings, reading=attempt.reading)
        value = Evaluator(world, world.layer_env()).scalar(left)
        value = sp.nsimplify(world.expand(value)) if not value.free_symbols else value
    except SymcnnError:
        return None
    if not value.is_Rational:
        return None
    text = str(value) if value.is_Integer else f"\\frac{{{value.p}}}{{{value.q}}}"
    edit = Edit(piece.right.span, text, f"the value is {text}", 0)
    if decide(world, value, sp.Rational(value))[0] is not Zero.PROVED:
        return None
    latex = _all_applied(piece, [edit])
    return latex, (_shifted(edit.span, piece),), edit.what


def _shifted(span: Span, piece: Piece) -> Span:
    return Span(span.start - piece.span.start, span.end - piece.span.start)


def _all_applied(piece: Piece, several: list[Edit]) -> str:
    latex = piece.formula.latex
    shift = 0
    for edit in sorted(several, key=lambda e: e.span.start, reverse=True):
        latex = edit.applied(latex)
        shift += len(edit.text) - (edit.span.end - edit.span.start)
    return latex[piece.span.start : piece.span.end + shift]


def _true(latex: str, piece: Piece, left: Node, attempt: Attempt, equations: Equations) -> bool:
    """Whether the corrected LaTeX is provably true in the place of the piece."""
    right = _right_side(latex, piece, equations)
    if right is None or _repeats(left, right):
        return False
    try:
        return equations.run(piece, left, right, attempt).proved
    except SymcnnError:
        return False


def _repeats(left: Node, right: Node) -> bool:
    """Whether a right side says nothing, because it contains the derivative on the left."""
    from symcnn.notes.tree import same

    for node in walk(right):
        if same(node, left):
            return True
        if (
            isinstance(node, Derivative)
            and isinstance(left, Derivative)
            and (
                node.of is not None
                and left.of is not None
                and same(node.of, left.of)
                and same(node.wrt, left.wrt)
            )
        ):
            return True
    return False


def _right_side(latex: str, piece: Piece, equations: Equations) -> Node | None:
    try:
        tree = as_entries(parse(latex, macros=equations.document.macros), equations.bench.facts.bracketed)
    except SymcnnError:
        return None
    found = pieces([(piece.formula, tree)])
    if len(found) != 1 or found[0].right is None:
        return None
    return found[0].right


def vocabulary(piece: Piece, equations: Equations, undefined: frozenset[str]) -> Vocabulary:
    """The words that corrections may use: what stands in the formulas near the piece first."""
    near = sorted(equations.pieces, key=lambda other: abs(other.order - piece.order))
    names: list[str] = []
    factors: list[str] = []
    bounds: list[str] = []
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
            for node in walk(side):
                text = node.span.of(other.formula.latex)
                match node:
                    case CallOrProduct(head=Script(primes=primes)) if primes:
                        factors.append(text)
                    case BigOperator(upper=Node() as upper):
                        bounds.append(upper.span.of(other.formula.latex))
                    case Symbol(name="gamma" | "beta" | "alpha"):
                        factors.append(text)
                if is_transpose(node) and not transpose:
                    transpose = text
    return Vocabulary(
        tuple(dict.fromkeys(same_place + names))[:16],
        tuple(dict.fromkeys(factors))[:5],
        tuple(dict.fromkeys(bounds))[:6],
        equations.batch_text(),
        transpose or "T",
        undefined,
        _kronecker(near, piece),
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


# --- definitions and chains


def _letters(piece: Piece) -> str:
    assert piece.left is not None
    assert piece.right is not None
    found = []
    for side in (piece.left, piece.right):
        for node in walk(side):
            if isinstance(node, Derivative):
                for end in (node.of, *node.wrt):
                    if end is not None:
                        found.append("".join(letters_of(end)[:1]).lower())
    return " ".join(found)


def against_definition(
    definition: Definition, earlier: Definition, piece: Piece, equations: Equations, outcome: Verdict
) -> Verdict:
    """A definition that contradicts an earlier one."""
    correction = None
    wrong: tuple[Span, ...] = ()
    from symcnn.notes.relabel import relabelled

    found = relabelled(piece, equations)
    if found is not None:
        correction, wrong = found
    return Verdict(
        Kind.INCONSISTENT,
        reason=f"line {earlier.line} defines {definition.key} otherwise: {earlier.latex}",
        related_lines=(earlier.line,),
        correction=correction,
        wrong_terms=wrong,
        diagnosis="one name for two things",
    )


__all__ = ["against_definition", "repaired", "shape_of"]
