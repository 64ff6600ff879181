"""The loss and the last activation: each line of algebra for one image, then for a batch."""

from __future__ import annotations

import re

import sympy as sp

from symcnn.calculus.compose import compose, settle
from symcnn.calculus.derivation import Derivation
from symcnn.calculus.pullback import Gradient, pullback
from symcnn.calculus.recognise import recognise
from symcnn.core.equation import Equation
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read
from symcnn.core.tensor import Tensor
from symcnn.nets.network import Network
from symcnn.nets.node import BATCH, Node
from symcnn.nets.sweep import fused_gradient
from symcnn.render.document_evidence import evidence
from symcnn.render.document_model import Block, Display, Line, Section, sentence
from symcnn.render.document_small import Sizes, narrowed
from symcnn.render.document_steps import derivation_display, remarks, seeded
from symcnn.render.latex import equation_latex, latex
from symcnn.render.latex_algebra import bracketed
from symcnn.render.latex_names import Notation
from symcnn.render.latex_operations import operation_latex

ONE: Sizes = {BATCH: sp.S.One}
ALL: Sizes = {}
OWN = "In letters of their own:"


def loss_section(net: Network, notation: Notation) -> tuple[Section, list[Derivation]]:
    """∂L/∂(output), the activation's slope, their product, the last layer's parameters."""
    outer = pullback(net.loss.forward(), net.output, policy=net.policy)
    inner = _activation(net)
    gradients = [outer] if inner is None else [outer, inner]
    parts = [
        Section(("One image",), (sentence(OWN), *_case(net, outer, inner, notation, ONE))),
        Section(
            (f"A batch of {BATCH} images",),
            (_batch_words(), sentence(OWN), *_case(net, outer, inner, notation, ALL)),
        ),
    ]
    last = next((node for node in reversed(net.layers) if node.trained), None)
    if last is not None:
        parts.append(Section((f"The parameters of {last.name}",), _last_layer(net, last, notation)))
        matrices = _matrices(net, last, notation)
        parts += [Section((f"The parameters of {last.name} as matrices",), matrices)] if matrices else []
    return Section(("The loss",), tuple(parts)), [g.derivation for g in gradients]


def _activation(net: Network) -> Gradient | None:
    """The gradient of the layer before the loss, where it is a function without parameters of one value."""
    last = net.layers[-1]
    if last.trained or len(last.inputs) != 1 or len(last.equations()) != 1:
        return None
    return pullback(last.forward(), last.inputs[0], policy=net.policy)


def _batch_words() -> Block:
    return sentence(
        "The loss of a batch is the mean of the losses of its images. Images do not mix before that, so each of "
        "them contributes its own gradient with the factor {m}.",
        m=rf"\frac{{1}}{{{BATCH}}}",
    )


def _case(
    net: Network, outer: Gradient, inner: Gradient | None, notation: Notation, sizes: Sizes
) -> tuple[Block, ...]:
    """The derivations at some sizes; the evidence is that of the batch, which holds every image."""
    loss = narrowed(outer.derivation.equation, sizes)
    blocks: list[Block] = [
        Display((Line(*equation_latex(loss, notation)),)),
        *remarks(loss, notation),
        derivation_display(outer.derivation, notation, sizes),
        evidence(outer),
    ]
    if inner is None:
        return tuple(blocks)
    forward = narrowed(inner.derivation.equation, sizes)
    return (
        *blocks,
        sentence("The last activation is {name}:", name=notation.whole(net.output)),
        Display((Line(*equation_latex(forward, notation)),)),
        derivation_display(inner.derivation, notation, sizes),
        evidence(inner),
        *_product(net, outer, inner, notation, sizes),
    )


def _product(
    net: Network, outer: Gradient, inner: Gradient, notation: Notation, sizes: Sizes
) -> tuple[Block, ...]:
    """∂L/∂z = (∂L/∂a as derived) · slope, and what is left of it."""
    given = seeded(outer.equation, notation)
    try:
        product = settle(compose(inner.equation.body, given), net.loss.classes)
    except UnsupportedFormula:
        return ()
    whole = narrowed(inner.equation, sizes)
    loss = narrowed(given, sizes)
    result = narrowed(Equation(inner.equation.target, product, inner.equation.free), sizes)
    left, chained = equation_latex(whole, notation)
    lines = [Line(left, chained, "chain rule")]
    if whole.body.is_Mul and loss.target in whole.body.args:
        put = bracketed(latex(loss.body, notation)) if loss.body.is_Add else latex(loss.body, notation)
        slope = _factor(whole.body / loss.target, notation)
        lines.append(Line("", rf"{put} \times {slope}", "substitute"))
    lines.append(Line("", equation_latex(result, notation)[1], "cancel"))
    return (sentence("With the derivative of the loss put in:"), Display(tuple(lines)))


