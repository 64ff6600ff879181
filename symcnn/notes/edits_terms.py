"""Changes of sums: signs, terms, numbers, bounds, sums and factors that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symcnn.notes.edit import Edit, Vocabulary, joined
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import base_name, letters_of, names_in
from symcnn.notes.tree import (
    Add,
    BigOperator,
    Chain,
    Derivative,
    Group,
    Juxtapose,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Symbol,
    Unary,
)
from symcnn.notes.walking import walk


def of_terms(latex: str, node: Node, left: Node | None, words: Vocabulary) -> Iterator[Edit]:
    """All changes of a sum and of a number."""
    yield from _signs(latex, node)
    yield from _numbers(latex, node, words)
    yield from _terms(latex, node)
    yield from _missing_terms(latex, node)
    yield from _bounds(latex, node, words)
    yield from _missing_letters(latex, node, left)
    yield from _centred(latex, node, words)


def of_side(latex: str, right: Node, left: Node | None, words: Vocabulary) -> Iterator[Edit]:
    """All changes of the right side as a whole."""
    yield from _whole(latex, right, words)
    yield from _limits(latex, right, words)
    yield from _summed(latex, right, left)
    yield from _missing_factors(latex, right, words)


def _signs(latex: str, node: Node) -> Iterator[Edit]:
    match node:
        case Add(terms=terms):
            for place, term in enumerate(terms):
                if isinstance(term, Unary) and term.name == "-":
                    body = term.body.span.of(latex)
                    text = body if place == 0 else "+ " + body
                    yield Edit(term.span, text, "wrong sign", 1, term.span)
                elif place > 0:
                    at = latex.rfind("+", terms[place - 1].span.end, term.span.start)
                    if at >= 0:
                        yield Edit(Span(at, at + 1), "-", "wrong sign", 1, term.span)
                else:
                    yield Edit(Span(term.span.start, term.span.start), "-", "wrong sign", 2, term.span)
            if len(terms) == 2 and isinstance(terms[1], Unary) and not isinstance(terms[0], Unary):
                second = terms[1].body.span.of(latex)
                swapped = f"{second} - {terms[0].span.of(latex)}"
                yield Edit(node.span, swapped, "wrong sign", 0, node.span)
        case Unary(name="-", body=body) if not latex[: node.span.start].rstrip()[-1:].isalnum() and latex[
            : node.span.start
        ].rstrip()[-1:] not in (")", "}", "]"):
            yield Edit(node.span, body.span.of(latex), "wrong sign", 2, node.span)


def _numbers(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    if not isinstance(node, Number):
        return
    if node.text == "1":
        for text in words.kronecker:
            yield Edit(node.span, text, f"{text} and not 1", 2, node.span)
    if node.text.isdigit():
        value = int(node.text)
        for other in (2 * value, value + 1, value - 1, value // 2 if value % 2 == 0 else value, 1, 2):
            if other > 0 and other != value:
                yield Edit(node.span, str(other), "wrong number", 3, node.span)


def _terms(latex: str, node: Node) -> Iterator[Edit]:
    """A term too many; a bracket around the one that is left goes with it."""
    match node:
        case Group(open="(", body=Add(terms=(first, second))):
            for kept in (first, second):
                if not isinstance(kept, Unary):
                    yield Edit(node.span, f" {kept.span.of(latex)} ", "term too many", 4, node.span)
        case Add(terms=terms) if len(terms) > 1:
            for place, term in enumerate(terms):
                if place:
                    yield Edit(
                        Span(terms[place - 1].span.end, term.span.end), "", "term too many", 4, term.span
                    )
                elif not isinstance(terms[1], Unary):
                    yield Edit(Span(term.span.start, terms[1].span.start), "", "term too many", 4, term.span)


def _missing_terms(latex: str, node: Node) -> Iterator[Edit]:
    """A term that was lost: a name that stands in the sum's neighbourhood."""
    if not isinstance(node, Add):
        return
    last = node.terms[-1]
    at = last.span.start if isinstance(last, Unary) else latex.rfind("+", 0, last.span.start)
    names = list(dict.fromkeys(n.span.of(latex) for n in names_in(node)))
    for name in names:
        for sign in ("+", "-"):
            yield Edit(Span(at, at), f"{sign} {name} ", f"term {name} missing", 4, node.span)


