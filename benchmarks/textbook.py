"""Textbook NumPy: im2col by indices, argmax pooling, one layer after the other; what most lecture code does."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
LENET = [("conv", 2), "relu", "pool", ("conv", 0), "relu", "pool"] + ["dense", "relu"] * 2 + ["dense"]
NETWORKS: dict[str, list[Any]] = {
    "notes": [("conv", 0), "relu", "pool", "dense"],
    "lenet5": LENET,
    "vgg_like": [("conv", 1), "relu", ("conv", 1), "relu", "pool"] * 3 + ["dense"],
}


def _indices(shape: tuple[int, ...], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _, channels, height, width = shape
    out_h, out_w = height - size + 1, width - size + 1
    k = np.repeat(np.arange(channels), size * size)[:, None]
    rows = np.tile(np.repeat(np.arange(size), size), channels)[:, None] + np.repeat(np.arange(out_h), out_w)
    columns = np.tile(np.arange(size), size * channels)[:, None] + np.tile(np.arange(out_w), out_h)
    return k, rows, columns


def _conv(x: np.ndarray, w: np.ndarray, b: np.ndarray, padding: int) -> tuple[np.ndarray, Any]:
    p = padding
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    at = _indices(padded.shape, w.shape[-1])
    columns = padded[:, at[0], at[1], at[2]].transpose(1, 2, 0).reshape(len(at[0]), -1)
    out = w.reshape(len(w), -1) @ columns + b[:, None]
    side = padded.shape[2] - w.shape[-1] + 1
    return out.reshape(len(w), side, -1, len(x)).transpose(3, 0, 1, 2), (padded.shape, at, columns, p)


def _conv_back(d: np.ndarray, w: np.ndarray, kept: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape, at, columns, p = kept
    flat = d.transpose(1, 2, 3, 0).reshape(len(w), -1)
    parts = (w.reshape(len(w), -1).T @ flat).reshape(len(at[0]), -1, shape[0]).transpose(2, 0, 1)
    dx = np.zeros(shape, d.dtype)
    np.add.at(dx, (slice(None), *at), parts)
    return dx[:, :, p : shape[2] - p, p : shape[3] - p], (flat @ columns.T).reshape(w.shape), flat.sum(axis=1)


def _pool(x: np.ndarray) -> tuple[np.ndarray, Any]:
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
    at = parts.argmax(axis=-1)
    return np.take_along_axis(parts, at[..., None], -1)[..., 0], (x.shape, at)


def _pool_back(d: np.ndarray, kept: Any) -> np.ndarray:
    (n, c, h, w), at = kept
    parts = np.zeros((n, c, h // 2, w // 2, 4), d.dtype)
    np.put_along_axis(parts, at[..., None], d[..., None], -1)
    return parts.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)


def gradients(layers: list[Any], params: Arrays, x: np.ndarray, y: np.ndarray) -> Arrays:
    """All gradients of the mean cross-entropy (one output: of the binary one)."""
    kept, number, h = [], 0, x
    for layer in layers:
        kind = layer if isinstance(layer, str) else layer[0]
        if kind in ("conv", "dense"):
            number += 1
        if kind == "conv":
            h, saved = _conv(h, params[f"W{number}"], params[f"b{number}"], layer[1])
        elif kind == "relu":
            h, saved = np.maximum(h, 0), h
        elif kind == "pool":
            h, saved = _pool(h)
        else:
            saved = h
            h = h.reshape(len(h), -1) @ params[f"W{number}"].T + params[f"b{number}"]
        kept.append((kind, number, saved))
    if h.shape[1] == 1:
        d = (1 / (1 + np.exp(-h)) - y) / np.float32(len(x))
    else:
        d = np.exp(h - h.max(axis=1, keepdims=True))
        d /= d.sum(axis=1, keepdims=True)
        d[np.arange(len(y)), y] -= 1
        d /= np.float32(len(x))
    grads: Arrays = {}
    for kind, number, saved in reversed(kept):
        if kind == "dense":
            grads[f"W{number}"], grads[f"b{number}"] = d.T @ saved.reshape(len(x), -1), d.sum(axis=0)
            d = (d @ params[f"W{number}"]).reshape(saved.shape)
        elif kind == "relu":
            d = d * (saved > 0)
        elif kind == "pool":
            d = _pool_back(d, saved)
        else:
            d, grads[f"W{number}"], grads[f"b{number}"] = _conv_back(d, params[f"W{number}"], saved)
    return grads
