"""The Socket Mode connection, and the watchdog that rebuilds it after a long disconnect.

Uses the `websockets` backend, because the aiohttp one retries a spent ticket forever. `websockets`
reconnected by itself in all cases that were tried; the watchdog is for the others.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import structlog
from slack_bolt.adapter.socket_mode.websockets import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from websockets.exceptions import ConnectionClosedOK, WebSocketException

from bot.runtime.clock import finishes_within
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import LIBRARY_ERRORS, SlackFailure, map_slack_error
from bot.slack.client.payloads import is_well_formed

CHECK_INTERVAL = 5.0
"""Seconds between two checks of the connection."""

RECONNECT_AFTER = 45.0
"""Seconds without a connection after which it is rebuilt; the library's own attempts take up to 40."""

CONNECT_TIMEOUT = 30.0
"""Seconds that opening a connection may take."""

CLOSE_TIMEOUT = 3.0
"""Seconds that closing a connection may take; after that it is cut."""

MAX_PAUSE = 60.0
"""Longest pause in seconds between two rebuild attempts."""

DEAD_SOCKET_SECONDS = 600.0
"""Seconds after which Slack no longer counts a socket that died without a close frame, such as one of an earlier run."""

HELLO_TIMEOUT = 10.0
"""Seconds in which Slack greets a new connection."""

_log = structlog.get_logger(__name__)


class SocketConnection(Protocol):
    """One Socket Mode connection, as the watchdog uses it."""

    async def is_connected(self) -> bool: ...

    async def close(self) -> None: ...


Connect = Callable[[], Awaitable[SocketConnection]]
"""Opens a connection. Raises `SlackFailure`."""


