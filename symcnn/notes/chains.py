"""Chains of Jacobians, ∂L/∂A × ∂A/∂Z × ∂Z/∂W, judged as paths in the graph of the definitions."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from symcnn.notes.bench import Bench
from symcnn.notes.claims import Piece
from symcnn.notes.facts import Definition
from symcnn.notes.marks import Span
from symcnn.notes.names import read_name
from symcnn.notes.relabel import skeleton, with_labels
from symcnn.notes.tree import (
    Annotated,
    Decorated,
    Derivative,
    Group,
    Juxtapose,
    Node,
    Product,
    Script,
    Symbol,
    Word,
)
from symcnn.notes.verdict import Kind, Verdict
from symcnn.notes.walking import walk

if TYPE_CHECKING:
    from symcnn.notes.equation import Equations

Link = tuple[str, str]


def links(node: Node, bench: Bench, aliases: dict[str, str]) -> list[Link] | None:
    """The links of a product that consists of derivatives of whole tensors; None for anything else."""
    match node:
        case Decorated(body=body) | Annotated(body=body) | Group(body=body):
            return links(body, bench, aliases)
        case Derivative(of=Node() as of, wrt=(wrt,), order=None):
            ends = []
            for end in (of, wrt):
                ref = read_name(end, bench.facts.habits)
                if ref is None or ref.transposed or ref.indices is not None or ref.layer or ref.member:
                    return None
                key = bench.facts.resolve(ref.key)
                ends.append(aliases.get(key, key))
            return [(ends[0], ends[1])]
        case Product(factors=factors, operators=operators):
            if any(op.name not in ("times", "cdot", "") for op in operators):
                return None
            return _joined([links(factor, bench, aliases) for factor in factors])
        case Juxtapose(parts=parts):
            return _joined([links(part, bench, aliases) for part in parts])
    return None


def _joined(found: list[list[Link] | None]) -> list[Link] | None:
    result: list[Link] = []
    for part in found:
        if part is None:
            return None
        result.extend(part)
    return result


def reads(definition: Definition, bench: Bench, aliases: dict[str, str]) -> set[str]:
    """The names in the body of a definition."""
    found: set[str] = set()
    for node in walk(definition.body):
        ref = read_name(node, bench.facts.habits) if isinstance(node, Symbol | Script | Word) else None
        if ref is not None:
            key = bench.facts.resolve(ref.key)
            found.add(aliases.get(key, key))
    return found


def graph(bench: Bench, order: int, aliases: dict[str, str]) -> tuple[dict[str, set[str]], dict[str, int]]:
    """For each defined name the names that it is computed from, and the lines of definitions."""
    edges: dict[str, set[str]] = {}
    lines: dict[str, int] = {}
    for definition in bench.active(order):
        key = aliases.get(bench.facts.resolve(definition.key), bench.facts.resolve(definition.key))
        edges.setdefault(key, set()).update(reads(definition, bench, aliases))
        lines[key] = definition.line
    return edges, lines


def judge(piece: Piece, bench: Bench, equations: Equations) -> Verdict | None:
    """The verdict on ∂L/∂X = a product of at least two links; None for a claim of another form."""
    assert piece.left is not None
    assert piece.right is not None
    aliases = dict(bench.world(piece.order).facts.aliases)
    goal = links(piece.left, bench, aliases)
    path = links(piece.right, bench, aliases)
    if goal is None or path is None or len(goal) != 1 or len(path) < 2:
        return None
    edges, lines = graph(bench, piece.order, aliases)
    top, bottom = goal[0]
    backwards = path[::-1]
    if _joins(backwards) and not _joins(path) and (backwards[0][0], backwards[-1][1]) == (top, bottom):
        return _backwards(piece, backwards, edges, bench, lines)
    nodes = [path[0][0], *(link[1] for link in path)]
    if len(set(nodes)) < len(nodes):
        twice = sorted({n for n in nodes if nodes.count(n) > 1})
        correction, wrong, related = _repair(piece, equations, equations.lines)
        return Verdict(
            Kind.INCONSISTENT,
            reason=f"the path goes in a circle: {_names(twice)} stands on it twice, with two meanings",
            diagnosis="one name for two things",
            correction=correction,
            wrong_terms=wrong,
            related_lines=related or tuple(sorted({lines[n] for n in twice if n in lines})),
        )
    connected = all(a[1] == b[0] for a, b in itertools.pairwise(path))
    if connected and (path[0][0], path[-1][1]) == (top, bottom):
        verdict = _along(piece, path, edges, bench, lines)
        if verdict is not None:
            bench.good_chains.append(piece)
        return verdict
    return None


def _joins(path: list[Link]) -> bool:
    return all(a[1] == b[0] for a, b in itertools.pairwise(path))


def _backwards(
    piece: Piece, path: list[Link], edges: dict[str, set[str]], bench: Bench, lines: dict[str, int]
) -> Verdict | None:
    """A chain written from the variable to the loss: the order of denominator layout."""
    verdict = _along(piece, path, edges, bench, lines)
    if verdict is None:
        return None
    if bench.facts.cues.numerator_layout:
        assert piece.right is not None
        factors = factors_of(piece.right)
        latex = piece.formula.latex
        glue = latex[factors[0].span.end : factors[1].span.start] or " "
        text = glue.join(factor.span.of(latex) for factor in reversed(factors))
        start, end = factors[0].span.start - piece.span.start, factors[-1].span.end - piece.span.start
        return Verdict(
            Kind.FAILS,
            reason="in numerator layout the Jacobians stand in the order from the loss to the variable",
            correction=piece.latex[:start] + text + piece.latex[end:],
            wrong_terms=(Span(start, end),),
            diagnosis="wrong order",
        )
    if bench.facts.cues.denominator_layout:
        return verdict
    return Verdict(
        verdict.kind if verdict.kind is Kind.HOLDS_IF else Kind.HOLDS_IF,
        proof=verdict.proof,
        assumption="Jacobians are in denominator layout, where the chain is written in this order",
    )


def factors_of(node: Node) -> tuple[Node, ...]:
    """The factors of a product, brackets and boxes around it left out."""
    match node:
        case Decorated(body=body) | Annotated(body=body) | Group(body=body):
            return factors_of(body)
        case Product(factors=factors):
            return factors
        case Juxtapose(parts=parts):
            return parts
    return (node,)


def _along(
    piece: Piece, path: list[Link], edges: dict[str, set[str]], bench: Bench, lines: dict[str, int]
) -> Verdict | None:
    """A path that joins: every link must be in the graph, and no other way may lead around it."""
    broken = [link for link in path if link[0] in edges and not _reaches(edges, link[0], link[1], set())]
    loss = path[0][0]
    broken = [link for link in broken if link[0] != loss]
    if broken:
        return None
    unknown = [link for link in path if link[0] not in edges and link[0] != loss]
    for node in [link[1] for link in path[:-1]]:
        top = path[0][0]
        if node in edges and _reaches(edges, top, path[-1][1], {node}) and top in edges:
            return None
        for start in (link[0] for link in path):
            if (
                start in edges
                and start != node
                and _before(path, start, node)
                and _reaches(edges, start, path[-1][1], {node})
            ):
                return None
    if unknown:
        names = _names([link[0] for link in unknown])
        return Verdict(
            Kind.HOLDS_IF,
            proof="chain rule along the path of the definitions",
            assumption=f"{names}, which the notes do not define under this name, depends on "
            f"{_names([link[1] for link in unknown])} as the path says",
        )
    return Verdict(Kind.HOLDS, proof="chain rule: the only path of the definitions, each link in it")


def _before(path: list[Link], a: str, b: str) -> bool:
    nodes = [path[0][0], *(link[1] for link in path)]
    return nodes.index(a) < nodes.index(b)


def _edges_from(names: set[str], bench: Bench, aliases: dict[str, str]) -> dict[str, set[str]]:
    """For each defined name that some names are computed from the names that it is computed from."""
    edges: dict[str, set[str]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        known = bench.in_force.of_key(name)
        if known and name not in edges:
            edges[name] = reads(known[-1], bench, aliases)
            waiting += edges[name]
    return edges


def _reaches(edges: dict[str, set[str]], start: str, goal: str, without: set[str]) -> bool:
    """Whether `start` is computed from `goal` on a way that avoids `without`."""
    waiting, seen = [start], set(without)
    while waiting:
        node = waiting.pop()
        for other in sorted(edges.get(node, ())):
            if other == goal:
                return True
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return False


def _repair(
    piece: Piece, equations: Equations, lines: list[int]
) -> tuple[str | None, tuple[Span, ...], tuple[int, ...]]:
    """The chain with the labels of an earlier chain over the same letters that was found right."""
    for other in reversed(equations.bench.good_chains):
        if skeleton(other) == skeleton(piece):
            found = with_labels(piece, other)
            if found is not None:
                return found[0], found[1], (lines[other.order],)
    return None, (), ()


def _names(names: list[str]) -> str:
    return ", ".join(names)


def circle(definition: Definition, bench: Bench, piece: Piece) -> Verdict | None:
    """A definition that makes names depend on themselves is inconsistent with the ones before it."""
    if definition.layer is not None or definition.indices is not None or definition.member is not None:
        return None
    aliases = dict(bench.world(piece.order).facts.aliases)
    key = definition.key
    body = reads(definition, bench, aliases)
    if key in body:
        return None
    edges = _edges_from(body, bench, aliases)
    for name in sorted(body):
        if _reaches(edges, name, key, set()) and name in edges:
            related = (bench.in_force.of_key(name)[-1].line,)
            return Verdict(
                Kind.INCONSISTENT,
                reason=f"{name} is computed from {key} already (line {related[0]}), so {key} cannot be computed from it",
                related_lines=related,
                diagnosis="definitions go round in a circle",
            )
    return None
