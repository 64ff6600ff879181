"""Blocks: layers that belong together under one name, written once however often they stand in a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symcnn.core.errors import ShapeError
from symcnn.nets.spec.base import Spec

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Block:
    """Layers and blocks under one name. Its value is the output of its last layer.

    Inside, values are local: what reaches the block is ``x`` (several: ``x``, ``x2``, … in the order of ``inputs``).
    """

    layers: tuple[Spec | Block, ...]
    name: str = ""
    inputs: tuple[str, ...] = ()

    def on(self, *inputs: str) -> Block:
        """The same block reading the named layers or values."""
        return replace(self, inputs=inputs)


def block(*layers: Spec | Block, name: str = "", inputs: Sequence[str] = ()) -> Block:
    """A block of layers. Raises ShapeError where it holds none or its name is not one.

    >>> from symcnn.nets.spec import conv2d, relu
    >>> block(conv2d(3, 8, 1), relu(), name="reduce").name
    'reduce'
    """
    if not layers or not all(isinstance(layer, Spec | Block) for layer in layers):
        raise ShapeError(f"{name or 'block'}: expected layers such as conv2d(…), got {list(layers)!r:.80}")
    if name and not NAME.fullmatch(name):
        raise ShapeError(f"expected letters, digits and single underscores as a block's name, got {name!r}")
    return Block(layers, name, tuple(inputs))
