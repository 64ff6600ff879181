"""One peer in a process of its own: checks its gradients, warms up, then times rounds on request."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.cases import CASES, data
from benchmarks.peers import Absent, Step, peer, reference


def timed(step: Step, budget: float) -> float:
    """Seconds for a step: the median of as many as fit the budget."""
    times: list[float] = []
    end = time.perf_counter() + budget
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    """Reads ``round SECONDS`` lines until the input ends; answers each with one line of JSON."""
    name, network, batch, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    case = CASES[network]
    params, x, y = data(case.network(), batch)
    try:
        step, gradients = peer(name, case, params, x, y, threads)
        found, wanted = gradients(), reference(case, params, x, y)
    except Absent as reason:
        print(json.dumps({"absent": str(reason)}), flush=True)
        return
    errors = [abs(found[key] - wanted[key]).max() / abs(wanted[key]).max() for key in found]
    timed(step, 0.2)
    print(json.dumps({"error": float(max(errors, default=0.0))}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": timed(step, float(line))}), flush=True)


if __name__ == "__main__":
    main()
