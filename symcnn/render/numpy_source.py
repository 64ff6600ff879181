"""A plan as one NumPy module: what each function takes, computes and returns; templates only lay it out."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import sympy as sp

from symcnn.core.expr import reads
from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.program.build import Program, build, every_symbol
from symcnn.program.passes import needed
from symcnn.program.sizes import size_rules
from symcnn.program.steps import Step, names_in
from symcnn.render.loader import render
from symcnn.render.numpy_expr import Writer
from symcnn.render.numpy_lines import Block, blocks, fitted, laid_out
from symcnn.render.numpy_weights import initial

OWN_NAMES = frozenset({"np", "math", "as_strided", "dtype", "params", "grads", "cotangent", "PARAMETERS"})


@dataclass(frozen=True, slots=True)
class Emitted:
    """Source of a module that needs NumPy only."""

    source: str

    def write(self, path: str | Path) -> Path:
        """Write the module to ``path``, whole or not at all."""
        path = Path(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(self.source)
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return path

    def load(self) -> ModuleType:
        """The module, imported from a temporary file: the one place where emitted source runs."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "emitted.py"
            path.write_text(self.source, encoding="utf-8")
            spec = importlib.util.spec_from_file_location("emitted", path)
            assert spec is not None, "a .py file has a loader"
            assert spec.loader is not None, "a .py file has a loader"
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        return module


@dataclass(frozen=True, slots=True)
class Body:
    """One function's blocks, and whether it needs the inputs' dtype."""

    blocks: tuple[Block, ...]
    dtype: bool


@dataclass(frozen=True, slots=True)
class Argument:
    """A tensor or scalar argument: its name in Python, its shape as text, what it may hold."""

    name: str
    identifier: str
    shape: str
    rank: int
    labels: bool = False
    default: str | None = None
    whole: bool = False


def emit_plan(plan: Plan) -> Emitted:
    """The module of a plan: a network where it has an objective, else ``forward`` and ``vjp`` of a formula.

    Raises UnsupportedFormula where an expression has no array form.
    """
    program = build(plan)
    emitter = Emitter(program)
    return Emitted(emitter.network() if plan.objective is not None else emitter.formula())


