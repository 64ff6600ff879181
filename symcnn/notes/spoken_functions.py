"""Functions that the words of the notes name: $\\Phi$ is the standard normal CDF, and $\\varphi$ its density."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symcnn.notes.extract import Document
from symcnn.notes.facts import Facts, FunctionRule
from symcnn.notes.parser import parse

SENTENCE = re.compile(r"[^.]+")
NORMAL = re.compile(r"\b(?:normal|Gaussian)\b", re.I)
_NAME = r"\$\s*\\?(?P<name>[A-Za-z]+)(?:\(\w\))?\s*\$"
_CUMULATIVE = r"(?:CDF|cdf|cumulative|distribution function)"
_DENSITY = r"(?:density|PDF|pdf)"
BODIES = (
    (_CUMULATIVE, r"\frac{1}{2}\left(1 + \operatorname{erf}\left(\frac{t}{\sqrt{2}}\right)\right)"),
    (_DENSITY, r"\frac{1}{\sqrt{2\pi}} \exp\left(-\frac{t^2}{2}\right)"),
)
"""What the standard normal distribution's functions are of a number t."""

BEFORE = -1
"""The place of what is said in words, which is in force from the beginning."""


def find_spoken_functions(facts: Facts, document: Document) -> None:
    """Add the functions of the standard normal distribution under the names that the words give them."""
    for name, body, start in _spoken(document):
        if name in facts.functions:
            continue
        rule = FunctionRule(name, ("t",), None, parse(body), document.place(start)[0], BEFORE)
        facts.functions[name] = [rule]
        facts.applied.add(name)


def _spoken(document: Document) -> Iterator[tuple[str, str, int]]:
    for block in document.prose:
        text = document.text[block.span.start : block.span.end]
        for sentence in SENTENCE.finditer(text):
            for words, body in BODIES if NORMAL.search(sentence[0]) else ():
                for pattern in (rf"{_NAME}[^$]{{0,60}}?\b{words}\b", rf"\b{words}[\s,(]*{_NAME}"):
                    found = re.search(pattern, sentence[0])
                    if found is not None and not _closer(found[0]):
                        yield found["name"], body, block.span.start + sentence.start()


def _closer(text: str) -> bool:
    """Whether words for both functions stand between a name and the word that was found."""
    return all(re.search(words, text) for words, _ in BODIES)
