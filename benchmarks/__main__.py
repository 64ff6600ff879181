"""``python -m benchmarks``: one training step of each network, every peer in its own process, rounds interleaved.

A round asks each peer in turn for the median of its steps; what is reported is the median over the rounds and the
quartiles, and ratios are formed within a round, so that load from elsewhere touches all peers alike. All have the
same cores and the setting that suits them best. Gradients are compared with float64 before any time is taken.
``python -m benchmarks growth`` measures how derivation and emission grow, and how long commands take to start.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import growth
from benchmarks.cases import GROUPS, Case, cases, data
from benchmarks.graph import graph, multiply_adds
from benchmarks.peers import EMITTED, HOMES, Task
from benchmarks.report import chart, summary, table
from benchmarks.rounds import TOLERANCE, DoesNotFit, Plan, answer, launched, measured
from symcnn import emit


def prepared(case: Case, batch: int, plan: Plan, folder: Path) -> tuple[int, float]:
    """Data, operations, emitted modules and reference gradients into the folder; the products of one step, and how
    far a peer's gradients may be from the reference: a hundredth, or four times what float32 costs PyTorch.
    """
    net = case.network()
    operations = graph(net)
    params, x, y = data(net, operations, batch)
    Task(case.name, tuple(operations), params, x, y, plan.threads, folder).write()
    for peer in EMITTED:
        if peer in plan.peers:
            style, _, exact = peer.partition("-")
            options: dict[str, Any] = {} if style == "readable" else {"style": "fast", "exact": bool(exact)}
            emit(net, **options).write(folder / f"{peer}.py")
    process = launched(folder, "reference", plan.threads)
    said = answer(process, plan.patience)
    process.communicate()
    if said.get("full"):
        raise DoesNotFit("reference")
    if "absent" in said:
        sys.exit(f"{case.name}: no gradients in float64: {said['absent']}")
    return batch * multiply_adds(net), max(TOLERANCE, 4 * said["error"])


def result(case: Case, batch: int, plan: Plan) -> dict[str, Any]:
    """The figures of a network at a batch, or at the half, quarter … of it that fits."""
    while True:
        with tempfile.TemporaryDirectory() as place:
            try:
                products, tolerance = prepared(case, batch, plan, Path(place))
                found = measured(Path(place), plan, tolerance)
            except DoesNotFit as which:
                if batch == 1:
                    raise
                print(f"{case.name}, batch {batch}: does not fit ({which})", file=sys.stderr)
                batch //= 2
                continue
        rows = summary(found, products)
        where = {"network": case.name, "batch": batch, "threads": plan.threads}
        return where | {"peers": rows, "absent": found.absent, "rounds": found.rounds}


def options_of(argv: list[str]) -> argparse.Namespace:
    """What the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    groups = ", ".join(GROUPS)
    parser.add_argument("networks", nargs="*", help=f"{groups} (default: all), parts or models by name")
    parser.add_argument("--models", choices=("small", "full"), help="these models, beside the networks named")
    parser.add_argument("--peers", default=",".join(HOMES), help="names, separated by commas")
    parser.add_argument("--batches", help="sizes instead of each network's own, separated by commas")
    parser.add_argument("--threads", type=int, default=1, help="cores for every peer (default 1)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each peer in each round")
    parser.add_argument("--patience", type=float, default=300, help="seconds until a peer is warm")
    parser.add_argument("--json", type=Path, help="write the figures here, after every network")
    parser.add_argument("--svg", type=Path, help="draw the ratios here")
    found = parser.parse_args(argv)
    for peer in found.peers.split(","):
        if peer not in HOMES:
            parser.error(f"expected peers of {', '.join(HOMES)}, got {peer!r}")
    return found


def main(argv: list[str]) -> None:
    """Measure, print the tables, and write JSON and a chart where asked."""
    if argv[:1] == ["growth"]:
        return growth.main(argv[1:])
    options = options_of(argv)
    peers = tuple(options.peers.split(","))
    plan = Plan(peers, options.threads, options.rounds, options.seconds, options.patience)
    names = [*options.networks, *([options.models] if options.models else [])] or list(GROUPS)
    results = []
    for case in cases(names):
        for batch in map(int, options.batches.split(",")) if options.batches else case.batches:
            results.append(result(case, batch, plan))
            print(table(results[-1]), flush=True)
            if options.json:
                options.json.write_text(json.dumps({"on": machine(), "results": results}, indent=1) + "\n")
            if options.svg:
                options.svg.write_text(chart(results))
    return None


def machine() -> dict[str, Any]:
    """What was measured on."""
    about = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    for name in ("numpy", "torch", "jax", "autograd"):
        if importlib.util.find_spec(name):
            about[name] = importlib.metadata.version(name)
    return about


if __name__ == "__main__":
    main(sys.argv[1:])
