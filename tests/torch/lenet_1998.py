"""LeNet-5 of 1998 in PyTorch's functions, with the paper's table of connections as a mask of one convolution."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

# Table I: the maps of S2 that each map of C3 reads.
CONNECTIONS = [
    *([0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5]),
    *([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5]),
    *([0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]),
]
# For a map of C3 that reads round from map o: where each of its weights belongs.
ROUND = [[(o + d) % 6 for d in range(count)] for count in (3, 4) for o in range(6)]
PAIRS = [[(o + 3 * g + d) % 6 for g in range(2) for d in range(2)] for o in range(3)]


def squash(x: torch.Tensor) -> torch.Tensor:
    return 1.7159 * torch.tanh(2 * x / 3)


def subsample(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(x, 2) * w[:, None, None] + b[:, None, None]


def connected(parts: list[torch.Tensor]) -> torch.Tensor:
    """One weight of all 16 maps on all 6, zero where the table has no connection."""
    weight = torch.zeros(16, 6, 5, 5, dtype=parts[0].dtype)
    rows = [row.reshape(-1, 5, 5) for part in parts for row in part]
    for o, (row, places) in enumerate(zip(rows, [*ROUND, *PAIRS, range(6)], strict=True)):
        assert sorted(places) == CONNECTIONS[o]
        weight = weight.index_put((torch.tensor(o), torch.tensor(list(places))), row)
    return weight


def loss(p: Mapping[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of negated squared distances; parameters in the order of the network."""
    values = list(p.values())
    w1, b1, w2, b2 = values[:4]
    c3 = values[4:12]
    w4, b4, w5, b5, w6, b6, centres = values[12:]
    h = squash(subsample(squash(functional.conv2d(x, w1, b1)), w2, b2))
    h = squash(functional.conv2d(h, connected(c3[::2]), torch.cat(c3[1::2])))
    h = squash(subsample(h, w4, b4))
    h = squash(functional.conv2d(h, w5, b5)).flatten(1)
    h = squash(functional.linear(h, w6, b6))
    return functional.cross_entropy(-((h[:, None] - centres) ** 2).sum(2), y)
