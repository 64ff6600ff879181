"""VGG: 3×3 convolutions in five stages, each with twice the channels on half the image."""

from __future__ import annotations

from symcnn.models.papers import VERY_DEEP
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Spec,
    batch_norm2d,
    conv2d,
    cross_entropy_with_logits,
    dropout,
    flatten,
    linear,
    max_pool2d,
    relu,
)

CHANNELS = (64, 128, 256, 512, 512)
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(
    depth: int,
    batch_norm: bool = False,
    narrow: int = 1,
    image: int = 224,
    classes: int = 1000,
    name: str = "vgg",
) -> Network:
    """VGG of 11, 13, 16 or 19 trained layers; configurations A, B, D and E of the paper, also with batch norm.

    ``narrow`` divides every number of channels. Where PyTorch averages the last maps into 7×7 bins, each bin is one
    entry at size 224; it is left out here.
    """
    layers: list[Spec] = []
    reached = 3
    for count, channels in zip(DEPTHS[depth], CHANNELS, strict=True):
        for _ in range(count):
            wide = channels // narrow
            normalise = [batch_norm2d(wide)] if batch_norm else []
            layers += [conv2d(reached, wide, 3, padding=1), *normalise, relu()]
            reached = wide
        layers.append(max_pool2d(2))
    hidden = 4096 // narrow
    layers += [
        flatten(),
        *(linear(reached * (image // 32) ** 2, hidden), relu(), dropout()),
        *(linear(hidden, hidden), relu(), dropout()),
        linear(hidden, classes),
        cross_entropy_with_logits(),
    ]
    title = f"VGG-{depth}" + (" with batch norm" if batch_norm else "")
    return Network(layers, (3, image, image), name, title=title, source=VERY_DEEP)
