"""Rows of displays: which breaks, alignment marks and wide spaces separate formulas, which are layout.

A break separates unless a formula plainly runs on: the next row begins with a relation or an operator, or
the row ends with one. Inside matrices and case distinctions the marks stay, they divide cells.
"""

from __future__ import annotations

from dataclasses import replace

from symcnn.notes.parser_tables import ALIGNED, PRODUCTS, RELATIONS, SIGNS
from symcnn.notes.tokens import Token

_BREAKS = frozenset(("newline", "amp", "quad"))
_OPENERS = frozenset(("left", "open", "begin"))
_CLOSERS = frozenset(("right", "close", "end"))


def join_rows(tokens: list[Token]) -> list[Token]:
    """The tokens without breaks that only lay out; an alignment mark that separates becomes a `quad`."""
    tokens = _arrays_as_rows(_without_spacers(tokens))
    result: list[Token] = []
    cells: list[bool] = [False]
    depth_in_row = [0]
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "begin":
            aligned = token.text.rstrip("*") in ALIGNED
            cells.append(not aligned)
            depth_in_row.append(0)
        elif token.kind == "end" and len(cells) > 1:
            cells.pop()
            depth_in_row.pop()
        if token.kind not in _BREAKS or (cells[-1] and token.kind != "quad"):
            result.append(token)
            place += 1
            continue
        end = place
        while (
            end < len(tokens)
            and tokens[end].kind in _BREAKS
            and not (cells[-1] and tokens[end].kind != "quad")
        ):
            end += 1
        run = tokens[place:end]
        depth_in_row[-1], kept = _kept(run, result, tokens[end : end + 1], tokens, end, depth_in_row[-1])
        result.extend(kept)
        place = end
    return result


def _without_spacers(tokens: list[Token]) -> list[Token]:
    """The tokens without an empty group that only spaces the operator at the begin of a row, `& {} + b`."""
    spacers: set[int] = set()
    for place in range(1, len(tokens) - 2):
        first, second, after = tokens[place : place + 3]
        empty = (first.kind, first.text, second.kind, second.text) == ("open", "{", "close", "}")
        goes_on = is_relation(after) or is_sign(after) or _is_product(after)
        if empty and goes_on and tokens[place - 1].kind in _BREAKS:
            spacers |= {place, place + 1}
    return [token for place, token in enumerate(tokens) if place not in spacers]


def _arrays_as_rows(tokens: list[Token]) -> list[Token]:
    """An array with a column of nothing but relations, `a & = & b`, is read as aligned formulas."""
    lines: set[int] = set()
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token.kind == "begin":
            opened.append(place)
        elif token.kind == "end" and opened:
            begin = opened.pop()
            if begin in lines:
                lines.add(place)
        elif (
            opened
            and tokens[opened[-1]].text == "array"
            and is_relation(token)
            and tokens[place - 1].kind == "amp"
            and place + 1 < len(tokens)
            and tokens[place + 1].kind == "amp"
        ):
            lines.add(opened[-1])
    return [replace(token, text="aligned") if place in lines else token for place, token in enumerate(tokens)]


def _kept(
    run: list[Token], before: list[Token], after: list[Token], tokens: list[Token], end: int, marks: int
) -> tuple[int, list[Token]]:
    """How many alignment marks the row has after this run of breaks, and what stays of the run."""
    newline = any(token.kind == "newline" for token in run)
    first_newline = next((i for i, token in enumerate(run) if token.kind == "newline"), len(run))
    trailing = sum(token.kind == "amp" for token in run[first_newline:])
    passed = marks + sum(token.kind == "amp" for token in run[:first_newline])
    now = trailing if newline else passed
    if not before or not after or _runs_on(before, after[0], newline, trailing > 0, tokens, end):
        return now, []
    if newline:
        return now, [next(token for token in run if token.kind == "newline")]
    wide = any(token.kind == "quad" for token in run)
    # Marks come in pairs: the first of a pair aligns, the second separates two formulas of a row.
    separates = passed // 2 > marks // 2
    if wide or separates:
        return now, [Token("quad", "quad", run[0].span)]
    return now, []


def _runs_on(
    before: list[Token], after: Token, newline: bool, aligned: bool, tokens: list[Token], end: int
) -> bool:
    """Whether the formula goes on over a break between the tokens `before` and the token `after`."""
    if after.kind in _CLOSERS or after.kind in _BREAKS:
        return True
    if before[-1].kind in _OPENERS or before[-1].kind in _BREAKS:
        return True
    if newline and before[-1].kind == "text":
        return False  # a remark at the end of the row
    if is_relation(after) or _is_product(after):
        return True
    if _awaits_operand(before):
        return True
    if is_sign(after):
        return not newline or aligned or not _row_is_aligned(tokens, end)
    return False


def _row_is_aligned(tokens: list[Token], place: int) -> bool:
    """Whether an alignment mark comes before the end of the row: then the row begins at its left side."""
    depth = 0
    for token in tokens[place:]:
        depth += (token.kind == "begin") - (token.kind == "end")
        if depth < 0 or (depth == 0 and token.kind == "newline"):
            return False
        if depth == 0 and token.kind == "amp":
            return True
    return False


def _awaits_operand(before: list[Token]) -> bool:
    last = before[-1]
    if len(before) > 1 and before[-2].kind in ("sup", "sub"):
        return False
    return is_relation(last) or is_sign(last) or _is_product(last)


def is_relation(token: Token) -> bool:
    return token.kind in ("char", "command") and (token.text in RELATIONS or token.text == "not")


def is_sign(token: Token) -> bool:
    return token.kind in ("char", "command") and token.text in SIGNS


def _is_product(token: Token) -> bool:
    return token.kind in ("char", "command") and token.text in PRODUCTS