def _bounds(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    if not isinstance(node, BigOperator):
        return
    if node.upper is not None:
        text = node.upper.span.of(latex)
        for other in words.bounds:
            if other != text:
                yield Edit(node.upper.span, other, "wrong range of the sum", 2, node.upper.span)
    if node.body is not None and node.name == "sum":
        cut = Span(node.span.start, node.body.span.start)
        yield Edit(cut, "", "sum too many", 4, node.span)
        if (
            node.upper is not None
            and isinstance(node.lower, Chain)
            and isinstance(node.lower.sides[-1], Number)
        ):
            low = node.lower.sides[-1]
            for other in ("0", "1"):
                if other != low.span.of(latex):
                    yield Edit(low.span, other, "wrong range of the sum", 3, low.span)


def _missing_letters(latex: str, node: Node, left: Node | None) -> Iterator[Edit]:
    """A sum that does not run over an index that its body has."""
    if not isinstance(node, BigOperator) or node.upper is not None or node.lower is None or node.body is None:
        return
    if isinstance(node.lower, Chain):
        return
    known = {*letters_of(node.lower), *(_indices_of(left) if left is not None else ())}
    for name in _indices_of(node.body):
        if name not in known:
            at = node.lower.span.start
            comma = "," if isinstance(node.lower, Sequence) else " "
            brace = (
                f"{name}{comma}" if latex[at - 1] == "{" else f"{{{name}{comma}{node.lower.span.of(latex)}}}"
            )
            span = Span(at, at) if latex[at - 1] == "{" else node.lower.span
            yield Edit(span, brace, f"sum over {name} missing", 1, node.span)


def _summed(latex: str, right: Node, left: Node | None) -> Iterator[Edit]:
    """A sum that is missing in front: an index of the right side that the left side does not have."""
    bound = {
        n
        for part in walk(right)
        if isinstance(part, BigOperator) and part.lower
        for n in letters_of(part.lower)
    }
    known = {*bound, *(_indices_of(left) if left is not None else ())}
    body = right.span.of(latex)
    inner = f"\\left( {body} \\right)" if isinstance(right, Add) else body
    for name in _indices_of(right):
        if name not in known:
            yield Edit(right.span, f"\\sum_{name} {inner}", f"sum over {name} missing", 1, right.span)


def _indices_of(node: Node) -> list[str]:
    """The letters that stand as indices, in reading order."""
    found: list[str] = []
    for part in walk(node):
        if isinstance(part, Script) and part.sub is not None:
            found += [
                n for n in letters_of(part.sub) if n not in found and len(n.rstrip("'")) == 1 and n.islower()
            ]
    return found


def _limits(latex: str, right: Node, words: Vocabulary) -> Iterator[Edit]:
    """The upper bounds of all sums together: those of another formula, or one more or less."""
    uppers = [part.upper for part in walk(right) if isinstance(part, BigOperator) and part.upper is not None]
    if not uppers:
        return
    texts = tuple(upper.span.of(latex) for upper in uppers)
    others = [limits for limits in words.limits if len(limits) == len(uppers)]
    others.append(tuple(re.sub(r"\s*-\s*1$", "", text) for text in texts))
    others.append(tuple(f"{text}-1" for text in texts))
    for limits in dict.fromkeys(others):
        several = [
            Edit(u.span, t, "", 2) for u, t in zip(uppers, limits, strict=True) if t != u.span.of(latex)
        ]
        whole = joined(latex, several, "wrong range of the sum", 2) if several else None
        if whole is not None:
            yield whole


def _centred(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """A name in whose place the notes have a bracket around it and another one: x_j against (x_i - \\mu)."""
    if not isinstance(node, Script) or node.sub is None:
        return
    text, base = node.span.of(latex), node.base.span.of(latex)
    mine = node.sub.span.of(latex)
    for group in words.groups:
        for there in re.findall(re.escape(base) + r"_(?:\{(\w)\}|(\w))", group):
            index = there[0] or there[1]
            renamed = re.sub(rf"(?<=_){index}(?!\w)|(?<=_{{){index}(?=}})", lambda _: mine.strip("{}"), group)
            if renamed != text:
                yield Edit(node.span, renamed, f"{renamed} and not {text}", 4, node.span)


def _whole(latex: str, right: Node, words: Vocabulary) -> Iterator[Edit]:
    """Factors that belong in front of the whole right side."""
    body = right.span.of(latex)
    inner = f"\\left( {body} \\right)" if isinstance(right, Add) else body
    yield Edit(right.span, f"-{inner}", "wrong sign", 1, right.span)
    factors = [*words.fractions, "\\frac{1}{2}", "2"]
    if words.batch is not None:
        factors = [f"\\frac{{1}}{{{words.batch}}}", words.batch, *factors]
    factors = list(dict.fromkeys(factors))
    for factor in factors:
        what = "factor 1/m missing" if words.batch and words.batch in factor else "factor missing"
        yield Edit(right.span, f"{factor} {inner}", what, 2, right.span)
    match right:
        case Product(factors=parts) | Juxtapose(parts=parts):
            for part in parts:
                if isinstance(part, Group) and isinstance(part.body, Add):
                    at = part.span.start
                    yield Edit(Span(at, at), "\\frac{1}{2} ", "factor missing", 5, part.span)
        case Script() | Symbol():
            base = base_name(right.base if isinstance(right, Script) else right)
            for name in words.names:
                if base is not None and name.startswith(right.span.of(latex).split("_")[0]) and name != body:
                    yield Edit(right.span, f"{name} + {body}", f"term {name} missing", 4, right.span)


def _missing_factors(latex: str, right: Node, words: Vocabulary) -> Iterator[Edit]:
    """A factor that other formulas of the notes have, missing here: at the right side or in one of its terms."""
    targets = [right]
    if isinstance(right, Add):
        targets += [t.body if isinstance(t, Unary) else t for t in right.terms]
    for node in walk(right):
        yield from _masked(latex, node, words)
        if isinstance(node, BigOperator) and node.body is not None:
            targets.append(node.body)
    for target in targets:
        body = target.span.of(latex)
        inner = f"\\left( {body} \\right)" if isinstance(target, Add) else body
        for factor in words.factors:
            if factor not in body:
                yield Edit(target.span, f"{inner} {factor}", f"factor {factor} missing", 4, target.span)
                yield Edit(
                    target.span, f"{inner} \\odot {factor}", f"factor {factor} missing", 5, target.span
                )
        for fraction in words.fractions if target is not right else ():
            if fraction not in body:
                yield Edit(target.span, f"{fraction} {inner}", "factor missing", 3, target.span)
        if isinstance(target, Add | Product | Juxtapose | Script | Symbol):
            for number in ("2", "\\frac{1}{2}"):
                if target is not right:
                    yield Edit(target.span, f"{number} {inner}", "factor missing", 4, target.span)


def _masked(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """The mask of a ReLU, lost at a factor."""
    if not isinstance(node, Group | Script | Symbol | Derivative):
        return
    text = node.span.of(latex)
    for mask in words.masks:
        if mask not in latex:
            yield Edit(node.span, f"({text} \\odot {mask})", "ReLU mask lost", 4, node.span)
