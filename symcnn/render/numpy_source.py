"""A plan as one NumPy module: the front of the emitter, and what it returns."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from symcnn.core.files import write_whole
from symcnn.core.plan import Plan
from symcnn.program.build import build
from symcnn.program.scope import Layout
from symcnn.render.dialect import NUMPY, dialect
from symcnn.render.numpy_formula import formula
from symcnn.render.numpy_network import network


@dataclass(frozen=True, slots=True)
class Emitted:
    """Source of a module that needs NumPy only; ``choices`` says what was picked for speed, and why."""

    source: str
    choices: str = ""

    def write(self, path: str | Path) -> Path:
        """Write the module to ``path``, whole or not at all."""
        path = Path(path)
        write_whole(path, self.source)
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


def emit_plan(plan: Plan, target: str = "numpy") -> Emitted:
    """The module of a plan: a network where it has an objective, else ``forward`` and ``vjp`` of a formula.

    The target "array-api" gives functions for the arrays of any library of that standard, laid out as they come.
    Raises UnsupportedFormula where an expression has no array form, UnknownName for another target.
    """
    written = dialect(target)
    program = build(plan) if written is NUMPY else build(plan, Layout())
    return Emitted(formula(program, written) if plan.objective is None else network(program, written))
