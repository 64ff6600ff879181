"""Activations: elementwise functions for tensors of any number of axes, the gated unit and softmax."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symcnn.nets.catalogue.axes import axes, chosen, place
from symcnn.nets.kind import LayerKind, kind

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016"
MOBILENET = "Howard et al., Searching for MobileNetV3, 2019, section 5.2"
Defaults = tuple[tuple[str, Fraction | int], ...]


@dataclass(frozen=True, slots=True)
class Elementwise:
    """An activation a = f(x), written with ``x`` for the entry."""

    name: str
    body: str
    title: str
    source: str
    defaults: Defaults = ()

    def kind(self, rank: int) -> LayerKind:
        """The layer for tensors of this many axes."""
        entry = axes(rank)
        return kind(
            self.name if rank == 2 else f"{self.name} {rank}d",
            f"{entry.at('a')} = {self.body.replace('{x}', entry.at('x'))}",
            {"x": entry.shape},
            "a",
            self.title,
            self.source,
            defaults=self.defaults,
        )


def _number(text: str) -> Fraction:
    return Fraction(text)


ELEMENTWISE = {
    entry.name: entry
    for entry in (
        Elementwise("relu", "max({x}, 0)", "ReLU", "Nair and Hinton, Rectified linear units, 2010"),
        Elementwise(
            "relu6",
            "min(max({x}, 0), 6)",
            "ReLU6",
            "Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010",
        ),
        Elementwise(
            "leaky_relu",
            "where({x} > 0, {x}, negative_slope*{x})",
            "leaky ReLU",
            "Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, 2013",
            (("negative_slope", Fraction(1, 100)),),
        ),
        Elementwise(
            "elu",
            "where({x} > 0, {x}, alpha*(exp({x}) - 1))",
            "ELU",
            "Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by exponential linear units, 2016",
            (("alpha", 1),),
        ),
        Elementwise(
            "selu",
            "scale*where({x} > 0, {x}, alpha*(exp({x}) - 1))",
            "SELU",
            "Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks, 2017, equation 2",
            (
                ("scale", _number("1.0507009873554804934193349852946")),
                ("alpha", _number("1.6732632423543772848170429916717")),
            ),
        ),
        Elementwise(
            "celu",
            "where({x} > 0, {x}, alpha*(exp({x}/alpha) - 1))",
            "CELU",
            "Barron, Continuously differentiable exponential linear units, 2017",
            (("alpha", 1),),
        ),
        Elementwise(
            "gelu",
            "{x}*(1 + erf({x}/sqrt(2)))/2",
            "GELU",
            "Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2",
        ),
        Elementwise(
            "gelu tanh",
            "{x}*(1 + tanh(sqrt(2/pi)*({x} + 0.044715*{x}**3)))/2",
            "GELU by tanh",
            "Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2",
        ),
        Elementwise(
            "silu",
            "{x}/(1 + exp(-{x}))",
            "SiLU",
            "Elfwing, Uchibe and Doya, Sigmoid-weighted linear units for neural network function approximation, 2018",
        ),
        Elementwise(
            "mish",
            "{x}*tanh(log(1 + exp({x})))",
            "Mish",
            "Misra, Mish: a self regularized non-monotonic activation function, 2019",
        ),
        Elementwise(
            "softplus",
            "where(beta*{x} > threshold, {x}, log(1 + exp(beta*{x}))/beta)",
            "softplus",
            f"{GOODFELLOW}, section 3.10; linear above the threshold as in PyTorch",
            (("beta", 1), ("threshold", 20)),
        ),
        Elementwise(
            "softsign",
            "{x}/(1 + abs({x}))",
            "softsign",
            "Bergstra, Desjardins, Lamblin and Bengio, Quadratic polynomials learn better image features, 2009",
        ),
        Elementwise(
            "softshrink",
            "where({x} > lambd, {x} - lambd, where({x} < -lambd, {x} + lambd, 0))",
            "soft shrinkage",
            "Donoho, De-noising by soft-thresholding, 1995",
            (("lambd", Fraction(1, 2)),),
        ),
        Elementwise(
            "hardshrink",
            "where({x} > lambd or {x} < -lambd, {x}, 0)",
            "hard shrinkage",
            "Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, 1994",
            (("lambd", Fraction(1, 2)),),
        ),
        Elementwise("sigmoid", "1/(1 + exp(-{x}))", "sigmoid", f"{GOODFELLOW}, section 3.10"),
        Elementwise("hardsigmoid", "min(max({x} + 3, 0), 6)/6", "hard sigmoid", MOBILENET),
        Elementwise("hardswish", "{x}*min(max({x} + 3, 0), 6)/6", "hard swish", MOBILENET),
        Elementwise(
            "hardtanh",
            "min(max({x}, min_val), max_val)",
            "hard tanh",
            "Collobert, Large scale machine learning, thesis, 2004",
            (("min_val", -1), ("max_val", 1)),
        ),
        Elementwise("logsigmoid", "-log(1 + exp(-{x}))", "log-sigmoid", f"{GOODFELLOW}, section 3.10"),
        Elementwise("tanh", "tanh({x})", "tanh", f"{GOODFELLOW}, section 6.3"),
        Elementwise("tanhshrink", "{x} - tanh({x})", "tanh shrinkage", "as in PyTorch: x − tanh(x)"),
        Elementwise(
            "threshold",
            "where({x} > threshold, {x}, value)",
            "threshold",
            "as in PyTorch: x above the threshold, else the given value",
        ),
    )
}


def elementwise(name: str, rank: int = 2) -> LayerKind:
    """a[n,k] = f(x[n,k]) for one of the functions of this table."""
    return ELEMENTWISE[name].kind(rank)


def gelu(rank: int = 2, approximate: str = "none") -> LayerKind:
    """a = x·(1 + erf(x/√2))/2, or its approximation by tanh."""
    form = chosen(approximate, ("none", "tanh"), "approximate")
    return ELEMENTWISE["gelu tanh" if form == "tanh" else "gelu"].kind(rank)


def prelu(rank: int = 4, shared: bool = False) -> LayerKind:
    """a[n,c,i,j] = x where x > 0, else w[c]·x, with a slope for each channel or one for all."""
    entry = axes(rank, least=0 if shared else 1)
    channel = "0" if shared else entry.indices[1] if rank > 1 else entry.indices[0]
    count = "1" if shared else entry.sizes[1] if rank > 1 else entry.sizes[0]
    x = entry.at("x")
    return kind(
        "prelu" + (f" {rank}d" if rank != 4 else "") + (" shared" if shared else ""),
        f"{entry.at('a')} = where({x} > 0, {x}, w[{channel}]*{x})",
        {"x": entry.shape, "w": count},
        "a",
        "PReLU",
        "He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015, equation 1",
        trained=("w",),
    )


def glu(rank: int = 2, dim: int = -1) -> LayerKind:
    """a[n,k] = x[n,k]·σ(x[n,k+K]): the second half of an axis is the gate of the first."""
    entry = axes(rank, least=1)
    axis = place(dim, rank)
    k, size = entry.indices[axis], entry.sizes[axis]
    shape = ",".join((*entry.sizes[:axis], f"2*{size}", *entry.sizes[axis + 1 :]))
    return kind(
        "glu" if (rank, axis) == (2, 1) else f"glu {rank}d over axis {axis}",
        f"{entry.at('a')} = {entry.at('x')}/(1 + exp(-{entry.at('x', **{k: f'{k}+{size}'})}))",
        {"x": shape, "a": entry.shape},
        "a",
        "gated linear unit",
        "Dauphin, Fan, Auli and Grangier, Language modeling with gated convolutional networks, 2017, equation 1",
    )


def _over(rank: int, dim: int) -> tuple[str, str, str, str, str]:
    """Shape, target, entry, entry at the summed index and the summed index."""
    entry = axes(rank, least=1)
    index = entry.indices[place(dim, rank)]
    other = "m" if index == "k" else f"{index}2"
    return entry.shape, entry.at("a"), entry.at("x"), entry.at("x", **{index: other}), other


def _name(name: str, rank: int, dim: int) -> str:
    axis = place(dim, rank)
    return name if (rank, axis) == (2, 1) else f"{name} {rank}d over axis {axis}"


def softmax(rank: int = 2, dim: int = -1) -> LayerKind:
    """a[n,k] = exp(x[n,k]) / Σ_m exp(x[n,m]) over one axis."""
    shape, target, x, summed, m = _over(rank, dim)
    return kind(
        _name("softmax", rank, dim),
        f"{target} = exp({x})/sum[{m}](exp({summed}))",
        {"x": shape},
        "a",
        "softmax",
        f"{GOODFELLOW}, equation 6.29",
    )


def softmin(rank: int = 2, dim: int = -1) -> LayerKind:
    """a[n,k] = exp(−x[n,k]) / Σ_m exp(−x[n,m]) over one axis."""
    shape, target, x, summed, m = _over(rank, dim)
    return kind(
        _name("softmin", rank, dim),
        f"{target} = exp(-{x})/sum[{m}](exp(-{summed}))",
        {"x": shape},
        "a",
        "softmin",
        f"{GOODFELLOW}, equation 6.29, of −x",
    )


def log_softmax(rank: int = 2, dim: int = -1) -> LayerKind:
    """a[n,k] = x[n,k] − log Σ_m exp(x[n,m]) over one axis."""
    shape, target, x, summed, m = _over(rank, dim)
    return kind(
        _name("log_softmax", rank, dim),
        f"{target} = {x} - log(sum[{m}](exp({summed})))",
        {"x": shape},
        "a",
        "log-softmax",
        f"{GOODFELLOW}, equation 6.30",
    )


KINDS = (
    *(ELEMENTWISE[name].kind(2) for name in ELEMENTWISE),
    *(ELEMENTWISE[name].kind(rank) for name in ELEMENTWISE for rank in (1, 3, 4, 5)),
    prelu(),
    glu(),
    softmax(),
    softmin(),
    log_softmax(),
)
