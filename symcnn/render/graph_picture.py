"""A picture of a graph before it is laid out: boxes with lines of text, and which boxes each of them reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from symcnn.core.errors import SymcnnError

Kind = Literal["value", "layer", "block", "run", "join", "loss"]


@dataclass(frozen=True, slots=True)
class Box:
    """What happens at one place: lines of text, the shape of its result, the names of the boxes that it reads.

    A ``block`` stands for several layers, a ``run`` for several equal blocks in a row, a ``join`` brings values
    together.
    """

    name: str
    lines: tuple[str, ...]
    shape: str = ""
    reads: tuple[str, ...] = ()
    kind: Kind = "layer"


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in order of computation. Raises SymcnnError where a box reads one that does not come before it."""

    boxes: tuple[Box, ...]
    caption: str

    def __post_init__(self) -> None:
        known: set[str] = set()
        for box in self.boxes:
            strange = [name for name in box.reads if name not in known]
            if strange or box.name in known:
                raise SymcnnError(
                    f"expected boxes of new names that read boxes before them, got {box.name} reading {strange}"
                )
            known.add(box.name)

    @property
    def is_chain(self) -> bool:
        """Whether each box reads the one before it and nothing else."""
        before = [(), *((box.name,) for box in self.boxes)]
        return all(box.reads == read for box, read in zip(self.boxes, before, strict=False))
