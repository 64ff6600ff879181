"""The Markdown cells of a notebook, and where each of their characters stands in the JSON of the file."""

from __future__ import annotations

import json
import json.scanner
import re
from array import array
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing from its type stubs
from typing import Any

from symcnn.notes.tokens import NotationError

_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Notebook:
    """text: the Markdown cells, blank lines between them; cells: number from 1, start and end in `text`.

    begins, ends: for each character of `text` (and the end of `text`) the offsets in the file around it.
    """

    text: str
    cells: tuple[tuple[int, int, int], ...]
    begins: array[int]
    ends: array[int]

    def in_file(self, offset: int) -> int:
        """The offset in the file of a character of `text`."""
        return self.begins[offset]

    def end_in_file(self, end: int) -> int:
        """Where, in the file, the character before `end` ends."""
        return self.ends[end - 1] if end else self.begins[0]


class _Placed(str):
    """A string of the JSON that knows where it stands in the file, without its quotes."""

    start: int
    end: int


def read_notebook(text: str) -> Notebook:
    """The Markdown cells of a notebook's JSON. Raises NotationError for anything else than a notebook."""
    data = _loaded(text)
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise NotationError("expected a notebook with a list of cells", 0)
    parts: list[str] = []
    bounds: list[tuple[int, int, int]] = []
    begins, ends = array("q"), array("q")
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "markdown":
            continue
        start = len(begins)
        for piece in _strings(cell.get("source"), number):
            parts.append(piece)
            _place(text, piece, begins, ends)
        bounds.append((number, start, len(begins)))
        parts.append(_BETWEEN)
        last = ends[-1] if ends else 0
        begins.extend([last] * len(_BETWEEN))
        ends.extend([last] * len(_BETWEEN))
    begins.append(ends[-1] if ends else 0)
    ends.append(begins[-1])
    whole = _LONE_SURROGATE.sub("\ufffd", "".join(parts))
    return Notebook(whole, tuple(bounds), begins, ends)


def escaped(text: str) -> str:
    """A text as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _strings(source: object, number: int) -> list[_Placed]:
    pieces = source if isinstance(source, list) else [source]
    strings = [piece for piece in pieces if isinstance(piece, _Placed)]
    if len(strings) < len(pieces):
        raise NotationError(f"expected text as the source of cell {number}", 0)
    return strings


def _place(text: str, piece: _Placed, begins: array[int], ends: array[int]) -> None:
    """Records where each character of a string literal begins and ends."""
    for match in _CHARACTER.finditer(text, piece.start, piece.end):
        begins.append(match.start())
        ends.append(match.end())


def _loaded(text: str) -> Any:
    """The JSON, with strings that know their places."""

    def placed(source: str, begin: int, strict: bool = True) -> tuple[str, int]:
        value, end = scanstring(source, begin, strict)
        string = _Placed(value)
        string.start, string.end = begin, end - 1
        return string, end

    decoder = json.JSONDecoder()
    decoder.parse_string = placed  # type: ignore[attr-defined]
    decoder.scan_once = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    try:
        start = len(text) - len(text.lstrip("\ufeff \t\r\n"))
        data, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        message = f"expected a notebook in JSON: {error.msg} in line {error.lineno}"
        raise NotationError(message, error.pos) from None
    except RecursionError:
        raise NotationError("expected a notebook whose JSON is nested less deeply", 0) from None
    except ValueError:
        raise NotationError("expected a notebook in JSON, came a number of thousands of digits", 0) from None
    if text[end:].strip():
        raise NotationError("expected the end of the notebook after its JSON", end)
    return data
