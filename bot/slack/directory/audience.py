"""People who do not see a channel. Fails safe: if Slack does not list its members, all count as absent, because too many
messages are better than none.

    people, user groups ─▶ people, each once ─ members of the channel are left out ─▶ absent people

A mention notifies members of its channel only, so absent people get a direct message.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from weakref import WeakValueDictionary

import structlog

from bot.runtime.clock import Clock
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure, retry_quickly
from bot.slack.client.payloads import GROUP_PREFIX
from bot.slack.directory.groups import GroupDirectory

CACHE_SECONDS = 60.0
"""Seconds for which Slack's list of members is trusted."""

MAX_PAGES = 10
"""Pages of members that are read: ten thousand people. In a larger channel all count as absent."""

TOO_MANY_CODE = "too_many_members"
"""Our own code, beside Slack's: the channel has more members than are read."""

MAX_CHANNELS = 1_000
"""Maximum number of cached channels."""

_log = structlog.get_logger(__name__)


class Audience:
    """Members of channels and user groups, as the readers of a message."""

    def __init__(self, api: SlackApi, groups: GroupDirectory, clock: Clock) -> None:
        self._api = api
        self._groups = groups
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str] | None]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def expand(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the people among these ids, and the members of the user groups among them, each once."""
        found: dict[str, None] = {}
        for each in ids:
            members = sorted(await self._groups.list_members(each)) if each.startswith(GROUP_PREFIX) else (each,)
            found |= dict.fromkeys(members)
        return tuple(found)

    async def find_absent(self, people: Sequence[str], channel: str) -> tuple[str, ...]:
        """Return those people who are not known to see a channel. "" is no channel: nobody sees it. Never raises."""
        if not channel or not people:
            return tuple(people)
        async with self._locks.setdefault(channel, asyncio.Lock()):
            at, members = self._known.get(channel, (-CACHE_SECONDS, None))
            if self._clock.monotonic() - at >= CACHE_SECONDS:
                members = await self._fetch(channel)
        return tuple(person for person in people if members is None or person not in members)

    async def _fetch(self, channel: str) -> frozenset[str] | None:
        """Fetch the members of a channel; None, logged, if they remain unknown. That is cached for a large channel alone."""
        self._known.pop(channel, None)
        members: frozenset[str] | None = None
        try:
            members = await self._list_members(channel)
        except SlackFailure as failure:
            _log.warning("the members of a channel are unknown, so all are notified", channel=channel, code=failure.code)
            if failure.code != TOO_MANY_CODE:
                return None
        if len(self._known) >= MAX_CHANNELS:
            del self._known[next(iter(self._known))]
        self._known[channel] = (self._clock.monotonic(), members)
        return members

    async def _list_members(self, channel: str) -> frozenset[str]:
        found: set[str] = set()
        cursor = ""
        for _ in range(MAX_PAGES):
            page, cursor = await retry_quickly(partial(self._api.list_channel_members, channel, cursor), self._clock.sleep)
            found |= page
            if not cursor:
                return frozenset(found)
        raise SlackFailure(TOO_MANY_CODE)
