"""Known cases: under a term's own conditions other comparisons of the same two sides are decided."""

from __future__ import annotations

import sympy as sp
from sympy.logic.boolalg import Boolean

from symcnn.calculus.derivation import Context, State
from symcnn.calculus.term import Term
from symcnn.core.expr import rebind

ABOVE = {sp.Gt: True, sp.Ge: True, sp.Ne: True, sp.Lt: False, sp.Le: False, sp.Eq: False}
BELOW = {sp.Lt: True, sp.Le: True, sp.Ne: True, sp.Gt: False, sp.Ge: False, sp.Eq: False}
DECIDED: dict[type, dict[type, bool]] = {
    sp.Gt: ABOVE,
    sp.Lt: BELOW,
    sp.Ge: {sp.Ge: True, sp.Lt: False},
    sp.Le: {sp.Le: True, sp.Gt: False},
    sp.Eq: {sp.Eq: True, sp.Ge: True, sp.Le: True, sp.Ne: False, sp.Gt: False, sp.Lt: False},
    sp.Ne: {sp.Ne: True, sp.Eq: False},
}


def known_cases(state: State, context: Context) -> State:
    """Inside a case its condition is true: what it decides in the term is decided, what it implies is dropped."""
    return tuple(map(_known, state))


def _known(term: Term) -> Term:
    compared = [c for c in term.conditions if type(c) in DECIDED]
    if not compared:
        return term
    kept: list[Boolean] = list(term.conditions)
    for condition in compared:
        others = [other for other in compared if other != condition and other in kept]
        verdicts = {_decided(condition, other) for other in others}
        if False in verdicts:
            return Term(sp.S.Zero, term.limits, term.conditions, term.deltas)
        if True in verdicts:
            kept.remove(condition)
    decided = {
        comparison: sp.true if verdict else sp.false
        for comparison in sorted(term.factor.atoms(*DECIDED), key=sp.default_sort_key)
        for verdict in [next((v for v in (_decided(comparison, c) for c in kept) if v is not None), None)]
        if verdict is not None
    }
    if len(kept) == len(term.conditions) and not decided:
        return term
    return Term(rebind(term.factor, decided), term.limits, tuple(kept), term.deltas)


def _decided(comparison: sp.Basic, given: sp.Basic) -> bool | None:
    """Whether ``given`` makes a comparison of the same two sides true or false; None where it says nothing."""
    if type(given) not in DECIDED or comparison.args != given.args:
        return None
    return DECIDED[type(given)].get(type(comparison))
