"""Check that a channel may be posted to: never one that is, or may be, shared with another organization.

is_ext_shared     is_shared     shared?         an invitation of another organization counts as shared
false             any           no
missing           false         no              group direct messages lack is_ext_shared
missing           missing       unknown
else                            yes
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.slack.api import SlackApi
from bot.slack.errors import SlackFailure
from bot.slack.payload_types import DIRECT_PREFIXES

CACHE_SECONDS = 300.0
"""Seconds for which a channel that was not shared is assumed to be unshared."""

MAX_CHANNELS = 10_000

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
