"""A derivation as displayed lines, each with its rule, and what has to be said beside its result."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from symcnn.calculus.closed import Rewriting
from symcnn.calculus.derivation import Derivation, Rule
from symcnn.core.equation import Equation, Index
from symcnn.core.expr import Read, rebind
from symcnn.core.tensor import Tensor
from symcnn.render.document_model import Block, Display, Inline, Line, Paragraph, Table, Text
from symcnn.render.document_small import Sizes, narrowed
from symcnn.render.latex import Printer, equation_latex
from symcnn.render.latex_names import Notation
from symcnn.render.latex_notes import free_ranges, notes


def derivation_display(derivation: Derivation, notation: Notation, sizes: Sizes | None = None) -> Display:
    """The goal and, line by line, what each rule makes of it; a step that prints as the line before is left out.

    ``sizes`` shows the derivation at some sizes, without axes of extent 1.
    """
    one = seed_is_one(derivation, notation)
    free = tuple(Index(k, e) for k, e in derivation.context.extents.items())
    lines: list[Line] = []
    before: sp.Expr = sp.S.Zero
    for step in derivation.steps:
        equation = Equation(derivation.goal, rebind(step.after_expr, one), free)
        equation = equation if sizes is None else narrowed(equation, sizes)
        left, text = equation_latex(equation, notation)
        if lines and lines[-1].right == text:
            continue
        multiplied = multiplied_out(before) if step.rule.name == "cancel" else None
        if multiplied is not None:
            printed = Printer(notation).opened(equation.target, multiplied).root(multiplied).text
            if printed not in (text, lines[-1].right):
                lines.append(Line("", printed, "expand"))
        lines.append(Line("" if lines else left, text, step.rule.name))
        before = equation.body
    return Display(tuple(lines))


def multiplied_out(expr: sp.Expr) -> sp.Expr | None:
    """A fraction with its numerator multiplied out term by term, before equal terms cancel; None for other forms."""
    for factor in sp.Mul.make_args(expr):
        if not factor.is_Add:
            continue
        terms = [t for term in factor.args for t in sp.Add.make_args(sp.expand(term))]
        if len(terms) > len(sp.Add.make_args(sp.expand(factor))):
            return sp.Mul(expr / factor, sp.Add(*terms, evaluate=False))
    return None


def seed_is_one(derivation: Derivation, notation: Notation) -> dict[sp.Basic, sp.Basic]:
    """∂L/∂L = 1, where the equation is the loss itself."""
    cotangent = derivation.cotangent
    return (
        {cotangent: sp.S.One}
        if cotangent.tensor.rank == 0 and cotangent.tensor.name == f"d{notation.loss}"
        else {}
    )


def seeded(equation: Equation, notation: Notation) -> Equation:
    """The equation with ∂L/∂L = 1."""
    seed = Tensor(f"d{notation.loss}", (), "cotangent")
    return equation.substituted({Read(seed, ()): sp.S.One})


def remarks(equation: Equation, notation: Notation) -> tuple[Block, ...]:
    """The ranges and values outside that a formula needs beside it, as one paragraph."""
    said: list[Text] = list(notes(equation, notation))
    ranges = free_ranges(equation, notation)
    if ranges:
        said.insert(0, ("for ", *ranges))
    if not said:
        return ()
    parts: list[Inline] = []
    for place, sentence in enumerate(said):
        first = sentence[0]
        opening = first[:1].upper() + first[1:] if isinstance(first, str) else first
        parts += [*([" "] if place else []), opening, *sentence[1:], "."]
    return (Paragraph(tuple(parts)),)


def rules_used(derivations: Iterable[Derivation], more: Iterable[Rewriting] = ()) -> Table:
    """The rules that some steps applied, with what each says; ``more`` are those that led to closed forms."""
    rules: dict[str, Rule | Rewriting] = {}
    for derivation in derivations:
        for step in derivation.steps:
            rules.setdefault(step.rule.name, step.rule)
    for rewriting in more:
        rules.setdefault(rewriting.name, rewriting)
    rows = tuple(((rule.name,), (rule.statement,)) for rule in rules.values())
    return Table((("rule",), ("what it says",)), rows, "ll")
