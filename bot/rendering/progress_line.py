"""Renders the progress of a read as one line of a terminal: `[#####-----] 3/6 waiting for host-e …`. Pure."""

from rich.cells import chop_cells

from adapters.phrase import Phrase, Texts
from bot.security.untrusted_text import to_one_line
from commands.model.finding import list_some
from commands.model.operation import ReadProgress

BAR_WIDTH = 20
"""Characters of the bar."""

MAX_NAMED_PLACES = 3
"""Number of places that are named; more are counted."""


def render_progress_line(seen: ReadProgress, columns: int, texts: Texts) -> str:
    """Renders the line for a terminal of that width. It leaves the last column free, where some terminals wrap."""
    filled = BAR_WIDTH * seen.answered // max(1, seen.total)
    bar = f"[{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {seen.answered}/{seen.total}"
    awaited = Phrase("waiting for {places}", places=list_some(seen.awaited, MAX_NAMED_PLACES)) if seen.awaited else None
    said = "" if awaited is None else f" {to_one_line(awaited.render(texts))}"
    return next(iter(chop_cells(f"{bar}{said}", max(1, columns - 1))), "")
