"""Text of emitted modules: tables, displays over several lines, imports, empty lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def imports(text: str) -> str:
    """The imports that the text of a module needs."""
    lines = ["import math", ""] if "math." in text else []
    if "np." in text:
        lines.append("import numpy as np")
    views = [name for name in ("as_strided", "sliding_window_view") if f"{name}(" in text]
    if views:
        lines.append(f"from numpy.lib.stride_tricks import {', '.join(views)}")
    return "\n".join(lines)


def tidy(text: str) -> str:
    """No blanks at the ends of lines, two empty lines between functions, none inside them but in docstrings."""
    lines: list[str] = []
    empty = 0
    told = False  # inside a docstring
    for line in (line.rstrip() for line in text.split("\n")):
        if not line:
            empty += 1
            continue
        if line.startswith("    "):
            inside = lines and lines[-1].startswith(("    ", "def ")) and not told
            empty = 0 if inside else min(empty, 1)
        lines.extend([""] * min(empty, 2))
        lines.append(line)
        told ^= line.count('"""') % 2 == 1
        empty = 0
    return "\n".join(lines) + "\n"


def tuple_text(names: Sequence[str]) -> str:
    """The inside of a tuple, over several lines where it is long."""
    text = ", ".join(names) + ("," if len(names) == 1 else "")
    if len(text) <= 60:
        return text
    lines = textwrap.wrap(text, 92, break_long_words=False)
    return "\n" + "\n".join(f"        {line}" for line in lines) + ",\n    "


def wrapped(items: Sequence[str]) -> str:
    """What stands between brackets, over several lines where it is long."""
    text = ", ".join(items)
    if len(text) <= 80:
        return text
    lines = textwrap.wrap(text.replace(": ", ":\x00").replace(", ", ",\x01").replace('\x01"', ' "'), 100)
    inner = "\n".join(f"    {line}" for line in lines)
    return f"\n{inner.replace(chr(0), ' ').replace(chr(1), ' ')},\n"


def entries(pairs: Sequence[tuple[str, str]]) -> str:
    """A dict display, on one line where it fits."""
    inline = ", ".join(f'"{name}": {text}' for name, text in pairs)
    if len(inline) <= 80:
        return "{" + inline + "}"
    lines = textwrap.wrap(inline.replace(": ", ":\x00"), 96, break_long_words=False)
    return ("{\n" + "".join(f"        {line}\n" for line in lines)).replace("\x00", " ").rstrip() + ",\n    }"
