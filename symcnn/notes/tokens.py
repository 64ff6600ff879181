"""LaTeX to tokens with spans."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Macro:
    """A user's command: `parameters` of them are read, `default` is the value of an optional first one."""

    name: str
    parameters: int
    body: str
    default: str | None = None
