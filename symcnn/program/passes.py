"""Passes over steps: each takes a valid program and gives a valid one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace

from symcnn.program.array import (
    LOGICAL,
    Accumulate,
    Apply,
    Chosen,
    Fold,
    Matmul,
    Named,
    Node,
    Pad,
    Reshape,
    Scalar,
    Windows,
)
from symcnn.program.steps import Step, is_copy, is_view, names_in, rebuilt, substituted, walk

Sections = list[list[Step]]
WORDS = {
    "sub": "difference",
    "div": "quotient",
    "exp": "exp",
    "log": "log",
    "sqrt": "root",
    "square": "square",
    "pow": "power",
}  # how a part is called after what computes it


def needed(steps: Sequence[Step], results: Iterable[str]) -> list[Step]:
    """The steps on which ``results`` depend, in order."""
    wanted = set(results)
    kept: list[Step] = []
    for step in reversed(steps):
        if not wanted.isdisjoint(step.names):
            kept.append(step)
            wanted |= step.reads
    return kept[::-1]


def divided(steps: Sequence[Step], results: Iterable[str]) -> list[Step]:
    """Steps that ``results`` do not need in evaluation are marked as those of training alone."""
    wanted = set(results)
    marked: list[Step] = []
    for step in reversed(steps):
        used = not wanted.isdisjoint(step.names)
        if used:
            wanted |= names_in(step.evaluation if step.evaluation is not None else step.node)
        marked.append(replace(step, training=not used))
    return marked[::-1]


def pruned(sections: Sections, results: Iterable[str]) -> Sections:
    """Steps whose results nothing needs are dropped: the cotangent of a network's input, for one."""
    kept = {id(step) for step in needed([step for section in sections for step in section], results)}
    return [[step for step in section if id(step) in kept] for section in sections]


def shared(
    sections: Sections, taken: Iterable[str], heavy: Callable[[Node], bool] = lambda _: False
) -> Sections:
    """A computation that stands in several places is done once, where it is met first, and named.

    A ``heavy`` part is not kept from the first section for later ones: it is made again.
    """
    steps = [step for section in sections for step in section]
    used = set(taken) | {name for step in steps for name in step.names}
    whole = {
        step.node: Named(step.node.shape, step.name) for step in reversed(steps) if not is_view(step.node)
    }
    names: dict[Node, Named] = {}
    result: Sections = []
    for place, section in enumerate(sections):
        reach = sections[:1] if place == 0 else sections[1:]
        near = _repeated([step for part in reach for step in part], whole)
        far = _repeated(steps, whole)
        if place == 1:
            names = {node: name for node, name in names.items() if node in whole or not heavy(node)}
        done: list[Step] = []
        for step in section:
            for node in _computations(step.node):
                if node not in names and node in (near if heavy(node) else far):
                    name = unused(described(node, step.name), used)
                    done.append(Step(name, substituted(node, names)))
                    names[node] = Named(node.shape, name, node.kind)
            done.append(replace(step, node=substituted(step.node, names)))
            if step.node in whole and whole[step.node].name == step.name:
                names[step.node] = whole[step.node]
        result.append(done)
    return result


def _repeated(steps: Sequence[Step], whole: Container[Node]) -> set[Node]:
    """Computations that stand in several places, but for those that stand only inside one larger such computation."""
    counts: Counter[Node] = Counter()
    parents: dict[Node, set[Node]] = {}
    for step in steps:
        for node in _computations(step.node):
            counts[node] += 1
            for below in _below(node):
                parents.setdefault(below, set()).add(node)
        if is_view(step.node):
            for node in _computations(step.node):
                parents.setdefault(node, set()).add(step.node)
    roots = {step.node for step in steps}
    return {
        node
        for node, count in counts.items()
        if count > 1 and node not in whole and (node in roots or len(parents.get(node, ())) > 1)
    }


def signs_from_outputs(sections: Sections, heavy: Callable[[Node], bool]) -> Sections:
    """Where a = max(z, 0) of the first section is kept, later sections take the mask z > 0 from a > 0.

    Then the ``heavy`` z itself need not be kept: a is positive exactly where z is.
    """
    signs: dict[Node, Node] = {}
    for step in sections[0]:
        match step.node:
            case Apply(function="maximum", args=(Named() as z, Scalar(value=value))) if value == 0 and heavy(
                z
            ):
                a = Named(step.node.shape, step.name)
                for sign in ("gt", "le"):
                    signs[Apply(z.shape, sign, (z, Scalar((), value)))] = Apply(
                        z.shape, sign, (a, Scalar((), value))
                    )
    if not signs:
        return sections
    changed = [
        [replace(step, node=rebuilt(step.node, signs.get)) for step in section] for section in sections[1:]
    ]
    return [sections[0], *changed]


def _computations(node: Node) -> list[Node]:
    """What ``node`` computes, sources first."""
    return [part for part in walk(node) if not is_view(part)]


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
        case Apply(function=function) if function in WORDS:
            return f"{within}_{WORDS[function]}"
        case Apply(function=function) if function in LOGICAL:
            return f"{within}_mask"
    return f"{within}_part"


def unused(name: str, used: set[str]) -> str:
    """``name``, numbered where it is taken; recorded in ``used``."""
    chosen, number = name, 1
    while chosen in used:
        number += 1
        chosen = f"{name}{number}"
    used.add(chosen)
    return chosen
