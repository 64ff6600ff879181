"""Activations: elementwise functions, for feature vectors (2d) and feature maps (4d), and softmax."""

from __future__ import annotations

from symcnn.nets.kind import LayerKind, kind

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016"
RANKS = ((2, "n,k", "N,K"), (4, "n,c,i,j", "N,C,H,V"))
ELEMENTWISE = (
    ("relu", "max({x}, 0)", "ReLU", "Nair and Hinton, Rectified linear units, 2010"),
    ("sigmoid", "1/(1 + exp(-{x}))", "sigmoid", f"{GOODFELLOW}, section 3.10"),
    ("tanh", "tanh({x})", "tanh", f"{GOODFELLOW}, section 6.3"),
)


def _elementwise() -> list[LayerKind]:
    return [
        kind(f"{name} {rank}d", f"a[{at}] = {body.format(x=f'x[{at}]')}", {"x": shape}, "a", title, source)
        for name, body, title, source in ELEMENTWISE
        for rank, at, shape in RANKS
    ]


KINDS = (
    *_elementwise(),
    kind(
        "softmax",
        "a[n,k] = exp(x[n,k])/sum[l](exp(x[n,l]))",
        {"x": "N,K"},
        "a",
        "softmax",
        f"{GOODFELLOW}, section 6.2",
    ),
)
