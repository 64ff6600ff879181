"""Figures, tables and pictures made of rounds."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from benchmarks.growth import by_family, panels, slope
from benchmarks.growth import table as growth_table
from benchmarks.loglog import picture
from benchmarks.peers.blas import MULTIPLY_ADDS
from benchmarks.report import chart, summary, table
from benchmarks.rounds import Found
from benchmarks.worker import error

FOUND = Found(
    1e-2,
    {name: {"error": 1e-7, "bytes": 2**20} for name in ("torch", "torch-last", "fast", "blas")},
    {"jax": "jax is not installed"},
    [
        {"torch": 2.0, "torch-last": 4.0, "fast": 1.0, "blas": 0.5},
        {"torch": 8.0, "torch-last": 4.0, "fast": 3.0, "blas": 0.5},
        {"torch": 8.0, "torch-last": 4.0, "fast": 4.0, "blas": 0.5},
    ],
)


def result() -> dict[str, object]:
    rows = summary(FOUND, MULTIPLY_ADDS)
    return {"network": "a<b", "batch": 4, "threads": 1, "peers": rows, "absent": FOUND.absent}


def test_ratios_are_formed_within_a_round_with_the_better_layout() -> None:
    rows = summary(FOUND, MULTIPLY_ADDS)
    assert rows["fast"]["ratio"][1] == 0.75  # of 1/2, 3/4, 4/4
    assert rows["fast"]["milliseconds"][1] == 3000
    assert rows["fast"]["of_blas"] == pytest.approx(0.167, abs=1e-3)
    assert rows["blas"]["of_blas"] is None


def test_a_peer_that_missed_rounds_counts_where_it_took_part() -> None:
    rounds = [*FOUND.rounds, {"torch": 1.0, "late": 5.0}]
    rows = summary(Found(1e-2, {"late": {"error": None, "bytes": 0}}, {}, rounds), 1)
    assert rows["late"]["ratio"] == [5.0, 5.0, 5.0]
    assert rows["late"]["error"] is None


def test_a_table_has_a_line_for_each_peer() -> None:
    lines = table(result()).splitlines()
    assert lines[0] == "a<b, batch 4, 1 core(s)"
    assert [line.split()[0] for line in lines[2:]] == ["torch", "torch-last", "fast", "blas"]


def test_the_chart_is_well_formed() -> None:
    root = ET.fromstring(chart([result()]))
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a<b 4, fast" in words


def test_errors_are_relative_to_each_gradient_and_small_ones_to_all() -> None:
    wanted = {"W": np.array([3.0, 4.0]), "b": np.zeros(1)}
    assert error({"W": np.array([3.0, 4.5]), "b": np.zeros(1)}, wanted) == pytest.approx(0.1)
    assert error({"W": wanted["W"], "b": np.array([5e-3])}, wanted) == pytest.approx(1.0)


def test_slopes_and_panels() -> None:
    rows = [{"family": "depth", "size": n, "derive": n**2, "emit": 3.0, "emit fast": n} for n in (1, 2, 4, 8)]
    assert slope(rows, "derive") == pytest.approx(2)
    assert slope(rows, "emit") == pytest.approx(0)
    root = ET.fromstring(picture(panels(rows), "size", "seconds"))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 3
    assert len(growth_table(rows).splitlines()) == 5


@pytest.mark.slow
def test_growth_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = by_family(["width"], 1)
    assert [row["size"] for row in rows] == [4, 16, 64, 256, 1024]
    assert abs(slope(rows, "emit")) < 0.3


@pytest.mark.slow
def test_a_run_from_end_to_end(tmp_path: Path, root: Path) -> None:
    words = ["notes", "--batches", "2", "--peers", "fast,readable,textbook,blas", "--rounds", "2"]
    outputs = ["--json", str(tmp_path / "found.json"), "--svg", str(tmp_path / "found.svg")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, "--seconds", "0.05", *outputs],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "notes, batch 2, 1 core(s)" in done.stdout
    assert {"fast", "readable", "textbook", "blas"} <= {
        line.split()[0] for line in done.stdout.splitlines()[2:]
    }
    assert (tmp_path / "found.json").stat().st_size > 0
    assert ET.fromstring((tmp_path / "found.svg").read_text()) is not None
