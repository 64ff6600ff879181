"""A picture of a graph before it is laid out: boxes with lines of text, and which boxes each of them reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


def pages(picture: Picture, most: int) -> tuple[Picture, ...]:
    """The picture cut into pictures of about ``most`` boxes, at boxes that no edge passes by.

    A part begins with the box in which the part before it ends.
    """
    boxes = picture.boxes
    place = {box.name: k for k, box in enumerate(boxes)}
    last = list(range(len(boxes)))
    for k, box in enumerate(boxes):
        for name in box.reads:
            last[place[name]] = k
    cuts = [k for k in range(1, len(boxes) - 1) if max(last[:k]) <= k]
    starts = [0]
    while len(boxes) - starts[-1] > most and cuts and cuts[-1] > starts[-1]:
        later = [k for k in cuts if k > starts[-1]]
        starts.append(max((k for k in later if k < starts[-1] + most), default=later[0]))
    if len(starts) == 1:
        return (picture,)
    found = []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(boxes) - 1], strict=True), start=1):
        first = (
            boxes[start]
            if not start
            else replace(boxes[start], lines=(boxes[start].name,), reads=(), kind="value")
        )
        found.append(
            Picture((first, *boxes[start + 1 : end + 1]), f"{picture.caption} ({number} of {len(starts)})")
        )
    return tuple(found)
