"""Check that a channel may be posted to: never one that is, or may be, shared with another organization."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.slack.api import SlackApi
from bot.slack.errors import SlackFailure

CACHE_SECONDS = 300.0
"""Seconds for which a channel that was not shared is assumed to be unshared."""

MAX_CHANNELS = 10_000

SHARED_CODE = "shared_channel"
"""Our own code, beside Slack's: the channel is shared with another organization."""
SHARING_UNKNOWN_CODE = "shared_unknown"
"""Our own code, beside Slack's: Slack does not say whether the channel is shared."""

ABSENT_CODES = frozenset({"not_in_channel", "channel_not_found"})
"""Slack's codes for a channel that the bot is not in."""


class ChannelDirectory:
    """Cache of channels that are not shared. A slash command's payload does not contain this, so Slack is asked."""

    def __init__(self, api: SlackApi, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._monotonic = monotonic
        self._ours: dict[str, float] = {}

    async def check_postable(self, channel: str) -> None:
        """Return if the bot may post in the channel; raises `SlackFailure` with the reason if not.

        Direct messages are always allowed.
        """
        if channel.startswith("D") or self._monotonic() - self._ours.get(channel, -CACHE_SECONDS) < CACHE_SECONDS:
            return
        try:
            conversation = await self._api.get_conversation(channel)
        except SlackFailure as failure:
            if failure.passing or failure.code in ABSENT_CODES:
                raise
            raise SlackFailure(SHARING_UNKNOWN_CODE) from failure
        if is_shared(conversation):
            raise SlackFailure(SHARED_CODE)
        if len(self._ours) >= MAX_CHANNELS:
            self._ours.clear()
        self._ours[channel] = self._monotonic()


def is_shared(conversation: Mapping[str, Any]) -> bool:
    """Return whether a channel is shared now or invited to be. One that is not clearly unshared counts as shared."""
    return conversation.get("is_ext_shared") is not False or bool(conversation.get("is_pending_ext_shared"))
