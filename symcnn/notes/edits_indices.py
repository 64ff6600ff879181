"""Changes of names and indices: look-alike letters, wrong, exchanged and shifted indices, another name."""

from __future__ import annotations

from collections.abc import Iterator

from symcnn.notes.edit import Edit, Vocabulary, joined
from symcnn.notes.marks import Span
from symcnn.notes.name_parts import letter, subscript_items
from symcnn.notes.tree import (
    Add,
    Derivative,
    Differential,
    Group,
    Juxtapose,
    Node,
    Number,
    Script,
    Symbol,
    Unary,
)
from symcnn.notes.walking import walk

TURNED = "sign of an index shift"
STRIDED = "stride at the wrong index"

LOOKALIKES = {"z": "1", "l": "1", "I": "1", "J": "1", "O": "0", "o": "0", "S": "5", "i": "1", "Z": "2"}


def of_names(latex: str, node: Node, right: Node, left: Node | None, words: Vocabulary) -> Iterator[Edit]:
    """All changes of one name and of what stands under and over it."""
    yield from _lookalikes(latex, node, words)
    if isinstance(node, Script):
        letters = sorted({n for side in (right, left) if side is not None for n in _index_letters(side)})
        yield from _under(latex, node, letters)
        yield from _over(latex, node)
    yield from _names(latex, node, words)


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


def _under(latex: str, node: Script, letters: list[str]) -> Iterator[Edit]:
    if node.sub is None:
        return
    items = subscript_items(node.sub)
    if len(items) == 2 and items[0].span.of(latex) != items[1].span.of(latex):
        first, second = items
        between = latex[first.span.end : second.span.start]
        swapped = second.span.of(latex) + between + first.span.of(latex)
        yield Edit(Span(first.span.start, second.span.end), swapped, "indices exchanged", 1, node.span)
    turned: list[Edit] = []
    strided: list[Edit] = []
    for item in items:
        text = item.span.of(latex)
        if isinstance(item, Number) and item.text.isdigit():
            for step in (1, -1, 2, -2):
                if int(item.text) + step >= 0:
                    yield Edit(item.span, str(int(item.text) + step), "wrong index", 2, node.span)
        elif isinstance(item, Add):
            shifts = list(_shifts(latex, item, node.span))
            turned += [edit for edit in shifts if edit.what == TURNED]
            strided += _strides(latex, item, node.span)
            yield from shifts
        elif letter(item) is not None:
            for other in letters:
                if other != text:
                    yield Edit(item.span, other, "wrong index", 3, node.span)
            if len(text) == 1:
                for shift in ("+1", "-1"):
                    shifted = f"{text}{shift}"
                    brace = shifted if _in_braces(latex, item.span) or len(items) > 1 else f"{{{shifted}}}"
                    yield Edit(item.span, brace, "off by one", 3, node.span)
    yield from strided
    for group, what in ((turned, TURNED), (strided, STRIDED)):
        whole = joined(latex, group, what, 2) if len(group) > 1 else None
        if whole is not None:
            yield whole


def _over(latex: str, node: Script) -> Iterator[Edit]:
    if node.sup is None:
        return
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
            yield Edit(term.span, "+ " + text.lstrip("-").strip(), TURNED, 2, whole)
        else:
            at = latex.rfind("+", item.span.start, term.span.start)
            if at >= 0:
                yield Edit(Span(at, at + 1), "-", TURNED, 2, whole)
        begin = latex.rfind("+", item.span.start, term.span.start + 1)
        begin = term.span.start if isinstance(term, Unary) else begin
        if begin >= 0:
            yield Edit(Span(begin, term.span.end), "", "index shift too many", 3, whole)


def _strides(latex: str, item: Add, whole: Span) -> list[Edit]:
    """i + 2r against 2i + r: the stride at the other index."""
    if len(item.terms) != 2 or isinstance(item.terms[1], Unary):
        return []
    first, second = item.terms
    for one, other in ((first, second), (second, first)):
        if isinstance(one, Juxtapose) and len(one.parts) == 2 and not isinstance(other, Juxtapose | Number):
            step, index = (part.span.of(latex) for part in one.parts)
            moved = {id(one): index, id(other): step + ("" if step.isdigit() else " ") + other.span.of(latex)}
            text = f"{moved[id(first)]} + {moved[id(second)]}"
            return [Edit(item.span, text, STRIDED, 2, whole)]
    return []


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
