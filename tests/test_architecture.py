"""What holds for the source as a whole: import layers, declared dependencies, no evaluation of text."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "symcnn").rglob("*.py"))

# Each of these turns text into something that runs; `S` and `sympify` do it behind a harmless name.
FORBIDDEN = {"eval", "exec", "sympify", "parse_expr", "parse_latex", "S", "__import__", "lambdify"}

EXTRAS = {"torch", "onnx", "google"}  # what the importers read; google.protobuf comes with onnx
DISTRIBUTIONS = {"markdown_it": "markdown-it-py"}  # modules whose distribution has another name


def called(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and line of every call, whether by a bare name or as an attribute.

    `sympify(..., strict=True)` refuses text, so it is not one of them.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Call(keywords=[ast.keyword(arg="strict", value=ast.Constant(value=True))]):
                continue
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name, node.lineno


def imported(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Every absolutely imported module, with the name taken from it."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, None) for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield from ((module, alias.name) for alias in names)


def evaluations(source: str) -> list[str]:
    """Calls and imports in `source` that evaluate text, with their lines."""
    tree = ast.parse(source)
    calls = [f"line {line}: {name}(...)" for name, line in called(tree) if name in FORBIDDEN]
    return calls + [f"import of {name}" for _, name in imported(tree) if name in FORBIDDEN - {"S"}]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_is_evaluated(path: Path) -> None:
    assert evaluations(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    ["eval('1')", "sp.sympify(text)", "from sympy import parse_expr as p", "sp.S(text)", "x.parse_latex('')"],
)
def test_evaluation_is_seen(source: str) -> None:
    assert evaluations(source)


def test_rooms_import_only_downwards() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_third_party_imports_are_the_declared_dependencies() -> None:
    """Extras are imported where they are needed, inside functions of the importers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {requirement.split(">")[0] for requirement in project["dependencies"]}
    used = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lazy = set(_lazily_imported(tree)) if path.parent.name == "importers" else set()
        for module, _ in imported(tree):
            top = module.split(".")[0]
            if top != "symcnn" and top not in sys.stdlib_module_names and top not in EXTRAS & lazy:
                used.add(DISTRIBUTIONS.get(top, top))
    assert used == declared


def _lazily_imported(tree: ast.Module) -> Iterator[str]:
    """The packages that only functions import."""
    eager = {
        module.split(".")[0]
        for statement in tree.body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for module, _ in imported(statement)
    }
    yield from {module.split(".")[0] for module, _ in imported(tree)} - eager
