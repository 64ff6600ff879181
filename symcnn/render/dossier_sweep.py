"""The reverse sweep of a dossier: where it starts, where gradients add and where they split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import sympy as sp

from symcnn.calculus.recognise import recognise
from symcnn.core.equation import Equation
from symcnn.core.expr import Reduce, Selected, rebind
from symcnn.core.index import fresh
from symcnn.core.plan import Action, Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.nets.body import Body, Placed
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.reverse import seeded
from symcnn.nets.sweep import describe, plan
from symcnn.render.document_model import (
    Block,
    Display,
    Inline,
    Line,
    Math,
    Paragraph,
    Section,
    Text,
)
from symcnn.render.document_notation import notation_for
from symcnn.render.document_steps import remarks
from symcnn.render.dossier_scopes import Scope, signature
from symcnn.render.dossier_tables import listed
from symcnn.render.graph_network import Item
from symcnn.render.latex import equation_latex
from symcnn.render.latex_names import Notation

HANDED = "g"
SPLITS = {
    "copy": "hands the gradient of its result on to each of them unchanged",
    "slice": "gives back to each of them its own part of the gradient of its result",
}


def sweep_section(net: Network, scopes: Sequence[Scope]) -> Section:
    """From the losses to the image: the start, and in every scope the sums and splits."""
    found = plan(net)
    blocks: list[Block] = [
        Paragraph(
            (
                "The sweep goes through the layers from the last to the first. When it reaches a layer, the gradient of "
                "the layer's result is known: it is the sum of what every reader of that result has handed back. The "
                "layer turns it into the gradients of its parameters and of what it reads, by the equations above. The "
                "equations below have the sizes of this network.",
            )
        ),
        *_starts(net, found),
    ]
    for scope in scopes:
        own = list(_of_scope(scope, found))
        if own:
            inside = f"Inside {scope.title}, as in {scope.places[0][0]}"
            title = "Between layers and blocks" if scope.body is net.body else inside
            blocks.append(Section((title,), tuple(own)))
    return Section(("The reverse sweep",), tuple(blocks))


def _starts(net: Network, found: Plan) -> Iterator[Block]:
    """What the losses hand back first."""
    names = _names(net.body)
    losses = net.losses
    if len(losses) > 1:
        yield from _total(net)
    begun = {t.cotangent() for node in losses for t in node.inputs}
    started = [
        s.equation.substituted(names) for s in _statements(found.backward) if s.equation.tensor in begun
    ]
    if started:
        yield Paragraph(("The loss hands back:" if len(losses) == 1 else "The losses hand back:",))
        yield from _stated(started)


def _total(net: Network) -> Iterator[Block]:
    """The weighted sum of several losses, and the weights as its derivatives."""
    objective = net.objective
    parts = dict.fromkeys(objective.inputs)
    letters: dict[sp.Basic, sp.Basic] = {objective.output: Tensor("L", ())}
    said: list[Inline] = [
        "Several losses are weighted and added, and each begins the sweep with its own weight; "
    ]
    for number, tensor in enumerate(parts, start=1):
        short = Tensor(f"L{number}", ())
        letters[tensor], letters[tensor.cotangent()] = short, short.cotangent()
        maker = next(item.name for item in net.items if item.output == tensor)
        said += [", " if number > 1 else "", Math(f"L_{{{number}}}"), f" is {maker}"]
    handed = [equation for equation, _ in seeded(objective, objective.kind.data, sp.S.One)]
    equations = [e.substituted(letters) for e in (objective.forward(), *handed)]
    yield Paragraph((*said, ":"))
    yield _display(equations, Notation())


def _statements(actions: Sequence[Action]) -> Iterator[Statement]:
    return (action for action in actions if isinstance(action, Statement))


def _of_scope(scope: Scope, found: Plan) -> Iterator[Block]:
    """The sums where several layers read a value, and the splits where a layer reads several; alike ones once."""
    body = scope.body
    backward = next((p.backward for p in found.procedures if scope.places[0][0] in p.places), found.backward)
    names = _names(body)
    stated = {s.equation.tensor: s.equation.substituted(names) for s in _statements(backward)}
    makers = {item.output: item.name for item in body.items}
    shared = _shared(body)
    sums: dict[object, list[Tensor]] = {}
    for value, readers in shared.items():
        if value.cotangent() in stated:
            sums.setdefault(tuple(map(_form, readers)), []).append(value)
    for first, *others in sums.values():
        equation = stated[first.cotangent()]
        maker = f"the result of {makers[first]}" if first in makers else "what is given"
        read = f", {maker}, is read by {_and([item.name for item in shared[first]])}"
        yield Paragraph((Math(_whole(equation.tensor)), read, *_handed(equation), ". The gradients add up:"))
        yield from _stated([equation])
        if others:
            yield Paragraph((f"Likewise for the results of {listed([makers[value] for value in others])}.",))
    for node, *alike in _splits(body, shared, stated).values():
        result = node.output.cotangent().xreplace(names)
        made = (f"{node.name} ({node.kind.title}) makes ", Math(_whole(result)))
        yield Paragraph((*made, f" of several values; it {_split(node)}:"))
        yield from _stated(_handed_on(node, shared, stated))
        if alike:
            yield Paragraph((f"Likewise {listed([other.name for other in alike])}.",))


def _shared(body: Body) -> dict[Tensor, list[Item]]:
    """The values that several layers or blocks of a body read, with the readers."""
    readers: dict[Tensor, list[Item]] = {}
    for item in body.items:
        for tensor in dict.fromkeys(item.inputs):
            readers.setdefault(tensor, []).append(item)
    return {tensor: items for tensor, items in readers.items() if len(items) > 1}


def _form(item: Item) -> object:
    """What layers or blocks have in common that treat gradients alike, whatever their sizes."""
    return (item.kind, describe(item)) if isinstance(item, Node) else signature(item.body)


def _splits(
    body: Body, shared: Mapping[Tensor, object], stated: Mapping[Tensor, Equation]
) -> dict[object, list[Node]]:
    """The layers of several inputs whose gradients are stated on their own, those of one kind together."""
    found: dict[object, list[Node]] = {}
    for node in body.items:
        if isinstance(node, Node) and len(set(node.inputs)) > 1 and not node.kind.loss:
            alone = tuple(tensor in shared for tensor in node.inputs)
            if _handed_on(node, shared, stated):
                found.setdefault((node.kind, alone), []).append(node)
    return found


def _handed_on(
    node: Node, shared: Mapping[Tensor, object], stated: Mapping[Tensor, Equation]
) -> list[Equation]:
    """The stated gradients of values that only this layer reads."""
    own = [tensor for tensor in dict.fromkeys(node.inputs) if tensor not in shared]
    return [stated[tensor.cotangent()] for tensor in own if tensor.cotangent() in stated]


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _handed(equation: Equation) -> Text:
    """What stands for the gradients that blocks hand back."""
    notation = notation_for([equation])
    said: list[Inline] = []
    for tensor in equation.inputs:
        if tensor.role == "value" and tensor.name.startswith(f"{HANDED}_"):
            said += [", ", Math(notation.whole(tensor))]
    if not said:
        return ()
    return (
        "; ",
        *said[1:],
        " is what that block hands back" if len(said) == 2 else " are what those blocks hand back",
    )


def _split(node: Node) -> str:
    """What a layer of several inputs does to a gradient, by the recognised form of its cotangents."""
    cotangents = [c.equation for c in node.kind.cotangents(node.kind.data, node.policy)]
    kinds = {found.kind if (found := recognise(e)) is not None else "" for e in cotangents}
    known = [kind for kind in SPLITS if set(kinds) <= {kind, "copy"}]
    return SPLITS[known[0]] if known else "hands back"


def _whole(cotangent: Tensor) -> str:
    """The value to which a cotangent belongs, as LaTeX."""
    value = Tensor(cotangent.name[1:], cotangent.shape)
    return Notation().whole(value)


def _names(body: Body) -> dict[sp.Basic, sp.Basic]:
    """Short names: of a block's result its own letter with the block's name, and g for what a block hands back."""
    found: dict[sp.Basic, sp.Basic] = {}
    for item in body.items:
        if not isinstance(item, Placed):
            continue
        letter = re.split(r"[0-9_]", item.body.output.name)[0]
        short = item.output.renamed(f"{letter}_{item.name}")
        found[item.output], found[item.output.cotangent()] = short, short.cotangent()
        several = len(item.body.inputs) > 1
        for local in item.body.inputs:
            part = Tensor(f"{item.name}_d{local.name}", local.shape, "cotangent")
            label = f"_{local.name}" if several else ""
            found[part] = Tensor(f"{HANDED}_{item.name}{label}", local.shape)
    return found


def _stated(equations: Sequence[Equation]) -> Iterator[Block]:
    """Equations with what has to be said beside them; those of which the same is said stand together."""
    notation = notation_for(equations)
    groups: dict[tuple[Block, ...], list[Equation]] = {}
    for equation in map(apart, equations):
        groups.setdefault(remarks(equation, notation), []).append(equation)
    for said, group in groups.items():
        yield _display(group, notation)
        yield from said


def apart(equation: Equation) -> Equation:
    """The equation with letters of their own for bound indices of one name and different extents."""
    extents: dict[str, list[sp.Expr]] = {}
    renaming: dict[sp.Basic, sp.Basic] = {}
    for node in sp.preorder_traversal(equation.body):
        for symbol, extent in node.limits if isinstance(node, Reduce | Selected) else ():
            known = extents.setdefault(symbol.name, [])
            if extent not in known:
                known.append(extent)
            if place := known.index(extent):
                renaming[symbol] = fresh(f"{symbol.name}{place + 1}")
    return Equation(equation.target, rebind(equation.body, renaming), equation.free)


def _display(equations: Sequence[Equation], notation: Notation) -> Display:
    return Display(tuple(Line(*equation_latex(equation, notation)) for equation in equations))
