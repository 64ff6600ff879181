"""The famous networks at full size in float32 against PyTorch: output, gradients, and the memory of a training step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn import models

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="the kernel's account of memory is absent"
    ),
]
FULL = [name for name, entry in models.MODELS.items() if entry.input[1] >= 224]
BATCH = 2
# Of the gradient's norm: one unit that rounding moves across its kink is worth 1e-3. Or four times PyTorch's own.
ROUNDED = 5e-3


def one_side(side: str, name: str, folder: Path, root: Path, batch: int) -> dict[str, float]:
    """Run one side's step in a fresh process."""
    command = [sys.executable, str(root / "tests/torch/full_step.py"), side, name, str(folder), str(batch)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, cwd=root, env=environment)
    found: dict[str, float] = json.loads((folder / f"{side}.json").read_text())
    return found


@pytest.mark.parametrize("name", FULL)
def test_a_training_step(name: str, tmp_path: Path, root: Path) -> None:
    sc.emit(models.get(name)).write(tmp_path / "module.py")
    (tmp_path / "input.json").write_text(json.dumps(models.MODELS[name].input))
    module = sc.emit(models.get(name)).load()
    with (tmp_path / "params.bin").open("wb") as stream:
        for value in module.init(seed=0, dtype=np.float32).values():
            value.tofile(stream)
    ours = one_side("ours", name, tmp_path, root, BATCH)
    theirs = one_side("theirs", name, tmp_path, root, BATCH)
    for path in tmp_path.glob("*.bin"):
        path.unlink()
    print(
        f"\n{name}: memory {ours['peak'] / 2**20:.0f} MiB, PyTorch {theirs['peak'] / 2**20:.0f} MiB; "
        f"seconds {ours['seconds']:.1f}, {theirs['seconds']:.1f}; output apart by {theirs['output_error']:.1e}, "
        f"gradient by {theirs['apart']:.1e}; from float64 {theirs['ours_from_exact']:.1e}, PyTorch's "
        f"{theirs['theirs_from_exact']:.1e}; in float64 apart by {theirs['exactly_apart']:.1e}"
    )
    assert abs(ours["loss"] - theirs["loss"]) <= 1e-4 * abs(theirs["loss"])
    assert theirs["output_error"] <= 1e-4
    assert theirs["exactly_apart"] <= 1e-9
    assert theirs["ours_from_exact"] <= max(ROUNDED, 4 * theirs["theirs_from_exact"])
    assert ours["peak"] <= 2 * theirs["peak"]
