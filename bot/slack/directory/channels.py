"""Channels as Slack describes them: their names, and whether one may be posted to.

Never one that is, or may be, shared with another organization:

is_ext_shared     is_shared     shared?         an invitation of another organization counts as shared
false             any           no
missing           false         no              group direct messages lack is_ext_shared
missing           missing       unknown
else                            yes
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import DIRECT_PREFIXES

CACHE_SECONDS = 300.0
"""Seconds for which a channel that was not shared is assumed to be unshared."""

MAX_CHANNELS = 10_000

MAX_NAMED, NAMES_TIMEOUT = 30, 2.0
"""Maximum channels that are looked up for one list, and seconds that this may take. The others keep their ids."""

SHARED_CODE = "shared_channel"
"""Our own code, beside Slack's: the channel is shared with another organization."""
SHARING_UNKNOWN_CODE = "shared_unknown"
"""Our own code, beside Slack's: Slack does not say whether the channel is shared."""

UNSCOPED_CODE = "shared_unscoped"
"""Our own code, beside Slack's: the scope for group direct messages is missing. All others are checked at the start."""

ABSENT_CODES = frozenset({"not_in_channel", "channel_not_found"})
"""Slack's codes for a channel that the bot is not in."""


class ChannelDirectory:
    """Cache of channels that are not shared. A slash command's payload does not contain this, so Slack is asked."""

    def __init__(self, api: SlackApi, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._monotonic = monotonic
        self._ours: dict[str, float] = {}
        self._names: dict[str, tuple[float, str]] = {}

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """Find the names of channels: `#ops` of a public channel, "" of a private one, whose name is not for every reader.

        Channels that Slack does not describe in time are left out.
        """
        found: dict[str, str] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(NAMES_TIMEOUT):
                for channel in sorted(set(channels))[:MAX_NAMED]:
                    with suppress(SlackFailure):
                        found[channel] = await self._find_name(channel)
        return found

    async def _find_name(self, channel: str) -> str:
        known_at, name = self._names.get(channel, (-CACHE_SECONDS, ""))
        if self._monotonic() - known_at < CACHE_SECONDS:
            return name
        conversation = await self._api.get_conversation(channel)
        said = str(conversation.get("name") or "")
        name = f"#{said}" if said and conversation.get("is_private") is False else ""
        if len(self._names) >= MAX_CHANNELS:
            self._names.clear()
        self._names[channel] = self._monotonic(), name
        return name

    async def check_postable(self, channel: str) -> None:
        """Return if the bot may post in the channel; raises `SlackFailure` with the reason if not.

        Direct messages are always allowed.
        """
        if (
            channel.startswith(DIRECT_PREFIXES)
            or self._monotonic() - self._ours.get(channel, -CACHE_SECONDS) < CACHE_SECONDS
        ):
            return
        try:
            conversation = await self._api.get_conversation(channel)
        except SlackFailure as failure:
            if failure.passing or failure.code in ABSENT_CODES:
                raise
            raise SlackFailure(UNSCOPED_CODE if failure.code == "missing_scope" else SHARING_UNKNOWN_CODE) from failure
        shared = is_shared(conversation)
        if shared is not False:
            raise SlackFailure(SHARED_CODE if shared else SHARING_UNKNOWN_CODE)
        if len(self._ours) >= MAX_CHANNELS:
            self._ours.clear()
        self._ours[channel] = self._monotonic()


def is_shared(conversation: Mapping[str, Any]) -> bool | None:
    """Return whether a channel is shared now or invited to be; None if Slack does not say."""
    if conversation.get("is_pending_ext_shared") or conversation.get("pending_shared"):
        return True
    said = conversation.get("is_ext_shared", conversation.get("is_shared"))
    return None if said is None else said is not False
