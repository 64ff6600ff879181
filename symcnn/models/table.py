"""The named networks and their figures, without SymPy: what a listing shows, and where each network is built.

The figures are computed from the equations; a test computes them afresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.models.papers import (
    GOING_DEEPER,
    GOING_DEEPER_NORMALISED,
    GRADIENT_BASED,
    IMAGENET,
    LECTURES,
    ONE_WEIRD_TRICK,
    RESIDUAL,
    RETHINKING,
    VERY_DEEP,
)

Counts = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A named network: ``builder`` of the module ``home`` makes it from the ``arguments``."""

    name: str
    home: str
    builder: str
    arguments: tuple[tuple[str, object], ...]
    source: str
    input: tuple[int, ...]
    parameters: int
    multiply_adds: int


def _entry(
    name: str, place: str, source: str, shape: tuple[int, ...], counts: Counts, **arguments: object
) -> Entry:
    home, _, builder = place.partition(".")
    return Entry(name, home, builder, tuple(arguments.items()), source, shape, *counts)


@dataclass(frozen=True, slots=True)
class Family:
    """Networks of one builder for images of 224×224 or so, each also small: ``narrow`` divides the channels."""

    place: str
    source: str
    image: int
    narrow: int
    small_image: int

    def both(self, name: str, counts: Counts, small: Counts, **arguments: object) -> Iterator[Entry]:
        """The network and its small form, which has ten classes."""
        yield _entry(name, self.place, self.source, (3, self.image, self.image), counts, **arguments)
        size = {"narrow": self.narrow, "image": self.small_image, "classes": 10}
        shape = (3, self.small_image, self.small_image)
        yield _entry(f"{name}-small", self.place, self.source, shape, small, **arguments, **size)


ONE_COLUMN = Family("alexnet.alexnet", ONE_WEIRD_TRICK, 224, 16, 64)
TWO_COLUMNS = Family("alexnet.alexnet_2012", IMAGENET, 224, 16, 64)
VGG = Family("vgg.vgg", VERY_DEEP, 224, 16, 32)
RESNET = Family("resnet.resnet", RESIDUAL, 224, 16, 64)
GOOGLENET = Family("googlenet.googlenet", GOING_DEEPER_NORMALISED, 224, 8, 80)
PUBLISHED = Family("googlenet.googlenet_2014", GOING_DEEPER, 224, 8, 80)
INCEPTION = Family("inception.inception_v3", RETHINKING, 299, 16, 107)

MODELS = {
    entry.name: entry
    for entry in (
        _entry("notes", "lectures.notes", LECTURES, (1, 6, 6), (15, 148)),
        _entry("lenet5", "lenet.lenet5", GRADIENT_BASED, (1, 28, 28), (61_706, 416_520)),
        _entry("lenet5-1998", "lenet.lenet5_1998", GRADIENT_BASED, (1, 32, 32), (60_840, 325_680)),
        _entry("lenet5-digits", "lenet.lenet5_digits", GRADIENT_BASED, (1, 8, 8), (16_486, 94_536)),
        *ONE_COLUMN.both("alexnet", (61_100_840, 714_188_480), (83_790, 532_860)),
        *TWO_COLUMNS.both("alexnet-2012", (60_965_224, 724_406_816), (83_954, 691_026)),
        *VGG.both("vgg11", (132_863_336, 7_609_090_048), (113_090, 776_704), depth=11),
        *VGG.both("vgg13", (133_047_848, 11_308_466_176), (113_822, 1_071_616), depth=13),
        *VGG.both("vgg16", (138_357_544, 15_470_264_320), (134_638, 1_403_392), depth=16),
        *VGG.both("vgg19", (143_667_240, 19_632_062_464), (155_454, 1_735_168), depth=19),
        *VGG.both("vgg11-bn", (132_868_840, 7_609_090_048), (113_434, 776_704), depth=11, batch_norm=True),
        *VGG.both("vgg13-bn", (133_053_736, 11_308_466_176), (114_190, 1_071_616), depth=13, batch_norm=True),
        *VGG.both("vgg16-bn", (138_365_992, 15_470_264_320), (135_166, 1_403_392), depth=16, batch_norm=True),
        *VGG.both("vgg19-bn", (143_678_248, 19_632_062_464), (156_142, 1_735_168), depth=19, batch_norm=True),
        *RESNET.both("resnet18", (11_689_512, 1_814_073_344), (45_102, 1_143_104), depth=18),
        *RESNET.both("resnet34", (21_797_672, 3_663_761_408), (85_022, 1_732_928), depth=34),
        *RESNET.both("resnet50", (25_557_032, 4_089_184_256), (96_782, 1_869_056), depth=50),
        *RESNET.both("resnet101", (44_549_160, 7_801_405_440), (174_030, 3_052_800), depth=101),
        *RESNET.both("resnet152", (60_192_808, 11_513_626_624), (237_838, 4_236_544), depth=152),
        *GOOGLENET.both("googlenet", (13_004_888, 1_506_748_416), (161_926, 4_833_004)),
        *PUBLISHED.both("googlenet-2014", (13_378_280, 1_591_044_096), (105_496, 4_915_404)),
        *INCEPTION.both("inception-v3", (27_161_264, 5_718_899_296), (89_828, 2_190_328)),
    )
}
