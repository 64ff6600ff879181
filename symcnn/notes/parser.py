"""LaTeX of one formula to its notation tree."""

from __future__ import annotations

from collections.abc import Mapping

from symcnn.notes.tokens import Macro
from symcnn.notes.tree import Node


def parse(latex: str, *, macros: Mapping[str, Macro] | None = None) -> Node:
    """The notation tree of a whole formula."""
    raise NotImplementedError
