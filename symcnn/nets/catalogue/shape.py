"""Layers that only move entries: every one is an affine read."""

from __future__ import annotations

from symcnn.nets.kind import kind

KINDS = (
    kind(
        "flatten",
        "f[n,(c*H + i)*V + j] = x[n,c,i,j]",
        {"x": "N,C,H,V"},
        "f",
        "flatten",
        "row-major order",
    ),
)