def _factor(expr: sp.Expr, notation: Notation) -> str:
    return bracketed(latex(expr, notation)) if expr.is_Add else latex(expr, notation)


# -- the parameters of the last layer ------------------------------------------------------------------------


def _last_layer(net: Network, last: Node, notation: Notation) -> tuple[Block, ...]:
    """∂L/∂W and ∂L/∂b with the difference put in, for one image and for a batch."""
    fused = fused_gradient(net) if last.output in net.layers[-1].inputs else None
    gradients = [equation for equation, _ in last.cotangents(last.kind.trained)]
    blocks: list[Block] = []
    for sizes, name in ((ONE, "one image"), (ALL, f"{BATCH} images")):
        blocks += [sentence(f"For {name}, in letters of their own:"), *_forward(net, last, notation, sizes)]
        blocks += [Display(tuple(_substituted(e, fused, notation, sizes, name))) for e in gradients]
    return tuple(blocks)


def _matrices(net: Network, last: Node, notation: Notation) -> tuple[Block, ...]:
    """The gradients of the last parameters as products of matrices that hold the images in rows or columns."""
    fused = fused_gradient(net) if last.output in net.layers[-1].inputs else None
    if fused is None:
        return ()
    gradients = [equation for equation, _ in last.cotangents(last.kind.trained)]
    return tuple(block for equation in gradients for block in _matrix_forms(equation, fused, notation))


def _forward(net: Network, last: Node, notation: Notation, sizes: Sizes) -> list[Block]:
    """The last layer with weights and all that follows, up to the loss."""
    layers = net.layers[net.layers.index(last) :]
    equations = [equation for node in layers for equation in node.equations()]
    shown = [narrowed(equation, sizes) for equation in (*equations, net.loss.forward())]
    return [
        Display(tuple(Line(*equation_latex(equation, notation)) for equation in shown)),
        *(block for equation in shown for block in remarks(equation, notation)),
    ]


def _substituted(
    equation: Equation, fused: Equation | None, notation: Notation, sizes: Sizes, name: str
) -> list[Line]:
    small = narrowed(equation, sizes)
    lines = [Line(*equation_latex(small, notation), name)]
    if fused is not None:
        body = settle(compose(equation.body, fused), {})
        put = narrowed(Equation(equation.target, body, equation.free), sizes)
        lines.append(Line("", equation_latex(put, notation)[1], "substitute"))
    return lines


def _matrix_forms(equation: Equation, fused: Equation, notation: Notation) -> list[Block]:
    """(1/N)(A − Y)ᵀF with one image a row, (1/N)(A − Y)Fᵀ with one image a column."""
    scale, rest = fused.body.as_independent(Read)
    if not rest.is_Add or not all(
        isinstance(term, Read) for t in rest.args for term in sp.Mul.make_args(t)[-1:]
    ):
        return []
    difference = _capitals(rest, notation)
    front = "" if scale == 1 else rf"{latex(scale, notation)} \, "
    lines: dict[str, Line] = {}
    for rule, laid in (("images in rows", equation), ("images in columns", _transposed(equation))):
        operation = recognise(laid)
        if operation is None or operation.kind not in ("matrix product", "sum"):
            return []
        words = {t: difference if t.role == "cotangent" else _capital(notation.whole(t)) for t in laid.inputs}
        said = operation_latex(operation, notation, words)
        known = lines.get(said)
        lines[said] = Line(
            notation.whole(equation.tensor),
            front + said,
            rule if known is None else "images in rows or columns",
        )
    return [Display(tuple(lines.values()), boxed=True)]


def _capitals(rest: sp.Expr, notation: Notation) -> str:
    """A − Y for a − y: the tensors of a difference as wholes."""
    wholes = {read: Read(Tensor(read.tensor.name, (), read.tensor.role), ()) for read in rest.atoms(Read)}
    return _capital(latex(rest.xreplace(wholes), notation))


def _capital(text: str) -> str:
    """Capitals for tensors as wholes."""
    return re.sub(r"(?<![\\A-Za-z])[a-z](?![a-z])", lambda m: m.group().upper(), text)


def _transposed(equation: Equation) -> Equation:
    """The same sum over tensors that hold one image in each column."""

    def turn(node: sp.Basic) -> sp.Basic:
        if isinstance(node, Read) and node.tensor.rank == 2 and node.tensor.shape[0] == BATCH:
            tensor = Tensor(node.tensor.name, node.tensor.shape[::-1], node.tensor.role)
            return Read(tensor, node.at[::-1], node.args[2])
        return node.func(*(turn(arg) for arg in node.args)) if node.args else node

    return Equation(equation.target, turn(equation.body), equation.free)
