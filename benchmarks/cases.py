"""The networks that are measured, and their data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.operations import Arrays, Operation
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

VGG_CHANNELS = (64, 64, 128, 128, 256, 256)
FAMILIES = (
    *("alexnet", "alexnet-2012", "vgg16", "vgg16-bn", "resnet18", "resnet50"),
    *("googlenet", "googlenet-2014", "inception-v3"),
)
BATCH = 8  # of the models, halved where it does not fit


@dataclass(frozen=True, slots=True)
class Case:
    """A network and the batches that it is measured at."""

    name: str
    network: Callable[[], Network]
    batches: tuple[int, ...]


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


PARTS = (
    Case("notes", models.notes, (1, 64)),
    Case("lenet5", models.lenet5, (1, 32, 256)),
    Case("vgg_like", vgg_like, (8, 32)),
    Case("resnet_block", residual, (4,)),
    Case("alexnet_start", alexnet_start, (4,)),
)


def _model(name: str) -> Case:
    return Case(name, partial(models.get, name), (BATCH,))


GROUPS = {
    "parts": PARTS,
    "small": tuple(_model(f"{name}-small") for name in FAMILIES),
    "full": tuple(_model(name) for name in FAMILIES),
}


def cases(names: list[str]) -> list[Case]:
    """The cases of groups, parts and models by name. Raises SymcnnError for a name that is none."""
    parts = {case.name: case for case in PARTS}
    found: list[Case] = []
    for name in names:
        if name not in GROUPS and name not in parts:
            models.get(name)
        found += GROUPS.get(name) or [parts.get(name) or _model(name)]
    return found


def data(
    net: Network, operations: list[Operation], batch: int, seed: int = 1
) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """Parameters, images and labels in float32; every rerun draws the same."""
    rng = np.random.default_rng(seed)
    factors = {op.params[0] for op in operations if op.name == "batch_norm2d"}
    params: Arrays = {}
    for tensor in net.parameters:
        shape = tuple(int(extent) for extent in tensor.shape)
        values = rng.standard_normal(shape, dtype=np.float32)
        if len(shape) > 1:
            values *= np.float32(np.sqrt(2 / np.prod(shape[1:])))
        else:
            values = np.float32(0.1) * values + np.float32(tensor.name in factors)
        params[tensor.name] = values
    x = rng.standard_normal((batch, *net.input_shape), dtype=np.float32)
    shape = tuple(int(extent) for extent in plan_of(net).inputs[1].shape[1:])
    if not shape:
        y: np.ndarray = rng.integers(0, int(net.output.shape[1]), batch)
    elif shape == (1,):
        y = (rng.random((batch, 1)) > 0.5).astype(np.float32)
    else:
        y = rng.standard_normal((batch, *shape), dtype=np.float32)
    return params, x, y
