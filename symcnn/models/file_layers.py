"""The layers and blocks of a model file, read table by table into specifications."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symcnn.core.errors import LimitExceeded, SymcnnError
from symcnn.models.file_values import (
    MOST_LISTED,
    ModelFileError,
    Values,
    argument,
    complete,
    exact,
    identifier,
    known_keys,
    nearest,
    plain_text,
    strings,
    whole,
)
from symcnn.nets import spec
from symcnn.nets.catalogue.axes import MOST_AXES
from symcnn.nets.spec import Block, Spec, block, formula, formulas

MOST_LAYERS = 5_000
MOST_REPEATS = 1_000
MOST_DEPTH = 16
LAYER_KEYS = ("type", "name", "on", "repeat")
BLOCK_KEYS = ("parameters", "defaults", "inputs", "layers")
FORMULA_KEYS = ("text", "shapes", "data", "trained", "held", "labels", "loss", "defaults", "title", "sizes")


def pairing(rank: int, name: str = "") -> Spec:
    """L = Σ x·cotangent, in place of a loss: gradients are what the network's pullback makes of a cotangent of x."""
    return replace(formulas.pairing(whole(rank, "rank", 0, MOST_AXES)), name=name)


TYPES: dict[str, Callable[..., Spec]] = {
    name: getattr(spec, name) for name in spec.__all__ if name.islower() and name not in ("block", "stated")
} | {"pairing": pairing}


@dataclass(frozen=True, slots=True)
class Definition:
    """A block of the file: its parameters, None where they have no default, and its layers as they stand."""

    name: str
    parameters: dict[str, object]
    inputs: tuple[str, ...]
    layers: tuple[dict[str, Any], ...]
    size: int
    depth: int


