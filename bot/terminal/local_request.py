"""A request of this terminal's user, answered by this process."""

import os
from functools import partial

from adapters.phrase import Texts
from bot.app.application import Application
from bot.model.request import Answer, Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from bot.terminal.local_progress import run_with_progress


async def answer_here(application: Application, words: str, surface: Surface, texts: Texts) -> Answer:
    """Answer as the user of this process, whose id is the system's, with progress on the terminal."""
    user = SystemIdentity.from_uid(os.getuid())
    asked = Request(make_request_key(), user, words, surface, read_utc_time())
    return await run_with_progress(partial(application.answer_request, asked), texts)
