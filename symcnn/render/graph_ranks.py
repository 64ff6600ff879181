"""Ranks of a graph: which place each box gets, and each edge that passes a rank, so that few edges cross and most run
straight.

Ranks are longest paths. The order inside a rank is improved by the means of neighbours while that saves crossings; then
the places are the nearest ones to the means of the neighbours that keep the order and the distances (isotonic
regression, solved exactly by merging of neighbours); last, chains are straightened where there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from symcnn.render.graph_picture import Box, Picture

SMALL, BESIDE = 6.0, 22.0
SWEEPS, SETTLING, STIFF = 8, 40, 12.0


@dataclass(slots=True)
class Spot:
    """A place in a rank: of a box, or of an edge that passes by."""

    rank: int
    width: float
    box: Box | None = None
    above: list[Spot] = field(default_factory=list)
    below: list[Spot] = field(default_factory=list)
    x: float = 0.0


def spots_of(picture: Picture, widths: dict[str, float]) -> tuple[list[Spot], list[list[Spot]]]:
    """A spot for each box and for each rank that an edge passes, and the spots along each edge."""
    of: dict[str, Spot] = {}
    spots: list[Spot] = []
    paths: list[list[Spot]] = []
    for box in picture.boxes:
        rank = max((of[name].rank + 1 for name in box.reads), default=0)
        of[box.name] = spot = Spot(rank, widths[box.name], box)
        spots.append(spot)
    for box in picture.boxes:
        for name in dict.fromkeys(box.reads):
            path = [
                of[name],
                *(Spot(k, 2.0) for k in range(of[name].rank + 1, of[box.name].rank)),
                of[box.name],
            ]
            spots += path[1:-1]
            paths.append(path)
            for upper, lower in pairwise(path):
                upper.below.append(lower)
                lower.above.append(upper)
    return spots, paths


def ordered(spots: list[Spot]) -> list[list[Spot]]:
    """The spots rank by rank, in an order with few crossings."""
    ranks: list[list[Spot]] = [[] for _ in range(1 + max(s.rank for s in spots))]
    seen: set[int] = set()

    def visit(start: Spot) -> None:
        waiting = [start]
        while waiting:
            spot = waiting.pop()
            if id(spot) not in seen:
                seen.add(id(spot))
                ranks[spot.rank].append(spot)
                waiting += reversed(spot.below)

    for spot in spots:
        visit(spot)
    best, fewest = [list(rank) for rank in ranks], _crossings(ranks)
    for sweep in range(SWEEPS):
        downward = sweep % 2 == 0
        for rank in ranks if downward else reversed(ranks):
            places = {id(s): k for row in ranks for k, s in enumerate(row)}
            rank.sort(key=lambda s: _mean(s.above if downward else s.below, places, places[id(s)]))
        if (count := _crossings(ranks)) < fewest:
            best, fewest = [list(rank) for rank in ranks], count
    return best


def _mean(near: Sequence[Spot], places: dict[int, int], own: int) -> float:
    return sum(places[id(s)] for s in near) / len(near) if near else float(own)


def _crossings(ranks: list[list[Spot]]) -> int:
    count = 0
    for upper, lower in pairwise(ranks):
        places = {id(s): k for k, s in enumerate(lower)}
        ends = [sorted(places[id(t)] for t in s.below) for s in upper]
        flat = [(k, end) for k, many in enumerate(ends) for end in many]
        count += sum(1 for i, (k, e) in enumerate(flat) for m, g in flat[i + 1 :] if k < m and e > g)
    return count


def settle(ranks: list[list[Spot]]) -> None:
    """Give each spot the x nearest to its neighbours that its rank allows."""
    for rank in ranks:
        for spot, x in zip(rank, _apart(rank, [0.0] * len(rank)), strict=True):
            spot.x = x
    for step in range(SETTLING):
        for rank in ranks if step % 2 == 0 else reversed(ranks):
            wanted = [_pull([*s.above, *s.below], s) for s in rank]
            for spot, x in zip(rank, _apart(rank, wanted), strict=True):
                spot.x = x
    for chain in _chains(ranks):
        _straighten(chain, ranks)


def _chains(ranks: list[list[Spot]]) -> list[list[Spot]]:
    """The longest runs of spots under each other that nothing else joins or leaves."""
    found: dict[int, list[Spot]] = {}
    for spot in (s for rank in ranks for s in rank):
        over = spot.above[0] if len(spot.above) == 1 and _alone(spot.above[0], spot) else None
        chain = found[id(over)] if over is not None else []
        chain.append(spot)
        found[id(spot)] = chain
    return list({id(chain): chain for chain in found.values()}.values())


def _straighten(chain: list[Spot], ranks: list[list[Spot]]) -> None:
    """Put a chain at one x where its ranks have room for that."""
    places = [s.x for s in chain]
    for x in (sum(places) / len(places), max(places), min(places)):
        if all(_fits(spot, x, ranks[spot.rank]) for spot in chain):
            for spot in chain:
                spot.x = x
            return


def _fits(spot: Spot, x: float, rank: list[Spot]) -> bool:
    """Whether the neighbours of a spot leave room for it at ``x``."""
    place = next(k for k, s in enumerate(rank) if s is spot)
    left = place == 0 or x - rank[place - 1].x >= _distance(rank[place - 1], spot) - 0.5
    return left and (
        place + 1 == len(rank) or rank[place + 1].x - x >= _distance(spot, rank[place + 1]) - 0.5
    )


def _alone(upper: Spot, lower: Spot) -> bool:
    """Whether the edge between two spots is the only one that leaves the one and reaches the other."""
    return len(upper.below) == 1 and len(lower.above) == 1


def _pull(near: Iterable[Spot], own: Spot) -> float:
    """The mean of the neighbours; spots of a chain hold together, so that it runs straight."""
    weights = [(STIFF if _alone(s, own) or _alone(own, s) else 1.0, s.x) for s in near]
    total = sum(w for w, _ in weights)
    return sum(w * x for w, x in weights) / total if total else own.x


def _apart(rank: list[Spot], wanted: list[float]) -> list[float]:
    """The places nearest to the wanted ones that keep order and distances."""
    shifts = [0.0]
    for left, right in pairwise(rank):
        shifts.append(shifts[-1] + _distance(left, right))
    groups: list[tuple[float, int]] = []
    for x, shift in zip(wanted, shifts, strict=True):
        groups.append((x - shift, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (a, m), (b, n) = groups[-2:]
            groups[-2:] = [((a * m + b * n) / (m + n), m + n)]
    flat = [x for x, count in groups for _ in range(count)]
    return [x + shift for x, shift in zip(flat, shifts, strict=True)]


def _distance(left: Spot, right: Spot) -> float:
    """How far apart two neighbours stand at least."""
    return reach(left)[1] + reach(right)[0] + BESIDE


def reach(spot: Spot) -> tuple[float, float]:
    """The room that a spot needs to its left and right, its shape included."""
    half = spot.width / 2
    label = 7 + SMALL * len(spot.box.shape) if spot.box and spot.box.shape and spot.below else 0.0
    return (half, half + label) if len(spot.below) > 1 else (max(half, label), max(half, label))
