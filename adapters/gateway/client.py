"""HTTP client of the gateway API, one per host, kept open. The only adapter that imports httpx.

The requests of an action run concurrently, each with the action's whole deadline, so a hanging one does not cost the other
answers. httpx sends a request once, and so nothing that changes is sent twice. Its transport is used without a client around
it: settings of the machine are ignored (proxy variables, netrc), redirects are not followed, cookies are not kept, and no
body is decompressed. A body is not read beyond the limit.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from adapters.action import Action, Answer
from adapters.error_text import describe_error, map_local_error, walk_causes
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

PATIENCE = 1.0
"""Seconds after which an answer that has not arrived counts as missing for `build_further_requests`."""

_EXTENSIONS = {"timeout": httpx.Timeout(None, connect=CONNECT_TIMEOUT).as_dict()}
_LIMITS = httpx.Limits(
    max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_EXPIRY
)
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "flatnet-bot"}

Response = HttpResponse | HostError


class HttpConnection:
    """Connection to the gateway API of one host. `monotonic` returns seconds and measures the duration of answers."""

    def __init__(self, side: GatewaySide, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._side = side
        self._monotonic = monotonic
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def perform(self, action: Action[Answer]) -> Answer:
        """Sends the action's requests concurrently and parses their responses into one answer."""
        if not isinstance(action, GatewayAction):
            raise TypeError(f"{type(action).__name__} is not for the gateway")
        if action.changes and any(request.method == "GET" for request in action.build_requests()):
            raise TypeError(f"{type(action).__name__} must not change by GET: a proxy on the way may repeat it")
        responses = await self._send_all(action)
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

    async def _send_all(self, action: GatewayAction[Any]) -> list[Response]:
        if action.fresh_connection:
            async with _open_transport(self._side) as transport:
                return await self._send_in_turn(transport, action)
        if self._transport is None:
            self._transport = _open_transport(self._side)
        return await self._send_in_turn(self._transport, action)

    async def _send_in_turn(self, transport: httpx.AsyncHTTPTransport, action: GatewayAction[Any]) -> list[Response]:
        """Sends the action's requests, and then those that it builds from their answers."""
        async with asyncio.TaskGroup() as group:
            first = [group.create_task(self._send_with_retry(transport, each, action)) for each in action.build_requests()]
            await asyncio.wait(first, timeout=PATIENCE)
            further = action.build_further_requests([task.result() if task.done() else None for task in first])
            rest = [group.create_task(self._send_with_retry(transport, each, action)) for each in further]
        return [task.result() for task in (*first, *rest)]

    async def aclose(self) -> None:
        """Closes the kept connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def _send_with_retry(
        self, transport: httpx.AsyncHTTPTransport, request: HttpRequest, action: GatewayAction[Any]
    ) -> Response:
        """Sends one request. A read is sent once more if its connection is lost, because a kept one may be dead."""
        try:
            async with asyncio.timeout(action.time_limit):
                try:
                    return await self._send_and_time(transport, request, action.output_limit)
                except httpx.HTTPError as error:
                    if action.changes or isinstance(error, NOT_SENT_ERRORS):
                        raise
                return await self._send_and_time(transport, request, action.output_limit)
        except HostError as error:
            return error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return map_http_error(error, self._side, changes=action.changes)
        except TimeoutError:
            return DeadlineExceeded.after(action.time_limit, maybe_ran=action.changes)

    async def _send_and_time(self, transport: httpx.AsyncHTTPTransport, request: HttpRequest, limit: int) -> HttpResponse:
        """Sends one request and measures its duration."""
        began = self._monotonic()
        status, date, body = await _send(transport, self._side.url.rstrip("/"), request, limit)
        text = body.decode("utf-8", errors="replace")
        return HttpResponse(status, text, seconds=self._monotonic() - began, date=_parse_date(date))


def _open_transport(side: GatewaySide) -> httpx.AsyncHTTPTransport:
    # Loading the machine's CAs takes 20 ms and megabytes, so only for TLS. Without them no certificate is trusted.
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if any(url is not None and url.startswith("https:") for url in (side.url, side.proxy)):
        trust.load_default_certs()
    return httpx.AsyncHTTPTransport(
        verify=trust,
        proxy=None if side.proxy is None else httpx.Proxy(side.proxy, ssl_context=_get_proxy_trust(side.proxy, trust)),
        trust_env=False,
        limits=_LIMITS,
    )


def _get_proxy_trust(proxy: str, trust: ssl.SSLContext) -> ssl.SSLContext | None:
    """Returns the trust for the way to the proxy; None without TLS, which httpx refuses to combine."""
    return trust if proxy.startswith("https:") else None


async def _send(
    transport: httpx.AsyncHTTPTransport, url: str, request: HttpRequest, limit: int
) -> tuple[int, str | None, bytearray]:
    """Sends one request, and returns the status, the header `Date` and the body."""
    body = bytearray()
    response = await transport.handle_async_request(_build_request(url, request))
    try:
        async for chunk in response.aiter_raw():
            body.extend(chunk)
            if len(body) > limit:
                raise ProtocolError(
                    Phrase("the gateway's response is larger than {n} bytes. Check that this is the gateway", n=limit),
                    maybe_ran=request.method != "GET",
                )
    finally:
        await response.aclose()
    return response.status_code, response.headers.get("Date"), body


def _build_request(url: str, request: HttpRequest) -> httpx.Request:
    query = request.query or None
    return httpx.Request(request.method, url + request.path, params=query, headers=_HEADERS, extensions=_EXTENSIONS)


def _parse_date(header: str | None) -> datetime | None:
    """Parses the header `Date`; None if it is absent, not a date, or without a zone."""
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


HttpError = httpx.HTTPError | httpx.InvalidURL

NOT_SENT_ERRORS = (
    httpx.ConnectError,  # no connection: also for names and certificates
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.PoolTimeout,
    httpx.ProxyError,  # the proxy refused a tunnel
    httpx.UnsupportedProtocol,
)
"""Errors raised before the request was sent: a change did not happen."""


def map_http_error(error: HttpError, side: GatewaySide, *, changes: bool) -> HostError:
    """Maps an error of httpx to a `HostError`."""
    if changes and not isinstance(error, NOT_SENT_ERRORS):
        return OutcomeUnknown(
            Phrase(
                "the connection to {where} was lost before the response arrived. Check the current state before retrying",
                where=side.url,
            )
        )
    if (local := map_local_error(error)) is not None:
        return local
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in walk_causes(error)):
        return HostIdentityError(
            Phrase(
                "the certificate of {where} is not trusted: {why}. Compare it with the one on the host",
                where=side.url,
                why=describe_error(error),
            )
        )
    match error:
        case httpx.TimeoutException():
            return DeadlineExceeded.after(CONNECT_TIMEOUT)  # a later timeout is the action's own deadline
        case httpx.NetworkError() | httpx.ProxyError():
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


_BROKEN = Phrase("it does not follow the protocol")

_REASONS: Mapping[type[HttpError], Phrase] = {
    httpx.InvalidURL: Phrase("the address is not valid"),
    httpx.UnsupportedProtocol: Phrase("the address is not valid"),
}


def _describe_broken_response(error: HttpError) -> Phrase:
    """Describes why a response could not be read. The library's own words may quote bytes of the other side."""
    if isinstance(error, httpx.RemoteProtocolError) and _is_end_of_stream(error):
        return Phrase("connection closed")
    return _REASONS.get(type(error), _BROKEN)


def _is_end_of_stream(error: httpx.RemoteProtocolError) -> bool:
    """Returns whether the other side closed the connection before the end of its response.

    httpcore and h11 have no kinds of their own for it, only these words.
    """
    return str(error).startswith(("Server disconnected", "peer closed connection"))
