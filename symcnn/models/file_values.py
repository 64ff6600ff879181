"""What stands in a model file: names, numbers, products of parameters, texts; checked before anything is made of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from symcnn.core.errors import SymcnnError

MOST_LISTED = 64
LARGEST = 1_000_000
WORDS = {"padding": ("same", "valid"), "reduction": ("mean", "sum"), "approximate": ("none", "tanh")}
FACTOR = r"\s*(?:[0-9]{1,7}|[A-Za-z][A-Za-z0-9_]{0,39})\s*"
PRODUCT = re.compile(rf"{FACTOR}(?:[*/]{FACTOR})*")
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
Values = Mapping[str, object]


class ModelFileError(SymcnnError):
    """A model file that cannot be used: names the file, the layer, what was expected and what came."""


def argument(value: Any, key: str, parameters: Values, where: str) -> object:
    """An argument: a number, a truth value, one of the words of its key, a product of parameters, or a list."""
    match value:
        case bool():
            return value
        case int() | float() if abs(value) <= LARGEST:
            return value
        case str() if value in WORDS.get(key, ()):
            return value
        case str():
            return product(value, parameters, f"{where}: {key}")
        case list() if len(value) <= MOST_LISTED and not any(isinstance(v, list) for v in value):
            return tuple(argument(v, key, parameters, where) for v in value)
    raise ModelFileError(
        f"{where}: expected {key} as a number of at most {LARGEST:,}, true, false or a list, got {value!r:.60}"
    )


def product(text: str, values: Values, where: str) -> object:
    """The value of a parameter's name, or of a product or quotient of parameters and integers."""
    if text in values:
        return values[text]
    if not PRODUCT.fullmatch(text):
        raise ModelFileError(f'{where}: expected a number or a product such as "4*width", got {text!r:.60}')
    total = Fraction(1)
    for sign, factor in re.findall(r"([*/]?)\s*(\w+)", text):
        value = int(factor) if factor.isdigit() else values.get(factor)
        if type(value) is not int:
            raise ModelFileError(
                f"{where}: expected {factor} as an integer parameter of the block{nearest(factor, list(values))}"
            )
        if sign == "/" and not value:
            raise ModelFileError(f"{where}: expected a divisor other than 0 in {text!r}")
        total = total / value if sign == "/" else total * value
    if abs(total) > LARGEST:
        raise ModelFileError(f"{where}: expected a number of at most {LARGEST:,}, got {text} = {total}")
    return total if total.denominator != 1 else int(total)


def known_keys(table: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise ModelFileError at a key that does not exist, with the nearest that does."""
    allowed = list(known)
    for key in table:
        if key not in allowed:
            raise ModelFileError(f"{where}: unknown key {key!r:.60}{nearest(key, allowed)}")


def nearest(value: object, known: list[str]) -> str:
    """The names nearest to a wrong one, as the end of a message."""
    near = difflib.get_close_matches(str(value)[:60], known, n=1) if isinstance(value, str) else []
    if near:
        return f"; the nearest is {near[0]!r}"
    return f" (one of {', '.join(known)})" if 0 < len(known) <= 12 else ""


def identifier(value: object, where: str) -> str:
    """A name that may become part of a tensor's name: letters, digits and single underscores."""
    if not isinstance(value, str) or len(value) > 40 or not IDENTIFIER.fullmatch(value):
        raise ModelFileError(
            f"{where}: expected a name of letters, digits and single underscores, got {value!r:.60}"
        )
    return value


def strings(value: object, where: str) -> tuple[str, ...]:
    """A string or a list of them."""
    listed = [value] if isinstance(value, str) else value
    if (
        not isinstance(listed, list)
        or len(listed) > MOST_LISTED
        or not all(isinstance(v, str) for v in listed)
    ):
        raise ModelFileError(f"{where}: expected a list of strings, got {value!r:.60}")
    return tuple(listed)


def whole(value: object, where: str, least: int, most: int) -> int:
    """An integer between bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ModelFileError(f"{where}: expected an integer from {least:,} to {most:,}, got {value!r:.60}")
    return value


def exact(value: object, where: str) -> int | Fraction:
    """A finite number as its decimal form says it."""
    if (
        isinstance(value, int | float | Fraction)
        and not isinstance(value, bool)
        and -LARGEST <= value <= LARGEST
    ):
        return Fraction(repr(value)) if isinstance(value, float) else value
    raise ModelFileError(f"{where}: expected a number of at most {LARGEST:,}, got {value!r:.60}")


def plain_text(value: object, where: str, lines: bool = False) -> str:
    """Text for headings: printable, on one line unless ``lines``, without quotes' and backslashes' special powers."""
    if not isinstance(value, str) or len(value) > (20_000 if lines else 300):
        raise ModelFileError(f"{where}: expected a text, got {value!r:.60}")
    if not all(c.isprintable() or (lines and c == "\n") for c in value) or (
        not lines and set(value) & set('"\\')
    ):
        raise ModelFileError(
            f"{where}: expected printable text without quotes or backslashes, got {value!r:.60}"
        )
    return value


def complete(missing: list[str], where: str) -> None:
    """Raise ModelFileError where keys are missing."""
    if missing:
        raise ModelFileError(f"{where}: expected {missing[0]} = …, got none")
