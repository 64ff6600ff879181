"""A progress bar on a terminal, which is gone when the work is done."""

from __future__ import annotations

import shutil
import time
from types import TracebackType
from typing import TextIO

from symcnn.notes.report_marks import one_line

BAR = 20
INTERVAL = 0.1


class ProgressBar:
    """Shows the file at hand, its formulas and the files done; silent where the stream is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = stream.isatty()
        self.last = 0.0
        self.width = 0

    def __call__(self, file: str, number: int, count: int, done: int, files: int) -> None:
        """Draw the bar, at most ten times a second."""
        now = time.monotonic()
        if not self.shown or now - self.last < INTERVAL:
            return
        self.last = now
        part = (done + (number / count if count else 0.0)) / max(files, 1)
        full = min(int(BAR * part), BAR)
        of_files = f"{done}/{files} files  " if files > 1 else ""
        line = f"[{'#' * full}{'-' * (BAR - full)}] {of_files}{one_line(file)}  {number + 1}/{count}"
        self._draw(line[: shutil.get_terminal_size().columns - 1])

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.width:
            self._draw("")

    def _draw(self, line: str) -> None:
        print(line.ljust(self.width), end="\r", file=self.stream, flush=True)
        self.width = len(line)
        if not line:
            print("", end="\r", file=self.stream, flush=True)
