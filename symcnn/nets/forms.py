"""Bodies of one form: layers that differ in sizes alone become one body whose sizes are symbols.

Every layer's shapes say which extents are equal and which follow from others; solved as linear equations they leave the
sizes that a form can choose freely. A stride that leaves the same remainder everywhere is solved exactly: H = 2*I.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from symcnn.core.expr import rebind
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed
from symcnn.nets.node import BATCH, Node

Sizes = tuple[tuple[sp.Symbol, sp.Expr], ...]


def opened(node: Node) -> set[sp.Symbol]:
    """The sizes of a layer that are extents of its data or values and that some array tells.

    Windows, strides and paddings belong to a layer's form; so do all sizes where an equation divides positions.
    """
    system = node.kind.system(node.policy)
    if any(equation.body.has(sp.floor, sp.Mod) for equation in system.equations):
        return set()
    data = [tensor for tensor in system.inputs if tensor.name in node.kind.data]
    trained = [tensor for tensor in system.inputs if tensor.name in node.kind.trained]
    values = [equation.tensor for equation in system.equations]
    return _plain((*data, *values)) & _plain((*data, *trained))


def _plain(tensors: Iterable[Tensor]) -> set[sp.Symbol]:
    """The symbols that are whole extents."""
    return {extent for tensor in tensors for extent in tensor.shape if extent.is_Symbol}


def patterns(node: Node) -> dict[str, tuple[sp.Expr, ...]]:
    """The shapes of a layer's tensors in its own sizes."""
    system = node.kind.system(node.policy)
    return {t.name: t.shape for t in (*system.inputs, *(e.tensor for e in system.equations))}


def signature(body: Body) -> tuple[object, ...]:
    """What bodies of one form have in common: layers, their windows, local names, and what reads what."""
    items = tuple(_of_layer(i) if isinstance(i, Node) else _of_block(i) for i in body.items)
    inputs = tuple((tensor.name, tensor.rank) for tensor in body.inputs)
    return inputs, body.labels, items, body.output.name


def _of_layer(node: Node) -> tuple[object, ...]:
    free = opened(node)
    fixed = tuple((s, v) for s, v in node.sizes if s not in free)
    names = tuple((name, tensor.name) for name, tensor in (*node.tensors, *node.running))
    rests = tuple(
        sp.Mod(*part)
        for shape in patterns(node).values()
        for extent in shape
        for part in divisions(rebind(extent, dict(fixed)), dict(node.sizes))
    )
    return node.name, node.kind, node.policy, node.momentum, node.drawn, fixed, names, rests


def _of_block(item: Placed) -> tuple[object, ...]:
    return item.name, item.body, item.names, tuple(tensor.name for tensor in item.inputs)


def divisions(extent: sp.Expr, sizes: Mapping[sp.Symbol, sp.Expr]) -> list[tuple[sp.Expr, sp.Expr]]:
    """Numerator, in numbers, and denominator of every rounded division in an extent."""
    found = []
    for floor in sorted(extent.atoms(sp.floor), key=str):
        above, below = floor.args[0].as_numer_denom()
        found.append((sp.expand(rebind(above, sizes)), rebind(below, sizes)))
    return found


