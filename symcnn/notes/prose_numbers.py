"""Claims about numbers in running text: parameter counts, sizes of maps, values in a window.

Only sentences whose numbers can be computed from what stands in the notes are judged; the others are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

from symcnn.core.errors import SymcnnError
from symcnn.notes.claims import Piece
from symcnn.notes.extract import Document
from symcnn.notes.facts import Facts
from symcnn.notes.layer_lists import Listed, listed_layers
from symcnn.notes.marks import Span
from symcnn.notes.names import read_name
from symcnn.notes.parser import parse
from symcnn.notes.prose_layers import described
from symcnn.notes.tree import Add, Group, Juxtapose, Node, Number, Product, Script, Symbol
from symcnn.notes.verdict import Claim, Kind, Verdict

NUMBER = r"(?<![\d,])(\d[\d,]{0,14})(?!\d)"
SIZE = r"(?<!\d)(\d{1,9})"
BY = r"\s*(?:\$?\s*\\times\s*\$?|×|x|by)\s*"
NOUN = r"(?:trainable\s+|learnable\s+|free\s+)?(?:parameters?|weights?|numbers?|entries|multiplications?)"
PARAMETER_BASES = frozenset({*"WwbBKkFfVvUuDc", "theta", "beta", "gamma", "omega", "Theta"})
_NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORDS = {word: value for value, word in enumerate(_NUMERALS, 1)}


@dataclass(frozen=True, slots=True)
class Count:
    """A number that a sentence states, its place, the true one, and how that was computed."""

    span: Span
    number: Span
    stated: int
    true: int
    how: str
    holds: Kind = Kind.SHAPE_RIGHT


def claims(document: Document, found: list[Piece], facts: Facts, lines: list[int]) -> list[Claim]:
    """The verdicts on the sentences that state a number."""
    counts: list[Count] = []
    finders: tuple[Callable[[], Iterator[Count]], ...] = (
        lambda: _windows(document.text),
        lambda: _maps(document.text),
        lambda: _kernels(document.text),
        lambda: _described(document.text),
        lambda: _by_formula(document, found, facts),
        lambda: _totals(document, found, facts),
        lambda: _entries(document, found, facts),
    )
    for finder in finders:
        for count in finder():
            if not any(
                count.number.start < o.number.end and o.number.start < count.number.end for o in counts
            ):
                counts.append(count)
    made = [_claim(document, count) for count in sorted(counts, key=lambda c: c.span.start)]
    return made + [_listed(document, one) for one in listed_layers(document.text)]


def _listed(document: Document, one: Listed) -> Claim:
    """The verdict on a number in a list of layers."""
    line, column = document.place(one.span.start)
    if one.stated == one.true:
        return Claim(one.stated, one.span, line, column, Verdict(Kind.SHAPE_RIGHT, proof=one.how))
    verdict = Verdict(
        Kind.SHAPE_WRONG,
        reason=f"it is {one.true}: {one.how}",
        correction=one.true,
        wrong_terms=(Span(0, len(one.stated)),),
        diagnosis="wrong number",
    )
    return Claim(one.stated, one.span, line, column, verdict)


def _claim(document: Document, count: Count) -> Claim:
    text = count.span.of(document.text)
    line, column = document.place(count.span.start)
    at = Span(count.number.start - count.span.start, count.number.end - count.span.start)
    if count.stated == count.true:
        return Claim(text, count.span, line, column, Verdict(count.holds, proof=count.how))
    stated = at.of(text)
    shown = re.sub(r"\d[\d,]*", f"{count.true:,}" if "," in stated else str(count.true), stated)
    verdict = Verdict(
        Kind.FAILS,
        reason=f"it is {shown}: {count.how}",
        correction=text[: at.start] + shown + text[at.end :],
        wrong_terms=(at,),
        diagnosis="wrong number",
    )
    return Claim(text, count.span, line, column, verdict)


def _number(text: str) -> int:
    return int(text.replace(",", "").rstrip(".")) if text[0].isdigit() else WORDS[text.lower()]


def _windows(text: str) -> Iterator[Count]:
    """How many values of each pooling window are taken, and how many are left."""
    word = r"(?<!\d)(\d{1,9}|" + "|".join(WORDS) + ")"
    for match in re.finditer(
        rf"only\s+{word}\s+values?\s*\(?[^.$]{{0,20}}max[^.$]{{0,30}}?from\s+each", text, re.I
    ):
        span = Span(match.start(), match.end())
        yield Count(
            span, Span(*match.span(1)), _number(match[1]), 1, "the maximum is one value of each window"
        )
    window = re.search(rf"\$?{SIZE}{BY}{SIZE}\$?\s+window", text)
    if window is None:
        return
    rest = int(window[1]) * int(window[2]) - 1
    for match in re.finditer(rf"(?:remain\w*|other)\s+{word}\s+values?\s+of\s+each\s+\w+", text, re.I):
        span = Span(match.start(), match.end())
        how = f"{window[1]} · {window[2]} - 1 values are not the maximum"
        yield Count(span, Span(*match.span(1)), _number(match[1]), rest, how, Kind.HOLDS)


def _maps(text: str) -> Iterator[Count]:
    """An image and a kernel give a map: n - k + 1 without padding, stride one."""
    pattern = (
        rf"\$?{SIZE}{BY}{SIZE}\$?\s+(?:image|input|picture)[^.]{{0,40}}?"
        rf"\$?{SIZE}{BY}{SIZE}\$?\s+(?:kernel|filter)"
        rf"[^.]{{0,30}}?(gives\s+(?:a\s+)?(?:map|output)\s+of\s+\$?{SIZE}({BY}){SIZE})"
    )
    for match in re.finditer(pattern, text, re.S):
        size = int(match[1]) - int(match[3]) + 1
        other = int(match[2]) - int(match[4]) + 1
        span = Span(*match.span(5))
        if size == other and match[6] == match[8]:
            both = Span(match.start(6), match.end(8))
            stated = int(match[6])
            how = f"{match[1]} - {match[3]} + 1, without padding and with stride one"
            if stated == size:
                yield Count(span, both, stated, size, how)
            else:
                yield Count(span, Span(*match.span(6)), stated, size, how)


def _kernels(text: str) -> Iterator[Count]:
    """64 kernels of 3 × 3 on 16 channels have 64 · 3 · 3 · 16 weights."""
    pattern = (
        rf"{SIZE}\s+(?:kernels|filters)\s+of\s+(?:size\s+)?\$?{SIZE}{BY}{SIZE}\$?\s+on\s+{SIZE}\s+channels\s+"
        rf"((?:has|have)\s+{NUMBER}\s+{NOUN})"
    )
    for match in re.finditer(pattern, text):
        factors = [int(match[k]) for k in range(1, 5)]
        how = " · ".join(map(str, factors))
        yield Count(Span(*match.span(5)), Span(*match.span(6)), _number(match[6]), prod(factors), how)


def _described(text: str) -> Iterator[Count]:
    """Sizes and numbers of weights in sentences that describe one layer; a size stands at both sides of its sign."""
    for one in described(text):
        yield Count(one.span, one.number, one.stated, one.true, one.how)


def _by_formula(document: Document, found: list[Piece], facts: Facts) -> Iterator[Count]:
    """A count whose formula stands before it: `$M C R S + M$ parameters`, then numbers for the names."""
    text = document.text
    formulas: list[tuple[int, str, Node]] = []
    for piece in found:
        if piece.right is not None or piece.left is None:
            continue
        after = re.match(
            rf"\$?\s+(?:\w+\s+)?({NOUN})", text[piece.formula.outer.end - 1 : piece.formula.outer.end + 60]
        )
        if after and isinstance(piece.left, Add | Product | Juxtapose):
            noun = after[1].split()[-1].rstrip("s")
            formulas.append((piece.formula.outer.end, noun, piece.left))
    for end, noun, formula in formulas:
        for match in re.finditer(rf"{NUMBER}\s+((?:trainable\s+)?{noun}\w*|of\s+them\b)", text[end:]):
            known = _settings(found, facts, end, end + match.start())
            value = _value(formula, known, found, facts)
            if value is not None:
                span = Span(end + match.start(), end + match.end())
                number = Span(end + match.start(1), end + match.end(1))
                yield Count(span, number, _number(match[1]), value, "the formula with these numbers")
                break
        pattern = rf"{NUMBER}\s+(channels|units|neurons|kernels|classes)\s+(?:give|have|need)s?\s+{NUMBER}\s+of\s+them"
        for match in re.finditer(pattern, text[end : end + 300]):
            names = list(_symbols(formula))
            if len(names) == 1:
                value = _value(formula, {names[0]: _number(match[1])}, found, facts)
                if value is not None:
                    span = Span(end + match.start(), end + match.end())
                    number = Span(end + match.start(3), end + match.end(3))
                    yield Count(span, number, _number(match[3]), value, "the formula with this number")


def _settings(found: list[Piece], facts: Facts, begin: int, end: int) -> dict[str, int]:
    """Numbers for names, from `N = 1` between two places of the text; `H = W = 32` sets both."""
    known: dict[str, int] = {}
    for piece in found:
        start = piece.formula.span.start + piece.span.start
        if piece.sign != "=" or not begin <= start < end or not isinstance(piece.right, Number):
            continue
        for side in (piece.left, piece.head):
            ref = read_name(side, facts.habits) if side is not None else None
            if ref is not None and piece.right.text.isdigit():
                known[ref.key + "'" * ref.primes] = int(piece.right.text)
    return known


def _value(node: Node, known: dict[str, int], found: list[Piece], facts: Facts) -> int | None:
    """The value of a product or sum of names and numbers; None where a name has no number."""
    match node:
        case Number(text=text):
            return int(text) if text.isdigit() else None
        case Group(body=body):
            return _value(body, known, found, facts)
        case Add(terms=terms):
            parts = [_value(term, known, found, facts) for term in terms]
            return None if any(p is None for p in parts) else sum(p for p in parts if p is not None)
        case Product(factors=parts_of) | Juxtapose(parts=parts_of):
            parts = [_value(part, known, found, facts) for part in parts_of]
            return None if any(p is None for p in parts) else prod(p for p in parts if p is not None)
        case Script(base=base, sup=Number(text=power), sub=None) if power.isdigit() and int(power) < 5:
            inner = _value(base, known, found, facts)
            return None if inner is None else inner ** int(power)
    ref = read_name(node, facts.habits)
    return None if ref is None else known.get(ref.key + "'" * ref.primes)


def _symbols(node: Node) -> list[str]:
    from symcnn.notes.name_parts import names_in

    return list(dict.fromkeys(n.name for n in names_in(node) if isinstance(n, Symbol)))


def _totals(document: Document, found: list[Piece], facts: Facts) -> Iterator[Count]:
    """`Total 15 trainable parameters`, with the declared shapes of all weights and biases."""
    text = document.text
    pattern = rf"(?:[Tt]otal(?:\s+of)?\s+{NUMBER}\s+{NOUN}|there\s+are\s+{NUMBER}\s+{NOUN}|{NUMBER}\s+{NOUN}\s+in\s+total)"
    for match in re.finditer(pattern, text):
        group = next(k for k in (1, 2, 3) if match[k])
        known = _settings(found, facts, max(0, match.start() - 200), match.start())
        total = 0
        terms: list[str] = []
        for key, shapes in facts.shapes.items():
            if key.partition("@")[0].split("_")[0] not in PARAMETER_BASES:
                continue
            sizes = [_value(size, known, found, facts) for size in shapes[0].sizes]
            if any(size is None for size in sizes):
                terms = []
                break
            total += prod(size for size in sizes if size is not None)
            terms.append(str(prod(size for size in sizes if size is not None)))
        if len(terms) >= 2:
            number = Span(*match.span(group))
            start = match.start() if group != 2 else number.start
            yield Count(Span(start, match.end()), number, _number(match[group]), total, " + ".join(terms))


def _entries(document: Document, found: list[Piece], facts: Facts) -> Iterator[Count]:
    """`$W$ has 30,720 entries`, with the declared shape of W and numbers for its sizes."""
    text = document.text
    for match in re.finditer(rf"\$([^$]{{1,20}})\$\s+has\s+({NUMBER}\s+(?:entries|weights|numbers))", text):
        try:
            ref = read_name(parse(match[1]), facts.habits)
        except SymcnnError:
            continue
        if ref is None or ref.key not in facts.shapes:
            continue
        known = _settings(found, facts, 0, match.start()) | _counted(
            text[max(0, match.start() - 400) : match.start()]
        )
        sizes = [_value(size, known, found, facts) for size in facts.shapes[ref.key][0].sizes]
        if all(size is not None for size in sizes):
            value = prod(size for size in sizes if size is not None)
            how = " · ".join(str(size) for size in sizes)
            yield Count(Span(*match.span(2)), Span(*match.span(3)), _number(match[3]), value, how)


def _counted(text: str) -> dict[str, int]:
    """`ten classes` gives K = 10; `$D$ is $... = 3072$` gives D."""
    known: dict[str, int] = {}
    word = r"(?<!\d)(\d{1,9}|" + "|".join(WORDS) + ")"
    match = re.search(rf"{word}\s+classes", text)
    if match:
        known["K"] = _number(match[1])
    for found in re.finditer(r"\$(\w)\$\s+is\s+\$[^$]*=\s*(?<!\d)(\d{1,9})\$", text):
        known[found[1]] = int(found[2])
    return known
