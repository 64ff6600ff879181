"""Dense layers."""

from __future__ import annotations

from symcnn.nets.kind import kind

KINDS = (
    kind(
        "dense",
        "z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])",
        {"x": "N,D", "W": "K,D", "b": "K"},
        "z",
        "dense",
        "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.3",
        trained=("W", "b"),
    ),
)
