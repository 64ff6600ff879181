"""Kinds for all sizes from kinds that were stated at fixed ones: y[n,k] with 10 classes holds for any number of them.

A kind without numbers for extents is derived and proved once however many sizes it meets, and small sizes show what
84 × 10 entries would show slowly. The numbers come back as the sizes of a layer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count

from symcnn.core.errors import SymcnnError
from symcnn.nets.kind import LayerKind

Sizes = dict[str, int]
NUMBER = re.compile(r"[0-9]+")
WORD = re.compile(r"[A-Za-z_]\w*")
PLACED = re.compile(r"\[[^\]]*\b([2-9]|[0-9]{2,})\b")  # a number above 1 inside of brackets


def general(kind: LayerKind) -> tuple[LayerKind, Sizes]:
    """The kind with letters for the numbers in its shapes, and those numbers; itself where its equations need them.

    One number is one letter wherever it stands, so that axes that were equal stay equal. Positions and windows that
    are numbers belong to those shapes: at other sizes they might read nothing but what is outside.
    """
    numbers = {n for _, shape in kind.shapes for n in map(str.strip, shape.split(",")) if NUMBER.fullmatch(n)}
    wanted = sorted({int(n) for n in numbers} - {0, 1})
    if not wanted or PLACED.search(kind.formula):
        return kind, {}
    taken = set(WORD.findall(" ".join((kind.formula, *(s for _, s in kind.shapes), *dict(kind.defaults)))))
    free = (name for k in count(1) if (name := f"D{k}") not in taken)
    letters = {number: next(free) for number in wanted}
    shapes = tuple((tensor, _lettered(shape, letters)) for tensor, shape in kind.shapes)
    found = replace(kind, shapes=shapes)
    try:
        found.system()
    except SymcnnError:
        return kind, {}
    return found, {letter: number for number, letter in letters.items()}


def _lettered(shape: str, letters: dict[int, str]) -> str:
    axes = [axis.strip() for axis in shape.split(",")]
    return ",".join(letters.get(int(axis), axis) if NUMBER.fullmatch(axis) else axis for axis in axes)
