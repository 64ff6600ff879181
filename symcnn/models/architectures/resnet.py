"""ResNet: blocks that add their input to what their convolutions find."""

from __future__ import annotations

from symcnn.models.papers import RESIDUAL
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Block,
    Spec,
    add,
    batch_norm2d,
    block,
    conv2d,
    cross_entropy_with_logits,
    global_avg_pool,
    linear,
    max_pool2d,
    relu,
)

REPEATS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
EXPANSION = 4


def basic(reached: int, width: int, stride: int, name: str) -> Block:
    """Two 3×3 convolutions beside the identity; figure 5, left."""
    layers = [
        *_conv(reached, width, 3, "1", stride),
        relu(),
        *_conv(width, width, 3, "2"),
    ]
    return _residual(layers, "bn2", reached, width, stride, name)


def bottleneck(reached: int, width: int, stride: int, name: str) -> Block:
    """1×1, 3×3 and 1×1 convolutions beside the identity; figure 5, right.

    The 3×3 convolution has the stride, as PyTorch has it; in the paper the first 1×1 convolution has it.
    """
    wide = EXPANSION * width
    layers = [
        *_conv(reached, width, 1, "1"),
        relu(),
        *_conv(width, width, 3, "2", stride),
        relu(),
        *_conv(width, wide, 1, "3"),
    ]
    return _residual(layers, "bn3", reached, wide, stride, name)


def _conv(reached: int, width: int, window: int, place: str, stride: int = 1) -> list[Spec]:
    """A convolution and its batch norm, named ``conv…`` and ``bn…``."""
    return [
        conv2d(reached, width, window, stride, padding=window // 2, bias=False, name=f"conv{place}"),
        batch_norm2d(width, name=f"bn{place}"),
    ]


def _residual(layers: list[Spec], last: str, reached: int, wide: int, stride: int, name: str) -> Block:
    """The layers beside the identity, which is projected where shapes differ (option B); equations 1 and 2."""
    if stride == 1 and reached == wide:
        return block(*layers, add(last, "x"), relu(), name=name)
    project, normalise = _conv(reached, wide, 1, "_down", stride)
    return block(*layers, project.on("x"), normalise, add(last, normalise.name), relu(), name=name)


def resnet(
    depth: int, narrow: int = 1, image: int = 224, classes: int = 1000, name: str = "resnet"
) -> Network:
    """ResNet of 18, 34, 50, 101 or 152 trained layers; ``narrow`` divides every number of channels."""
    kind, expansion = (basic, 1) if depth < 50 else (bottleneck, EXPANSION)
    reached = 64 // narrow
    layers: list[Spec | Block] = [
        conv2d(3, reached, 7, stride=2, padding=3, bias=False),
        batch_norm2d(reached),
        relu(),
        max_pool2d(3, stride=2, padding=1),
    ]
    for stage, repeats in enumerate(REPEATS[depth]):
        width = 64 * 2**stage // narrow
        for place in range(repeats):
            stride = 2 if stage and not place else 1
            layers.append(kind(reached, width, stride, f"layer{stage + 1}_{place}"))
            reached = expansion * width
    layers += [global_avg_pool(), linear(reached, classes), cross_entropy_with_logits()]
    return Network(layers, (3, image, image), name, title=f"ResNet-{depth}", source=RESIDUAL)
