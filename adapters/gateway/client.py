"""HTTP client of the gateway API, one per host, kept open. The only importer of httpx.

The requests of an action run concurrently, each with the action's whole deadline, so a hanging one does not cost the other
answers. Settings of the machine are ignored (proxy variables, netrc), redirects are not followed, and a body is not read
beyond the limit.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
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


class HttpConnection:
    """Connection to the gateway API of one host. `monotonic` returns seconds and measures the duration of answers."""

    def __init__(self, side: GatewaySide, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._side = side
        self._monotonic = monotonic
        self._client: httpx.AsyncClient | None = None

    async def perform(self, action: Action[Answer]) -> Answer:
        """Sends the action's requests concurrently and parses their responses into one answer."""
        if not isinstance(action, GatewayAction):
            raise TypeError(f"{type(action).__name__} is not for the gateway")
        if self._client is None:
            self._client = _make_client(self._side)
        client = self._client
        responses = await asyncio.gather(
            *(self._send_with_retry(client, request, action) for request in action.build_requests())
        )
        failures = [response for response in responses if isinstance(response, HostError)]
        if failures and len(failures) == len(responses):
            raise failures[0]
        try:
            answer: Answer = action.parse(responses)
        except ValueError as error:
            raise ProtocolError(
                Phrase("could not parse the gateway's response: {why}", why=describe_error(error)),
                maybe_ran=action.changes,
            ) from error
        return answer

    async def aclose(self) -> None:
        """Closes the kept connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _send_with_retry(
        self, client: httpx.AsyncClient, request: HttpRequest, action: GatewayAction[Any]
    ) -> HttpResponse | HostError:
        """Sends one request. A read is retried once if its kept connection turns out to be dead."""
        try:
            async with asyncio.timeout(action.deadline):
                try:
                    return await self._send_and_time(client, request, action.output_limit)
                except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                    if action.changes:
                        raise
                return await self._send_and_time(client, request, action.output_limit)
        except HostError as error:
            return error
        except TimeoutError:
            return DeadlineExceeded.after(action.deadline, maybe_ran=action.changes)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict) as error:
            return map_http_error(error, self._side, changes=action.changes)

    async def _send_and_time(self, client: httpx.AsyncClient, request: HttpRequest, limit: int) -> HttpResponse:
        """Sends one request and measures its duration."""
        began = self._monotonic()
        response = await _send(client, request, limit)
        return replace(response, seconds=self._monotonic() - began)


def _make_client(side: GatewaySide) -> httpx.AsyncClient:
    # Loading the machine's CAs takes 20 ms and megabytes, so only for TLS. Without them no certificate is trusted.
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if any(url is not None and url.startswith("https:") for url in (side.url, side.proxy)):
        trust.load_default_certs()
    return httpx.AsyncClient(
        base_url=side.url,
        proxy=side.proxy,
        verify=trust,
        trust_env=False,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT),
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=KEEPALIVE_EXPIRY),
    )


async def _send(client: httpx.AsyncClient, request: HttpRequest, limit: int) -> HttpResponse:
    body = bytearray()
    async with client.stream(request.method, request.path, params=dict(request.query)) as response:
        async for chunk in response.aiter_raw():
            body.extend(chunk)
            if len(body) > limit:
                raise ProtocolError(
                    Phrase("the gateway's response is larger than {n} bytes. Check that this is the gateway", n=limit),
                    maybe_ran=request.method != "GET",
                )
    text = body.decode("utf-8", errors="replace")
    return HttpResponse(status=response.status_code, text=text)


NOT_SENT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Errors raised before the request was sent: a change did not happen."""


def map_http_error(error: Exception, side: GatewaySide, *, changes: bool) -> HostError:
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
    match error:
        case httpx.ConnectError() if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in walk_causes(error)):
            return HostIdentityError(
                Phrase(
                    "the certificate of {where} is not trusted: {why}. Compare it with the one on the host",
                    where=side.url,
                    why=describe_error(error),
                )
            )
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
                    why=describe_error(error),
                )
            )
