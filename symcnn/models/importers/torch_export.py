"""Networks from PyTorch modules: the graph that ``torch.export`` makes of a module, read node by node.

Operators that have a layer here are read as they are; the others are first rewritten by PyTorch's own decompositions,
and what then remains unknown is refused by its name.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError, SymcnnError, UnsupportedFormula
from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.assembly import Assembly
from symcnn.models.importers.imported import Imported, imported
from symcnn.models.importers.torch_operators import OPERATORS
from symcnn.models.importers.views import View, Weight, constant, whole
from symcnn.nets.spec import Spec

ROUNDS = 8  # of decomposition: each opens operators that the one before made
UNIMPORTANT = (
    "cudnn_enable",
    "cudnn_enabled",
    "momentum",  # of statistics that the mode does not read
    "memory_format",
    "layout",
    "device",
    "pin_memory",
    "copy",
    "non_blocking",
    "half_to_float",
)
IGNORED = ("_assert", "sym_constrain_range", "aten::_assert")


def from_torch(
    module: Any, example: Any, *, loss: Spec | None = None, output: int | None = None, name: str = ""
) -> Imported:
    """A network with a module's architecture and weights; ``example`` is an input, whose first axis is the batch.

    In evaluation mode (``module.eval()``) batch norms read running statistics and dropout is the identity; otherwise
    the network is the one that is trained. Without ``loss`` the network ends in the module's output; ``output`` chooses
    one of several. Raises SymcnnError naming an operator that has no layer.
    """
    try:
        import torch
    except ImportError:
        raise SymcnnError("from_torch needs PyTorch: pip install 'symcnn[torch]'") from None
    if not isinstance(module, torch.nn.Module):
        raise SymcnnError(f"expected a torch.nn.Module, got {type(module).__name__}")
    if not isinstance(example, torch.Tensor) or example.ndim < 1:
        several = isinstance(example, tuple | list) and len(example) > 1
        came = f"{len(example)} inputs; join them in one tensor" if several else type(example).__name__
        raise SymcnnError(f"expected one tensor with the batch as first axis as example, got {came}")
    program = _exported(module, example)
    shape = tuple(int(extent) for extent in example.shape[1:])
    if not shape:
        raise ShapeError("expected an example of at least two axes, the batch first")
    title = name or type(module).__name__
    with torch.no_grad():
        found = _read(program, Assembly(shape, module.training), output)
        if shared := found.assembly.repeated():
            found = _read(program, Assembly(shape, module.training, shared), output)
    return imported(found.assembly, found.output, loss, _plain(title))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name) or "network"


def _one(outputs: Sequence[object], chosen: int | None) -> View:
    """The output that is wanted. Raises SymcnnError."""
    if chosen is None and len(outputs) > 1:
        raise SymcnnError(
            f"expected one output, got {len(outputs)}; choose one by output=0 to {len(outputs) - 1}"
        )
    at = chosen or 0
    if not 0 <= at < len(outputs):
        raise SymcnnError(f"expected output as one of 0 to {len(outputs) - 1}, got {at}")
    found = outputs[at]
    if not isinstance(found, View):
        raise ShapeError(f"expected an output that depends on the input, got {type(found).__name__}")
    return found


def _exported(module: Any, example: Any) -> Any:
    """The module's graph for any batch size, of known operators and those that have no decomposition."""
    import torch

    if example.shape[0] < 2:  # export takes extents 0 and 1 for fixed
        example = torch.cat([example] * 2) if example.shape[0] else example.new_zeros((2, *example.shape[1:]))
    dynamic = ({0: torch.export.Dim.AUTO},)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(module, (example,), dynamic_shapes=dynamic, strict=False)
            program = program.run_decompositions({})
            for _ in range(ROUNDS):
                rules = torch.export.default_decompositions()
                table = {op: rules[op] for op in _unknown(program) if op in rules}
                if not table:
                    break
                program = program.run_decompositions(table)
    except Exception as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise SymcnnError(f"torch.export cannot read the module: {first[0][:200]}") from error
    return program


def _unknown(program: Any) -> list[Any]:
    """The graph's operators that have no layer, in order."""
    calls = (node.target for node in program.graph.nodes if node.op == "call_function")
    return [
        op
        for op in dict.fromkeys(calls)
        if hasattr(op, "_schema") and _name(op) not in (*OPERATORS, "sym_size")
    ]


def _name(op: Any) -> str:
    return str(op._schema.name).removeprefix("aten::")


def _read(program: Any, assembly: Assembly, chosen: int | None) -> Reading:
    reading = Reading(program, assembly)
    reading.read(chosen)
    return reading


