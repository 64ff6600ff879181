"""Pullbacks: from an equation and the cotangent of its target to the cotangents of what it reads.

For ``y[f] = body`` the cotangent of ``T`` at ``t`` is ``Σ_{f,b} ȳ[f] · ∂body/∂T[α(f,b)] · Π δ(α_k(f,b), t_k)``; the
deltas are contracted, the rest is algebra. No layer has a rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symcnn.calculus import cases, contract, simplify
from symcnn.calculus.derivation import Context, Derivation, Rule, State, Step
from symcnn.calculus.spread import spread, with_indices
from symcnn.calculus.term import Term
from symcnn.core.equation import Equation, Index
from symcnn.core.errors import UnknownName
from symcnn.core.expr import Read, reads, rebind
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.index import fresh, index
from symcnn.core.plan import Scatter
from symcnn.core.tensor import Tensor

RULES = (
    Rule(
        "delta contraction",
        "a sum over an index that a delta fixes is a substitution; its divisibility and range conditions stay",
        contract.contract,
    ),
    Rule(
        "known cases",
        "inside a case its condition is true, and what it says of other comparisons of the same two sides",
        cases.known_cases,
    ),
    Rule(
        "own output",
        "the derivative is written with the value that the forward pass has computed",
        simplify.own_output,
    ),
    Rule(
        "named function", "1/(1 + exp(−z)) is σ(z), log(1 + exp(z)) is softplus(z)", simplify.name_functions
    ),
    Rule("zero outside", "a condition is dropped where a read that is 0 outside carries it", contract.absorb),
    Rule("common denominator", "fractions are brought to one denominator", simplify.common_denominator),
    Rule("expand", "the numerator is multiplied out", simplify.expand_numerator),
    Rule("cancel", "equal terms and factors cancel", simplify.cancel),
    Rule(
        "collect",
        "what does not depend on an index stands before its sum; equal terms are added",
        simplify.collect,
    ),
)


@dataclass(frozen=True, slots=True)
class Gradient:
    """The cotangent of one tensor through one equation.

    ``equation`` is the gather form with exact bounds; ``scatters`` the same before the deltas were contracted.
    """

    of: Tensor
    equation: Equation
    derivation: Derivation

    @property
    def scatters(self) -> tuple[Scatter, ...]:
        """Each term before contraction, as an addition at its positions."""
        start = self.derivation.steps[0].after
        return tuple(_scatter(term, self.of, self.derivation.context) for term in start)


def differentiation(
    policy: KinkPolicy, cotangent: Read, tensor: Tensor, indices: tuple[sp.Symbol, ...]
) -> Rule:
    """The first rule of every pullback: each read of ``tensor`` contributes its coefficient."""

    def apply(state: State, context: Context) -> State:
        equation = context.equation
        names = {i.symbol: fresh(i.symbol.name) for i in equation.free}
        limits = tuple((names[i.symbol], i.extent) for i in equation.free)
        terms = []
        for term in spread(equation.body, tensor, cotangent, policy):
            moved = with_indices(term, indices).substituted(names)
            terms.append(Term(moved.factor, (*limits, *moved.limits), moved.conditions, moved.deltas))
        return tuple(terms)

    return Rule(
        "differentiate",
        "each read contributes its coefficient, with a delta for every axis (linearity, product and chain rule)",
        apply,
    )


def cotangent_indices(equation: Equation, tensor: Tensor) -> tuple[sp.Symbol, ...]:
    """Names for the cotangent's axes: those by which the equation reads the tensor, else h, w, …; all distinct.

    No other symbol, index or tensor of the equation has a name that is given here.
    """
    every = [read for read in reads(equation.body) if read.tensor == tensor]
    known = (equation.target, equation.body, *tensor.shape, *equation.extents.values())
    symbols = {s.name for e in known for s in e.atoms(sp.Symbol)}
    named = symbols | {t.name for t in (equation.tensor, *equation.inputs)}
    spare = iter(
        [letter for letter in "hwtvqabcdefg" if letter not in named] + [f"h{k}" for k in range(2, 40)]
    )
    taken = symbols - {k.name for k in equation.extents}
    chosen: list[str] = []
    for axis in range(tensor.rank):
        plain = [read.at[axis].name for read in every if read.at[axis].is_Symbol]
        name = next((n for n in plain if n[:1].islower()), None) or next(spare)
        base, count = name, 1
        while name in taken:
            count += 1
            name = f"{base}{count}"
        taken.add(name)
        chosen.append(name)
    return tuple(index(name) for name in chosen)


def pullback(
    equation: Equation,
    tensor: Tensor,
    cotangent: Tensor | None = None,
    *,
    policy: KinkPolicy = FIRST,
    digits: bool = True,
) -> Gradient:
    """The cotangent of ``tensor`` through ``equation``, whose target has the given cotangent.

    Raises UnknownName where the equation does not read the tensor.
    """
    if tensor not in equation.inputs:
        raise UnknownName(
            f"{equation.tensor.name} does not depend on {tensor.name}; it reads {', '.join(t.name for t in equation.inputs)}"
        )
    seed = Read(cotangent or equation.tensor.cotangent(), equation.target.at)
    indices = cotangent_indices(equation, tensor)
    goal = Read(tensor.cotangent(), indices)
    context = Context(equation, dict(zip(indices, tensor.shape, strict=True)), digits)
    rule = differentiation(policy, seed, tensor, indices)
    start: State = rule.apply((), context)
    steps = [Step((), start, rule, _kinks(start))]
    state = start
    for rule in RULES:
        after = rule.apply(state, context)
        if after != state:
            steps.append(Step(state, after, rule, _note(rule, state, after)))
            state = after
    derivation = Derivation(goal, equation, seed, tuple(steps), context)
    free = tuple(Index(k, e) for k, e in zip(indices, tensor.shape, strict=True))
    return Gradient(tensor, Equation(goal, derivation.result, free), derivation)


def _scatter(term: Term, tensor: Tensor, context: Context) -> Scatter:
    """A term before contraction, as an addition at its positions; written with the own output where that is simpler."""
    plain = Term(term.factor, term.limits, term.conditions)
    for rule in RULES:
        if rule.apply not in (contract.contract, contract.absorb, simplify.collect):
            plain = rule.apply((plain,), context)[0]
    target = Read(tensor.cotangent(), [position for position, _ in term.deltas])
    body = Term(plain.factor, (), plain.conditions).expr()
    return Scatter(target, body, term.limits)


def _kinks(state: State) -> str:
    kinds: list[str] = []
    for term in state:
        if any(type(n).__name__ == "Selected" for n in sp.preorder_traversal(term.factor)):
            kinds.append("the maximum selects one entry")
        if term.conditions:
            kinds.append("cases pass the derivative to the branch taken")
    return "; ".join(dict.fromkeys(kinds))


def _note(rule: Rule, before: State, after: State) -> str:
    if rule.name != "delta contraction":
        return ""
    notes = []
    for term, contracted in zip(before, after, strict=True):
        gone = [k for k in term.indices if k not in contracted.indices]
        notes.append(f"fixes {', '.join(k.name for k in gone)}" if gone else "no index is fixed")
    return "; ".join(dict.fromkeys(notes))


def cotangents(
    equations: tuple[Equation, ...], wrt: list[Tensor], *, policy: KinkPolicy = FIRST, digits: bool = True
) -> list[tuple[Equation, list[Gradient]]]:
    """The reverse sweep through a list of equations: for each tensor, its cotangent and the gradients that add up in it.

    The cotangent of the last target is given; those of intermediate values are defined before they are used.
    """
    needed = _needed(equations, wrt)
    pieces: dict[str, list[Gradient]] = {}
    results: list[tuple[Equation, list[Gradient]]] = []
    for equation in reversed(equations):
        if equation.tensor in needed and equation is not equations[-1]:
            results.append(_summed(equation.tensor, pieces.get(equation.tensor.name, [])))
        elif equation is not equations[-1]:
            continue
        for tensor in equation.inputs:
            if tensor in needed:
                pieces.setdefault(tensor.name, []).append(
                    pullback(equation, tensor, policy=policy, digits=digits)
                )
    results.extend(_summed(tensor, pieces.get(tensor.name, [])) for tensor in wrt)
    return results


def _needed(equations: tuple[Equation, ...], wrt: list[Tensor]) -> list[Tensor]:
    needed = list(wrt)
    for equation in equations:
        if any(tensor in needed for tensor in equation.inputs):
            needed.append(equation.tensor)
    return needed


def _summed(tensor: Tensor, parts: list[Gradient]) -> tuple[Equation, list[Gradient]]:
    """dT = the sum of its parts, under the indices of the first."""
    if not parts:
        indices = tuple(index(f"k{axis}") for axis in range(tensor.rank))
        free = tuple(Index(k, e) for k, e in zip(indices, tensor.shape, strict=True))
        return Equation(Read(tensor.cotangent(), indices), sp.S.Zero, free), []
    first = parts[0].equation
    body = first.body
    for part in parts[1:]:
        renaming = {k.symbol: m.symbol for k, m in zip(part.equation.free, first.free, strict=True)}
        body = body + rebind(part.equation.body, renaming)
    return Equation(first.target, body, first.free), parts
