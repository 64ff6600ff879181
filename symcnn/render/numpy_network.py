"""The module of a network: parameters, initial values, forward pass, loss, gradients, blocks and descent steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.program.array import Called
from symcnn.program.build import Program
from symcnn.program.passes import needed
from symcnn.render.dialect import NUMPY, Dialect
from symcnn.render.numpy_calls import functions_of, has_draws, has_modes
from symcnn.render.numpy_module import Module
from symcnn.render.numpy_names import OWN_NAMES, classes_of, names_read
from symcnn.render.numpy_routine import (
    calls_of,
    defined,
    in_block,
    is_plain,
    named,
    pair,
    unpacked,
)
from symcnn.render.numpy_text import entries, tuple_text, wrapped
from symcnn.render.numpy_updates import descents
from symcnn.render.numpy_weights import initials

BATCH_LAST = "  # inside, the batch is the last axis"


@dataclass(frozen=True, slots=True)
class Extras:
    """What the functions of a module take beside parameters, images and labels: state and masks."""

    state: bool
    rng: bool

    @property
    def given(self) -> str:
        """Arguments of the functions that only evaluate."""
        return ", state=None" if self.state else ""

    @property
    def trained(self) -> str:
        """Arguments of the function that trains."""
        return self.given + (", rng=None" if self.rng else "")

    @property
    def parameters(self) -> str:
        """Parameters of the function behind them all."""
        return self.trained

    def passed(self, training: bool) -> str:
        """How that function is called."""
        return (", state=state" if self.state else "") + (", rng=rng" if self.rng and training else "")


def network(program: Program, dialect: Dialect = NUMPY) -> str:
    """Source of the module. Raises UnsupportedFormula."""
    plan, layout = program.plan, program.layout
    assert plan.objective is not None, "a network has an objective"
    measure = plan.measure or plan.objective
    plain = is_plain(program)
    names = named(program, plain)
    functions = functions_of(program, {*names, *names.values(), *OWN_NAMES})
    module = Module(program, names, functions, dialect=dialect)
    forward, loss, backward = module.sections
    image, *labels = plan.inputs
    x = module.name(image.name)
    gradients = [tensor.name for _, tensor in plan.gradients]
    lossy = needed(loss, [measure.name])
    after = needed([*loss, *backward], [plan.objective.name, *gradients, *calls_of(backward)])
    after = [replace(step, training=False) for step in after if step not in lossy]
    lossy = [replace(step, training=False) for step in lossy]
    before = needed(
        forward, [plan.output.name, *names_read([*lossy, *after]), *(tensor.name for tensor in plan.state)]
    )
    shape = ", ".join("None" if extent.is_Symbol else str(extent) for extent in image.shape)
    turned = _turned(program, module, [image])  # the caller's own array keeps its layout
    words = classes_of(image, plan.every_statement)  # numbers of words, which are looked up
    known = "" if words is None else f", {module.writer().number(words)}"
    arrays = [x] if words is None else [module.name(plan.parameters[0].name)]
    taken = f'_array("{image.name}", {x}, ({shape}){known})'
    if words is not None:
        module.helpers.add("labels")
        taken = dialect.labels(taken, arrays)
    opened = unpacked(program, names, "_check(params).values()") if plain else ["params = _check(params)"]
    opened += ["state = _state(state, params)"] if plan.state else []
    start = [*opened, f"{x} = {taken}", *module.size_lines([image]), *_least(plan), *turned]
    given = [*_labels(module, labels, arrays), *_turned(program, module, labels)]
    early = any(function.procedure.labels for function in functions.values())
    if early:
        start += ["if training:", *(f"    {line}" for line in given)]
    living = [plan.output.name, plan.objective.name, measure.name, *gradients]
    bodies = module.bodies((before, lossy, after), (start, [] if early else given, []), arrays, living)
    order = [layout.order(plan.output).index(axis) for axis in range(plan.output.rank)]
    parameters = initials(plan)
    made = defined(after)
    found = [
        (k, module.name(t.name) if t.name in made else f"{dialect.space}.zeros_like({module.name(k)})")
        for k, t in plan.gradients
        if t.name in made or not in_block(k, plan, functions)
    ]
    values = {
        "image": x,
        "count": dialect.length(x),
        "labels": ", ".join(module.name(tensor.name) for tensor in labels),
        "absent": "".join(f", {module.name(tensor.name)}=..." for tensor in labels),
        "first_label": module.name(labels[0].name) if labels else "",
        "extras": Extras(bool(plan.state), has_draws(program, functions)),
        "modes": program.two_modes and has_modes([*forward, *loss], functions),
        "forward": bodies[0],
        "loss": bodies[1],
        "backward": bodies[2],
        "output": module.name(plan.output.name),
        "output_shape": module.shape(plan.output.shape),
        "output_turn": f".transpose({', '.join(map(str, order))}).copy()" if order != sorted(order) else "",
        "objective": dialect.number(module.name(plan.objective.name)),
        "measure": dialect.number(module.name(measure.name)),
        "shapes": wrapped([f'"{p.name}": {p.shape}' for p in parameters]),
        "fans": wrapped([f'"{p.name}": {p.fan_in}' for p in parameters if p.kind == "weight"]),
        "gains": wrapped([f'"{p.name}"' for p in parameters if p.kind == "gain"]),
        "state": wrapped([f'"{t.name}": {tuple(map(int, t.shape))}' for t in plan.state]),
        "constants": ", ".join(tensor.name for tensor in plan.constants),
        "units": wrapped([f'"{tensor.name}"' for tensor in plan.units]),
        "gradients": _gradients(found, [p.name for p in parameters]),
        "blocks": [pair(routine, program, functions, module) for routine in program.routines],
        **descents(dialect.writer),
        "calls": any(isinstance(step.node, Called) and step.node.call.given is None for step in after),
    }
    return module.rendered("network.py.jinja", values)


def _gradients(found: Sequence[tuple[str, str]], parameters: Sequence[str]) -> str:
    """All gradients by name, or those that no block gives."""
    if [name for name, _ in found] != list(parameters) or len(found) < 4:
        return entries(found)
    return f"dict(zip(PARAMETERS, ({tuple_text([text for _, text in found])})))"


def _least(plan: Plan) -> list[str]:
    """Lines that refuse to train on fewer examples than statistics need."""
    if plan.least == 1:
        return []
    message = f"expected {plan.least} examples or more in training, got {{N}}: one value has no variance"
    return [f"if training and N < {plan.least}:", f'    raise ValueError(f"{message}")']


def _labels(module: Module, labels: Iterable[Tensor], arrays: Sequence[str]) -> list[str]:
    """Lines that check what the caller gives beside the images; ``arrays`` rule the dtype."""
    plan = module.plan
    lines = []
    for tensor in labels:
        name, shape = module.name(tensor.name), module.shape(tensor.shape)
        classes = classes_of(tensor, plan.every_statement)
        if classes is None:
            lines.append(f'{name} = _array("{tensor.name}", {name}, {shape})')
        else:
            module.helpers.add("labels")
            number = module.writer().number(classes)
            taken = f'_array("{tensor.name}", {name}, {shape}, {number})'
            lines.append(f"{name} = {module.dialect.labels(taken, arrays)}")
    return lines


def _turned(program: Program, module: Module, tensors: Iterable[Tensor]) -> list[str]:
    """Lines that lay the inputs out as the program stores them."""
    lines = []
    for tensor in tensors:
        order = program.layout.order(tensor)
        if list(order) != sorted(order):
            name = module.name(tensor.name)
            turned = f"{name}.transpose({', '.join(map(str, order))})"
            said = BATCH_LAST if tensor == program.plan.inputs[0] else ""
            lines.append(f"{name} = np.ascontiguousarray({turned}){said}")
    return lines