@dataclass(slots=True)
class Solver:
    """Sizes that are not known yet, their values in each of the bodies, and those that follow from others."""

    values: dict[sp.Symbol, tuple[sp.Expr, ...]] = field(default_factory=dict)
    hints: dict[sp.Symbol, str] = field(default_factory=dict)
    known: dict[sp.Basic, sp.Basic] = field(default_factory=dict)

    def size(self, values: Iterable[sp.Expr], hint: str = "") -> sp.Expr:
        """A new size with these values; the batch size is itself."""
        values = tuple(values)
        if set(values) == {BATCH}:
            return BATCH
        symbol = sp.Symbol(f"size {len(self.values)}", integer=True, positive=True)
        self.values[symbol], self.hints[symbol] = values, hint
        return symbol

    def settled(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` in the sizes that are free."""
        return sp.expand(rebind(expr, self.known))

    def equate(self, left: sp.Expr, right: sp.Expr) -> bool:
        """Make two extents equal; False where no size of them is a whole expression of the others."""
        rest = self.settled(left - right)
        if rest == 0:
            return True
        alone = [s for s in self.values if abs(rest.coeff(s)) == 1 and not (rest - rest.coeff(s) * s).has(s)]
        if not alone:
            return False
        chosen = alone[-1]
        value = sp.expand(chosen - rest.coeff(chosen) * rest)
        if value.is_Symbol and value in self.hints:
            self.hints[value] = self.hints[value] or self.hints[chosen]
        self.known = {s: sp.expand(rebind(e, {chosen: value})) for s, e in self.known.items()}
        self.known[chosen] = value
        return True

    def extent(self, pattern: sp.Expr, sizes: Mapping[sp.Basic, sp.Basic], hint: str) -> sp.Expr:
        """An extent in a layer's sizes; of a rounded division, what is divided follows from the quotient."""
        extent = self.settled(rebind(pattern, sizes))
        for floor in sorted(extent.atoms(sp.floor), key=str):
            above, below = floor.args[0].as_numer_denom()
            beside = extent - floor
            places = [self._valued(above, place) for place in range(self._count)]
            rests = {sp.Mod(value, below) for value in places}
            if not beside.is_Integer or len(rests) != 1:
                continue
            (rest,) = rests
            quotient = self.size([(value - rest) / below + beside for value in places], hint)
            if self.equate(above, below * (quotient - beside) + rest):
                return quotient
        return extent

    @property
    def _count(self) -> int:
        return len(next(iter(self.values.values()), ()))

    def _valued(self, expr: sp.Expr, place: int) -> sp.Expr:
        return sp.expand(rebind(expr, {s: values[place] for s, values in self.values.items()}))


def merged(bodies: Sequence[Body]) -> tuple[Body, list[Sizes]] | None:
    """The body of all ``bodies``, which are of one form, and the values of its sizes in each; None if there is none."""
    merging = Merging(Solver())
    if not merging.read(bodies):
        return None
    return merging.named(bodies)


@dataclass(slots=True)
class Merging:
    """Reads bodies of one form side by side: the shapes of their tensors, and the sizes of layers and inner blocks."""

    solver: Solver
    shapes: dict[str, list[sp.Expr]] = field(default_factory=dict)
    sizes: list[dict[sp.Basic, sp.Basic]] = field(default_factory=list)

    def read(self, bodies: Sequence[Body]) -> bool:
        """Whether all extents could be made equal where they are."""
        for tensor in bodies[0].labels:
            self.shapes[tensor.name] = list(tensor.shape)
        for inputs in zip(*(body.inputs for body in bodies), strict=True):
            shapes = zip(*(tensor.shape for tensor in inputs), strict=True)
            self.shapes[inputs[0].name] = [self.solver.size(values) for values in shapes]
        return all(
            self._layer([i for i in items if isinstance(i, Node)])
            if isinstance(items[0], Node)
            else self._block([i for i in items if isinstance(i, Placed)])
            for items in zip(*(body.items for body in bodies), strict=True)
        )

    def _layer(self, nodes: Sequence[Node]) -> bool:
        first = nodes[0]
        free = opened(first)
        given = [dict(node.sizes) for node in nodes]
        sizes: dict[sp.Basic, sp.Basic] = {
            s: self.solver.size([own[s] for own in given], s.name) if s in free else v for s, v in first.sizes
        }
        self.sizes.append(sizes)
        tensors = dict(first.tensors)
        hints = {e.tensor.name: [str(p).upper() for p in e.target.at] for e in first.equations()}
        for name, shape in patterns(first).items():
            tensor = tensors[name]
            letters = hints.get(tensor.name, ["I"] * tensor.rank)
            extents = [
                self.solver.extent(p, sizes, hint if hint.isalpha() else "I")
                for p, hint in zip(shape, letters, strict=True)
            ]
            if not self._agrees(tensor, extents):
                return False
        for name, tensor in first.running:
            self.shapes[tensor.name] = self.shapes[tensors[name].name]
        return True

    def _block(self, items: Sequence[Placed]) -> bool:
        first = items[0]
        given = [dict(item.sizes) for item in items]
        sizes: dict[sp.Basic, sp.Basic] = {
            s: self.solver.size([own[s] for own in given], s.name) for s, _ in first.sizes
        }
        self.sizes.append(sizes)
        body = first.body
        own = (*body.inputs, *body.parameters, *body.state, *body.masks, body.output)
        return all(
            self._agrees(first.own(tensor), [rebind(extent, sizes) for extent in tensor.shape])
            for tensor in own
        )

    def _agrees(self, tensor: Tensor, extents: list[sp.Expr]) -> bool:
        """Record the shape of a new tensor; that of a known one must be the same."""
        known = self.shapes.setdefault(tensor.name, extents)
        return all(self.solver.equate(a, b) for a, b in zip(known, extents, strict=True))

    def named(self, bodies: Sequence[Body]) -> tuple[Body, list[Sizes]] | None:
        """The body under plain names of its sizes; None unless it has the shapes of every body."""
        solver = self.solver
        shapes = {name: [solver.settled(e) for e in extents] for name, extents in self.shapes.items()}
        sizes = [{s: solver.settled(v) for s, v in own.items()} for own in self.sizes]
        used = {s for extents in shapes.values() for e in extents for s in e.free_symbols}
        used |= {s for own in sizes for v in own.values() for s in v.free_symbols}
        taken = {BATCH.name, *shapes}
        names: dict[sp.Basic, sp.Basic] = {}
        for symbol in solver.values:
            if symbol in used:
                name = _free(solver.hints[symbol] or "D", taken)
                names[symbol] = sp.Symbol(name, integer=True, positive=True)
        shapes = {name: [rebind(e, names) for e in extents] for name, extents in shapes.items()}
        sizes = [{s: rebind(v, names) for s, v in own.items()} for own in sizes]
        values = [
            {names[s]: solver.values[s][place] for s in solver.values if s in names}
            for place in range(len(bodies))
        ]
        if not all(_fits(body, shapes, own) for body, own in zip(bodies, values, strict=True)):
            return None
        return _shaped(bodies[0], shapes, sizes), [tuple(own.items()) for own in values]


def _free(name: str, taken: set[str]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}{count}"
    taken.add(found)
    return found


def _tensors(body: Body) -> list[Tensor]:
    inner = [
        i.own(t) for i in body.items if isinstance(i, Placed) for t in (*i.body.parameters, i.body.output)
    ]
    own = [tensor for item in body.items if isinstance(item, Node) for _, tensor in item.tensors]
    return [*body.inputs, *own, *inner]


def _fits(body: Body, shapes: Mapping[str, Sequence[sp.Expr]], values: Mapping[sp.Basic, sp.Basic]) -> bool:
    """Whether the shapes, at these sizes, are those of the body."""
    return all(
        sp.expand(rebind(extent, values) - given) == 0
        for tensor in _tensors(body)
        for extent, given in zip(shapes[tensor.name], tensor.shape, strict=True)
    )


def _shaped(
    body: Body, shapes: Mapping[str, Sequence[sp.Expr]], sizes: Sequence[Mapping[sp.Basic, sp.Basic]]
) -> Body:
    """The body with other shapes and sizes."""

    def of(tensor: Tensor) -> Tensor:
        return Tensor(tensor.name, shapes[tensor.name], tensor.role)

    items: list[Node | Placed] = []
    for item, own in zip(body.items, sizes, strict=True):
        pairs = tuple((s, own[s]) for s, _ in item.sizes)
        if isinstance(item, Placed):
            items.append(replace(item, inputs=tuple(map(of, item.inputs)), sizes=pairs))
        else:
            tensors = tuple((name, of(tensor)) for name, tensor in item.tensors)
            running = tuple((name, of(tensor)) for name, tensor in item.running)
            items.append(replace(item, sizes=pairs, tensors=tensors, running=running))
    return Body(tuple(items), tuple(map(of, body.inputs)), of(body.output))


def general(root: Body) -> Body:
    """The same network with one body for all blocks of one form, inner blocks first."""
    depth: dict[Body, int] = {}
    for body in (*root.bodies, root):
        inner = [depth[item.body] for item in body.items if isinstance(item, Placed)]
        depth[body] = 1 + max(inner, default=0)
    found: dict[Body, tuple[Body, Sizes]] = {}
    for level in range(1, depth[root]):
        groups: dict[tuple[object, ...], list[tuple[Body, Body]]] = {}
        for body in root.bodies:
            if depth[body] == level:
                changed = _with(body, found)
                groups.setdefault(signature(changed), []).append((body, changed))
        for pairs in groups.values():
            found.update(_joined(pairs))
    return _with(root, found)


def _joined(pairs: Sequence[tuple[Body, Body]]) -> dict[Body, tuple[Body, Sizes]]:
    whole = merged([changed for _, changed in pairs]) if len(pairs) > 1 else None
    if whole is None:
        return {body: (changed, ()) for body, changed in pairs}
    return {body: (whole[0], sizes) for (body, _), sizes in zip(pairs, whole[1], strict=True)}


def _with(body: Body, found: Mapping[Body, tuple[Body, Sizes]]) -> Body:
    """The body with other bodies in the places of its blocks."""
    items = [
        replace(item, body=found[item.body][0], sizes=found[item.body][1])
        if isinstance(item, Placed)
        else item
        for item in body.items
    ]
    return Body(tuple(items), body.inputs, body.output)
