"""Passes over steps: each takes a valid program and gives a valid one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from symcnn.program.array import Accumulate, Chosen, Fold, Matmul, Named, Node, Pad, Reshape, Windows
from symcnn.program.steps import Step, is_copy, is_view, names_in, substituted, walk

Sections = list[list[Step]]


def needed(steps: Sequence[Step], results: Iterable[str]) -> list[Step]:
    """The steps on which ``results`` depend, in order."""
    wanted = set(results)
    kept: list[Step] = []
    for step in reversed(steps):
        if step.name in wanted:
            kept.append(step)
            wanted |= names_in(step.node)
    return kept[::-1]


def pruned(sections: Sections, results: Iterable[str]) -> Sections:
    """Steps whose results nothing needs are dropped: the cotangent of a network's input, for one."""
    kept = {id(step) for step in needed([step for section in sections for step in section], results)}
    return [[step for step in section if id(step) in kept] for section in sections]


def shared(sections: Sections, taken: Iterable[str]) -> Sections:
    """A computation that stands in several places is done once, where it is met first, and named."""
    steps = [step for section in sections for step in section]
    used = set(taken) | {step.name for step in steps}
    whole = {
        step.node: Named(step.node.shape, step.name) for step in reversed(steps) if not is_view(step.node)
    }
    counts = Counter(node for step in steps for node in _computations(step.node))
    repeated = {node for node, count in counts.items() if count > 1 and node not in whole}
    names: dict[Node, Named] = {}
    result: Sections = []
    for section in sections:
        done: list[Step] = []
        for step in section:
            for node in _computations(step.node):
                if node in repeated and node not in names and _worth(node, step.node, steps):
                    name = unused(described(node, step.name), used)
                    done.append(Step(name, substituted(node, names)))
                    names[node] = Named(node.shape, name, node.kind)
            done.append(Step(step.name, substituted(step.node, names), step.statement))
            if step.node in whole and whole[step.node].name == step.name:
                names[step.node] = whole[step.node]
        result.append(done)
    return result


def _computations(node: Node) -> list[Node]:
    """What ``node`` computes, sources first."""
    return [part for part in walk(node) if not is_view(part)]


def _worth(node: Node, root: Node, steps: Sequence[Step]) -> bool:
    """Not where the node stands only inside one larger computation that is itself shared."""
    parents = {parent for step in steps for parent in _computations(step.node) if node in _below(parent)} | {
        step.node for step in steps if is_view(step.node) and node in _computations(step.node)
    }
    return len(parents) > 1 or root == node


def _below(parent: Node) -> list[Node]:
    """The nearest computations under ``parent``."""
    found: list[Node] = []
    frontier = list(parent.sources)
    while frontier:
        node = frontier.pop()
        if is_view(node):
            frontier.extend(node.sources)
        else:
            found.append(node)
    return found


def described(node: Node, within: str) -> str:
    """A name for a part: what it is, and of what."""
    source = next((part.name for part in walk(node) if isinstance(part, Named)), within)
    for ending in ("_padded", "_windows", "_columns"):
        source = source.removesuffix(ending)
    match node:
        case Pad():
            return f"{source}_padded"
        case Windows():
            return f"{source}_windows"
        case Reshape():
            return f"{source}_columns" if is_copy(node) else f"{within}_view"
        case Fold(operation="max" | "min" as operation):
            return f"{source}_{operation}"
        case Fold():
            return f"{within}_{node.operation}"
        case Chosen():
            return f"{source}_chosen"
        case Matmul():
            return f"{within}_product"
        case Accumulate():
            return f"{within}_added"
    return f"{within}_part"


def unused(name: str, used: set[str]) -> str:
    """``name``, numbered where it is taken; recorded in ``used``."""
    chosen, number = name, 1
    while chosen in used:
        number += 1
        chosen = f"{name}{number}"
    used.add(chosen)
    return chosen
