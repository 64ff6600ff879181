"""Steps: named nodes in order, with the walks over nodes that passes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from symcnn.core.plan import Statement
from symcnn.program.array import (
    Count,
    Diagonal,
    Expand,
    Flip,
    Named,
    Node,
    Reshape,
    Scalar,
    Slice,
    Spread,
    Transpose,
    Windows,
)

VIEWS = (Named, Scalar, Slice, Flip, Windows, Diagonal, Transpose, Expand, Spread, Count)


@dataclass(frozen=True, slots=True)
class Step:
    """``name = node``; ``statement`` where the step ends one, None for a part that was given a name.

    ``evaluation`` is what stands in its place in evaluation, where that differs; a step with ``training`` is left out
    there. ``also`` are further names that a call gives.
    """

    name: str
    node: Node
    statement: Statement | None = None
    evaluation: Node | None = None
    training: bool = False
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it defines."""
        return (self.name, *self.also)

    @property
    def reads(self) -> set[str]:
        """Every name that it reads, in training or evaluation."""
        return names_in(self.node) | (names_in(self.evaluation) if self.evaluation is not None else set())


def walk(node: Node) -> Iterator[Node]:
    """Every node below and including ``node``, sources first."""
    for source in node.sources:
        yield from walk(source)
    yield node


def rebuilt(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """``node`` with ``change`` applied from the top; a node for which it returns None is rebuilt from its sources."""
    changed = change(node)
    if changed is not None:
        return changed
    fields: dict[str, object] = {}
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            fields[name] = rebuilt(value, change)
        elif isinstance(value, tuple) and any(isinstance(item, Node) for item in value):
            fields[name] = tuple(rebuilt(item, change) if isinstance(item, Node) else item for item in value)
    return replace(node, **fields) if fields else node  # type: ignore[arg-type]


def substituted(node: Node, names: Mapping[Node, Named]) -> Node:
    """``node`` with named parts in place of the computations that they stand for."""
    return rebuilt(node, lambda part: names.get(part))


def is_view(node: Node) -> bool:
    """Whether ``node`` costs nothing: no entry is computed or moved."""
    if isinstance(node, Reshape):
        return not is_copy(node)
    return isinstance(node, VIEWS)


def is_copy(node: Reshape) -> bool:
    """Whether a reshape moves entries: its source is turned, overlapping or cut, and axes are joined."""
    source = node.source
    if len(node.shape) > len(source.shape) and not isinstance(source, Transpose):
        return False
    return isinstance(source, Transpose | Windows | Flip | Diagonal | Slice | Expand | Spread)


def names_in(node: Node) -> set[str]:
    """The names that ``node`` reads."""
    return {part.name for part in walk(node) if isinstance(part, Named)}
