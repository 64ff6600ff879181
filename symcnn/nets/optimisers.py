"""Descent steps as update equations, entry by entry: p the parameter, g its gradient, q the parameter afterwards.

They are no part of a network's mathematics; they are lowered to code like any other equation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from symcnn.core.equation import System
from symcnn.core.infer import parse

SUTSKEVER = "Sutskever et al. 2013, as in PyTorch"
KINGMA = "Kingma and Ba 2015, algorithm 1"


@dataclass(frozen=True, slots=True)
class Update:
    """One way to descend. ``memory`` maps what is remembered between steps to its value after the step.

    ``equations`` define q last; ``variant``, where there is one, is another definition of q, chosen by ``option``.
    """

    name: str
    source: str
    equations: str
    memory: tuple[tuple[str, str], ...]
    defaults: tuple[tuple[str, str], ...]
    variant: str = ""
    option: str = ""

    def system(self) -> System:
        """The equations."""
        return _system(self, self.equations)

    def varied(self) -> System | None:
        """The equations with the variant in place of the last, where there is one."""
        if not self.variant:
            return None
        return _system(self, "\n".join([*self.equations.split("\n")[:-1], self.variant]))


@cache
def _system(update: Update, text: str) -> System:
    return parse(text, dict.fromkeys(("p", "g", *dict(update.memory)), "K"))


MOMENTUM = Update(
    "momentum",
    SUTSKEVER,
    "d[k] = g[k] + weight_decay*p[k]\nw[k] = momentum*v[k] + d[k]\nq[k] = p[k] - lr*w[k]",
    (("v", "w"),),
    (("momentum", "0.9"), ("weight_decay", "0.0")),
    "q[k] = p[k] - lr*(d[k] + momentum*w[k])",
    "nesterov",
)
ADAM = Update(
    "adam",
    KINGMA,
    "d[k] = g[k] + weight_decay*p[k]\n"
    "a[k] = beta1*m[k] + (1 - beta1)*d[k]\n"
    "b[k] = beta2*v[k] + (1 - beta2)*d[k]**2\n"
    "q[k] = p[k] - lr*(a[k]/(1 - beta1**t))/(sqrt(b[k]/(1 - beta2**t)) + eps)",
    (("m", "a"), ("v", "b")),
    (("beta1", "0.9"), ("beta2", "0.999"), ("eps", "1e-8"), ("weight_decay", "0.0")),
)
