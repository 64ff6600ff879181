"""The famous networks as PyTorch modules, written here from the papers' tables, so that nothing is shared with symcnn.

Parameters are registered in the order of computation, auxiliary heads last; a module gives the logits of the network
and, in training, those of its heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn


class Dropout(nn.Module):
    """Dropout whose mask is set from outside before each step of training."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.mask: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.mask is None:
            return x
        mask = (
            self.mask if self.mask.shape == x.shape else self.mask.movedim(-1, 0)
        )  # drawn with the batch last
        return x * mask / (1 - self.p)


# --- AlexNet, VGG ------------------------------------------------------------------------------------


def alexnet(narrow: int, side: int, classes: int) -> nn.Module:
    a, b, c, d, hidden = (count // narrow for count in (64, 192, 384, 256, 4096))
    return nn.Sequential(
        *(nn.Conv2d(3, a, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(a, b, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(b, c, 3, 1, 1), nn.ReLU(), nn.Conv2d(c, d, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(d, d, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.AdaptiveAvgPool2d(side), nn.Flatten()),
        *(Dropout(0.5), nn.Linear(d * side**2, hidden), nn.ReLU()),
        *(Dropout(0.5), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes)),
    )


def alexnet_2012(narrow: int, side: int, classes: int) -> nn.Module:
    a, b, c, hidden = (count // narrow for count in (96, 256, 384, 4096))
    respond = [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0) for _ in range(2)]
    return nn.Sequential(
        *(nn.Conv2d(3, a, 11, 4, 2), nn.ReLU(), respond[0], nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(a, b, 5, 1, 2, groups=2), nn.ReLU(), respond[1], nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(b, c, 3, 1, 1), nn.ReLU(), nn.Conv2d(c, c, 3, 1, 1, groups=2), nn.ReLU()),
        *(nn.Conv2d(c, b, 3, 1, 1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(b * side**2, hidden), nn.ReLU(), Dropout(0.5)),
        *(nn.Linear(hidden, hidden), nn.ReLU(), Dropout(0.5), nn.Linear(hidden, classes)),
    )


PLANS = {
    11: "64 M 128 M 256 256 M 512 512 M 512 512 M",
    13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def vgg(depth: int, batch_norm: bool, narrow: int, side: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels, hidden = 3, 4096 // narrow
    for token in PLANS[depth].split():
        if token == "M":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        wide = int(token) // narrow
        layers += [nn.Conv2d(channels, wide, 3, padding=1)]
        layers += [nn.BatchNorm2d(wide)] if batch_norm else []
        layers += [nn.ReLU()]
        channels = wide
    return nn.Sequential(
        *(*layers, nn.AdaptiveAvgPool2d(side), nn.Flatten()),
        *(nn.Linear(channels * side**2, hidden), nn.ReLU(), Dropout(0.5)),
        *(nn.Linear(hidden, hidden), nn.ReLU(), Dropout(0.5), nn.Linear(hidden, classes)),
    )


# --- ResNet ------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """A basic block (two windows) or a bottleneck (three), with a projection where shapes differ."""

    def __init__(
        self, channels: int, widths: Sequence[int], windows: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        reached = channels
        own: list[nn.Module] = []
        for width, window, stride in zip(widths, windows, strides, strict=True):
            own += [
                nn.Conv2d(reached, width, window, stride, window // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            reached = width
        self.body = nn.Sequential(*own[:-1])
        stride = max(strides)
        self.project = (
            nn.Identity()
            if stride == 1 and reached == channels
            else nn.Sequential(nn.Conv2d(channels, reached, 1, stride, bias=False), nn.BatchNorm2d(reached))
        )

        self.last = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(x) + self.project(x))


def resnet(depth: int, narrow: int, classes: int) -> nn.Module:
    repeats = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[
        depth
    ]
    reached = 64 // narrow
    layers: list[nn.Module] = [
        *(
            nn.Conv2d(3, reached, 7, 2, 3, bias=False),
            nn.BatchNorm2d(reached),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
    ]
    for stage, count in enumerate(repeats):
        width = (64 << stage) // narrow
        for place in range(count):
            stride = 2 if stage > 0 and place == 0 else 1
            if depth < 50:
                layers.append(Residual(reached, (width, width), (3, 3), (stride, 1)))
            else:
                layers.append(Residual(reached, (width, width, 4 * width), (1, 3, 1), (1, stride, 1)))
            reached = width if depth < 50 else 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(reached, classes))


# --- GoogLeNet, Inception ----------------------------------------------------------------------------


def unit(reached: int, width: int, window: Any, stride: int = 1, padding: Any = 0) -> nn.Module:
    conv = nn.Conv2d(reached, width, window, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width, eps=0.001), nn.ReLU())


def plain(reached: int, width: int, window: Any, stride: int = 1, padding: Any = 0) -> nn.Module:
    return nn.Sequential(nn.Conv2d(reached, width, window, stride, padding), nn.ReLU())


class Branches(nn.Module):
    """Branches on one value, concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class WithHeads(nn.Module):
    """A trunk of stages, a classifier, and heads on what some stages give."""

    def __init__(
        self, stages: Sequence[nn.Module], classifier: nn.Module, heads: dict[int, nn.Module]
    ) -> None:
        super().__init__()
        self.stages, self.classifier = nn.ModuleList(stages), classifier
        self.places, self.heads = list(heads), nn.ModuleList(heads.values())

    def forward(self, x: torch.Tensor) -> Any:
        found = []
        for place, stage in enumerate(self.stages):
            x = stage(x)
            if place in self.places:
                found.append(x)
        logits = self.classifier(x)
        if not self.training:
            return logits
        return (logits, *(head(value) for head, value in zip(self.heads, found, strict=True)))


def googlenet(narrow: int, classes: int, published: bool = False, head_side: int = 4) -> nn.Module:
    make: Callable[..., nn.Module] = plain if published else unit
    table = [
        (192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64),
        (480, 192, 96, 208, 16, 48, 64), (512, 160, 112, 224, 24, 64, 64), (512, 128, 128, 256, 24, 64, 64),
        (512, 112, 144, 288, 32, 64, 64), (528, 256, 160, 320, 32, 128, 128),
        (832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128),
    ]  # fmt: skip
    large, pad = (5, 2) if published else (3, 1)

    def module(row: Sequence[int]) -> nn.Module:
        i, a, b1, b2, c1, c2, d = (count // narrow for count in row)
        return Branches(
            make(i, a, 1),
            nn.Sequential(make(i, b1, 1), make(b1, b2, 3, padding=1)),
            nn.Sequential(make(i, c1, 1), make(c1, c2, large, padding=pad)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), make(i, d, 1)),
        )

    def head(channels: int) -> nn.Module:
        pool = nn.AvgPool2d(5, 3) if published else nn.AdaptiveAvgPool2d(4)
        width, hidden = 128 // narrow, 1024 // narrow
        dense = [nn.Linear(width * head_side**2, hidden), nn.ReLU(), Dropout(0.7), nn.Linear(hidden, classes)]
        return nn.Sequential(pool, make(channels // narrow, width, 1), nn.Flatten(), *dense)

    def respond() -> list[nn.Module]:
        return [nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)] if published else []

    a, b = 64 // narrow, 192 // narrow
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    stem = nn.Sequential(
        *(make(3, a, 7, 2, 3), pool, *respond()), *(make(a, a, 1), make(a, b, 3, padding=1), *respond(), pool)
    )
    rows = [module(row) for row in table]
    stages = [stem, rows[0], rows[1], pool, *rows[2:7], nn.MaxPool2d(2, 2, ceil_mode=True), *rows[7:]]
    classifier = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        Dropout(0.4 if published else 0.2),
        nn.Linear(1024 // narrow, classes),
    )
    return WithHeads(stages, classifier, {4: head(512), 7: head(528)})


def inception_v3(narrow: int, classes: int, head_side: int = 5) -> nn.Module:
    def c(count: int) -> int:
        return count // narrow

    def pooled(i: int, width: int) -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(3, 1, 1), unit(i, width, 1))

    def a(i: int, width: int) -> nn.Module:
        return Branches(
            unit(i, c(64), 1),
            nn.Sequential(unit(i, c(48), 1), unit(c(48), c(64), 5, padding=2)),
            nn.Sequential(
                unit(i, c(64), 1), unit(c(64), c(96), 3, padding=1), unit(c(96), c(96), 3, padding=1)
            ),
            pooled(i, width),
        )

    def b(i: int) -> nn.Module:
        double = nn.Sequential(unit(i, c(64), 1), unit(c(64), c(96), 3, padding=1), unit(c(96), c(96), 3, 2))
        return Branches(unit(i, c(384), 3, 2), double, nn.MaxPool2d(3, 2))

    def chain(i: int, width: int, last: int, first: str) -> nn.Module:
        """1×1, then rows and columns of 7, alternating."""
        windows = {"r": ((1, 7), (0, 3)), "c": ((7, 1), (3, 0))}
        layers, reached = [unit(i, width, 1)], width
        for k, letter in enumerate(first):
            window, padding = windows[letter]
            wide = last if k == len(first) - 1 else width
            layers.append(unit(reached, wide, window, padding=padding))
            reached = wide
        return nn.Sequential(*layers)

    def d(i: int, width: int) -> nn.Module:
        return Branches(
            unit(i, c(192), 1),
            chain(i, width, c(192), "rc"),
            chain(i, width, c(192), "crcr"),
            pooled(i, c(192)),
        )

    def e(i: int) -> nn.Module:
        return Branches(
            nn.Sequential(unit(i, c(192), 1), unit(c(192), c(320), 3, 2)),
            nn.Sequential(chain(i, c(192), c(192), "rc"), unit(c(192), c(192), 3, 2)),
            nn.MaxPool2d(3, 2),
        )

    def fork(i: int) -> nn.Module:
        return Branches(unit(i, c(384), (1, 3), padding=(0, 1)), unit(i, c(384), (3, 1), padding=(1, 0)))

    def f(i: int) -> nn.Module:
        return Branches(
            unit(i, c(320), 1),
            nn.Sequential(unit(i, c(384), 1), fork(c(384))),
            nn.Sequential(unit(i, c(448), 1), unit(c(448), c(384), 3, padding=1), fork(c(384))),
            pooled(i, c(192)),
        )

    stem = nn.Sequential(
        *(unit(3, c(32), 3, 2), unit(c(32), c(32), 3), unit(c(32), c(64), 3, padding=1), nn.MaxPool2d(3, 2)),
        *(unit(c(64), c(80), 1), unit(c(80), c(192), 3), nn.MaxPool2d(3, 2)),
    )
    stages = [stem, a(c(192), c(32)), a(c(256), c(64)), a(c(288), c(64)), b(c(288))]
    stages += [d(c(768), c(width)) for width in (128, 160, 160, 192)]
    stages += [e(c(768)), f(c(1280)), f(c(2048))]
    classifier = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(0.5), nn.Linear(c(2048), classes)
    )
    head = nn.Sequential(
        *(
            nn.AvgPool2d(5, 3),
            unit(c(768), c(128), 1),
            unit(c(128), c(768), head_side),
            nn.AdaptiveAvgPool2d(1),
        ),
        *(nn.Flatten(), nn.Linear(c(768), classes)),
    )
    return WithHeads(stages, classifier, {8: head})


# --- by name -----------------------------------------------------------------------------------------

WEIGHTS = {"googlenet": 0.3, "inception": 0.4}


def named(name: str) -> nn.Module:
    """The module of a model's name."""
    small = name.endswith("-small")
    base = name.removesuffix("-small")
    classes, narrow = (10, 16) if small else (1000, 1)
    match base.split("-"):
        case ["alexnet", *year]:
            return (alexnet_2012 if year else alexnet)(narrow, 1 if small else 6, classes)
        case [family, *norm] if family.startswith("vgg"):
            return vgg(int(family[3:]), bool(norm), narrow, 1 if small else 7, classes)
        case [family] if family.startswith("resnet"):
            return resnet(int(family[6:]), narrow, classes)
        case ["googlenet", *year]:
            return googlenet(8 if small else 1, classes, bool(year), 1 if small and year else 4)
        case _:
            return inception_v3(narrow, classes, 1 if small else 5)


def smooth(net: nn.Module) -> nn.Module:
    """The same network without kinks: SiLU in place of ReLU, means in place of maxima."""
    for owner in list(net.modules()):
        for key, own in list(owner._modules.items()):  # a module that stands twice is listed twice
            if isinstance(own, nn.ReLU):
                setattr(owner, key, nn.SiLU())
            elif isinstance(own, nn.MaxPool2d):
                setattr(owner, key, nn.AvgPool2d(own.kernel_size, own.stride, own.padding, own.ceil_mode))
    return net


def loss_of(name: str, outputs: Any, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, with the weighted losses of the heads."""
    logits, *heads = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = nn.functional.cross_entropy(logits, labels)
    return loss + sum(
        WEIGHTS[name.split("-")[0]] * nn.functional.cross_entropy(head, labels) for head in heads
    )
