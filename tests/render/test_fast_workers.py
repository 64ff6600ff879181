"""Workers of fast modules: the gradients of one process, the same from run to run, and no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import symcnn as sc
from symcnn.nets.network import Network
from symcnn.nets.spec import dropout, flatten, formula, linear, mse_loss
from symcnn.program.fast_build import fast_program
from symcnn.program.fast_shares import Shares
from tests.render.test_fast import NETWORKS, inputs

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="needs processes that fork"
)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def notes() -> ModuleType:
    return sc.emit(NETWORKS["notes"](), "fast").load()


def given(module: ModuleType, name: str, batch: int) -> tuple[Any, ...]:
    state = (module.init_state(float),) if hasattr(module, "STATE") else ()
    return (module.init(dtype=float), *inputs(name, batch), *state)


@pytest.mark.parametrize("name", ["notes", "norm", "mixed"])
def test_shares_of_a_batch_add_up(name: str) -> None:
    """Fewer examples than workers, uneven shares, and batch norm, whose statistics are those of the whole batch."""
    module = sc.emit(NETWORKS[name](), "fast").load()
    with module.Team(3) as team:
        for batch in (5, 1, 2, 4):
            one, many, again = (given(module, name, batch) for _ in range(3))
            value, grads = module.loss_and_grads(*one)
            found, mine = module.loss_and_grads(*many, workers=team)
            assert found == pytest.approx(value, rel=1e-12)
            for key, gradient in grads.items():
                np.testing.assert_allclose(mine[key], gradient, rtol=1e-9, atol=1e-12)
            for state, other in zip(one[3:], many[3:], strict=True):
                assert all(np.allclose(state[key], other[key], rtol=1e-12) for key in state)
            repeated = module.loss_and_grads(*again, workers=team)
            assert repeated[0] == found
            assert np.array_equal(repeated[1].vector, mine.vector)


def test_sums_that_are_added_on_the_way() -> None:
    net = NETWORKS["norm"]()
    shares = fast_program(sc.front.plan_of(net)).shares
    assert isinstance(shares, Shares)
    assert {"m2", "v2"} <= set(shares.added)
    assert fast_program(sc.front.plan_of(NETWORKS["notes"]())).shares == Shares()


def test_a_number_of_workers_keeps_its_team(notes: ModuleType) -> None:
    arguments = given(notes, "notes", 4)
    notes.loss_and_grads(*arguments, workers=2)
    before = multiprocessing.active_children()
    notes.loss_and_grads(*arguments, workers=2)
    assert multiprocessing.active_children() == before
    notes._team(2).close()
    assert not set(before) & set(multiprocessing.active_children())


@pytest.mark.parametrize("workers", [0, -1, 2.5, "2", None])
def test_wrong_numbers_of_workers_are_named(notes: ModuleType, workers: object) -> None:
    with pytest.raises(ValueError, match="expected workers: a number from 1"):
        notes.loss_and_grads(*given(notes, "notes", 2), workers=workers)


def test_an_error_in_a_worker_is_told_in_one_line(notes: Any) -> None:
    """And the next batch is worked on by new workers."""
    arguments, answer, own = given(notes, "notes", 4), notes._answer, os.getpid()

    def fails(*_: object) -> float:
        raise ValueError("out of luck")

    with notes.Team(2) as team:
        notes._answer = fails
        with pytest.raises(RuntimeError, match=r"^worker 1: ValueError: out of luck$"):
            notes.loss_and_grads(*arguments, workers=team)
        notes._answer = lambda *_: os._exit(1) if os.getpid() != own else 0.0
        with pytest.raises(RuntimeError, match=r"^worker 1: it ended without an answer$"):
            notes.loss_and_grads(*arguments, workers=team)
        assert team.processes == []
        notes._answer = answer
        assert notes.loss_and_grads(*arguments, workers=team)[0] == pytest.approx(
            notes.loss_and_grads(*arguments)[0]
        )
        team.processes[0].kill()
        team.processes[0].join()
        assert notes.loss_and_grads(*arguments, workers=team)[0] > 0


def test_arguments_are_checked_before_workers_start(notes: ModuleType) -> None:
    params, x, y = given(notes, "notes", 2)
    with pytest.raises(ValueError, match="expected parameters"):
        notes.loss_and_grads({**params, "extra": x}, x, y, workers=2)
    with pytest.raises(ValueError, match="expected x"):
        notes.loss_and_grads(params, x[:, :, 1:], y, workers=2)
    with pytest.raises(ValueError, match="at least one example"):
        notes.loss_and_grads(params, x[:0], y[:0], workers=2)


def test_batches_grow_and_numbers_change_their_width(notes: ModuleType) -> None:
    with notes.Team(2) as team:
        for batch, dtype in ((2, "f"), (9, "f"), (9, "d"), (3, "f")):
            x, y = inputs("notes", batch, dtype)
            params = notes.init(dtype=dtype)
            value, grads = notes.loss_and_grads(params, x, y)
            found, mine = notes.loss_and_grads(params, x, y, workers=team)
            assert mine["W1"].dtype == grads["W1"].dtype
            assert found == pytest.approx(value, rel=1e-5)


def test_masks_come_from_the_generator() -> None:
    net = Network([flatten(), linear(4, 64), dropout(0.5), linear(64, 1), mse_loss()], (1, 2, 2), name="m")
    module = sc.emit(net, "fast").load()
    params, x, y = module.init(dtype=float), np.ones((4, 1, 2, 2)), np.zeros((4, 1))
    with module.Team(2) as team:
        values = [
            module.loss_and_grads(params, x, y, rng=np.random.default_rng(seed), workers=team)[0]
            for seed in (0, 0, 1)
        ]
    assert values[0] == values[1] != values[2]


@pytest.mark.slow
def test_nothing_is_left_of_a_killed_process(tmp_path: Path) -> None:
    sc.emit(NETWORKS["notes"](), "fast").write(tmp_path / "net.py")
    code = (
        "import net, numpy as np, time; team = net.Team(3);"
        "net.loss_and_grads(net.init(), np.ones((4, 1, 6, 6)), np.ones((4, 1)), workers=team);"
        "print(*[p.pid for p in team.processes], flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while any(map(_runs, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(_runs, workers))


def _runs(pid: int) -> bool:
    """Whether a process works or waits; one that has ended may wait for its parent to look."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
