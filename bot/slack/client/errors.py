"""Slack's failures as one type: the one place that maps library exceptions and Slack's codes."""

import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase

MAX_RETRY_AFTER = 300.0
"""Longest Retry-After in seconds that is believed."""

TRANSIENT_CODES = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "message_limit_exceeded",
        "team_added_to_org",
        "org_login_required",
    }
)
"""Slack's error codes for failures that pass by themselves. `message_limit_exceeded`: the whole workspace sends too many
messages; `team_added_to_org`, `org_login_required`: the workspace is moving to an Enterprise organization."""

UNCERTAIN_CODES = frozenset({"internal_error", "fatal_error", "request_timeout"})
"""Transient codes after which Slack may have done what it was asked."""

LIBRARY_ERRORS = (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError)
"""Exceptions that the libraries raise. ValueError: the answer is not text, or an address is invalid; AttributeError: the SDK
reads an answer that is not a JSON object as if it were one."""

QUICK_PAUSES = (1.0, 3.0)
"""Seconds before each retry of a call for which a person or a message waits."""

QUICK_RETRY_AFTER = 10.0
"""Longest Retry-After in seconds that such a call waits for."""

_CODE = re.compile(r"[a-z_]{2,60}")

_Answer = TypeVar("_Answer")


class SlackFailure(FlatnetError):
    """Slack did not do what it was asked.

    `code` is Slack's own error code, or `http_<status>`, `unreachable`, `lost`, `protocol`.
    `passing`: worth a retry, but not before `retry_after` seconds. `maybe_done`: the answer was
    lost, so a retry may do it twice.
    """

    def __init__(self, code: str, *, passing: bool = False, maybe_done: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(Phrase("Slack request failed ({code}). Check the connection to Slack and try again", code=code))
        self.code = code
        self.passing = passing
        self.maybe_done = maybe_done
        self.retry_after = retry_after


async def call_slack(call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Await a call; raises `SlackFailure` for every library error."""
    try:
        return await call()
    except LIBRARY_ERRORS as error:
        raise map_slack_error(error) from error


async def retry_transient(
    call: Callable[[], Awaitable[_Answer]],
    pauses: Iterable[float],
    sleep: Callable[[float], Awaitable[None]],
    longest: float = math.inf,
) -> _Answer:
    """Retry transient failures after each of these pauses, or after Slack's Retry-After if that is longer, up to `longest`.

    Only for idempotent calls: a call whose answer was lost is retried, too.
    """
    for pause in pauses:
        try:
            return await call()
        except SlackFailure as failure:
            if not failure.passing or failure.retry_after > longest:
                raise
            await sleep(max(pause, failure.retry_after))
    return await call()


async def retry_quickly(call: Callable[[], Awaitable[_Answer]], sleep: Callable[[float], Awaitable[None]]) -> _Answer:
    """Retry transient failures as `retry_transient`, but for a few seconds only."""
    return await retry_transient(call, QUICK_PAUSES, sleep, QUICK_RETRY_AFTER)


def map_slack_error(error: Exception) -> SlackFailure:
    """Map a library's exception to a `SlackFailure`."""
    match error:
        case SlackApiError():
            return _map_response(error.response)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return SlackFailure("unreachable", passing=True)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return SlackFailure("protocol")
        case aiohttp.ClientError() | OSError():
            return SlackFailure("lost", passing=True, maybe_done=True)
        case _:
            return SlackFailure("protocol", passing=True, maybe_done=True)


def _map_response(response: Any) -> SlackFailure:
    """Map an error response. If its JSON was broken, the SDK passes on aiohttp's own response."""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return classify_answer(status, code if isinstance(code, str) else "", response.headers)


def classify_answer(status: int, code: str, headers: Mapping[str, str]) -> SlackFailure:
    """Map a status and Slack's code to a `SlackFailure`."""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return SlackFailure("ratelimited", passing=True, retry_after=_parse_retry_after(headers))
    if status >= 500:
        return SlackFailure(
            f"http_{status}", passing=True, maybe_done=status != 503, retry_after=_parse_retry_after(headers)
        )
    if code:
        return SlackFailure(code, passing=code in TRANSIENT_CODES, maybe_done=code in UNCERTAIN_CODES)
    if status == 200:
        return SlackFailure("protocol", passing=True, maybe_done=True)
    return SlackFailure(f"http_{status}")


def _parse_retry_after(headers: Mapping[str, str]) -> float:
    given = headers.get("Retry-After") or headers.get("retry-after") or ""
    return min(float(given), MAX_RETRY_AFTER) if given.isascii() and given.isdigit() else 0.0


def parse_error_code(body: str) -> str:
    """Parse the error code in a response_url's answer; "" if there is none.

    The format is undocumented; JSON and a single plain word have been observed.
    """
    try:
        document = json.loads(body)
    except ValueError:
        document = {"error": body.strip()}
    code = document.get("error") if isinstance(document, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) and code != "ok" else ""
