"""Textbook NumPy: im2col by indices, argmax pooling, one layer after the other; what most lecture code does.

Each layer is a function that gives its value and the function that takes the cotangent back: to what it read, then to
its parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.operations import Arrays, Operation, bins
from benchmarks.peers import RATE, Peer, Task

Back = Callable[[Any], tuple[Any, ...]]
Layer = tuple[Any, Back]


def _indices(
    shape: tuple[int, ...], out: list[int], a: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Channel, row and column of every entry that the windows copy."""
    (k, m), (u, v), (e, f) = a["window"], a["stride"], a.get("dilation", (1, 1))
    channels = np.repeat(np.arange(shape[1]), k * m)[:, None]
    rows = np.tile(np.repeat(e * np.arange(k), m), shape[1])[:, None] + u * np.repeat(
        np.arange(out[0]), out[1]
    )
    columns = np.tile(f * np.arange(m), shape[1] * k)[:, None] + v * np.tile(np.arange(out[1]), out[0])
    return channels, rows, columns


def _windows(x: np.ndarray, out: list[int], a: dict[str, Any], around: float = 0) -> tuple[np.ndarray, Back]:
    """im2col: [n, channel and place in the window, place in the output], and back by adding where windows overlap."""
    (p, q), (u, v), (k, m), (e, f) = a["padding"], a["stride"], a["window"], a.get("dilation", (1, 1))
    height, width = x.shape[2:]
    below = max(0, (out[0] - 1) * u + (k - 1) * e + 1 - height - p)
    right = max(0, (out[1] - 1) * v + (m - 1) * f + 1 - width - q)
    padded = np.pad(x, ((0, 0), (0, 0), (p, below), (q, right)), constant_values=around)
    at: Any = _indices(padded.shape, out, a)

    def back(parts: np.ndarray) -> tuple[np.ndarray]:
        dx = np.zeros(padded.shape, parts.dtype)
        np.add.at(dx, (slice(None), *at), parts)
        return (dx[:, :, p : p + height, q : q + width],)

    return padded[:, at[0], at[1], at[2]], back


