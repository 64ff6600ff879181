"""HIPS autograd: the network in its NumPy, each convolution one product with the copied windows."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as np

from benchmarks.operations import Arrays, Operation, bins, computed
from benchmarks.peers import RATE, Peer, Task


def _slices(x: Any, a: dict[str, Any], out: list[int], around: float = 0.0) -> list[Any]:
    """For each place in the window the entries of ``x`` that it meets."""
    (k, m), (u, v), (p, q), (e, f) = (a["window"], a["stride"], a["padding"], a.get("dilation", (1, 1)))
    ends = [
        max(0, (n - 1) * s + (w - 1) * d + 1 - side - pad)
        for n, s, w, d, side, pad in zip(out, (u, v), (k, m), (e, f), x.shape[2:], (p, q), strict=True)
    ]
    if p or q or any(ends):
        x = np.pad(x, ((0, 0), (0, 0), (p, ends[0]), (q, ends[1])), "constant", constant_values=around)
    return [
        x[:, :, e * r : e * r + u * (out[0] - 1) + 1 : u, f * s : f * s + v * (out[1] - 1) + 1 : v]
        for r in range(k)
        for s in range(m)
    ]


class Words:
    """The operations in autograd's NumPy."""

    def __init__(self, y: Any, rng: Any) -> None:
        self.y, self.rng = y, rng

    def conv2d(self, op: Operation, x: Any, w: Any, b: Any = None) -> Any:
        a = op.attributes | {"window": w.shape[2:]}
        rows = zip(x.shape[2:], a["window"], a["stride"], a["padding"], a["dilation"], strict=True)
        out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows]
        columns = np.stack(_slices(x, a, out), axis=2)  # n, c, (r, s), i, j
        groups, n = a["groups"], len(x)
        columns = columns.reshape((n, groups, -1, out[0] * out[1]))
        weights = w.reshape((groups, len(w) // groups, -1))
        z = np.matmul(weights, columns).reshape((n, len(w), *out))
        return z if b is None else z + b[:, None, None]

    def linear(self, op: Operation, x: Any, w: Any, b: Any = None) -> Any:
        return np.dot(x, w.T) if b is None else np.dot(x, w.T) + b

    def relu(self, op: Operation, x: Any) -> Any:
        return np.where(x > 0, x, 0 * x)

    def max_pool2d(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        (k, m), (rows, columns) = a["window"], a["out"]
        if a["window"] == a["stride"] and not any(a["padding"]) and not a["ceil"]:
            x = x[:, :, : rows * k, : columns * m].reshape((*x.shape[:2], rows, k, columns, m))
            return np.max(np.max(x, axis=5), axis=3)
        best, *others = _slices(x, a, a["out"], -np.inf)
        for other in others:
            best = np.where(other > best, other, best)
        return best

    def avg_pool2d(self, op: Operation, x: Any) -> Any:
        (k, m) = op.attributes["window"]
        return sum(_slices(x, op.attributes, op.attributes["out"])) / (k * m)

    def adaptive_avg_pool2d(self, op: Operation, x: Any) -> Any:
        rows, columns = map(bins, op.attributes["of"], op.attributes["out"])
        return np.matmul(np.matmul(rows.astype(x.dtype), x), columns.T.astype(x.dtype))

    def global_avg_pool2d(self, op: Operation, x: Any) -> Any:
        return np.mean(x, axis=(2, 3))

    def batch_norm2d(self, op: Operation, x: Any, g: Any, b: Any) -> Any:
        d = x - np.mean(x, axis=(0, 2, 3), keepdims=True)
        v = np.mean(d**2, axis=(0, 2, 3), keepdims=True)
        return d / np.sqrt(v + op.attributes["eps"]) * g[:, None, None] + b[:, None, None]

    def local_response_norm(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        before, channels = a["size"] // 2, x.shape[1]
        squares = np.pad(x * x, ((0, 0), (before, a["size"] - 1 - before), (0, 0), (0, 0)), "constant")
        spread = sum(squares[:, d : d + channels] for d in range(a["size"]))
        return x / (a["k"] + a["alpha"] / a["size"] * spread) ** a["beta"]

    def dropout(self, op: Operation, x: Any) -> Any:
        p = op.attributes["p"]
        kept = 1 if self.rng is None else self.rng.random(x.shape, "float32") >= p
        return x * kept / (1 - p)

    def add(self, op: Operation, x: Any, other: Any) -> Any:
        return x + other

    def concat(self, op: Operation, *given: Any) -> Any:
        return np.concatenate(given, axis=1)

    def flatten(self, op: Operation, x: Any) -> Any:
        return x.reshape((len(x), -1))

    def cross_entropy(self, op: Operation, x: Any) -> Any:
        x = x - np.max(x, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(x), axis=1)) - x[np.arange(len(self.y)), self.y])

    def binary_cross_entropy(self, op: Operation, x: Any) -> Any:
        return np.mean(np.maximum(x, 0) - x * self.y + np.log1p(np.exp(-np.abs(x))))

    def mse_loss(self, op: Operation, x: Any) -> Any:
        return np.mean((x - self.y) ** 2)

    def total(self, op: Operation, *losses: Any) -> Any:
        return sum(w * loss for w, loss in zip(op.attributes["weights"], losses, strict=True))


def peer(name: str, task: Task) -> Peer:
    """Gradients by ``autograd.grad``."""
    del name
    own = {key: value.copy() for key, value in task.params.items()}

    def loss(params: Any, rng: Any) -> Any:
        return computed(task.operations, Words(task.y, rng), params, task.x)

    grads = autograd.grad(loss)
    rng = np.random.default_rng(0)

    def step() -> None:
        for key, value in grads(own, rng).items():
            own[key] -= task.x.dtype.type(RATE) * value

    def gradients() -> Arrays:
        return dict(grads(own, None))

    return Peer(step, gradients)