@dataclass(slots=True)
class LayerReader:
    """Reads layers; a block may use the blocks above it. ``lines`` says where layers stand, by block."""

    file: str
    tables: Any
    lines: Mapping[str, list[int]] = field(default_factory=dict)
    blocks: dict[str, Definition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.tables, dict):
            raise ModelFileError(f"{self.file}: expected block as tables such as [block.unit]")
        for name, table in self.tables.items():
            self.blocks[name] = self._definition(name, table)

    def layers(self, tables: object) -> list[Spec | Block]:
        """The layers of the network. Raises ModelFileError, LimitExceeded."""
        listed = self._listed(tables, f"{self.file}: layers")
        self._size(listed, self.file)
        return self._made(listed, "", {})

    def _definition(self, name: str, table: object) -> Definition:
        where = f"{self.file}: block {name!r:.60}"
        identifier(name, where)
        if name in TYPES:
            raise ModelFileError(f"{where}: expected a name that no layer type has")
        if not isinstance(table, dict):
            raise ModelFileError(f"{where}: expected a table, got {table!r:.40}")
        known_keys(table, BLOCK_KEYS, where)
        names = [identifier(p, where) for p in strings(table.get("parameters", []), f"{where}: parameters")]
        defaults = table.get("defaults", {})
        if not isinstance(defaults, dict):
            raise ModelFileError(f"{where}: expected defaults as a table such as {{ stride = 1 }}")
        given = {identifier(key, where): argument(value, key, {}, where) for key, value in defaults.items()}
        layers = self._listed(table.get("layers"), f"{where}: layers")
        inputs = strings(table.get("inputs", []), f"{where}: inputs")
        size = self._size(layers, where, name)
        depth = 1 + max(self.blocks[t["type"]].depth if t["type"] in self.blocks else 0 for t in layers)
        if depth > MOST_DEPTH:
            raise LimitExceeded(f"{where}: expected blocks nested at most {MOST_DEPTH} deep, got {depth}")
        parameters = {**dict.fromkeys(names), **given}
        return Definition(name, parameters, inputs, tuple(layers), size, depth)

    def _listed(self, tables: object, where: str) -> list[dict[str, Any]]:
        if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
            raise ModelFileError(f'{where}: expected tables such as {{ type = "relu" }}, got {tables!r:.40}')
        return tables

    def _size(self, layers: Iterable[dict[str, Any]], where: str, owner: str = "") -> int:
        """How many layers they are, all blocks written out; so that small files do not make huge networks."""
        count = 0
        for position, table in enumerate(layers):
            kind = self._kind(table, self._where(owner, position, table))
            own = self.blocks[kind].size if kind in self.blocks else 1
            count += own * whole(table.get("repeat", 1), f"{where}: repeat", 1, MOST_REPEATS)
        if count > MOST_LAYERS:
            raise LimitExceeded(f"{where}: expected at most {MOST_LAYERS:,} layers, got {count:,}")
        return count

    def _kind(self, table: Mapping[str, Any], where: str) -> str:
        kind = table.get("type")
        if not isinstance(kind, str) or (kind not in self.blocks and kind not in TYPES):
            near = nearest(kind, [*self.blocks, *TYPES])
            raise ModelFileError(
                f"{where}: expected type as a layer or a block above{near}, got {kind!r:.60}"
            )
        return kind

    def _made(self, tables: Iterable[dict[str, Any]], owner: str, values: Values) -> list[Spec | Block]:
        made: list[Spec | Block] = []
        for position, table in enumerate(tables):
            where = self._where(owner, position, table)
            name = identifier(table["name"], where) if "name" in table else ""
            copies = table.get("repeat", 1)
            for copy in range(copies):
                own = f"{name}_{copy}" if name and copies > 1 else name
                layer = self._layer(table, own, values, where)
                reads = strings(table.get("on", []), f"{where}: on")
                made.append(layer.on(*reads) if reads and not copy else layer)
        return made

    def _where(self, owner: str, position: int, table: Mapping[str, Any]) -> str:
        lines = self.lines.get(owner)
        place = f"{self.file}:{lines[position]}" if lines else self.file
        inside = f" of block {owner}" if owner else ""
        label = table.get("name", table.get("type", ""))
        return f"{place}: layer {position + 1}{inside}" + (f" ({label!s:.40})" if label else "")

    def _layer(self, table: Mapping[str, Any], name: str, values: Values, where: str) -> Spec | Block:
        kind = table["type"]
        arguments = {key: value for key, value in table.items() if key not in LAYER_KEYS}
        try:
            if kind in self.blocks:
                return self._block(self.blocks[kind], name, self._values(arguments, values, where), where)
            if kind == "formula":
                return self._formula(arguments, name, values, where)
            return self._standard(kind, name, self._values(arguments, values, where), where)
        except ModelFileError:
            raise
        except SymcnnError as error:
            raise ModelFileError(f"{where}: {error}") from None

    def _block(self, definition: Definition, name: str, given: dict[str, object], where: str) -> Block:
        known_keys(given, (*LAYER_KEYS, *definition.parameters), where)
        values = {**definition.parameters, **given}
        complete([key for key, value in values.items() if value is None], where)
        layers = self._made(definition.layers, definition.name, values)
        return block(*layers, name=name, inputs=definition.inputs)

    def _standard(self, kind: str, name: str, given: dict[str, object], where: str) -> Spec:
        builder = TYPES[kind]
        parameters = inspect.signature(builder).parameters
        several = [key for key, p in parameters.items() if p.kind is p.VAR_POSITIONAL]
        known_keys(given, (*LAYER_KEYS, *(key for key in parameters if key != "inputs")), where)
        required = [k for k, p in parameters.items() if p.default is p.empty and k != "inputs"]
        complete([key for key in required if key not in given], where)
        for key, value in given.items():
            if isinstance(parameters[key].default, bool) and not isinstance(value, bool):
                raise ModelFileError(f"{where}: expected {key} as true or false, got {value!r:.60}")
        ahead = [given.pop(key) for key in several if key in given]
        values = [v for many in ahead for v in (many if isinstance(many, tuple) else (many,))]
        return builder(*values, **given, name=name)

    def _formula(self, given: dict[str, Any], name: str, values: Values, where: str) -> Spec:
        """A layer stated by its equations, whose text is read by the formula language."""
        known_keys(given, (*LAYER_KEYS, *FORMULA_KEYS), where)
        complete([key for key in ("text", "shapes") if key not in given], where)
        tables = {key: given.get(key, {}) for key in ("shapes", "sizes", "defaults")}
        for key, table in tables.items():
            if not isinstance(table, dict) or len(table) > MOST_LISTED:
                raise ModelFileError(f"{where}: expected {key} as a table, got {table!r:.40}")
        sizes, defaults = (
            {
                identifier(k, where): exact(v, f"{where}: {k}")
                for k, v in self._values(tables[t], values, where).items()
            }
            for t in ("sizes", "defaults")
        )
        shapes = dict(
            zip(tables["shapes"], strings(list(tables["shapes"].values()), f"{where}: shapes"), strict=True)
        )
        made = formula(
            plain_text(given["text"], f"{where}: text", lines=True),
            shapes,
            data=strings(given.get("data", []), f"{where}: data"),
            trained=strings(given.get("trained", []), f"{where}: trained"),
            held=strings(given.get("held", []), f"{where}: held"),
            labels=strings(given.get("labels", []), f"{where}: labels"),
            loss=given.get("loss") is True,
            defaults=defaults,
            title=plain_text(given.get("title", ""), f"{where}: title"),
            name=name,
        )
        system = made.stated.system()
        known_keys(sizes, [s.name for s in (*system.sizes, *(p for p, _ in system.parameters))], where)
        return replace(made, sizes=(*made.sizes, *sizes.items()))

    def _values(self, given: Mapping[str, Any], values: Values, where: str) -> dict[str, object]:
        return {key: argument(value, key, values, where) for key, value in given.items()}
