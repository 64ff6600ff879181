"""A layer of a network from one's own equations: what the formula language says is a layer like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from symcnn.core.errors import ShapeError, UnknownName
from symcnn.core.infer import parse
from symcnn.nets.catalogue.axes import axes
from symcnn.nets.general import general
from symcnn.nets.kind import LayerKind
from symcnn.nets.spec.base import Size, Spec

PAIRING = "pairing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated(Spec):
    """A layer whose kind is stated whole, in place of a family of the catalogue."""

    stated: LayerKind

    @property
    def alone(self) -> bool:
        """Whether its equations read no data."""
        return not self.stated.data

    def fitted(self, shape: Sequence[int]) -> Stated:
        """Itself: its equations are given."""
        return self

    def kind(self, ranks: Sequence[int], training: bool = True) -> LayerKind:
        """The stated kind, where the data have its numbers of axes. Raises ShapeError."""
        wanted = [self.stated.tensor(name).rank for name in self.stated.data]
        if wanted != list(ranks):
            raise ShapeError(
                f"{self.name or self.family}: expected data of {_ranks(wanted)} axes, got {_ranks(ranks)} (with the batch)"
            )
        return self.stated


def stated(
    kind: LayerKind, sizes: Mapping[str, Any] | None = None, name: str = "", inputs: Sequence[str] = ()
) -> Stated:
    """A specification of one kind; ``sizes`` gives values to sizes and parameters that the data leave open."""
    return Stated(
        kind.title.replace(" ", "_"),
        tuple((sizes or {}).items()),
        name=name,
        inputs=tuple(inputs),
        stated=kind,
    )


def formula(
    text: str,
    shapes: Mapping[str, str],
    *,
    data: Sequence[str] = (),
    trained: Sequence[str] = (),
    held: Sequence[str] = (),
    labels: Sequence[str] = (),
    loss: bool = False,
    defaults: Mapping[str, int | Fraction] | None = None,
    title: str = "",
    name: str = "",
    **sizes: Size,
) -> Stated:
    """A layer from its equations, such as ``formula("y[n,k] = w[k]*x[n,k]", {"x": "N,K", "w": "K"}, trained=["w"])``.

    Tensors that are neither trained, held nor labels are data, in the order in which the equations read them unless
    ``data`` gives another; ``held`` ones are arrays of the state that training leaves as they are. ``sizes`` gives the
    sizes and parameters that the data do not. Raises FormulaError with line and column, UnknownName.
    """
    system = parse(text, dict(shapes), defaults=defaults)
    names = [tensor.name for tensor in system.inputs]
    for given in (*data, *trained, *held, *labels):
        if given not in names:
            raise UnknownName(f"expected one of the tensors {', '.join(names)}, got {given!r}")
    read = tuple(n for n in names if n not in {*trained, *held, *labels})
    if data and sorted(data) != sorted(read):
        raise UnknownName(f"expected data as {', '.join(read)} in some order, got {', '.join(data)}")
    made = LayerKind(
        title or name or "formula",
        text,
        tuple(shapes.items()),
        system.output.name,
        title or name or "formula",
        "stated by its equations",
        data=tuple(data) or read,
        trained=tuple(trained),
        labels=tuple(labels),
        loss=loss,
        defaults=tuple((defaults or {}).items()),
        held=tuple(held),
    )
    found, fixed = general(made)
    return replace(stated(found, {**fixed, **sizes}, name), family=name or "formula")


def pairing(rank: int) -> Stated:
    """L = Σ x·cotangent: the end of a network that has no loss.

    Its gradients are what the network's pullback makes of a cotangent of its output.
    """
    entry = axes(rank)
    product = f"{entry.at('x')}*{entry.at('cotangent')}"
    kind = LayerKind(
        PAIRING,
        f"L = sum[{entry.limits}]({product})" if rank else f"L = {product}",
        (("x", entry.shape), ("cotangent", entry.shape)),
        "L",
        "pairing with a cotangent",
        "the pullback of a cotangent is the gradient of its pairing with the value",
        labels=("cotangent",),
        loss=True,
    )
    return replace(stated(kind), family=PAIRING)


def _ranks(ranks: Sequence[int]) -> str:
    return " and ".join(map(str, ranks)) or "no"
