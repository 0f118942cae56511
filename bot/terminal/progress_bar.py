"""Progress bar on a terminal while many hosts are read: how many have answered, and which are still awaited."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from adapters.phrase import Phrase, Texts
from commands.model import operation
from commands.model.phrases import list_some

MAX_NAMED_PLACES = 3
"""Number of places that are named; more are counted."""


@contextmanager
def show_progress(console: Console, texts: Texts) -> Iterator[operation.Progress]:
    """Show progress while the block runs, and erase it at the end. On anything but a terminal, nothing is shown."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("", total=None)

        def update(seen: operation.ReadProgress) -> None:
            described = _describe_awaited(seen.awaited, texts)
            shown.update(task, total=seen.total, completed=seen.answered, description=described)

        yield update


def _describe_awaited(awaited: Sequence[str], texts: Texts) -> str:
    return (
        Phrase("waiting for {places}", places=list_some(awaited, MAX_NAMED_PLACES)).render_sentence(texts) if awaited else ""
    )
