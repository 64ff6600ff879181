"""The examples run as they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--kill"], ["notes", "--batch", "7", "--parts", "3"]])
def test_parts_add_up_to_the_whole_batch(options: list[str]) -> None:
    """Gradients from several processes equal those from one to 1e-12; a lost worker costs a retry."""
    pytest.importorskip("distributed")
    command = [sys.executable, ROOT / "examples" / "data_parallel.py", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "apart from one process" in done.stdout
