"""Specifications of activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from symcnn.nets.spec.arguments import Number, count, exact
from symcnn.nets.spec.base import Spec


def _plain(family: str, equation: str) -> Callable[..., Spec]:
    """A specification without parameters."""

    def spec(name: str = "") -> Spec:
        return Spec(family, name=name)

    spec.__name__ = spec.__qualname__ = family
    spec.__doc__ = equation
    return spec


relu = _plain("relu", "a = max(x, 0).")
relu6 = _plain("relu6", "a = min(max(x, 0), 6).")
selu = _plain("selu", "a = scale·x where x > 0, else scale·alpha·(exp(x) − 1).")
silu = _plain("silu", "a = x/(1 + exp(−x)).")
mish = _plain("mish", "a = x·tanh(log(1 + exp(x))).")
softsign = _plain("softsign", "a = x/(1 + |x|).")
sigmoid = _plain("sigmoid", "a = 1/(1 + exp(−x)).")
hardsigmoid = _plain("hardsigmoid", "a = min(max(x + 3, 0), 6)/6.")
hardswish = _plain("hardswish", "a = x·min(max(x + 3, 0), 6)/6.")
logsigmoid = _plain("logsigmoid", "a = −log(1 + exp(−x)).")
tanh = _plain("tanh", "a = tanh(x).")
tanhshrink = _plain("tanhshrink", "a = x − tanh(x).")


def _with(family: str, name: str, **parameters: Number) -> Spec:
    return Spec(family, tuple((key, exact(value, key)) for key, value in parameters.items()), name=name)


def leaky_relu(negative_slope: Number = 0.01, name: str = "") -> Spec:
    """a = x where x > 0, else negative_slope·x."""
    return _with("leaky_relu", name, negative_slope=negative_slope)


def elu(alpha: Number = 1, name: str = "") -> Spec:
    """a = x where x > 0, else alpha·(exp(x) − 1)."""
    return _with("elu", name, alpha=alpha)


def celu(alpha: Number = 1, name: str = "") -> Spec:
    """a = x where x > 0, else alpha·(exp(x/alpha) − 1)."""
    return _with("celu", name, alpha=alpha)


def softplus(beta: Number = 1, threshold: Number = 20, name: str = "") -> Spec:
    """a = log(1 + exp(beta·x))/beta; x itself where beta·x is above the threshold."""
    return _with("softplus", name, beta=beta, threshold=threshold)


def softshrink(lambd: Number = 0.5, name: str = "") -> Spec:
    """a = x − lambd above lambd, x + lambd below −lambd, else 0."""
    return _with("softshrink", name, lambd=lambd)


def hardshrink(lambd: Number = 0.5, name: str = "") -> Spec:
    """a = x outside of [−lambd, lambd], else 0."""
    return _with("hardshrink", name, lambd=lambd)


def hardtanh(min_val: Number = -1, max_val: Number = 1, name: str = "") -> Spec:
    """a = min(max(x, min_val), max_val)."""
    return _with("hardtanh", name, min_val=min_val, max_val=max_val)


def threshold(threshold: Number, value: Number, name: str = "") -> Spec:
    """a = x above the threshold, else the value."""
    return _with("threshold", name, threshold=threshold, value=value)


def prelu(num_parameters: int = 1, name: str = "") -> Spec:
    """a = x where x > 0, else w·x, with one trained slope or one for each channel."""
    shared = count(num_parameters, "num_parameters") == 1
    return Spec("prelu", name=name, arguments=(("shared", shared),))


def gelu(approximate: Literal["none", "tanh"] = "none", name: str = "") -> Spec:
    """a = x·(1 + erf(x/√2))/2, or its approximation by tanh."""
    return Spec("gelu", name=name, arguments=(("approximate", approximate),))


def glu(dim: int = -1, name: str = "") -> Spec:
    """a[n,k] = x[n,k]·σ(x[n,k+K])."""
    return Spec("glu", name=name, arguments=(("dim", dim),))


def softmax(dim: int = -1, name: str = "") -> Spec:
    """a[n,k] = exp(x[n,k])/Σ_l exp(x[n,l])."""
    return Spec("softmax", name=name, arguments=(("dim", dim),))


def log_softmax(dim: int = -1, name: str = "") -> Spec:
    """a[n,k] = x[n,k] − log Σ_l exp(x[n,l])."""
    return Spec("log_softmax", name=name, arguments=(("dim", dim),))
