"""Several files at once: workers that hang, die or fail cost the step they were in, and nothing else."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from symcnn.notes import many
from symcnn.notes.extract import read
from symcnn.notes.many import Limits, Refused, verify_many
from symcnn.notes.marks import Span
from symcnn.notes.verdict import Claim, Kind, Report, Verdict
from symcnn.notes.worker import Began, Ended, Failed, Judged, Task

STEPS = 3


def play(pipe: Connection) -> None:
    """A worker that does what the file's name says in its second step, and else finds that all holds."""
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        pipe.send(_played(task, pipe))


def _played(task: Task, pipe: Connection) -> Ended | Failed:
    name = Path(task.path).stem
    if name == "unreadable":
        return Ended(None, "unreadable.md: not for reading")
    pipe.send(Began("load", 0, 1))
    if name == "endless":
        time.sleep(60)
    verdicts = []
    for number in range(STEPS):
        verdict = task.settled.get(("check", number)) or task.judged.get(number)
        if verdict is None and task.closing:
            verdict = Verdict(Kind.CANNOT_CHECK, reason="left out")
        if verdict is None:
            pipe.send(Began("check", number, STEPS))
            if number == 1 or name.endswith("all"):
                if name.startswith("hang"):
                    time.sleep(60)
                if name.startswith("die"):
                    os._exit(9)
                if name.startswith("fail"):
                    return Failed("a defect of symcnn: KeyError: 'x'")
            verdict = Verdict(Kind.HOLDS)
            pipe.send(Judged(number, verdict))
        verdicts.append(verdict)
    claims = tuple(Claim("", Span(n, n), 1, 1, verdict) for n, verdict in enumerate(verdicts))
    return Ended(Report(task.path, read("", "md"), claims))


@pytest.fixture
def _playing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "serve", play)


LIMITS = Limits(start=20.0, step=0.5, restarts=1)


def found(result: Report | Refused) -> list[tuple[str, str | None]]:
    assert isinstance(result, Report)
    return [(claim.verdict.kind.value, claim.verdict.reason) for claim in result.claims]


@pytest.mark.usefixtures("_playing")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hang.md", "time: the check took more than 0.5 seconds"),
        ("die.md", "memory or a crash: the check ended its worker (code 9)"),
        ("fail.md", "a defect of symcnn: KeyError: 'x'"),
    ],
)
def test_one_bad_step_costs_one_verdict(name: str, reason: str) -> None:
    bad, good = verify_many([name, "good.md"], limits=LIMITS, workers=2)
    assert found(bad) == [("holds", None), ("cannot-check", reason), ("holds", None)]
    assert found(good) == [("holds", None)] * 3


@pytest.mark.usefixtures("_playing")
def test_a_file_that_fails_everywhere_is_closed() -> None:
    (result,) = verify_many(["die-all.md"], limits=LIMITS)
    kinds = [kind for kind, _ in found(result)]
    assert kinds == ["cannot-check"] * STEPS
    assert found(result)[-1][1] == "left out"


@pytest.mark.usefixtures("_playing")
def test_a_file_that_cannot_be_loaded_in_time_is_refused() -> None:
    results = verify_many(
        ["endless.md", "unreadable.md", "good.md"], limits=Limits(context=0.3, start=20.0), workers=1
    )
    assert results[0] == Refused(
        "endless.md", "endless.md: time: reading the file took more than 0.3 seconds"
    )
    assert results[1] == Refused("unreadable.md", "unreadable.md: not for reading")
    assert isinstance(results[2], Report)


@pytest.mark.usefixtures("_playing")
def test_progress_is_told() -> None:
    seen: list[tuple[str, int, int, int, int]] = []
    verify_many(["a.md", "b.md"], limits=LIMITS, workers=1, progress=lambda *what: seen.append(what))
    assert ("a.md", 1, STEPS, 0, 2) in seen
    assert ("b.md", 2, STEPS, 1, 2) in seen


def test_no_file_is_no_work() -> None:
    assert verify_many([]) == []


def test_real_workers_agree_with_the_function(tmp_path: Path) -> None:
    from symcnn.notes.verify import verify

    path = tmp_path / "notes.md"
    path.write_text("$a = 2 b$, $\\frac{\\partial a}{\\partial b} = 3$, $x = {$\n", encoding="utf-8")
    (report,) = verify_many([path])
    assert isinstance(report, Report)
    assert report.to_json() == verify(path).to_json()
