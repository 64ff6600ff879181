"""GoogLeNet: modules of four branches that are concatenated, and two auxiliary classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from symcnn.models.papers import GOING_DEEPER, GOING_DEEPER_NORMALISED
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Block,
    Spec,
    adaptive_avg_pool2d,
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
    local_response_norm,
    max_pool2d,
    relu,
    total,
)

# Channels of the four branches: 1×1; 1×1 before 3×3, 3×3; 1×1 before 5×5, 5×5; 1×1 behind the pooling.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
STAGE_ENDS = {"3b": 3, "4e": 2}  # windows of the poolings between stages
AUXILIARY = {"4a": "aux1", "4d": "aux2"}
WEIGHT = 0.3  # of each auxiliary loss; section 5


class Unit(Protocol):
    """A convolution with what follows it, as one block."""

    def __call__(self, reached: int, width: int, window: int, name: str, stride: int = 1) -> Block: ...


def normalised(reached: int, width: int, window: int, name: str, stride: int = 1) -> Block:
    """Convolution without bias, batch norm, ReLU."""
    conv = conv2d(reached, width, window, stride, padding=window // 2, bias=False)
    return block(conv, batch_norm2d(width, eps=1e-3), relu(), name=name)


def plain(reached: int, width: int, window: int, name: str, stride: int = 1) -> Block:
    """Convolution and ReLU."""
    return block(conv2d(reached, width, window, stride, padding=window // 2), relu(), name=name)


def module(unit: Unit, reached: int, channels: Sequence[int], window: int, name: str) -> Block:
    """Four branches side by side; figure 2(b). ``window`` is that of the third branch."""
    one, before_three, three, before_five, five, pooled = channels
    return block(
        unit(reached, one, 1, "b1"),
        unit(reached, before_three, 1, "b2_1").on("x"),
        unit(before_three, three, 3, "b2_2"),
        unit(reached, before_five, 1, "b3_1").on("x"),
        unit(before_five, five, window, "b3_2"),
        max_pool2d(3, stride=1, padding=1).on("x"),
        unit(reached, pooled, 1, "b4"),
        concat("b1", "b2_2", "b3_2", "b4"),
        name=name,
    )


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of the paper and that of PyTorch do differently.

    ``window`` is that of the third branch, ``respond`` stands after the first pooling and before the second, ``head``
    pools the maps for an auxiliary classifier.
    """

    title: str
    source: str
    unit: Unit
    window: int
    respond: tuple[Spec, ...]
    head: Spec
    dropout: float


def googlenet(narrow: int = 1, image: int = 224, classes: int = 1000, name: str = "googlenet") -> Network:
    """GoogLeNet with batch norm; 13,004,888 parameters, 6,624,904 of them without the auxiliary classifiers.

    As in PyTorch, the branch that the paper gives 5×5 windows has 3×3 ones.
    """
    form = Form("GoogLeNet", GOING_DEEPER_NORMALISED, normalised, 3, (), adaptive_avg_pool2d(4), 0.2)
    return _network(form, 4, narrow, image, classes, name)


def googlenet_2014(
    narrow: int = 1, image: int = 224, classes: int = 1000, name: str = "googlenet"
) -> Network:
    """GoogLeNet as published: biases, local response normalisation; 13,378,280 parameters, 6,998,552 of them without
    the auxiliary classifiers.
    """
    respond = (local_response_norm(5, alpha=1e-4, beta=0.75, k=1),)
    form = Form("GoogLeNet of 2014", GOING_DEEPER, plain, 5, respond, avg_pool2d(5, stride=3), 0.4)
    side = _halved(image, 4)
    return _network(form, (side - 5) // 3 + 1, narrow, image, classes, name)


def _network(form: Form, head_side: int, narrow: int, image: int, classes: int, name: str) -> Network:
    a, b = 64 // narrow, 192 // narrow
    pool = max_pool2d(3, stride=2, ceil_mode=True)
    layers: list[Spec | Block] = [
        form.unit(3, a, 7, "conv1", 2),
        pool,
        *form.respond,
        form.unit(a, a, 1, "conv2"),
        form.unit(a, b, 3, "conv3"),
        *form.respond,
        pool,
    ]
    heads: list[Spec | Block] = []
    reached = b
    for place, widths in MODULES.items():
        channels = [width // narrow for width in widths]
        layers.append(module(form.unit, reached, channels, form.window, f"inception{place}"))
        reached = sum(channels[i] for i in (0, 2, 4, 5))
        if place in AUXILIARY:
            head = AUXILIARY[place]
            heads += [
                _head(form, reached, head_side, narrow, classes, head).on(f"inception{place}"),
                cross_entropy_with_logits(name=f"loss_{head}").on(head),
            ]
        if place in STAGE_ENDS:
            layers.append(max_pool2d(STAGE_ENDS[place], stride=2, ceil_mode=True))
    layers += [
        *(global_avg_pool(), dropout(form.dropout), linear(reached, classes, name="logits")),
        cross_entropy_with_logits(name="loss"),
        *heads,
        total(1, WEIGHT, WEIGHT).on("loss", *(f"loss_{head}" for head in AUXILIARY.values())),
    ]
    return Network(layers, (3, image, image), name, title=form.title, source=form.source)


def _head(form: Form, reached: int, side: int, narrow: int, classes: int, name: str) -> Block:
    """An auxiliary classifier; section 5."""
    width, hidden = 128 // narrow, 1024 // narrow
    return block(
        form.head,
        form.unit(reached, width, 1, "conv"),
        flatten(),
        linear(width * side**2, hidden),
        relu(),
        dropout(0.7),
        linear(hidden, classes),
        name=name,
    )


def _halved(side: int, times: int) -> int:
    """The extent after so many layers of stride 2, each rounding up."""
    for _ in range(times):
        side = (side + 1) // 2
    return side
