"""Losses entry by entry: regression, binary labels, divergences, margins and likelihoods; mean, sum or none of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symcnn.nets.catalogue.axes import Axes, axes, chosen
from symcnn.nets.kind import LayerKind, kind

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016"
REDUCTIONS = ("mean", "sum", "none")
Defaults = tuple[tuple[str, Fraction | int], ...]


@dataclass(frozen=True, slots=True)
class Entrywise:
    """A loss whose entries depend on the entries of ``x`` and of its labels at the same place."""

    name: str
    body: str
    title: str
    source: str
    defaults: Defaults = ()
    data: tuple[str, ...] = ("x",)
    labels: tuple[str, ...] = ("y",)

    def kind(self, rank: int, reduction: str) -> LayerKind:
        """The loss for tensors of this many axes."""
        entry = axes(rank)
        body = self.body
        tensors = (*self.data, *self.labels)
        for name in tensors:
            body = body.replace(f"{{{name}}}", entry.at(name))
        return kind(
            named(self.name, rank, reduction),
            reduced(entry, body, reduction),
            dict.fromkeys(tensors, entry.shape),
            "L",
            self.title,
            self.source,
            data=self.data,
            labels=self.labels,
            loss=reduction != "none",
            defaults=self.defaults,
        )


def named(name: str, rank: int, reduction: str, plain: int = 2) -> str:
    """A loss's name with what is not as usual."""
    chosen(reduction, (*REDUCTIONS, "batchmean"), "reduction")
    words = {"mean": "", "sum": " summed", "none": " of each entry", "batchmean": " by the batch"}
    return name + (f" {rank}d" if rank != plain else "") + words[reduction]


def reduced(entry: Axes, body: str, reduction: str) -> str:
    """The equation of a loss: mean or sum over all entries, or each entry. Raises UnknownName."""
    chosen(reduction, REDUCTIONS, "reduction")
    if reduction == "none":
        return f"{entry.at('L')} = {body}"
    return f"L = {reduction}[{entry.limits}]({body})" if entry.indices else f"L = {body}"


CLAMPED = "where({var} > eps, {var}, eps)"
SQUARED = "({x} - {y})**2"
LIKELIHOOD = f"(log({CLAMPED}) + {SQUARED}/{CLAMPED})/2"
STIRLING = "where({y} > 1, {y}*log({y}) - {y} + log(2*pi*{y})/2, 0)"
POISSON = "Cameron and Trivedi, Regression analysis of count data, 1998; as in PyTorch"
NIX = "Nix and Weigend, Estimating the mean and variance of the target probability distribution, 1994"
KULLBACK = "Kullback and Leibler, On information and sufficiency, 1951"
TINY = (("eps", Fraction(1, 10**8)),)

