"""Layout of a picture: a chain in rows, any other graph in ranks from top to bottom, skips beside the boxes.

Units are pixels of a page on which text is 14 high.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from symcnn.render.graph_picture import Box, Picture
from symcnn.render.graph_ranks import Spot, ordered, reach, settle, spots_of

LETTER, LINE, PAD = 7.2, 18.0, 12.0
ACROSS, DOWN = 26.0, 38.0
ROOM = 940.0
BEHIND = 5.0  # how far the second box of a run looks out

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A box in its place: the middle of its upper edge, width and height."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a curve that ends at ``to``: straight, or bent towards two control points."""

    to: Point
    bend: tuple[Point, Point] | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """An arrow from ``start`` along its pieces."""

    start: Point
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A shape beside an arrow that leaves a box: where it starts, or ends where it stands ``before`` the arrow."""

    text: str
    at: Point
    before: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything in its place, inside a page of some width and height."""

    width: float
    height: float
    rectangles: tuple[Rectangle, ...]
    curves: tuple[Curve, ...]
    labels: tuple[Label, ...]


def drawing(picture: Picture) -> Drawing:
    """The picture with every box, arrow and label in its place."""
    return _rows(picture) if picture.is_chain else _ranks(picture)


def _width(box: Box) -> float:
    return max(52.0, LETTER * max(map(len, box.lines)) + 2 * PAD)


def _height(box: Box) -> float:
    return LINE * len(box.lines) + PAD


# -- a chain in rows -----------------------------------------------------------------------------------------


def _rows(picture: Picture) -> Drawing:
    """Boxes of one size from left to right, row under row; shapes stand in the boxes."""
    boxes = [replace(box, lines=(*box.lines, box.shape) if box.shape else box.lines) for box in picture.boxes]
    wide = max(_width(box) for box in boxes)
    most = max(1, int((ROOM + ACROSS) // (wide + ACROSS)))
    count = -(-len(boxes) // most)
    length = -(-len(boxes) // count)
    found: list[Rectangle] = []
    curves: list[Curve] = []
    y = 4.0
    for start in range(0, len(boxes), length):
        row = boxes[start : start + length]
        tall = max(_height(box) for box in row)
        for place, box in enumerate(row):
            x = 4.0 + wide / 2 + place * (wide + ACROSS)
            if found:
                curves.append(_turn(found[-1], x, y, tall, place == 0))
            found.append(Rectangle(box, x, y, wide, tall))
        y += tall + DOWN
    return Drawing(8 + length * (wide + ACROSS) - ACROSS, y - DOWN + 4, tuple(found), tuple(curves), ())


def _turn(before: Rectangle, x: float, y: float, tall: float, new: bool) -> Curve:
    """The arrow from one box of a chain to the next, which may begin a row."""
    if not new:
        middle = y + tall / 2
        return Curve((before.x + before.width / 2, middle), (Piece((x - before.width / 2, middle)),))
    bottom = before.y + before.height
    middle = (bottom + y) / 2
    return Curve((before.x, bottom), (Piece((before.x, middle)), Piece((x, middle)), Piece((x, y))))


# -- ranks ---------------------------------------------------------------------------------------------------


def _ranks(picture: Picture) -> Drawing:
    spots, paths = spots_of(picture, {box.name: _width(box) for box in picture.boxes})
    ranks = ordered(spots)
    settle(ranks)
    heights = [max((_height(s.box) for s in rank if s.box), default=0.0) for rank in ranks]
    tops = [4.0 + sum(heights[:k]) + DOWN * k for k in range(len(ranks))]
    left = min(s.x - reach(s)[0] for s in spots) - 4
    right = max(s.x + reach(s)[1] for s in spots) + 4
    for spot in spots:
        spot.x -= left
    found = [_placed(s, s.box, tops[s.rank], heights[s.rank]) for s in spots if s.box]
    at = {r.box.name: r for r in found}
    curves = [_curve(path, at, tops, heights) for path in paths]
    marks = [_mark(s, at[s.box.name]) for s in spots if s.box and s.box.shape and s.below]
    return Drawing(right - left, tops[-1] + heights[-1] + 4, tuple(found), tuple(curves), tuple(marks))


def _placed(spot: Spot, box: Box, top: float, tall: float) -> Rectangle:
    own = _height(box)
    return Rectangle(box, spot.x, top + (tall - own) / 2, spot.width, own)


def _mark(spot: Spot, r: Rectangle) -> Label:
    """The shape of a result: beside the one arrow that carries it, or beside the box that several leave."""
    if len(spot.below) > 1:
        return Label(r.box.shape, (r.x + r.width / 2 + 6, r.y + r.height / 2))
    before = spot.below[0].x > spot.x + 2
    return Label(r.box.shape, (r.x + (-7 if before else 7), r.y + r.height + 12), before)


def _curve(path: list[Spot], at: dict[str, Rectangle], tops: list[float], heights: list[float]) -> Curve:
    """The arrow along a path: from the middle below a box, past the ranks, to its port above a box."""
    first, last = path[0], path[-1]
    assert first.box is not None
    assert last.box is not None
    source, target = at[first.box.name], at[last.box.name]
    start = (source.x, source.y + source.height)
    pieces: list[Piece] = []
    here = start
    for spot in path[1:-1]:
        pieces.append(_bent(here, (spot.x, tops[spot.rank])))
        here = (spot.x, tops[spot.rank] + heights[spot.rank])
        pieces.append(Piece(here))
    pieces.append(_bent(here, (_port(path, target), target.y)))
    return Curve(start, tuple(pieces))


def _bent(here: Point, there: Point) -> Piece:
    if abs(here[0] - there[0]) < 0.5:
        return Piece(there)
    middle = (here[1] + there[1]) / 2
    return Piece(there, ((here[0], middle), (there[0], middle)))


def _port(path: list[Spot], target: Rectangle) -> float:
    """Where an edge arrives: arrivals lie side by side, in the order in which they come."""
    arriving = sorted(path[-1].above, key=lambda s: s.x)
    place = next(k for k, s in enumerate(arriving) if s is path[-2])
    step = min(26.0, target.width / (len(arriving) + 1))
    return target.x + step * (place - (len(arriving) - 1) / 2)
