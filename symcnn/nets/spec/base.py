"""A layer before it knows its input."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue import BUILDERS, standard
from symcnn.nets.kind import LayerKind

Size = int | Fraction


@dataclass(frozen=True, slots=True)
class Spec:
    """A layer before it knows its input: the family, its given sizes and parameters, its name and its inputs.

    ``arguments`` choose the form of the family's equations, ``sizes`` give values to their symbols, ``expects`` are
    sizes that the input must have. ``inputs`` names the layers or values that the layer reads; without it, it reads
    the layer before.
    """

    family: str
    sizes: tuple[tuple[str, Size], ...] = ()
    expects: tuple[tuple[str, int], ...] = field(default=())
    name: str = ""
    inputs: tuple[str, ...] = ()
    arguments: tuple[tuple[str, object], ...] = ()

    def on(self, *inputs: str) -> Spec:
        """The same layer reading the named layers or values."""
        return replace(self, inputs=inputs)

    def kind(self, ranks: Sequence[int]) -> LayerKind:
        """The layer of this family for data of these numbers of axes. Raises ShapeError, UnknownName."""
        given = dict(self.arguments)
        for name, value in (("rank", ranks[0]), ("other_rank", ranks[-1]), ("count", len(ranks))):
            if name in inspect.signature(BUILDERS[self.family]).parameters:
                given.setdefault(name, value)
        found = standard(self.family, **given)
        wanted = [found.tensor(x).rank for x in found.data]
        if wanted != list(ranks):
            got = " and ".join(f"a tensor of {rank} axes" for rank in ranks)
            needed = " and ".join(str(rank) for rank in wanted)
            raise ShapeError(
                f"{self.name or self.family}: expected data of {needed} axes, got {got} (with the batch)"
            )
        return found
