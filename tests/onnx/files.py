"""Small ONNX files for tests, built node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

Node = tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]


def model(
    nodes: Sequence[Node],
    arrays: Mapping[str, np.ndarray],
    shape: Sequence[int | str],
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
    domain: str = "",
) -> Any:
    """A model of the input x; ``shape`` names axes that are open."""
    graph = helper.make_graph(
        [
            helper.make_node(kind, list(reads), list(makes), name=f"n{k}", domain=domain, **attributes)
            for k, (kind, reads, makes, attributes) in enumerate(nodes)
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, list(shape))],
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ()) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    sets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=sets, ir_version=8)


def written(folder: Path, *arguments: Any, **options: Any) -> Path:
    """The file of a model."""
    path = folder / "model.onnx"
    save_model(model(*arguments, **options), path)
    return path
