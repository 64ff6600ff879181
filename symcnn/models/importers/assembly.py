"""A network in the making: each operation of the original becomes a layer, with the arrays that belong to it.

Roles follow from where a tensor comes from: what a layer computes is data, an array that the original trains is trained,
any other array is held in the state. So the same equations serve a weight, a constant and a computed weight.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.core.functions import FIRST
from symcnn.core.tensor import Tensor
from symcnn.models.importers.views import Shape, Value, View, Weight, whole
from symcnn.nets.general import general
from symcnn.nets.kind import LayerKind
from symcnn.nets.node import BATCH, Node
from symcnn.nets.placement import Placement
from symcnn.nets.spec import Spec, flatten
from symcnn.nets.spec.formulas import stated

Source = Value | Weight
INDICES = "ncijlhgdrstoaefkm"


@dataclass(slots=True)
class Assembly:
    """Layers placed so far. ``shared`` names the trained arrays that several layers read: each becomes a value first.

    ``batch`` is the number of images to which the original fixes itself, if it does: there it is read as any number.
    ``scope`` is the part of the original that is being read, ``scopes`` where each layer comes from.
    """

    input_shape: tuple[int, ...]
    training: bool
    shared: frozenset[str] = frozenset()
    batch: int | None = None
    specs: list[Spec] = field(default_factory=list)
    arrays: dict[str, dict[str, Weight]] = field(default_factory=dict)
    moved: dict[tuple[str, str], Value] = field(default_factory=dict)
    made: dict[str, Value] = field(default_factory=dict)
    owners: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)
    scope: tuple[str, ...] = ()
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    placement: Placement = field(init=False)

    def __post_init__(self) -> None:
        image = Tensor("x", (BATCH, *map(sp.Integer, self.input_shape)), "input")
        self.placement = Placement(FIRST, self.training, {"x": image}, image)

    def repeated(self) -> frozenset[str]:
        """The trained arrays that more than one layer reads by itself."""
        return frozenset(name for name, count in self.owners.items() if count > 1)

    @property
    def input(self) -> View:
        """The images."""
        return whole(Value("x", tuple(self.placement.values["x"].shape)))

    # -- layers -------------------------------------------------------------------------------------------------------

    def layer(self, spec: Spec, operands: Mapping[str, View], name: str) -> View:
        """A layer of the catalogue that reads one value, the first of ``operands``. Raises ShapeError."""
        sources = {key: self.source(operand) for key, operand in operands.items()}
        first = next(iter(sources.values()))
        fitted = spec.fitted([int(n) for n in first.shape[2:] if n.is_Integer])
        return self._placed(fitted, fitted.kind([len(first.shape)], self.training), sources, name)

    def kind(
        self,
        kind: LayerKind,
        operands: Mapping[str, View],
        name: str,
        sizes: Mapping[str, Any] | None = None,
    ) -> View:
        """A layer of a kind of the catalogue. Raises ShapeError."""
        sources = {key: self.source(operand) for key, operand in operands.items()}
        return self._placed(stated(kind, sizes), kind, sources, name)

    def formula(
        self,
        title: str,
        text: str,
        shapes: Mapping[str, str],
        sources: Mapping[str, Source],
        name: str,
        sizes: Mapping[str, Any] | None = None,
        letter: str = "y",
    ) -> View:
        """A layer that is stated by its equations. Raises ShapeError."""
        data = tuple(sources)
        kind = LayerKind(title, text, tuple(shapes.items()), letter, title, "stated by its equations", data)
        found, fixed = general(kind)
        return self._placed(stated(found, {**fixed, **(sizes or {})}), found, dict(sources), name)

    def _placed(self, spec: Spec, kind: LayerKind, sources: dict[str, Source], name: str) -> View:
        own = {tensor.name: tensor for tensor in kind.system().inputs}
        computed = {key: source for key, source in sources.items() if isinstance(source, Value)}
        arrays = {key: source for key, source in sources.items() if isinstance(source, Weight)}
        sizes: dict[str, Any] = dict(spec.sizes)
        for key, weight in arrays.items():
            if key in own:
                _sized(own[key], weight, sizes, name)
        roles = replace(
            kind,
            data=tuple(computed),
            trained=tuple(key for key, weight in arrays.items() if weight.trained),
            held=tuple(k for k, w in arrays.items() if k in own and k not in kind.labels and not w.trained),
        )
        named, inputs = self.name(name), tuple(value.name for value in computed.values())
        if roles != kind and spec.momentum is not None:
            if self.training:
                raise UnsupportedFormula(
                    f"{name}: running statistics beside a shared or computed scale are not supported"
                )
            roles = replace(roles, labels=(), held=(*roles.held, *kind.labels))
        if roles == kind:
            found = replace(spec, name=named, inputs=inputs, sizes=tuple(sizes.items()))
        else:
            found = stated(roles, sizes, named, inputs)
        self.placement.add(found)
        self.specs.append(found)
        self.arrays[named] = arrays
        self.scopes[named] = self.scope
        node = self.placement.items[-1]
        assert isinstance(node, Node), "no blocks are imported"
        return whole(Value(named, tuple(node.output.shape)))

    def name(self, wanted: str) -> str:
        """A free name of letters, digits and single underscores, which no tensor has."""
        plain = re.sub(r"[^A-Za-z0-9]+", "_", wanted).strip("_") or "layer"
        plain = plain if plain[0].isalpha() else f"layer_{plain}"
        plain = f"{plain}_layer" if re.fullmatch(r"[A-Za-z]\d*", plain) else plain[:32].rstrip("_")
        found, count = plain, 1
        while found in self.names:
            count += 1
            found = f"{plain}_{count}"
        self.names.add(found)
        return found

    # -- operands -----------------------------------------------------------------------------------------------------

    def source(self, operand: View) -> Source:
        """A tensor whose entries are the operand's, in their places; a view becomes a layer of its own."""
        if not operand.plain:
            return self._rearranged(operand)
        return self._owned(operand.source)

    def read(
        self, operand: View, indices: Sequence[str], sizes: Sequence[str]
    ) -> tuple[Source, list[str], str]:
        """How a formula reads an operand at ``indices`` (0 where an axis is repeated): tensor, positions and shape."""
        if not operand.direct:
            operand = whole(self._rearranged(operand))
        places = {axis[0].symbol: k for k, axis in enumerate(operand.axes)}
        positions, shape = [], []
        for position in operand.at:
            index = indices[places[position]] if position in places else "0"
            positions.append(index)
            shape.append(sizes[places[position]] if index != "0" else "1")
        return self._owned(operand.source), positions, ",".join(shape)

    def _owned(self, source: Source) -> Source:
        """The source itself, or the value of a shared array, so that its gradients add up."""
        if not isinstance(source, Weight) or not source.trained:
            return source
        if source.name not in self.shared:
            self.owners[source.name] += 1
            return source
        if source.name not in self.made:
            indices = ",".join(INDICES[: len(source.shape)])
            shape = ",".join(map(str, source.shape))
            name = f"{source.name}_shared"
            kind = LayerKind(
                "shared parameter",
                f"p[{indices}] = w[{indices}]",
                (("w", shape),),
                "p",
                "shared parameter",
                "one array that several layers read",
                (),
            )
            found, fixed = general(kind)
            view = self._placed(stated(found, fixed), found, {"w": source}, name)
            assert isinstance(view.source, Value), "a layer makes a value"
            self.made[source.name] = view.source
        return self.made[source.name]

    def _rearranged(self, view: View) -> Value:
        """The layer that makes a view of its source: one affine read."""
        if len(view.source.shape) > len(INDICES) or sum(map(len, view.axes)) > len(INDICES):
            raise ShapeError(f"expected at most {len(INDICES)} axes, got {view.rank}")
        digits = [digit for axis in view.axes for digit in axis]
        letters = {d.symbol: sp.Symbol(INDICES[k]) for k, d in enumerate(digits)}
        at = [_position(p.xreplace(letters)) for p in view.at]
        target = []
        for axis in view.axes:
            number: sp.Expr = sp.S.Zero
            for digit in axis:
                number = number * digit.extent + letters[digit.symbol]
            target.append(_position(sp.expand(number)))
        source = self._owned(view.source)
        text = f"y[{','.join(target)}] = {_at('x' if isinstance(source, Value) else 'w', at)}"
        key = (source.name, text + str(view.shape))
        if key not in self.moved:
            made = self._moved(view, source, text)
            assert isinstance(made.source, Value), "a layer makes a value"
            self.moved[key] = made.source
        return self.moved[key]

    def _moved(self, view: View, source: Source, text: str) -> View:
        base = source.name if isinstance(source, Weight) else "move"
        if isinstance(source, Value) and _is_flatten(view):
            spec = flatten()
            return self._placed(spec, spec.kind([len(source.shape)]), {"x": source}, "flatten")
        own = "x" if isinstance(source, Value) else "w"
        shapes = {own: _shape(source.shape), "y": _shape(view.shape)}
        kinds = {len(axis) for axis in view.axes}
        title = "transposition" if view.direct and kinds == {1} else "rearrangement"
        return self.formula(title, text, shapes, {own: source}, f"{base}")