ENTRYWISE = {
    entry.name: entry
    for entry in (
        Entrywise("mse_loss", SQUARED, "mean squared error", f"{GOODFELLOW}, section 5.1.4"),
        Entrywise("l1_loss", "abs({x} - {y})", "mean absolute error", "as in PyTorch: |x − y|"),
        Entrywise(
            "huber_loss",
            "where(abs({x} - {y}) < delta, ({x} - {y})**2/2, delta*(abs({x} - {y}) - delta/2))",
            "Huber loss",
            "Huber, Robust estimation of a location parameter, 1964",
            (("delta", 1),),
        ),
        Entrywise(
            "smooth_l1_loss",
            "where(abs({x} - {y}) < beta, ({x} - {y})**2/(2*beta), abs({x} - {y}) - beta/2)",
            "smooth L1 loss",
            "Girshick, Fast R-CNN, 2015, equation 3",
            (("beta", 1),),
        ),
        Entrywise(
            "binary_cross_entropy",
            "-{y}*log({x}) - (1 - {y})*log(1 - {x})",
            "binary cross-entropy",
            f"{GOODFELLOW}, section 6.2.2.2",
        ),
        Entrywise(
            "weighted binary_cross_entropy",
            "{w}*(-{y}*log({x}) - (1 - {y})*log(1 - {x}))",
            "binary cross-entropy with weights",
            f"{GOODFELLOW}, section 6.2.2.2",
            labels=("y", "w"),
        ),
        Entrywise(
            "kl_div",
            "where({y} > 0, {y}*(log({y}) - {x}), 0)",
            "Kullback–Leibler divergence",
            KULLBACK,
        ),
        Entrywise("kl_div of logarithms", "exp({y})*({y} - {x})", "Kullback–Leibler divergence", KULLBACK),
        Entrywise(
            "hinge_embedding_loss",
            "where({y} != 1, max(margin - {x}, 0), 0) + where({y} != -1, {x}, 0)",
            "hinge embedding loss",
            "Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping, 2006; as in PyTorch",
            (("margin", 1),),
        ),
        Entrywise(
            "margin_ranking_loss",
            "max(margin - {y}*({x1} - {x2}), 0)",
            "margin ranking loss",
            "Herbrich, Graepel and Obermayer, Large margin rank boundaries for ordinal regression, 2000; as in PyTorch",
            (("margin", 0),),
            data=("x1", "x2"),
        ),
        Entrywise(
            "soft_margin_loss",
            "log(1 + exp(-{y}*{x}))",
            "soft margin loss",
            f"{GOODFELLOW}, section 6.2.2.2, for labels −1 and 1",
        ),
        Entrywise(
            "gaussian_nll_loss",
            LIKELIHOOD,
            "Gaussian negative log-likelihood",
            NIX,
            (("eps", Fraction(1, 10**6)),),
            data=("x", "var"),
        ),
        Entrywise(
            "full gaussian_nll_loss",
            f"{LIKELIHOOD} + log(2*pi)/2",
            "Gaussian negative log-likelihood",
            NIX,
            (("eps", Fraction(1, 10**6)),),
            data=("x", "var"),
        ),
        Entrywise(
            "poisson_nll_loss",
            "exp({x}) - {y}*{x}",
            "Poisson negative log-likelihood of a logarithm",
            POISSON,
        ),
        Entrywise(
            "full poisson_nll_loss",
            f"exp({{x}}) - {{y}}*{{x}} + {STIRLING}",
            "Poisson negative log-likelihood of a logarithm",
            POISSON,
        ),
        Entrywise(
            "poisson_nll_loss of rates",
            "{x} - {y}*log({x} + eps)",
            "Poisson negative log-likelihood",
            POISSON,
            TINY,
        ),
        Entrywise(
            "full poisson_nll_loss of rates",
            f"{{x}} - {{y}}*log({{x}} + eps) + {STIRLING}",
            "Poisson negative log-likelihood",
            POISSON,
            TINY,
        ),
    )
}


def entrywise(name: str, rank: int = 2, reduction: str = "mean") -> LayerKind:
    """L = mean of a loss of this table over all entries; or its sum, or each entry."""
    return ENTRYWISE[name].kind(rank, reduction)


def smooth_l1_loss(rank: int = 2, reduction: str = "mean", beta: float = 1) -> LayerKind:
    """L = mean of d²/(2beta) for |d| < beta, else |d| − beta/2, where d = x − y; |d| for beta = 0."""
    return entrywise("l1_loss" if beta == 0 else "smooth_l1_loss", rank, reduction)


def binary_cross_entropy(rank: int = 2, reduction: str = "mean", weight: bool = False) -> LayerKind:
    """L = mean(−y·log(x) − (1−y)·log(1−x)), with a weight w for each entry where there is one."""
    return entrywise(("weighted " if weight else "") + "binary_cross_entropy", rank, reduction)


