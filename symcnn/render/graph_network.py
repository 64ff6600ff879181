"""The picture of a network or of a block: which layers share a box, which blocks are drawn as one.

A layer that gives every entry a new value at its own place (ReLU, batch norm, dropout) stands in the box of the layer
before it. A block whose layers fit in one box is drawn as that box; equal blocks in a row are drawn once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from symcnn.core.expr import reads
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.sweep import describe, shape_text
from symcnn.render.graph_picture import Box, Kind, Picture

Item = Node | Placed
WIDE = 24
BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, slots=True)
class Part:
    """What one box holds: layers or blocks in order, and the tensors that they read from outside the box."""

    items: tuple[Item, ...]
    kind: Kind
    reads: tuple[Tensor, ...]

    @property
    def output(self) -> Tensor:
        return self.items[-1].output

    @property
    def name(self) -> str:
        """The name of what it holds: of several blocks, the first and the last."""
        first, last = self.items[0].name, self.items[-1].name
        return f"{first} … {last}" if self.kind == "run" else first


@cache
def parts(body: Body) -> tuple[Part, ...]:
    """The boxes of a body, in order of computation."""
    readers = Counter(tensor for item in body.items for tensor in dict.fromkeys(item.inputs))
    readers[body.output] += 1
    found: dict[Tensor, Part] = {}
    for item in body.items:
        before = found.get(item.inputs[0]) if len(item.inputs) == 1 else None
        if before is None or readers[before.output] > 1 or not _joins(before, item):
            found[item.output] = Part((item,), kind_of(item), tuple(dict.fromkeys(item.inputs)))
            continue
        kind: Kind = "run" if before.kind == "block" else before.kind
        found.pop(before.output)
        found[item.output] = Part((*before.items, item), kind, before.reads)
    return tuple(found.values())


def _joins(part: Part, item: Item) -> bool:
    """Whether an item is drawn in the box of the only layer that it reads."""
    last = part.items[-1]
    if isinstance(item, Placed):
        return part.kind in ("block", "run") and isinstance(last, Placed) and last.body is item.body
    return part.kind in ("layer", "join") and item_by_item(item.kind)


def kind_of(item: Item) -> Kind:
    """How an item is drawn."""
    if isinstance(item, Placed):
        return "layer" if len(parts(item.body)) == 1 else "block"
    return "loss" if item.kind.loss else "join" if len(set(item.inputs)) > 1 else "layer"


@cache
def item_by_item(kind: LayerKind) -> bool:
    """Whether each entry of the result belongs to the entry of the data at the same place, in a tensor of one shape."""
    (*_, equation) = kind.system().equations
    if kind.loss or len(kind.data) != 1 or equation.tensor.shape != kind.tensor(kind.data[0]).shape:
        return False
    own = [read.at for read in reads(equation.body) if read.tensor.name == kind.data[0]]
    return bool(own) and all(at == equation.target.at for at in own)


# -- pictures ------------------------------------------------------------------------------------------------


def network_picture(net: Network, titles: dict[Body, str]) -> Picture:
    """The network, its blocks as boxes; ``titles`` says what each body is called."""
    start = Box(net.input.name, (example(net),), shape_text(net.input), (), "value")
    caption = f"{net.title}: layers and the shapes of their results for one {example(net)}"
    return _picture(net.body, parts(net.body), [start], titles, caption)


def value_picture(net: Network) -> Picture:
    """A network without blocks, every layer in a box of its own with the name of its value."""
    start = Box(net.input.name, (example(net),), _named(net.input), (), "value")
    single = [Part((item,), kind_of(item), tuple(dict.fromkeys(item.inputs))) for item in net.items]
    drawn = _picture(
        net.body, single, [start], {}, f"{net.title}: layers, values and their shapes for one {example(net)}"
    )
    values = {item.name: item.output for item in net.items}
    boxes = [
        replace(box, shape=_named(values[box.name])) if box.name in values else box for box in drawn.boxes
    ]
    return Picture(tuple(boxes), drawn.caption)


def _named(value: Tensor) -> str:
    """A value with its shape; digits behind a letter stand below."""
    letter, number = value.name.rstrip("0123456789"), value.name[len(value.name.rstrip("0123456789")) :]
    shape = shape_text(value)
    return letter + number.translate(BELOW) + (f": {shape}" if shape else "")


def example(net: Network) -> str:
    """What a network is given: an image where it has channels, rows and columns."""
    return "image" if net.input.rank == 4 else "example"


def body_picture(body: Body, titles: dict[Body, str], caption: str) -> Picture:
    """A block in detail."""
    given = [Box(t.name, (t.name,), shape_text(t), (), "value") for t in body.inputs]
    return _picture(body, parts(body), given, titles, caption)


def _picture(
    body: Body, shown: Sequence[Part], given: Sequence[Box], titles: dict[Body, str], caption: str
) -> Picture:
    boxes = list(given)
    makers = {tensor: box.name for tensor, box in zip(body.inputs, given, strict=True)}
    for part in shown:
        read = tuple(dict.fromkeys(makers[tensor] for tensor in part.reads))
        boxes.append(Box(part.name, part_lines(part, titles), shape_text(part.output), read, part.kind))
        makers[part.output] = part.name
    return Picture(tuple(boxes), caption)


def part_lines(part: Part, titles: dict[Body, str]) -> tuple[str, ...]:
    """What stands in a box."""
    first = part.items[0]
    if isinstance(first, Placed) and part.kind != "layer":
        times = f"{len(part.items)} times " if len(part.items) > 1 else ""
        return part.name, times + titles.get(first.body, f"{len(first.body.nodes)} layers")
    return tuple(line for item in part.items for node in nodes_of(item) for line in _broken(describe(node)))


def _broken(words: str) -> tuple[str, ...]:
    """A long description in two lines."""
    first, comma, more = words.partition(", ")
    return (first, more) if comma and len(words) > WIDE else (words,)


def nodes_of(item: Item) -> tuple[Node, ...]:
    """The layers of an item."""
    return (item,) if isinstance(item, Node) else item.body.nodes
