"""True formulas with exactly one thing changed: does the verifier call each of them wrong?

Two sources. Derived gradients, as index equations: a change is made in the equation, and the reference evaluator
decides at random numbers whether the changed equation is really false; the verifier sees only its LaTeX. And claims
that a person found true on the pages beside this file: their LaTeX is changed in ways that cannot stay true.

    python tests/notes/mutations.py [most changes of each source] [seed]
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

import symcnn as sc
from symcnn.core.equation import Equation
from symcnn.core.errors import SymcnnError
from symcnn.core.expr import Read, Reduce, Where, reads
from symcnn.nets.formula import Layer
from symcnn.notes.claims import Piece, pieces
from symcnn.notes.context import gather
from symcnn.notes.extract import Formula, load, read
from symcnn.notes.judge import Judge
from symcnn.notes.manner import manner
from symcnn.notes.marks import Span
from symcnn.notes.parser import parse
from symcnn.notes.scopes import scopes
from symcnn.notes.tokens import NotationError
from symcnn.notes.tree import Add, Juxtapose, Node, Number, Product, Script, Unary
from symcnn.notes.verdict import FALSE_KINDS, Kind
from symcnn.notes.walking import walk
from symcnn.program.reference import evaluate, evaluate_system
from symcnn.render.document_formula import equation_blocks
from symcnn.render.document_notation import notation_for
from symcnn.render.document_steps import remarks, seeded
from symcnn.render.latex import equation_latex
from symcnn.render.markdown_document import blocks_markdown

PAGES = Path(__file__).parent / "pages"
DRAWS = 3

World = tuple[dict[str, np.ndarray], dict[Any, int]]
"""Arrays by name, and the sizes of their axes."""

FORMULAS: tuple[tuple[str, dict[str, str]], ...] = (
    ("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"}),
    ("y[i,j] = sum[k](A[i,k]*B[k,j])", {"A": "I,K", "B": "K,J"}),
    ("y[k] = sum[d](W[k,d]*x[d]) + c[k]", {"W": "K,D", "x": "D", "c": "K"}),
    ("y[i] = sum[j,k](T[i,j,k]*u[j]*v[k])", {"T": "I,J,K", "u": "J", "v": "K"}),
    ("q = sum[i,j](x[i]*A[i,j]*x[j])", {"A": "D,D", "x": "D"}),
    ("L = mean[n,k]((x[n,k] - t[n,k])**2)", {"x": "N,K", "t": "N,K"}),
    ("p[n,k] = exp(z[n,k]) / sum[l](exp(z[n,l]))", {"z": "N,K"}),
    ("L = mean[n](-y[n]*log(a[n]) - (1 - y[n])*log(1 - a[n]))", {"y": "N", "a": "N"}),
    ("a[n,k] = 1 / (1 + exp(-x[n,k]))", {"x": "N,K"}),
    ("h[i,j] = s[i,j]*tanh(g[i,j])", {"s": "I,J", "g": "I,J"}),
    ("y[i] = b + sum[r](w[r]*x[i+r])", {"x": "D", "w": "R", "b": ""}),
    ("y[o,i] = b[o] + sum[c,r](w[o,c,r]*x[c,2*i+r])", {"x": "C,H", "w": "O,C,R", "b": "O"}),
    ("z[i,j] = b + sum[r,s](w[r,s]*x[i+r,j+s])", {"x": "H,V", "w": "R,S", "b": ""}),
    ("y[i,j] = mean[r<2,s<2](x[2*i+r,2*j+s])", {"x": "H,V"}),
    ("s[i,j] = sum[d](q[i,d]*k[j,d])", {"q": "I,D", "k": "J,D"}),
    ("y[n,k] = x[n,k] - mean[m](x[n,m])", {"x": "N,K"}),
    ("m[k] = mean[n](x[n,k]); y[n,k] = g[k]*(x[n,k] - m[k]) + b[k]", {"x": "N,K", "g": "K", "b": "K"}),
    ("y[n,k] = x[n,k] / sqrt(sum[l](x[n,l]**2))", {"x": "N,K"}),
    ("y[n,i,j] = sum[k](a[n,i,k]*b[n,k,j])", {"a": "N,I,K", "b": "N,K,J"}),
    ("y[n,k] = g[k]*x[n,k]**2 + b[k]*x[n,k]", {"x": "N,K", "g": "K", "b": "K"}),
    # convolutions: stride, dilation, padding, channels in groups of one, filters shared or not
    ("y[i] = sum[r](w[r]*x[3*i+r])", {"x": "H", "w": "R"}),
    ("y[i] = sum[r](w[r]*x[i+2*r])", {"x": "H", "w": "R"}),
    ("y[c,i] = sum[r](w[c,r]*x[c,i+r])", {"x": "C,H", "w": "C,R"}),
    ("y[i] = sum[r](w[R-1-r]*x[i+r])", {"x": "H", "w": "R"}),
    ("y[i] = b + sum[r](w[r]*x[2*i+r-1 | 0])", {"x": "H", "w": "R", "b": "", "y": "(H+1-R)//2+1"}),
    ("y[i] = mean[r<3](x[3*i+r])", {"x": "H"}),
    ("y[i] = sum[r](w[r]*x[i+r]) * sum[r](v[r]*x[i+r])", {"x": "H", "w": "R", "v": "R"}),
    ("y[t] = sum[r](w[r]*x[t+r]**2)", {"x": "D", "w": "R"}),
    # products of more than two tensors, and contractions of tensors with more axes
    ("y[n,k] = sum[i,j](x[n,i]*T[k,i,j]*z[n,j])", {"x": "N,I", "T": "K,I,J", "z": "N,J"}),
    ("y[i,l] = sum[j,k](A[i,j]*B[j,k]*C[k,l])", {"A": "I,J", "B": "J,K", "C": "K,L"}),
    ("y[i,j] = u[i]*v[j]*s", {"u": "I", "v": "J", "s": ""}),
    ("y[n,i] = sum[j](K[i,j]*x[n,i]*x[n,j])", {"K": "D,D", "x": "N,D"}),
    ("y[a,b] = sum[c](G[a,c]*G[b,c])", {"G": "A,C"}),
    ("y[n] = sum[k](x[n,k]*w[k])**2", {"x": "N,K", "w": "K"}),
    ("y[n,k] = x[n,k]*sum[l](m[k,l]*x[n,l])", {"x": "N,K", "m": "K,K"}),
    ("d[i,j] = sum[k]((x[i,k] - c[j,k])**2)", {"x": "I,K", "c": "J,K"}),
    # gates and activations
    ("h[n,k] = (1 - u[n,k])*p[n,k] + u[n,k]*c[n,k]", {"u": "N,K", "p": "N,K", "c": "N,K"}),
    ("y[n,k] = x[n,k]*sigmoid(g[k]*x[n,k])", {"x": "N,K", "g": "K"}),
    ("y[n,k] = tanh(x[n,k]*w[k] + b[k])", {"x": "N,K", "w": "K", "b": "K"}),
    ("y[n,k] = log(1 + exp(x[n,k]))", {"x": "N,K"}),
    ("y[n,k] = max(x[n,k], 0)*s[k]", {"x": "N,K", "s": "K"}),
    ("y[n,k] = exp(-x[n,k]**2)*a[k]", {"x": "N,K", "a": "K"}),
    ("y[n,k] = x[n,k] / (1 + q[k]**2)", {"x": "N,K", "q": "K"}),
    # softmax and norms
    ("p[i,j] = exp(b*s[i,j]) / sum[k](exp(b*s[i,k]))", {"s": "I,J", "b": ""}),
    ("l[n] = log(sum[k](exp(z[n,k])))", {"z": "N,K"}),
    ("y[n,k] = g[k]*x[n,k] / sqrt(mean[l](x[n,l]**2) + 1/10)", {"x": "N,K", "g": "K"}),
    ("y[n,k] = x[n,k] / sum[l](x[n,l])", {"x": "N,K"}),
    ("c[n] = sum[k](x[n,k]*y[n,k]) / sqrt(sum[k](x[n,k]**2))", {"x": "N,K", "y": "N,K"}),
    ("m[n] = mean[k](x[n,k]); v[n] = mean[k]((x[n,k] - m[n])**2)", {"x": "N,K"}),
    # losses
    ("L = mean[n](log(sum[k](exp(z[n,k]))) - sum[k](t[n,k]*z[n,k]))", {"z": "N,K", "t": "N,K"}),
    ("L = sum[n,k](t[n,k]*log(t[n,k]/p[n,k]))", {"t": "N,K", "p": "N,K"}),
    ("L = mean[n]((sum[d](w[d]*x[n,d]) - y[n])**2) + sum[d](w[d]**2)/2", {"w": "D", "x": "N,D", "y": "N"}),
    ("L = mean[n](log(1 + exp(-y[n]*s[n])))", {"y": "N", "s": "N"}),
    ("L = sum[i,j]((A[i,j] - sum[k](U[i,k]*V[j,k]))**2)", {"A": "I,J", "U": "I,K", "V": "J,K"}),
    ("L = mean[n](sqrt((x[n] - t[n])**2 + 1) - 1)", {"x": "N", "t": "N"}),
    ("L = sum[n](exp(-y[n]*s[n]))", {"y": "N", "s": "N"}),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed claim, the kind of change, and whether it is really false (None: not decided)."""

    latex: str
    change: str
    false: bool | None
    source: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant with what the verifier says of it; `mutant.change` is empty for the true claim itself."""

    mutant: Mutant
    kind: Kind
    reason: str | None
    correction: str | None


# --- index equations


def changed(equation: Equation) -> Iterator[tuple[str, sp.Expr]]:
    """Bodies with one thing changed."""
    body = equation.body
    yield "sign", -body
    yield "factor", 2 * body
    letters = sorted(
        {s for r in (equation.target, *reads(body)) for p in r.at for s in p.free_symbols}, key=str
    )
    letters = [s for s in letters if s in equation.extents]
    tensors = list(dict.fromkeys(r.tensor for r in reads(body)))
    for path, node in _nodes(body):
        for what, other in _changes(node, letters, tensors):
            yield what, _put(body, path, other)


def _changes(node: sp.Basic, letters: list[sp.Symbol], tensors: list[Any]) -> Iterator[tuple[str, sp.Expr]]:
    match node:
        case Read():
            yield from _read_changes(node, letters, tensors)
        case Reduce() if str(node.kind) == "sum" and len(node.limits) >= 1:
            for k, extent in node.limits:
                rest = [(j, e) for j, e in node.limits if j != k]
                yield "missing sum", Reduce("sum", node.body.xreplace({k: sp.Integer(0)}), rest)
                for read in sorted(reads(node.body), key=str):
                    if k in read.free_symbols:
                        turned = Read(
                            read.tensor, [p.xreplace({k: extent - 1 - k}) for p in read.at], read.args[2]
                        )
                        yield "flipped", Reduce("sum", node.body.xreplace({read: turned}), node.limits)
        case Where():
            yield "mask missing", node.args[1]
            yield "mask missing", node.args[2]
        case sp.Add():
            for term in node.args:
                yield "sign of a term", node - 2 * term
                yield "term missing", node - term
        case sp.Mul():
            for factor in node.args:
                if not factor.is_number:
                    yield "factor missing", node / factor
        case sp.Pow() if node.exp.is_number:
            yield "exponent", node.base ** (node.exp + 1)


def _read_changes(node: Read, letters: list[sp.Symbol], tensors: list[Any]) -> Iterator[tuple[str, sp.Expr]]:
    at = list(node.at)
    for place, position in enumerate(at):
        for old in sorted(position.free_symbols & set(letters), key=str):
            for new in letters:
                if new != old and new not in position.free_symbols:
                    moved = [*at[:place], position.xreplace({old: new}), *at[place + 1 :]]
                    yield "index", Read(node.tensor, moved, node.args[2])
        if position.is_Add:
            term = position.args[-1]
            yield (
                "shift",
                Read(node.tensor, [*at[:place], position - 2 * term, *at[place + 1 :]], node.args[2]),
            )
    for first in range(len(at)):
        for second in range(first + 1, len(at)):
            swapped = list(at)
            swapped[first], swapped[second] = at[second], at[first]
            yield "transpose", Read(node.tensor, swapped, node.args[2])
    for tensor in tensors:
        if tensor != node.tensor and tensor.rank == node.tensor.rank:
            yield "name", Read(tensor, at, node.args[2])


def _nodes(expr: sp.Basic, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], sp.Basic]]:
    yield path, expr
    if isinstance(expr, Reduce):
        yield from _nodes(expr.body, (*path, 1))
    elif not isinstance(expr, Read):
        for place, arg in enumerate(expr.args):
            yield from _nodes(arg, (*path, place))


def _put(expr: sp.Basic, path: tuple[int, ...], other: sp.Expr) -> sp.Expr:
    if not path:
        return other
    args = list(expr.args)
    args[path[0]] = _put(args[path[0]], path[1:], other)
    if isinstance(expr, Reduce):
        return Reduce(expr.kind, args[1], expr.limits)
    return expr.func(*args)


def really_false(equation: Equation, body: sp.Expr, worlds: list[World]) -> bool | None:
    """Whether a changed equation gives other numbers; None where it has no value, or reads beyond a tensor."""
    other = Equation(equation.target, body, equation.free)
    for arrays, sizes in worlds:
        try:
            true, claimed = evaluate(equation, arrays, sizes), evaluate(other, arrays, sizes)
        except (SymcnnError, ArithmeticError, IndexError, TypeError, KeyError):
            return None
        if not np.allclose(np.asarray(true, float), np.asarray(claimed, float), rtol=1e-7, atol=1e-9):
            return True
    return False


def numbers(layer: Layer) -> list[World]:
    """Arrays of random numbers for all inputs, with every value and cotangent that follows from them."""
    rng = np.random.default_rng(7)
    sizes = sorted(
        {s for t in layer.system.inputs for e in t.shape for s in sp.sympify(e).free_symbols},
        key=lambda s: s.name,
    )
    found = []
    for draw in range(DRAWS):
        at = {s: 2 + (place + draw) % 3 + (4 if s.name in "HVD" else 0) for place, s in enumerate(sizes)}
        arrays: dict[str, np.ndarray] = {}
        for tensor in layer.system.inputs:
            shape = [int(sp.sympify(e).xreplace(at)) for e in tensor.shape]
            arrays[tensor.name] = rng.integers(1, 9, shape) / 10
        arrays |= evaluate_system(layer.system, arrays, at)
        output = layer.output
        arrays[output.cotangent().name] = (
            np.array(1.0) if output.name == "L" else rng.integers(1, 9, arrays[output.name].shape) / 10
        )
        for equation, _ in layer.cotangents():
            arrays[equation.tensor.name] = evaluate(equation, arrays, at)
        found.append((arrays, at))
    return found


def of_formula(text: str, shapes: dict[str, str]) -> tuple[str, list[Mutant]]:
    """A page with the forward equations and true gradients of a layer, and the changed gradients."""
    layer = sc.layer(text, shapes)
    equations = layer.system.equations
    notation = notation_for(equations)
    parts = [*blocks_markdown(tuple(equation_blocks(equations, notation)), 2)]
    worlds = numbers(layer)
    found: list[Mutant] = []
    for equation, _ in layer.cotangents():
        shown = seeded(equation, notation)
        true = " = ".join(equation_latex(shown, notation))
        parts += [f"$$\n{true}\n$$", *blocks_markdown(tuple(remarks(shown, notation)), 2)]
        found.append(Mutant(true, "", False, text))
        for change, body in changed(equation):
            try:
                again = seeded(Equation(equation.target, body, equation.free), notation)
                latex = " = ".join(equation_latex(again, notation))
            except (SymcnnError, ValueError, TypeError):
                continue
            if latex != true:
                found.append(Mutant(latex, change, really_false(equation, body, worlds), text))
    return "\n\n".join(parts), found


# --- claims of pages


def of_claim(piece: Piece) -> Iterator[tuple[str, str]]:
    """The LaTeX of a formula with the right side of one claim changed so that it cannot stay true."""
    latex, right = piece.formula.latex, piece.right
    assert right is not None
    text = right.span.of(latex)

    def put(span: Span, new: str) -> str:
        return latex[: span.start] + new + latex[span.end :]

    yield "sign", put(right.span, rf"- \left( {text} \right)")
    yield "factor", put(right.span, rf"2 \left( {text} \right)")
    if isinstance(right, Add):
        for place, term in enumerate(right.terms):
            body = term.body.span.of(latex) if isinstance(term, Unary) else term.span.of(latex)
            before = right.terms[place - 1].span.end if place else term.span.start
            sign = "+" if isinstance(term, Unary) and term.name == "-" else "-"
            yield "sign of a term", put(Span(before, term.span.end), f" {sign} {body}")
            if place:
                yield "term missing", put(Span(before, term.span.end), "")
    for node in walk(right):
        if isinstance(node, Script) and isinstance(node.sub, Number) and node.sub.text.isdigit():
            digits = node.sub.text
            if len(digits) == 2 and digits[0] != digits[1]:
                yield "index", put(node.sub.span, f"{digits[1]}{digits[0]}")
        if isinstance(node, Product | Juxtapose):
            factors = node.factors if isinstance(node, Product) else node.parts
            for factor in factors:
                if isinstance(factor, Script) and factor.span.of(latex).rstrip("}").endswith(
                    ("^T", r"\top", "^{T")
                ):
                    yield "transpose", put(factor.span, factor.base.span.of(latex))


# --- the verifier


def judges(page: Path | str) -> Iterator[Judge]:
    """One judge for each part of a page, with all its definitions in force at their places."""
    document = load(page) if isinstance(page, Path) else read(page, "md")
    for part in scopes(document):
        trees: list[tuple[Formula, Node]] = []
        for formula in part.formulas:
            try:
                trees.append((formula, parse(formula.latex, macros=part.macros, names=part.names)))
            except NotationError:
                continue
        written = manner(part.text, trees)
        trees = [(formula, written.of(tree)) for formula, tree in trees]
        found = pieces(trees)
        facts = gather(part, found, [tree for _, tree in trees])
        facts.manner = written
        yield Judge(part, facts, found)


def verdict(judge: Judge, piece: Piece, mutant: Mutant, latex: str) -> Judged | None:
    """What the judge says of a changed formula in the place of a piece; None where it no longer has that piece."""
    try:
        notes = judge.document
        tree = judge.facts.manner.of(parse(latex, macros=notes.macros, names=notes.names))
    except NotationError:
        return None
    formula = replace(piece.formula, latex=latex)
    before = [p for p in judge.pieces if p.formula is piece.formula and p.order < piece.order]
    again = pieces([(formula, tree)])
    if len(again) <= len(before):
        return None
    made = replace(again[len(before)], order=piece.order)
    if again[len(before)].head is None or (not piece.first and not before):
        made = replace(made, head=piece.head, left=piece.left, first=piece.first)
    said = judge.verdict(made)
    return Judged(mutant, said.kind, said.full_reason or said.assumption, said.correction)


def from_formulas(
    count: int, seed: int, formulas: tuple[tuple[str, dict[str, str]], ...] = FORMULAS
) -> Iterator[Judged]:
    """Changes of derived gradients, and the gradients themselves; all of them for a large count."""
    rng = random.Random(seed)
    share = max(count // len(formulas), 1)
    for text, shapes in formulas:
        page, found = of_formula(text, shapes)
        true = [m for m in found if not m.change]
        wrong = [m for m in found if m.change and m.false is not None]
        wrong = rng.sample(wrong, min(share, len(wrong)))
        (judge,) = judges(page)
        for piece in judge.pieces:
            said = judge.verdict(piece)
            same = next((m for m in true if m.latex == piece.latex), None)
            if same is not None:
                yield Judged(same, said.kind, said.full_reason or said.assumption, said.correction)
        last = [p for p in judge.pieces if any(m.latex == p.latex for m in true)][-1]
        for mutant in wrong:
            judged = verdict(judge, last, mutant, mutant.latex)
            if judged is not None:
                yield judged


def from_pages(paths: list[Path], count: int, seed: int) -> Iterator[Judged]:
    """Changes of claims that hold on pages."""
    rng = random.Random(seed)
    share = max(count // max(len(paths), 1), 1)
    for path in paths:
        made: list[tuple[Judge, Piece, str, str]] = []
        for judge in judges(path):
            for piece in judge.pieces:
                holds = judge.verdict(piece).kind is Kind.HOLDS
                if holds and piece.right is not None and not isinstance(piece.right, Number):
                    made += [(judge, piece, change, latex) for change, latex in of_claim(piece)]
        for judge, piece, change, latex in rng.sample(made, min(share, len(made))):
            judged = verdict(judge, piece, Mutant(latex, change, True, path.name), latex)
            if judged is not None:
                yield judged


@dataclass(slots=True)
class Figures:
    """How the verifier did; `changes` are the verdicts on really false changes, kind of change by kind."""

    true: Counter[str]
    false: Counter[str]
    still_true: Counter[str]
    changes: dict[str, Counter[str]]
    bad: list[Judged]


def figures(judged: Iterator[Judged]) -> Figures:
    """Counts of verdicts on true claims, on really false changes, and on changes that stay true."""
    found = Figures(Counter(), Counter(), Counter(), {}, [])
    for one in judged:
        said = "false" if one.kind in FALSE_KINDS else one.kind.value
        changed, false = one.mutant.change, one.mutant.false
        table = found.true if not changed else found.false if false else found.still_true
        table[said] += 1
        if changed and false:
            found.changes.setdefault(changed, Counter())[said] += 1
        if (changed and false and said not in ("false", "cannot-check")) or (not false and said == "false"):
            found.bad.append(one)
    return found


def pages() -> list[Path]:
    """The pages whose claims are changed."""
    shared = Path(__file__).resolve().parents[3] / "shared" / "notes" / "cnn-backprop.md"
    own = [p for p in sorted(PAGES.glob("*.md")) if p.name != "README.md"]
    return [*own, *([shared] if shared.exists() else [])]


def main(count: int = 10**6, seed: int = 1) -> None:
    for name, judged in (
        ("derived gradients", from_formulas(count, seed)),
        ("claims of pages", from_pages(pages(), count, seed)),
    ):
        found = figures(judged)
        print(f"{name}\n  true claims {dict(found.true)}\n  changes that stay true {dict(found.still_true)}")
        verdicts = sorted(found.false)
        for change, said in [*sorted(found.changes.items()), ("all", found.false)]:
            print(f"  {change:20}" + "".join(f"{verdict:>14} {said[verdict]:5}" for verdict in verdicts))
        for one in found.bad:
            print(f"  {one.kind.value}: {one.mutant.change}: {one.mutant.latex}")
            print(f"      {one.mutant.source}: {one.reason}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
