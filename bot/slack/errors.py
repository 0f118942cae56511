"""What went wrong with Slack, as one type: the one place where library exceptions and Slack's codes become ours."""

import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase

PATIENCE_LIMIT = 300.0
"""The longest Retry-After in seconds that is believed."""

PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
"""Slack's error codes that go away by themselves."""

PERHAPS_DONE = frozenset({"internal_error", "fatal_error", "request_timeout"})
"""Of those, the ones after which Slack may have done what it was asked."""

LIBRARY_ERRORS = (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError)
"""What the libraries raise. ValueError: an answer that is no text or no address; AttributeError: the SDK reads
an answer that is not a JSON object as if it were one."""

_CODE = re.compile(r"[a-z_]{2,60}")

_Answer = TypeVar("_Answer")


class SlackFailure(FlatnetError):
    """Slack did not do what it was asked.

    `code` is Slack's own error code, or `http_<status>`, `unreachable`, `lost`, `protocol`.
    `passing`: worth trying again, not before `retry_after` seconds. `maybe_done`: the answer was
    lost, so that trying again may do it twice.
    """

    def __init__(self, code: str, *, passing: bool = False, maybe_done: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(
            Phrase("Slack did not do what it was asked ({code}); check the way to Slack, then try again", code=code)
        )
        self.code = code
        self.passing = passing
        self.maybe_done = maybe_done
        self.retry_after = retry_after


async def translating(call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    try:
        return await call()
    except LIBRARY_ERRORS as error:
        raise translated(error) from error


async def patiently(
    call: Callable[[], Awaitable[_Answer]],
    pauses: Iterable[float],
    sleep: Callable[[float], Awaitable[None]],
    longest: float = math.inf,
) -> _Answer:
    """Try again what passes by itself, after each of these seconds, or as many as Slack asks for, up to `longest`.

    For calls that may be done twice: one whose answer was lost is tried again, too.
    """
    for pause in pauses:
        try:
            return await call()
        except SlackFailure as failure:
            if not failure.passing or failure.retry_after > longest:
                raise
            await sleep(max(pause, failure.retry_after))
    return await call()


def translated(error: Exception) -> SlackFailure:
    """What a library's exception means."""
    match error:
        case SlackApiError():
            return _answered(error.response)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return SlackFailure("unreachable", passing=True)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return SlackFailure("protocol")
        case aiohttp.ClientError() | OSError():
            return SlackFailure("lost", passing=True, maybe_done=True)
        case _:
            return SlackFailure("protocol", passing=True, maybe_done=True)


def _answered(response: Any) -> SlackFailure:
    """The failure in an answer; where its JSON was broken the SDK hands over aiohttp's own response."""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return refused(status, code if isinstance(code, str) else "", response.headers)


def refused(status: int, code: str, headers: Mapping[str, str]) -> SlackFailure:
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return SlackFailure("ratelimited", passing=True, retry_after=_retry_after(headers))
    if status >= 500:
        return SlackFailure(f"http_{status}", passing=True, maybe_done=status != 503, retry_after=_retry_after(headers))
    if code:
        return SlackFailure(code, passing=code in PASSING, maybe_done=code in PERHAPS_DONE)
    if status == 200:
        return SlackFailure("protocol", passing=True, maybe_done=True)
    return SlackFailure(f"http_{status}")


def _retry_after(headers: Mapping[str, str]) -> float:
    given = headers.get("Retry-After") or headers.get("retry-after") or ""
    return min(float(given), PATIENCE_LIMIT) if given.isascii() and given.isdigit() else 0.0


def code_in(body: str) -> str:
    """The error code in a response_url's answer: undocumented, seen as JSON and as one plain word. "" where all is well."""
    try:
        document = json.loads(body)
    except ValueError:
        document = {"error": body.strip()}
    code = document.get("error") if isinstance(document, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) and code != "ok" else ""
