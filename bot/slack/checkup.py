"""Slack as `doctor` looks at it: tokens, workspace, scopes, and the channel of requests; no socket is opened.

A second socket would get some of the deliveries that the running bot waits for.
"""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.phrase import Phrase
from bot.slack.api import SCOPES, TIMEOUT, Api, SlackFailure
from bot.slack.channels import ABSENT
from bot.slack.preflight import Bot, NotReady, Tokens, check_tokens, preflight


async def check_up(api_url: str, tokens: Tokens, team: str, channel: str | None) -> Bot:
    """Who the bot is there; raises as `preflight` does, and `NotReady` where it is not in `channel`."""
    check_tokens(tokens)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        token = tokens.bot.get_secret_value().strip()
        client = AsyncWebClient(token=token, base_url=api_url, session=session, retry_handlers=[])
        api = Api(client, session, lambda shown: shown)
        bot = await preflight(api, tokens, team, SCOPES)
        if channel is not None and not await _is_in(api, channel):
            raise NotReady(
                Phrase(
                    "the bot is not in {channel}, where approvals.channel shows requests; invite it there", channel=channel
                )
            )
        return bot


async def _is_in(api: Api, channel: str) -> bool:
    try:
        conversation = await api.conversation(channel)
    except SlackFailure as failure:
        if failure.code in ABSENT:
            return False
        raise
    return conversation.get("is_member") is True
