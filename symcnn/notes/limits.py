"""A limit on the time that one check may take."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Timeout(BaseException):
    """A check that took too long; no Exception, so that nothing on the way up takes it for its own."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise Timeout inside the block after `seconds`; without effect outside of the main thread.

    A block inside another has the shorter of both times; the rest of the outer one goes on after it.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Timeout

    before = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    begun = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, min(seconds, left) if left else seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), 0.01))
