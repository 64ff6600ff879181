"""The networks that are measured, their data, and the same networks in PyTorch's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcnn import models
from symcnn.front import plan_of
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Spec,
    add,
    batch_norm2d,
    conv2d,
    cross_entropy,
    flatten,
    linear,
    max_pool2d,
    mse_loss,
    relu,
    softmax,
)

Arrays = dict[str, np.ndarray]
VGG_CHANNELS = (64, 64, 128, 128, 256, 256)


@dataclass(frozen=True, slots=True)
class Case:
    """A network, the batches it is measured at, and ``torch_loss(functional, params, x, y)``."""

    name: str
    network: Callable[[], Network]
    batches: tuple[int, ...]
    torch_loss: Callable[[Any, Any, Any, Any], Any]


def vgg_like() -> Network:
    """Six 3×3 convolutions of 64 to 256 channels on 32×32 images, pooled after every second."""
    layers: list[Spec] = []
    channels = 3
    for number, width in enumerate(VGG_CHANNELS, 1):
        layers += [conv2d(channels, width, 3, padding=1), relu()]
        layers += [max_pool2d(2)] if number % 2 == 0 else []
        channels = width
    return Network(
        [*layers, flatten(), linear(4096, 10), softmax(), cross_entropy()], (3, 32, 32), name="vgg_like"
    )


def residual() -> Network:
    """A residual block of 64 channels on 56×56 maps, with batch norm."""
    layers = [conv2d(64, 64, 3, padding=1, bias=False), batch_norm2d(64), relu()]
    layers += [conv2d(64, 64, 3, padding=1, bias=False), batch_norm2d(64, name="norm2")]
    return Network([*layers, add("norm2", "x"), relu(), mse_loss()], (64, 56, 56), name="resnet_block")


def alexnet_start() -> Network:
    """AlexNet's first convolution, 11×11 with stride 4, and its pooling."""
    layers = [conv2d(3, 96, 11, stride=4, padding=2), relu(), max_pool2d(3, 2), mse_loss()]
    return Network(layers, (3, 224, 224), name="alexnet_start")


def _notes(F: Any, p: Any, x: Any, y: Any) -> Any:
    h = F.max_pool2d(F.relu(F.conv2d(x, p["W1"], p["b1"])), 2).flatten(1)
    return F.binary_cross_entropy_with_logits(F.linear(h, p["W2"], p["b2"]), y)


def _lenet(F: Any, p: Any, x: Any, y: Any) -> Any:
    h = F.max_pool2d(F.relu(F.conv2d(x, p["W1"], p["b1"], padding=2)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, p["W2"], p["b2"])), 2).flatten(1)
    h = F.relu(F.linear(h, p["W3"], p["b3"]))
    h = F.relu(F.linear(h, p["W4"], p["b4"]))
    return F.cross_entropy(F.linear(h, p["W5"], p["b5"]), y)


def _vgg(F: Any, p: Any, x: Any, y: Any) -> Any:
    h = x
    for number in range(1, 7):
        h = F.relu(F.conv2d(h, p[f"W{number}"], p[f"b{number}"], padding=1))
        h = F.max_pool2d(h, 2) if number % 2 == 0 else h
    return F.cross_entropy(F.linear(h.flatten(1), p["W7"], p["b7"]), y)


def _residual(F: Any, p: Any, x: Any, y: Any) -> Any:
    h = F.conv2d(x, p["W1"], padding=1)
    h = F.relu(F.batch_norm(h, None, None, p["g2"], p["b2"], True))
    h = F.batch_norm(F.conv2d(h, p["W3"], padding=1), None, None, p["g4"], p["b4"], True)
    return F.mse_loss(F.relu(h + x), y)


def _alexnet(F: Any, p: Any, x: Any, y: Any) -> Any:
    h = F.relu(F.conv2d(x, p["W1"], p["b1"], stride=4, padding=2))
    return F.mse_loss(F.max_pool2d(h, 3, 2), y)


CASES = {
    case.name: case
    for case in (
        Case("notes", models.notes, (1, 64), _notes),
        Case("lenet5", models.lenet5, (1, 32, 256), _lenet),
        Case("vgg_like", vgg_like, (8, 32), _vgg),
        Case("resnet_block", residual, (4,), _residual),
        Case("alexnet_start", alexnet_start, (4,), _alexnet),
    )
}


def data(net: Network, batch: int, seed: int = 1) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """Parameters, images and labels in float32; every rerun draws the same."""
    rng = np.random.default_rng(seed)
    params: Arrays = {}
    for tensor in net.parameters:
        shape = tuple(int(extent) for extent in tensor.shape)
        values = rng.standard_normal(shape)
        if len(shape) > 1:
            values *= np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = 0.1 * values + (tensor.name[0] == "g")
        params[tensor.name] = values.astype(np.float32)
    x = rng.standard_normal((batch, *net.input_shape)).astype(np.float32)
    shape = tuple(int(extent) for extent in plan_of(net).inputs[1].shape[1:])
    if not shape:
        y: np.ndarray = rng.integers(0, int(net.output.shape[1]), batch)
    elif shape == (1,):
        y = (rng.random((batch, 1)) > 0.5).astype(np.float32)
    else:
        y = rng.standard_normal((batch, *shape)).astype(np.float32)
    return params, x, y
