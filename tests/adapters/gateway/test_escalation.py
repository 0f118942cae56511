"""Escalation and routes: what is made of the API's answers, and what the lab's gateway does as the real one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.errors import ActionFailed, HostError
from adapters.gateway.action import HttpResponse
from adapters.gateway.escalation import Escalation, OneEscalation, ReadEscalation, ReadEscalations, ResetEscalation
from adapters.gateway.routing import ReadRoutes, Route, Routes
from tests.adapters.gateway.conftest import Connect
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import Escalated

AT = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)
IP = "10.87.2.10"


def page(said: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, json.dumps(said) + "\n", date=AT)


STATS = page({"total": 1, "states": {"P2P_ATTEMPTING": 1, "P2P_ACTIVE": 0}, "config": {}})


def state(name: str = "P2P_ATTEMPTING", **more: Any) -> dict[str, Any]:
    return {"state": name, "retry_count": 0, **more}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param({}, (), id="none"),
        pytest.param([], (), id="an empty table as a list"),
        pytest.param(
            {IP: state(metadata={"target_gateway": "10.100.2.1", "attempt_started": AT.timestamp() - 600.5})},
            (Escalation(ip=IP, state="P2P_ATTEMPTING", target="10.100.2.1", attempting=timedelta(seconds=600.5)),),
            id="an attempt",
        ),
        pytest.param({IP: state()}, (Escalation(ip=IP, state="P2P_ATTEMPTING"),), id="an attempt of unknown age"),
        pytest.param({IP: state(metadata=None)}, (Escalation(ip=IP, state="P2P_ATTEMPTING"),), id="no metadata"),
        pytest.param(
            {IP: state(metadata={"attempt_started": AT.timestamp() + 5})},
            (Escalation(ip=IP, state="P2P_ATTEMPTING", attempting=timedelta()),),
            id="an attempt in the future",
        ),
        pytest.param({"any text": state("P2P_ACTIVE")}, (Escalation(ip="any text", state="P2P_ACTIVE"),), id="any text"),
    ],
)
def test_the_states_of_all_addresses(states: Any, expected: tuple[Escalation, ...]) -> None:
    said = ReadEscalations().parse((page(states), STATS))
    assert (said.addresses, dict(said.counts)) == (expected, {"P2P_ATTEMPTING": 1, "P2P_ACTIVE": 0})


@pytest.mark.parametrize(
    "states",
    [
        {IP: {"state": "P2P"}},
        {IP: {}},
        {IP: state(metadata="x")},
        {IP: state(metadata={"attempt_started": 1e300})},
        {IP: state(metadata={"attempt_started": -1e300})},
        {"x" * 300: state()},
        "x",
        None,
    ],
)
def test_states_that_cannot_be_read_are_not_none(states: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        ReadEscalations().parse((page(states), STATS))


@pytest.mark.parametrize("wrong", ["10.100.2.10", "10.87.2", "10.87.2.10 ", "10.88.0.1", "web", "", "10.87.2.10&x=1", "::1"])
def test_an_address_outside_the_containers_is_never_sent(wrong: str) -> None:
    with pytest.raises(ValidationError):
        ResetEscalation(ip=wrong)


def test_an_address_travels_as_a_query_parameter() -> None:
    (request,) = ResetEscalation(ip=IP).build_requests()
    assert (request.method, request.path, dict(request.query)) == ("POST", "/api/escalation/reset", {"ip": IP})


async def test_a_reset_ends_an_attempt_that_never_ends_by_itself(connect: Connect, server: GatewayServer) -> None:
    server.state.escalated[IP] = Escalated("P2P_ATTEMPTING", server.state.now().timestamp(), "10.100.2.1")
    server.state.elapse(3600)
    connection = connect()
    (seen,) = (await connection.perform(ReadEscalations())).addresses
    assert seen.attempting is not None
    assert timedelta(minutes=59) < seen.attempting < timedelta(minutes=61)
    assert await connection.perform(ResetEscalation(ip=IP)) == OneEscalation(state="GATEWAY_ONLY")
    assert await connection.perform(ReadEscalation(ip=IP)) == OneEscalation(state="GATEWAY_ONLY")
    assert (await connection.perform(ReadEscalations())).addresses == ()


@pytest.mark.parametrize(
    "answer",
    [
        page({"success": True, "ip": "10.87.2.11", "state": "GATEWAY_ONLY"}),
        page({"success": False, "ip": IP, "state": "GATEWAY_ONLY"}),
        page({"error": "method not allowed"}, 405),
    ],
)
def test_a_reset_that_was_not_done(answer: HttpResponse) -> None:
    with pytest.raises(ActionFailed):
        ResetEscalation(ip=IP).parse((answer,))


async def test_routes_of_a_gateway(connect: Connect, server: GatewayServer) -> None:
    for number, host in ((1, 1), (2, 2), (3, 9)):
        server.state.registrations.register({"id": f"web-{number}", "ip": f"10.87.{host}.10", "hostId": host})
    assert await connect().perform(ReadRoutes()) == Routes(
        routes=(
            Route(ip="10.87.1.10", type="local", target="10.87.1.10", state="LOCAL"),
            Route(ip="10.87.2.10", type="gateway", target="10.100.2.1", state="GATEWAY_ONLY"),
            Route(ip="10.87.9.10", type="gateway", state="GATEWAY_ONLY"),
        ),
        host_id=1,
        subnet="10.87.1.0/24",
        gateways=2,
    )


async def test_reading_routes_makes_the_gateway_attempt_nothing(connect: Connect, server: GatewayServer) -> None:
    server.state.registrations.register({"id": "web-2", "ip": "10.87.2.10", "hostId": 2})
    await connect().perform(ReadRoutes())
    assert server.state.escalated == {}


@pytest.mark.parametrize(
    ("routes", "stats"),
    [
        pytest.param(page([{"type": "local"}]), page({}), id="a list"),
        pytest.param(page({"a": {"type": "magic"}}), page({}), id="an unknown type"),
        pytest.param(page({}), page({"local_host_id": 300}), id="a host that cannot be"),
    ],
)
def test_routes_that_cannot_be_read(routes: HttpResponse, stats: HttpResponse) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        ReadRoutes().parse((routes, stats))


def test_routes_that_are_forbidden() -> None:
    with pytest.raises(HostError):
        ReadRoutes().parse((HttpResponse(403, "<html>"), page({})))
