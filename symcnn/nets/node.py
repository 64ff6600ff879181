"""A layer in its place: kind, concrete sizes, and the network's tensors that stand for the kind's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import sympy as sp

from symcnn.calculus.closed import without_deviations
from symcnn.core.equation import Equation
from symcnn.core.errors import ShapeError
from symcnn.core.expr import Read, Reduce, rebind
from symcnn.core.functions import FIRST, KinkPolicy
from symcnn.core.plan import Scatter
from symcnn.core.tensor import Tensor
from symcnn.nets.concrete import concrete, moved
from symcnn.nets.kind import LayerKind
from symcnn.nets.spec import Spec

BATCH = sp.Symbol("N", integer=True, positive=True)


@dataclass(frozen=True, slots=True)
class Node:
    """One layer of a network. ``tensors`` maps names of the kind's tensors to the network's.

    ``running`` maps statistics of the batch to the state that follows them by ``momentum``; in evaluation, where the
    kind is given that state itself, it is empty. ``drawn`` marks labels that are masks.
    """

    name: str
    kind: LayerKind
    sizes: tuple[tuple[sp.Symbol, sp.Expr], ...]
    tensors: tuple[tuple[str, Tensor], ...]
    policy: KinkPolicy = FIRST
    momentum: Fraction | None = None
    running: tuple[tuple[str, Tensor], ...] = ()
    drawn: bool = False

    def tensor(self, name: str) -> Tensor:
        """The network's tensor behind a name of the kind."""
        return dict(self.tensors)[name]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The values that reach the layer."""
        return tuple(self.tensor(name) for name in self.kind.data)

    @property
    def output(self) -> Tensor:
        return self.tensor(self.kind.system(self.policy).output.name)

    @property
    def trained(self) -> tuple[Tensor, ...]:
        return tuple(self.tensor(name) for name in self.kind.trained)

    @property
    def labels(self) -> tuple[Tensor, ...]:
        """What is given beside the data, such as what a loss compares with."""
        given = not self.drawn and self.momentum is None
        return tuple(self.tensor(name) for name in self.kind.labels) if given else ()

    @property
    def state(self) -> tuple[Tensor, ...]:
        """Running statistics, which training leaves and evaluation reads, and constants, which nothing changes."""
        held = tuple(self.tensor(name) for name in self.kind.held)
        if self.momentum is None:
            return held
        return (*(t for _, t in self.running), *map(self.tensor, self.kind.labels), *held)

    @property
    def units(self) -> tuple[Tensor, ...]:
        """The state that starts at 1: variances."""
        statistics = dict(self.running) or {name: self.tensor(name) for name in self.kind.labels}
        return tuple(t for name, t in statistics.items() if name == "v") if self.momentum is not None else ()

    @property
    def least(self) -> int:
        """How many examples training takes: one value of a channel has no variance."""
        alone = [t for _, t in self.running if sp.Mul(*self.inputs[0].shape) == BATCH * sp.Mul(*t.shape)]
        return 2 if alone else 1

    @property
    def masks(self) -> tuple[Tensor, ...]:
        """Zeros and ones that are drawn anew for each step."""
        return tuple(self.tensor(name) for name in self.kind.labels) if self.drawn else ()

    @property
    def made(self) -> tuple[Tensor, ...]:
        """The tensors that belong to this layer alone: parameters, state, masks and values."""
        given = {*self.inputs, *self.labels}
        own = dict.fromkeys(tensor for _, tensor in (*self.tensors, *self.running) if tensor not in given)
        return tuple(own)

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

    def equations(self) -> tuple[Equation, ...]:
        """The forward equations at this place, intermediate values first."""
        return _equations(self)

    def evaluated(self) -> dict[Tensor, Equation]:
        """What the layer's values are in evaluation, where that differs: running statistics, x without its mask."""
        found: dict[Tensor, Equation] = {}
        running = dict(self.running)
        for equation in self.equations():
            known = {self.tensor(name): tensor for name, tensor in running.items()}
            given = self.inputs[0] if self.drawn else known.get(equation.tensor)
            if given is not None:
                body = Read(given, equation.target.at)
                found[equation.tensor] = Equation(equation.target, body, equation.free)
        return found

    def updates(self) -> tuple[Equation, ...]:
        """How running statistics follow those of a batch: by ``momentum``, of M entries, variances as M/(M − 1)·v."""
        found = []
        for name, state in self.running:
            statistic = self.tensor(name)
            entries = sp.Mul(*self.inputs[0].shape) / sp.Mul(*statistic.shape)
            share = sp.Rational(self.momentum.numerator, self.momentum.denominator) if self.momentum else 0
            free = next(e.free for e in self.equations() if e.tensor == statistic)
            at = [k.symbol for k in free]
            unbiased = entries / (entries - 1) if name == "v" else sp.S.One
            body = (1 - share) * Read(state, at) + share * unbiased * Read(statistic, at)
            found.append(Equation(Read(state, at), body, free))
        return tuple(found)

    def forward(self) -> Equation:
        """The equation of the output."""
        return self.equations()[-1]

    def cotangents(self, wanted: tuple[str, ...]) -> list[tuple[Equation, tuple[Scatter, ...]]]:
        """The derived cotangents of the named tensors of the kind, instantiated here, intermediate values first."""
        return list(_cotangents(self, wanted))

    def multiply_adds(self) -> int:
        """Products that the forward equation sums, for one image."""
        count = 0
        for equation in self.equations():
            outer = [index.extent for index in equation.free]
            for node in sp.preorder_traversal(equation.body):
                if isinstance(node, Reduce) and node.kind == "sum" and node.body.is_Mul:
                    count += int(sp.Mul(*(e for _, e in node.limits), *outer).subs(BATCH, 1))
        return count

    def parameter_count(self) -> int:
        """Number of trained entries."""
        return int(sum(sp.Mul(*tensor.shape) for tensor in self.trained))


