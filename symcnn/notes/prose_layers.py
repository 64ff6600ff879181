"""Sentences that describe one convolution or pooling and state what it gives: the size of a map, a number of weights.

A map has floor((n + 2p - k) / s) + 1 rows; filters have maps · rows · columns · channels weights, and one bias for each map.
A sentence that leaves a number open, or speaks of two layers, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symcnn.notes.marks import Span

_BY = r"\s{0,3}(?:\$?\s{0,3}\\times\s{0,3}\$?|×|x|by)\s{0,3}"
_N = r"(?<![\d.,])(\d{1,6})(?![\d.]*\d)"
_WORD = r"(?:zero|one|two|three|four|five|1|2|3|4|5|6|7|8)"
_VALUES = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_ADJECTIVES = r"(?:(?:input|convolution\w*|square|colou?r|gr[ae]y|feature|output|max|average)[\s-]+){0,2}"

SENTENCE = re.compile(r"(?:[^.!?;\n]|\.(?=\S)|\n(?![ \t]*\n))+")
KERNEL = re.compile(rf"\$?{_N}{_BY}{_N}\$?\s+{_ADJECTIVES}(?:filter|kernel|window|convolution|pool)", re.I)
IMAGE = re.compile(rf"\$?{_N}{_BY}{_N}\$?\s+{_ADJECTIVES}(?:image|input|picture|photo)", re.I)
GIVES = re.compile(
    rf"\b(?:gives?|produces?|yields?|outputs?|leaves?|results?\s+in)\s+(?:us\s+)?(?:an?\s+)?(?:map\s+of\s+|output\s+of\s+)?"
    rf"\$?({_N}({_BY}){_N})(?:\s+(?:feature\s+)?(?:map|output|image)\b)?",
    re.I,
)
STRIDE = re.compile(
    rf"\bstrides?\s+(?:of\s+|is\s+|=\s*)?\$?({_WORD})\b|\bsteps?\s+of\s+(?:size\s+)?\$?({_WORD})\b", re.I
)
PADDING = re.compile(
    rf"\b({_WORD})\s+rings?\s+of\s+zeros|\b({_WORD})\s+(?:pixels?|zeros?)\s+of\s+padding"
    rf"|\bpad(?:ding|ded)?\s+(?:of\s+|by\s+|with\s+|is\s+|=\s*)?\$?({_WORD})\b",
    re.I,
)
UNPADDED = re.compile(r"\b(?:no|without(?:\s+any)?)\s+(?:zero[- ])?padding\b|\bunpadded\b", re.I)
OTHER = re.compile(
    r"\bdilat|\btranspos|\bdeconv|\bfull\b|\bdepth-?\s?wise|\bgroup|\bseparable|\bsame\b|\bupsampl|\bnot\b|n't\b"
    r"|\b(?:each|every|per|one)\s+(?:filter|kernel|map)|\b(?:left|right|bottom|asymmetric)|\bone\s+side\b|\bceil|\bround|\bshare",
    re.I,
)
"""Words that change the rule for a size or a number of weights, or the sense of the sentence."""

FILTERS = re.compile(
    rf"{_N}\s+(?:filters|kernels)\s+(?:of\s+)?(?:size\s+|shape\s+)?\$?{_N}{_BY}{_N}(?:{_BY}{_N})?", re.I
)
CHANNELS = re.compile(
    rf"\b(?:on|over|across|applied\s+to|from)\s+(?:(?:the|those|these|its|all)\s+){{0,2}}{_N}\s+channels|{_N}\s+input\s+channels"
    r"|\b(RGB|colou?r\s+image)|\b(gr[ae]y[- ]?scale)",
    re.I,
)
COUNT = re.compile(
    r"\b(?:has|have|needs?|makes?|gives?)\s+((\d[\d,]{0,14})\s+(?:(?:trainable|learnable|free)\s+)?(parameters|weights))",
    re.I,
)
WITHOUT_BIAS = re.compile(
    r"\b(?:no|without(?:\s+(?:the|any|its|their))?|ignoring(?:\s+the)?)\s+bias"
    r"|\bbias(?:es)?\s+(?:\w+\s+)?(?:ignored|excluded|aside)",
    re.I,
)
WITH_BIAS = re.compile(
    r"\bbias(?:es)?\s+included|\b(?:includ|count)ing\s+(?:the\s+|its\s+|their\s+)?bias"
    r"|\bwith\s+(?:the\s+|its\s+|their\s+|a\s+)?bias",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Described:
    """A claim of a sentence: its place, that of its number (or two), the number stated, the true one, and why."""

    span: Span
    number: Span
    stated: int
    true: int
    how: str


def described(text: str) -> Iterator[Described]:
    """The sizes and numbers of weights that sentences about one layer state, where all that they take is said."""
    for sentence in SENTENCE.finditer(text):
        words = sentence[0]
        if not OTHER.search(words):
            yield from _map(words, sentence.start())
            yield from _weights(words, sentence.start())


def _map(words: str, at: int) -> Iterator[Described]:
    gives = list(GIVES.finditer(words))
    kernels, images = list(KERNEL.finditer(words)), list(IMAGE.finditer(words))
    if len(gives) != 1 or len(kernels) != 1 or len(images) != 1:
        return
    given = gives[0]
    if max(kernels[0].end(), images[0].end()) > given.start() or given[2] != given[4]:
        return
    steps, pads = [_said(p, words) for p in (STRIDE, PADDING)]
    pads += [0] if UNPADDED.search(words) else []
    pooled = "pool" in kernels[0][0].lower()
    if len(steps) > 1 or len(pads) > 1 or (pooled and not steps):
        return
    step, pad = (steps or [1])[0], (pads or [0])[0]
    sides = {int(images[0][k]) + 2 * pad - int(kernels[0][k]) for k in (1, 2)}
    unread = ("pad" in words.lower() and not pads) or (
        re.search(r"\bstrid|\bsteps?\b", words, re.I) and not steps
    )
    if unread or step < 1 or len(sides) != 1 or min(sides) < 0:
        return
    size, stated = sides.pop() // step + 1, int(given[2])
    if size != stated and not pads and not pooled:
        return
    how = f"floor(({images[0][1]} + 2 · {pad} - {kernels[0][1]}) / {step}) + 1"
    number = Span(at + given.start(1), at + given.end(1))
    yield Described(Span(at + given.start(), at + given.end()), number, stated, size, how)


def _said(pattern: re.Pattern[str], words: str) -> list[int]:
    """The numbers that a pattern finds, in words or digits, each once."""
    found = [next(g for g in match.groups() if g).lower() for match in pattern.finditer(words)]
    return list(dict.fromkeys(_VALUES[one] if one in _VALUES else int(one) for one in found))


def _weights(words: str, at: int) -> Iterator[Described]:
    filters, counts = list(FILTERS.finditer(words)), list(COUNT.finditer(words))
    if len(filters) != 1 or len(counts) != 1 or filters[0].end() > counts[0].start():
        return
    one, count = filters[0], counts[0]
    said = {int(m[1] or m[2] or (3 if m[3] else 1)) for m in CHANNELS.finditer(words)}
    said |= {int(one[4])} if one[4] else set()
    if len(said) != 1:
        return
    maps, rows, columns, channels = int(one[1]), int(one[2]), int(one[3]), said.pop()
    bare = maps * rows * columns * channels
    stated = int(count[2].replace(",", ""))
    if WITHOUT_BIAS.search(words):
        true, biases = bare, ""
    elif WITH_BIAS.search(words) and count[3].lower() == "parameters":
        true, biases = bare + maps, f" + {maps} biases"
    elif stated in (bare, bare + maps):
        true, biases = stated, f" + {maps} biases" if stated != bare else ""
    else:
        return
    how = f"{maps} · {rows} · {columns} · {channels}{biases}"
    span = Span(at + count.start(1), at + count.end(1))
    yield Described(span, Span(at + count.start(2), at + count.end(2)), stated, true, how)
