"""A network as plain operations, so that other libraries can compute it in their own words without symcnn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.operations import Attributes, Operation
from symcnn.core.errors import UnknownName
from symcnn.nets.network import Network
from symcnn.nets.node import Node

# Losses of probabilities: peers take the form of the logits, which is the one that they compute best.
OF_LOGITS = {"cross_entropy of probabilities": "softmax", "binary_cross_entropy": "sigmoid"}


def graph(net: Network) -> list[Operation]:
    """The operations in order, the loss last; labels are ``y``. Raises UnknownName."""
    found: list[Operation] = []
    skipped: dict[str, str] = {}
    for node in net.nodes:
        given = tuple(skipped.get(t.name, t.name) for t in node.inputs)
        if node.kind.name in OF_LOGITS.values() and _before_a_loss(net, node):
            skipped[node.output.name] = given[0]
            continue
        name, attributes = _words(node)
        params = tuple(t.name for t in node.trained)
        if name in ("conv2d", "linear") and len(params) == 2:
            params = tuple(node.tensor(part).name for part in ("W", "b"))
        elif name == "batch_norm2d":
            params = tuple(node.tensor(part).name for part in ("g", "b"))
        found.append(Operation(name, node.output.name, given, params, attributes))
    return _freed(found)


def multiply_adds(net: Network) -> int:
    """Products that one training step sums for one image: forward, and twice in the sweep, but for ∂L/∂x of the input."""
    counts = [(node.multiply_adds(), net.input in node.inputs) for node in net.nodes]
    return sum(count * (2 if first else 3) for count, first in counts)


def _before_a_loss(net: Network, node: Node) -> bool:
    readers = [other for other in net.nodes if node.output in other.inputs]
    return all(OF_LOGITS.get(other.kind.name) == node.kind.name for other in readers)


def _words(node: Node) -> tuple[str, Attributes]:
    """The operation's name and what it is told, by the beginning of the kind's name."""
    sizes = {symbol.name: value for symbol, value in node.sizes}
    for start, name, read in WORDS:
        if node.kind.name.startswith(start):
            return name, {key: _number(value) for key, value in read(sizes).items()}
    raise UnknownName(f"expected a layer that the peers know, got {node.kind.name}")


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_number(one) for one in value]
    return int(value) if value == int(value) else float(value)


def _window(s: dict[str, Any]) -> Attributes:
    return {"window": [s["R"], s["S"]], "stride": [s["u"], s["v"]], "padding": [s["p"], s["q"]]}


def _conv(s: dict[str, Any]) -> Attributes:
    where = {"stride": [s["u"], s["v"]], "padding": [s["p"], s["q"]], "dilation": [s["e"], s["f"]]}
    return where | {"groups": s.get("G", 1)}


def _pooled(s: dict[str, Any]) -> Attributes:
    """The window, and the extents of the output with whether a ceiling raises them."""
    floors = [(s["H"] + 2 * s["p"] - s["R"]) // s["u"] + 1, (s["V"] + 2 * s["q"] - s["S"]) // s["v"] + 1]
    out = [s.get("P", floors[0]), s.get("Q", floors[1])]
    return _window(s) | {"out": out, "ceil": out != floors}


def _nothing(_: dict[str, Any]) -> Attributes:
    return {}


def _spread(s: dict[str, Any]) -> Attributes:
    return {"size": s["D"], "alpha": s["alpha"], "beta": s["beta"], "k": s["k"]}


def _weights(s: dict[str, Any]) -> Attributes:
    return {"weights": [s[f"w{i}"] for i in range(1, len(s) + 1)]}


Words = tuple[str, str, Callable[[dict[str, Any]], Attributes]]
WORDS: tuple[Words, ...] = (
    ("conv2d", "conv2d", _conv),
    ("grouped conv2d", "conv2d", _conv),
    ("linear", "linear", _nothing),
    ("relu", "relu", _nothing),
    ("max_pool2d", "max_pool2d", _pooled),
    ("avg_pool2d", "avg_pool2d", _pooled),
    (
        "adaptive_avg_pool2d",
        "adaptive_avg_pool2d",
        lambda s: {"out": [s["P"], s["Q"]], "of": [s["H"], s["V"]]},
    ),
    ("global_avg_pool2d", "global_avg_pool2d", _nothing),
    ("batch_norm2d", "batch_norm2d", lambda s: {"eps": s["eps"]}),
    ("local_response_norm", "local_response_norm", _spread),
    ("dropout", "dropout", lambda s: {"p": s["p"]}),
    ("add", "add", _nothing),
    ("concat of", "concat", _nothing),
    ("flatten", "flatten", _nothing),
    ("cross_entropy", "cross_entropy", _nothing),
    ("binary_cross_entropy", "binary_cross_entropy", _nothing),
    ("mse_loss", "mse_loss", _nothing),
    ("total of", "total", _weights),
)
OVERWRITTEN = ("conv2d", "linear", "batch_norm2d", "add")  # their gradients do not read their values


def _freed(operations: list[Operation]) -> list[Operation]:
    """The same operations, told what is read for the last time and what may be overwritten."""
    readers = Counter(name for operation in operations for name in set(operation.given))
    makers = {operation.out: operation.name for operation in operations}
    found: list[Operation] = []
    kept: set[str] = set()
    for operation in reversed(operations):
        done = tuple(dict.fromkeys(name for name in operation.given if name not in kept))
        kept.update(operation.given)
        first = operation.given[0]
        alone = readers[first] == 1 and makers.get(first) in OVERWRITTEN
        found.append(replace(operation, done=done, alone=alone))
    return found[::-1]
