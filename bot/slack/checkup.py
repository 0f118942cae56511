"""Slack as `doctor` looks at it: tokens, workspace and scopes, asked of Slack; no socket is opened.

A second socket would get some of the deliveries that the running bot waits for.
"""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.api import SCOPES, TIMEOUT, Api
from bot.slack.preflight import Bot, Tokens, check_tokens, preflight


async def check_up(api_url: str, tokens: Tokens, team: str) -> Bot:
    """Who the bot is there; raises as `preflight` does."""
    check_tokens(tokens)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        token = tokens.bot.get_secret_value().strip()
        client = AsyncWebClient(token=token, base_url=api_url, session=session, retry_handlers=[])
        return await preflight(Api(client, session), tokens, team, SCOPES)
