"""Names of several letters typed without a font, `net_{h1}`: which runs of letters on a page are one name.

A run of letters is a product of its letters, unless the notes treat it as a name somewhere: as the whole left side
of an equation, or as what is differentiated by. From there on it is one symbol everywhere on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from symcnn.notes.marks import Span
from symcnn.notes.parser_rows import is_relation
from symcnn.notes.parser_tables import (
    ACCENTS,
    BIG_WORDS,
    DECORATIONS,
    DELIMITERS,
    DOTS,
    FONT_SWITCHES,
    FONTS,
    FUNCTION_COMMANDS,
    FUNCTION_NAMES,
    PRODUCTS,
    PROSE,
    RELATIONS,
    SEPARATORS,
)
from symcnn.notes.tokens import NotationError, Token, tokenize

SHORTEST = 3
_SPELLED = re.compile(r"[A-Za-z][a-z]+")
_DIFFERENTIALS = re.compile(r"(?:d[a-z])+")
_TAKEN = frozenset().union(
    ACCENTS,
    BIG_WORDS,
    DECORATIONS,
    (name.lstrip("\\") for name in DELIMITERS),
    DOTS,
    FONT_SWITCHES,
    FONTS,
    FUNCTION_COMMANDS,
    FUNCTION_NAMES,
    PRODUCTS,
    PROSE,
    RELATIONS,
    SEPARATORS,
)
"""Words that mean something else already."""


def spelled_names(formulas: Iterable[str]) -> frozenset[str]:
    """The names of several letters that stand alone before a relation, or under a derivative."""
    found: set[str] = set()
    for latex in formulas:
        try:
            tokens = tokenize(latex)
        except NotationError:
            continue
        for start, end in _runs(tokens):
            word = _word(tokens[start:end])
            if _fits(word) and _is_alone(tokens, start, end):
                found.add(word)
            elif word[0] == "d" and _fits(word[1:]) and _is_under(tokens, start):
                found.add(word[1:])
    return frozenset(found)


def joined_names(tokens: list[Token], names: frozenset[str]) -> list[Token]:
    """The tokens with the letters of each such name put together, as though it were a command of the notes."""
    if not names:
        return tokens
    joined: list[Token] = []
    done = 0
    for start, end in _runs(tokens):
        word = _word(tokens[start:end])
        skip = 1 if word not in names and word[0] == "d" and word[1:] in names else 0
        if word[skip:] in names:
            joined += tokens[done : start + skip]
            span = Span(tokens[start + skip].span.start, tokens[end - 1].span.end)
            joined.append(Token("command", word[skip:], span))
            done = end
    return joined + tokens[done:]


def _runs(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Where letters touch each other, and where a text of one word stands."""
    start = 0
    while start < len(tokens):
        end = start + 1
        if tokens[start].kind == "letter":
            while end < len(tokens) and _touch(tokens, end):
                end += 1
            if not _is_underscore(tokens, start - 1) and not _is_underscore(tokens, end):
                yield start, end
        elif tokens[start].kind == "text":
            yield start, end
        start = end


def _is_underscore(tokens: list[Token], place: int) -> bool:
    r"""Whether an escaped underscore stands there: the letters beside it are part of one name, `grad\_out`."""
    return 0 <= place < len(tokens) and tokens[place].kind == "command" and tokens[place].text == "_"


def _touch(tokens: list[Token], place: int) -> bool:
    """Whether a letter follows the one before it without a space."""
    return tokens[place].kind == "letter" and tokens[place - 1].span.end == tokens[place].span.start


def _word(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


def _fits(word: str) -> bool:
    """Whether a run can be a name: letters as in a word, of no other meaning, and no row of differentials."""
    return (
        len(word) >= SHORTEST
        and _SPELLED.fullmatch(word) is not None
        and _DIFFERENTIALS.fullmatch(word) is None
        and word.lower() not in _TAKEN
    )


def _is_alone(tokens: list[Token], start: int, end: int) -> bool:
    """Whether a name with its scripts is the whole left side of an equation, or what is differentiated by."""
    before = tokens[start - 1] if start else None
    if before is not None and before.kind == "command" and before.text == "partial":
        return True
    begins = before is None or before.kind in ("quad", "newline", "amp") or before.text in (",", ";")
    after = _after_scripts(tokens, end)
    while after < len(tokens) and tokens[after].kind == "amp":
        after += 1
    return begins and after < len(tokens) and is_relation(tokens[after])


def _is_under(tokens: list[Token], start: int) -> bool:
    """Whether a run is the denominator of a fraction, as `dnet` in `\\frac{dE}{dnet}`."""
    return start > 1 and tokens[start - 1].kind == "open" and tokens[start - 2].kind == "close"


def _after_scripts(tokens: list[Token], place: int) -> int:
    """The place after the scripts of a name that ends before `place`."""
    while place < len(tokens) and tokens[place].kind in ("sub", "sup", "prime"):
        place += 1
        if tokens[place - 1].kind == "prime" or place >= len(tokens):
            continue
        depth = 0
        while place < len(tokens):
            depth += {"open": 1, "close": -1}.get(tokens[place].kind, 0)
            place += 1
            if depth <= 0:
                break
    return place
