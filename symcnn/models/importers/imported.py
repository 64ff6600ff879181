"""What an importer returns: a network, and the original's arrays under the network's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from symcnn.core.errors import ShapeError
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.scopes import blocked
from symcnn.models.importers.views import View, Weight
from symcnn.nets.network import Network
from symcnn.nets.spec import Spec
from symcnn.nets.spec.formulas import pairing

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """An imported network; ``derive``, ``emit`` and ``check`` take it.

    ``params`` and ``state`` are what the emitted module's functions take: the original's arrays under the network's
    names. ``originals`` gives the original's name of each.
    """

    network: Network
    params: Arrays
    state: Arrays
    originals: Mapping[str, str]


def imported(assembly: Assembly, output: View, loss: Spec | None, name: str) -> Imported:
    """The network of all layers that were added, which end in ``loss`` or pair with a cotangent. Raises SymcnnError."""
    last = assembly.source(output)
    if isinstance(last, Weight):
        raise ShapeError(f"{name}: expected an output that depends on the input, got {last.name} alone")
    found = blocked(_ending_in(assembly, last.name), assembly.scopes, last.name)
    end = pairing(len(last.shape)) if loss is None else loss
    specs = [*found.layers, end.on(found.output, *end.inputs)]
    network = Network(specs, assembly.input_shape, name=name, training=assembly.training)
    owners = {found.names[layer]: arrays for layer, arrays in assembly.arrays.items() if layer in found.names}
    params: Arrays = {}
    state: Arrays = {}
    originals: dict[str, str] = {}
    for node in network.nodes:
        running = dict(node.running)
        for key, weight in owners.get(node.name, {}).items():
            tensor = running.get(key) or node.tensor(key)
            (params if tensor in node.trained else state)[tensor.name] = weight.array
            originals[tensor.name] = weight.name
    return Imported(network, params, state, originals)


def _ending_in(assembly: Assembly, last: str) -> list[Spec]:
    """The layers on which the value of one layer depends, in order."""
    wanted, kept = {last}, list[Spec]()
    for spec in reversed(assembly.specs):
        if spec.name in wanted:
            kept.append(spec)
            wanted |= set(spec.inputs)
    return kept[::-1]
