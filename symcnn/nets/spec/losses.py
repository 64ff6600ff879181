"""Specifications of losses."""

from __future__ import annotations

from typing import Literal

from symcnn.core.errors import ShapeError
from symcnn.nets.spec.arguments import Number, exact
from symcnn.nets.spec.base import Spec


def bce(name: str = "") -> Spec:
    """L = mean(−y·log(x) − (1−y)·log(1−x)): the mean over images and outputs."""
    return Spec("binary_cross_entropy", name=name)


def bce_with_logits(name: str = "") -> Spec:
    """L = mean(y·log(1 + exp(−x)) + (1−y)·log(1 + exp(x))): logits x."""
    return Spec("binary_cross_entropy_with_logits", name=name)


def cross_entropy(name: str = "") -> Spec:
    """L = mean_n(−log x[n, y[n]]) for class numbers y[n] and probabilities x, which a softmax has made."""
    return Spec("cross_entropy_of_probabilities", name=name)


def cross_entropy_with_logits(label_smoothing: Number = 0, name: str = "") -> Spec:
    """L = mean_n(log Σ_k exp(x[n,k]) − x[n, y[n]]) for class numbers y[n] and logits x: PyTorch's CrossEntropyLoss."""
    smoothing = exact(label_smoothing, "label_smoothing")
    if not smoothing:
        return Spec("cross_entropy", name=name)
    return Spec(
        "cross_entropy", (("label_smoothing", smoothing),), name=name, arguments=(("label_smoothing", True),)
    )


def nll_loss(name: str = "") -> Spec:
    """L = mean_n(−x[n, y[n]]) for class numbers y[n] and log-probabilities x."""
    return Spec("nll_loss", name=name)


def mse_loss(reduction: Literal["mean", "sum"] = "mean", name: str = "") -> Spec:
    """L = mean((x − y)²)."""
    return Spec("mse_loss", name=name, arguments=(("reduction", reduction),))


def l1_loss(reduction: Literal["mean", "sum"] = "mean", name: str = "") -> Spec:
    """L = mean(|x − y|)."""
    return Spec("l1_loss", name=name, arguments=(("reduction", reduction),))


def huber_loss(delta: Number = 1, reduction: Literal["mean", "sum"] = "mean", name: str = "") -> Spec:
    """L = mean(d²/2 for |d| < delta, else delta·(|d| − delta/2)), d = x − y."""
    return Spec(
        "huber_loss", (("delta", exact(delta, "delta")),), name=name, arguments=(("reduction", reduction),)
    )


def smooth_l1_loss(beta: Number = 1, reduction: Literal["mean", "sum"] = "mean", name: str = "") -> Spec:
    """L = mean(d²/(2·beta) for |d| < beta, else |d| − beta/2), d = x − y."""
    sizes = (("beta", exact(beta, "beta")),) if beta else ()
    return Spec("smooth_l1_loss", sizes, name=name, arguments=(("reduction", reduction), ("beta", beta)))


def total(*weights: Number, name: str = "") -> Spec:
    """L = w1·L1 + w2·L2 + …: several losses, in the order of ``.on(…)``; the first of them is the loss in evaluation."""
    if not weights:
        raise ShapeError("expected a weight for each loss of the total, got none")
    sizes = tuple((f"w{k}", exact(weight, "weight")) for k, weight in enumerate(weights, start=1))
    return Spec("total", sizes, name=name, arguments=(("count", len(weights)),))
