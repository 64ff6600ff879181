"""What `symcnn show` prints of a network: layers, shapes, parameters and multiply-adds."""

from __future__ import annotations

from typing import Any

from symcnn.nets.network import Network
from symcnn.nets.sweep import describe


def summary(net: Network) -> dict[str, Any]:
    """Layers, shapes, parameters and multiply-adds for one input, as ``symcnn show --json`` prints them."""
    return {
        "name": net.name,
        "source": net.source,
        "input": list(net.input_shape),
        "parameters": sum(node.parameter_count() for node in net.nodes),
        "multiply_adds": sum(node.multiply_adds() for node in net.nodes if not node.kind.loss),
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
