"""A request of this terminal's user, answered by this process."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from adapters.phrase import Texts
from bot.app.application import Application
from bot.model.request import Answer, Request, Surface, SystemIdentity, make_request_key
from bot.rendering.text import render_progress_line
from bot.runtime.clock import read_utc_time
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


async def answer_here(application: Application, words: str, surface: Surface, texts: Texts) -> Answer:
    """Answer as the user of this process, whose id is the system's, with progress on the terminal."""
    user = SystemIdentity.from_uid(os.getuid())
    asked = Request(make_request_key(), user, words, surface, read_utc_time())
    return await run_with_progress(partial(application.answer_request, asked), texts)
