"""The gateway API over aiohttp, as the real one behaves (nginx with Lua).

Quirks: keys in random order, `\\/`, chunked JSON without a charset, `{}` for an empty list, HTML
for nginx's own errors, `/api/health` for any method and suffix and for anybody, 403 for an
address outside the overlay everywhere else.
"""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.lab.faults import DRIP_EVERY, FLOOD, Fault, Wire
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

REASONS = {403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}


class GatewayServer:
    """One gateway API on loopback. `requests` counts what arrived. `order` shuffles the keys of JSON objects."""

    def __init__(self, state: GatewayState, wire: Wire, *, order: random.Random | None = None) -> None:
        self.state = state
        self.wire = wire
        self.requests = 0
        self.on_answer: list[AnswerHook] = []
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
        response = self._page(request)
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

    def _page(self, request: web.BaseRequest) -> web.Response:
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
            return self._json(self._sync(self.state.answering()))
        return _html(404)

    def _sync(self, workers: Workers) -> dict[str, Any]:
        works = workers.lua is Lua.WORKS
        peers = list(workers.peers) if works else []
        answer: dict[str, Any] = {
            "peer_count": len(peers),
            "peers": peers or {},
            "sync_interval": 30,
            "sync_ttl": 300,
            "local_containers": self.state.containers,
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
                "count": self.state.containers,
                "free_space": 10412032,
                "capacity": 10485760,
                "shared_dict_name": "flatnet_containers",
            },
            "sync": self._sync(self.state.workers),
            "escalation": {"total": 0},
            "healthcheck": {"enabled": True, "active_ips": {}},
        }

    def _json(self, body: dict[str, Any]) -> web.Response:
        keys = list(body)
        self._order.shuffle(keys)
        text = json.dumps({key: body[key] for key in keys}, separators=(",", ":")).replace("/", "\\/") + "\n"
        response = web.Response(body=text.encode(), headers=HEADERS | {"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        return response


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
