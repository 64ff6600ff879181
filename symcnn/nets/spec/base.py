"""A layer before it knows its input."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue import BUILDERS, standard
from symcnn.nets.catalogue.axes import SPATIAL, Axis
from symcnn.nets.kind import LayerKind

Size = int | Fraction
Sized = tuple[tuple[str, Size], ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A layer before it knows its input: the family, its given sizes and parameters, its name and its inputs.

    ``arguments`` choose the form of the family's equations, ``sizes`` give values to their symbols, ``expects`` are
    sizes that the input must have. ``inputs`` names the layers or values that the layer reads; without it, it reads
    the layer before. ``momentum`` is the share of a batch's statistics in running ones, None where there are none.
    ``drawn`` marks a layer whose labels are masks of zeros and ones, drawn for each step of training; in evaluation it
    is the identity.
    """

    family: str
    sizes: Sized = ()
    expects: tuple[tuple[str, int], ...] = field(default=())
    name: str = ""
    inputs: tuple[str, ...] = ()
    arguments: tuple[tuple[str, object], ...] = ()
    momentum: Fraction | None = None
    drawn: bool = False

    @property
    def alone(self) -> bool:
        """Whether the layer reads no value of the network, only its own tensors."""
        return False

    def on(self, *inputs: str) -> Spec:
        """The same layer reading the named layers or values; after them, a loss may name its labels."""
        return replace(self, inputs=inputs)

    def fitted(self, shape: Sequence[int]) -> Spec:
        """The same layer with what its form owes to the extents that reach it (without the batch and channels).

        Adaptive pooling into equal bins is pooling; a window that fits in whole steps needs no ceiling.
        """
        axes, sizes, arguments = SPATIAL[: len(shape)], dict(self.sizes), dict(self.arguments)
        bins = [sizes.get(axis.output) for axis in axes]
        if self.family.startswith("adaptive_avg_pool") and all(bins):
            if all(extent % int(n) == 0 for extent, n in zip(shape, bins, strict=True) if n):
                windows = [extent // int(n) for extent, n in zip(shape, bins, strict=True) if n]
                names = [
                    (name, r) for a, r in zip(axes, windows, strict=True) for name in (a.extent, a.stride)
                ]
                return replace(self, family=self.family.removeprefix("adaptive_"), sizes=tuple(names))
        elif arguments.get("ceil_mode") and all(axis.extent in sizes for axis in axes):
            ceiled = [_outputs(extent, axis, sizes, True) for extent, axis in zip(shape, axes, strict=True)]
            if ceiled == [
                _outputs(extent, axis, sizes, False) for extent, axis in zip(shape, axes, strict=True)
            ]:
                rest = tuple(pair for pair in self.arguments if pair[0] != "ceil_mode")
                return replace(self, arguments=rest)
            given = tuple((axis.output, n) for axis, n in zip(axes, ceiled, strict=True))
            return replace(self, sizes=(*self.sizes, *given))
        return self

    def kind(self, ranks: Sequence[int], training: bool = True) -> LayerKind:
        """The layer of this family for data of these numbers of axes. Raises ShapeError, UnknownName.

        Without ``training`` a layer with running statistics is given them.
        """
        given = dict(self.arguments)
        known = inspect.signature(BUILDERS[self.family]).parameters
        for name, value in (("rank", ranks[0]), ("other_rank", ranks[-1]), ("count", len(ranks))):
            if name in known:
                given.setdefault(name, value)
        if self.momentum is not None and not training:
            given["training"] = False
        found = standard(self.family, **given)
        wanted = [found.tensor(x).rank for x in found.data]
        if wanted != list(ranks):
            got = " and ".join(f"a tensor of {rank} axes" for rank in ranks)
            needed = " and ".join(str(rank) for rank in wanted)
            raise ShapeError(
                f"{self.name or self.family}: expected data of {needed} axes, got {got} (with the batch)"
            )
        return found


def _outputs(extent: int, axis: Axis, sizes: dict[str, Size], ceiling: bool) -> int:
    """How often a window fits; with a ceiling also where it only begins inside the input or the padding before it."""
    window, step = int(sizes[axis.extent]), int(sizes[axis.stride])
    before, dilation = int(sizes.get(axis.padding, 0)), int(sizes.get(axis.dilation, 1))
    room = extent + 2 * before - dilation * (window - 1) - 1
    if not ceiling:
        return room // step + 1
    count = -(-room // step) + 1
    return count - 1 if (count - 1) * step >= extent + before else count
