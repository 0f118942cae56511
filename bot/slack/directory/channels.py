"""Whether a channel may be posted to: never one that is, or may be, shared with another organisation."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.slack.api import Api, SlackFailure

FRESH = 300.0
"""Seconds for which a channel that was ours alone is taken to be so still."""

CHANNELS_LIMIT = 10_000

SHARED = "shared_channel"
UNKNOWN = "shared_unknown"
"""Our own codes beside Slack's: shared with another organisation; Slack does not say whether."""

ABSENT = frozenset({"not_in_channel", "channel_not_found"})
"""Slack's codes for a channel in which the bot is not."""


class Channels:
    """What is known of channels. A slash command's payload does not say whether its channel is shared, so Slack is asked."""

    def __init__(self, api: Api, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._monotonic = monotonic
        self._ours: dict[str, float] = {}

    async def check(self, channel: str) -> None:
        """Return where posting is allowed; else a `SlackFailure` says why not. A direct message always is."""
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
    """Shared now, or invited to be. What does not say that it is not shared counts as shared."""
    return conversation.get("is_ext_shared") is not False or bool(conversation.get("is_pending_ext_shared"))
