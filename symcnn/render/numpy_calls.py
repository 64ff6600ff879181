"""Functions of a module that stand for blocks: what they are called with beside the values that reach them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symcnn.core.plan import Plan, Procedure
from symcnn.program.array import Called
from symcnn.program.build import Program, Routine
from symcnn.program.steps import Step


@dataclass(frozen=True, slots=True)
class Function:
    """The function pair of a procedure: ``name`` and ``name_backward``."""

    name: str
    procedure: Procedure
    training: bool
    rng: bool

    @property
    def gradients(self) -> bool:
        """Whether it has parameters of its own."""
        return bool(self.procedure.gradients)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it is given beside parameters and values, by name."""
        state = ("state",) if self.procedure.state and not self.procedure.explicit else ()
        modes = (*(("training",) if self.training else ()), *(("rng",) if self.rng else ()))
        return (*(label.name for label in self.procedure.labels), *state, *modes)

    def extras(self, place: str) -> list[str]:
        """What a call hands on, for the block of this name."""
        return [f'part(state, "{place}")' if name == "state" else name for name in self.arguments]


def functions_of(program: Program, taken: Iterable[str]) -> dict[str, Function]:
    """A function for each procedure, inner blocks first; ``taken`` are names that have another meaning."""
    used = set(taken)
    found: dict[str, Function] = {}
    for routine in program.routines:
        name, count = routine.procedure.name, 1
        while name in used or f"{name}_backward" in used:
            count += 1
            name = f"{routine.procedure.name}_{count}"
        used |= {name, f"{name}_backward"}
        found[routine.procedure.name] = Function(
            name, routine.procedure, has_modes(routine.forward, found), has_draws(routine, found)
        )
    return found


def has_modes(steps: Sequence[Step], functions: dict[str, Function]) -> bool:
    """Whether some step, here or in a block that is called, differs between training and evaluation."""
    return any(
        step.evaluation is not None
        or step.training
        or (isinstance(step.node, Called) and functions[step.node.call.procedure].training)
        for step in steps
    )


def has_draws(drawn: Routine | Program, functions: dict[str, Function]) -> bool:
    """Whether masks are drawn, here or in a block that is called."""
    owner: Procedure | Plan = drawn.procedure if isinstance(drawn, Routine) else drawn.plan
    calls = [step.node.call for step in drawn.forward if isinstance(step.node, Called)]
    return bool(owner.draws) or any(functions[call.procedure].rng for call in calls)
