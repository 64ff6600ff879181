"""A side file in TOML that says what names mean where the notes are too terse.

What it says is read as though it stood in front of the notes, so it has hardly a language of its own:

    prose = ["The examples are the rows of X."]
    formulas = ['Z = X W + b']

    [shapes]
    W = "3, 2"          # W \\in \\mathbb{R}^{3 \\times 2}
    'b_1' = ""          # a number

    [names]
    f_2 = "b_1"         # f_2 is another name of b_1
"""

from __future__ import annotations

import tomllib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from symcnn.core.errors import LimitExceeded, SymcnnError
from symcnn.notes.extract import Document, Formula, decoded, read
from symcnn.notes.extract_notebook import Notebook
from symcnn.notes.facts import Facts
from symcnn.notes.names import Habits, read_name
from symcnn.notes.parser import parse
from symcnn.notes.verdict import Claim

MAX_BYTES = 100_000
_TABLES = ("shapes", "names")
_LISTS = ("prose", "formulas")


@dataclass(frozen=True, slots=True)
class Bindings:
    """`text`: notes in Markdown that stand before the notes; `names`: other names, and what they stand for."""

    text: str = ""
    names: tuple[tuple[str, str], ...] = ()

    def name(self, facts: Facts) -> None:
        """Let the names stand for what they mean in `facts`. Raises SymcnnError for what is no name."""
        for pair in self.names:
            other, meant = (_key(name, facts) for name in pair)
            if facts.resolve(meant) != other:
                facts.aliases[other] = facts.resolve(meant)


NO_BINDINGS = Bindings()


def _key(name: str, facts: Facts) -> str:
    ref = read_name(parse(name), facts.habits)
    if ref is None:
        raise SymcnnError(f"expected a name in the bindings, came {name}")
    return ref.key


def read_bindings(path: Path) -> Bindings:
    """The bindings of a TOML file. Raises SymcnnError, with the file and what is wrong."""
    if path.stat().st_size > MAX_BYTES:
        raise LimitExceeded(f"{path} has {path.stat().st_size} bytes; bindings can have at most {MAX_BYTES}")
    try:
        data = tomllib.loads(decoded(path.read_bytes()))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SymcnnError(f"{path}: expected TOML: {error}") from None
    unknown = [key for key in data if key not in (*_TABLES, *_LISTS)]
    if unknown:
        raise SymcnnError(f"{path}: expected {', '.join((*_LISTS, *_TABLES))}; came {unknown[0]}")
    lines: list[str] = []
    for key in _LISTS:
        for text in _strings(path, key, data.get(key, [])):
            lines.append(f"$${_formula(path, text)}$$" if key == "formulas" else " ".join(text.split()))
    for name, sizes in _pairs(path, "shapes", data.get("shapes", {})):
        axes = " \\times ".join(axis.strip() for axis in sizes.split(",") if axis.strip()) or "1"
        lines.append(f"$${name} \\in \\mathbb{{R}}^{{{_formula(path, axes)}}}$$")
    names = [(name, _formula(path, meant)) for name, meant in _pairs(path, "names", data.get("names", {}))]
    for name in (name for pair in names for name in pair):
        _key(name, Facts(Habits()))
    return Bindings("".join(f"{line}\n\n" for line in lines), tuple(names))


def _strings(path: Path, key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SymcnnError(f"{path}: expected a list of texts as {key}")
    return value


def _pairs(path: Path, key: str, value: object) -> Iterable[tuple[str, str]]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise SymcnnError(f"{path}: expected texts in [{key}]")
    return [(_formula(path, name), item) for name, item in value.items()]


def _formula(path: Path, text: str) -> str:
    """A formula without what would end it in Markdown. Raises SymcnnError."""
    line = " ".join(text.split())
    if "$" in line or not line:
        raise SymcnnError(f"{path}: expected a formula without dollar signs, came {text!r}")
    return line


def bound(document: Document, bindings: Bindings) -> Document:
    """The document with bindings in front of it; they stand on line 0."""
    if not bindings.text:
        return document
    said = read(bindings.text, "md")
    length = len(bindings.text)
    lines = tuple(length + start for start in document._lines)
    notebook = None
    if document.notebook is not None:
        notebook, lines = _with_front(document.notebook, length), document._lines
    front = tuple(replace(formula, line=0) for formula in said.formulas)
    return replace(
        document,
        text=bindings.text + document.text,
        formulas=(*front, *(_moved(formula, length) for formula in document.formulas)),
        prose=(
            *(replace(one, line=0) for one in said.prose),
            *(replace(one, span=one.span.shifted(length)) for one in document.prose),
        ),
        notebook=notebook,
        _lines=lines,
    )


def _with_front(notebook: Notebook, length: int) -> Notebook:
    """A notebook with `length` characters before it that stand at the beginning of the file."""
    nowhere = array("q", [0]) * length
    cells = tuple((number, start + length, end + length) for number, start, end in notebook.cells)
    text = " " * length + notebook.text
    return Notebook(text, cells, nowhere + notebook.begins, nowhere + notebook.ends)


def _moved(formula: Formula, by: int) -> Formula:
    return replace(formula, span=formula.span.shifted(by), outer=formula.outer.shifted(by))


def unbound(document: Document, notes: Document, claims: list[Claim]) -> tuple[Claim, ...]:
    """The claims on `document` among those on it with bindings in front, at their places in `document`."""
    length = len(notes.text) - len(document.text)
    if not length:
        return tuple(claims)
    found: list[Claim] = []
    for claim in claims:
        if claim.span.start < length:
            continue
        formula = claim.formula and _moved(claim.formula, -length)
        found.append(replace(claim, span=claim.span.shifted(-length), formula=formula))
    return tuple(found)
