"""True formulas with one thing changed are called wrong: none is called true, and no true one is called wrong."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutations", HERE / "mutations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutations"] = module
    spec.loader.exec_module(module)
    return module


def test_some_changed_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without corrections, which take most of the time."""
    monkeypatch.setattr("symcnn.notes.repair.correct", lambda *_: None)
    script = _script()
    found = script.figures(script.from_formulas(150, 3, script.FORMULAS[:6]))
    assert not found.bad
    assert set(found.true) == {"holds"}
    assert sum(found.false.values()) >= 100
    assert found.false["false"] >= 0.9 * sum(found.false.values())


@pytest.mark.slow
def test_changed_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symcnn.notes.repair.correct", lambda *_: None)
    script = _script()
    found = script.figures(script.from_formulas(10**6, 1))
    assert not found.bad
    assert len(script.FORMULAS) >= 40
    assert sum(found.false.values()) >= 2000
    assert found.true["false"] == 0
    assert found.false["false"] >= 0.9 * sum(found.false.values())


@pytest.mark.slow
def test_changed_claims_of_pages() -> None:
    script = _script()
    found = script.figures(script.from_pages(script.pages(), 400, 1))
    assert not [one for one in found.bad if one.kind.value in ("holds", "shape-right")]
