"""Blocks of an imported network: the parts of the original whose layers recur, under the original's names.

A part is a module of PyTorch, or what shares the front of a node's name in ONNX. It becomes a block where its layers
follow each other, only its last value is read from outside, and another part has the same layers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from symcnn.nets.spec import Block, Spec
from symcnn.nets.spec.formulas import Stated

Scope = tuple[str, ...]
MOST_INPUTS = 8
PLACES = ("x", *(f"x{k}" for k in range(2, MOST_INPUTS + 1)))


@dataclass(frozen=True, slots=True)
class Part:
    """Layers and inner parts that share the scope ``path``, in order; ``inputs`` are the values read from outside."""

    path: str
    items: tuple[Spec | Part, ...]
    inputs: tuple[str, ...]

    @property
    def specs(self) -> tuple[Spec, ...]:
        """All layers in order."""
        return tuple(s for item in self.items for s in ((item,) if isinstance(item, Spec) else item.specs))

    @property
    def container(self) -> bool:
        """Whether it holds nothing but inner parts."""
        return not any(isinstance(item, Spec) for item in self.items)

    def form(self) -> tuple[object, ...]:
        """What equal parts have in common: layers without sizes, and what reads what."""
        places = {name: f"x{k}" for k, name in enumerate(self.inputs)}
        places |= {spec.name: f"y{k}" for k, spec in enumerate(self.specs)}
        return tuple((_kind(spec), *(places[name] for name in spec.inputs)) for spec in self.specs)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Layers and blocks, the value of ``output`` among them, and what each layer is called in the network."""

    layers: tuple[Spec | Block, ...]
    output: str
    names: Mapping[str, str]


def blocked(specs: Sequence[Spec], scopes: Mapping[str, Scope], output: str) -> Blocked:
    """The layers, with those of recurring parts in blocks.

    ``scopes`` says by the names of layers where they come from, from the outermost part to the innermost; ``output`` is
    the layer whose value the network ends in. Arrays that several layers read become values ahead of all blocks.
    """
    alone = [spec for spec in specs if not spec.inputs]
    specs = [*alone, *(spec for spec in specs if spec.inputs)]
    scopes = {**scopes, **dict.fromkeys((spec.name for spec in alone), ())}
    readers: dict[str, set[str]] = {output: {""}}
    for spec in specs:
        for name in spec.inputs:
            readers.setdefault(name, set()).add(spec.name)
    parts = list(_parts(specs, scopes, 0, readers))
    count = Counter(form for part in parts if isinstance(part, Part) for form in _forms(part))
    writer = Writer(scopes, {form for form, times in count.items() if times > 1})
    known: dict[str, str] = {}
    layers = writer.layers(writer.kept(parts), "", "", known)
    return Blocked(tuple(layers), known[output], writer.names)


def _kind(spec: Spec) -> object:
    return spec.stated.formula if isinstance(spec, Stated) else (spec.family, spec.arguments)


def _forms(part: Part) -> Iterator[object]:
    yield part.form()
    for item in part.items:
        if isinstance(item, Part):
            yield from _forms(item)


def _parts(
    specs: Sequence[Spec], scopes: Mapping[str, Scope], depth: int, readers: Mapping[str, set[str]]
) -> Iterator[Spec | Part]:
    """Runs of layers of one scope as parts where they are closed, as what they hold where they are not."""
    start = 0
    while start < len(specs):
        scope = scopes.get(specs[start].name, ())[: depth + 1]
        stop = start + 1
        while (
            len(scope) > depth
            and stop < len(specs)
            and scopes.get(specs[stop].name, ())[: depth + 1] == scope
        ):
            stop += 1
        run = specs[start:stop]
        if len(scope) <= depth:
            yield run[0]
        else:
            items = tuple(_parts(run, scopes, depth + 1, readers))
            own = {spec.name for spec in run}
            inputs = tuple(dict.fromkeys(name for spec in run for name in spec.inputs if name not in own))
            outwards = [spec.name for spec in run if readers.get(spec.name, set()) - own]
            if len(run) > 1 and outwards == [run[-1].name] and 0 < len(inputs) <= MOST_INPUTS:
                yield Part(scope[depth], items, inputs)
            else:
                yield from items
        start = stop


@dataclass(slots=True)
class Writer:
    """Writes layers and blocks under local names; ``names`` are the layers' names in the network."""

    scopes: Mapping[str, Scope]
    recurring: set[object]
    names: dict[str, str] = field(default_factory=dict)

    def kept(self, items: Sequence[Spec | Part]) -> list[Spec | Part]:
        """The items, with the parts that do not recur, and those that only hold parts, opened."""
        found: list[Spec | Part] = []
        for item in items:
            if isinstance(item, Spec):
                found.append(item)
                continue
            inner = replace(item, items=tuple(self.kept(item.items)))
            keep = inner.form() in self.recurring and not inner.container
            found += [inner] if keep else inner.items
        return found

    def layers(
        self, items: Sequence[Spec | Part], path: str, prefix: str, known: dict[str, str]
    ) -> list[Spec | Block]:
        """The layers of one part, whose values are ``known`` by local names; outside blocks names stay as they are."""
        taken = set(known.values())
        made: list[Spec | Block] = []
        for item in items:
            reads = tuple(known.get(value, value) for value in item.inputs)
            if isinstance(item, Part):
                name = _free(_plain(item.path, path), taken)
                local = dict(zip(item.inputs, PLACES, strict=False))
                own = self.layers(item.items, item.path, f"{prefix}{name}_", local)
                made.append(Block(tuple(own), name, reads))
                known[item.specs[-1].name] = name
            else:
                name = _free(self._local(item, path), taken) if prefix else item.name
                made.append(replace(item, name=name, inputs=reads))
                known[item.name] = name
                self.names[item.name] = f"{prefix}{name}"
            taken.add(name)
        return made

    def _local(self, spec: Spec, path: str) -> str:
        """The part of its own that a layer comes from, or the layer's operation."""
        inner = self.scopes[spec.name][-1]
        return _plain(inner, path) if inner != path else re.sub(r"_\d+$", "", spec.name)


def _plain(path: str, outer: str = "") -> str:
    """A path behind the one around it as a name: layer1.0.conv1 in layer1.0 → conv1."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", path.removeprefix(f"{outer}.")).strip("_") or "part"
    plain = plain if plain[0].isalpha() else f"part_{plain}"
    return f"{plain}_part" if re.fullmatch(r"[A-Za-z]\d*", plain) else plain


def _free(base: str, taken: set[str]) -> str:
    count, found = 1, base
    while found in taken:
        count += 1
        found = f"{base}_{count}"
    return found
