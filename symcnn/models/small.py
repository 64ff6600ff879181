"""The small networks: the one that lecture notes derive by hand, LeNet-5, and LeNet-5 for 8×8 digits."""

from __future__ import annotations

from symcnn.nets.network import Network
from symcnn.nets.spec import bce, conv2d, cross_entropy, flatten, linear, max_pool2d, relu, sigmoid, softmax

LECUN = "LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998"


def notes() -> Network:
    """6×6 image, one 3×3 filter, ReLU, 2×2 max pooling, flatten, dense 4→1, sigmoid, binary cross-entropy."""
    return Network(
        [conv2d(1, 1, 3), relu(), max_pool2d(2), flatten(), linear(4, 1), sigmoid(), bce()],
        (1, 6, 6),
        name="notes",
        title="A small convolutional network",
        source="the network that introductory lecture notes derive by hand",
    )


def lenet5() -> Network:
    """LeNet-5 as it is taught today: ReLU and max pooling, 28×28 images padded by 2, softmax; 61,706 parameters."""
    return Network(
        [
            conv2d(1, 6, 5, padding=2),
            relu(),
            max_pool2d(2),
            conv2d(6, 16, 5),
            relu(),
            max_pool2d(2),
            flatten(),
            linear(400, 120),
            relu(),
            linear(120, 84),
            relu(),
            linear(84, 10),
            softmax(),
            cross_entropy(),
        ],
        (1, 28, 28),
        name="lenet5",
        title="LeNet-5",
        source=LECUN,
    )


def lenet5_digits() -> Network:
    """LeNet's plan for 8×8 images: two convolutions with pooling, two hidden dense layers."""
    return Network(
        [
            conv2d(1, 16, 3, padding=1),
            relu(),
            max_pool2d(2),
            conv2d(16, 32, 3, padding=1),
            relu(),
            max_pool2d(2),
            flatten(),
            linear(128, 84),
            relu(),
            linear(84, 10),
            softmax(),
            cross_entropy(),
        ],
        (1, 8, 8),
        name="lenet5-digits",
        title="LeNet for 8×8 digits",
        source=LECUN,
    )