class ReconnectingSocket:
    """Keeps one connection open. `monotonic` and `sleep` are the watchdog's clock."""

    def __init__(self, connect: Connect, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._connect = connect
        self._monotonic = monotonic
        self._sleep = sleep
        self._line: SocketConnection | None = None
        self.rebuilt = 0

    async def open(self) -> None:
        """Connect for the first time."""
        self._line = await self._connect()

    async def is_connected(self) -> bool:
        return self._line is not None and await self._line.is_connected()

    async def watch(self) -> None:
        """Rebuild the connection after every `RECONNECT_AFTER` seconds without one; runs until cancelled."""
        seen, pause = self._monotonic(), CHECK_INTERVAL
        while True:
            await self._sleep(pause)
            if await self.is_connected():
                seen, pause = self._monotonic(), CHECK_INTERVAL
            elif self._monotonic() - seen >= RECONNECT_AFTER:
                pause = CHECK_INTERVAL if await self._rebuild() else min(pause * 2, MAX_PAUSE)

    async def close(self) -> None:
        """Close the connection; no further delivery is accepted."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _rebuild(self) -> bool:
        _log.warning("the socket stays disconnected and is rebuilt", rebuilt=self.rebuilt)
        await self.close()
        try:
            self._line = await self._connect()
        except SlackFailure as failure:
            _log.error("the socket could not be rebuilt", code=failure.code)
            return False
        self.rebuilt += 1
        return True


class BoltConnection:
    """A Bolt app's Socket Mode connection."""

    def __init__(self, handler: AsyncSocketModeHandler) -> None:
        self._handler = handler

    async def is_connected(self) -> bool:
        return bool(await self._handler.client.is_connected())

    async def close(self) -> None:
        """Close the connection within `CLOSE_TIMEOUT`.

        The library's tasks are cancelled first: the one that reads would log the closing as an error.
        """
        client = self._handler.client
        for task in (client.message_receiver, client.message_processor, client.current_session_monitor):
            if task is not None:
                task.cancel()
        try:
            await asyncio.wait_for(client.close(), CLOSE_TIMEOUT)  # type: ignore[no-untyped-call]
        except (TimeoutError, OSError, WebSocketException) as error:
            _log.warning("the socket closed without a close frame", error=type(error).__name__)


class BoltConnector:
    """Opens connections for one Bolt app; `last_event_at` is the time of Slack's last message.

    `client` asks for the socket's address with the app-level token. Slack greets each connection with the number of all
    connections of the app.
    """

    def __init__(
        self, app: AsyncApp, client: AsyncWebClient, token: str, api: SlackApi, now: Callable[[], datetime]
    ) -> None:
        self._app = app
        self._client = client
        self._token = token
        self._api = api
        self._now = now
        self.last_event_at: datetime | None = None
        self._greeted = asyncio.Event()
        self._count = 0

    async def connect(self) -> SocketConnection:
        """Open a new connection. Every failure is a `SlackFailure`; a connection that failed leaves nothing open."""
        handler = AsyncSocketModeHandler(self._app, self._token, web_client=self._client)
        handler.client.message_listeners.append(self._record_event)
        handler.client.socket_mode_request_listeners[:] = [_make_gate(handler)]
        handler.client.logger.addFilter(_is_worth_logging)
        line = BoltConnection(handler)
        try:
            await asyncio.wait_for(handler.connect_async(), CONNECT_TIMEOUT)  # type: ignore[no-untyped-call]
        except (*LIBRARY_ERRORS, WebSocketException) as error:
            await line.close()
            failure = map_slack_error(error)
            self._api.record_failure(failure)
            raise failure from error
        except BaseException:
            await line.close()
            raise
        return line

    async def warn_of_others(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Warn if another process is connected as this app and takes some of its events.

        Slack may still count a dead socket. So a count above one is checked once more later, with a second connection, whose
        greeting counts anew. That connection works like the first, so that it loses no event while it is open.
        """
        if await self._wait_for_greeting(sleep) <= 1:
            return
        _log.info(
            "slack counts several connections of this app, perhaps dead ones; they are counted again", count=self._count
        )
        await sleep(DEAD_SOCKET_SECONDS)
        self._greeted.clear()
        try:
            second = await self.connect()
        except SlackFailure as failure:
            _log.info("the connections of this app could not be counted again", code=failure.code)
            return
        count = await self._wait_for_greeting(sleep)
        await second.close()
        if count > 2:
            _log.warning("another process is connected as this app and takes some of its events; stop it", count=count - 1)

    async def _wait_for_greeting(self, sleep: Callable[[float], Awaitable[None]]) -> int:
        """Wait for a greeting; returns the number of connections that it counts, 0 without one."""
        greeting = asyncio.ensure_future(self._greeted.wait())
        try:
            return self._count if await finishes_within(greeting, HELLO_TIMEOUT, sleep) else 0
        finally:
            greeting.cancel()

    async def _record_event(self, client: Any, message: dict[str, Any], raw: str | None) -> None:
        self.last_event_at = self._now()
        count = message.get("num_connections")
        if isinstance(count, int):
            self._count = count
            self._greeted.set()
        if "envelope_id" in message and not isinstance(message.get("payload"), dict):
            message["payload"] = {}  # the library raises for anything else; the gate refuses this


def _make_gate(handler: AsyncSocketModeHandler) -> Callable[[Any, SocketModeRequest], Awaitable[None]]:
    """Make the listener that hands well-formed payloads to Bolt, and acknowledges all others without doing anything.

    Slack delivers what is not acknowledged again.
    """

    async def admit(client: Any, request: SocketModeRequest) -> None:
        if is_well_formed(request.payload):
            await handler.handle(client, request)
            return
        _log.warning("a delivery from Slack does not have the shape of one and is refused")
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    return admit


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return whether a log record of the library is worth keeping.

    The library logs the exception that it is handling as an error. An ordinary close is none: the watchdog reconnects.
    A message that it cannot even parse gets one line without a traceback.
    """
    if isinstance(sys.exception(), RecursionError):
        _log.warning("a message from Slack is nested too deep and is ignored")
        return False
    return not isinstance(sys.exception(), ConnectionClosedOK)
