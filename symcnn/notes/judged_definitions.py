"""Verdicts on definitions: a new name, a restatement, or a contradiction to an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes import chains, rounding
from symcnn.notes.attempts import attempts
from symcnn.notes.claims import Piece
from symcnn.notes.facts import Definition
from symcnn.notes.given_values import known_value
from symcnn.notes.in_force import slot_of
from symcnn.notes.name_parts import names_in
from symcnn.notes.names import read_name
from symcnn.notes.relabel import skeleton
from symcnn.notes.repair import against_definition
from symcnn.notes.tree import Add, Annotated, Decorated, Derivative, Gradient, Group, Node, Number, Script
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import replace as substituted
from symcnn.notes.walking import same, walk

if TYPE_CHECKING:
    from symcnn.notes.judge import Judge


def by_rival(judge: Judge, piece: Piece) -> Verdict | None:
    """What is not false under another definition that the notes give of its name contradicts the one in force."""
    keys = {
        judge.facts.resolve(ref.key)
        for side in (piece.left, piece.right)
        for node in (names_in(side) if side is not None else ())
        if (ref := read_name(node, judge.facts.habits)) is not None
    }
    undecided: Verdict | None = None
    for rival, earlier in judge.rivals:
        in_force = judge.bench.in_force
        if judge.facts.resolve(rival.key) not in keys or earlier not in in_force.accepted:
            continue
        judge.bench.in_force = in_force.replaced(earlier, rival)
        try:
            other = judge.equations.judge(piece, quick=True)
        finally:
            judge.bench.in_force = in_force
        if other.kind is Kind.FAILS:
            continue
        kind = Kind.CANNOT_CHECK if other.kind is Kind.CANNOT_CHECK else Kind.INCONSISTENT
        reason = f"the notes define {rival.key} in two ways, in lines {earlier.line} and {rival.line}"
        found = Verdict(kind, reason=reason, related_lines=(earlier.line, rival.line))
        if kind is Kind.INCONSISTENT:
            return found
        undecided = undecided or found
    return undecided


def definition_verdict(judge: Judge, piece: Piece) -> Verdict:
    definition = judge.definitions.get(piece.order)
    if definition is None:
        return Verdict(Kind.DEFINITION, reason="introduces a function")
    earlier = _earlier(judge, definition)
    if not names_in(definition.body) and _is_used(judge, definition):
        judge.bench.dropped.add(definition.order)
        return Verdict(Kind.DEFINITION, reason="numbers for an example")
    if earlier is None:
        again = known_value(judge.equations, piece)
        if again is not None:
            return again
        return _accept(judge, definition, piece)
    if definition.display:
        return _accept(judge, definition, piece)
    return _again(judge, definition, earlier, piece)


def set_together_verdict(judge: Judge, piece: Piece) -> Verdict:
    """For a chain that sets several names to one number; each of them has it from there on."""
    if piece.order in judge.definitions:
        return definition_verdict(judge, piece)
    return Verdict(Kind.DEFINITION, reason="sets several names to one number")


def set_equal_verdict(judge: Judge, piece: Piece) -> Verdict | None:
    """`w_1 = w_2 = w` sets names equal, where the notes say of the last one nothing else."""
    if piece.first or piece.left is None or piece.right is None:
        return None
    refs = [
        read_name(side, judge.facts.habits) for side in (piece.head or piece.left, piece.left, piece.right)
    ]
    if any(ref is None or ref.indices is not None or ref.power is not None for ref in refs):
        return None
    defined = {definition.key for definition in judge.facts.definitions}
    last = refs[-1]
    if last is None or judge.facts.resolve(last.key) in defined | set(judge.facts.shapes):
        return None
    return Verdict(Kind.DEFINITION, reason="sets names equal")


def _is_used(judge: Judge, definition: Definition) -> bool:
    """Whether a name has a meaning already: it is defined, or read by a definition."""
    if isinstance(bare(definition.body), Number) and definition.key in judge.facts.losses:
        return False
    if definition.key in judge.facts.losses or isinstance(definition.body, Add):
        return False
    in_force = judge.bench.in_force
    return definition.key in in_force.by_key or definition.key in in_force.readers


def _accept(judge: Judge, definition: Definition, piece: Piece) -> Verdict:
    wrong = chains.circle(definition, judge.bench, piece)
    if wrong is not None:
        judge.bench.dropped.add(definition.order)
        return wrong
    judge.bench.in_force.add(definition)
    return Verdict(Kind.DEFINITION, reason="introduces a name")


def _earlier(judge: Judge, definition: Definition) -> Definition | None:
    return judge.bench.in_force.latest.get(slot_of(definition))


def _again(judge: Judge, definition: Definition, earlier: Definition, piece: Piece) -> Verdict:
    """A name that was defined before: a restatement, a new definition, or a contradiction."""
    if isinstance(earlier.body, Derivative | Gradient):
        return judge.equations.judge(piece)
    if isinstance(definition.body, Number) and isinstance(earlier.body, Number):
        return _accept(judge, definition, piece)
    outcome = judge.equations.judge(piece, quick=True)
    if outcome.kind is not Kind.HOLDS and not names_in(definition.body):
        return Verdict(
            Kind.CANNOT_CHECK, reason="a number of an example, whose values are not tied to the names"
        )
    if outcome.kind in (Kind.HOLDS, Kind.HOLDS_IF) and not _same_form(judge, definition, earlier):
        return replace(outcome, related_lines=(earlier.line,))
    if outcome.kind in (Kind.HOLDS, Kind.HOLDS_IF):
        return Verdict(
            Kind.DEFINITION,
            proof=outcome.proof,
            reason="restates a definition",
            related_lines=(earlier.line,),
        )
    example = rounding.by_example(piece, judge.equations) or _with_numbers(judge, definition, earlier, piece)
    if example is not None:
        judge.bench.dropped.add(definition.order)
        return replace(example, related_lines=(earlier.line,))
    wrong = chains.circle(definition, judge.bench, piece)
    if wrong is None and (_announced(judge, piece) or _elsewhere(judge, definition, earlier)):
        judge.bench.in_force.add(definition)
        return Verdict(
            Kind.DEFINITION, reason="defines the name anew from here on", related_lines=(earlier.line,)
        )

    if outcome.kind is Kind.CANNOT_CHECK and _leaves(judge, definition) == _leaves(judge, earlier):
        return replace(outcome, related_lines=(earlier.line,))
    judge.bench.dropped.add(definition.order)
    judge.rivals.append((definition, earlier))
    return against_definition(definition, earlier, piece, judge.equations, outcome)


def _with_numbers(judge: Judge, definition: Definition, earlier: Definition, piece: Piece) -> Verdict | None:
    """The verdict where the earlier definition gives the new one with the numbers of the sentence: |g| = 20."""
    body, words = earlier.body, judge.equations.around.words_before(piece)
    for other in judge.pieces[earlier.order + 1 : piece.order]:
        if other.sign != "=" or other.left is None or not isinstance(other.right, Number):
            continue
        if other.formula.span.start < piece.formula.span.start - len(words):
            continue
        for node in [node for node in walk(body) if same(node, other.left)]:
            body = substituted(body, node, other.right)
    if body is earlier.body:
        return None
    attempt = attempts(judge.equations, piece, body, definition.body)[0]
    if not judge.equations.run(piece, body, definition.body, attempt).proved:
        return None
    how = f"line {earlier.line} with these numbers"
    return Verdict(Kind.HOLDS_IF, proof=how, assumption="the numbers of the example")


def _leaves(judge: Judge, definition: Definition) -> frozenset[str]:
    """The names that a definition comes down to when those that are defined are put in."""
    in_force = judge.bench.in_force
    found: set[str] = set()
    waiting, seen = [definition.body], {definition.key}
    while waiting:
        for node in names_in(waiting.pop()):
            ref = read_name(node, judge.facts.habits)
            key = judge.facts.resolve(ref.key) if ref is not None else ""
            inner = in_force.of_key(key) if key != definition.key else []
            if not inner:
                found.add(key)
            elif key not in seen:
                waiting.append(inner[-1].body)
            seen.add(key)
    return frozenset(found - judge.facts.bound - judge.facts.sizes)


def _same_form(judge: Judge, definition: Definition, earlier: Definition) -> bool:
    """Whether two definitions are the same but for labels and capitals."""
    first, second = judge.pieces[definition.order], judge.pieces[earlier.order]
    return same(definition.body, earlier.body) or skeleton(first) == skeleton(second)


def _announced(judge: Judge, piece: Piece) -> bool:
    """Whether words before a formula announce another definition."""
    words = judge.equations.around.words_before(piece).lower()
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


def _elsewhere(judge: Judge, definition: Definition, earlier: Definition) -> bool:
    """Whether a definition begins a section of its own in which the older one is not used again."""
    sections = judge.bench.sections
    if sections[definition.order] == sections[earlier.order]:
        return False
    later = (d for d in judge.by_slot[slot_of(definition)] if d.order > definition.order)
    return not any(same(d.body, earlier.body) for d in later)


def bare(node: Node | None) -> Node | None:
    while isinstance(node, Script | Decorated | Annotated | Group):
        node = node.base if isinstance(node, Script) else node.body
    return node
