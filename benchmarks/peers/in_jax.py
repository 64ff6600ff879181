"""JAX, the whole step compiled, with channels first or last."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.operations import Arrays, Operation, bins, computed
from benchmarks.peers import RATE, Peer, Task


class Words:
    """The operations in JAX's own words; ``axis`` is that of the channels."""

    def __init__(self, y: Any, key: Any, last: bool) -> None:
        self.y, self.key, self.last = y, key, last
        self.axis = 3 if last else 1

    def _per_channel(self, values: Any) -> Any:
        return values if self.last else values[:, None, None]

    def _maps(self, pair: Any, around: Any) -> list[Any]:
        """A pair for the two axes of the maps, with ``around`` for the others."""
        return [around, *pair, around] if self.last else [around, around, *pair]

    def conv2d(self, op: Operation, x: Any, w: Any, b: Any = None) -> Any:
        a = op.attributes
        names = ("NHWC", "HWIO", "NHWC") if self.last else ("NCHW", "OIHW", "NCHW")
        out = jax.lax.conv_general_dilated(
            *(x, w, a["stride"], [(p, p) for p in a["padding"]]),
            rhs_dilation=a["dilation"],
            dimension_numbers=names,
            feature_group_count=a["groups"],
        )
        return out if b is None else out + self._per_channel(b)

    def linear(self, op: Operation, x: Any, w: Any, b: Any = None) -> Any:
        return x @ w.T if b is None else x @ w.T + b

    def relu(self, op: Operation, x: Any) -> Any:
        return jax.nn.relu(x)

    def _windows(self, op: Operation, x: Any) -> list[tuple[int, int]]:
        """The padding that gives the output its extents: a ceiling pads more at the end."""
        a = op.attributes
        sides = x.shape[1:3] if self.last else x.shape[2:]
        rows = zip(a["out"], a["stride"], a["window"], a["padding"], sides, strict=True)
        return [(p, max(0, (n - 1) * s + k - p - side)) for n, s, k, p, side in rows]

    def max_pool2d(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        padding = self._windows(op, x)
        if a["window"] == a["stride"] and padding == [(0, 0), (0, 0)]:
            return self._apart(op, x).max(self._inside())  # its gradient is faster than that of reduce_window
        window, stride = self._maps(a["window"], 1), self._maps(a["stride"], 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, stride, self._maps(padding, (0, 0)))

    def _apart(self, op: Operation, x: Any) -> Any:
        (k, m), (rows, columns) = op.attributes["window"], op.attributes["out"]
        x = x[:, : rows * k, : columns * m] if self.last else x[:, :, : rows * k, : columns * m]
        shape = (rows, k, columns, m)
        return x.reshape((len(x), *shape, x.shape[3]) if self.last else (*x.shape[:2], *shape))

    def _inside(self) -> tuple[int, int]:
        return (2, 4) if self.last else (3, 5)

    def avg_pool2d(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        window, stride = self._maps(a["window"], 1), self._maps(a["stride"], 1)
        padding = self._maps(self._windows(op, x), (0, 0))
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, window, stride, padding) / np.prod(a["window"])

    def adaptive_avg_pool2d(self, op: Operation, x: Any) -> Any:
        names = ("pi,nijc,qj->npqc", "pi,ncij,qj->ncpq")
        rows, columns = (
            jnp.asarray(one, x.dtype) for one in map(bins, op.attributes["of"], op.attributes["out"])
        )
        return jnp.einsum(names[not self.last], rows, x, columns)

    def global_avg_pool2d(self, op: Operation, x: Any) -> Any:
        return x.mean((1, 2) if self.last else (2, 3))

    def batch_norm2d(self, op: Operation, x: Any, g: Any, b: Any) -> Any:
        axes = (0, 1, 2) if self.last else (0, 2, 3)
        m = x.mean(axes, keepdims=True)
        v = ((x - m) ** 2).mean(axes, keepdims=True)
        return (x - m) * jax.lax.rsqrt(v + op.attributes["eps"]) * self._per_channel(g) + self._per_channel(b)

    def local_response_norm(self, op: Operation, x: Any) -> Any:
        a = op.attributes
        before = a["size"] // 2
        padding, window = [(0, 0)] * 4, [1] * 4
        padding[self.axis], window[self.axis] = (before, a["size"] - 1 - before), a["size"]
        squares = jax.lax.reduce_window(x * x, 0.0, jax.lax.add, window, [1] * 4, padding)
        return x / (a["k"] + a["alpha"] / a["size"] * squares) ** a["beta"]

    def dropout(self, op: Operation, x: Any) -> Any:
        p = op.attributes["p"]
        if self.key is None:
            return x / (1 - p)
        self.key, own = jax.random.split(self.key)
        return jnp.where(jax.random.bernoulli(own, 1 - p, x.shape), x / (1 - p), 0)

    def add(self, op: Operation, x: Any, other: Any) -> Any:
        return x + other

    def concat(self, op: Operation, *given: Any) -> Any:
        return jnp.concatenate(given, self.axis)

    def flatten(self, op: Operation, x: Any) -> Any:
        return (x.transpose(0, 3, 1, 2) if self.last else x).reshape(len(x), -1)

    def cross_entropy(self, op: Operation, x: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(x), self.y[:, None], 1).mean()

    def binary_cross_entropy(self, op: Operation, x: Any) -> Any:
        return (jnp.maximum(x, 0) - x * self.y + jnp.log1p(jnp.exp(-jnp.abs(x)))).mean()

    def mse_loss(self, op: Operation, x: Any) -> Any:
        return ((x - self.y) ** 2).mean()

    def total(self, op: Operation, *losses: Any) -> Any:
        return sum(w * loss for w, loss in zip(op.attributes["weights"], losses, strict=True))


def peer(name: str, task: Task) -> Peer:
    """The step as one compiled function whose parameters are overwritten; how many cores it takes, affinity says."""
    last = "last" in name
    if task.x.dtype == np.float64:
        jax.config.update("jax_enable_x64", True)

    def laid(array: np.ndarray, weight: bool) -> Any:
        return jnp.asarray(
            array.transpose((2, 3, 1, 0) if weight else (0, 2, 3, 1)) if last and array.ndim == 4 else array
        )

    own = {key: laid(value, True) for key, value in task.params.items()}
    x, y = laid(task.x, False), laid(task.y, False)

    def loss(params: Any, x: Any, y: Any, key: Any) -> Any:
        return computed(task.operations, Words(y, key, last), params, x)

    @partial(jax.jit, donate_argnums=0)
    def trained(params: Any, x: Any, y: Any, key: Any) -> Any:
        key, own_key = jax.random.split(key)
        grads = jax.grad(loss)(params, x, y, own_key)
        return {name: value - RATE * grads[name] for name, value in params.items()}, key

    held = [own, jax.random.key(0)]

    def step() -> None:
        held[:] = trained(held[0], x, y, held[1])
        jax.block_until_ready(held[0])

    def gradients() -> Arrays:
        found = jax.jit(jax.grad(loss))(held[0], x, y, None)
        back = (3, 2, 0, 1)
        return {
            key: np.array(value.transpose(back) if last and value.ndim == 4 else value)
            for key, value in found.items()
        }

    return Peer(step, gradients)
