"""Modules that symcnn emitted; their process imports NumPy only."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import numpy as np

from benchmarks.peers import RATE, Peer, Task


class Nothing:
    """A generator whose numbers drop nothing."""

    def random(self, shape: Any, dtype: Any = np.float64) -> np.ndarray:
        return np.full(shape, np.nextafter(dtype(1), dtype(0)), dtype)


def peer(name: str, task: Task) -> Peer:
    """The module of the style that the name says, with as many workers as there are cores where it takes workers."""
    spec = importlib.util.spec_from_file_location("emitted", task.folder / f"{name}.py")
    assert spec is not None, "the file was written beforehand"
    assert spec.loader is not None, "it is a source file"
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = inspect.signature(module.loss_and_grads).parameters
    given: dict[str, Any] = {"workers": task.threads} if "workers" in known and task.threads > 1 else {}
    own = module.init(dtype=task.x.dtype)
    for key, value in task.params.items():
        own[key][...] = value

    def grads(rng: Any) -> Any:
        drawn = {"rng": rng} if "rng" in known else {}
        return module.loss_and_grads(own, task.x, task.y, **given, **drawn)[1]

    rng = np.random.default_rng(0)
    return Peer(
        lambda: module.sgd_step(own, grads(rng), RATE),
        lambda: {key: np.array(value) for key, value in grads(Nothing()).items()},
    )
