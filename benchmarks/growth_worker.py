"""One work on one network in a process of its own: ``python -m benchmarks.growth_worker WORK SUBJECT``."""

from __future__ import annotations

import sys
import time

from benchmarks.subjects import subject
from symcnn import derive, emit


def main() -> None:
    """Print the processor time of the work, from the specification to the text."""
    work, name = sys.argv[1:]
    start = time.process_time()
    net = subject(name)
    match work:
        case "derive":
            text = derive(net).to_markdown()
        case "emit":
            text = emit(net).source
        case _:
            text = emit(net, style="fast").source
    seconds = time.process_time() - start
    assert text, "a work gives a text"
    print(seconds)


if __name__ == "__main__":
    main()
