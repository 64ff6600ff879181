"""Rounds: every peer in its own process, warm, asked in turn; as many at a time as memory holds."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BASE = ("torch", "torch-last")
NEEDED = (*BASE, "fast")  # the batch is chosen so that they fit
TOLERANCE = 1e-2  # of a gradient's norm: a unit that rounding moves across its kink takes another branch
SPARE = 2**30  # bytes that are left to the rest of the machine


class DoesNotFit(Exception):
    """A peer that is needed found too little memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: ``patience`` is how many seconds a peer may take until it is warm."""

    peers: tuple[str, ...]
    threads: int
    rounds: int
    seconds: float
    patience: float


@dataclass(slots=True)
class Found:
    """What was measured: for each peer its error and bytes, and the seconds of those that took part in each round."""

    tolerance: float
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    rounds: list[dict[str, float]] = field(default_factory=list)


def available() -> int:
    """Bytes of memory that are free or can be freed; very many where the kernel does not tell."""
    told = Path("/proc/meminfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("MemAvailable"):
                return 1024 * int(line.split()[1])
    return 2**62


def launched(folder: Path, name: str, threads: int) -> subprocess.Popen[str]:
    """A worker's process. ``OPENBLAS_CORETYPE`` is removed: BLAS chooses its kernels itself."""
    env = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    blas = "1" if name in ("yardstick", "fast", "fast-exact") and threads > 1 else str(threads)
    env |= {"OPENBLAS_NUM_THREADS": blas, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    env |= {"JAX_PLATFORMS": "cpu"}
    limit = max(SPARE, available() - SPARE)
    command = [sys.executable, "-m", "benchmarks.worker", str(folder), name, str(threads), str(limit)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)


def answer(process: subprocess.Popen[str], patience: float) -> dict[str, Any]:
    """The next line that a worker says; it is ended when it takes longer than ``patience`` seconds."""
    assert process.stdout is not None, "its output is a pipe"
    if not select.select([process.stdout], [], [], patience)[0]:
        process.kill()
        process.wait()
        return {"absent": f"not ready within {patience:.0f} s"}
    line = process.stdout.readline()
    if not line:
        process.wait()
    said: dict[str, Any] = json.loads(line) if line else {"absent": "it failed; its message is above"}
    return said


def measured(folder: Path, plan: Plan, tolerance: float) -> Found:
    """All peers of the plan, those that ratios are formed with in every round. Raises DoesNotFit.

    A peer whose gradients are off by more than ``tolerance`` is left out.
    """
    found = Found(tolerance)
    waiting = [name for name in plan.peers if name not in BASE]
    standing = _started(folder, [name for name in plan.peers if name in BASE], plan, found)
    try:
        while True:
            group = _started(folder, waiting, plan, found)
            try:
                _rounds(standing | group, plan, found)
            finally:
                _ended(group)
            if not waiting:
                return found
    finally:
        _ended(standing)


def _started(folder: Path, waiting: list[str], plan: Plan, found: Found) -> dict[str, subprocess.Popen[str]]:
    """Processes of the first of the peers that wait, while memory holds one more of the largest so far."""
    running: dict[str, subprocess.Popen[str]] = {}
    while waiting:
        largest = max((peer["bytes"] for peer in found.peers.values()), default=0)
        if running and available() < 2 * largest + SPARE:
            break
        name = waiting.pop(0)
        process = launched(folder, name, plan.threads)
        said = answer(process, plan.patience)
        if (apart := said.get("error")) is not None and apart > found.tolerance:
            said = {"absent": f"its gradients are off by {apart:.1e}"}
        if "absent" in said:
            _ended({name: process})
            if said.get("full") and name in NEEDED:
                _ended(running)
                raise DoesNotFit(name)
            found.absent[name] = said["absent"]
            print(f"  without {name}: {said['absent']}", file=sys.stderr)
        else:
            running[name], found.peers[name] = process, said
    return running


def _rounds(running: dict[str, subprocess.Popen[str]], plan: Plan, found: Found) -> None:
    for _ in range(plan.rounds):
        seconds: dict[str, float] = {}
        for name, process in running.items():
            if process.poll() is not None:
                continue
            assert process.stdin is not None, "its input is a pipe"
            process.stdin.write(f"{plan.seconds}\n")
            process.stdin.flush()
            said = answer(process, plan.patience)
            if "seconds" in said:
                seconds[name] = said["seconds"]
        found.rounds.append(seconds)


def _ended(running: dict[str, subprocess.Popen[str]]) -> None:
    for process in running.values():
        process.communicate()
    running.clear()
