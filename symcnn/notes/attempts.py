"""The readings under which a claim is tried, the one that the notes state first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symcnn.notes.apply import head_name
from symcnn.notes.arguments import function_name
from symcnn.notes.claims import Piece
from symcnn.notes.facts import Cues
from symcnn.notes.families import Reading
from symcnn.notes.opaque import elementary
from symcnn.notes.tree import Call, CallOrProduct, Differential, Node
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations

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
        "latest_first": "in a product over an index the factor of the largest index stands on the left",
        "latest_last": "in a product over an index the factor of the largest index stands on the right",
        "constants": "what the notes write no differential of is constant",
        "across": "the softmax takes each row by itself",
        "down": "the softmax takes each column by itself",
    }.get(name, name)


QUESTIONS = {
    "flipped": "whether the convolution flips the filter, on which this depends",
    "across": "whether the softmax takes rows or columns, on which this depends",
    "latest_first": "in which order the matrices of a product stand",
}
"""Conventions that notes may leave open: the field of `Reading`, and what is not said."""

OTHERWISE = {"flipped": "unflipped", "across": "down", "latest_first": "latest_last"}


def decided(cues: Cues) -> frozenset[str]:
    """The conventions that the prose states."""
    said = {
        "flipped": cues.flipped or cues.unflipped,
        "across": cues.across or cues.down,
        "latest_first": cues.latest_first or cues.latest_last,
    }
    return frozenset(name for name, is_said in said.items() if is_said)


def assumption_of(convention: str, reading: Reading) -> str:
    """What is assumed of a convention under a reading."""
    return convention if getattr(reading, convention) else OTHERWISE[convention]


def turned(attempt: Attempt, convention: str) -> Attempt:
    """The attempt under the other convention, as an assumption."""
    switch: dict[str, bool] = {convention: not getattr(attempt.reading, convention)}
    reading = replace(attempt.reading, **switch)  # type: ignore[arg-type]
    return replace(attempt, reading=reading, assumption=assumption_of(convention, reading))


def attempts(equations: Equations, piece: Piece, left: Node, right: Node) -> list[Attempt]:
    """The readings of a claim, the one that the notes state first."""
    facts = equations.bench.facts
    cues = facts.cues
    layout = (
        "numerator" if cues.numerator_layout else "denominator" if cues.denominator_layout else "gradient"
    )
    if cues.shaped and layout == "numerator":
        layout = "gradient"
    each = EACH.search(equations.document.text) is not None
    base = Reading(
        layout=layout,
        scaled=cues.per_example,
        flipped=cues.flipped,
        across=cues.across,
        latest_first=cues.latest_first,
        each=each,
    )
    settings = dict(equations.around.settings[piece.order])
    batch = batch_size_name(equations)
    if batch and equations.around.single[piece.order]:
        settings[batch] = 1
    functions = frozenset(
        (name, max(r.order for r in rules if r.order < piece.order))
        for name, rules in facts.functions.items()
        if any(r.order < piece.order for r in rules)
    )
    found = [Attempt(base, settings)]
    if functions:
        found.append(Attempt(base, settings, functions))
    for pair in _activations(equations, piece, left, right):
        found.append(Attempt(replace(base, activation=pair), settings, functions, f"{pair[0]} is {pair[1]}"))
    every = found[: 2 if functions else 1]
    for attempt in every:
        if facts.differentials:
            constants = replace(base, constants=True)
            found.append(replace(attempt, reading=constants, assumption="constants"))
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


def _activations(equations: Equations, piece: Piece, left: Node, right: Node) -> list[tuple[str, str]]:
    """A function that the notes do not define, and those that their definitions apply; σ is mostly the logistic one."""
    facts = equations.bench.facts
    written = {ops_name for side in (left, right) for ops_name in applied_names(side)}
    world = equations.bench.world(piece.order)
    bodies = [d.body for ds in world.definitions.values() for d in ds]
    used = {name for body in bodies for name in applied_names(body)}
    missing = sorted(n for n in written - used if elementary(n) is None and n not in facts.functions)
    known = sorted(n for n in used if elementary(n) is not None)
    usual = [
        (name, "sigmoid") for name in ("sigma", "S") if name in written | used and name not in world.functions
    ]
    return [*((a, b) for a in missing[:2] for b in known[:3]), *(usual if not facts.cues.logistic else ())]


def batch_size_name(equations: Equations) -> str | None:
    """The name of the number of examples: the m of a mean in the loss."""
    return "m" if "m" in equations.bench.facts.sizes and not _is_kernel(equations, "m") else None


def _is_kernel(equations: Equations, name: str) -> bool:
    return not any(d.key in equations.bench.facts.losses for d in equations.bench.facts.definitions)
