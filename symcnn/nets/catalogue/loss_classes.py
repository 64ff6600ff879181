"""Losses for classes: cross-entropy of logits and negative log-likelihood, with weights, smoothing, ignored labels."""

from __future__ import annotations

from fractions import Fraction

from symcnn.nets.catalogue.axes import Axes, at, axes, chosen
from symcnn.nets.catalogue.loss import REDUCTIONS, named
from symcnn.nets.kind import LayerKind, kind

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2.2.3"
SZEGEDY = "Szegedy et al., Rethinking the Inception architecture for computer vision, 2016, section 7"


def _places(rank: int) -> tuple[Axes, Axes, str, str]:
    """The axes of x, those of its labels, and index and size of the classes: axis 1, or the only one."""
    own = axes(rank, least=1)
    axis = 1 if rank > 1 else 0
    index, size = own.indices[axis], own.sizes[axis]
    rest = Axes(tuple(i for i in own.indices if i != index), tuple(s for s in own.sizes if s != size))
    return own, rest, index, size


def cross_entropy_of_probabilities() -> LayerKind:
    """L = mean_n(−log x[n, y[n]]) for probabilities x, which a softmax has made."""
    return kind(
        "cross_entropy of probabilities",
        "L = mean[n](-sum[k](where(y[n] == k, log(x[n,k]), 0)))",
        {"x": "N,K", "y": "N"},
        "L",
        "cross-entropy",
        GOODFELLOW,
        labels=("y",),
        loss=True,
        classes=(("y", "K"),),
    )


def nll_loss(
    rank: int = 2, reduction: str = "mean", weight: bool = False, ignore_index: bool = False
) -> LayerKind:
    """L = mean_n(−x[n, y[n]]) for log-probabilities x.

    With class weights w the mean is weighted by w[y[n]]; labels equal to ``ignore_index`` count for nothing.
    """
    own, rest, k, classes = _places(rank)
    terms = _Terms(rest, k, classes, weight, ignore_index)
    loss = terms.sum(f"{terms.weight(k)}-{own.at('x')}" if not weight else f"-{terms.weight(k)}{own.at('x')}")
    return kind(
        named(_name("nll_loss", weight, ignore_index), rank, reduction),
        terms.equation(loss, reduction),
        _shapes(own, rest, weight, classes),
        "L",
        "negative log-likelihood",
        GOODFELLOW,
        labels=("y", "w") if weight else ("y",),
        loss=reduction != "none",
        classes=() if ignore_index or rank == 1 else (("y", classes),),
        defaults=(("ignore_index", -100),) if ignore_index else (),
    )


def cross_entropy(
    rank: int = 2,
    reduction: str = "mean",
    weight: bool = False,
    label_smoothing: bool = False,
    ignore_index: bool = False,
    probabilities: bool = False,
) -> LayerKind:
    """L = mean_n(log Σ_m exp(x[n,m]) − x[n, y[n]]) for logits x, or Σ_k y[n,k]·(…) for probabilities y as labels.

    With class weights w the mean is weighted by w[y[n]]; smoothing s moves s/K of every label to each class; labels
    equal to ``ignore_index`` count for nothing.
    """
    own, rest, k, classes = _places(rank)
    m = "m" if k == "k" else "c2"
    surprise = f"(log(sum[{m}](exp({own.at('x', **{k: m})}))) - {own.at('x')})"
    terms = _Terms(rest, k, classes, weight, ignore_index and not probabilities)
    factor = terms.weight(k)
    if probabilities:
        target = own.at("y")
        target = (
            f"((1 - label_smoothing)*{target} + label_smoothing/{classes})" if label_smoothing else target
        )
        formula = terms.plain(f"sum[{k}]({factor}{target}*{surprise})", reduction)
    else:
        formula = terms.equation(terms.sum(f"{factor}{surprise}"), reduction)
        if label_smoothing:
            smooth = terms.known(f"sum[{k}]({factor}{surprise})")
            mixed = (
                f"(1 - label_smoothing)*{terms.sum(factor + surprise)} + label_smoothing/{classes}*{smooth}"
            )
            formula = terms.equation(mixed, reduction)
    name = _name("cross_entropy", weight, ignore_index and not probabilities)
    return kind(
        named(
            name
            + (" of given probabilities" if probabilities else "")
            + (" with label smoothing" if label_smoothing else ""),
            rank,
            reduction,
        ),
        formula,
        {**_shapes(own, rest, weight, classes), **({"y": own.shape} if probabilities else {})},
        "L",
        "cross-entropy of logits",
        SZEGEDY if label_smoothing else GOODFELLOW,
        labels=("y", "w") if weight else ("y",),
        loss=reduction != "none",
        classes=() if ignore_index or probabilities or rank == 1 else (("y", classes),),
        defaults=(
            *((("label_smoothing", Fraction(0)),) if label_smoothing else ()),
            *((("ignore_index", -100),) if ignore_index and not probabilities else ()),
        ),
    )


def _name(name: str, weight: bool, ignored: bool) -> str:
    return ("weighted " if weight else "") + name + (" with ignored labels" if ignored else "")


def _shapes(own: Axes, rest: Axes, weight: bool, classes: str) -> dict[str, str]:
    return {"x": own.shape, "y": rest.shape, **({"w": classes} if weight else {})}


class _Terms:
    """Sums over the class that a label names, and the mean that weights and ignored labels leave."""

    def __init__(self, rest: Axes, k: str, classes: str, weighted: bool, ignoring: bool) -> None:
        self.rest, self.k, self.classes = rest, k, classes
        self.weighted, self.ignoring = weighted, ignoring
        self.label = rest.at("y")

    def weight(self, k: str) -> str:
        return f"w[{k}]*" if self.weighted else ""

    def known(self, body: str) -> str:
        """``body`` where the label is not ignored, else 0."""
        return f"where({self.label} != ignore_index, {body}, 0)" if self.ignoring else body

    def sum(self, body: str) -> str:
        """``body`` at the class that the label names, 0 where it is ignored."""
        condition = f"{self.label} == {self.k}" + (
            f" and {self.label} != ignore_index" if self.ignoring else ""
        )
        return f"sum[{self.k}<{self.classes}](where({condition}, {body}, 0))"

    def plain(self, body: str, reduction: str) -> str:
        """Each image and place counts the same."""
        chosen(reduction, REDUCTIONS, "reduction")
        if reduction == "none":
            return f"{at('L', self.rest.indices)} = {body}"
        return f"L = {reduction}[{self.rest.limits}]({body})" if self.rest.indices else f"L = {body}"

    def equation(self, body: str, reduction: str) -> str:
        """Each label counts with its weight."""
        chosen(reduction, REDUCTIONS, "reduction")
        if reduction != "mean" or not (self.weighted or self.ignoring):
            return self.plain(body, reduction)
        share = self.sum(f"w[{self.k}]" if self.weighted else "1")
        over = f"sum[{self.rest.limits}]" if self.rest.indices else ""
        return f"L = {over}({body})/{over}({share})"


KINDS = (
    cross_entropy(),
    cross_entropy(weight=True),
    cross_entropy(label_smoothing=True),
    cross_entropy(ignore_index=True),
    cross_entropy(probabilities=True),
    cross_entropy_of_probabilities(),
    nll_loss(),
    nll_loss(weight=True),
)
