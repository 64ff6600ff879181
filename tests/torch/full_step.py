"""One training step of a full network in a process of its own: `full_step.py ours|theirs NAME FOLDER BATCH [smooth]`.

The folder holds the emitted ``module.py`` and ``params.bin``; of a ``smooth`` network, one without kinks. Either side
writes what its step gave and how far the resident memory rose above what imports, parameters and data had taken.
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


class Draws:
    """A generator that remembers what it drew, so that PyTorch drops the same entries; always the same entries."""

    def __init__(self) -> None:
        self.source, self.drawn = np.random.default_rng(5), list[np.ndarray]()

    def random(self, *arguments: Any, **named: Any) -> np.ndarray:
        self.drawn.append(self.source.random(*arguments, **named))
        return self.drawn[-1]


def module_of(folder: Path) -> Any:
    """The emitted module."""
    spec = importlib.util.spec_from_file_location("emitted", folder / "module.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arrays(path: Path, shapes: dict[str, tuple[int, ...]], dtype: Any = np.float32) -> Arrays:
    """Arrays of these shapes, one after the other in a file."""
    with path.open("rb") as stream:
        return {k: np.fromfile(stream, dtype, math.prod(shape)).reshape(shape) for k, shape in shapes.items()}


def written(path: Path, found: Arrays, names: Any) -> None:
    """Arrays by name, one after the other into a file."""
    with path.open("wb") as stream:
        for name in names:
            np.ascontiguousarray(found[name]).tofile(stream)


def data(shape: tuple[int, ...], classes: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels, the same for both sides."""
    rng = np.random.default_rng(2)
    return rng.standard_normal((batch, *shape), dtype=np.float32), rng.integers(0, classes, batch)


def resident(field: str) -> int:
    """A line of the kernel's account of this process, in bytes: VmRSS now, VmHWM the most since it was set back."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise OSError(f"no {field} in /proc/self/status")


def measured(step: Any) -> tuple[Any, int, float]:
    """What the step gives, how far memory rose during it, and its seconds of processor time."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before, began = resident("VmRSS"), time.process_time()
    found = step()
    return found, resident("VmHWM") - before, time.process_time() - began


def ours(module: Any, folder: Path, shape: tuple[int, ...], batch: int) -> dict[str, float]:
    """The emitted module's step, in float32 and, unmeasured, in float64."""
    params = arrays(folder / "params.bin", module.PARAMETERS)
    x, y = data(shape, 1000, batch)
    known = inspect.signature(module.loss_and_grads).parameters
    draws = Draws()

    def given(dtype: Any) -> dict[str, Any]:
        state = {"state": module.init_state(dtype)} if hasattr(module, "STATE") else {}
        return state | ({"rng": draws} if "rng" in known else {})

    named = given(np.float32)
    (loss, grads), peak, seconds = measured(lambda: module.loss_and_grads(params, x, y, **named))
    written(folder / "grads.bin", grads, module.PARAMETERS)
    np.savez(folder / "draws.npz", *draws.drawn)
    np.save(folder / "output.npy", module.forward(params, x))
    del grads
    params = {key: params.pop(key).astype(np.float64) for key in list(params)}
    draws = Draws()
    _, grads = module.loss_and_grads(params, x.astype(np.float64), y, **given(np.float64))
    written(folder / "exact.bin", grads, module.PARAMETERS)
    return {"loss": float(loss), "peak": peak, "seconds": seconds}


def theirs(
    module: Any, folder: Path, shape: tuple[int, ...], batch: int, name: str, smooth: bool
) -> dict[str, float]:
    """PyTorch's step, and how far ours is from it: outputs relative to the largest, gradients to their norm.

    Both are also held against PyTorch's gradient in float64: rounding alone moves units across their kinks.
    """
    import torch

    from tests.torch import architectures

    torch.set_num_threads(1)
    with torch.device("meta"):
        net = architectures.named(name)
    net = architectures.smooth(net) if smooth else net
    net = net.to_empty(device="cpu")
    for buffer_name, buffer in net.named_buffers():
        buffer.fill_(1.0 if buffer_name.endswith("running_var") else 0.0)
    params = arrays(folder / "params.bin", module.PARAMETERS)
    for parameter, key in zip(net.parameters(), list(params), strict=True):
        parameter.data = torch.from_numpy(params.pop(key))
    x, y = (torch.from_numpy(array) for array in data(shape, 1000, batch))
    net.eval()
    with torch.no_grad():
        output = net(x).numpy()
    net.train()
    with np.load(folder / "draws.npz") as drawn:
        dropouts = [m for m in net.modules() if isinstance(m, architectures.Dropout)]
        for dropout, key in zip(dropouts, drawn.files, strict=True):
            dropout.mask = torch.from_numpy((drawn[key] >= dropout.p).astype(np.float32))

    def step() -> float:
        loss = architectures.loss_of(name, net(x), y)
        loss.backward()
        return loss.item()

    loss, peak, seconds = measured(step)
    found = arrays(folder / "grads.bin", module.PARAMETERS)
    rounded = [p.grad.numpy() for p in net.parameters() if p.grad is not None]
    net.zero_grad(set_to_none=True)
    for module_name, buffer in net.named_buffers():
        buffer.fill_(1 if module_name.endswith("running_var") else 0)
    net.double()
    x = x.double()
    step()
    exact = [p.grad.numpy() for p in net.parameters() if p.grad is not None]
    apart = np.abs(np.load(folder / "output.npy") - output).max() / np.abs(output).max()
    return {
        "loss": loss,
        "peak": peak,
        "seconds": seconds,
        "output_error": float(apart),
        "apart": distance(list(found.values()), rounded),
        "exactly_apart": distance(
            list(arrays(folder / "exact.bin", module.PARAMETERS, np.float64).values()), exact
        ),
        "ours_from_exact": distance(list(found.values()), exact),
        "theirs_from_exact": distance(rounded, exact),
    }


def distance(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The norm of the difference of two gradients, all parameters together, to the norm of the second."""
    both = list(zip(found, wanted, strict=True))
    return math.hypot(*(float(np.linalg.norm(f - w)) for f, w in both)) / math.hypot(
        *(float(np.linalg.norm(w)) for _, w in both)
    )


def main() -> None:
    side, name, place, batch, *smooth = sys.argv[1:]
    folder = Path(place)
    shape = tuple(json.loads((folder / "input.json").read_text()))
    module = module_of(folder)
    found = (
        ours(module, folder, shape, int(batch))
        if side == "ours"
        else theirs(module, folder, shape, int(batch), name, bool(smooth))
    )
    (folder / f"{side}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main()
