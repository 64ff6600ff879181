"""Inception v3: five kinds of modules, with large windows factored into small ones, and an auxiliary classifier."""

from __future__ import annotations

from symcnn.models.papers import RETHINKING
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Block,
    Spec,
    avg_pool2d,
    batch_norm2d,
    block,
    concat,
    conv2d,
    cross_entropy_with_logits,
    dropout,
    flatten,
    global_avg_pool,
    linear,
    max_pool2d,
    relu,
    total,
)

WEIGHT = 0.4  # of the auxiliary loss, as its authors trained it
Window = int | tuple[int, int]


def unit(reached: int, width: int, window: Window, name: str, stride: int = 1, padding: Window = 0) -> Block:
    """Convolution without bias, batch norm, ReLU."""
    conv = conv2d(reached, width, window, stride, padding=padding, bias=False)
    return block(conv, batch_norm2d(width, eps=1e-3), relu(), name=name)


def row(reached: int, width: int, extent: int, name: str) -> Block:
    """A 1×extent window that keeps the size."""
    return unit(reached, width, (1, extent), name, padding=(0, extent // 2))


def column(reached: int, width: int, extent: int, name: str) -> Block:
    """An extent×1 window that keeps the size."""
    return unit(reached, width, (extent, 1), name, padding=(extent // 2, 0))


def _pooled(reached: int, width: int) -> list[Spec | Block]:
    """The branch of average pooling."""
    return [avg_pool2d(3, stride=1, padding=1).on("x"), unit(reached, width, 1, "pool")]


def module_a(reached: int, pooled: int, narrow: int, name: str) -> Block:
    """5×5 and two 3×3 windows; figure 5."""
    a, b, c = (count // narrow for count in (48, 64, 96))
    return block(
        unit(reached, b, 1, "b1"),
        unit(reached, a, 1, "b5_1").on("x"),
        unit(a, b, 5, "b5_2", padding=2),
        unit(reached, b, 1, "b3_1").on("x"),
        unit(b, c, 3, "b3_2", padding=1),
        unit(c, c, 3, "b3_3", padding=1),
        *_pooled(reached, pooled),
        concat("b1", "b5_2", "b3_3", "pool"),
        name=name,
    )


def module_b(reached: int, narrow: int, name: str) -> Block:
    """To half the size by 3×3 windows and pooling; figure 10."""
    a, b, c = (count // narrow for count in (64, 96, 384))
    return block(
        unit(reached, c, 3, "b3", stride=2),
        unit(reached, a, 1, "d3_1").on("x"),
        unit(a, b, 3, "d3_2", padding=1),
        unit(b, b, 3, "d3_3", stride=2),
        max_pool2d(3, stride=2, name="pool").on("x"),
        concat("b3", "d3_3", "pool"),
        name=name,
    )


def module_c(reached: int, between: int, narrow: int, name: str) -> Block:
    """7×7 windows factored into rows and columns; figure 6."""
    wide = 192 // narrow
    return block(
        unit(reached, wide, 1, "b1"),
        unit(reached, between, 1, "b7_1").on("x"),
        row(between, between, 7, "b7_2"),
        column(between, wide, 7, "b7_3"),
        unit(reached, between, 1, "d7_1").on("x"),
        column(between, between, 7, "d7_2"),
        row(between, between, 7, "d7_3"),
        column(between, between, 7, "d7_4"),
        row(between, wide, 7, "d7_5"),
        *_pooled(reached, wide),
        concat("b1", "b7_3", "d7_5", "pool"),
        name=name,
    )


def module_d(reached: int, narrow: int, name: str) -> Block:
    """To half the size once more; figure 10, with rows and columns in one branch."""
    a, b = (count // narrow for count in (192, 320))
    return block(
        unit(reached, a, 1, "b3_1"),
        unit(a, b, 3, "b3_2", stride=2),
        unit(reached, a, 1, "b7_1").on("x"),
        row(a, a, 7, "b7_2"),
        column(a, a, 7, "b7_3"),
        unit(a, a, 3, "b7_4", stride=2),
        max_pool2d(3, stride=2, name="pool").on("x"),
        concat("b3_2", "b7_4", "pool"),
        name=name,
    )


def module_e(reached: int, narrow: int, name: str) -> Block:
    """Branches that fork into a row and a column; figure 7."""
    a, b, c, d = (count // narrow for count in (192, 320, 384, 448))
    return block(
        unit(reached, b, 1, "b1"),
        unit(reached, c, 1, "b3_1").on("x"),
        row(c, c, 3, "b3_row"),
        column(c, c, 3, "b3_column").on("b3_1"),
        unit(reached, d, 1, "d3_1").on("x"),
        unit(d, c, 3, "d3_2", padding=1),
        row(c, c, 3, "d3_row"),
        column(c, c, 3, "d3_column").on("d3_2"),
        *_pooled(reached, a),
        concat("b1", "b3_row", "b3_column", "d3_row", "d3_column", "pool"),
        name=name,
    )


def inception_v3(
    narrow: int = 1, image: int = 299, classes: int = 1000, name: str = "inception-v3"
) -> Network:
    """Inception v3; 27,161,264 parameters, 23,834,568 of them without the auxiliary classifier.

    ``narrow`` divides every number of channels. The window of the auxiliary classifier's last convolution covers the
    whole pooled map, 5×5 at size 299.
    """
    a, b, c, d, e = (count // narrow for count in (32, 64, 80, 192, 128))
    mixed = 768 // narrow
    layers: list[Spec | Block] = [
        unit(3, a, 3, "conv1a", stride=2),
        unit(a, a, 3, "conv2a"),
        unit(a, b, 3, "conv2b", padding=1),
        max_pool2d(3, stride=2),
        unit(b, c, 1, "conv3b"),
        unit(c, d, 3, "conv4a"),
        max_pool2d(3, stride=2),
        module_a(d, a, narrow, "mixed5b"),
        module_a(256 // narrow, b, narrow, "mixed5c"),
        module_a(288 // narrow, b, narrow, "mixed5d"),
        module_b(288 // narrow, narrow, "mixed6a"),
        module_c(mixed, e, narrow, "mixed6b"),
        module_c(mixed, 160 // narrow, narrow, "mixed6c"),
        module_c(mixed, 160 // narrow, narrow, "mixed6d"),
        module_c(mixed, d, narrow, "mixed6e"),
        module_d(mixed, narrow, "mixed7a"),
        module_e(1280 // narrow, narrow, "mixed7b"),
        module_e(2048 // narrow, narrow, "mixed7c"),
        *(global_avg_pool(), dropout(), linear(2048 // narrow, classes, name="logits")),
        cross_entropy_with_logits(name="loss"),
        _head(mixed, (_side(image) - 5) // 3 + 1, narrow, classes).on("mixed6e"),
        cross_entropy_with_logits(name="loss_aux").on("aux"),
        total(1, WEIGHT).on("loss", "loss_aux"),
    ]
    return Network(layers, (3, image, image), name, title="Inception v3", source=RETHINKING)


def _head(reached: int, side: int, narrow: int, classes: int) -> Block:
    """The auxiliary classifier; section 4."""
    a, b = 128 // narrow, 768 // narrow
    return block(
        avg_pool2d(5, stride=3),
        unit(reached, a, 1, "conv0"),
        unit(a, b, side, "conv1"),
        flatten(),
        linear(b, classes),
        name="aux",
    )


def _side(image: int) -> int:
    """The extent of the maps of 768 channels: five windows of 3 without padding and stride 2, two without stride."""
    side = (image - 3) // 2 + 1 - 2
    side = (side - 3) // 2 + 1 - 2
    side = (side - 3) // 2 + 1
    return (side - 3) // 2 + 1
