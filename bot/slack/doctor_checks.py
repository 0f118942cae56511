"""Slack checks for `doctor`: tokens, workspace, scopes, and the channels that the configuration names.

No socket is opened: a second one would receive some of the deliveries that the running bot waits for.

| channel | finding |
| --- | --- |
| the bot is not a member, or Slack does not know the channel | invite the bot |
| archived | messages cannot be posted there |
| shared with another organization, or invited to be | the bot does not post there |

Has Slack check every message and view that the bot can send, without sending one (`blocks.validate`).

    samples (`bot.slack.samples`) ─ with blocks ─▶ blocks.validate, one a second ─▶ refusals: kind, JSON pointer

Slack documents no rate for this method, so calls are a second apart and Retry-After is followed. A picture of a sample is a
file that does not exist; a refusal of the file alone is no fault of the message. A message without blocks has no structure
that could be wrong.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from adapters.phrase import Listing, Phrase, Texts
from bot.security.untrusted_text import shorten, to_one_line
from bot.slack.client.api import TIMEOUT, SlackApi, make_client
from bot.slack.client.errors import SlackFailure, retry_transient
from bot.slack.client.preflight import (
    SCOPES,
    SlackBotUser,
    Tokens,
    check_tokens,
    describe_missing,
    reveal_token,
    run_preflight,
)
from bot.slack.directory.channels import ABSENT_CODES, is_shared
from bot.slack.samples.messages import list_messages
from bot.slack.samples.views import list_views
from commands.catalogue import CATALOGUE
from commands.model.operation import Progress, ReadProgress


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


CALL_PAUSE = 1.0
"""Seconds between two calls: "design for 1 request per second" (docs.slack.dev, rate limits)."""

RETRY_PAUSES = (2.0, 10.0, 30.0)
"""Minimum seconds before each retry of one call. Slack may ask for more."""

_FILE_POINTER = "/slack_file"
_MAX_POINTER, _MAX_MESSAGE = 120, 300

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class BlockRefusal:
    """A fault that Slack finds in one kind of message or view: the JSON pointer of its place, and Slack's words."""

    kind: str
    pointer: str
    message: str


async def validate_samples(
    api_url: str, tokens: Tokens, texts: Texts, sleep: Sleep, progress: Progress
) -> tuple[int, tuple[BlockRefusal, ...]]:
    """Have Slack check all samples; returns their number and the refusals. Raises `SlackFailure` without an answer."""
    check_tokens(tokens)
    samples = dict(_list_payloads(texts))
    refusals: list[BlockRefusal] = []
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        api = SlackApi(make_client(api_url, session, reveal_token(tokens.bot)), session, lambda shown: shown)
        left = list(samples)
        for kind, (form, payload) in samples.items():
            progress(ReadProgress(len(samples), tuple(left), place="check"))
            refusals += await _validate(api, kind, form, payload, sleep)
            left.remove(kind)
            await sleep(CALL_PAUSE if left else 0.0)
    progress(ReadProgress(len(samples), (), place="check"))
    return len(samples), tuple(refusals)


def _list_payloads(texts: Texts) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    """List kind, form and payload of each sample with blocks."""
    for sample in list_messages(CATALOGUE, texts):
        if sample.message.blocks:
            yield sample.kind, ("message", {"text": sample.message.text, "blocks": list(sample.message.blocks)})
    for view in list_views(CATALOGUE, texts):
        yield view.kind, ("view", view.view)


async def _validate(api: SlackApi, kind: str, form: str, payload: Mapping[str, Any], sleep: Sleep) -> list[BlockRefusal]:
    errors = await retry_transient(lambda: api.validate(form, payload), RETRY_PAUSES, sleep)
    found = [_read_error(kind, error) for error in errors]
    return [refusal for refusal in found if not refusal.pointer.endswith(_FILE_POINTER)]


def _read_error(kind: str, error: Mapping[str, Any]) -> BlockRefusal:
    """Read one error. Its fields are untrusted, and may be missing."""
    pointer, message, code = (to_one_line(str(error.get(name) or "")) for name in ("pointer", "message", "code"))
    return BlockRefusal(kind, shorten(pointer, _MAX_POINTER) or "/", shorten(message or code, _MAX_MESSAGE) or "?")
