"""The catalogue of layers: each is its forward equations, its shapes and a source; gradients come from the calculus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from symcnn.calculus.pullback import Gradient, cotangents, pullback
from symcnn.core.equation import Equation, System
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.infer import parse
from symcnn.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Cotangent:
    """A cotangent of a layer: the sum of the gradients through each equation that reads the tensor."""

    equation: Equation
    parts: tuple[Gradient, ...]


@dataclass(frozen=True, slots=True)
class LayerKind:
    """A layer: ``formula`` reads the tensors ``data`` and ``trained``; sizes and parameters stay symbolic.

    ``letter`` names its output in a network; ``loss`` marks a layer whose output is the scalar to be minimised,
    ``labels`` the inputs that are given beside the data.
    """

    name: str
    formula: str
    shapes: tuple[tuple[str, str], ...]
    letter: str
    title: str
    source: str
    data: tuple[str, ...] = ("x",)
    trained: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    loss: bool = False
    classes: tuple[tuple[str, str], ...] = field(default=())

    def system(self, policy: KinkPolicy = FIRST) -> System:
        """The forward equations for symbolic sizes."""
        return _system(self, policy)

    def cotangents(self, wanted: tuple[str, ...], policy: KinkPolicy = FIRST) -> tuple[Cotangent, ...]:
        """Cotangents of the named tensors, intermediate values first; derived once for symbolic sizes."""
        return _cotangents(self, wanted, policy)

    def gradients(self, policy: KinkPolicy = FIRST) -> dict[str, Gradient]:
        """For each differentiable tensor that the last equation reads: its derivation through that equation."""
        return _gradients(self, policy)

    @property
    def differentiable(self) -> tuple[str, ...]:
        """Names of the tensors that have cotangents: the data and the trained tensors."""
        return (*self.data, *self.trained)

    def tensor(self, name: str) -> Tensor:
        """An input tensor of the forward equations."""
        return next(t for t in self.system().inputs if t.name == name)


@cache
def _system(kind: LayerKind, policy: KinkPolicy) -> System:
    return parse(kind.formula, dict(kind.shapes), policy=policy)


@cache
def _cotangents(kind: LayerKind, wanted: tuple[str, ...], policy: KinkPolicy) -> tuple[Cotangent, ...]:
    found = cotangents(kind.system(policy).equations, [kind.tensor(name) for name in wanted], policy=policy)
    return tuple(Cotangent(equation, tuple(parts)) for equation, parts in found)


@cache
def _gradients(kind: LayerKind, policy: KinkPolicy) -> dict[str, Gradient]:
    equation = kind.system(policy).equations[-1]
    return {
        t.name: pullback(equation, t, policy=policy) for t in equation.inputs if t.name in kind.differentiable
    }


def _kind(
    name: str, formula: str, shapes: Mapping[str, str], letter: str, title: str, source: str, **rest: object
) -> LayerKind:
    return LayerKind(name, formula, tuple(shapes.items()), letter, title, source, **rest)  # type: ignore[arg-type]


CONV_SIZE = "(H+2*p-e*(R-1)-1)//u+1,(V+2*q-f*(S-1)-1)//v+1"
POOL_SIZE = "(H+2*p-R)//u+1,(V+2*q-S)//v+1"
DUMOULIN = "Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016"
GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016"

CATALOGUE: tuple[LayerKind, ...] = (
    _kind(
        "conv2d",
        "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s]*x[n,c,u*i+e*r-p,v*j+f*s-q | 0])",
        {"x": "N,C,H,V", "W": "O,C,R,S", "b": "O", "z": f"N,O,{CONV_SIZE}"},
        "z",
        "convolution",
        f"{DUMOULIN}, section 2",
        trained=("W", "b"),
    ),
    _kind(
        "conv2d without bias",
        "z[n,o,i,j] = sum[c,r,s](W[o,c,r,s]*x[n,c,u*i+e*r-p,v*j+f*s-q | 0])",
        {"x": "N,C,H,V", "W": "O,C,R,S", "z": f"N,O,{CONV_SIZE}"},
        "z",
        "convolution without bias",
        f"{DUMOULIN}, section 2",
        trained=("W",),
    ),
    _kind(
        "grouped conv2d",
        "z[n,g*K+k,i,j] = b[g*K+k] + sum[c,r,s](W[g*K+k,c,r,s]*x[n,g*C+c,u*i+e*r-p,v*j+f*s-q | 0])",
        {"x": "N,G*C,H,V", "W": "G*K,C,R,S", "b": "G*K", "z": f"N,G*K,{CONV_SIZE}"},
        "z",
        "convolution in groups",
        "Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, 2012",
        trained=("W", "b"),
    ),
    _kind(
        "dense",
        "z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])",
        {"x": "N,D", "W": "K,D", "b": "K"},
        "z",
        "dense",
        f"{GOODFELLOW}, section 6.3",
        trained=("W", "b"),
    ),
    _kind(
        "flatten",
        "f[n,(c*H + i)*V + j] = x[n,c,i,j]",
        {"x": "N,C,H,V"},
        "f",
        "flatten",
        "row-major order",
    ),
    _kind(
        "max_pool2d",
        "y[n,c,i,j] = max[r<R,s<S](x[n,c,u*i+r-p,v*j+s-q | -oo])",
        {"x": "N,C,H,V", "y": f"N,C,{POOL_SIZE}"},
        "p",
        "max pooling",
        f"{GOODFELLOW}, section 9.3",
    ),
    _kind(
        "avg_pool2d",
        "y[n,c,i,j] = mean[r<R,s<S](x[n,c,u*i+r-p,v*j+s-q | 0])",
        {"x": "N,C,H,V", "y": f"N,C,{POOL_SIZE}"},
        "p",
        "average pooling",
        f"{GOODFELLOW}, section 9.3",
    ),
    *(
        _kind(f"{name} {rank}d", formula.replace("*", at).replace("?", "*"), {"x": shape}, "a", title, source)
        for name, formula, title, source in (
            ("relu", "a[*] = max(x[*], 0)", "ReLU", "Nair and Hinton, Rectified linear units, 2010"),
            ("sigmoid", "a[*] = 1/(1 + exp(-x[*]))", "sigmoid", f"{GOODFELLOW}, section 3.10"),
            ("tanh", "a[*] = tanh(x[*])", "tanh", f"{GOODFELLOW}, section 6.3"),
        )
        for rank, at, shape in ((2, "n,k", "N,K"), (4, "n,c,i,j", "N,C,H,V"))
    ),
    _kind(
        "softmax",
        "a[n,k] = exp(x[n,k])/sum[l](exp(x[n,l]))",
        {"x": "N,K"},
        "a",
        "softmax",
        f"{GOODFELLOW}, section 6.2",
    ),
    _kind(
        "bce",
        "L = mean[n,k](-y[n,k]*log(x[n,k]) - (1 - y[n,k])*log(1 - x[n,k]))",
        {"x": "N,K", "y": "N,K"},
        "L",
        "binary cross-entropy",
        f"{GOODFELLOW}, section 6.2",
        labels=("y",),
        loss=True,
    ),
    _kind(
        "cross_entropy",
        "L = mean[n](-sum[k](where(y[n] == k, log(x[n,k]), 0)))",
        {"x": "N,K", "y": "N"},
        "L",
        "cross-entropy",
        f"{GOODFELLOW}, section 6.2",
        labels=("y",),
        loss=True,
        classes=(("y", "K"),),
    ),
)
KINDS = {kind.name: kind for kind in CATALOGUE}
