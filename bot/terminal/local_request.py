"""A request of this terminal's user, answered by this process."""

import os

from bot.app.application import Application
from bot.model.request import Answer, Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time


async def answer_here(application: Application, words: str, surface: Surface) -> Answer:
    """Answer as the user of this process, whose id is the system's."""
    user = SystemIdentity.from_uid(os.getuid())
    return await application.answer_request(Request(make_request_key(), user, words, surface, read_utc_time()))
