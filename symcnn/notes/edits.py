"""Single edits of a formula: the ways in which people really get one wrong, each with its name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.notes.names import base_name, letter, names_in, subscript_items
from symcnn.notes.shaper import is_transpose
from symcnn.notes.tree import (
    Add,
    BigOperator,
    Call,
    CallOrProduct,
    Chain,
    Derivative,
    Differential,
    Fraction,
    Gradient,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Number,
    Product,
    Root,
    Script,
    Sequence,
    Span,
    Symbol,
    Unary,
    children,
    walk,
)

LOOKALIKES = {"z": "1", "l": "1", "I": "1", "J": "1", "O": "0", "o": "0", "S": "5", "i": "1", "Z": "2"}


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of `span` by `text`; `what` names the error in the field's words."""

    span: Span
    text: str
    what: str
    cost: int
    wrong: Span | None = None

    def applied(self, latex: str) -> str:
        return latex[: self.span.start] + self.text + latex[self.span.end :]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the notes write: names, index letters, factors, sum bounds, and the sign of a transpose."""

    names: tuple[str, ...]
    factors: tuple[str, ...]
    bounds: tuple[str, ...]
    batch: str | None
    transpose: str
    undefined: frozenset[str]
    kronecker: tuple[str, ...] = ()


def edits(latex: str, right: Node, left: Node | None, words: Vocabulary) -> list[Edit]:
    """All single edits of the right side, the most likely ones first."""
    found: list[Edit] = []
    for node in walk(right):
        found.extend(_lookalikes(latex, node, words))
        found.extend(_indices(latex, node, right, left))
        found.extend(_transposes(latex, node, words))
        found.extend(_signs(latex, node))
        found.extend(_numbers(latex, node, words))
        found.extend(_symmetric(latex, node, words))
        found.extend(_missing_terms(latex, node))
        found.extend(_factors(latex, node))
        found.extend(_order(latex, node))
        found.extend(_powers(latex, node))
        found.extend(_bounds(latex, node, words))
        found.extend(_functions(latex, node))
        found.extend(_names(latex, node, words))
    found.extend(_whole(latex, right, words))
    found.extend(_missing_factors(latex, right, words))
    unique: dict[tuple[Span, str], Edit] = {}
    for edit in sorted(found, key=lambda e: e.cost):
        if edit.applied(latex) != latex:
            unique.setdefault((edit.span, edit.text), edit)
    return list(unique.values())


def _lookalikes(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    if isinstance(node, Symbol) and node.name in LOOKALIKES and node.name in words.undefined:
        yield Edit(
            node.span,
            _spaced(latex, node.span, LOOKALIKES[node.name]),
            f"{node.name} stands for {LOOKALIKES[node.name]}",
            0,
        )


def _spaced(latex: str, span: Span, text: str) -> str:
    """A number after a factor needs a sign of multiplication."""
    before = latex[: span.start].rstrip()
    after_factor = bool(before) and (before[-1] in ")}]" or before[-1].isalnum())
    return f"\\cdot {text}" if after_factor and text[0].isdigit() else text


def _indices(latex: str, node: Node, right: Node, left: Node | None) -> Iterator[Edit]:  # noqa: C901
    if not isinstance(node, Script):
        return
    letters = sorted({n for side in (right, left) if side is not None for n in _index_letters(side)})
    if node.sub is not None:
        items = subscript_items(node.sub)
        if len(items) == 2 and latex[items[0].span.start : items[0].span.end] != items[1].span.of(latex):
            first, second = items
            between = latex[first.span.end : second.span.start]
            swapped = second.span.of(latex) + between + first.span.of(latex)
            yield Edit(Span(first.span.start, second.span.end), swapped, "indices exchanged", 1, node.span)
        for item in items:
            text = item.span.of(latex)
            if isinstance(item, Number) and item.text.isdigit():
                for step in (1, -1, 2, -2):
                    if int(item.text) + step >= 0:
                        yield Edit(item.span, str(int(item.text) + step), "wrong index", 2, node.span)
            elif isinstance(item, Add):
                yield from _shifts(latex, item, node.span)
            elif letter(item) is not None:
                for other in letters:
                    if other != text:
                        yield Edit(item.span, other, "wrong index", 3, node.span)
    if node.sup is not None:
        layer = node.sup.body if isinstance(node.sup, Group) else node.sup
        text = layer.span.of(latex)
        if isinstance(layer, Symbol | Add) and any(letter(n) in ("l", "L", "ell") for n in walk(layer)):
            name = next(letter(n) or "l" for n in walk(layer) if letter(n) in ("l", "L", "ell"))
            for other in (name, f"{name}-1", f"{name}+1"):
                if other != text.replace(" ", ""):
                    brace = other if len(other) == 1 or _in_braces(latex, layer.span) else "{" + other + "}"
                    yield Edit(layer.span, brace, "wrong layer", 2, node.span)
        elif isinstance(layer, Number) and isinstance(node.sup, Group):
            for step in (1, -1):
                yield Edit(layer.span, str(int(layer.text) + step), "wrong layer", 2, node.span)


def _in_braces(latex: str, span: Span) -> bool:
    return span.start > 0 and latex[span.start - 1] in "{[("


def _index_letters(node: Node) -> list[str]:
    found: list[str] = []
    for part in walk(node):
        if isinstance(part, Script) and part.sub is not None:
            found.extend(
                n for n in (letter(i) for i in subscript_items(part.sub)) if n is not None and len(n) <= 2
            )
    return found


def _shifts(latex: str, item: Add, whole: Span) -> Iterator[Edit]:
    """i + m against i - m; a term of the index left out."""
    for term in item.terms[1:]:
        text = term.span.of(latex)
        if isinstance(term, Unary):
            yield Edit(term.span, "+ " + text.lstrip("-").strip(), "sign of an index shift", 2, whole)
        else:
            at = latex.rfind("+", item.span.start, term.span.start)
            if at >= 0:
                yield Edit(Span(at, at + 1), "-", "sign of an index shift", 2, whole)
        begin = latex.rfind("+", item.span.start, term.span.start + 1)
        begin = term.span.start if isinstance(term, Unary) else begin
        if begin >= 0:
            yield Edit(Span(begin, term.span.end), "", "index shift too many", 3, whole)


def _transposes(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    mark = words.transpose
    match node:
        case Script(base=base, sup=sup) if is_transpose(sup):
            cut = Span(base.span.end, node.span.end)
            if "_" not in cut.of(latex):
                yield Edit(cut, "", "transpose too many", 1, node.span)
        case Script(sup=Juxtapose(parts=parts), base=base) if any(is_transpose(p) for p in parts):
            for part in parts:
                if is_transpose(part):
                    yield Edit(part.span, "", "transpose too many", 1, node.span)
        case Script(sup=Group(open="[") as sup):
            end = node.span.end
            inside = latex[end - 1] == "}"
            at = end - 1 if inside else end
            yield Edit(Span(at, at), "T" if "T" in mark else mark, "transpose missing", 1, node.span)
            del sup
        case Script(sup=None) | Symbol():
            if base_name(node.base if isinstance(node, Script) else node) is not None:
                yield Edit(node.span, f"{node.span.of(latex)}^{mark}", "transpose missing", 1, node.span)
        case Script(sup=Node() as sup):
            if letter(sup) in ("l", "L") or isinstance(node.sup, Add):
                yield Edit(node.span, f"({node.span.of(latex)})^{mark}", "transpose missing", 1, node.span)
        case Group(open="(" | "["):
            yield Edit(node.span, f"{node.span.of(latex)}^{mark}", "transpose missing", 1, node.span)
        case Derivative() | Gradient():
            text = node.span.of(latex)
            yield Edit(node.span, f"\\left({text}\\right)^{mark}", "transpose missing", 2, node.span)


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
        case Unary(name="-", body=body):
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
            if other >= 0 and other != value:
                yield Edit(node.span, str(other), "wrong number", 3, node.span)


def _symmetric(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """2A where A + Aᵀ is meant: A was taken to be symmetric."""
    parts = node.parts if isinstance(node, Juxtapose) else node.factors if isinstance(node, Product) else ()
    if not parts or not (isinstance(parts[0], Number) and parts[0].text == "2"):
        return
    for part in parts[1:]:
        if base_name(part) is not None:
            text = part.span.of(latex)
            both = f"({text} + {text}^{words.transpose})"
            body = latex[parts[1].span.start : part.span.start] + both + latex[part.span.end : node.span.end]
            yield Edit(node.span, body, "a matrix taken to be symmetric", 2, node.span)


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


def _factors(latex: str, node: Node) -> Iterator[Edit]:
    """A factor too many, or a fraction whose denominator is wrong."""
    match node:
        case Product(factors=factors) | Juxtapose(parts=factors):
            for place, factor in enumerate(factors):
                start = factors[place - 1].span.end if place else factor.span.start
                end = factor.span.end if place else factors[1].span.start
                yield Edit(Span(start, end), "", "factor too many", 3, factor.span)
        case Add(terms=terms) if len(terms) > 1:
            for place, term in enumerate(terms):
                if place:
                    yield Edit(
                        Span(terms[place - 1].span.end, term.span.end), "", "term too many", 4, term.span
                    )
                elif not isinstance(terms[1], Unary):
                    yield Edit(Span(term.span.start, terms[1].span.start), "", "term too many", 4, term.span)
        case Fraction(denominator=bottom, numerator=top):
            yield Edit(node.span, top.span.of(latex), "factor too many", 4, node.span)
            yield Edit(bottom.span, f"\\sqrt{{{bottom.span.of(latex)}}}", "root missing", 3, node.span)
            yield Edit(bottom.span, f"{bottom.span.of(latex)}^2", "square missing", 4, node.span)
        case Root(radicand=body):
            yield Edit(node.span, body.span.of(latex), "root too many", 3, node.span)


def _order(latex: str, node: Node) -> Iterator[Edit]:
    parts: tuple[Node, ...] = ()
    match node:
        case Product(factors=factors):
            parts = factors
        case Juxtapose(parts=inner):
            parts = inner
    for a, b in itertools.pairwise(parts):
        between = latex[a.span.end : b.span.start]
        glue = between if between.strip() else " "
        yield Edit(
            Span(a.span.start, b.span.end),
            b.span.of(latex) + glue + a.span.of(latex),
            "wrong order",
            2,
            node.span,
        )
        mine, other = _untransposed(latex, a), _untransposed(latex, b)
        if other is not None and mine is None:
            mark = latex[_base_end(b) : b.span.end]
            text = f"{other}{glue}{a.span.of(latex)}{mark}"
            yield Edit(Span(a.span.start, b.span.end), text, "wrong order", 2, node.span)
    if len(parts) > 2 and all(
        latex[a.span.end : b.span.start].strip() == latex[parts[0].span.end : parts[1].span.start].strip()
        for a, b in itertools.pairwise(parts)
    ):
        glue = latex[parts[0].span.end : parts[1].span.start] or " "
        text = glue.join(part.span.of(latex) for part in reversed(parts))
        yield Edit(Span(parts[0].span.start, parts[-1].span.end), text, "wrong order", 3, node.span)


def _untransposed(latex: str, node: Node) -> str | None:
    if isinstance(node, Script) and is_transpose(node.sup):
        return node.base.span.of(latex)
    return None


def _base_end(node: Node) -> int:
    return node.base.span.end if isinstance(node, Script) else node.span.end


def _powers(latex: str, node: Node) -> Iterator[Edit]:
    match node:
        case Script(base=base, sup=Number(text="2")) if node.sub is None:
            yield Edit(Span(base.span.end, node.span.end), "", "square too many", 2, node.span)
        case Script(sup=None, sub=Node()) | Symbol():
            yield Edit(node.span, f"{node.span.of(latex)}^2", "square missing", 4, node.span)
        case Script(sup=Group() | Number() | Symbol() | Fraction() | Unary() as sup):
            text = sup.span.of(latex)
            if "/2" in text or isinstance(sup, Fraction):
                for other in ("-1/2", "-3/2", "1/2", "3/2"):
                    yield Edit(sup.span, other, "wrong exponent", 3, node.span)
            elif isinstance(sup, Number):
                yield Edit(sup.span, str(int(float(sup.text)) + 1), "wrong exponent", 3, node.span)
        case Group(open="("):
            yield Edit(node.span, f"{node.span.of(latex)}^2", "square missing", 4, node.span)


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


def _functions(latex: str, node: Node) -> Iterator[Edit]:
    match node:
        case CallOrProduct(head=Symbol() as head, group=group):
            yield Edit(
                Span(head.span.end, head.span.end), "'", "derivative of the function missing", 3, node.span
            )
            del group
        case CallOrProduct(head=Script(primes=primes) as head) if primes:
            yield Edit(head.span, head.base.span.of(latex), "derivative too many", 3, node.span)
        case Call(argument=argument):
            del argument


def _names(latex: str, node: Node, words: Vocabulary) -> Iterator[Edit]:
    """Another name of the notes in the place of this one."""
    if not isinstance(node, Symbol | Script | Derivative | Differential) or (
        isinstance(node, Symbol) and len(node.name) > 12
    ):
        return
    text = node.span.of(latex)
    for other in words.names:
        if other != text:
            yield Edit(node.span, other, f"{other} and not {text}", 5, node.span)


def _whole(latex: str, right: Node, words: Vocabulary) -> Iterator[Edit]:
    """Factors that belong in front of the whole right side."""
    body = right.span.of(latex)
    inner = f"\\left( {body} \\right)" if isinstance(right, Add) else body
    yield Edit(right.span, f"-{inner}", "wrong sign", 1, right.span)
    factors = ["\\frac{1}{2}", "2"]
    if words.batch is not None:
        factors = [f"\\frac{{1}}{{{words.batch}}}", words.batch, *factors]
    for factor in factors:
        what = "factor 1/m missing" if words.batch and words.batch in factor else "factor missing"
        yield Edit(right.span, f"{factor} {inner}", what, 2, right.span)
    match right:
        case Product(factors=parts) | Juxtapose(parts=parts):
            for part in parts:
                if isinstance(part, Group) and isinstance(part.body, Add):
                    at = part.span.start
                    yield Edit(Span(at, at), "\\frac{1}{2} ", "factor missing", 5, part.span)


def _missing_factors(latex: str, right: Node, words: Vocabulary) -> Iterator[Edit]:
    """A factor that other formulas of the notes have, missing here: at the right side or in one of its terms."""
    targets = [right]
    if isinstance(right, Add):
        targets += [t.body if isinstance(t, Unary) else t for t in right.terms]
    for node in walk(right):
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
        if isinstance(target, Add | Product | Juxtapose | Script | Symbol):
            for number in ("2", "\\frac{1}{2}"):
                if target is not right:
                    yield Edit(target.span, f"{number} {inner}", "factor missing", 4, target.span)


__all__ = ["Edit", "Matrix", "Sequence", "Vocabulary", "children", "edits"]