class Emitter:
    """Gathers what the templates lay out."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.plan = program.plan
        self.identifiers = self._identifiers()
        self.used = set(self.identifiers) | set(self.identifiers.values())
        self.helpers: set[str] = set()
        self.sections = self._sections()

    def _identifiers(self) -> dict[str, str]:
        """Safe Python text for every name: no keyword, builtin or name of the module's own is shadowed."""
        plan, program = self.plan, self.program
        steps = (*program.forward, *program.loss, *program.backward)
        names = [t.name for t in (*plan.inputs, *plan.parameters)] + [s.name for s, _ in plan.scalars]
        names += [step.name for step in steps] + [s.name for s in self._sizes()]
        found = {name: safe(name) for name in dict.fromkeys(names)}
        if plan.objective is not None:
            found |= {tensor.name: f'params["{tensor.name}"]' for tensor in plan.parameters}
        if plan.seed is not None:
            found[plan.seed.name] = "cotangent"
        return found

    def _sizes(self) -> list[sp.Symbol]:
        tensors = (*self.plan.inputs, *self.plan.parameters)
        found = {s for tensor in tensors for extent in tensor.shape for s in extent.free_symbols}
        known = {symbol for symbol, _ in self.plan.scalars}
        return sorted(found - known, key=lambda s: str(s.name))

    def _sections(self) -> list[list[Step]]:
        program = self.program
        writer = Writer(self.identifiers)
        used = set(self.identifiers) | OWN_NAMES
        return [
            fitted(laid_out(section, used), writer, used)
            for section in (program.forward, program.loss, program.backward)
        ]

    def body(self, steps: Sequence[Step]) -> Body:
        """Blocks of a function."""
        writer = Writer(self.identifiers)
        made = tuple(blocks(steps, writer))
        self.helpers |= writer.used
        return Body(made, "dtype" in writer.used)

    def argument(self, tensor: Tensor) -> Argument:
        """A tensor argument."""
        writer = Writer(self.identifiers)
        return Argument(
            tensor.name,
            safe(tensor.name),
            writer.shape(tensor.shape),
            tensor.rank,
            labels=self._only_compared(tensor),
        )

    def _only_compared(self, tensor: Tensor) -> bool:
        """Whether every read of ``tensor`` is one side of a comparison with an index."""
        bodies = [s.equation.body for s in (*self.plan.forward, *self.plan.loss, *self.plan.backward)]
        found = False
        for body in bodies:
            rest = body.replace(
                lambda e: isinstance(e, sp.Eq | sp.Ne) and any(side.is_Symbol for side in e.args), lambda e: sp.true
            )
            if any(read.tensor == tensor for read in reads(rest)):
                return False
            found = found or any(read.tensor == tensor for read in reads(body))
        return found

    def scalars(self) -> list[Argument]:
        """The scalar parameters, those without a default first."""
        writer = Writer(self.identifiers)
        whole = {s.name for s in every_symbol(self.plan) if s.is_integer}
        return [
            Argument(
                symbol.name,
                safe(symbol.name),
                "",
                0,
                default=None if default is None else writer.number(default),
                whole=symbol.name in whole,
            )
            for symbol, default in (*self.open_sizes(), *self.plan.scalars)
        ]

    def open_sizes(self) -> list[tuple[sp.Symbol, None]]:
        """Sizes that no input's shape determines: the caller gives them."""
        known = [symbol for symbol, _ in self.plan.scalars]
        found = {rule.symbol for rule in size_rules(self.plan.inputs, known)}
        names = {symbol.name for symbol in (*known, *found)}
        tensors = (self.plan.output, *(s.equation.tensor for s in self.plan.forward))
        symbols = {s for t in (*self.plan.inputs, *tensors) for extent in t.shape for s in extent.free_symbols}
        return [(s, None) for s in sorted(symbols, key=lambda s: str(s.name)) if s.name not in names]

    def size_lines(self, tensors: Iterable[Tensor]) -> list[str]:
        """Assignments that read the sizes from the arrays."""
        known = [symbol for symbol, _ in (*self.open_sizes(), *self.plan.scalars)]
        lines = []
        for rule in size_rules(tensors, known):
            array = self.identifiers.get(rule.tensor.name, safe(rule.tensor.name))
            writer = Writer({**self.identifiers, rule.extent.name: f"{array}.shape[{rule.axis}]"})
            lines.append(f"{safe(rule.symbol.name)} = {writer.number(rule.formula)}")
        return lines

    # -- modules -------------------------------------------------------------------------------------------------

    def formula(self) -> str:
        """``forward`` and ``vjp`` of a formula."""
        plan = self.plan
        forward, _, backward = self.sections
        results = [tensor.name for _, tensor in plan.gradients]
        whole = needed([*forward, *backward], results)
        first, second = self.body(needed(forward, [plan.output.name])), self.body(whole)
        writer = Writer(self.identifiers)
        values: dict[str, object] = {
            "plan": plan,
            "inputs": [self.argument(tensor) for tensor in plan.inputs],
            "scalars": self.scalars(),
            "sizes": self.size_lines(plan.inputs),
            "size_names": [safe(s.name) for s in self._sizes()],
            "forward": first,
            "backward": second,
            "output": self.identifiers[plan.output.name],
            "output_shape": writer.shape(plan.output.shape),
            "gradients": [(name, self.identifiers.get(t.name, safe(t.name))) for name, t in plan.gradients],
            "equations": [str(s.equation) for s in plan.forward],
        }
        return self._rendered("numpy/formula.py.jinja", values)

    def network(self) -> str:
        """The functions of a network."""
        plan, layout = self.plan, self.program.layout
        forward, loss, backward = self.sections
        assert plan.objective is not None, "a network has an objective"
        gradients = [(name, tensor) for name, tensor in plan.gradients]
        after = needed([*loss, *backward], [plan.objective.name, *(t.name for _, t in gradients)])
        lossy = needed(loss, [plan.objective.name])
        steps = needed(forward, [plan.output.name, *_read(after)])
        made = [step.name for step in steps]
        values: dict[str, object] = {
            "plan": plan,
            "image": self.argument(plan.inputs[0]),
            "labels": [self.argument(tensor) for tensor in plan.inputs[1:]],
            "turns": {t.name: _perm(layout.order(t)) for t in plan.inputs},
            "sizes": self.size_lines(plan.inputs),
            "forward": self.body(steps),
            "loss": self.body(lossy),
            "backward": self.body(after),
            "loss_reads": [self.identifiers[n] for n in made if n in _read(lossy)],
            "saved": [self.identifiers[n] for n in made if n in _read(after)],
            "output": self.identifiers[plan.output.name],
            "output_turn": _perm(_inverse(layout.order(plan.output))),
            "objective": self.identifiers[plan.objective.name],
            "parameters": [initial(tensor, plan) for tensor in plan.parameters],
            "gradients": [(name, self.identifiers.get(t.name, t.name)) for name, t in gradients],
            "scalars": self.scalars(),
        }
        return self._rendered("numpy/network.py.jinja", values)

    def _rendered(self, template: str, values: dict[str, object]) -> str:
        columns = [max(map(len, column)) for column in zip(*self.plan.table, strict=True)]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, columns, strict=True)).rstrip()
            for row in self.plan.table
        ]
        text = render(template, helpers=self.helpers, table=table, **values)
        math = "math." in text
        return text.replace("import math\n\n", "") if not math else text


def _read(steps: Iterable[Step]) -> set[str]:
    return {name for step in steps for name in names_in(step.node)}


def _perm(order: Sequence[int]) -> tuple[int, ...] | None:
    return None if list(order) == sorted(order) else tuple(order)


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=lambda axis: order[axis]))


def safe(name: str) -> str:
    """``name`` as an identifier of our own module. Names are letters, digits and single underscores."""
    taken = keyword.iskeyword(name) or hasattr(builtins, name) or name in OWN_NAMES
    return f"{name}_" if taken else name