@cache
def _equations(node: Node) -> tuple[Equation, ...]:
    mapping = node.mapping()
    return tuple(concrete(e.substituted(mapping)) for e in node.kind.system(node.policy).equations)


@cache
def _cotangents(node: Node, wanted: tuple[str, ...]) -> tuple[tuple[Equation, tuple[Scatter, ...]], ...]:
    mapping = node.mapping()
    return tuple(
        (
            concrete(equation.substituted(mapping)),
            tuple(moved(s, mapping) for s in scatters),
        )
        for equation, scatters in _symbolic(node.kind, wanted, node.policy)
    )


@cache
def _symbolic(
    kind: LayerKind, wanted: tuple[str, ...], policy: KinkPolicy
) -> tuple[tuple[Equation, tuple[Scatter, ...]], ...]:
    """The cotangents of a kind for all sizes, with their forms as scatter-additions; sums that vanish are left out."""
    forward = kind.system(policy).equations
    found = []
    for cotangent in kind.cotangents(wanted, policy):
        equation = without_deviations(cotangent.equation, forward)
        scatters = tuple(s for part in cotangent.parts for s in part.scatters)
        found.append((equation, scatters if equation is cotangent.equation else ()))
    return tuple(found)


def place(
    spec: Spec, kind: LayerKind, data: Sequence[Tensor], names: Mapping[str, str], policy: KinkPolicy
) -> Node:
    """Fit a specification to the tensors that reach it; ``names`` gives the network's names of the kind's tensors.

    Raises ShapeError naming layer, expected and got.
    """
    system = kind.system(policy)
    given = dict(zip(kind.data, data, strict=True))
    sizes = _sizes(spec, kind, given, policy)
    tensors: list[tuple[str, Tensor]] = []
    for tensor in (*system.inputs, *(e.tensor for e in system.equations)):
        shape = [rebind(extent, sizes) for extent in tensor.shape]
        given_state = spec.momentum is not None and tensor.name in kind.labels
        role = "parameter" if tensor.name in kind.trained else "state" if given_state else tensor.role
        open_sizes = sorted(str(s) for extent in shape for s in extent.free_symbols - {BATCH})
        if open_sizes:
            raise ShapeError(f"{spec.name}: expected a value for the size {open_sizes[0]}, which no data has")
        if any(extent.is_Integer and extent < 1 for extent in shape):
            raise ShapeError(
                f"{spec.name}: the window does not fit: input {' and '.join(_shape_text(t.shape) for t in data)}, "
                f"output {_shape_text(shape)}"
            )
        tensors.append((tensor.name, given.get(tensor.name) or Tensor(names[tensor.name], shape, role)))
    known = dict(tensors)
    running = tuple(
        (name, Tensor(state, known[name].shape, "state"))
        for name, state in ((name, names[f"running_{name}"]) for name in known if f"running_{name}" in names)
    )
    ordered = tuple(sorted(sizes.items(), key=lambda item: item[0].name))
    return Node(spec.name, kind, ordered, tuple(tensors), policy, spec.momentum, running, spec.drawn)


def _sizes(
    spec: Spec, kind: LayerKind, given: Mapping[str, Tensor], policy: KinkPolicy
) -> dict[sp.Symbol, sp.Expr]:
    """The value of every symbol of the kind."""
    system = kind.system(policy)
    symbols = {s.name: s for s in (*system.sizes, *(p for p, _ in system.parameters))}
    sizes: dict[sp.Symbol, sp.Expr] = {
        symbols[name]: sp.sympify(value, strict=True) for name, value in spec.sizes
    }
    sizes.update((p, default) for p, default in system.parameters if default is not None and p not in sizes)
    for name, tensor in given.items():
        _unify(kind.tensor(name).shape, tensor, sizes, spec.name)
    for name, value in spec.expects:
        if sizes[symbols[name]] != value:
            what = "channels" if name == "C" else "features"
            first = given[kind.data[0]]
            raise ShapeError(
                f"{spec.name}: expected {value} {what}, got {sizes[symbols[name]]} "
                f"from {first.name} of shape {_shape_text(first.shape)}"
            )
    return sizes


def _shape_text(shape: Sequence[sp.Expr]) -> str:
    return "×".join(map(str, shape))


def _unify(pattern: Sequence[sp.Expr], tensor: Tensor, sizes: dict[sp.Symbol, sp.Expr], label: str) -> None:
    for wanted, got in zip(pattern, tensor.shape, strict=True):
        if wanted.is_Symbol and wanted not in sizes:
            sizes[wanted] = got
    for wanted, got in zip(pattern, tensor.shape, strict=True):
        left = rebind(wanted, sizes)
        for size in sorted(left.free_symbols, key=str) if left != got and got.is_Integer else ():
            quotient = sp.cancel(got / sp.cancel(left / size))
            if left.free_symbols == {size} and quotient.is_Integer:
                sizes[size] = quotient
    for wanted, got in zip(pattern, tensor.shape, strict=True):
        if rebind(wanted, sizes) != got:
            raise ShapeError(
                f"{label}: expected an axis of {rebind(wanted, sizes)}, "
                f"got {got} in {tensor.name} of shape {_shape_text(tensor.shape)}"
            )
