"""One peer in a process of its own: checks its gradients, warms up, then times rounds on request.

``python -m benchmarks.worker FOLDER PEER THREADS BYTES``; the peer ``reference`` writes gradients in float64 instead.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.operations import Arrays
from benchmarks.peers import Absent, Peer, Task, home_of

WARM = 0.2  # seconds
FULL = ("allocate", "out of memory", "resource_exhausted")  # how libraries say that memory does not suffice


def timed(step: Callable[[], Any], budget: float) -> float:
    """Seconds for a step: the median of as many as fit the budget, at least one."""
    times: list[float] = []
    end = time.perf_counter() + budget
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def resident(field: str) -> int:
    """Bytes: ``VmRSS`` now, ``VmHWM`` the most since it was set back; where the kernel does not tell, the most ever."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith(field):
                return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> None:
    """Let the kernel count the most resident memory anew, where it can."""
    gc.collect()
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def error(found: Arrays, wanted: Arrays) -> float:
    """The largest distance of a parameter's gradient, relative to its norm; small ones to a thousandth of all."""
    norms = {key: float(np.linalg.norm(value)) for key, value in wanted.items()}
    least = 1e-3 * math.hypot(*norms.values())
    apart = {key: float(np.linalg.norm(value - wanted[key])) for key, value in found.items()}
    return max(distance / max(norms[key], least) for key, distance in apart.items())


def reference(task: Task) -> float:
    """Gradients in float64 into the folder: PyTorch's where it is installed, else those of the textbook.

    Gives how far its gradients in float32 are from them: near kinks a deep network's gradient is that uncertain.
    """
    labels = task.y.astype(np.float64) if task.y.dtype.kind == "f" else task.y
    params = {key: value.astype(np.float64) for key, value in task.params.items()}
    wide = replace(task, params=params, x=task.x.astype(np.float64), y=labels)
    try:
        name, home = "torch", home_of("torch")
    except Absent:
        name, home = "textbook", home_of("textbook")
    wanted = home.peer(name, wide).gradients()
    np.savez(task.folder / "reference.npz", allow_pickle=False, **wanted)
    return error(home.peer(name, task).gradients(), wanted)


def compared(made: Peer, task: Task) -> float | None:
    """How far the peer's gradients are from float64; None for one that gives none."""
    found = made.gradients()
    with np.load(task.folder / "reference.npz") as held:
        return error(found, {key: held[key] for key in found}) if found else None


def ready(folder: Path, name: str, threads: int) -> tuple[Peer, dict[str, Any]]:
    """The peer, checked and warm, and its error and peak memory over what imports took. Raises Absent."""
    home = home_of(name)
    imported = resident("VmRSS")
    task = Task.read(folder, threads)
    made = home.peer(name, task)
    apart = compared(made, task)
    made.step()
    forget_peak()
    timed(made.step, WARM)
    return made, {"error": apart, "bytes": max(0, resident("VmHWM") - imported)}


def main() -> None:
    """Answers each line with the seconds of a round by one line of JSON, until the input ends."""
    folder, name, threads, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    try:
        if name == "reference":
            return print(json.dumps({"error": reference(Task.read(folder, threads))}), flush=True)
        made, said = ready(folder, name, threads)
    except Absent as reason:
        return print(json.dumps({"absent": str(reason)}), flush=True)
    except (MemoryError, RuntimeError) as reason:
        if isinstance(reason, RuntimeError) and not any(word in str(reason).lower() for word in FULL):
            raise
        return print(json.dumps({"absent": "memory does not suffice", "full": True}), flush=True)
    print(json.dumps(said), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": timed(made.step, float(line))}), flush=True)
    return None


if __name__ == "__main__":
    main()
