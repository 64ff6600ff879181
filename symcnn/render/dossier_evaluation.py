"""What the trained network does otherwise than the network in training: statistics, masks, auxiliary losses."""

from __future__ import annotations

import sympy as sp

from symcnn.nets.body import Body
from symcnn.nets.kind import LayerKind
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.render.document_model import Block, Display, Line, Math, Paragraph, Section
from symcnn.render.document_notation import notation_for
from symcnn.render.latex import equation_latex


def evaluation_section(net: Network) -> tuple[Section, ...]:
    """The differences of evaluation; nothing where there are none."""
    blocks: list[Block] = []
    for name, node in _first(net.body).values():
        if node.drawn:
            blocks += _masked(node)
        elif node.running:
            blocks += _given(node, name)
    heads = [node.name for node in net.losses if node != net.loss]
    if heads:
        names = ", ".join(heads)
        blocks.append(
            Paragraph((f"The losses {names} and the layers that only they depend on are left out.",))
        )
    if not net.training or not blocks:
        return ()
    opening = "Everything above is the network in training. The trained network is evaluated with these differences."
    return (Section(("Training and evaluation",), (Paragraph((opening,)), *blocks)),)


def _first(body: Body) -> dict[LayerKind, tuple[str, Node]]:
    """The first layer of each kind, by its name in the network and with the letters that it has in its own block."""
    found: dict[LayerKind, tuple[str, Node]] = {}
    for item in body.items:
        if isinstance(item, Node):
            found.setdefault(item.kind, (item.name, item))
        else:
            for kind, (name, node) in _first(item.body).items():
                found.setdefault(kind, (f"{item.name}_{name}", node))
    return found


def _title(node: Node) -> str:
    return f"{node.kind.title[:1].upper()}{node.kind.title[1:]}"


def _masked(node: Node) -> list[Block]:
    """A layer that draws a mask."""
    equations = node.kind.system(node.policy).equations
    notation = notation_for(equations)
    words = (
        f"{_title(node)} draws a mask for every step of training, which counts as given when gradients are taken; in "
        "evaluation its input is handed on unchanged:"
    )
    return [
        Paragraph((words,)),
        Display(tuple(Line(*equation_latex(equation, notation)) for equation in equations)),
    ]


def _given(node: Node, name: str) -> list[Block]:
    """A layer whose statistics are those of the batch in training and given numbers in evaluation."""
    system = node.kind.system(node.policy)
    notation = notation_for(system.equations)
    held = [statistic for statistic, _ in node.running]
    letters: dict[sp.Basic, sp.Basic] = {
        state: state.renamed(f"{statistic}_running") for statistic, state in node.running
    }
    updates = [equation.substituted(letters) for equation in node.updates()]
    after = notation_for(updates)
    named = [part for statistic in held for part in (" and ", Math(notation.whole(statistic)))][1:]
    kept = [equation for equation in system.equations if equation.tensor.name not in held]
    return [
        Paragraph(
            (f"{_title(node)} takes ", *named, " from the batch in training; in evaluation they are given:")
        ),
        Display(tuple(Line(*equation_latex(equation, notation)) for equation in kept)),
        Paragraph(
            (f"What is given follows the batches of training, for example in {name}, in letters of its own:",)
        ),
        Display(tuple(Line(*equation_latex(e, after), relation=r"\leftarrow") for e in updates)),
    ]
