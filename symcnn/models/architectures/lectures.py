"""The small network that lecture notes derive by hand."""

from __future__ import annotations

from symcnn.models.papers import LECTURES
from symcnn.nets.network import Network
from symcnn.nets.spec import bce, conv2d, flatten, linear, max_pool2d, relu, sigmoid


def notes(name: str = "notes") -> Network:
    """6×6 image, one 3×3 filter, ReLU, 2×2 max pooling, flatten, dense 4→1, sigmoid, binary cross-entropy."""
    return Network(
        [conv2d(1, 1, 3), relu(), max_pool2d(2), flatten(), linear(4, 1), sigmoid(), bce()],
        (1, 6, 6),
        name=name,
        title="A small convolutional network",
        source=LECTURES,
    )
