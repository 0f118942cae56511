"""Request of a heartbeat: one GET on a connection of its own, whose body is not read."""

import aiohttp

from adapters.phrase import Phrase, Span
from bot.telemetry.heartbeat import UNUSABLE_URL, HeartbeatFailed

REQUEST_TIMEOUT = 10.0
"""Seconds for the whole request: less than the interval, so no two of them overlap."""


async def fetch_heartbeat(url: str, timeout: float = REQUEST_TIMEOUT) -> None:
    """Fetch the URL. Raises `HeartbeatFailed` unless the status is 2xx.

    Redirects are not followed: they would hand the token in the URL to another server. Settings of the machine (proxy
    variables, netrc) are ignored, and cookies are not kept.
    """
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=timeout),
                headers={"User-Agent": "flatnet-bot"},
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise HeartbeatFailed(map_heartbeat_error(error, timeout)) from None  # their texts contain the URL
    if not 200 <= status < 300:
        raise HeartbeatFailed(
            Phrase("the server responded with status {status}. Check the address in the secret", status=str(status))
        )


def map_heartbeat_error(error: Exception, timeout: float) -> Phrase:
    """Map an error of the request to a sentence without the URL."""
    match error:
        case aiohttp.InvalidURL():
            return UNUSABLE_URL
        case aiohttp.ClientConnectorDNSError():
            return Phrase("the name of the server could not be resolved. Check DNS, and the address in the secret")
        case aiohttp.ClientSSLError():
            return Phrase("the certificate of the server is not trusted. Check it, and the address in the secret")
        case TimeoutError():
            return Phrase("the server did not respond within {time}. Check the connection to it", time=Span(timeout))
        case aiohttp.ClientConnectorError():
            return Phrase("could not connect to the server. Check the connection to it")
        case _:
            return Phrase("the connection to the server was lost. Check the connection to it")
