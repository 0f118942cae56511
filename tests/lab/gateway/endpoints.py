"""The API's pages about containers, escalation and routing, as the real gateway answers them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab.gateway.state import Escalated, GatewayState

MAX_BODY = 16 * 1024
"""Bytes that nginx keeps in memory. A larger body is spooled to a file, where Lua does not find it."""

STATES = ("GATEWAY_ONLY", "P2P_ATTEMPTING", "P2P_ACTIVE", "GATEWAY_FALLBACK")


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    from_peer: bool = False


@dataclass(frozen=True)
class Page:
    """One answer. `body` None: nginx's own page of that status. `push` and `drop` are what the peers are told."""

    status: int
    body: Any = None
    push: dict[str, Any] | None = None
    drop: str = ""


HTML_404, HTML_500 = Page(404), Page(500)


def answer(asked: Asked, state: GatewayState) -> Page | None:
    """The page; None for a path that is not one of these."""
    if asked.path.startswith("/api/containers"):
        return _containers(asked, state)
    if (found := re.fullmatch(r"/api/lookup/ip/([0-9.]+)", asked.path)) is not None:
        info = state.registrations.find_by_ip(found[1])
        return Page(404, {"ip": found[1], "error": "not found"}) if info is None else Page(200, info)
    if asked.path.startswith("/api/escalation/"):
        return _escalation(asked, state)
    if asked.path.startswith("/api/routing/"):
        return _routing(asked, state)
    return None


def _containers(asked: Asked, state: GatewayState) -> Page:
    found = re.fullmatch(r"/api/containers/([A-Za-z0-9_-]{1,128})", asked.path)
    key = None if found is None else found[1]
    match asked.method:
        case "GET" if key is None:  # also for an id that is none
            return Page(200, [_listed(info) for info in state.registrations.collect()] or {})
        case "GET":
            info = state.registrations.find(key or "")
            return Page(404, {"id": key, "error": "container not found"}) if info is None else Page(200, _shown(info))
        case "POST" if key is not None:
            return Page(405, {"error": "method not allowed", "method": "POST", "path": asked.path})
        case "POST":
            return _register(asked, state)
        case "DELETE" if key is None:
            return Page(400, {"error": "container ID required for DELETE"})
        case "DELETE":
            note = {} if state.registrations.forget(key or "") else {"note": "already deleted"}
            return Page(200, {"success": True, "id": key, **note}, drop="" if note else key or "")
        case method:
            return Page(405, {"method": method, "allowed": ["GET", "POST", "DELETE"], "error": "method not allowed"})


def _register(asked: Asked, state: GatewayState) -> Page:
    if not asked.body or len(asked.body) > MAX_BODY:
        return Page(400, {"error": "invalid request body", "details": "empty body"})
    try:
        said = json.loads(asked.body)
    except ValueError:
        return Page(400, {"error": "invalid request body", "details": "invalid JSON"})
    if said is None or isinstance(said, int | float):
        return HTML_500
    if not isinstance(said, dict) or not said.get("id") or not said.get("ip"):
        return Page(400, {"error": "missing required fields: id, ip"})
    if isinstance(said["id"], list | dict | bool):
        return HTML_500
    info = {name: said[name] for name in ("id", "ip", "hostname", "ports", "createdAt") if said.get(name) is not None}
    info["hostId"] = said.get("hostId") or 1
    state.registrations.register(info)
    return Page(201, {"success": True, "id": said["id"]}, push=info)


def _shown(info: dict[str, Any]) -> dict[str, Any]:
    """As Lua writes it: an empty list is an empty table, and its JSON is `{}`."""
    return {name: value if value != [] else {} for name, value in info.items()}


def _listed(info: dict[str, Any]) -> dict[str, Any]:
    return _shown(info) | {"ttl": 300}


def _escalation(asked: Asked, state: GatewayState) -> Page:
    ip = asked.query.get("ip")
    match asked.path.removeprefix("/api/escalation/"):
        case "states":
            return Page(200, {each: _state(entry) for each, entry in state.escalated.items()})
        case "stats":
            return Page(200, _escalation_stats(state))
        case "attempt" | "reset" if asked.method != "POST":
            return Page(405, {"error": "method not allowed"})
        case "attempt" | "reset" | "state" if ip is None:
            return Page(400, {"error": "ip parameter required"})
        case "attempt":
            return _attempt(ip or "", asked.query.get("gateway"), state)
        case "reset":
            state.escalated.pop(ip or "", None)
            return Page(200, {"success": True, "ip": ip, "state": "GATEWAY_ONLY"})
        case name if name.startswith("state"):
            return Page(200, {"ip": ip, **_state(state.escalated.get(ip or "", Escalated("GATEWAY_ONLY")))})
        case _:
            return HTML_404


def _attempt(ip: str, gateway: str | None, state: GatewayState) -> Page:
    now = state.escalated.get(ip, Escalated("GATEWAY_ONLY"))
    if now.state not in ("GATEWAY_ONLY", "GATEWAY_FALLBACK"):
        return Page(400, {"error": f"P2P attempt not allowed from state: {now.state}"})
    state.escalated[ip] = Escalated("P2P_ATTEMPTING", state.now().timestamp(), gateway)
    return Page(200, {"success": True, "ip": ip, "state": "P2P_ATTEMPTING"})


def _state(entry: Escalated) -> dict[str, Any]:
    metadata = {"target_gateway": entry.target, "attempt_started": entry.began}
    known = {name: value for name, value in metadata.items() if value is not None}
    return {"state": entry.state, "retry_count": entry.retries} | ({"metadata": known} if known else {})


def _escalation_stats(state: GatewayState) -> dict[str, Any]:
    counts = {name: sum(entry.state == name for entry in state.escalated.values()) for name in STATES}
    config = {"latency_warning": 500, "healthcheck_interval": 5, "latency_fallback": 1000}
    return {"total": sum(counts.values()), "states": counts, "config": config}


def _routing(asked: Asked, state: GatewayState) -> Page:
    match asked.path.removeprefix("/api/routing/"):
        case "routes":
            ips = [str(info["ip"]) for info in state.registrations.collect()]
            return Page(200, {ip: _route(ip, state) for ip in ips})
        case "stats":
            known = {"local_host_id": state.host_id, "local_subnet": state.subnet, "gateway_count": len(state.gateways)}
            return Page(200, known | {"escalation": _escalation_stats(state)})
        case name if name.startswith("route"):
            ip = asked.query.get("ip")
            return Page(400, {"error": "ip parameter required"}) if ip is None else Page(200, _route(ip, state))
        case _:
            return HTML_404


def _route(ip: str, state: GatewayState) -> dict[str, Any]:
    container = state.registrations.find_by_ip(ip)
    shown = {} if container is None else {"container": _shown(container)}
    if ip.startswith(state.subnet.rpartition(".")[0] + ".") or (container or {}).get("hostId") == state.host_id:
        return {"type": "local", "state": "LOCAL", "target": ip, **shown}
    at = state.escalated.get(ip, Escalated("GATEWAY_ONLY")).state
    if at == "P2P_ACTIVE":
        return {"type": "p2p", "state": at, "target": ip, **shown}
    target = state.gateways.get(str((container or {}).get("hostId", "")))
    return {"type": "gateway", "state": at, **({} if target is None else {"target": target}), **shown}
