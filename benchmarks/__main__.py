"""``python -m benchmarks``: one training step of each network, every peer in its own process, rounds interleaved.

A round asks each peer in turn for the median of its steps; what is reported is the median over the rounds and the
quartiles, and ratios are formed within a round, so that load from elsewhere touches all peers alike. Gradients are
compared with float64 before any time is taken. ``OPENBLAS_CORETYPE`` is removed: BLAS chooses its kernels itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES
from benchmarks.report import chart, summary, table

PEERS = ("fast", "fast-exact", "readable", "textbook", "torch", "torch-last", "yardstick")
TOLERANCE = 1e-2  # of the largest entry of a gradient: a unit of float32 near a kink may take another branch


def started(
    peer: str, network: str, batch: int, threads: int
) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A peer's process, warmed, and what it says of its gradients."""
    env = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    blas = "1" if peer.startswith("yardstick") else str(threads)
    env |= {"OPENBLAS_NUM_THREADS": blas, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "benchmarks.worker", peer, network, str(batch), str(threads)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None, "its output is a pipe"
    line = process.stdout.readline()
    return process, json.loads(line) if line else {"absent": "it failed; its message is above"}


def measured(
    network: str, batch: int, peers: list[str], threads: int, rounds: int, budget: float
) -> dict[str, Any]:
    """Seconds of each peer in each round, with the errors of its gradients."""
    running: dict[str, subprocess.Popen[str]] = {}
    result: dict[str, Any] = {"network": network, "batch": batch, "threads": threads, "peers": {}}
    try:
        for peer in peers:
            process, said = started(peer, network, batch, threads)
            if "absent" in said or said["error"] > TOLERANCE:
                why = said.get("absent") or f"its gradients are off by {said['error']:.1e}"
                print(f"{network} {batch}: without {peer}: {why}", file=sys.stderr)
                process.communicate()
                continue
            running[peer] = process
            result["peers"][peer] = {"error": said["error"], "seconds": []}
        for _ in range(rounds):
            for peer, process in running.items():
                assert process.stdin is not None, "its input is a pipe"
                assert process.stdout is not None, "its output is a pipe"
                process.stdin.write(f"{budget}\n")
                process.stdin.flush()
                result["peers"][peer]["seconds"].append(json.loads(process.stdout.readline())["seconds"])
    finally:
        for process in running.values():
            process.communicate()
    return result


def main() -> None:
    """Measure, print the table, and write JSON and a chart where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}")
    parser.add_argument("--peers", default=",".join(PEERS), help="names, separated by commas")
    parser.add_argument("--batches", help="sizes instead of each network's own, separated by commas")
    parser.add_argument("--threads", type=int, default=1, help="cores for every peer (default 1)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each peer in each round")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--svg", type=Path, help="draw the ratios here")
    options = parser.parse_args()
    results = []
    for name in options.networks:
        batches = [int(n) for n in options.batches.split(",")] if options.batches else CASES[name].batches
        for batch in batches:
            peers = options.peers.split(",")
            found = measured(name, batch, peers, options.threads, options.rounds, options.seconds)
            results.append(summary(found))
            print(table([results[-1]]), flush=True)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "numpy": np.__version__}
    if options.json:
        options.json.write_text(json.dumps({"on": machine, "results": results}, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(chart(results))


if __name__ == "__main__":
    main()
