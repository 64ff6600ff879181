"""Networks from ONNX files: nodes as layers, initial values as parameters, everything constant computed at once.

A file is untrusted: its size, its references to other files, its order of nodes and what its constants would grow to are
checked before anything is built, and whatever is wrong is one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import LimitExceeded, ShapeError, SymcnnError, UnsupportedFormula
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.imported import Imported, imported
from symcnn.models.importers.onnx_constants import folded
from symcnn.models.importers.onnx_node import Initial, Node
from symcnn.models.importers.onnx_operators import OPERATORS
from symcnn.models.importers.views import View
from symcnn.nets.spec import Spec

MOST_BYTES = 2**31
MOST_NODES = 20_000
OLDEST = 7  # operator set: before it, broadcasting was an attribute


def from_onnx(
    path: str | Path,
    *,
    loss: Spec | None = None,
    output: int | None = None,
    input_shape: Sequence[int] | None = None,
    name: str = "",
) -> Imported:
    """A network with the architecture and weights of an ONNX file, in evaluation.

    The first axis of the input is the batch, of any size even where the file fixes it; ``input_shape`` gives the others
    where the file leaves them open. Initial values of one axis or more are parameters. Without ``loss`` the network
    ends in the file's output; ``output`` chooses one of several. Raises SymcnnError naming the node; OSError.
    """
    path = Path(path)
    graph, opset = _graph(path)
    shape = tuple(input_shape) if input_shape is not None else _input_shape(graph, path)
    batch = _batch(graph, path)
    found = Reading(graph, opset, Assembly(shape, training=False, batch=batch)).read(path, output)
    if shared := found.assembly.repeated():
        found = Reading(graph, opset, Assembly(shape, False, shared, batch)).read(path, output)
    assert found.chosen is not None, "a graph has been read"
    title = name or path.stem
    plain = "".join(c if c.isalnum() else "_" for c in title) or "network"
    return imported(found.assembly, found.chosen, loss, plain)


def _graph(path: Path) -> tuple[Any, int]:
    """The graph of a file and its operator set. Raises SymcnnError, OSError."""
    try:
        import onnx
    except ImportError:
        raise SymcnnError("from_onnx needs the onnx package: pip install 'symcnn[onnx]'") from None
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]

    size = path.stat().st_size
    if size > MOST_BYTES:
        raise LimitExceeded(f"{path}: {size:,} bytes; the limit is {MOST_BYTES:,}")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, RecursionError) as error:
        raise SymcnnError(
            f"{path}: expected an ONNX model, got a file that is none ({_line(error)})"
        ) from None
    if not model.graph.node:
        raise SymcnnError(f"{path}: expected an ONNX model, got one without nodes")
    if len(model.graph.node) > MOST_NODES:
        raise LimitExceeded(f"{path}: {len(model.graph.node)} nodes; the limit is {MOST_NODES}")
    _load_external(model, path)
    opset = _opset(model, path)
    try:
        onnx.checker.check_model(model)
        if model.functions:
            from onnx import inliner

            model = inliner.inline_local_functions(model)
    except (onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise SymcnnError(f"{path}: expected a valid ONNX model: {_line(error)}") from None
    return model.graph, opset


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200]


def _opset(model: Any, path: Path) -> int:
    """The version of the standard operators. Raises SymcnnError where it is none that is known."""
    import onnx

    found = {entry.domain: entry.version for entry in model.opset_import}
    version = int(found.get("", found.get("ai.onnx", 0)))
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= version <= newest:
        raise SymcnnError(f"{path}: expected operator set {OLDEST} to {newest}, got {version}")
    return version


def _load_external(model: Any, path: Path) -> None:
    """Arrays that stand in other files, which have to lie in the folder of the model. Raises SymcnnError."""
    import onnx
    from onnx import external_data_helper

    folder = path.resolve().parent
    for tensor in external_data_helper._get_all_tensors(model):
        if not external_data_helper.uses_external_data(tensor):
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        beside = (folder / location).resolve()
        if not location or not beside.is_relative_to(folder):
            raise SymcnnError(f"{path}: expected external data in the model's folder, got {location!r}")
        if not beside.is_file():
            raise SymcnnError(f"{path}: expected external data in {location!r}, which does not exist")
        if beside.stat().st_size > MOST_BYTES:
            raise LimitExceeded(
                f"{path}: {location!r} has {beside.stat().st_size:,} bytes; the limit is {MOST_BYTES:,}"
            )
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:
            raise SymcnnError(
                f"{path}: external data of {tensor.name!r} cannot be read: {_line(error)}"
            ) from error
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT


def _input(graph: Any, path: Path) -> Any:
    """The one input. Raises ShapeError."""
    arrays = {tensor.name for tensor in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in arrays]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        told = f": {names}; join them in one" if len(inputs) > 1 else ""
        raise ShapeError(f"{path}: expected one input, got {len(inputs)}{told}")
    return inputs[0]


def _batch(graph: Any, path: Path) -> int | None:
    """The number of images that the file says, if it does."""
    dims = _input(graph, path).type.tensor_type.shape.dim
    return int(dims[0].dim_value) if dims and dims[0].dim_value > 0 else None


def _input_shape(graph: Any, path: Path) -> tuple[int, ...]:
    """The extents of the input behind the batch. Raises ShapeError."""
    entry = _input(graph, path)
    dims = entry.type.tensor_type.shape.dim
    if len(dims) < 2:
        raise ShapeError(f"{path}: expected an input of at least two axes, the batch first, got {len(dims)}")
    found = []
    for k, dim in enumerate(dims[1:], start=1):
        if dim.dim_value < 1:
            what = dim.dim_param or "unknown"
            raise ShapeError(
                f"{path}: expected the extent of axis {k} of {entry.name}, got {what}: give input_shape"
            )
        found.append(int(dim.dim_value))
    return tuple(found)


@dataclass(slots=True)
class Reading:
    """One pass over a graph: what each name is."""

    graph: Any
    opset: int
    assembly: Assembly
    known: dict[str, Any] = field(default_factory=dict)
    chosen: View | None = None

    def read(self, path: Path, chosen: int | None) -> Reading:
        """Read every node. Raises SymcnnError naming it."""
        from onnx import numpy_helper

        self.known[_input(self.graph, path).name] = self.assembly.input
        for tensor in self.graph.initializer:
            try:
                array = numpy_helper.to_array(tensor)
            except (ValueError, TypeError, AttributeError) as error:
                raise SymcnnError(
                    f"{path}: the array {tensor.name!r} cannot be read: {_line(error)}"
                ) from error
            floats = array.dtype.kind == "f" and array.ndim > 0
            self.known[tensor.name] = Initial(tensor.name, array) if floats else array
        for number, proto in enumerate(self.graph.node):
            where = f"{path}: node {proto.name or number} ({proto.op_type})"
            self.assembly.scope = _scope(proto)
            try:
                results = self._results(proto)
            except SymcnnError as error:
                raise type(error)(f"{where}: {error}") from None
            self.known |= dict(zip(proto.output, results, strict=False))
        self.chosen = self._output(path, chosen)
        return self

    def _results(self, proto: Any) -> list[Any]:
        if proto.domain not in ("", "ai.onnx"):
            raise UnsupportedFormula(f"no layer for operators of the domain {proto.domain!r}")
        missing = [name for name in proto.input if name and name not in self.known]
        if missing:
            raise ShapeError(f"expected a value that is made before, got {missing[0]!r}")
        inputs = [self.known[name] if name else None for name in proto.input]
        node = Node(proto.op_type, inputs, proto, self.opset)
        if proto.op_type == "Shape" and isinstance(inputs[0], View | Initial):
            return [_extents(node)]
        if not any(isinstance(value, View | Initial) for value in inputs):
            return folded(node)
        if proto.op_type not in OPERATORS:
            raise UnsupportedFormula(
                f"no layer for this operator; those with one are {', '.join(sorted(OPERATORS))}"
            )
        result = OPERATORS[proto.op_type](self.assembly, node)
        node.check()
        return result if isinstance(result, list) else [result]

    def _output(self, path: Path, chosen: int | None) -> View:
        outputs = [entry.name for entry in self.graph.output]
        if chosen is None and len(outputs) > 1:
            raise SymcnnError(
                f"{path}: expected one output, got {', '.join(outputs)}; choose one by output=0 and so on"
            )
        at = chosen or 0
        if not 0 <= at < len(outputs):
            raise SymcnnError(f"{path}: expected output as one of 0 to {len(outputs) - 1}, got {at}")
        found = self.known.get(outputs[at])
        if not isinstance(found, View):
            raise ShapeError(f"{path}: expected an output that depends on the input, got {outputs[at]!r}")
        return found


def _scope(proto: Any) -> tuple[str, ...]:
    """The parts that a node comes from, as exporters write them into its metadata or the front of its name."""
    told = {entry.key: entry.value for entry in getattr(proto, "metadata_props", ())}
    names = re.findall(r"'([^']*)'", told.get("pkg.torch.onnx.name_scopes", ""))
    if names:
        return tuple(dict.fromkeys(name for name in names[:-1] if name))
    return tuple(name for name in proto.name.split("/")[:-1] if name)


def _extents(node: Node) -> np.ndarray:
    """A shape as an array of integers, or of expressions of the batch."""
    shape: Sequence[sp.Expr] = node.view(0).shape[node.attribute("start", 0) : node.attribute("end", None)]
    if all(extent.is_Integer for extent in shape):
        return np.array([int(extent) for extent in shape], dtype=np.int64)
    return np.array([*shape, None], dtype=object)[:-1]
