"""Steps that a person waits for, each with the seconds that it takes. The standard library alone: it runs before any other.

In a terminal the seconds are counted while the step goes on; elsewhere the line is complete when the step is.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

TICK = 1.0
"""Seconds between two counts."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Show a step until left. Where it fails its line ends without a time."""
    begun, over = time.monotonic(), threading.Event()

    def show(end: str = "") -> None:
        print(f"\r{text} … {time.monotonic() - begun:.0f} s", end=end, flush=True)

    def count() -> None:
        while not over.wait(TICK):
            show()

    counting = threading.Thread(target=count, daemon=True)
    if sys.stdout.isatty():
        show()
        counting.start()
    else:
        print(f"{text} …", end="", flush=True)
    try:
        yield
    except BaseException:
        over.set()
        print(flush=True)
        raise
    over.set()
    if counting.ident:
        counting.join()
        show(end="\n")
    else:
        print(f" {time.monotonic() - begun:.0f} s", flush=True)
