"""Slack as `doctor` looks at it: tokens, workspace, scopes, and the channels in which something is to be said.

No socket is opened: a second one would get some of the deliveries that the running bot waits for.

| channel | then |
| --- | --- |
| the bot is no member, or Slack does not know it | invite it |
| archived | nobody can post there |
| shared with another organisation, or invited to be | the bot does not post there |
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.phrase import Phrase
from bot.slack.api import SCOPES, TIMEOUT, Api, SlackFailure
from bot.slack.directory.channels import ABSENT, shared
from bot.slack.preflight import Bot, Tokens, check_tokens, preflight


@dataclass(frozen=True)
class CheckUp:
    """Who the bot is there, and what keeps it from speaking in channels."""

    bot: Bot
    troubles: tuple[Phrase, ...]


async def check_up(api_url: str, tokens: Tokens, team: str, channels: Mapping[str, str]) -> CheckUp:
    """Look at Slack; `channels` by id, with the key of the configuration that names each. Raises as `preflight` does."""
    check_tokens(tokens)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        token = tokens.bot.get_secret_value().strip()
        client = AsyncWebClient(token=token, base_url=api_url, session=session, retry_handlers=[])
        api = Api(client, session, lambda shown: shown)
        bot = await preflight(api, tokens, team, SCOPES)
        troubles = [await _trouble(api, bot, channel, key) for channel, key in channels.items()]
    return CheckUp(bot, tuple(trouble for trouble in troubles if trouble is not None))


async def _trouble(api: Api, bot: Bot, channel: str, key: str) -> Phrase | None:
    """Why nothing can be said in a channel, and the mend; None where it can."""
    try:
        conversation = await api.conversation(channel)
    except SlackFailure as failure:
        if failure.code not in ABSENT:
            raise
        conversation = {}
    if conversation.get("is_archived"):
        return Phrase(
            "the channel {channel}, which {key} names, is archived; unarchive it in Slack, or name another there",
            channel=channel,
            key=key,
        )
    if conversation.get("is_member") is not True:
        return Phrase(
            "the bot is not in {channel}, which {key} names; invite it there: {command}",
            channel=channel,
            key=key,
            command=f"/invite @{bot.name}",
        )
    if shared(conversation):
        return Phrase(
            "the channel {channel}, which {key} names, is shared with another organisation, "
            "so the bot does not post there; name another",
            channel=channel,
            key=key,
        )
    return None
