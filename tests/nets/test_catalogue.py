"""The catalogue holds forward equations and nothing else; every entry is derived, replayed and proved."""

from __future__ import annotations

import ast
import dataclasses
import re
import sys
import time
from pathlib import Path
from types import FrameType

import pytest
from sympy.core.cache import clear_cache

import symcnn as sc
import symcnn.nets.catalogue
from symcnn.calculus.simplify import algebra_lines
from symcnn.nets.catalogue import CATALOGUE, KINDS
from symcnn.nets.formula import layer, of_kind
from symcnn.nets.kind import LayerKind
from tests.nets.trial import proved, replayed, tried

ROOM = Path(symcnn.nets.catalogue.__file__).parent
PLAIN = [kind for kind in CATALOGUE if not re.search(r" [1345]d|[13]d", kind.name)]


def test_a_kind_is_forward_equations_shapes_and_a_source() -> None:
    """No field could hold a backward rule: all are text, names and numbers."""
    fields = {field.name for field in dataclasses.fields(LayerKind)}
    assert fields == {
        *("name", "formula", "shapes", "letter", "title", "source"),
        *("data", "trained", "labels", "loss", "classes", "defaults", "held"),
    }
    for kind in CATALOGUE:
        for field in fields:
            assert isinstance(getattr(kind, field), str | tuple | bool)
        assert kind.source.strip()
        assert kind.title.strip()


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name)
def test_equations_define_and_read_no_cotangent(kind: LayerKind) -> None:
    system = kind.system()
    names = {e.tensor.name for e in system.equations} | {t.name for t in system.inputs}
    assert not {f"d{name}" for name in names} & names
    assert all(tensor.role != "cotangent" for equation in system.equations for tensor in equation.inputs)
    assert set(kind.data) | set(kind.trained) | set(kind.labels) >= {t.name for t in system.inputs}
    if kind.loss:
        assert system.output.rank in (0, *(t.rank for t in system.inputs))


def test_no_file_of_the_room_differentiates_or_names_a_backward_pass() -> None:
    """Only the calculus differentiates: the catalogue imports nothing of it, and no name speaks of gradients."""
    for path in sorted(ROOM.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not any("calculus" in name or name == "sympy" for name in names), path.name
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert not re.search(r"grad|backward|vjp|pullback|adjoint", node.name), node.name


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.name)
def test_derivations_replay(kind: LayerKind) -> None:
    replayed(of_kind(kind))


@pytest.mark.slow
@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name)
def test_gradients_are_proved_by_entries(kind: LayerKind) -> None:
    proved(of_kind(kind))


def test_a_layer_added_by_one_equation_gets_everything() -> None:
    """Nothing but the equation: derivation, code that agrees with the evaluator and with differences, and a proof."""
    for text, shapes in (
        ("y[n,k] = x[n,k]*tanh(softplus(x[n,k]))", {"x": "N,K"}),
        ("y[n,i] = sum[r](W[i,r]*x[n,i+r])", {"x": "N,H", "W": "H-R+1,R"}),
        ("y[n,k] = exp(-sum[d]((x[n,d] - c[k,d])**2))", {"x": "N,D", "c": "K,D"}),
    ):
        made = layer(text, shapes)
        assert {t.name for t in made.wrt} == set(shapes)
        replayed(made)
        proved(made)
        tried(made)


def test_derivations_of_the_catalogue_mention_no_number_of_pixels() -> None:
    for name in ("conv2d", "max_pool2d", "linear"):
        for _, parts in of_kind(KINDS[name]).cotangents():
            for part in parts:
                assert all(extent.free_symbols for extent in part.of.shape)


CONV = "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s]*x[n,c,i+r-1,j+s-1 | 0])"
SIZES = {  # images, channels in and out, height, width
    "tiny": (2, 3, 5, 7, 11),
    "huge": (2048, 4096, 8192, 16384, 32768),
}


def derived(sizes: tuple[int, ...]) -> tuple[list[int], int]:
    """The numbers of steps of a convolution's gradients at some sizes, and the calls of functions that they took."""
    n, c, o, h, v = sizes
    shapes = {"x": f"{n},{c},{h},{v}", "W": f"{o},{c},3,3", "b": f"{o}", "z": f"{n},{o},{h},{v}"}
    made = layer(CONV, shapes)
    clear_cache()
    algebra_lines.cache_clear()
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = made.cotangents()
    finally:
        sys.setprofile(before)
    return [len(part.derivation.steps) for _, parts in found for part in parts], calls


def test_a_derivation_costs_the_same_whatever_the_sizes() -> None:
    """An image of half a billion pixels takes the steps and the work of one of 35."""
    derived(SIZES["tiny"])
    tiny, huge = derived(SIZES["tiny"]), derived(SIZES["huge"])
    assert tiny[0] == huge[0]
    assert abs(tiny[1] - huge[1]) < 0.02 * tiny[1]


@pytest.mark.slow
def test_evidence_for_a_standard_layer_takes_no_seconds() -> None:
    """Derivation, replay, entries and differences of any kind: under a second where nothing else runs."""
    sc.check("linear")
    spent: dict[str, float] = {}
    for kind in CATALOGUE:
        start = time.process_time()
        assert sc.check(of_kind(kind)).passed, kind.name
        spent[kind.name] = time.process_time() - start
    assert max(spent.values()) < 4, max(spent, key=spent.__getitem__)
    assert sorted(spent.values())[len(spent) // 2] < 0.5
