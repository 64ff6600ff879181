"""Peers compute the same gradients: the network as plain operations means what its equations mean."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import GROUPS, PARTS, cases, data
from benchmarks.graph import graph, multiply_adds
from benchmarks.operations import Arrays, bins
from benchmarks.peers import Absent, Task, home_of
from symcnn import emit, models
from symcnn.core.errors import UnknownName

NETWORKS = ["notes", "alexnet-2012-small", "resnet18-small"]
SLOW = [*("lenet5", "vgg_like", "resnet_block", "alexnet_start"), *(case.name for case in GROUPS["small"])]
TESTED = [
    *NETWORKS,
    *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW if name not in NETWORKS),
]
LIBRARIES = {"torch": "torch", "torch-last": "torch", "autograd": "autograd"}


def task(name: str, folder: Path) -> Task:
    """A batch of two in float64, with the emitted module."""
    net = cases([name])[0].network()
    operations = graph(net)
    params, x, y = data(net, operations, 2)
    wide = {key: value.astype(np.float64) for key, value in params.items()}
    emit(net).write(folder / "readable.py")
    y = y.astype(np.float64) if y.dtype.kind == "f" else y
    return Task(name, tuple(operations), wide, x.astype(np.float64), y, 1, folder)


def agree(found: Arrays, wanted: Arrays) -> None:
    """Equal to rounding; those that are 0 by a theorem, of the largest."""
    scale = max(np.abs(value).max() for value in wanted.values())
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert np.abs(found[key] - value).max() <= 1e-9 * np.abs(value).max() + 1e-13 * scale, key


@pytest.mark.parametrize("name", TESTED)
def test_textbook_and_emitted_gradients_agree(name: str, tmp_path: Path) -> None:
    given = task(name, tmp_path)
    emitted = home_of("readable").peer("readable", given).gradients()
    agree(home_of("textbook").peer("textbook", given).gradients(), emitted)


@pytest.mark.torch
@pytest.mark.parametrize("peer", LIBRARIES)
@pytest.mark.parametrize(
    "name", ["notes", "alexnet-2012-small", pytest.param("googlenet-small", marks=pytest.mark.slow)]
)
def test_libraries_and_textbook_agree(name: str, peer: str, tmp_path: Path) -> None:
    if not importlib.util.find_spec(LIBRARIES[peer]):
        pytest.skip(f"{LIBRARIES[peer]} is not installed")
    given = task(name, tmp_path)
    wanted = home_of("textbook").peer("textbook", given).gradients()
    agree(home_of(peer).peer(peer, given).gradients(), wanted)


def test_a_task_is_read_as_it_was_written(tmp_path: Path) -> None:
    given = task("notes", tmp_path)
    given.write()
    read = Task.read(tmp_path, 1)
    assert read.operations == given.operations
    np.testing.assert_equal(read.params, given.params)
    np.testing.assert_equal(read.x, given.x)


def test_steps_change_the_parameters(tmp_path: Path) -> None:
    given = task("notes", tmp_path)
    peer = home_of("textbook").peer("textbook", given)
    before = peer.gradients()
    peer.step()
    after = peer.gradients()
    assert any((before[key] != after[key]).any() for key in before)


def test_operations_of_a_residual_block() -> None:
    found = {op.out: op for op in graph(PARTS[3].network())}
    add = next(op for op in found.values() if op.name == "add")
    assert "x" in add.done
    relus = [op for op in found.values() if op.name == "relu"]
    assert all(op.alone for op in relus)  # what it overwrites, nothing else reads
    assert not found[relus[0].out].attributes


def test_probabilities_before_a_loss_are_taken_as_logits() -> None:
    names = [op.name for op in graph(models.get("lenet5"))]
    assert "softmax" not in names
    assert names[-1] == "cross_entropy"


def test_products_of_a_step() -> None:
    """Forward and both gradients, without that of the images."""
    net = models.get("notes")
    conv, dense = 9 * 16, 4
    assert multiply_adds(net) == 2 * conv + 3 * dense


def test_a_layer_without_words_is_refused() -> None:
    with pytest.raises(UnknownName, match="expected a layer that the peers know"):
        graph(models.get("lenet5-1998"))


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.HOMES", {"other": "absent_library"})
    with pytest.raises(Absent, match="is not installed"):
        home_of("other")


def test_bins_of_adaptive_pooling() -> None:
    np.testing.assert_allclose(bins(5, 2), [[1 / 3, 1 / 3, 1 / 3, 0, 0], [0, 0, 1 / 3, 1 / 3, 1 / 3]])