class Layers:
    """The operations; ``rng`` draws masks, None drops nothing."""

    def __init__(self, y: np.ndarray, rng: np.random.Generator | None) -> None:
        self.y, self.rng = y, rng

    def conv2d(self, op: Operation, x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> Layer:
        a = op.attributes | {"window": w.shape[2:]}
        rows = zip(x.shape[2:], w.shape[2:], a["stride"], a["padding"], a["dilation"], strict=True)
        out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows]
        columns, spread = _windows(x, out, a)
        groups, n = a["groups"], len(x)
        columns = columns.reshape(n, groups, -1, out[0] * out[1])
        weights = w.reshape(groups, len(w) // groups, -1)
        z = (weights @ columns).reshape(n, len(w), *out)

        def back(d: np.ndarray) -> tuple[Any, ...]:
            flat = d.reshape(n, groups, len(w) // groups, -1)
            dw = (flat @ columns.swapaxes(2, 3)).sum(axis=0).reshape(w.shape)
            parts = (weights.swapaxes(1, 2) @ flat).reshape(n, -1, out[0] * out[1])
            return (*spread(parts), dw, *(() if b is None else (d.sum(axis=(0, 2, 3)),)))

        return (z if b is None else z + b[:, None, None]), back

    def linear(self, op: Operation, x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> Layer:
        z = x @ w.T if b is None else x @ w.T + b
        return z, lambda d: (d @ w, d.T @ x, *(() if b is None else (d.sum(axis=0),)))

    def relu(self, op: Operation, x: np.ndarray) -> Layer:
        return np.maximum(x, 0), lambda d: (d * (x > 0),)

    def max_pool2d(self, op: Operation, x: np.ndarray) -> Layer:
        (n, c), out = x.shape[:2], op.attributes["out"]
        parts, spread = _windows(x, out, op.attributes, -np.inf)
        parts = parts.reshape(n, c, -1, out[0] * out[1])
        at = parts.argmax(axis=2)[:, :, None]

        def back(d: np.ndarray) -> tuple[Any, ...]:
            routed = np.zeros(parts.shape, d.dtype)
            np.put_along_axis(routed, at, d.reshape(n, c, 1, -1), 2)
            return spread(routed.reshape(n, -1, out[0] * out[1]))

        return np.take_along_axis(parts, at, 2).reshape(n, c, *out), back

    def avg_pool2d(self, op: Operation, x: np.ndarray) -> Layer:
        (n, c), out = x.shape[:2], op.attributes["out"]
        parts, spread = _windows(x, out, op.attributes)
        parts = parts.reshape(n, c, -1, out[0] * out[1])

        def back(d: np.ndarray) -> tuple[Any, ...]:
            shared = np.broadcast_to(d.reshape(n, c, 1, -1) / np.float32(parts.shape[2]), parts.shape)
            return spread(shared.reshape(n, -1, out[0] * out[1]))

        return parts.mean(axis=2).reshape(n, c, *out), back

    def adaptive_avg_pool2d(self, op: Operation, x: np.ndarray) -> Layer:
        rows, columns = (one.astype(x.dtype) for one in map(bins, op.attributes["of"], op.attributes["out"]))
        return rows @ x @ columns.T, lambda d: (rows.T @ d @ columns,)

    def global_avg_pool2d(self, op: Operation, x: np.ndarray) -> Layer:
        size = x.dtype.type(x.shape[2] * x.shape[3])
        return x.mean(axis=(2, 3)), lambda d: (np.broadcast_to((d / size)[:, :, None, None], x.shape),)

    def batch_norm2d(self, op: Operation, x: np.ndarray, g: np.ndarray, b: np.ndarray) -> Layer:
        axes = (0, 2, 3)
        deviation = np.sqrt(x.var(axis=axes, keepdims=True) + x.dtype.type(op.attributes["eps"]))
        normal = (x - x.mean(axis=axes, keepdims=True)) / deviation

        def back(d: np.ndarray) -> tuple[Any, ...]:
            db, dg = d.sum(axis=axes), (d * normal).sum(axis=axes)
            size = x.dtype.type(d.size // d.shape[1])
            centred = d - (db[:, None, None] + normal * dg[:, None, None]) / size
            return g[:, None, None] / deviation * centred, dg, db

        return g[:, None, None] * normal + b[:, None, None], back

    def local_response_norm(self, op: Operation, x: np.ndarray) -> Layer:
        a, channels = op.attributes, x.shape[1]
        before, after = a["size"] // 2, a["size"] - 1 - a["size"] // 2
        share = x.dtype.type(a["alpha"] / a["size"])

        def summed(values: np.ndarray, first: int, last: int) -> Any:
            padded = np.pad(values, ((0, 0), (first, last), (0, 0), (0, 0)))
            return sum(padded[:, i : i + channels] for i in range(a["size"]))

        scale = x.dtype.type(a["k"]) + share * summed(x * x, before, after)
        y = x * scale ** x.dtype.type(-a["beta"])

        def back(d: np.ndarray) -> tuple[Any, ...]:
            direct = d * scale ** x.dtype.type(-a["beta"])
            return (direct - x.dtype.type(2 * a["beta"]) * share * x * summed(d * y / scale, after, before),)

        return y, back

    def dropout(self, op: Operation, x: np.ndarray) -> Layer:
        p = x.dtype.type(op.attributes["p"])
        kept = np.ones(x.shape, x.dtype) if self.rng is None else self.rng.random(x.shape, x.dtype) >= p
        return x * kept / (1 - p), lambda d: (d * kept / (1 - p),)

    def add(self, op: Operation, x: np.ndarray, other: np.ndarray) -> Layer:
        return x + other, lambda d: (d, d)

    def concat(self, op: Operation, *given: np.ndarray) -> Layer:
        ends = np.cumsum([x.shape[1] for x in given])[:-1]
        return np.concatenate(given, axis=1), lambda d: tuple(np.split(d, ends, axis=1))

    def flatten(self, op: Operation, x: np.ndarray) -> Layer:
        return x.reshape(len(x), -1), lambda d: (d.reshape(x.shape),)

    def cross_entropy(self, op: Operation, x: np.ndarray) -> Layer:
        shifted = x - x.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        at = np.arange(len(x)), self.y
        loss = (np.log(total[:, 0]) - shifted[at]).mean()

        def back(d: Any) -> tuple[Any, ...]:
            dx = p / total
            dx[at] -= 1
            return (dx * x.dtype.type(d / len(x)),)

        return loss, back

    def binary_cross_entropy(self, op: Operation, x: np.ndarray) -> Layer:
        loss = (np.maximum(x, 0) - x * self.y + np.log1p(np.exp(-np.abs(x)))).mean()
        return loss, lambda d: ((1 / (1 + np.exp(-x)) - self.y) * x.dtype.type(d / x.size),)

    def mse_loss(self, op: Operation, x: np.ndarray) -> Layer:
        difference = x - self.y
        return (difference**2).mean(), lambda d: (difference * x.dtype.type(2 * d / x.size),)

    def total(self, op: Operation, *losses: Any) -> Layer:
        weights = op.attributes["weights"]
        return sum(map(np.multiply, weights, losses)), lambda d: tuple(d * w for w in weights)


def gradients(operations: tuple[Operation, ...], layers: Layers, params: Arrays, x: np.ndarray) -> Arrays:
    """All gradients: forward through the layers, then back."""
    values: dict[str, Any] = {"x": x}
    backs: list[tuple[Operation, Back]] = []
    for op in operations:
        given = (*(values[name] for name in op.given), *(params[name] for name in op.params))
        values[op.out], back = getattr(layers, op.name)(op, *given)
        backs.append((op, back))
    found: dict[str, Any] = {operations[-1].out: 1.0}
    while backs:
        op, back = backs.pop()
        for name, d in zip((*op.given, *op.params), back(found.pop(op.out)), strict=True):
            found[name] = found[name] + d if name in found else d
    return {name: found[name] for name in params}


def peer(name: str, task: Task) -> Peer:
    """Layers one after the other, each with its own arrays."""
    del name
    own = {key: value.copy() for key, value in task.params.items()}
    rng = np.random.default_rng(0)

    def step() -> None:
        for key, gradient in gradients(task.operations, Layers(task.y, rng), own, task.x).items():
            own[key] -= task.x.dtype.type(RATE) * gradient

    return Peer(step, lambda: gradients(task.operations, Layers(task.y, None), own, task.x))
