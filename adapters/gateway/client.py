"""HTTP client of the gateway API, one per host, kept open. The only adapter that imports aiohttp.

The requests of an action run concurrently, each with the action's whole deadline, so a hanging one does not cost the other
answers. Settings of the machine are ignored (proxy variables, netrc), redirects are not followed, cookies are not kept, and
a body is not read beyond the limit.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from adapters.action import Action, Answer
from adapters.error_text import clean_line, describe_error, map_local_error, walk_causes
from adapters.errors import DeadlineExceeded, HostError, HostIdentityError, OutcomeUnknown, ProtocolError, Unreachable
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.inventory import GatewaySide
from adapters.phrase import Phrase

CONNECT_TIMEOUT = 5.0
"""Seconds for opening a connection. An answer may take the action's whole deadline."""

KEEPALIVE_EXPIRY = 30.0
"""Seconds for which an idle connection is kept. nginx closes it after 75 (`keepalive_timeout`)."""

MAX_CONNECTIONS = 8
"""Connections to one gateway. Further requests wait for one of them, within their deadline."""


class HttpConnection:
    """Connection to the gateway API of one host. `monotonic` returns seconds and measures the duration of answers."""

    def __init__(self, side: GatewaySide, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._side = side
        self._monotonic = monotonic
        self._session: aiohttp.ClientSession | None = None

    async def perform(self, action: Action[Answer]) -> Answer:
        """Sends the action's requests concurrently and parses their responses into one answer."""
        if not isinstance(action, GatewayAction):
            raise TypeError(f"{type(action).__name__} is not for the gateway")
        requests = action.build_requests()
        if action.changes and any(_is_unsafe(request, action) for request in requests):
            raise TypeError(
                f"{type(action).__name__} must not change by GET, nor by DELETE unless it is repeatable: aiohttp repeats "
                "one whose connection was lost"
            )
        responses = await self._send_all(requests, action)
        failures = [response for response in responses if isinstance(response, HostError)]
        if failures and len(failures) == len(responses):
            raise max(failures, key=lambda failure: failure.maybe_ran)  # one that may have changed something counts most
        try:
            answer: Answer = action.parse(responses)
        except (ValueError, OverflowError) as error:  # the latter by a number that no time or integer can hold
            raise ProtocolError(
                Phrase("could not parse the gateway's response: {why}", why=describe_error(error)),
                maybe_ran=action.changes,
            ) from error
        return answer

    async def _send_all(
        self, requests: tuple[HttpRequest, ...], action: GatewayAction[Any]
    ) -> list[HttpResponse | HostError]:
        if action.fresh_connection:
            async with _open_session(self._side) as session:
                return await asyncio.gather(*(self._send_with_retry(session, request, action) for request in requests))
        if self._session is None:
            self._session = _open_session(self._side)
        session = self._session
        return await asyncio.gather(*(self._send_with_retry(session, request, action) for request in requests))

    async def aclose(self) -> None:
        """Closes the kept connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send_with_retry(
        self, session: aiohttp.ClientSession, request: HttpRequest, action: GatewayAction[Any]
    ) -> HttpResponse | HostError:
        """Sends one request. A read is retried once if its connection is lost, because a kept one may be dead.

        aiohttp itself repeats a GET that was lost before its response began. A response that breaks off is left to us.
        """
        try:
            async with asyncio.timeout(action.time_limit):
                try:
                    return await self._send_and_time(session, request, action.output_limit)
                except aiohttp.ClientError as error:
                    if action.changes or isinstance(error, NOT_SENT_ERRORS):
                        raise
                return await self._send_and_time(session, request, action.output_limit)
        except HostError as error:
            return error
        except aiohttp.ClientError as error:  # before `TimeoutError`, which some of them are
            return map_http_error(error, self._side, changes=action.changes)
        except TimeoutError:
            return DeadlineExceeded.after(action.time_limit, maybe_ran=action.changes)

    async def _send_and_time(self, session: aiohttp.ClientSession, request: HttpRequest, limit: int) -> HttpResponse:
        """Sends one request and measures its duration."""
        began = self._monotonic()
        status, date, body = await _send(session, self._side.url.rstrip("/") + request.path, request, limit)
        text = body.decode("utf-8", errors="replace")
        return HttpResponse(status, text, seconds=self._monotonic() - began, date=_parse_date(date))


def _is_unsafe(request: HttpRequest, action: GatewayAction[Any]) -> bool:
    """Returns whether aiohttp could repeat a request of this change although that may do harm."""
    return request.method == "GET" or (request.method == "DELETE" and not action.repeatable)


def _open_session(side: GatewaySide) -> aiohttp.ClientSession:
    # Loading the machine's CAs takes 20 ms and megabytes, so only for TLS. Without them no certificate is trusted.
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if any(url is not None and url.startswith("https:") for url in (side.url, side.proxy)):
        trust.load_default_certs()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_EXPIRY, ssl=trust),
        proxy=side.proxy,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "flatnet-bot"},
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
    )


async def _send(
    session: aiohttp.ClientSession, url: str, request: HttpRequest, limit: int
) -> tuple[int, str | None, bytearray]:
    """Sends one request, and returns the status, the header `Date` and the body."""
    body = bytearray()
    async with session.request(request.method, url, params=request.query, allow_redirects=False) as response:
        async for chunk in response.content.iter_any():
            body.extend(chunk)
            if len(body) > limit:
                raise ProtocolError(
                    Phrase("the gateway's response is larger than {n} bytes. Check that this is the gateway", n=limit),
                    maybe_ran=request.method != "GET",
                )
    return response.status, response.headers.get("Date"), body


def _parse_date(header: str | None) -> datetime | None:
    """Parses the header `Date`; None if it is absent, not a date, or without a zone."""
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


NOT_SENT_ERRORS = (
    aiohttp.ClientConnectorError,  # no connection: also to the proxy, and for names and certificates
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerFingerprintMismatch,
)
"""Errors raised before the request was sent: a change did not happen."""


def map_http_error(error: aiohttp.ClientError, side: GatewaySide, *, changes: bool) -> HostError:
    """Maps an error of aiohttp to a `HostError`."""
    if changes and not isinstance(error, NOT_SENT_ERRORS):
        return OutcomeUnknown(
            Phrase(
                "the connection to {where} was lost before the response arrived. Check the current state before retrying",
                where=side.url,
            )
        )
    if (local := map_local_error(error)) is not None:
        return local
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ServerFingerprintMismatch():
            return HostIdentityError(
                Phrase(
                    "the certificate of {where} is not trusted: {why}. Compare it with the one on the host",
                    where=side.url,
                    why=describe_error(error),
                )
            )
        case aiohttp.ServerTimeoutError():
            return DeadlineExceeded.after(CONNECT_TIMEOUT)  # a later timeout is the action's own deadline
        case aiohttp.ClientOSError() | aiohttp.ClientConnectionResetError() | aiohttp.ClientHttpProxyError():
            return Unreachable(
                Phrase(
                    "no response from {where}: {why}. Check OpenResty and Nebula on the host",
                    where=side.url,
                    why=describe_error(error),
                )
            )
        case _:
            return ProtocolError(
                Phrase(
                    "the response from {where} is not HTTP or was cut short: {why}. Check that this is the gateway",
                    where=side.url,
                    why=_describe_broken_response(error),
                )
            )


def _describe_broken_response(error: aiohttp.ClientError) -> Phrase | str:
    """Describes why a response could not be read, without the status 400 and the dump that aiohttp adds."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Phrase("connection closed")
    messages = (getattr(cause, "message", None) for cause in walk_causes(error))
    message = next((message for message in messages if isinstance(message, str)), None)
    return describe_error(error) if message is None else clean_line(message.partition("\n")[0].removesuffix(":"))
