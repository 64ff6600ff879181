"""A limit on the work that one check may take, counted in steps, so that it is the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

STEPS = 30_000
"""Steps of work that a second stands for: a name read, a part of an expression evaluated or rewritten."""


class Timeout(BaseException):
    """A check that took too long; no Exception, so that nothing on the way up takes it for its own."""


class _Budget:
    """The steps that are left to the innermost check."""

    __slots__ = ("left",)

    def __init__(self, left: float) -> None:
        self.left = left


_budget: ContextVar[_Budget] = ContextVar("_budget")
_UNLIMITED = _Budget(float("inf"))


@contextmanager
def limited(seconds: float, *, apart: bool = False) -> Iterator[None]:
    """Raise Timeout inside the block when it spends more than `seconds` times STEPS steps.

    No clock is read: the outcome is the same however busy the machine is. A block inside another has at most
    what that one has left, and what it spends is spent for both; one that is `apart` has its own.
    """
    outer = _UNLIMITED if apart else _budget.get(_UNLIMITED)
    given = min(seconds * STEPS, outer.left)
    inner = _Budget(given)
    token = _budget.set(inner)
    try:
        yield
    finally:
        _budget.reset(token)
        outer.left -= given - inner.left


def spend(steps: int) -> None:
    """Count work. Raises Timeout where more is spent than the innermost `limited` block has."""
    budget = _budget.get(_UNLIMITED)
    budget.left -= steps
    if budget.left < 0:
        raise Timeout
