"""Runs: layers that follow each other alike in several places of a network become blocks that share their equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.expr import Reduce, Selected, reads
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed
from symcnn.nets.forms import general, merged, signature
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.reverse import Wanted, needed

LONGEST = 6  # layers of a run
LEAST = 3  # places from which a run is written once
LONG = 3  # lines of a sum or maximum over windows, where other equations take one
FEWEST = 4  # lines of a run, forwards and backwards
OVERHEAD = 12  # lines that a pair of functions costs beside their equations

Token = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Layers of a body, from one place to before another."""

    body: Body
    start: int
    stop: int


def shared(net: Network, stateful: bool = True) -> Body:
    """The network's layers with one body for all blocks of one form, and for runs of layers that stand in many places.

    Unless ``stateful``, layers with running statistics stay in their places.
    """
    root = general(net.body)
    found = True
    while found:
        runs = _best(root, stateful)
        found = bool(runs)
        if found:
            root = _placed(root, runs)
    return root


def wanted_of(root: Body) -> Wanted:
    """For every body, the inputs whose cotangent some place of it needs."""
    found: dict[Body, tuple[bool, ...]] = {root: (False,) * len(root.inputs)}
    for body in (root, *reversed(root.bodies)):
        values = needed(body, found[body])
        for item in body.items:
            if isinstance(item, Placed):
                before = found.get(item.body, (False,) * len(item.inputs))
                pairs = zip(before, item.inputs, strict=True)
                found[item.body] = tuple(want or tensor.name in values for want, tensor in pairs)
    return found


def _best(root: Body, stateful: bool) -> list[Run]:
    """The places of the run whose sharing saves the most lines; none where nothing is saved."""
    wanted = wanted_of(root)
    places: dict[tuple[Token, ...], list[Run]] = {}
    saves: dict[tuple[Token, ...], int] = {}
    for body in (*root.bodies, root):
        for run, tokens, lines in _runs(body, wanted, stateful):
            known = places.setdefault(tokens, [])
            if not known or known[-1].body is not body or known[-1].stop <= run.start:
                known.append(run)
            saves[tokens] = (len(known) - 1) * lines - OVERHEAD
    chosen = [tokens for tokens, runs in places.items() if len(runs) >= LEAST and saves[tokens] > 0]
    return places[max(chosen, key=lambda tokens: saves[tokens])] if chosen else []


def _runs(body: Body, wanted: Wanted, stateful: bool) -> Iterator[tuple[Run, tuple[Token, ...], int]]:
    """Every run of a body, with the forms of its layers and about how many lines it takes, forwards and backwards."""
    values = needed(body, wanted[body])
    read = [tensor for item in body.items for tensor in item.inputs]
    for start, first in enumerate(body.items):
        if isinstance(first, Node) and not first.trained and _lines(first.equations()) < LONG:
            continue  # an activation belongs to the layer before it
        tokens: list[Token] = []
        lines = 0
        for stop in range(start + 1, min(len(body.items), start + LONGEST) + 1):
            item = body.items[stop - 1]
            if not isinstance(item, Node) or not _plain(item, stateful):
                break
            inner = [t for _, t in item.tensors if t not in item.inputs and t != item.output]
            if any(tensor in read for tensor in inner):
                break
            if tokens:
                before = body.items[stop - 2].output
                if item.inputs != (before,) or read.count(before) > 1 or before == body.output:
                    break
            needs = item.inputs[0].name in values
            tokens.append((signature(_alone([item])[0]), needs))
            found = item.cotangents((*item.kind.trained, *(item.kind.data if needs else ())))
            lines += _lines([*item.equations(), *item.updates(), *(equation for equation, _ in found)])
            if lines >= FEWEST:
                yield Run(body, start, stop), tuple(tokens), lines


def _lines(equations: Sequence[Equation]) -> int:
    """About how many lines these equations take."""
    return sum(LONG if _has_windows(equation.body) else 1 for equation in equations)


def _has_windows(body: sp.Expr) -> bool:
    """Whether a sum or maximum reads at places that are no index alone."""
    return body.has(Reduce, Selected) and any(not p.is_Symbol for read in reads(body) for p in read.at)


def _plain(node: Node, stateful: bool) -> bool:
    """Whether a layer maps one value to another, with nothing given from outside."""
    if node.kind.loss or node.labels or node.kind.held or len(node.kind.data) != 1:
        return False
    return stateful or not node.state


def _alone(nodes: Sequence[Node]) -> tuple[Body, tuple[tuple[str, str], ...]]:
    """The body of layers that follow each other, under names of its own, and the names that they had."""
    given = nodes[0].inputs[0]
    names: dict[Tensor, Tensor] = {given: Tensor("x", given.shape, "input")}
    taken = {"x"}
    items: list[Node] = []
    for number, node in enumerate(nodes, 1):
        output = node.kind.system(node.policy).output.name
        for name, tensor in node.tensors:
            if tensor not in names:
                names[tensor] = tensor.renamed(_free(node.kind.letter if name == output else name, taken))
        for name, tensor in node.running:
            names[tensor] = tensor.renamed(_free(f"running_{name}", taken))
        tensors = tuple((name, names[tensor]) for name, tensor in node.tensors)
        running = tuple((name, names[tensor]) for name, tensor in node.running)
        items.append(replace(node, name=f"layer{number}", tensors=tensors, running=running))
    body = Body(tuple(items), (names[given],), names[nodes[-1].output])
    return body, tuple((own.name, tensor.name) for tensor, own in names.items() if tensor != given)


def _free(name: str, taken: set[str]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}{count}"
    taken.add(found)
    return found


def _placed(root: Body, runs: Sequence[Run]) -> Body:
    """The network with calls of one body in the places of these runs."""
    nodes = [[i for i in run.body.items[run.start : run.stop] if isinstance(i, Node)] for run in runs]
    alone = [_alone(many) for many in nodes]
    whole = merged([body for body, _ in alone])
    assert whole is not None, "layers in a row agree on the sizes between them"
    body, sizes = whole
    calls: dict[tuple[Body, int], tuple[Placed, int]] = {}
    for run, many, (_, names), values in zip(runs, nodes, alone, sizes, strict=True):
        item = Placed(many[-1].output.name, body, many[0].inputs, values, names)
        calls[run.body, run.start] = item, run.stop
    return _rewritten(root, calls, {})


def _rewritten(
    body: Body, calls: Mapping[tuple[Body, int], tuple[Placed, int]], done: dict[Body, Body]
) -> Body:
    if body not in done:
        items: list[Node | Placed] = []
        place = 0
        while place < len(body.items):
            item, after = calls.get((body, place), (body.items[place], place + 1))
            if isinstance(item, Placed) and (body, place) not in calls:
                item = replace(item, body=_rewritten(item.body, calls, done))
            items.append(item)
            place = after
        done[body] = Body(tuple(items), body.inputs, body.output)
    return done[body]
