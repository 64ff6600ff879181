"""The peers: each gives a function that does one training step, and one that gives its gradients.

A peer knows the network as plain operations (its ``Task``), so that its process need not import symcnn. No peer
follows running statistics, and every one draws its own masks; gradients are compared with nothing dropped.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.operations import Arrays, Operation

RATE = 1e-6  # so small that no network runs away, however long it is timed


class Absent(Exception):
    """The peer cannot run here: its library is missing or does not know the network."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer is to compute: the network called ``network`` as operations, its data, and the cores it may use.

    ``folder`` holds the emitted modules.
    """

    network: str
    operations: tuple[Operation, ...]
    params: Arrays
    x: np.ndarray
    y: np.ndarray
    threads: int
    folder: Path

    def write(self) -> None:
        """Into the folder, for the processes of the peers."""
        arrays = {f"param {name}": value for name, value in self.params.items()}
        np.savez(self.folder / "data.npz", allow_pickle=False, x=self.x, y=self.y, **arrays)
        listed = {"network": self.network, "operations": [asdict(one) for one in self.operations]}
        (self.folder / "task.json").write_text(json.dumps(listed))

    @classmethod
    def read(cls, folder: Path, threads: int) -> Task:
        """From the folder."""
        listed = json.loads((folder / "task.json").read_text())
        with np.load(folder / "data.npz") as held:
            arrays = {name: held[name] for name in held.files}
        names = ("given", "params", "done")
        operations = tuple(
            Operation(**one | {key: tuple(one[key]) for key in names}) for one in listed["operations"]
        )
        x, y = arrays.pop("x"), arrays.pop("y")
        params = {name.removeprefix("param "): value for name, value in arrays.items()}
        return cls(listed["network"], operations, params, x, y, threads, folder)


@dataclass(frozen=True, slots=True)
class Peer:
    """``step()`` is one training step; ``gradients()`` those of the given parameters, before any step."""

    step: Callable[[], Any]
    gradients: Callable[[], Arrays]


class Home(Protocol):
    """A module that makes peers."""

    def peer(self, name: str, task: Task) -> Peer: ...


HOMES = {
    "fast": "emitted",
    "fast-exact": "emitted",
    "readable": "emitted",
    "torch": "in_torch",
    "torch-last": "in_torch",
    "torch-compile": "in_torch",
    "jax": "in_jax",
    "jax-last": "in_jax",
    "autograd": "in_autograd",
    "textbook": "textbook",
    "yardstick": "yardstick",
    "blas": "blas",
}
EMITTED = tuple(name for name, home in HOMES.items() if home == "emitted")


def home_of(name: str) -> Home:
    """The module that makes a peer, with its library. Raises Absent where that is not installed."""
    try:
        home: Any = importlib.import_module(f"benchmarks.peers.{HOMES[name]}")
    except ImportError as error:
        raise Absent(f"{error.name} is not installed") from error
    made: Home = home
    return made
