"""One worker process: verifies file after file, and tells what it is doing over a pipe."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from symcnn.core.errors import SymcnnError
from symcnn.notes.verdict import Kind, Report, Stage, Verdict

if TYPE_CHECKING:
    from symcnn.notes.bindings import Bindings

MEMORY = 4 << 30
"""Bytes of address space that a worker may take, where the system can limit it."""

LEFT_OUT = "time: the checks of this file took too long together"


@dataclass(frozen=True, slots=True)
class Task:
    """A file to verify. `settled`: steps to leave out; `closing`: judge nothing more, report what is `judged`."""

    path: str
    bindings: Bindings | None
    settled: Mapping[tuple[Stage, int], Verdict]
    judged: Mapping[int, Verdict]
    closing: bool


@dataclass(frozen=True, slots=True)
class Began:
    """A step begins, one of `count`."""

    stage: Stage
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A piece has its verdict."""

    number: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Failed:
    """The step that began last raised an error that is no verdict."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The report on the file, or the line that says why it was refused."""

    report: Report | None
    refusal: str = ""


Message = Began | Judged | Failed | Ended


def serve(pipe: Connection) -> None:
    """Verify the files that come over the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command that started this process ends it
    _limit_memory()
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        with contextlib.suppress(BrokenPipeError):
            pipe.send(_verified(task, pipe))


def _verified(task: Task, pipe: Connection) -> Message:
    from symcnn.notes.bindings import NO_BINDINGS
    from symcnn.notes.extract import load
    from symcnn.notes.tokens import NotationError
    from symcnn.notes.verify import verify_document

    watch = _Reporting(task, pipe)
    pipe.send(Began("load", 0, 1))
    try:
        document = load(Path(task.path))
    except OSError as error:
        return Ended(None, f"{task.path}: {error.strerror or error}")
    except NotationError as error:
        return Ended(None, f"{task.path}: {str(error).removeprefix(f'character {error.position + 1}: ')}")
    except SymcnnError as error:
        return Ended(None, str(error))
    except (MemoryError, RecursionError) as error:
        return Ended(None, f"{task.path}: too large to read ({type(error).__name__})")
    try:
        return Ended(verify_document(document, task.path, bindings=task.bindings or NO_BINDINGS, watch=watch))
    except MemoryError:
        return Failed("memory: the check took too much of it")
    except RecursionError:
        return Failed("too large: nested too deep")
    except Exception as error:  # noqa: BLE001  the report names it, and the other formulas keep their verdicts
        return Failed(f"a defect of symcnn: {type(error).__name__}: {error}")


class _Reporting:
    """Tells over the pipe what begins, and knows the steps that are settled."""

    def __init__(self, task: Task, pipe: Connection) -> None:
        self.task = task
        self.pipe = pipe

    def begins(self, stage: Stage, number: int, count: int) -> Verdict | None:
        if self.task.closing and stage in ("prose", "check"):
            left_out = Verdict(Kind.CANNOT_CHECK, reason=LEFT_OUT)
            known = self.task.judged.get(number) if stage == "check" else None
            return self.task.settled.get((stage, number)) or known or left_out
        settled = self.task.settled.get((stage, number))
        if settled is None:
            self.pipe.send(Began(stage, number, count))
        return settled

    def judged(self, number: int, verdict: Verdict) -> None:
        self.pipe.send(Judged(number, verdict))


def _limit_memory() -> None:
    """Keep one worker from taking all of the machine's memory."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    with contextlib.suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = MEMORY if most == resource.RLIM_INFINITY else min(MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
