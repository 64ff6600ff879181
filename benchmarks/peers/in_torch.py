"""PyTorch, eager in either layout, or compiled."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from benchmarks.operations import Arrays, Operation, computed
from benchmarks.peers import RATE, Absent, Peer, Task


class Words:
    """The operations in PyTorch's own words; ReLU overwrites where that is right, as in its own models."""

    def __init__(self, y: Any, dropping: bool) -> None:
        self.y, self.dropping = y, dropping

    def conv2d(self, op: Operation, x: Any, w: Any, b: Any = None) -> Any:
        return F.conv2d(x, w, b, **op.attributes)

    def linear(self, op: Operation, x: Any, w: Any, b: Any = None) -> Any:
        return F.linear(x, w, b)

    def relu(self, op: Operation, x: Any) -> Any:
        return F.relu(x, inplace=op.alone)

    def max_pool2d(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        return F.max_pool2d(x, a["window"], a["stride"], a["padding"], ceil_mode=a["ceil"])

    def avg_pool2d(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        return F.avg_pool2d(x, a["window"], a["stride"], a["padding"])

    def adaptive_avg_pool2d(self, op: Operation, x: Any) -> Any:
        return F.adaptive_avg_pool2d(x, op.attributes["out"])

    def global_avg_pool2d(self, op: Operation, x: Any) -> Any:
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def batch_norm2d(self, op: Operation, x: Any, g: Any, b: Any) -> Any:
        return F.batch_norm(x, None, None, g, b, training=True, eps=op.attributes["eps"])

    def local_response_norm(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        return F.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["k"])

    def dropout(self, op: Operation, x: Any) -> Any:
        p = op.attributes["p"]
        return F.dropout(x, p) if self.dropping else x / (1 - p)

    def add(self, op: Operation, x: Any, other: Any) -> Any:
        return x + other

    def concat(self, op: Operation, *given: Any) -> Any:
        return torch.cat(given, 1)

    def flatten(self, op: Operation, x: Any) -> Any:
        return x.flatten(1)

    def cross_entropy(self, op: Operation, x: Any) -> Any:
        return F.cross_entropy(x, self.y)

    def binary_cross_entropy(self, op: Operation, x: Any) -> Any:
        return F.binary_cross_entropy_with_logits(x, self.y)

    def mse_loss(self, op: Operation, x: Any) -> Any:
        return F.mse_loss(x, self.y)

    def total(self, op: Operation, *losses: Any) -> Any:
        return sum(w * loss for w, loss in zip(op.attributes["weights"], losses, strict=True))


def peer(name: str, task: Task) -> Peer:
    """Eager (``torch``, ``torch-last`` in channels-last), or ``torch-compile``. Raises Absent."""
    compiling = "compile" in name
    if compiling and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise Absent("torch.compile needs a C++ compiler, and there is none")
    torch.set_num_threads(task.threads)
    layout = torch.channels_last if "last" in name else torch.contiguous_format

    def tensor(array: np.ndarray) -> Any:
        made = torch.tensor(array)
        return made.contiguous(memory_format=layout) if array.ndim == 4 else made

    own = {key: tensor(value).requires_grad_() for key, value in task.params.items()}
    x, y = tensor(task.x), tensor(task.y)
    leaves = list(own.values())

    def loss(dropping: bool) -> Any:
        return computed(task.operations, Words(y, dropping), own, x)

    chosen = torch.compile(loss) if compiling else loss

    def step() -> None:
        # What Optimizer and backward() do beside this takes longer than a tiny network.
        grads = torch.autograd.grad(chosen(True), leaves)
        with torch.no_grad():
            torch._foreach_add_(leaves, grads, alpha=-RATE)

    def gradients() -> Arrays:
        found = torch.autograd.grad(chosen(False), leaves)
        return {key: grad.numpy() for key, grad in zip(own, found, strict=True)}

    return Peer(step, gradients)
