"""Which tensor a name stands for in a small world, and the conventions under which formulas are read there."""

from __future__ import annotations

from dataclasses import dataclass

from symcnn.core.errors import SymcnnError
from symcnn.notes.tree import Node

ALONE = -999
"""The member number of a tensor that is not one of many."""


class Unreadable(SymcnnError):
    """A formula whose meaning the notes do not pin down."""


class Mismatch(SymcnnError):
    """Shapes that do not conform in a formula; `node` is the place."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        self.node = node
        super().__init__(message)


@dataclass(frozen=True, slots=True, order=True)
class Family:
    """A tensor: its key with the number of its layer and of its sample; `member` is the t of h_t."""

    key: str
    layer: int = -1
    sample: int = -1
    member: int = ALONE

    def __str__(self) -> str:
        layer = f"^{self.layer}" if self.layer >= 0 else ""
        member = f"@{self.member}" if self.member != ALONE else ""
        return f"{self.key}{layer}" + (f"({self.sample})" if self.sample >= 0 else "") + member


@dataclass(frozen=True, slots=True)
class Reading:
    """The conventions under which formulas are read."""

    layout: str = "gradient"
    entrywise: bool = False
    single: bool = False
    scaled: bool = False
    flipped: bool = False
    across: bool = False
    """Whether a softmax of a matrix takes each row by itself, and not each column."""
    latest_first: bool = False
    """Whether in a product over an index the factor of the largest index stands on the left."""
    bias: str = ""
    """Whether a bias of open shape is a row, a column or a number; by the layout of the notes where empty."""
    constants: bool = False
    """Whether what has no differential anywhere in the notes does not vary."""
    each: bool = False
    """Whether dX is a derivative of the loss of one example, where there is one for each and one for all."""
    activation: tuple[str, str] | None = None
    """A function that the notes do not define, and the one that it is taken to be."""
