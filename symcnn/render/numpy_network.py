"""The module of a network: parameters, initial values, forward pass, loss, gradients, blocks and descent steps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from symcnn.core.tensor import Tensor
from symcnn.program.array import Called
from symcnn.program.build import Program
from symcnn.program.passes import needed
from symcnn.program.steps import Step
from symcnn.render.numpy_calls import functions_of, has_draws, has_modes
from symcnn.render.numpy_module import (
    OWN_NAMES,
    Module,
    classes_of,
    entries,
    names_read,
    tuple_text,
    wrapped,
)
from symcnn.render.numpy_routine import calls_of, defined, named, pair
from symcnn.render.numpy_weights import initial

BATCH_LAST = (
    "Inside, the batch is the last axis, so that neighbours in memory are the same place of several examples."
)


@dataclass(frozen=True, slots=True)
class Extras:
    """What the functions of a module take beside parameters, images and labels: state, mode, masks."""

    state: bool
    training: bool
    rng: bool
    early: Sequence[Tensor]
    module: Module

    @property
    def given(self) -> str:
        """Arguments of the functions that only evaluate."""
        return ", state=None" if self.state else ""

    @property
    def trained(self) -> str:
        """Arguments of the function that trains."""
        return self.given + (", rng=None" if self.rng else "")

    @property
    def handed(self) -> str:
        """How the arguments of the function that trains are handed on."""
        return "".join(f", {name}={name}" for name in ("state", "rng") if f" {name}=" in self.trained)

    @property
    def parameters(self) -> str:
        """Parameters of the function behind both."""
        labels = "".join(f", {self.module.name(t.name)}=None" for t in self.early)
        modes = (", training=False" if self.training else "") + (", rng=None" if self.rng else "")
        return (", state" if self.state else "") + modes + labels

    @property
    def evaluating(self) -> str:
        """How that function is called to evaluate."""
        return ", _state(state, params)" if self.state else ""

    @property
    def training_call(self) -> str:
        """How that function is called to train."""
        labels = "".join(f", {n}={n}" for n in (self.module.name(t.name) for t in self.early))
        modes = (", training=True" if self.training else "") + (", rng=rng" if self.rng else "")
        return self.evaluating + modes + labels


def network(program: Program) -> str:
    """Source of the module. Raises UnsupportedFormula."""
    plan, layout = program.plan, program.layout
    assert plan.objective is not None, "a network has an objective"
    measure = plan.measure or plan.objective
    names = named(program)
    functions = functions_of(program, {*names, *names.values(), *OWN_NAMES})
    module = Module(program, names, functions)
    forward, loss, backward = module.sections
    image, *labels = plan.inputs
    x = module.name(image.name)
    gradients = [tensor.name for _, tensor in plan.gradients]
    after = needed([*loss, *backward], [plan.objective.name, *gradients, *calls_of(backward)])
    after = [replace(step, training=False) for step in after]
    lossy = needed(loss, [measure.name])
    kept = {*names_read(after), *names_read(lossy), *(tensor.name for tensor in plan.state)}
    steps = needed(forward, [plan.output.name, *kept])
    turned = _turned(program, module, [image])  # the caller's own array keeps its layout
    made = [*([x] if turned else []), *module.made(steps)]
    given, passed, numbers = module.scalars(plan.scalars)
    sizes = module.size_lines([image])
    shape = ", ".join("None" if extent.is_Symbol else str(extent) for extent in image.shape)
    early = any(function.procedure.labels for function in functions.values())
    label_lines = [*_labels(module, labels), *_turned(program, module, labels)]
    modes = program.two_modes and has_modes([*forward, *loss, *backward], functions)
    extras = Extras(bool(plan.state), modes, has_draws(program, functions), labels if early else [], module)
    start = [f'{x} = _array("{image.name}", {x}, ({shape}))', *numbers, *sizes, *turned]
    if early:
        start += ["if training:", *(f"    {line}" for line in label_lines)]
    batch = f"{x}.shape[{layout.order(image).index(0)}]"

    def begun(steps: Iterable[Step]) -> list[str]:
        """Where the turned images come back, the batch is another axis of them."""
        passed_on = turned and x in {module.name(name) for name in names_read(steps)}
        found = [line.replace(f"len({x})", batch) for line in sizes] if passed_on else sizes
        return [*numbers, *found, *label_lines]

    order = [layout.order(plan.output).index(axis) for axis in range(plan.output.rank)]
    parameters = [initial(tensor, plan) for tensor in plan.parameters]
    saved, read = module.kept(after, made), module.kept(lossy, made)
    values = {
        "image": x,
        "labels": ", ".join(module.name(tensor.name) for tensor in labels),
        "notes": ["", *textwrap.wrap(BATCH_LAST, 100)] if layout.batch is not None else [],
        "scalars": f", *, {given}" if given else "",
        "call": f", {passed}" if passed else "",
        "extras": extras,
        "forward": module.body(
            steps, start, f"{x}.dtype", living={plan.output.name, x, *saved, *read, *names_read(lossy)}
        ),
        "loss": module.body(lossy, begun(lossy), module.dtype_of(read)),
        "backward": module.body(
            after, begun(after), module.dtype_of(saved), living={plan.objective.name, *gradients}
        ),
        "loss_reads": tuple_text(read),
        "saved": tuple_text(saved),
        "output": module.name(plan.output.name),
        "output_shape": module.shape(plan.output.shape),
        "output_turn": f".transpose({', '.join(map(str, order))}).copy()" if order != sorted(order) else "",
        "objective": module.name(plan.objective.name),
        "measure": module.name(measure.name),
        "shapes": wrapped([f'"{p.name}": {p.shape}' for p in parameters]),
        "fans": wrapped([f'"{p.name}": {p.fan_in}' for p in parameters if p.kind == "weight"]),
        "gains": wrapped([f'"{p.name}"' for p in parameters if p.kind == "gain"]),
        "state": wrapped([f'"{t.name}": {tuple(map(int, t.shape))}' for t in plan.state]),
        "constants": ", ".join(tensor.name for tensor in plan.constants),
        "units": wrapped([f'"{tensor.name}"' for tensor in plan.units]),
        "gradients": entries(
            [(k, module.name(t.name)) for k, t in plan.gradients if t.name in defined(after)]
        ),
        "blocks": [pair(routine, program, functions, module.helpers) for routine in program.routines],
        "calls": any(isinstance(step.node, Called) for step in after),
    }
    return module.rendered("numpy/network.py.jinja", values)


def _labels(module: Module, labels: Iterable[Tensor]) -> list[str]:
    """Lines that check what the caller gives beside the images."""
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
            lines.append(f'{name} = _labels("{tensor.name}", {name}, {shape}, {number})')
    return lines


def _turned(program: Program, module: Module, tensors: Iterable[Tensor]) -> list[str]:
    """Lines that lay the inputs out as the program stores them."""
    lines = []
    for tensor in tensors:
        order = program.layout.order(tensor)
        if list(order) != sorted(order):
            name = module.name(tensor.name)
            lines.append(f"{name} = np.ascontiguousarray({name}.transpose({', '.join(map(str, order))}))")
    return lines
