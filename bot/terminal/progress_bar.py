"""Progress on a terminal, on a line of standard error that changes in place. Uses the standard library alone.

the running bot renders ─▶ control socket ─▶ show_line      `do` and `shell`, where a bot runs
bot.terminal.local_request renders ───────▶ show_line       `do`, `shell` and `doctor`, where none runs
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ERASE = "\r\x1b[2K"
"""Returns to the beginning of the line and erases it (ECMA-48: CR, EL 2)."""


@contextmanager
def show_line() -> Iterator[Callable[[str], None]]:
    """Show a line while the block runs, and erase it at the end. On anything but a terminal, nothing is shown."""
    stream, shown = sys.stderr, False
    can_erase = stream.isatty() and os.environ.get("TERM") not in (None, "", "dumb")

    def show(line: str) -> None:
        nonlocal shown
        if can_erase:
            shown = True
            stream.write(f"{ERASE}{line}")
            stream.flush()

    try:
        yield show
    finally:
        if shown:
            stream.write(ERASE)
            stream.flush()
