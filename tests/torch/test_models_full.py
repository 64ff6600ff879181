"""The famous networks at full size in float32 against PyTorch: output, gradients, and the memory of a training step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn import models
from symcnn.nets.spec import Block, Spec

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


def one_side(side: str, name: str, folder: Path, root: Path, *more: str) -> dict[str, float]:
    """Run one side's step in a fresh process."""
    command = [
        sys.executable,
        str(root / "tests/torch/full_step.py"),
        side,
        name,
        str(folder),
        str(BATCH),
        *more,
    ]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, cwd=root, env=environment)
    found: dict[str, float] = json.loads((folder / f"{side}.json").read_text())
    return found


def both_sides(
    net: sc.Network, name: str, folder: Path, root: Path, *more: str
) -> tuple[dict[str, float], ...]:
    """What our step gives and what PyTorch's does, on the same parameters, data and masks."""
    emitted = sc.emit(net)
    emitted.write(folder / "module.py")
    (folder / "input.json").write_text(json.dumps(net.input_shape))
    with (folder / "params.bin").open("wb") as stream:
        for value in emitted.load().init(seed=0, dtype=np.float32).values():
            value.tofile(stream)
    ours = one_side("ours", name, folder, root, *more)
    theirs = one_side("theirs", name, folder, root, *more)
    for path in folder.glob("*.bin"):
        path.unlink()
    return ours, theirs


@pytest.mark.parametrize("name", FULL)
def test_a_training_step(name: str, tmp_path: Path, root: Path) -> None:
    """Rounding in float32 moves units across their kinks, each worth up to 1e-3 of the gradient, in PyTorch as here.

    So the gradient is compared in float64, and in float32 held to PyTorch's own distance from float64.
    """
    ours, theirs = both_sides(models.get(name), name, tmp_path, root)
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


def smooth(layer: Spec | Block) -> Spec | Block:
    """The same layer without kinks: SiLU in place of ReLU, means in place of maxima."""
    if isinstance(layer, Block):
        return replace(layer, layers=tuple(map(smooth, layer.layers)))
    families = {"relu": "silu", "max_pool2d": "avg_pool2d"}
    return replace(layer, family=families.get(layer.family, layer.family))


@pytest.mark.parametrize("name", FULL)
def test_a_training_step_without_kinks(name: str, tmp_path: Path, root: Path) -> None:
    """The same layers, widths and connections with smooth units: the gradient in float32 is PyTorch's."""
    net = models.get(name)
    net = replace(net, specs=tuple(map(smooth, net.specs)))
    _, theirs = both_sides(net, name, tmp_path, root, "smooth")
    print(
        f"\n{name} without kinks: output apart by {theirs['output_error']:.1e}, gradient by {theirs['apart']:.1e}; "
        f"from float64 {theirs['ours_from_exact']:.1e}, PyTorch's {theirs['theirs_from_exact']:.1e}; "
        f"in float64 apart by {theirs['exactly_apart']:.1e}"
    )
    assert theirs["output_error"] <= 1e-4
    assert theirs["exactly_apart"] <= 1e-9
    assert theirs["apart"] <= 1e-3
