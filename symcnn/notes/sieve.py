"""A quick test by numbers of right sides that may be the true one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import Piece
from symcnn.notes.compare import Outcome
from symcnn.notes.decide import unfold
from symcnn.notes.evaluate import Evaluator
from symcnn.notes.places import generic
from symcnn.notes.tree import Node
from symcnn.notes.trials import vanishes
from symcnn.notes.world import World
from symcnn.notes.zero import Zero

if TYPE_CHECKING:
    from symcnn.notes.attempts import Attempt
    from symcnn.notes.equation import Equations

MOST_ENTRIES = 4


class Sieve:
    """Numbers at the place where the claim was refuted: a right side that is true gives those of the left side."""

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
            self.evaluator = Evaluator(world, world.layer_env() | outcome.place | generic(world, left))
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
        for x, y in list(zip(self.wanted.flat, have.flat, strict=True))[:MOST_ENTRIES]:
            difference = unfold(self.world, sp.sympify(x, strict=True) - sp.sympify(y, strict=True))
            if not vanishes(self.world, difference):
                return False
        return True