def binary_cross_entropy_with_logits(
    rank: int = 2, reduction: str = "mean", weight: bool = False, pos_weight: bool = False
) -> LayerKind:
    """L = mean(w·(v[k]·y·log(1 + exp(−x)) + (1−y)·log(1 + exp(x)))): weights of entries and of positive labels."""
    entry = axes(rank)
    x, y = entry.at("x"), entry.at("y")
    last = entry.indices[-1] if entry.indices else ""
    body = f"{y}*log(1 + exp(-{x})) + (1 - {y})*log(1 + exp({x}))"
    positive = f"v[{last}]" if last else "v"
    body = f"{positive}*{body}" if pos_weight else body
    body = f"{entry.at('w')}*({body})" if weight else body
    labels = ("y", *(("w",) if weight else ()), *(("v",) if pos_weight else ()))
    shapes = {name: entry.sizes[-1] if name == "v" and last else entry.shape for name in ("x", *labels)}
    name = ("weighted " if weight else "") + "binary_cross_entropy_with_logits"
    return kind(
        named(name + (" and positive weights" if pos_weight else ""), rank, reduction),
        reduced(entry, body, reduction),
        shapes,
        "L",
        "binary cross-entropy of logits",
        f"{GOODFELLOW}, section 6.2.2.2",
        labels=labels,
        loss=reduction != "none",
    )


def kl_div(rank: int = 2, reduction: str = "mean", log_target: bool = False) -> LayerKind:
    """L = mean of y·(log y − x) for log-probabilities x; ``batchmean`` divides by the images alone."""
    name = "kl_div of logarithms" if log_target else "kl_div"
    if reduction != "batchmean":
        return entrywise(name, rank, reduction)
    entry, table = axes(rank, least=1), ENTRYWISE[name]
    body = table.body.replace("{x}", entry.at("x")).replace("{y}", entry.at("y"))
    return kind(
        named(name, rank, reduction),
        f"L = sum[{entry.limits}]({body})/{entry.sizes[0]}",
        {"x": entry.shape, "y": entry.shape},
        "L",
        table.title,
        table.source,
        labels=("y",),
        loss=True,
    )


def gaussian_nll_loss(rank: int = 2, reduction: str = "mean", full: bool = False) -> LayerKind:
    """L = mean((log(var) + (x − y)²/var)/2), var at least eps; ``full`` adds log(2π)/2."""
    return entrywise(("full " if full else "") + "gaussian_nll_loss", rank, reduction)


def poisson_nll_loss(
    rank: int = 2, reduction: str = "mean", log_input: bool = True, full: bool = False
) -> LayerKind:
    """L = mean(exp(x) − y·x), or x − y·log(x + eps) for rates x; ``full`` adds Stirling's formula for log y!."""
    name = ("full " if full else "") + "poisson_nll_loss" + ("" if log_input else " of rates")
    return entrywise(name, rank, reduction)


def cosine_embedding_loss(rank: int = 2, reduction: str = "mean") -> LayerKind:
    """L = mean(1 − c[n] where y[n] = 1, else max(c[n] − margin, 0)), c the cosine between x1[n] and x2[n]."""
    single = rank == 1
    entry = axes(0) if single else Axes(("n",), ("N",))
    x1, x2, c, y = ("x1[d]", "x2[d]", "c", "y") if single else ("x1[n,d]", "x2[n,d]", "c[n]", "y[n]")
    body = f"where({y} == 1, 1 - {c}, max({c} - margin, 0))"
    shape = "D" if single else "N,D"
    return kind(
        named("cosine_embedding_loss", rank, reduction),
        f"{c} = sum[d]({x1}*{x2})/sqrt((sum[d]({x1}**2) + eps)*(sum[d]({x2}**2) + eps))\n"
        + reduced(entry, body, reduction),
        {"x1": shape, "x2": shape, "y": entry.shape},
        "L",
        "cosine embedding loss",
        "as in PyTorch: the cosine, with eps beside each squared length",
        data=("x1", "x2"),
        labels=("y",),
        loss=reduction != "none",
        defaults=(("eps", Fraction(1, 10**12)), ("margin", 0)),
    )


KINDS = (
    *(table.kind(2, "mean") for table in ENTRYWISE.values()),
    binary_cross_entropy_with_logits(),
    binary_cross_entropy_with_logits(pos_weight=True),
    kl_div(reduction="batchmean"),
    cosine_embedding_loss(),
)
