"""The module of a formula or layer: ``forward`` and ``vjp``, sizes read from the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp

from symcnn.core.plan import Statement
from symcnn.core.tensor import Tensor
from symcnn.program.build import Program
from symcnn.program.passes import needed
from symcnn.program.sizes import size_rules
from symcnn.render.dialect import NUMPY, Dialect
from symcnn.render.equation_text import written
from symcnn.render.numpy_expr import Writer
from symcnn.render.numpy_module import Module
from symcnn.render.numpy_names import classes_of, identifiers
from symcnn.render.numpy_text import entries


def formula(program: Program, dialect: Dialect = NUMPY) -> str:
    """Source of the module. Raises UnsupportedFormula."""
    plan = program.plan
    names = identifiers(program)
    seed = "cotangent" if "cotangent" not in names.values() else "cotangent_"
    if plan.seed is not None:
        names[plan.seed.name] = seed
    module = Module(program, names, dialect=dialect)
    forward, _, backward = module.sections
    scalars = (*_open_sizes(program), *plan.scalars)
    given, _, numbers = module.scalars(scalars)
    tensors = ", ".join(module.name(tensor.name) for tensor in plan.inputs)
    floats = [module.name(t.name) for t in plan.inputs if classes_of(t, plan.statements) is None]
    start = [
        *_taken(module, floats),
        *numbers,
        *module.size_lines(plan.inputs, [symbol for symbol, _ in scalars]),
    ]
    start += [
        f'_fits("{tensor.name}", {module.name(tensor.name)}, {module.shape(tensor.shape)})'
        for tensor in plan.inputs
        if _follows(program, tensor.name)
    ]
    output_shape = Writer(names).shape(plan.output.shape)
    writer = module.writer()
    fits = f'_fits("{seed}", {seed}, {writer.shape(plan.output.shape)})'
    module.helpers |= writer.used
    seeded = [f'{seed} = _array("{seed}", {seed}, {plan.output.rank})', "", fits]
    results = [tensor.name for _, tensor in plan.gradients]
    arguments = ", ".join(part for part in (tensors, "*" if given else "", given) if part)
    own = _own_names(module, [*plan.inputs, *(symbol for symbol, _ in scalars)])
    values = {
        "arguments": arguments,
        "own_arguments": _renamed(arguments, own),
        "passed": ", ".join(f"{name}={own.get(name, name)}" for name in _argument_names(arguments)),
        "inner": "_" if own else "",
        "seed": seed,
        "forward": module.body(needed(forward, [plan.output.name]), start, floats),
        "backward": module.body(needed([*forward, *backward], results), [*start, *seeded], floats),
        "output": module.name(plan.output.name),
        "output_shape": output_shape,
        "gradients": entries([(name, module.name(tensor.name)) for name, tensor in plan.gradients]),
        "equations": [written(statement.equation) for statement in _forward(program)],
    }
    return module.rendered("formula.py.jinja", values)


def _forward(program: Program) -> list[Statement]:
    return [action for action in program.plan.forward if isinstance(action, Statement)]


def _own_names(module: Module, arguments: Iterable[Tensor | sp.Symbol]) -> dict[str, str]:
    """What the user calls an argument, where the code behind must call it otherwise: range, say, which is Python's."""
    names = [str(argument.name) for argument in arguments]
    return {module.name(name): name for name in names if module.name(name) != name}


def _argument_names(arguments: str) -> list[str]:
    return [part.split("=")[0] for part in arguments.split(", ") if part and part != "*"]


def _renamed(arguments: str, own: Mapping[str, str]) -> str:
    """The arguments under the user's names."""
    parts = [part.partition("=") for part in arguments.split(", ") if part]
    return ", ".join(f"{own.get(name, name)}{sign}{value}" for name, sign, value in parts)


def _taken(module: Module, floats: Sequence[str]) -> list[str]:
    """Lines that check the arguments; ``floats`` are those that hold no labels."""
    lines = []
    for tensor in module.plan.inputs:
        name = module.name(tensor.name)
        if name in floats:
            lines.append(f'{name} = _array("{tensor.name}", {name}, {tensor.rank})')
    for tensor in module.plan.inputs:
        name = module.name(tensor.name)
        if name not in floats:
            taken = f'_array("{tensor.name}", {name}, {tensor.rank}, "iuf")'
            lines.append(f"{name} = {module.dialect.labels(taken, floats)}")
    return lines


def _follows(program: Program, name: str) -> bool:
    """Whether some axis of a tensor is not simply what its size is read from."""
    plan = program.plan
    known = [symbol for symbol, _ in plan.scalars]
    rules = size_rules(plan.inputs, known)
    plain = {(rule.tensor.name, rule.axis) for rule in rules if rule.formula == rule.extent}
    tensor = next(tensor for tensor in plan.inputs if tensor.name == name)
    return any((name, axis) not in plain for axis in range(tensor.rank))


def _open_sizes(program: Program) -> list[tuple[sp.Symbol, None]]:
    """Sizes that no input's shape determines: the caller gives them."""
    plan = program.plan
    known = [symbol for symbol, _ in plan.scalars]
    names = {symbol.name for symbol in (*known, *(rule.symbol for rule in size_rules(plan.inputs, known)))}
    tensors = (*plan.inputs, *(statement.equation.tensor for statement in _forward(program)))
    symbols = {s for tensor in tensors for extent in tensor.shape for s in extent.free_symbols}
    return [(s, None) for s in sorted(symbols, key=lambda s: str(s.name)) if s.name not in names]