def _sized(tensor: Tensor, weight: Weight, sizes: dict[str, Any], layer: str) -> None:
    """Sizes of an array's axes. Raises ShapeError."""
    if len(weight.shape) != tensor.rank:
        raise ShapeError(
            f"{layer}: expected {tensor.name} with {tensor.rank} axes, got {weight.name} of shape {weight.array.shape}"
        )
    for wanted, got in zip(tensor.shape, weight.array.shape, strict=True):
        if wanted.is_Symbol:
            known = sizes.setdefault(str(wanted.name), int(got))
            fits = known == got
        else:
            value = wanted.subs({s: sizes[str(s.name)] for s in wanted.free_symbols if str(s.name) in sizes})
            fits = bool(value.free_symbols) or value == got
        if not fits:
            raise ShapeError(
                f"{layer}: expected {weight.name} of shape {_shape(tensor.shape)}, got {weight.array.shape}"
            )


def _is_flatten(view: View) -> bool:
    """Whether every axis but the first is joined into one, in order."""
    if view.rank != 2 or len(view.source.shape) < 3 or len(view.axes[0]) != 1:
        return False
    digits = (*view.axes[0], *view.axes[1])
    return view.at == tuple(digit.symbol for digit in digits)


def _position(position: sp.Expr) -> str:
    return str(position).replace(" ", "")


def _at(name: str, positions: Sequence[str]) -> str:
    return f"{name}[{','.join(positions)}]" if positions else name


def _shape(shape: Shape) -> str:
    return ",".join(str(extent) for extent in shape)