def test_processes_that_are_spawned(tmp_path: Path) -> None:
    sc.emit(NETWORKS["notes"](), "fast").write(tmp_path / "net.py")
    (tmp_path / "main.py").write_text(
        "import net, numpy as np\n"
        "if __name__ == '__main__':\n"
        "    given = net.init(), np.ones((4, 1, 6, 6)), np.ones((4, 1))\n"
        "    with net.Team(2, 'spawn') as team:\n"
        "        values = [net.loss_and_grads(*given, workers=w)[0] for w in (1, team)]\n"
        "    assert abs(values[0] - values[1]) < 1e-6 and not team.processes\n",
        encoding="utf-8",
    )
    subprocess.run([sys.executable, "main.py"], cwd=tmp_path, check=True, timeout=120)


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("v[n,k] = x[n,k] - max[m](x[m,k])", False),
        ("v[n,k] = x[n,k] - x[N - 1 - n,k]", False),
        ("m[k] = mean[n](x[n,k]); v[n,k] = x[n,k]*m[k]", True),
        ("m[k] = mean[n](x[n,k]); q[k] = sum[n](x[n,k]*m[k])**2; v[n,k] = x[n,k] + q[k]*exp(m[k])", False),
    ],
)
def test_layers_over_the_batch(text: str, shared: bool) -> None:
    """A maximum over the batch, its order turned, and sums, also a square of one; told where it cannot be shared."""
    layer = formula(text.replace("; ", "\n"), {"x": "N,K", "v": "N,K"})
    net = Network([flatten(), linear(4, 3), layer, linear(3, 1), mse_loss()], (1, 2, 2), name="over")
    module = sc.emit(net, "fast").load()
    x, y = np.random.default_rng(0).standard_normal((5, 1, 2, 2)), np.ones((5, 1))
    params = module.init(dtype=float)
    value, grads = sc.emit(net).load().loss_and_grads(params, x, y)
    if not shared:
        with pytest.raises(ValueError, match=r"^expected workers=1: .* mixes the examples of a batch$"):
            module.loss_and_grads(params, x, y, workers=2)
        found, mine = module.loss_and_grads(params, x, y)
    else:
        with module.Team(2) as team:
            found, mine = module.loss_and_grads(params, x, y, workers=team)
    assert found == pytest.approx(value, rel=1e-12)
    assert all(np.allclose(mine[key], grads[key], rtol=1e-9) for key in grads)
