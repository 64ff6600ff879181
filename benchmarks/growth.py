"""``python -m benchmarks growth``: seconds to derive and to emit each model, how they grow, and how commands start.

Each figure comes from a fresh process, so that nothing derived before helps, and is processor time, which load from
elsewhere touches least; the least of the rounds is taken. Growth is measured against depth, equal blocks, width,
image size and the number of different layers, one at a time; the slope is that of a line through the last half of
the points in logarithms: 1 is proportional, 0 does not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.loglog import Curve, Panel, picture
from benchmarks.subjects import FAMILIES
from symcnn import models

WORKS = ("derive", "emit", "emit fast")
COMMANDS = (
    *(["--help"], ["models"], ["show", "vgg16"]),
    *([work, name] for name in ("vgg16", "resnet50") for work in ("derive", "emit")),
)
Rows = list[dict[str, Any]]


def spent(command: list[str], rounds: int) -> dict[str, float]:
    """The least wall and processor time of a command in several runs."""
    walls, owns = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        walls.append(time.perf_counter() - start)
        owns.append(usage.ru_utime + usage.ru_stime)
        if process_code := os.waitstatus_to_exitcode(status):
            sys.exit(f"{' '.join(command)} ended with {process_code}")
    return {"wall": round(min(walls), 3), "processor": round(min(owns), 3)}


def worked(name: str, work: str, rounds: int) -> float:
    """The least processor time of the work on a subject, without imports."""
    command = [sys.executable, "-m", "benchmarks.growth_worker", work, name]
    runs = [subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True) for _ in range(rounds)]
    return round(min(float(run.stdout) for run in runs), 4)


def starts(rounds: int) -> Rows:
    """How long each command takes from a cold start."""
    own = [sys.executable, "-m", "symcnn"]
    return [{"command": " ".join(words)} | spent([*own, *words], rounds) for words in COMMANDS]


def by_model(names: list[str], rounds: int) -> Rows:
    """Each work on each model."""
    return [{"model": name} | {work: worked(name, work, rounds) for work in WORKS} for name in names]


def by_family(names: list[str], rounds: int) -> Rows:
    """Each work on each size of the families."""
    return [
        {"family": name, "size": size} | {work: worked(f"{name}:{size}", work, rounds) for work in WORKS}
        for name in names
        for size in FAMILIES[name][1]
    ]


def slope(rows: Rows, work: str) -> float:
    """The power of the size that the last half of the points grow with."""
    half = rows[len(rows) // 2 - 1 :]
    sizes, seconds = (np.log([row[key] for row in half]) for key in ("size", work))
    return float(np.polyfit(sizes, seconds, 1)[0])


def table(rows: Rows) -> str:
    """Rows as aligned lines under the names of their columns."""
    lines = [[str(key) for key in rows[0]], *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def panels(rows: Rows) -> list[Panel]:
    """A panel for each family, a curve for each work."""
    found = []
    for name in dict.fromkeys(row["family"] for row in rows):
        own = [row for row in rows if row["family"] == name]
        curves = [
            Curve(f"{work} (slope {slope(own, work):.2f})", [(row["size"], row[work]) for row in own])
            for work in WORKS
        ]
        found.append(Panel(name, curves))
    return found


def main(argv: list[str]) -> None:
    """Measure, print tables, and write JSON and the plot where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=__doc__)
    parser.add_argument(
        "--models", default=",".join(models.names()), help="names, separated by commas; or none"
    )
    parser.add_argument("--families", default=",".join(FAMILIES), help="names, separated by commas; or none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--svg", type=Path, help="draw growth here, both axes logarithmic")
    options = parser.parse_args(argv)
    chosen, families = (
        [] if text == "none" else text.split(",") for text in (options.models, options.families)
    )
    found = {"commands": starts(options.rounds)}
    print(table(found["commands"]), flush=True)
    if chosen:
        found["models"] = by_model(chosen, options.rounds)
        print("\n" + table(found["models"]), flush=True)
    if families:
        found["growth"] = by_family(families, options.rounds)
        print("\n" + table(found["growth"]), flush=True)
        for panel in panels(found["growth"]):
            print(f"{panel.title}: " + ", ".join(curve.label for curve in panel.curves))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.svg and families:
        options.svg.write_text(picture(panels(found["growth"]), "size", "seconds"))
