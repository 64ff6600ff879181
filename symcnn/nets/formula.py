"""A layer or loss from its forward equations alone: shapes, cotangents and plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symcnn.calculus.closed import ClosedForm, closed_form_steps, without_deviations
from symcnn.calculus.pullback import Gradient, cotangents
from symcnn.calculus.stabilise import stabilise
from symcnn.core.equation import Equation, System
from symcnn.core.errors import FormulaError, UnknownName
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.infer import parse
from symcnn.core.plan import Plan, Scatter, Statement
from symcnn.core.tensor import Tensor
from symcnn.nets.kind import LayerKind

Cotangents = tuple[tuple[Equation, tuple[Gradient, ...]], ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Forward equations with shapes: everything else about the layer is derived from them.

    ``wrt`` names the tensors whose cotangents are wanted.
    """

    text: str
    system: System
    wrt: tuple[Tensor, ...]
    name: str = "layer"
    policy: KinkPolicy = FIRST

    @property
    def output(self) -> Tensor:
        return self.system.output

    @property
    def output_shape(self) -> tuple[object, ...]:
        """The inferred or declared shape of the output."""
        return self.system.output.shape

    def cotangents(self) -> Cotangents:
        """Every cotangent of the reverse sweep with the gradients that add up in it, intermediate values first."""
        found = cotangents(self.system.equations, list(self.wrt), policy=self.policy)
        return tuple((equation, tuple(parts)) for equation, parts in found)

    def closed_form(self, name: str) -> Equation:
        """The cotangent of one tensor without cotangents of intermediate values. Raises UnknownName.

        A label, a tensor that is only compared with an index, counts as one of the values of that index.

        >>> mean = layer("m[c] = mean[n](x[n,c]); y[n,c] = x[n,c] - m[c]", {"x": "N,C"})
        >>> print(mean.closed_form("x"))
        dx[n, c] = dy[n, c] - sum[n<N](dy[n, c])/N
        """
        if name not in {t.name for t in self.wrt}:
            raise UnknownName(
                f"expected one of the tensors {', '.join(t.name for t in self.wrt)}, got {name!r}"
            )
        return self.closed_form_steps(name).equation

    def closed_form_steps(self, name: str) -> ClosedForm:
        """The closed form of a cotangent with the named rewritings that lead to it."""
        return closed_form_steps(self.system.equations, [e for e, _ in self.cotangents()], f"d{name}")

    def plan(self) -> Plan:
        """Numbered statements of the forward pass and of the pullback."""
        forward = tuple(
            Statement(number, Equation(e.target, stabilise(e.body), e.free), "", self.name)
            for number, e in enumerate(self.system.equations, start=1)
        )
        backward = tuple(self._backward(len(forward) + 1))
        return Plan(
            name=self.name,
            title=self.text.strip().splitlines()[-1].strip(),
            inputs=self.system.inputs,
            parameters=(),
            scalars=self.system.parameters,
            forward=forward,
            output=self.output,
            backward=backward,
            gradients=tuple((t.name, t.cotangent()) for t in self.wrt),
            seed=self.output.cotangent(),
        )

    def _backward(self, number: int) -> Iterator[Statement]:
        """The statements of the pullback, numbered from ``number``, without sums that vanish."""
        for place, (equation, parts) in enumerate(self.cotangents(), start=number):
            shorter = without_deviations(equation, self.system.equations)
            scatters = [s for part in parts for s in part.scatters] if shorter is equation else []
            yield Statement(
                place,
                Equation(equation.target, stabilise(shorter.body), equation.free),
                f"cotangent of {equation.tensor.name[1:]}",
                self.name,
                tuple(Scatter(s.target, stabilise(s.factor), s.limits) for s in scatters),
            )

    def with_respect_to(self, names: Sequence[str]) -> Layer:
        """The same layer with only the named cotangents. Raises UnknownName."""
        known = {t.name: t for t in self.system.inputs}
        for name in names:
            if name not in known:
                raise UnknownName(f"expected one of the tensors {', '.join(known)}, got {name!r}")
        return Layer(self.text, self.system, tuple(known[name] for name in names), self.name, self.policy)


def layer(
    text: str,
    shapes: Mapping[str, object] | None = None,
    *,
    name: str = "layer",
    defaults: Mapping[str, object] | None = None,
    policy: KinkPolicy = FIRST,
) -> Layer:
    """A layer from its forward equations in the formula language.

    ``shapes`` gives the axes of each tensor, ``defaults`` values of scalar parameters.
    Raises FormulaError with line and column, UnknownName, LimitExceeded.

    >>> print(layer("y[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"}).output_shape)
    (N, K)
    """
    system = parse(text, shapes, defaults=defaults, policy=policy)
    names = {t.name for t in (*system.inputs, *(e.tensor for e in system.equations))}
    for name_of in sorted(names):
        if f"d{name_of}" in names:
            raise FormulaError(
                f"expected another name than d{name_of}, which is the cotangent of {name_of}",
                hint="cotangents are named by a d before the tensor",
            )
    return Layer(text, system, system.inputs, name, policy)


def of_kind(kind: LayerKind, policy: KinkPolicy = FIRST) -> Layer:
    """A catalogue layer on its own, with symbolic sizes and every parameter free."""
    system = kind.system(policy)
    wrt = tuple(kind.tensor(name) for name in kind.differentiable)
    return Layer(kind.formula, system, wrt, re.sub(r"\W+", "_", kind.name), policy)
