"""Derivations: a goal, the named rules applied to it in order, and the means to replay them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.term import Term, total
from symcnn.core.equation import Equation
from symcnn.core.expr import Read, same

State = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may use: the forward equation, and the extents of the cotangent's free indices.

    ``digits`` allows quotients and remainders in positions, where a mixed-radix position fixes several indices.
    """

    equation: Equation
    extents: Mapping[sp.Symbol, sp.Expr]
    digits: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rewriting of terms that keeps their value; returns its input unchanged where it does not apply."""

    name: str
    statement: str
    apply: Callable[[State, Context], State]


@dataclass(frozen=True, slots=True)
class Step:
    """One application of a rule. ``where`` says what was chosen, solved or required."""

    before: State
    after: State
    rule: Rule
    where: str = ""

    @property
    def before_expr(self) -> sp.Expr:
        return total(self.before)

    @property
    def after_expr(self) -> sp.Expr:
        return total(self.after)


@dataclass(frozen=True, slots=True)
class Derivation:
    """``goal = …`` step by step: the cotangent of one tensor through one equation."""

    goal: Read
    equation: Equation
    cotangent: Read
    steps: tuple[Step, ...]
    context: Context

    @property
    def result(self) -> sp.Expr:
        return self.steps[-1].after_expr

    def replay(self) -> bool:
        """Apply every rule again to what stood before it and compare with what the step recorded."""
        return all(
            same(total(step.rule.apply(step.before, self.context)), step.after_expr) for step in self.steps
        ) and all(
            same(first.after_expr, second.before_expr)
            for first, second in zip(self.steps, self.steps[1:], strict=False)
        )
