"""What is made of the API's answers: its quirks, and what a broken gateway says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.errors import DeadlineExceeded, HostError
from adapters.gateway.action import HttpResponse
from adapters.gateway.api import GatewaySystem, Problem, ReadSystem, Status, Sync
from adapters.phrase import Phrase
from tests.adapters.gateway.conftest import Connect
from tests.lab.faults import Fault
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import Lua

OK = HttpResponse(200, "text/plain; charset=utf-8", "OK")
ERROR_PAGE = HttpResponse(500, "text/html; charset=utf-8", "<html><center><h1>500</h1></center></html>\r\n")
FORBIDDEN = HttpResponse(403, "text/html; charset=utf-8", "<html><center><h1>403 Forbidden</h1></center></html>\r\n")
LATE = DeadlineExceeded(Phrase("too late"))


def body(**fields: Any) -> HttpResponse:
    return HttpResponse(200, "application/json", json.dumps(fields).replace("/", "\\/") + "\n")


SYNC = body(host_id=1, peer_count=1, peers=["http://10.100.2.1:8080"], local_containers=4)
STATUS = body(status="running", stage="4", registry={"count": 3, "capacity": 10485760})
WELL = GatewaySystem(
    healthy=True,
    sync=Sync(host_id=1, peers=("http://10.100.2.1:8080",), local_containers=4),
    status=Status(containers=3, stage="4"),
)


def read(
    health: HttpResponse | HostError = OK, sync: HttpResponse | HostError = SYNC, status: HttpResponse | HostError = STATUS
) -> GatewaySystem:
    return ReadSystem().parse((health, sync, status))


def test_a_healthy_gateway() -> None:
    assert read() == WELL


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(HttpResponse(200, "text/plain", "OK\n"), True, id="a line end"),
        pytest.param(HttpResponse(200, "text/plain", " OK "), True, id="white space"),
        pytest.param(HttpResponse(200, "text/plain", "ok"), False, id="another word"),
        pytest.param(HttpResponse(200, "text/html", "<html>OK</html>"), False, id="a page"),
        pytest.param(HttpResponse(200, "text/plain", ""), False, id="nothing"),
        pytest.param(HttpResponse(302, "text/html", ""), Problem, id="a redirect"),
        pytest.param(HttpResponse(404, "text/html", ""), Problem, id="not found"),
        pytest.param(ERROR_PAGE, Problem, id="an error page"),
        pytest.param(LATE, Problem, id="no answer"),
    ],
)
def test_health_is_ok_and_nothing_else(answer: HttpResponse | HostError, expected: bool | type[Problem]) -> None:
    system = read(health=answer)
    assert expected in (system.healthy, type(system.healthy))
    assert (WELL.sync, WELL.status) == (system.sync, system.status)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(body(host_id=1, peers={}), Sync(host_id=1, peers=()), id="{} for no peers"),
        pytest.param(body(host_id=1, peers=[]), Sync(host_id=1, peers=()), id="[] for no peers"),
        pytest.param(body(host_id="1", peers={}), Sync(host_id=1, peers=()), id="host_id as text"),
        pytest.param(body(peers={}, peer_count=0), Sync(host_id=None, peers=()), id="Lua's start failed"),
        pytest.param(body(host_id="one", peers={}), Problem, id="host_id a word"),
        pytest.param(body(host_id=255, peers={}), Problem, id="host_id that no host has"),
        pytest.param(body(host_id=1), Problem, id="no peers at all"),
        pytest.param(body(host_id=1, peers={"a": "b"}), Problem, id="peers an object"),
        pytest.param(body(host_id=1, peers=["x" * 300]), Problem, id="a peer without end"),
        pytest.param(body(host_id=1, peers=["http://10.100.2.1:8080"] * 300), Problem, id="too many peers"),
        pytest.param(HttpResponse(200, "application/json", "[]"), Problem, id="a list"),
        pytest.param(HttpResponse(200, "application/json", "[" * 10_000), Problem, id="deep"),
        pytest.param(HttpResponse(200, "application/json", ""), Problem, id="nothing"),
        pytest.param(HttpResponse(200, "text/html", "<html></html>"), Problem, id="a page"),
        pytest.param(ERROR_PAGE, Problem, id="an error page"),
        pytest.param(LATE, Problem, id="no answer"),
    ],
)
def test_the_state_of_synchronisation(answer: HttpResponse | HostError, expected: Sync | type[Problem]) -> None:
    system = read(sync=answer)
    assert expected in (system.sync, type(system.sync))
    assert (True, WELL.status) == (system.healthy, system.status)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(body(registry={"count": 0}), Status(containers=0), id="no stage"),
        pytest.param(body(registry={}, stage="4"), Status(containers=None, stage="4"), id="no count"),
        pytest.param(body(status="running"), Problem, id="no registry"),
        pytest.param(body(registry={"count": "many"}), Problem, id="a count that is none"),
        pytest.param(ERROR_PAGE, Problem, id="an error page"),
        pytest.param(LATE, Problem, id="no answer"),
    ],
)
def test_the_status(answer: HttpResponse | HostError, expected: Status | type[Problem]) -> None:
    system = read(status=answer)
    assert expected in (system.status, type(system.status))
    assert (True, WELL.sync) == (system.healthy, system.sync)


def test_an_address_that_is_not_allowed_is_told_from_a_gateway_that_is_ill() -> None:
    system = read(sync=FORBIDDEN, status=ERROR_PAGE)
    assert isinstance(system.sync, Problem)
    assert isinstance(system.status, Problem)
    assert (True, True, False) == (system.healthy, system.sync.forbidden, system.status.forbidden)


def test_a_failure_keeps_its_own_words() -> None:
    assert Problem(phrase=LATE.phrase) == read(health=LATE).healthy


def set_to(**fields: Any) -> Callable[[GatewayServer], None]:
    def change(server: GatewayServer) -> None:
        for name, value in fields.items():
            setattr(server.state, name, value)

    return change


def fault(which: Fault) -> Callable[[GatewayServer], None]:
    return lambda server: setattr(server.wire, "fault", which)


PEERS = ("http://10.100.2.1:8080", "http://10.100.3.1:8080")

LAB: list[tuple[str, Callable[[GatewayServer], None], dict[str, object]]] = [
    ("healthy", set_to(), {"healthy": True, "sync": Sync(host_id=1, peers=PEERS, local_containers=2)}),
    ("host id as text", set_to(host_id_as_text=True), {"sync": Sync(host_id=1, peers=PEERS, local_containers=2)}),
    ("no peers", set_to(peers=[]), {"sync": Sync(host_id=1, peers=(), local_containers=2)}),
    (
        "start failed",
        set_to(lua=Lua.INIT_FAILED),
        {"healthy": True, "sync": Sync(host_id=None, peers=(), local_containers=2)},
    ),
    ("Lua broken", set_to(lua=Lua.BROKEN), {"healthy": True, "sync": Problem, "status": Problem}),
    ("foreign address", set_to(foreign=True), {"healthy": True, "sync": Problem, "status": Problem}),
    ("credentials refused", fault(Fault.AUTHENTICATION), {"healthy": True, "sync": Problem, "status": Problem}),
    ("another host", fault(Fault.IDENTITY), {"sync": Sync(host_id=2, peers=PEERS, local_containers=2)}),
    ("another page", set_to(health="<html>"), {"healthy": False}),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in LAB], ids=[case[0] for case in LAB])
async def test_the_system_of_a_lab_gateway(
    change: Callable[[GatewayServer], None], expected: dict[str, object], connect: Connect, server: GatewayServer
) -> None:
    change(server)
    system = await connect().perform(ReadSystem())
    for name, part in expected.items():
        value = getattr(system, name)
        assert part in (value, type(value))
