"""What the notes say about their names, gathered in one pass: definitions, shapes, ranges, cues of the prose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symcnn.notes.manner import Manner
from symcnn.notes.names import Habits
from symcnn.notes.tree import Node


@dataclass(frozen=True, slots=True)
class Definition:
    """`key[indices] = body`, the value of a name or of its entries.

    `layer` and `sample` may hold letters: then it is a rule for every layer. `order` is the place in the notes.
    """

    key: str
    layer: Node | None
    sample: Node | None
    indices: tuple[Node, ...] | None
    body: Node
    line: int
    order: int
    latex: str = ""
    section: int = 0
    head: Node | None = None
    display: bool = False
    """Whether it is a matrix that only names the entries."""
    member: Node | None = None
    """The t of a definition of h_t, where h_t is a whole tensor for each t."""


@dataclass(frozen=True, slots=True)
class FunctionRule:
    """`f(z) = body` for a letter z, or `(I * K)_{ij} = body` for an operator between two letters."""

    name: str
    parameters: tuple[str, ...]
    indices: tuple[Node, ...] | None
    body: Node
    line: int
    order: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A declared shape: a size for each axis."""

    sizes: tuple[Node, ...]
    line: int
    order: int
    layer: Node | None = None


@dataclass(frozen=True, slots=True)
class Cues:
    """What the prose says about conventions."""

    numerator_layout: bool = False
    denominator_layout: bool = False
    rows: bool = False
    picks_rows: bool = False
    """One index under a matrix picks a row."""
    zero_outside: bool = False
    flipped: bool = False
    unflipped: bool = False
    across: bool = False
    """A softmax of a matrix takes each row by itself."""
    down: bool = False
    """A softmax of a matrix takes each column by itself."""
    star_is_entrywise: bool = False
    logistic: bool = False
    per_example: bool = False
    shaped: bool = False
    """The gradient of a number has the shape of what it belongs to, in every layout."""
    zero_based: bool = False
    latest_first: bool = False
    """In a product over an index the factor of the largest index stands on the left."""
    latest_last: bool = False
    """In a product over an index the factor of the largest index stands on the right."""
    whole_only: bool = False
    """An entry at an index that is no whole number does not exist, and counts as zero."""
    single_from: int | None = None
    """Order of the first formula that follows the words "a single image" or the like."""


@dataclass(slots=True)
class Facts:
    """Everything that the notes say about names."""

    habits: Habits
    definitions: list[Definition] = field(default_factory=list)
    functions: dict[str, list[FunctionRule]] = field(default_factory=dict)
    operators: dict[str, list[FunctionRule]] = field(default_factory=dict)
    shapes: dict[str, list[Shape]] = field(default_factory=dict)
    ranges: dict[str, tuple[Node | int, Node | int]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    gradients: dict[str, str] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    sizes: set[str] = field(default_factory=set)
    layer_sizes: set[str] = field(default_factory=set)
    """Names of sizes that each layer has its own of: the n of `n_l`."""
    steps: set[str] = field(default_factory=set)
    """Sizes that only stand inside of indices: strides, paddings, dilations."""
    larger: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For a size the sizes that the bounds of sums and ranges take away from it: it is not below them."""
    differentials: bool = False
    """dX is a differential on this page, and not the name of a gradient."""
    varied: frozenset[str] = frozenset()
    """The names whose differentials the notes write."""
    together: set[int] = field(default_factory=set)
    """Pieces of chains that set several names to one number, `k = s = 1`."""
    spoken: dict[int, tuple[Definition, ...]] = field(default_factory=dict)
    """Definitions that the words around a name give, by the piece that is the name."""
    normalised: set[str] = field(default_factory=set)
    """Given vectors whose entries add up to one, such as one-hot labels."""
    bound: set[str] = field(default_factory=set)
    applied: set[str] = field(default_factory=set)
    called_entries: set[str] = field(default_factory=set)
    manner: Manner = field(default_factory=Manner)
    """What formulas are rewritten by before they are looked at."""
    layers: tuple[int, ...] = ()
    first_layers: set[int] = field(default_factory=set)
    """Numbers of layers that the notes name beside the letter for any of them."""
    settings: list[Mapping[str, int]] = field(default_factory=list)
    cues: Cues = field(default_factory=Cues)

    def resolve(self, key: str) -> str:
        """The key that a name stands for, through "also called"."""
        seen = {key}
        while key in self.aliases and self.aliases[key] not in seen:
            key = self.aliases[key]
            seen.add(key)
        return key
