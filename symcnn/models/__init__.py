"""The named networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symcnn.core.errors import UnknownName
from symcnn.models.small import lenet5, lenet5_digits, notes
from symcnn.nets.network import Network
from symcnn.nets.sweep import describe

MODELS: dict[str, Callable[[], Network]] = {"notes": notes, "lenet5": lenet5, "lenet5-digits": lenet5_digits}


def names() -> list[str]:
    """The names of all models."""
    return list(MODELS)


def get(name: str) -> Network:
    """A model by its name. Raises UnknownName."""
    if name not in MODELS:
        raise UnknownName(f"expected one of the models {', '.join(MODELS)}; got {name!r}")
    return MODELS[name]()


def summary(net: Network) -> dict[str, Any]:
    """Layers, shapes, parameters and multiply-adds, as ``symcnn show --json`` prints them."""
    return {
        "name": net.name,
        "source": net.source,
        "input": list(net.input_shape),
        "parameters": sum(node.parameter_count() for node in net.nodes),
        "multiply_adds": sum(node.multiply_adds() for node in net.layers),
        "layers": [
            {
                "name": node.name,
                "type": describe(node),
                "output_shape": [int(extent) for extent in node.output.shape[1:]],
                "parameters": node.parameter_count(),
            }
            for node in net.nodes
        ],
    }


__all__ = ["get", "lenet5", "lenet5_digits", "names", "notes", "summary"]
