"""The module of a network: parameters, initial values, forward pass, loss, gradients and a descent step."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from symcnn.core.tensor import Tensor
from symcnn.program.build import Program
from symcnn.program.passes import needed
from symcnn.program.steps import Step
from symcnn.render.numpy_module import Module, classes_of, entries, identifiers, names_read
from symcnn.render.numpy_weights import initial

BATCH_LAST = (
    "Inside, the batch is the last axis, so that neighbours in memory are the same place of several examples."
)


def network(program: Program) -> str:
    """Source of the module. Raises UnsupportedFormula."""
    plan, layout = program.plan, program.layout
    assert plan.objective is not None, "a network has an objective"
    names = identifiers(program)
    names |= {tensor.name: f'params["{tensor.name}"]' for tensor in plan.parameters}
    module = Module(program, names)
    forward, loss, backward = module.sections
    image, *labels = plan.inputs
    x = module.name(image.name)
    after = needed([*loss, *backward], [plan.objective.name, *(t.name for _, t in plan.gradients)])
    lossy = needed(loss, [plan.objective.name])
    steps = needed(forward, [plan.output.name, *names_read(after), *names_read(lossy)])
    turned = _turned(program, module, [image])  # the caller's own array keeps its layout
    made = [*([x] if turned else []), *(module.name(step.name) for step in steps)]
    given, passed, numbers = module.scalars(plan.scalars)
    sizes = module.size_lines([image])
    shape = ", ".join("None" if extent.is_Symbol else str(extent) for extent in image.shape)
    start = [
        f'{x} = _array("{image.name}", {x}, ({shape}))',
        *numbers,
        *sizes,
        *turned,
    ]
    label_lines = [*_labels(module, labels), *_turned(program, module, labels)]
    batch = f"{x}.shape[{layout.order(image).index(0)}]"

    def begun(steps: Iterable[Step]) -> list[str]:
        """Where the turned images come back, the batch is another axis of them."""
        passed_on = turned and x in _texts(module, names_read(steps))
        found = [line.replace(f"len({x})", batch) for line in sizes] if passed_on else sizes
        return [*numbers, *found, *label_lines]

    order = [layout.order(plan.output).index(axis) for axis in range(plan.output.rank)]
    parameters = [initial(tensor, plan) for tensor in plan.parameters]
    kept = f"{next(n for n in made if n in _texts(module, names_read(after)))}.dtype"
    values = {
        "image": x,
        "labels": ", ".join(module.name(tensor.name) for tensor in labels),
        "notes": ["", *textwrap.wrap(BATCH_LAST, 100)] if layout.batch is not None else [],
        "scalars": f", *, {given}" if given else "",
        "call": f", {passed}" if passed else "",
        "forward": module.body(steps, start, f"{x}.dtype"),
        "loss": module.body(lossy, begun(lossy), kept),
        "backward": module.body(after, begun(after), kept),
        "loss_reads": _tuple([n for n in made if n in _texts(module, names_read(lossy))]),
        "saved": _tuple([n for n in made if n in _texts(module, names_read(after))]),
        "output": module.name(plan.output.name),
        "output_shape": module.shape(plan.output.shape),
        "output_turn": f".transpose({', '.join(map(str, order))}).copy()" if order != sorted(order) else "",
        "objective": module.name(plan.objective.name),
        "parameters": parameters,
        "gains": [p.name for p in parameters if p.kind == "gain"],
        "gradients": entries([(name, module.name(tensor.name)) for name, tensor in plan.gradients]),
    }
    return module.rendered("numpy/network.py.jinja", values)


def _texts(module: Module, names: Iterable[str]) -> set[str]:
    return {module.name(name) for name in names}


def _tuple(names: Sequence[str]) -> str:
    """The inside of a tuple, over several lines where it is long."""
    text = ", ".join(names) + ("," if len(names) == 1 else "")
    if len(text) <= 60:
        return text
    lines = textwrap.wrap(text, 92, break_long_words=False)
    return "\n" + "\n".join(f"        {line}" for line in lines) + ",\n    "


def _labels(module: Module, labels: Iterable[Tensor]) -> list[str]:
    """Lines that check what the caller gives beside the images."""
    plan = module.plan
    lines = []
    for tensor in labels:
        name, shape = module.name(tensor.name), module.shape(tensor.shape)
        classes = classes_of(tensor, (*plan.forward, *plan.loss, *plan.backward))
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
