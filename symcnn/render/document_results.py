"""What follows from a layer's gradients: closed forms step by step, Jacobians, and theorems that fall out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.calculus.closed import (
    ClosedForm,
    Rewriting,
    in_other_gradients,
    label_ranges,
    normalised,
    shift_invariances,
)
from symcnn.calculus.jacobian import jacobian
from symcnn.core.equation import Equation, Index
from symcnn.core.expr import Read, Reduce, rebind
from symcnn.core.index import fresh
from symcnn.nets.formula import Layer
from symcnn.render.document_model import (
    Block,
    Check,
    Display,
    Evidence,
    Line,
    Math,
    Paragraph,
    Section,
    sentence,
    text,
)
from symcnn.render.document_steps import remarks, seeded
from symcnn.render.evidence import closed_form_findings, same_as_steps
from symcnn.render.latex import equation_latex, latex
from symcnn.render.latex_names import Notation

MOST_AXES = 5  # of a tensor whose sums are looked at


@dataclass(frozen=True, slots=True)
class Results:
    """Sections for what follows from the gradients, and the rules that they used."""

    sections: tuple[Section, ...]
    rules: tuple[Rewriting, ...]


def results(layer: Layer, notation: Notation) -> Results:
    """Jacobians of what is normalised, closed forms of several equations, sums that vanish."""
    reducing = any(equation.body.has(Reduce) for equation in layer.system.equations)
    forms = {t.name: layer.closed_form_steps(t.name) for t in layer.wrt} if reducing else {}
    told = {name: form for name, form in forms.items() if form.steps}
    sections = (
        Section(("Jacobians",), tuple(_jacobians(layer, notation))),
        Section(("Closed forms",), tuple(_closed(layer, told, forms, notation))),
        Section(("What follows",), tuple(_theorems(layer, forms, notation))),
    )
    rules = {step.rule.name: step.rule for form in told.values() for step in form.steps}
    return Results(tuple(s for s in sections if s.blocks), tuple(rules.values()))


# -- Jacobians ---------------------------------------------------------------------------------------------------


def _jacobians(layer: Layer, notation: Notation) -> Iterable[Block]:
    """∂y/∂x of equations that mix the entries of an axis by exponentials: p(δ − p) of a softmax."""
    for equation in layer.system.equations:
        if not (equation.body.has(Reduce) and equation.body.has(sp.exp)):
            continue
        for tensor in equation.inputs:
            indices, slope = jacobian(equation, tensor, policy=layer.policy)
            below = latex(Read(tensor, indices), notation)
            left = rf"\frac{{\partial {latex(equation.target, notation)}}}{{\partial {below}}}"
            free = (*equation.free, *(Index(k, e) for k, e in zip(indices, tensor.shape, strict=True)))
            whole = Equation(equation.target, slope, free)
            yield Display((Line(left, equation_latex(whole, notation)[1]),), boxed=True)


# -- closed forms ------------------------------------------------------------------------------------------------


def _closed(
    layer: Layer, told: dict[str, ClosedForm], forms: dict[str, ClosedForm], notation: Notation
) -> Iterable[Block]:
    labels = label_ranges(layer.system.equations)
    for tensor, count in labels.items():
        yield sentence(
            "Every entry of {t} is a label, one of 0 to {k}.",
            t=notation.whole(tensor),
            k=latex(count - 1, notation),
        )
    for name, form in told.items():
        others = [other.equation for known, other in forms.items() if known != name]
        yield Section((Math(_title(name, notation)),), tuple(_form(layer, form, others, notation)))


def _title(name: str, notation: Notation) -> str:
    return rf"\partial {notation.loss}/\partial {notation.symbol(name)}"


def _form(layer: Layer, form: ClosedForm, others: list[Equation], notation: Notation) -> Iterable[Block]:
    left, start = equation_latex(seeded(form.start, notation), notation)
    lines = [Line(left, start, "sum over all uses")]
    for step in form.steps:
        shown = seeded(Equation(form.start.target, step.after, form.start.free), notation)
        rule = f"{step.rule.name} {_intermediate(step.where)}" if step.where else step.rule.name
        lines.append(Line("", equation_latex(shown, notation)[1], rule))
    yield Display(tuple(lines))
    closed = seeded(form.equation, notation)
    yield Display((Line(*equation_latex(closed, notation)),), boxed=True)
    yield from remarks(closed, notation)
    other = in_other_gradients(form.equation, others)
    findings = list(closed_form_findings(layer, form))
    if other is not None:
        yield sentence("Its sums are the gradients of the parameters, so that it is also")
        yield Display((Line(*equation_latex(seeded(other, notation), notation)),), boxed=True)
        findings.append(same_as_steps(layer, other, "the second form"))
    yield Evidence(tuple(Check(f.what, (f.detail,), f.passed) for f in findings))


def _intermediate(name: str) -> str:
    return f"the gradient of {name[1:]}"


# -- theorems ----------------------------------------------------------------------------------------------------


def _theorems(layer: Layer, forms: dict[str, ClosedForm], notation: Notation) -> Iterable[Block]:
    equations = layer.system.equations
    for equation in equations:
        for k in normalised(equation):
            yield sentence(
                "The entries of {y} over {k} sum to 1:", y=notation.whole(equation.tensor), k=latex(k)
            )
            yield _sum_is(equation.target, equation.free, (k,), sp.S.One, notation)
    for name, form in forms.items():
        closed = form.equation
        if closed.body == 0:
            yield sentence("{d} is 0, whatever the values are.", d=notation.whole(closed.tensor))
        elif name in {t.name for t in layer.wrt} and layer.output.rank and len(closed.free) <= MOST_AXES:
            yield from _invariances(layer, closed, notation)


def _invariances(layer: Layer, closed: Equation, notation: Notation) -> Iterable[Block]:
    for axes in shift_invariances(layer.system.equations, closed):
        names = ", ".join(latex(k, notation) for k in axes)
        rest = ", ".join(latex(i.symbol, notation) for i in closed.free if i.symbol not in axes)
        whole = notation.symbol(closed.tensor.name[1:])
        yield sentence(
            "The gradient of {x} sums to 0 over {k}, whatever the gradient of the output is:",
            x=whole,
            k=names,
        )
        yield _sum_is(closed.target, closed.free, axes, sp.S.Zero, notation)
        each = text(" for each {r}", r=rest) if rest else ()
        yield Paragraph(
            (
                *text(
                    "So one number added to all entries of {x} along {k} does not change the output: a bias",
                    x=whole,
                    k=names,
                ),
                *each,
                *text(
                    " that is added to {x} before has the gradient 0, and there is no need of it.", x=whole
                ),
            )
        )


def _sum_is(
    target: Read, free: Iterable[Index], axes: tuple[sp.Symbol, ...], value: sp.Expr, notation: Notation
) -> Display:
    """``Σ target = value`` over some of its indices."""
    names = {k: fresh(k.name) for k in axes}
    limits = [(names[i.symbol], i.extent) for i in free if i.symbol in names]
    total = Reduce("sum", rebind(target, names), limits)
    return Display((Line(latex(total, notation), latex(value, notation)),), boxed=True)
