"""The limit that BLAS sets: products of large square matrices."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import Peer, Task

SIDE = 1536
MULTIPLY_ADDS = SIDE**3


def peer(name: str, task: Task) -> Peer:
    """One product of two matrices of ``SIDE`` rows and columns, in the precision of the data."""
    del name
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SIDE, SIDE)).astype(task.x.dtype) for _ in range(2))
    out = np.empty_like(a)
    return Peer(lambda: np.matmul(a, b, out=out), dict)
