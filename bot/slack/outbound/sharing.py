"""Checks that Slack has done what it accepted: files.completeUploadExternal answers ok before the file is ready.

    file in a conversation   `shares` of files.info names it once a message there shows the file
    picture                  `mimetype` of files.info is filled once Slack has looked at it. Before, no message may show it

Both need the optional scope `files:read`. Without it nothing is known, and Slack is believed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from bot.runtime.clock import Clock
from bot.slack.api import SlackApi
from bot.slack.errors import SlackFailure
from bot.slack.scopes import FILE_SCOPE

SHARING_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further question whether a file is shared."""

LOOKING_PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each further question whether a picture can be shown. The answer waits meanwhile."""

NOT_SHARED_CODE = "not_shared"
"""Code of a file that Slack accepted and did not share. It is the bot's own, no code of Slack's."""

_log = structlog.get_logger(__name__)


class FileWatcher:
    """Asks for the state of uploaded files."""

    def __init__(self, api: SlackApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    async def is_shared(self, file: str, channel: str) -> bool:
        """Return whether a conversation shows the file; True as well if that cannot be known."""
        return await self._wait_until(file, lambda read: _is_shared_in(read, channel), SHARING_PAUSES)

    async def wait_for_picture(self, file: str) -> None:
        """Wait until a message may show the picture, but not for long: the outbox tries again."""
        await self._wait_until(file, lambda read: bool(read.get("mimetype")), LOOKING_PAUSES)

    async def _wait_until(self, file: str, ready: Callable[[Mapping[str, Any]], bool], pauses: tuple[float, ...]) -> bool:
        """Ask until the file is ready. Return False only if Slack answered, and never said so."""
        if FILE_SCOPE not in self._api.scopes:
            return True
        answered = False
        for pause in (*pauses, None):
            try:
                if ready(await self._api.get_file(file)):
                    return True
                answered = True
            except SlackFailure as failure:
                _log.info("the state of a file is not known", file=file, code=failure.code)
            if pause is not None:
                await self._clock.sleep(pause)
        return not answered


def _is_shared_in(read: Mapping[str, Any], channel: str) -> bool:
    shares = read.get("shares")
    places = shares.values() if isinstance(shares, dict) else ()
    return any(isinstance(place, dict) and place.get(channel) for place in places)
