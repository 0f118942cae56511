"""The gateway API over aiohttp, as the real one behaves (nginx with Lua).

Quirks: keys in random order, `\\/`, chunked JSON without a charset, `{}` for an empty list, HTML
for nginx's own errors, `/api/health` for any method and suffix and for anybody, 403 for an
address outside the overlay everywhere else.
"""

import asyncio
import json
import random
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from tests.lab.faults import DRIP_EVERY, FLOOD, Fault, Wire
from tests.lab.gateway.endpoints import Asked, Page, answer
from tests.lab.gateway.state import GatewayState, Lua, Workers
from tests.lab.holds import Hold, Holds, When
from tests.lab.line import Listener

HEADERS = {
    "Server": "openresty/1.27.1.2",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

AnswerHook = Callable[[web.BaseRequest, web.Response], None]
"""Called with each request and its answer, as nginx writes both into its access log."""

REASONS = {403: "Forbidden", 404: "Not Found", 405: "Not Allowed", 500: "Internal Server Error"}

FindPeer = Callable[[str], "GatewayServer | None"]
"""Finds the gateway that a peer's URL means; None where nothing listens."""

SILENT = frozenset({Fault.SWALLOW, Fault.HANG})
"""Faults of a peer for which a gateway waits until its own time is over."""


class GatewayServer:
    """One gateway API on loopback. `requests` counts what arrived. `order` shuffles the keys of JSON objects."""

    def __init__(self, state: GatewayState, wire: Wire, *, order: random.Random | None = None) -> None:
        self.state = state
        self.wire = wire
        self.requests = 0
        self.on_answer: list[AnswerHook] = []
        self.on_request: list[Callable[[], None]] = []
        self.find_peer: FindPeer = lambda url: None
        self._pulled_at = state.now()
        self._order = order or random.Random(state.host_id)
        self._web = web.Server(self._answer, access_log=None, handler_cancellation=True)
        self._holds = Holds()
        self._listener = Listener(wire, self._web)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self, port: int = 0) -> int:
        return self._listener.start(port)

    async def stop(self) -> None:
        self._listener.stop()
        await self._web.shutdown(timeout=0)

    def hold(self, path: str, when: When) -> Hold:
        """Hold the next request for that path, before its page is made or before it is sent."""
        return self._holds.add(path, when)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        if self.wire.fault is Fault.HANG:
            await asyncio.Event().wait()
        await self._holds.pass_by(request.path, "before")
        for prepare in self.on_request:
            prepare()
        response = await self._page(request)
        await self._holds.pass_by(request.path, "after")
        for hook in self.on_answer:
            hook(request, response)
        match self.wire.fault:
            case Fault.FLOOD:
                return web.Response(body=b"x" * FLOOD, content_type="application/json", headers=HEADERS)
            case Fault.CLOSE | Fault.STALL | Fault.DRIP as fault:
                return await _unfinished(request, response, fault)
            case _:
                return response

    async def _page(self, request: web.BaseRequest) -> web.Response:
        path = request.path
        if path.startswith("/api/health") and not path.startswith("/api/healthcheck/status"):
            # `return` runs before `allow` and `deny`, and the location is a prefix
            return web.Response(text=self.state.health, content_type="text/plain", charset="utf-8", headers=HEADERS)
        if self.state.foreign or self.wire.fault is Fault.AUTHENTICATION:
            return _html(403)
        if self.state.lua is Lua.BROKEN:
            return _html(500)
        if path.startswith("/api/status"):
            return self._json(self._status())
        if path == "/api/sync/status":
            return self._json(self._sync(self.state.answering))
        self._pull_by_the_clock()
        if path == "/api/sync/pull":
            return self._json(await self._pull()) if request.method == "POST" else self._json(_NOT_ALLOWED, 405)
        asked = Asked(request.method, path, request.query, await request.read(), "X-Flatnet-Host-ID" in request.headers)
        page = answer(asked, self.state) or Page(404)
        if not asked.from_peer:
            self.tell_peers(page.push, page.drop)
        return _html(page.status) if page.body is None else self._json(page.body, page.status)

    def _list_peers(self) -> list["GatewayServer | None"]:
        return [self.find_peer(peer) for peer in self.state.peers] if self.state.lua is Lua.WORKS else []

    def _pull_by_the_clock(self) -> None:
        """What its timer would have done meanwhile."""
        if (self.state.now() - self._pulled_at).total_seconds() < self.state.interval:
            return
        self._pulled_at = self.state.now()
        for peer in self._list_peers():
            if peer is not None and peer.answers_peers:
                self.state.registrations.pull(peer.state.registrations)

    async def _pull(self) -> dict[str, Any]:
        """One peer after another; 200 whatever became of them."""
        counts = {True: 0, False: 0}
        for peer in self._list_peers():
            if peer is not None and peer.wire.fault in SILENT:
                await asyncio.sleep(self.state.peer_timeout)
            well = peer is not None and peer.answers_peers
            if well and peer is not None:
                self.state.registrations.pull(peer.state.registrations)
            counts[well] += 1
        return {"action": "pull", "success_count": counts[True], "failure_count": counts[False]}

    @property
    def answers_peers(self) -> bool:
        """Whether its peers can read it. They are on the overlay, wherever the bot is."""
        return self.wire.fault is Fault.NONE and self.wire.served and self.state.lua is Lua.WORKS

    @property
    def hears_plugin(self) -> bool:
        """Whether the network plug-in of its own host can reach it."""
        return self.wire.served and self.state.lua is Lua.WORKS

    def tell_peers(self, push: dict[str, Any] | None = None, drop: str = "") -> None:
        """Tell those that hear it of a registration that was made, or of the id of one that was deleted."""
        for peer in self._list_peers():
            if peer is None or not peer.answers_peers or peer.state.deaf:
                continue
            if push is not None:
                peer.state.registrations.register(dict(push))
            if drop:
                peer.state.registrations.forget(drop)

    def _sync(self, workers: Workers) -> dict[str, Any]:
        works = workers.lua is Lua.WORKS
        peers = list(workers.peers) if works else []
        answer: dict[str, Any] = {
            "peer_count": len(peers),
            "peers": peers or {},
            "sync_interval": self.state.interval,
            "sync_ttl": 300,
            "local_containers": self.state.registrations.count,
        }
        if works:
            # over plain HTTP only the content can show that another host answers
            host_id = workers.host_id + (self.wire.fault is Fault.IDENTITY)
            answer["host_id"] = str(host_id) if self.state.host_id_as_text else host_id
        return answer

    def _status(self) -> dict[str, Any]:
        return {
            "status": "running",
            "service": "flatnet-gateway-api",
            "stage": self.state.stage,
            "registry": {
                "count": self.state.registrations.count,
                "free_space": 10412032,
                "capacity": 10485760,
                "shared_dict_name": "flatnet_containers",
            },
            "sync": self._sync(self.state.workers),
            "escalation": {"total": 0},
            "healthcheck": {"enabled": True, "active_ips": {}},
        }

    def _json(self, body: Any, status: int = 200) -> web.Response:
        if isinstance(body, dict):
            keys = list(body)
            self._order.shuffle(keys)
            body = {key: body[key] for key in keys}
        text = json.dumps(body, separators=(",", ":")).replace("/", "\\/") + "\n"
        date = format_datetime(self.state.now(), usegmt=True)
        headers = HEADERS | {"Content-Type": "application/json", "Date": date}
        response = web.Response(status=status, reason=REASONS.get(status), body=text.encode(), headers=headers)
        response.enable_chunked_encoding()
        return response


_NOT_ALLOWED = {"error": "method not allowed"}


def _html(status: int) -> web.Response:
    line = f"{status} {REASONS[status]}"
    text = (
        f"<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n<center><h1>{line}</h1></center>\r\n"
        "<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n"
    )
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8", headers=HEADERS)


async def _unfinished(request: web.BaseRequest, whole: web.Response, fault: Fault) -> web.StreamResponse:
    """Half of the body, then the end of the connection, or silence, or bytes without end."""
    response = web.StreamResponse(headers=whole.headers)
    body = whole.body
    assert isinstance(body, bytes)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if fault is Fault.STALL:
        await asyncio.Event().wait()
    while fault is Fault.DRIP:
        await response.write(b" ")
        await asyncio.sleep(DRIP_EVERY)
    assert request.transport is not None
    request.transport.close()
    return response
