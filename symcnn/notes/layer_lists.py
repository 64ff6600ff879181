"""Lists of layers in running text: sizes of volumes and numbers of parameters that follow from line to line.

`INPUT: 32x32x3`, then a line for each layer, such as `CONV, 16 filters of 5x5, stride 1, pad 2`. What a line leaves open
leaves open all that follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.notes.marks import Span

_BY = r"\s*(?:\$?\s*\\times\s*\$?|×|x|by)\s*"
_NUMBER = r"(\d[\d,]*)"
INPUT = re.compile(rf"\binputs?\b[^.\n]{{0,40}}?(\d+){_BY}(\d+){_BY}(\d+)", re.I)
CONV = re.compile(rf"\b(\d+)\s+(?:filters?|kernels?)\s+(?:of\s+)?(?:size\s+)?\$?(\d+){_BY}(\d+)", re.I)
POOL = re.compile(rf"\bpool\w*\b[^.\n]{{0,20}}?\$?(\d+){_BY}(\d+)", re.I)
DENSE = re.compile(
    r"\b(?:FC|fully[- ]connected|dense|linear)\b[^.\n]{0,40}?(\d+)\s+(?:outputs?|units|neurons|classes)"
)
STRIDE = re.compile(r"\bstride\s+(?:of\s+)?(\d+)", re.I)
PAD = re.compile(r"\bpad(?:ding)?\s+(?:of\s+)?(\d+)", re.I)
NO_PAD = re.compile(r"\b(?:no|without|zero)\s+(?:zero[- ])?padding|\bunpadded\b|\bvalid\b", re.I)
NO_BIAS = re.compile(r"\b(?:no|without)\s+(?:any\s+)?bias", re.I)
VOLUME = re.compile(
    rf"\b(?:volume|output|size|result|map)s?\b[^.\n;]{{0,30}}?\$?((\d+){_BY}(\d+){_BY}(\d+))", re.I
)
PARAMETERS = re.compile(rf"\b(?:layer|it|this|which)\s+has\s+({_NUMBER}\s+(?:\w+\s+)?parameters)")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a line states, its place, and what follows from the lines before."""

    span: Span
    stated: str
    true: str
    how: str


Volume = tuple[int, int, int]


def listed_layers(text: str) -> Iterator[Listed]:
    """The sizes and numbers of parameters that lists of layers state, where they can be computed."""
    volume: Volume | None = None
    for line in re.finditer(r"[^\n]+", text):
        begin = INPUT.search(line[0])
        if begin is not None:
            volume = int(begin[1]), int(begin[2]), int(begin[3])
            continue
        kinds = [match for kind in (CONV, POOL, DENSE) for match in kind.finditer(line[0])]
        if len(kinds) > 1:
            volume = None
            continue
        before, layer = volume, _layer(line[0], volume)
        if layer is None:
            continue
        volume, weights, biases, end = layer
        if weights is not None:
            yield from _parameters(line, weights, biases)
        if before is not None and volume is not None:
            yield from _volumes(line, end, volume)


def _layer(line: str, volume: Volume | None) -> tuple[Volume | None, int | None, int, int] | None:
    """What comes out of a layer, its weights and biases, and where its description ends; None for no layer."""
    conv, pool, dense = CONV.search(line), POOL.search(line), DENSE.search(line)
    stride = STRIDE.search(line)
    if conv is not None:
        maps, rows, columns = (int(conv[k]) for k in (1, 2, 3))
        pad = PAD.search(line)
        padding = int(pad[1]) if pad is not None else 0 if NO_PAD.search(line) else None
        step = int(stride[1]) if stride is not None else 1
        out = _window(volume, (rows, columns), step, padding)
        weights = maps * rows * columns * volume[2] if volume is not None else None
        return (out and (*out, maps)), weights, 0 if NO_BIAS.search(line) else maps, conv.end()
    if pool is not None:
        rows, columns = int(pool[1]), int(pool[2])
        out = _window(volume, (rows, columns), int(stride[1]) if stride is not None else rows, 0)
        return (out and volume and (*out, volume[2])), None, 0, pool.end()
    if dense is not None:
        units = int(dense[1])
        weights = units * volume[0] * volume[1] * volume[2] if volume is not None else None
        return (1, 1, units), weights, 0 if NO_BIAS.search(line) else units, dense.end()
    return None


def _window(
    volume: Volume | None, window: tuple[int, int], stride: int, padding: int | None
) -> tuple[int, int] | None:
    """The sides of what a window gives that moves over a volume; None where something is left open."""
    if volume is None or padding is None or stride < 1:
        return None
    rows, columns = (
        (side + 2 * padding - width) // stride + 1 for side, width in zip(volume[:2], window, strict=True)
    )
    return (rows, columns) if min(rows, columns) > 0 else None


def _parameters(line: re.Match[str], weights: int, biases: int) -> Iterator[Listed]:
    for match in PARAMETERS.finditer(line[0]):
        span = Span(line.start() + match.start(1), line.start() + match.end(1))
        true = weights + biases
        shown = f"{true:,}" if "," in match[2] else str(true)
        how = f"{weights} weights and {biases} biases"
        yield Listed(span, match[1], match[1].replace(match[2], shown, 1), how)


def _volumes(line: re.Match[str], end: int, volume: Volume) -> Iterator[Listed]:
    for match in VOLUME.finditer(line[0], end):
        true = match[1]
        for k, size in reversed(list(zip((2, 3, 4), volume, strict=True))):
            start, stop = match.start(k) - match.start(1), match.end(k) - match.start(1)
            true = true[:start] + str(size) + true[stop:]
        span = Span(line.start() + match.start(1), line.start() + match.end(1))
        yield Listed(span, match[1], true, "the size that follows from the lines before")
