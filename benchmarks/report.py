"""Figures from rounds: medians, quartiles, ratios to PyTorch's better layout, as a table and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from benchmarks.peers.blas import MULTIPLY_ADDS
from benchmarks.rounds import BASE, Found

Summary = dict[str, Any]


def summary(found: Found, products: int) -> dict[str, Summary]:
    """Median and quartiles of each peer's time and of its ratio to PyTorch's better layout in the same round.

    ``products`` are those that a step sums; with them the speed is a share of what BLAS reaches in the same round.
    """
    rows: dict[str, Summary] = {}
    for name, said in found.peers.items():
        own = [(seconds[name], seconds) for seconds in found.rounds if name in seconds]
        times = np.array([mine for mine, _ in own])
        ratios = [mine / best for mine, seconds in own if (best := _best(seconds)) is not None]
        limits = [
            seconds["blas"] * products / MULTIPLY_ADDS / mine for mine, seconds in own if "blas" in seconds
        ]
        rows[name] = {
            "milliseconds": _quartiles(1e3 * times),
            "ratio": _quartiles(np.array(ratios)) if ratios else None,
            "of_blas": round(float(np.median(limits)), 3) if limits and name != "blas" else None,
            "mebibytes": round(said["bytes"] / 2**20, 1),
            "error": said["error"] and float(f"{said['error']:.1e}"),
        }
    return rows


def _best(seconds: dict[str, float]) -> float | None:
    return min((seconds[name] for name in BASE if name in seconds), default=None)


def _quartiles(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in np.quantile(values, (0.25, 0.5, 0.75))]


def table(result: dict[str, Any]) -> str:
    """One line for each peer of a network."""
    lines = [f"{result['network']}, batch {result['batch']}, {result['threads']} core(s)"]
    lines.append(
        f"  {'':<13}{'ms':>10} {'quartiles':>20} {'× PyTorch':>10} {'quartiles':>12} {'of BLAS':>8} {'MiB':>8}"
    )
    for name, row in result["peers"].items():
        low, middle, high = row["milliseconds"]
        line = f"  {name:<13}{middle:10.4g} {f'{low:.4g}–{high:.4g}':>20}"
        if row["ratio"] is not None:
            low, middle, high = row["ratio"]
            line += f" {middle:10.2f} {f'{low:.2f}–{high:.2f}':>12}"
            line += f" {row['of_blas']:8.2f}" if row["of_blas"] is not None else f" {'':>8}"
            line += f" {row['mebibytes']:8.1f}"
        line += f"  error {row['error']:.0e}" if row["error"] is not None else ""
        lines.append(line)
    return "\n".join(lines)


def chart(results: Sequence[dict[str, Any]]) -> str:
    """Bars of the time relative to PyTorch's better layout, on a logarithmic axis, as an SVG picture."""
    rows = [
        (f"{result['network']} {result['batch']}, {name}", row["ratio"][1])
        for result in results
        for name, row in result["peers"].items()
        if row["ratio"] is not None and name != "blas"
    ]
    height = 16 * len(rows) + 24
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" font-size="11">']
    middle = 420
    for at, (label, ratio) in enumerate(rows):
        length = 90 * float(np.clip(np.log2(ratio), -4, 2)) / 2
        left, y = min(middle, middle + length), 8 + 16 * at
        colour = "#4477aa" if ratio <= 1 else "#cc6677"
        parts.append(f'<text x="4" y="{y + 10}">{escape(label)}</text>')
        parts.append(f'<rect x="{left:.1f}" y="{y}" width="{abs(length):.1f}" height="12" fill="{colour}"/>')
        parts.append(f'<text x="560" y="{y + 10}">{ratio:.2f}</text>')
    parts.append(f'<line x1="{middle}" y1="0" x2="{middle}" y2="{height - 16}" stroke="black"/>')
    parts.append(f'<text x="{middle - 30}" y="{height - 4}">PyTorch = 1</text></svg>')
    return "\n".join(parts) + "\n"
