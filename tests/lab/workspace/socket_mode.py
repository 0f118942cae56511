"""Socket Mode: single-use tickets, up to ten connections that share the envelopes, acks, redeliveries.

An event that was not acknowledged is sent again over another connection, as long as there is one that has not seen it.

ticket ─▶ WebSocket ─▶ hello ─▶ envelopes ⇄ acks ─▶ disconnect frame (a warning; Slack closes later) ─▶ closed
"""

import asyncio
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import WSMsgType, web

from tests.lab.workspace.clock import Timing
from tests.lab.workspace.faults import DELIVERY, HANDSHAKE, Duplicated, Faults, ServerError
from tests.lab.workspace.journal import Acked, Connected, Delivered, Disconnected
from tests.lab.workspace.state import State

MOST_CONNECTIONS = 10

CLOSING = 1.0
"""Seconds that a client has to answer a close frame."""

Choose = Callable[[Sequence[web.WebSocketResponse]], web.WebSocketResponse]
"""Which connection gets an envelope; Slack promises no pattern."""


class Reason(StrEnum):
    """Why Slack says goodbye."""

    WARNING = "warning"
    REFRESH_REQUESTED = "refresh_requested"
    LINK_DISABLED = "link_disabled"
    TOO_MANY_WEBSOCKETS = "too_many_websockets"


class EnvelopeType(StrEnum):
    """The types of envelopes."""

    EVENT = "events_api"
    INTERACTIVE = "interactive"
    COMMAND = "slash_commands"


@dataclass(frozen=True)
class Ack:
    """An answer to an envelope, `after` so many seconds from its first sending; `payload` answers the person."""

    after: float
    payload: Mapping[str, Any] | None


@dataclass
class Delivery:
    """One envelope on its way. `attempts` counts sendings, copies included; 0: nobody was connected."""

    type: EnvelopeType
    payload: Mapping[str, Any]
    envelope_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: int = 0
    acks: list[Ack] = field(default_factory=list)
    in_time: bool = False
    """The first ack came within Slack's time; otherwise the person was told that it failed."""

    @property
    def acked_after(self) -> float | None:
        """Seconds to the first ack; None while there is none."""
        return self.acks[0].after if self.acks else None

    @property
    def ack_payload(self) -> Mapping[str, Any] | None:
        return self.acks[0].payload if self.acks else None

    @property
    def trigger_id(self) -> str:
        return str(self.payload.get("trigger_id", ""))


@dataclass
class _Awaited:
    delivery: Delivery
    sent_at: float
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    seen_by: list[web.WebSocketResponse] = field(default_factory=list)


