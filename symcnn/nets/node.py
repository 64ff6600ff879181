"""A layer in its place: kind, concrete sizes, and the network's tensors that stand for the kind's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.pullback import Gradient
from symcnn.core.bounds import inside
from symcnn.core.equation import Equation
from symcnn.core.errors import ShapeError
from symcnn.core.expr import reads, rebind
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.plan import Scatter
from symcnn.core.tensor import Tensor
from symcnn.nets.layers import LayerKind
from symcnn.nets.spec import Spec

BATCH = sp.Symbol("N", integer=True, positive=True)


@dataclass(frozen=True, slots=True)
class Node:
    """One layer of a network. ``tensors`` maps names of the kind's tensors to the network's."""

    name: str
    kind: LayerKind
    sizes: tuple[tuple[sp.Symbol, sp.Expr], ...]
    tensors: tuple[tuple[str, Tensor], ...]
    policy: KinkPolicy = FIRST

    def tensor(self, name: str) -> Tensor:
        """The network's tensor behind a name of the kind."""
        return dict(self.tensors)[name]

    @property
    def data(self) -> Tensor:
        return self.tensor(self.kind.data)

    @property
    def output(self) -> Tensor:
        return self.tensor(self.kind.system(self.policy).output.name)

    @property
    def trained(self) -> tuple[Tensor, ...]:
        return tuple(self.tensor(name) for name in self.kind.trained)

    @property
    def labels(self) -> tuple[Tensor, ...]:
        return tuple(self.tensor(name) for name in self.kind.labels)

    @property
    def classes(self) -> dict[Tensor, sp.Expr]:
        """The range of each label tensor: its entries are integers in [0, extent)."""
        sizes = {s.name: v for s, v in self.sizes}
        return {self.tensor(name): sizes[size] for name, size in self.kind.classes}

    def mapping(self) -> dict[sp.Basic, sp.Basic]:
        """Substitution from the kind's symbols to this place."""
        system = self.kind.system(self.policy)
        own = {t.name: t for t in (*system.inputs, *(e.tensor for e in system.equations))}
        found: dict[sp.Basic, sp.Basic] = dict(self.sizes)
        for name, tensor in self.tensors:
            found[own[name]] = tensor
            found[own[name].cotangent()] = tensor.cotangent()
        return found

    def forward(self) -> Equation:
        """The forward equation at this place."""
        (equation,) = self.kind.system(self.policy).equations
        return concrete(equation.substituted(self.mapping()))

    def gradient(self, name: str) -> tuple[Equation, tuple[Scatter, ...]]:
        """The derived cotangent of one of the kind's tensors, instantiated here."""
        mapping = self.mapping()
        derived: Gradient = self.kind.gradients(self.policy)[name]
        scatters = tuple(
            Scatter(
                rebind(s.target, mapping),
                rebind(s.factor, mapping),
                tuple((k, rebind(extent, mapping)) for k, extent in s.limits),
            )
            for s in derived.scatters
        )
        return concrete(derived.equation.substituted(mapping)), scatters

    def multiply_adds(self) -> int:
        """Products that the forward equation sums, for one image."""
        equation = self.forward()
        count = 0
        for node in sp.preorder_traversal(equation.body):
            if node.func.__name__ == "Reduce" and node.kind == "sum" and node.body.is_Mul:
                count += int(
                    sp.Mul(*(e for _, e in node.limits), *(i.extent for i in equation.free)).subs(BATCH, 1)
                )
        return count

    def parameter_count(self) -> int:
        """Number of trained entries."""
        return int(sum(sp.Mul(*tensor.shape) for tensor in self.trained))


def concrete(equation: Equation) -> Equation:
    """Drop outside values that concrete sizes prove unused (no padding, stride 1)."""
    extents = equation.extents
    bare = {
        read: read.unguarded()
        for read in reads(equation.body)
        if read.outside is not None
        and all(inside(p, e, extents) for p, e in zip(read.at, read.tensor.shape, strict=True))
    }
    return Equation(equation.target, rebind(equation.body, bare), equation.free) if bare else equation


def place(spec: Spec, data: Tensor, names: Mapping[str, str], policy: KinkPolicy) -> Node:
    """Fit a specification to the tensor that reaches it; ``names`` gives the network's names of the kind's tensors.

    Raises ShapeError naming layer, expected and got.
    """
    kind = spec.kind(data.rank)
    system = kind.system(policy)
    sizes: dict[sp.Symbol, sp.Expr] = {}
    symbols = {s.name: s for s in (*system.sizes, *(p for p, _ in system.parameters))}
    for name, value in spec.sizes:
        sizes[symbols[name]] = sp.Integer(value)
    label = spec.name or spec.family
    _unify(kind.tensor(kind.data).shape, data.shape, sizes, label)
    for name, value in spec.expects:
        if sizes[symbols[name]] != value:
            raise ShapeError(
                f"{label}: expected {'channels' if name == 'C' else 'features'} {value}, "
                f"got {sizes[symbols[name]]} from {data.name} of shape {_shape_text(data.shape)}"
            )
    tensors: list[tuple[str, Tensor]] = []
    for tensor in (*system.inputs, system.output):
        shape = [rebind(extent, sizes) for extent in tensor.shape]
        role = "parameter" if tensor.name in kind.trained else tensor.role
        if any(extent.is_Integer and extent < 1 for extent in shape):
            raise ShapeError(
                f"{label}: the window does not fit: input {_shape_text(data.shape)}, output {_shape_text(shape)}"
            )
        tensors.append(
            (tensor.name, data if tensor.name == kind.data else Tensor(names[tensor.name], shape, role))
        )
    return Node(
        spec.name, kind, tuple(sorted(sizes.items(), key=lambda item: item[0].name)), tuple(tensors), policy
    )


def _shape_text(shape: Sequence[sp.Expr]) -> str:
    return "×".join(map(str, shape))


def _unify(
    pattern: Sequence[sp.Expr], shape: Sequence[sp.Expr], sizes: dict[sp.Symbol, sp.Expr], label: str
) -> None:
    for wanted, got in zip(pattern, shape, strict=True):
        if wanted.is_Symbol and wanted not in sizes:
            sizes[wanted] = got
        elif rebind(wanted, sizes) != got:
            raise ShapeError(
                f"{label}: expected an axis of {rebind(wanted, sizes)}, got {got} in {_shape_text(shape)}"
            )
