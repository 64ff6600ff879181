"""The scopes of a dossier: the network itself, and each form of block with the bodies and places that have it.

Blocks have one form when they have the same layers, windows and wiring; channels and extents may differ. A block that is
drawn as one box belongs to the scope that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from symcnn.nets.body import Body, Placed
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.sweep import describe
from symcnn.render.graph_network import kind_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Layers that are shown together: those of the network, or those of blocks of one form.

    ``bodies`` are the different bodies of the form, ``places`` the blocks that each of them stands in.
    """

    title: str
    bodies: tuple[Body, ...]
    places: tuple[tuple[str, ...], ...]

    @property
    def body(self) -> Body:
        """The body that is drawn: the first."""
        return self.bodies[0]

    @property
    def count(self) -> int:
        """In how many places the form stands."""
        return sum(map(len, self.places))

    @property
    def layers(self) -> tuple[tuple[str, LayerKind], ...]:
        """The layers of the first body by name, without those of blocks that have scopes of their own."""
        return own_layers(self.body)


@cache
def own_layers(body: Body) -> tuple[tuple[str, LayerKind], ...]:
    """The layers of a body under its names, without those of blocks that are shown on their own."""
    found: list[tuple[str, LayerKind]] = []
    for item in body.items:
        if isinstance(item, Node):
            found.append((item.name, item.kind))
        elif kind_of(item) == "layer":
            found += [(f"{item.name}_{node.name}", node.kind) for node in item.body.nodes]
    return tuple(found)


def scopes_of(net: Network) -> tuple[Scope, ...]:
    """The network's own scope, then one for each form of block, in order of first use."""
    places: dict[Body, list[str]] = {}
    for name, body in _places(net.body, ""):
        places.setdefault(body, []).append(name)
    forms: dict[Signature, list[Body]] = {}
    for body in places:
        forms.setdefault(signature(body), []).append(body)
    found = [Scope("the network itself", (net.body,), ((net.name,),))]
    for number, bodies in enumerate(forms.values()):
        found.append(Scope(_title(number), tuple(bodies), tuple(tuple(places[b]) for b in bodies)))
    return tuple(found)


def _places(body: Body, prefix: str) -> Iterator[tuple[str, Body]]:
    """Every block that is drawn as a block of its own, with its name in the network."""
    for item in body.items:
        if isinstance(item, Placed) and kind_of(item) == "block":
            name = f"{prefix}{item.name}"
            yield name, item.body
            yield from _places(item.body, f"{name}_")


def _title(number: int) -> str:
    """Block A … block Z, then block AA."""
    rounds, place = divmod(number, len(LETTERS))
    return f"block {LETTERS[rounds - 1] if rounds else ''}{LETTERS[place]}"


def signature(body: Body) -> Signature:
    """What blocks of one form have in common: layers with their windows, and what reads what."""
    number = {tensor: k for k, tensor in enumerate(body.inputs)}
    found: list[object] = [len(body.inputs)]
    for item in body.items:
        own = (item.kind, describe(item)) if isinstance(item, Node) else signature(item.body)
        found.append((own, tuple(number[tensor] for tensor in item.inputs)))
        number[item.output] = len(number)
    return (*found, number[body.output])
