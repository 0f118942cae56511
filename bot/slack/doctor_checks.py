"""Slack checks for `doctor`: tokens, workspace, scopes, and the channels that the configuration names.

No socket is opened: a second one would receive some of the deliveries that the running bot waits for.

| channel | finding |
| --- | --- |
| the bot is not a member, or Slack does not know the channel | invite the bot |
| archived | messages cannot be posted there |
| shared with another organization, or invited to be | the bot does not post there |
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from adapters.phrase import Listing, Phrase
from bot.slack.api import TIMEOUT, SlackApi, make_client
from bot.slack.directory.channels import ABSENT_CODES, is_shared
from bot.slack.errors import SlackFailure
from bot.slack.preflight import SlackBotUser, Tokens, check_tokens, reveal_token, run_preflight
from bot.slack.scopes import SCOPES, describe_missing


@dataclass(frozen=True)
class SlackCheckResult:
    """The bot's identity in Slack, and the reasons why it cannot post in channels.

    `missing` are the optional scopes that it lacks, None if it has them all.
    """

    bot: SlackBotUser
    missing: Listing | None
    troubles: tuple[Phrase, ...]


async def inspect_slack(api_url: str, tokens: Tokens, team: str, channels: Mapping[str, str]) -> SlackCheckResult:
    """Check Slack. `channels` maps ids to the configuration key that names each. Raises as `run_preflight` does."""
    check_tokens(tokens)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        client = make_client(api_url, session, reveal_token(tokens.bot))
        api = SlackApi(client, session, lambda shown: shown)
        bot = await run_preflight(api, tokens, team, SCOPES)
        troubles = [await _find_channel_problem(api, bot, channel, key) for channel, key in channels.items()]
    return SlackCheckResult(bot, describe_missing(bot.scopes), tuple(trouble for trouble in troubles if trouble is not None))


async def _find_channel_problem(api: SlackApi, bot: SlackBotUser, channel: str, key: str) -> Phrase | None:
    """Return the reason why the bot cannot post in a channel, with its fix; None if it can."""
    try:
        conversation = await api.get_conversation(channel)
    except SlackFailure as failure:
        if failure.code not in ABSENT_CODES:
            raise
        conversation = {}
    if conversation.get("is_archived"):
        return Phrase(
            "channel {channel} (set in {key}) is archived. Unarchive it in Slack, or set another",
            channel=channel,
            key=key,
        )
    if conversation.get("is_member") is not True:
        return Phrase(
            "the bot is not in {channel} (set in {key}). Invite it there: {command}",
            channel=channel,
            key=key,
            command=f"/invite @{bot.name}",
        )
    if is_shared(conversation) is not False:
        return Phrase(
            "channel {channel} (set in {key}) is shared with another organization, so the bot does not post there. Set "
            "another",
            channel=channel,
            key=key,
        )
    return None