@dataclass(slots=True)
class Reading:
    """One pass over a graph: what each node is, constants computed at once by PyTorch itself."""

    program: Any
    assembly: Assembly
    known: dict[Any, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    chosen: View | None = None

    @property
    def output(self) -> View:
        assert self.chosen is not None, "a graph has been read"
        return self.chosen

    def read(self, chosen: int | None) -> None:
        """Read every node. Raises SymcnnError naming the operator and its place in the module."""
        inputs = {spec.arg.name: spec for spec in self.program.graph_signature.input_specs}
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self.known[node] = self._given(node, inputs[node.name])
            elif node.op == "call_function":
                self.assembly.scope = _scope(node)
                self.known[node] = self._called(node)
            elif node.op == "output":
                self._ends(node)
        self.chosen = _one([self._operand(value) for value in self.outputs], chosen)

    def _given(self, node: Any, spec: Any) -> Any:
        """A parameter, a constant or the input."""
        kind = spec.kind.name
        if kind == "USER_INPUT":
            if isinstance(node.meta["val"].shape[0], int):
                raise ShapeError(
                    f"expected a module for any batch size, got one that fixes it to {node.meta['val'].shape[0]}"
                )
            return self.assembly.input
        if kind not in ("PARAMETER", "BUFFER", "CONSTANT_TENSOR"):
            raise UnsupportedFormula(f"a module with a {kind.lower().replace('_', ' ')} is not supported")
        held = {**self.program.constants, **self.program.state_dict}
        tensor = held[spec.target]
        if kind == "PARAMETER" and tensor.requires_grad:
            same = self.names.setdefault(tensor.data_ptr(), spec.target)
            return whole(Weight(same, tensor.detach().numpy(), trained=True))
        self.names[id(tensor)] = spec.target
        return tensor.detach() if kind == "PARAMETER" else tensor

    def _ends(self, node: Any) -> None:
        specs = self.program.graph_signature.output_specs
        for value, spec in zip(node.args[0], specs, strict=True):
            if spec.kind.name == "USER_OUTPUT":
                self.outputs.append(self._value(value))

    def _called(self, node: Any) -> Any:
        op = node.target
        args, kwargs = self._value(node.args), self._value(dict(node.kwargs))
        if not hasattr(op, "_schema"):
            return op(*args, **kwargs)  # getitem and arithmetic of sizes
        name = _name(op)
        if name.startswith(IGNORED):
            return None
        if name == "sym_size":
            view = self._operand(args[0])
            return view.shape[args[1]] if isinstance(view, View) else args[0].shape[args[1]]
        if not _moving((args, kwargs)):
            return op(*args, **kwargs)
        if name not in OPERATORS:
            raise UnsupportedFormula(
                f"{_place(node)}: no layer for the operator {op}; those with one are {', '.join(sorted(OPERATORS))}"
            )
        try:
            return self._layer(op, args, kwargs)
        except SymcnnError as error:
            raise type(error)(f"{_place(node)}: {op}: {error}") from None

    def _layer(self, op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the table makes of an operator. Raises UnsupportedFormula where it leaves an argument aside."""
        arguments = Arguments(self._arguments(op, args, kwargs), _name(op))
        result = OPERATORS[_name(op)](self.assembly, arguments)
        for argument in op._schema.arguments:
            name, usual = argument.name, argument.default_value if argument.has_default_value() else None
            value = dict.__getitem__(arguments, name)
            floats = name == "dtype" and getattr(value, "is_floating_point", False)
            if name not in arguments.read and name not in UNIMPORTANT and value != usual and not floats:
                told = f"{name}, a tensor," if isinstance(value, View) else f"{name}={value!r:.60}"
                raise UnsupportedFormula(f"the argument {told} is not supported")
        return result

    def _arguments(self, op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by the schema's names, with its defaults."""
        found = {}
        for k, argument in enumerate(op._schema.arguments):
            if k < len(args):
                value = args[k]
            else:
                value = kwargs.get(
                    argument.name, argument.default_value if argument.has_default_value() else None
                )
            found[argument.name] = self._operand(value)
        return found

    def _value(self, argument: Any) -> Any:
        """An argument with nodes replaced by what they are."""
        match argument:
            case list() | tuple():
                return type(argument)(self._value(item) for item in argument)
            case dict():
                return {key: self._value(item) for key, item in argument.items()}
        return self.known[argument] if type(argument).__name__ == "Node" else argument

    def _operand(self, value: Any) -> Any:
        """A constant tensor as a view, or as a number where it has no axes."""
        import torch

        if isinstance(value, list | tuple):
            return [self._operand(item) for item in value]
        if isinstance(value, sp.Integer):
            return int(value)
        if not isinstance(value, torch.Tensor):
            return value
        if value.ndim == 0:
            return value.item()
        return constant(np.asarray(value.detach()), self.names.get(id(value), "constant"))


def _moving(value: Any) -> bool:
    """Whether something in an argument depends on the input or on what is trained."""
    match value:
        case list() | tuple():
            return any(_moving(item) for item in value)
        case dict():
            return any(_moving(item) for item in value.values())
    return isinstance(value, View | sp.Expr) and not isinstance(value, sp.Integer)


def _scope(node: Any) -> tuple[str, ...]:
    """The paths of the modules that a node comes from, the outermost first: layer1, layer1.0, layer1.0.conv1."""
    paths = (str(path).partition("@")[0] for path, _ in (node.meta.get("nn_module_stack") or {}).values())
    return tuple(dict.fromkeys(path for path in paths if path))


def _place(node: Any) -> str:
    """Where in the module a node comes from, such as features.0."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack and stack[-1][0] else str(node.name)
