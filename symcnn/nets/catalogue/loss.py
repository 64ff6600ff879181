"""Losses: a scalar from the network's output and the labels."""

from __future__ import annotations

from symcnn.nets.kind import kind

SOURCE = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2"

KINDS = (
    kind(
        "bce",
        "L = mean[n,k](-y[n,k]*log(x[n,k]) - (1 - y[n,k])*log(1 - x[n,k]))",
        {"x": "N,K", "y": "N,K"},
        "L",
        "binary cross-entropy",
        SOURCE,
        labels=("y",),
        loss=True,
    ),
    kind(
        "cross_entropy",
        "L = mean[n](-sum[k](where(y[n] == k, log(x[n,k]), 0)))",
        {"x": "N,K", "y": "N"},
        "L",
        "cross-entropy",
        SOURCE,
        labels=("y",),
        loss=True,
        classes=(("y", "K"),),
    ),
)
