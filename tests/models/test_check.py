"""``check`` for every named network: all evidence holds, none is left out, in a time that does not depend on width."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import symcnn as sc
from symcnn import models
from symcnn.nets.spec import conv2d, cross_entropy_with_logits, flatten, formula, linear, relu
from symcnn.render import check as checking

SECONDS = 30  # of processor time


@pytest.mark.slow
@pytest.mark.parametrize("name", models.names())
def test_every_model_is_checked(name: str) -> None:
    began = time.process_time()
    found = sc.check(name)
    assert [finding for finding in found.findings if not finding.passed] == []
    assert found.passed
    assert time.process_time() - began < SECONDS


def large(*layers: sc.layers.Spec) -> sc.Network:
    """A network of more multiply-adds than are computed whole."""
    ends = (flatten(), linear(64 * 28 * 28, 10), cross_entropy_with_logits())
    return sc.Network(
        [conv2d(1, 64, 3, padding=1), *layers, conv2d(64, 64, 3, padding=1), *ends], (1, 28, 28), "own"
    )


@pytest.mark.slow
def test_a_large_network_is_checked_by_a_narrow_one() -> None:
    numeric, form = sc.check(large(relu())).findings[-2:]
    assert (numeric.subject, numeric.passed) == ("own, emitted with 1/32 of its channels", True)
    assert (form.what, form.passed) == ("form", True)


@pytest.mark.slow
def test_what_has_no_narrow_form_is_said_to_be_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST", 1_000_000)
    fixed = formula("y[n,c,i,j] = x[n,c,i,j]*x[n,63-c,i,j]", {"x": "N,64,H,V"})
    last = sc.check(large(fixed)).findings[-1]
    assert last.passed is None
    assert "no narrower network has the same steps" in last.detail


def test_a_wrong_program_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    emit = checking.emit_plan

    def wrong(*arguments: Any) -> SimpleNamespace:
        module: Any = emit(*arguments).load()
        right = module.loss_and_grads

        def doubled(*given: Any) -> tuple[float, dict[str, np.ndarray]]:
            loss, grads = right(*given)
            return loss, {**grads, "b1": 2 * grads["b1"]}

        module.loss_and_grads = doubled
        return SimpleNamespace(load=lambda: module)

    monkeypatch.setattr(checking, "emit_plan", wrong)
    last = sc.check("notes").findings[-1]
    assert last.passed is False
    assert "differ from central differences" in last.detail
