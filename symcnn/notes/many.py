"""Several files of notes at once, in worker processes that can be ended.

A check that ignores every polite limit (one long operation in C, a chain of them, memory without end) is
stopped by ending its worker. A fresh worker then goes through the file again with that step settled as
`cannot-check`; what cannot be finished in the time of a file is `cannot-check` as well.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING

from symcnn.notes.verdict import Kind, Report, Stage, Verdict
from symcnn.notes.worker import Began, Ended, Failed, Judged, Message, Task, serve

if TYPE_CHECKING:
    from symcnn.notes.bindings import Bindings

Step = tuple[Stage, int]
Progress = Callable[[str, int, int, int, int], None]
"""Is called with the file, its step and number of steps, the files done and the number of files."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds, and how often a file is begun anew."""

    start: float = 60.0
    step: float = 15.0
    context: float = 45.0
    file: float = 120.0
    restarts: int = 6

    def of(self, stage: Stage) -> float:
        return self.context if stage in ("load", "context") else self.step


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that could not be read, with one line that says why."""

    file: str
    message: str


@dataclass(slots=True)
class _Job:
    """A file and what is settled about it."""

    place: int
    path: str
    settled: dict[Step, Verdict] = field(default_factory=dict)
    judged: dict[int, Verdict] = field(default_factory=dict)
    spent: float = 0.0
    restarts: int = 0
    closing: bool = False


@dataclass(slots=True)
class _Worker:
    """A process, the job that it is at, the step it is in and when that must be over."""

    process: SpawnProcess
    pipe: Connection
    job: _Job | None = None
    step: Step = ("load", 0)
    begun: float = 0.0
    until: float = 0.0


def verify_many(
    paths: Sequence[str | Path],
    *,
    bindings: str | Path | None = None,
    workers: int | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> list[Report | Refused]:
    """The report on each file, in the order given, or why it was refused.

    Call it from a script only under `if __name__ == "__main__":`, because workers import the script anew.
    Raises SymcnnError where the bindings cannot be read.
    """
    known = None
    if bindings is not None:
        from symcnn.notes.bindings import read_bindings

        known = read_bindings(Path(bindings))
    count = workers if workers is not None else min(os.cpu_count() or 1, len(paths))
    pool = _Pool(paths, known, limits or Limits(), progress)
    try:
        return pool.run(max(count, 1))
    finally:
        pool.close()


class _Pool:
    """Hands files to workers, and watches the time."""

    def __init__(
        self,
        paths: Sequence[str | Path],
        bindings: Bindings | None,
        limits: Limits,
        progress: Progress | None,
    ) -> None:
        self.waiting = deque(_Job(place, str(path)) for place, path in enumerate(paths))
        self.results: list[Report | Refused | None] = [None] * len(paths)
        self.bindings = bindings
        self.limits = limits
        self.progress = progress
        self.workers: list[_Worker] = []
        self.context = multiprocessing.get_context("spawn")

    def run(self, count: int) -> list[Report | Refused]:
        self.workers = [self._started() for _ in range(min(count, len(self.waiting)))]
        for worker in self.workers:
            self._next(worker)
        while any(worker.job for worker in self.workers):
            busy = [worker for worker in self.workers if worker.job]
            soonest = min(worker.until for worker in busy) - time.monotonic()
            ready = wait([worker.pipe for worker in busy], timeout=max(soonest, 0.0))
            for worker in busy:
                if worker.pipe in ready:
                    self._receive(worker)
                elif worker.job is not None and time.monotonic() >= worker.until:
                    self._interrupted(worker, "time", f"took more than {self._allowed(worker):g} seconds")
        return [result for result in self.results if result is not None]

    def close(self) -> None:
        """End every worker."""
        for worker in self.workers:
            worker.pipe.close()
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()

    def _started(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _next(self, worker: _Worker) -> None:
        """Give a worker the next file, if there is one."""
        worker.job = None
        if self.waiting:
            self._give(worker, self.waiting.popleft())

    def _give(self, worker: _Worker, job: _Job) -> None:
        worker.job = job
        worker.step = ("load", 0)
        worker.begun = time.monotonic()
        worker.until = worker.begun + self.limits.start
        worker.pipe.send(Task(job.path, self.bindings, dict(job.settled), dict(job.judged), job.closing))

    def _receive(self, worker: _Worker) -> None:
        job = worker.job
        assert job is not None
        try:
            message: Message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._interrupted(
                worker, "memory or a crash", f"ended its worker (code {worker.process.exitcode})"
            )
            return
        match message:
            case Began(stage, number, count):
                worker.step = (stage, number)
                worker.until = self._until(worker, job)
                if self.progress is not None:
                    done = sum(result is not None for result in self.results)
                    self.progress(job.path, number, count, done, len(self.results))
            case Judged(number, verdict):
                job.judged[number] = verdict
            case Failed(reason):
                self._settle(worker, job, reason)
                self._again(worker, job, reason)
            case Ended(report, refusal):
                self.results[job.place] = report or Refused(job.path, refusal)
                self._next(worker)

    def _until(self, worker: _Worker, job: _Job) -> float:
        now = time.monotonic()
        left = self.limits.file - job.spent - (now - worker.begun)
        return now + (
            self.limits.context if job.closing else min(self.limits.of(worker.step[0]), max(left, 0))
        )

    def _allowed(self, worker: _Worker) -> float:
        job = worker.job
        assert job is not None
        spent = job.spent + time.monotonic() - worker.begun
        return self.limits.file if spent >= self.limits.file else self.limits.of(worker.step[0])

    def _interrupted(self, worker: _Worker, why: str, how: str) -> None:
        """Replace a worker that took too long or died, and go on after the step that it was in."""
        job = worker.job
        assert job is not None
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        fresh = self._started()
        worker.process, worker.pipe = fresh.process, fresh.pipe
        if job.closing or worker.step[0] == "load":
            self.results[job.place] = Refused(job.path, f"{job.path}: {why}: reading the file {how}")
            self._next(worker)
            return
        self._settle(worker, job, f"{why}: the check {how}")
        self._again(worker, job, f"{why}: the check {how}")

    def _again(self, worker: _Worker, job: _Job, reason: str) -> None:
        """Begin a file anew, unless that has happened too often."""
        if job.restarts > 3 * self.limits.restarts:
            self.results[job.place] = Refused(job.path, f"{job.path}: {reason}")
            self._next(worker)
        else:
            self._give(worker, job)

    def _settle(self, worker: _Worker, job: _Job, reason: str) -> None:
        """Leave the step out from now on; after too many of them, leave out all that is left."""
        job.settled[worker.step] = Verdict(Kind.CANNOT_CHECK, reason=reason)
        job.spent += time.monotonic() - worker.begun
        job.restarts += 1
        job.closing = job.closing or job.restarts > self.limits.restarts or job.spent >= self.limits.file