class SocketMode:
    """The WebSocket side of the workspace."""

    def __init__(self, state: State, faults: Faults, timing: Timing, choose: Choose) -> None:
        self._state = state
        self._journal = state.journal
        self._monotonic = state.clock.monotonic
        self._faults = faults
        self._timing = timing
        self._choose = choose
        self._tickets: set[str] = set()
        self._connections: list[web.WebSocketResponse] = []
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._awaited: dict[str, _Awaited] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.dead = 0
        """Sockets that died without a word and are still counted."""

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    def ticket(self) -> str:
        """Admits one WebSocket, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket handshake and the life of the connection. A handshake that fails burns its ticket too."""
        ticket = request.query.get("ticket", "")
        known = ticket in self._tickets
        self._tickets.discard(ticket)
        fault = self._faults.take(HANDSHAKE)
        if isinstance(fault, ServerError):
            return web.Response(status=fault.status)
        if not known:
            return web.Response(status=404)
        connection = web.WebSocketResponse(timeout=CLOSING)
        await connection.prepare(request)
        if self.open >= MOST_CONNECTIONS:
            await self._say_goodbye(connection, Reason.TOO_MANY_WEBSOCKETS)
            await connection.close()
            return connection
        assert isinstance(request.transport, asyncio.Transport)
        await self._serve(connection, request.transport)
        return connection

    async def deliver(self, delivery: Delivery) -> Delivery:
        """Send an envelope and wait for its ack, at most as long as Slack waits.

        An event that is not acknowledged is sent again later; commands and clicks are not.
        """
        if not self._connections:
            return delivery
        awaited = self._awaited[delivery.envelope_id] = _Awaited(delivery, self._monotonic())
        fault = self._faults.take(DELIVERY)
        for _ in range(fault.copies if isinstance(fault, Duplicated) else 1):
            await self._send(awaited)
        delivery.in_time = await _within(self._timing.ack, awaited.acked)
        if not delivery.in_time and delivery.type is EnvelopeType.EVENT:
            self._keep(self._deliver_again(awaited))
        return delivery

    async def disconnect(self, reason: Reason) -> None:
        """Announce the end of the connections that are open now, and close them after the usual time.

        Switching Socket Mode off (`link_disabled`) closes at once.
        """
        leaving = list(self._connections)
        for connection in leaving:
            await self._say_goodbye(connection, reason)
        wait = 0 if reason is Reason.LINK_DISABLED else self._timing.farewell
        self._keep(self._close_later(leaving, wait))

    def abort(self) -> None:
        """Cut every connection without a word, as a lost network does."""
        for connection in self._connections:
            self._transports[connection].abort()

    async def close(self) -> None:
        """Close every connection and forget what was still to be sent again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(connection.close() for connection in self._connections))

    async def _serve(self, connection: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._connections.append(connection)
        self._transports[connection] = transport
        try:
            await _send(connection, self._hello())
            self._journal.record(Connected(self.open))
            async for frame in connection:
                if frame.type is WSMsgType.TEXT:
                    self._acknowledge(frame.data)
        finally:
            self._connections.remove(connection)
            del self._transports[connection]
            self._journal.record(Disconnected(self.open))

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": self.open + self.dead,
            "connection_info": {"app_id": self._state.seed.app},
            "debug_info": {"host": "applink-lab", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _acknowledge(self, text: str) -> None:
        """Take an ack down; what is none, or names no envelope that is awaited, is ignored as by Slack."""
        try:
            frame = json.loads(text)
        except ValueError:
            return
        name = frame.get("envelope_id") if isinstance(frame, dict) else None
        awaited = self._awaited.get(name) if isinstance(name, str) else None
        if awaited is None:
            return
        payload = frame.get("payload")
        ack = Ack(self._monotonic() - awaited.sent_at, payload if isinstance(payload, dict) else None)
        awaited.delivery.acks.append(ack)
        awaited.acked.set()
        self._journal.record(Acked(awaited.delivery.envelope_id, ack.after, ack.payload))

    async def _send(self, awaited: _Awaited, **retry: Any) -> None:
        """One sending over any one connection; sent again, over one that has not seen it."""
        if not self._connections:
            return
        delivery = awaited.delivery
        envelope = {
            "envelope_id": delivery.envelope_id,
            "type": delivery.type.value,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.type is not EnvelopeType.EVENT,
            **retry,
        }
        delivery.attempts += 1
        self._journal.record(Delivered(delivery.envelope_id, delivery.payload, delivery.attempts))
        fresh = [connection for connection in self._connections if connection not in awaited.seen_by]
        connection = self._choose(fresh or self._connections)
        awaited.seen_by.append(connection)
        await _send(connection, envelope)

    async def _deliver_again(self, awaited: _Awaited) -> None:
        for number, wait in enumerate(self._timing.redeliveries, start=1):
            if await _within(wait, awaited.acked):
                return
            await self._send(awaited, retry_attempt=number, retry_reason="timeout")

    @staticmethod
    async def _say_goodbye(connection: web.WebSocketResponse, reason: Reason) -> None:
        await _send(connection, {"type": "disconnect", "reason": reason.value, "debug_info": {"host": "applink-lab"}})

    @staticmethod
    async def _close_later(connections: list[web.WebSocketResponse], seconds: float) -> None:
        await asyncio.sleep(seconds)
        await asyncio.gather(*(connection.close() for connection in connections))

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _send(connection: web.WebSocketResponse, frame: Mapping[str, Any]) -> None:
    """A connection that is just going takes the frame with it."""
    with suppress(ConnectionError):
        await connection.send_json(frame)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
