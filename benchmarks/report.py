"""Figures from rounds: medians, quartiles, ratios to PyTorch's better layout, as a table and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

BASE = ("torch", "torch-last")


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Median and quartiles of each peer, and the median of its ratios to the better PyTorch layout of the same round."""
    peers = found["peers"]
    base = [peers[name]["seconds"] for name in BASE if name in peers]
    best = np.min(base, axis=0) if base else None
    rows: dict[str, Any] = {}
    for name, got in peers.items():
        seconds = np.array(got["seconds"])
        low, middle, high = np.quantile(seconds, (0.25, 0.5, 0.75))
        rows[name] = {
            "milliseconds": round(1e3 * middle, 4),
            "quartiles": [round(1e3 * low, 4), round(1e3 * high, 4)],
            "ratio": round(float(np.median(seconds / best)), 3) if best is not None else None,
            "error": float(f"{got['error']:.1e}"),
        }
    return {**found, "peers": rows}


def table(results: Sequence[dict[str, Any]]) -> str:
    """One line for each peer of each network."""
    lines = []
    for found in results:
        lines.append(f"{found['network']}, batch {found['batch']}, {found['threads']} core(s)")
        for name, row in found["peers"].items():
            low, high = row["quartiles"]
            ratio = "" if row["ratio"] is None else f"{row['ratio']:8.2f} × PyTorch"
            lines.append(
                f"  {name:<12} {row['milliseconds']:10.3f} ms ({low:.3f}–{high:.3f}){ratio}  error {row['error']:.0e}"
            )
    return "\n".join(lines)


def chart(results: Sequence[dict[str, Any]]) -> str:
    """Bars of the time relative to PyTorch's better layout, on a logarithmic axis, as an SVG picture."""
    rows = [
        (f"{found['network']} {found['batch']}, {name}", row["ratio"])
        for found in results
        for name, row in found["peers"].items()
        if row["ratio"] is not None
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
