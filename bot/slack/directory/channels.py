"""Check that a channel may be posted to: never one that is, or may be, shared with another organization."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.slack.api import Api, SlackFailure

FRESH = 300.0
"""Seconds for which a channel that was not shared is assumed to be unshared."""

CHANNELS_LIMIT = 10_000

SHARED = "shared_channel"
"""Our own codes beside Slack's: shared with another organization."""
UNKNOWN = "shared_unknown"
"""Our own codes beside Slack's: the channel is shared with another organization; Slack does not say whether it is."""

ABSENT = frozenset({"not_in_channel", "channel_not_found"})
"""Slack's codes for a channel that the bot is not in."""


class Channels:
    """Cache of channels that are not shared. A slash command's payload does not say so, so Slack is asked."""

    def __init__(self, api: Api, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._monotonic = monotonic
        self._ours: dict[str, float] = {}

    async def check(self, channel: str) -> None:
        """Return if the bot may post in the channel; raises `SlackFailure` with the reason if not.

        Direct messages are always allowed.
        """
        if channel.startswith("D") or self._monotonic() - self._ours.get(channel, -FRESH) < FRESH:
            return
        try:
            conversation = await self._api.conversation(channel)
        except SlackFailure as failure:
            if failure.passing or failure.code in ABSENT:
                raise
            raise SlackFailure(UNKNOWN) from failure
        if shared(conversation):
            raise SlackFailure(SHARED)
        if len(self._ours) >= CHANNELS_LIMIT:
            self._ours.clear()
        self._ours[channel] = self._monotonic()


def shared(conversation: Mapping[str, Any]) -> bool:
    """Return whether a channel is shared now or invited to be. One that is not clearly unshared counts as shared."""
    return conversation.get("is_ext_shared") is not False or bool(conversation.get("is_pending_ext_shared"))
