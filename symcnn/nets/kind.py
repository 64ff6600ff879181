"""Kinds of layers: forward equations, shapes and a source; everything else comes from the calculus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from symcnn.calculus.pullback import Gradient, cotangents, pullback
from symcnn.core.equation import Equation, System
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.infer import parse
from symcnn.core.tensor import Tensor

Defaults = tuple[tuple[str, int | Fraction], ...]


@dataclass(frozen=True, slots=True)
class Cotangent:
    """A cotangent of a layer: the sum of the gradients through each equation that reads the tensor."""

    equation: Equation
    parts: tuple[Gradient, ...]


@dataclass(frozen=True, slots=True)
class LayerKind:
    """A layer: ``formula`` reads the tensors ``data`` and ``trained``; sizes and parameters stay symbolic.

    ``letter`` names its output in a network; ``loss`` marks a layer whose output is the scalar to be minimised,
    ``labels`` the inputs that are given beside the data, ``held`` those that the state holds and training leaves as
    they are, ``defaults`` the values of parameters that are usual.
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
    defaults: Defaults = field(default=())
    held: tuple[str, ...] = ()

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
    return parse(kind.formula, dict(kind.shapes), defaults=dict(kind.defaults), policy=policy)


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


def kind(
    name: str,
    formula: str,
    shapes: Mapping[str, str],
    letter: str,
    title: str,
    source: str,
    *,
    data: tuple[str, ...] = ("x",),
    trained: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    loss: bool = False,
    classes: tuple[tuple[str, str], ...] = (),
    defaults: Defaults = (),
) -> LayerKind:
    """A catalogue entry; it is parsed when it is first used."""
    return LayerKind(
        name,
        formula,
        tuple(shapes.items()),
        letter,
        title,
        source,
        data,
        trained,
        labels,
        loss,
        classes,
        defaults,
    )
