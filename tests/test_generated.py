"""What is checked in under generated/ is what the code renders today; `pytest --regen` rewrites it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import symcnn as sc

FOLDER = Path(__file__).resolve().parent.parent / "generated"
LARGE = ("googlenet.md", "inception_v3.md")  # seconds each
CATALOGUE: dict[str, list[str]] = json.loads((FOLDER / "catalogue.json").read_text(encoding="utf-8"))
DIGEST = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_generated import CATALOGUE, render
for name in CATALOGUE:
    print(name, hashlib.sha256(render(name).encode()).hexdigest())
"""


@cache
def derived(subject: str) -> Any:
    """One derivation for all of its formats."""
    return sc.derive(subject)


def render(name: str) -> str:
    """A file of the catalogue, rendered afresh."""
    job, subject = CATALOGUE[name]
    if job == "emit":
        return sc.emit(subject).source
    document = derived(subject)
    return {".html": document.to_html, ".md": document.to_markdown, ".tex": document.to_latex}[
        Path(name).suffix
    ]()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in CATALOGUE]
)
def test_checked_in_file_is_fresh(name: str, regen: bool) -> None:
    fresh = render(name)
    if regen:
        (FOLDER / name).write_text(fresh, encoding="utf-8")
    kept = (FOLDER / name).read_text(encoding="utf-8") if (FOLDER / name).exists() else ""
    assert kept == fresh, f"generated/{name} is stale: run `make regen` and read the difference"


def test_no_orphans() -> None:
    assert {p.name for p in FOLDER.iterdir()} - {"__pycache__"} == {*CATALOGUE, "catalogue.json"}


@pytest.mark.slow
def test_same_bytes_under_any_hash_seed() -> None:
    def digests(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", DIGEST, str(Path(__file__).parent)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    here = {name: hashlib.sha256(render(name).encode()).hexdigest() for name in CATALOGUE}
    for seed in ("1", "2"):
        assert dict(line.split() for line in digests(seed).splitlines()) == here
