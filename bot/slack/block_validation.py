"""Has Slack check every message and view that the bot can send, without sending one (`blocks.validate`).

    samples (`bot.rendering.slack.samples`) ─ with blocks ─▶ blocks.validate, one a second ─▶ refusals: kind, JSON pointer

Slack documents no rate for this method, so calls are a second apart and Retry-After is followed. A picture of a sample is a
file that does not exist; a refusal of the file alone is no fault of the message. A message without blocks has no structure
that could be wrong.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from adapters.phrase import Texts
from bot.rendering.slack.samples.messages import list_messages
from bot.rendering.slack.samples.views import list_views
from bot.security.untrusted_text import shorten, to_one_line
from bot.slack.api import TIMEOUT, SlackApi, make_client
from bot.slack.errors import retry_transient
from bot.slack.preflight import Tokens, check_tokens, reveal_token
from commands.catalogue import CATALOGUE
from commands.model.operation import Progress, ReadProgress

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
