"""Progress of work of this process, on its terminal."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from adapters.phrase import Texts
from bot.rendering.progress_line import render_progress_line
from bot.runtime.progress_watch import watch_progress
from bot.terminal.progress_bar import show_line
from commands.model.operation import Progress, ReadProgress

Done = TypeVar("Done")


async def run_with_progress(work: Callable[[Progress], Coroutine[Any, Any, Done]], texts: Texts) -> Done:
    """Return the result of the work, and show its progress if it takes long."""
    with show_line() as show:

        async def draw(seen: ReadProgress) -> None:
            show(render_progress_line(seen, shutil.get_terminal_size().columns, texts))

        return await watch_progress(work, draw, asyncio.sleep)
