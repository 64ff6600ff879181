"""Networks that grow in one way at a time, to see how derivation and emission grow with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symcnn.nets.spec as nn
from symcnn import models
from symcnn.nets.network import Network

Layers = list[Any]
# Layers of one value each; every one of them is a derivation of its own.
DIFFERENT = (
    *(nn.relu, nn.sigmoid, nn.tanh, nn.softplus, nn.elu, nn.gelu, nn.silu, nn.mish),
    *(nn.hardtanh, nn.hardswish, nn.leaky_relu, nn.celu, nn.selu, nn.softsign, nn.tanhshrink, nn.logsigmoid),
)


def _network(layers: Layers, channels: int, image: int) -> Network:
    start: Layers = [nn.conv2d(3, channels, 3, padding=1), nn.relu()]
    end: Layers = [nn.global_avg_pool(), nn.linear(channels, 10), nn.cross_entropy_with_logits()]
    return Network([*start, *layers, *end], (3, image, image), "chain")


def _conv(channels: int) -> Layers:
    return [nn.conv2d(channels, channels, 3, padding=1), nn.relu()]


def depth(count: int) -> Network:
    """So many equal convolutions one after the other."""
    return _network([layer for _ in range(count) for layer in _conv(16)], 16, 32)


def blocks(count: int) -> Network:
    """So many residual blocks of equal structure."""
    parts = [nn.conv2d(16, 16, 3, padding=1, bias=False), nn.batch_norm2d(16), nn.relu()]
    parts += [nn.conv2d(16, 16, 3, padding=1, bias=False), nn.batch_norm2d(16, name="last")]
    inside = [*parts, nn.add().on("last", "x"), nn.relu()]
    return _network([nn.block(*inside, name=f"block{i}") for i in range(count)], 16, 32)


def width(channels: int) -> Network:
    """Four convolutions of so many channels."""
    return _network([layer for _ in range(3) for layer in _conv(channels)], channels, 32)


def image(side: int) -> Network:
    """Four convolutions of images of so many rows and columns."""
    return _network([layer for _ in range(3) for layer in _conv(16)], 16, side)


def different(count: int) -> Network:
    """So many activations, no two of them alike."""
    return _network([make() for make in DIFFERENT[:count]], 16, 32)


FAMILIES: dict[str, tuple[Callable[[int], Network], tuple[int, ...]]] = {
    "depth": (depth, (2, 4, 8, 16, 32, 64)),
    "blocks": (blocks, (1, 2, 4, 8, 16, 32)),
    "width": (width, (4, 16, 64, 256, 1024)),
    "image": (image, (8, 32, 128, 512)),
    "different": (different, (1, 2, 4, 8, 16)),
}


def subject(name: str) -> Network:
    """A model by name, or a family with its size: ``depth:8``. Raises SymcnnError."""
    family, colon, size = name.partition(":")
    return FAMILIES[family][0](int(size)) if colon else models.get(name)
