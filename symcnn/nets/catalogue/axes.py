"""Names of axes: the indices, sizes and window parameters that the catalogue's formulas are written with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symcnn.core.errors import ShapeError, UnknownName

MOST_AXES = 7
Parameters = tuple[tuple[str, int | Fraction], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis: its index and size, and those of a window that moves along it."""

    index: str
    size: str
    window: str
    extent: str
    stride: str
    padding: str
    dilation: str
    extra: str
    output: str


SPATIAL = (
    Axis("i", "H", "r", "R", "u", "p", "e", "a", "P"),
    Axis("j", "V", "s", "S", "v", "q", "f", "a2", "Q"),
    Axis("l", "B", "t", "T", "w", "m", "d", "a3", "M"),
)
INDICES = ("n", "c", *(a.index for a in SPATIAL), "o", "t")
SIZES = ("N", "C", *(a.size for a in SPATIAL), "A", "Z")
NAMED = {
    "kernel_size": "extent",
    "stride": "stride",
    "padding": "padding",
    "dilation": "dilation",
    "output_padding": "extra",
    "output_size": "output",
}


def spatial(dims: int) -> tuple[Axis, ...]:
    """The spatial axes of a layer in 1, 2 or 3 dimensions. Raises ShapeError."""
    if dims not in (1, 2, 3):
        raise ShapeError(f"expected 1, 2 or 3 dimensions, got {dims!r}")
    return SPATIAL[:dims]


def window_sizes(dims: int, **values: Sequence[int]) -> Parameters:
    """The formulas' names for PyTorch's: ``kernel_size=(3, 5)`` is R = 3, S = 5; ``stride`` is u, v, w and so on."""
    return tuple(
        (str(getattr(axis, NAMED[name])), number)
        for name, numbers in values.items()
        for axis, number in zip(spatial(dims), numbers, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of a plain tensor: their indices and sizes, in order."""

    indices: tuple[str, ...]
    sizes: tuple[str, ...]

    def at(self, name: str, **moved: str) -> str:
        """A read of ``name``; ``moved`` gives other positions for some indices."""
        return at(name, [moved.get(index, index) for index in self.indices])

    @property
    def shape(self) -> str:
        return ",".join(self.sizes)

    @property
    def limits(self) -> str:
        return ",".join(self.indices)

    def named(self, places: Iterable[int]) -> tuple[str, ...]:
        """The indices of some axes."""
        return tuple(self.indices[place] for place in places)


def axes(rank: int, least: int = 0) -> Axes:
    """Axes of a tensor: k; n,k; then n, c and the spatial ones. Raises ShapeError."""
    if type(rank) is not int or not least <= rank <= MOST_AXES:
        raise ShapeError(f"expected {least} to {MOST_AXES} axes, got {rank!r}")
    match rank:
        case 0:
            return Axes((), ())
        case 1:
            return Axes(("k",), ("K",))
        case 2:
            return Axes(("n", "k"), ("N", "K"))
    return Axes(INDICES[:rank], SIZES[:rank])


def at(name: str, positions: Sequence[str], outside: str = "") -> str:
    """A read or target in the formula language; a tensor without axes is its name."""
    if not positions:
        return name
    return f"{name}[{','.join(positions)}{' | ' + outside if outside else ''}]"


def place(dim: int, rank: int) -> int:
    """An axis counted from the front. Raises ShapeError."""
    if type(dim) is not int or not -max(rank, 1) <= dim < max(rank, 1):
        raise ShapeError(f"expected dim as one of {rank} axes, got {dim!r}")
    return dim % max(rank, 1)


def chosen(value: str, known: Sequence[str], what: str) -> str:
    """``value`` where it is one of ``known``. Raises UnknownName."""
    if value not in known:
        raise UnknownName(f"expected {what} as one of {', '.join(known)}, got {value!r}")
    return value
