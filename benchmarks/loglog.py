"""Panels of curves with logarithmic axes, as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDE, HIGH, LEFT, BELOW = 300, 220, 44, 34
COLOURS = ("#4477aa", "#cc6677", "#228833", "#aa3377")
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points joined by lines, all coordinates positive."""

    label: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves that share their axes."""

    title: str
    curves: Sequence[Curve]


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range of values on so many pixels, by their logarithms."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten inside the range, where there is one; else its ends."""
        powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        return [10.0**power for power in powers] or [self.low, self.high]


def picture(panels: Sequence[Panel], across: str, up: str) -> str:
    """The panels side by side, all with the same vertical axis."""
    heights = [y for panel in panels for curve in panel.curves for _, y in curve.points]
    low, high = 10 ** math.floor(math.log10(min(heights))), 10 ** math.ceil(math.log10(max(heights)))
    vertical = _Axis(low, high, HIGH - BELOW, 22)
    size = f'width="{WIDE * len(panels)}" height="{HIGH}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="10" font-family="sans-serif">']
    for number, panel in enumerate(panels):
        parts += [
            f'<g transform="translate({WIDE * number},0)">',
            *_panel(panel, vertical, across, up),
            "</g>",
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, vertical: _Axis, across: str, up: str) -> list[str]:
    places = [x for curve in panel.curves for x, _ in curve.points]
    axis = _Axis(min(places), max(places), LEFT, WIDE - 12)
    bottom = HIGH - BELOW
    parts = [f'<text x="{WIDE / 2:.0f}" y="12" text-anchor="middle">{escape(panel.title)}</text>']
    for tick in vertical.ticks():
        y = vertical(tick)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDE - 12}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{tick:g}</text>')
    for place in dict.fromkeys(places):
        parts.append(f'<text x="{axis(place):.1f}" y="{bottom + 12}" text-anchor="middle">{place:g}</text>')
    parts.append(f'<line x1="{LEFT}" y1="{bottom}" x2="{WIDE - 12}" y2="{bottom}" stroke="black"/>')
    parts.append(f'<text x="{WIDE - 12}" y="{HIGH - 8}" text-anchor="end">{escape(across)}</text>')
    parts.append(f'<text x="4" y="{HIGH - 8}">{escape(up)}</text>')
    for number, curve in enumerate(panel.curves):
        parts += _curve(curve, COLOURS[number % len(COLOURS)], axis, vertical, 34 + 12 * number)
    return parts


def _curve(curve: Curve, colour: str, across: _Axis, up: _Axis, label: float) -> list[str]:
    points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in curve.points)
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
        f'<text x="{LEFT + 6}" y="{label}" fill="{colour}">{escape(curve.label)}</text>',
    ]
