"""Persistent connecting: Slack is tried again until it is connected, or until it refuses what the configuration has.

attempt ─┬─ connected ─▶ the bot's identity
         ├─ a token, the workspace or a scope is wrong ─▶ `SlackNotReady`: a person must fix it first
         └─ anything else ─▶ a pause, and the next attempt
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from adapters.errors import FlatnetError
from bot.slack.client.errors import SlackFailure
from bot.slack.client.preflight import SlackBotUser, SlackNotReady

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
"""Seconds after each attempt, if Slack gives no Retry-After; the last one repeats."""

_log = structlog.get_logger(__name__)


class Connectable(Protocol):
    """A surface that tries once to connect (`bot.slack.surface`)."""

    async def connect(self) -> SlackBotUser: ...


async def connect_persistently(surface: Connectable, sleep: Callable[[float], Awaitable[None]]) -> SlackBotUser:
    """Connect, however long that takes; returns the bot's identity.

    Raises `SlackNotReady`. A failure is logged when it is another one than that of the attempt before.
    """
    attempts, logged = 0, ""
    while True:
        try:
            return await surface.connect()
        except SlackNotReady:
            raise
        except FlatnetError as error:
            why, bug, least = str(error), None, error.retry_after if isinstance(error, SlackFailure) else 0.0
        except Exception as error:  # a bug in one attempt: changes go on, and the next attempt may succeed
            why, bug, least = repr(error), error, 0.0
        if why != logged:
            _log.warning("could not connect to slack; the bot tries again", why=why, attempts=attempts + 1, exc_info=bug)
        logged, pause = why, PAUSES[min(attempts, len(PAUSES) - 1)]
        attempts += 1
        await sleep(max(pause, least))
