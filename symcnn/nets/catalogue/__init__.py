"""The catalogue of layers: each is its forward equations, its shapes and a source. No gradient stands here."""

from __future__ import annotations

from symcnn.nets.catalogue import activation, convolution, dense, loss, pooling, shape
from symcnn.nets.kind import LayerKind

CATALOGUE: tuple[LayerKind, ...] = (
    *convolution.KINDS,
    *dense.KINDS,
    *pooling.KINDS,
    *activation.KINDS,
    *shape.KINDS,
    *loss.KINDS,
)
KINDS: dict[str, LayerKind] = {kind.name: kind for kind in CATALOGUE}
